#!/usr/bin/python3
"""Trains a small network that says how likely a customer is to leave, and publishes it.

    train.py --models=DIR [--version=N]     writes DIR/churn/N (default: the next free version)

Deterministic for a given torch and processor; a few seconds on one core.
"""

import argparse
import pathlib
import sys
import time

import numpy
import torch
from torch import nn

import churn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import predictd_export  # noqa: E402

# Chosen by cross-validation within the training customers.
WIDTH, EPOCHS, BATCH_ROWS = 128, 80, 64
LEARNING_RATE, WEIGHT_DECAY, DROPOUT = 5e-3, 0.1, 0.3


class Churn(nn.Module):
    """Raw features in, probability out: the scaling travels with the weights."""

    def __init__(self, mean, deviation):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.layers = nn.Sequential(
            nn.Linear(len(mean), WIDTH), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(WIDTH, WIDTH // 2), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(WIDTH // 2, 1))

    def logit(self, features):
        return self.layers((features - self.mean) / self.deviation)

    def forward(self, features):
        return torch.sigmoid(self.logit(features))


def train(rows, churned):
    torch.manual_seed(1)
    module = Churn(rows.mean(0), rows.std(0))
    optimizer = torch.optim.AdamW(module.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, epochs=EPOCHS, steps_per_epoch=-(-len(rows) // BATCH_ROWS))
    loss = nn.BCEWithLogitsLoss()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(rows)).split(BATCH_ROWS):
            optimizer.zero_grad()
            loss(module.logit(rows[batch]), churned[batch]).backward()
            optimizer.step()
            schedule.step()
    return module.eval()


def accuracy(module, rows, churned):
    with torch.no_grad():
        return ((module(rows) > 0.5) == (churned > 0.5)).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", required=True, help="model repository, made if missing")
    parser.add_argument("--version", type=int, help="default: the next free one")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the network is too small to gain from more

    names, rows, churned = churn.read()
    rows = torch.tensor(rows, dtype=torch.float32)
    churned = torch.tensor(churned, dtype=torch.float32)[:, None]
    test = torch.from_numpy(churn.held_out(len(rows)))
    print(f"training: {(~test).sum()} customers, {len(names)} features, torch {torch.__version__}")
    start = time.monotonic()
    module = train(rows[~test], churned[~test])
    print(f"trained in {time.monotonic() - start:.1f} s; accuracy on the {test.sum()} held out: "
          f"{accuracy(module, rows[test], churned[test]):.1%} "
          f"(always 'stays': {1 - churned[test].mean().item():.1%})")

    medians = numpy.median(rows[~test].numpy(), axis=0)
    path = predictd_export.export(
        module, rows[test][:64], arguments.models, "churn", version=arguments.version,
        features=names, defaults=dict(zip(names, medians.tolist())),
        output_names=["churn_probability"])
    print(f"published {path}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"train.py: {error}")
