"""A network with so many megabytes of weights: what a model that is loaded does to the others.

`tables`: nearly all of it embeddings, of which a row reads one line. `dense`: nearly all of it
matrices, which every row goes through: warming up costs much more than loading.
"""

import torch
from torch import nn

FEATURES, WIDTH, EMBEDDED = 16, 1024, 64
FLOATS_PER_MB = (1 << 20) // 4
LAYER_MB = WIDTH * WIDTH // FLOATS_PER_MB


class Heavy(nn.Module):
    def __init__(self, table_mb, dense_mb):
        super().__init__()
        self.lines = table_mb * FLOATS_PER_MB // EMBEDDED
        self.table = nn.Embedding(self.lines, EMBEDDED)
        self.first = nn.Linear(EMBEDDED + FEATURES, WIDTH)
        self.layers = nn.Sequential(*(part for _ in range(dense_mb // LAYER_MB)
                                      for part in (nn.Linear(WIDTH, WIDTH), nn.ReLU())))
        self.score = nn.Linear(WIDTH, 1)

    def forward(self, features):
        line = self.table(features[:, 0].long().abs() % self.lines)
        return torch.sigmoid(self.score(self.layers(self.first(torch.cat([line, features], 1)))))


def make(kind, megabytes):
    torch.manual_seed(1)
    table_mb = megabytes - LAYER_MB if kind == "tables" else LAYER_MB
    return Heavy(table_mb, megabytes - table_mb), torch.randn(8, FEATURES)


NAMES = [f"f{i}" for i in range(FEATURES)]
