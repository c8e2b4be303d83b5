"""A recommender: how well an item suits a user. Most of it is embedding tables, 50 MB in all.

Serves tensors only: three INT64 inputs (user, item, the user's latest items) and one of FP32.
"""

import torch
from torch import nn

USERS, ITEMS, WIDTH = 100_000, 90_000, 64
HISTORY, DENSE = 20, 16


class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.width = WIDTH
        self.user = nn.Embedding(USERS, WIDTH)
        self.item = nn.Embedding(ITEMS, WIDTH)
        self.tower = nn.Sequential(
            nn.Linear(2 * WIDTH + DENSE, 128), nn.ReLU(), nn.Linear(128, WIDTH))

    def forward(self, user_id, item_id, history, dense):
        # 0 stands for "no item" where a user has seen fewer.
        seen = (history > 0).unsqueeze(-1).float()
        taste = (self.item(history) * seen).sum(1) / seen.sum(1).clamp(min=1)
        user_vector = self.tower(torch.cat([self.user(user_id), taste, dense], 1))
        score = torch.sigmoid((user_vector * self.item(item_id)).sum(1, keepdim=True) / self.width)
        return score, user_vector


def make():
    """The module with random weights, and eight rows of input."""
    torch.manual_seed(1)
    module = Wide()
    rows = 8
    return module, (torch.randint(USERS, (rows,)), torch.randint(ITEMS, (rows,)),
                    torch.randint(ITEMS, (rows, HISTORY)), torch.randn(rows, DENSE))


OUTPUTS = ["score", "user_vector"]
