"""A network that takes so many milliseconds per row on this machine, on one thread.

A row of 16 features becomes 64 positions that go through layers of matrix products. Those are large
enough to use the processor fully for a single row, so a batch of n rows takes n times as long, and
batching gains nothing: what a heavy model does to a server.
"""

import time

import torch
from torch import nn

FEATURES, POSITIONS, WIDTH = 16, 64, 256


class Slow(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.width = WIDTH
        self.spread = nn.Linear(FEATURES, POSITIONS * WIDTH)
        self.layers = nn.ModuleList(nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH),
                                                  nn.ReLU()) for _ in range(layers))
        self.score = nn.Linear(WIDTH, 1)

    def forward(self, features):
        x = self.spread(features).view(features.size(0), -1, self.width)
        for layer in self.layers:
            x = x + layer(x)
        return torch.sigmoid(self.score(x.mean(1)))


def row_ms(module):
    """Of a single row. Other programs make it longer, never shorter, hence the fast tenth."""
    row = torch.randn(1, FEATURES)
    scripted = torch.jit.freeze(torch.jit.script(module.eval()))
    times = []
    with torch.no_grad():
        for _ in range(60):
            start = time.perf_counter()
            scripted(row)
            times.append((time.perf_counter() - start) * 1e3)
    return sorted(times)[len(times) // 10]


def make(milliseconds=5.0):
    """The module with random weights and as many layers as the time takes, and rows of input."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    few, many = 4, 36
    per_layer = (row_ms(Slow(many)) - row_ms(Slow(few))) / (many - few)
    module = Slow(max(1, round(milliseconds / per_layer)))
    return module, torch.randn(8, FEATURES)


NAMES = [f"f{i}" for i in range(FEATURES)]
