"""Models in the sizes whose cost is measured."""
import subprocess
import sys

import torch
from torch import nn

from .paths import PYTHON, ROOT
from .tables import feature_names

sys.path[:0] = [str(ROOT / "bench" / "models"), str(ROOT / "scripts")]

import predictd_export  # noqa: E402
import slow  # noqa: E402


def example(models):
    subprocess.run([PYTHON, ROOT / "examples" / "churn" / "train.py", "--models", models],
                   check=True, stdout=subprocess.DEVNULL)


def network(models, features, *widths):
    """Layers of these widths and a score on top; returns the number of parameters."""
    torch.manual_seed(1)
    layers = []
    for inputs, outputs in zip((features, *widths), widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    module = nn.Sequential(*layers, nn.Linear(widths[-1], 1), nn.Sigmoid())
    publish(module, torch.randn(4, features), models, "network", feature_names(features))
    return sum(parameter.numel() for parameter in module.parameters())


def slow_network(models, row_ms):
    """The model of bench/models/make: as slow per row in a batch as alone."""
    module, rows = slow.make(row_ms)
    publish(module, rows, models, "slow", slow.NAMES)


def publish(module, rows, models, name, features):
    predictd_export.export(module, rows, models, name, features=features,
                           defaults=dict.fromkeys(features, 0.0), output_names=["score"],
                           say=lambda line: None)
