"""What the export writes is what the server takes: golden cases hold, the outputs are the same."""

import json
import pathlib
import sys
import tempfile
import unittest

import torch
from torch import nn

from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "bench" / "models")]
import predictd_export  # noqa: E402
import slow  # noqa: E402
import wide  # noqa: E402


class Branching(nn.Module):
    """Only a script keeps both branches."""

    def forward(self, features):
        if features.size(0) > 1:
            return features.sum(1, keepdim=True), features * 2
        return features.sum(1, keepdim=True), features + features


class ServedTest(unittest.TestCase):
    def test_exported_models_are_served(self):
        with tempfile.TemporaryDirectory() as models:
            module = Branching()
            predictd_export.export(module, torch.randn(4, 2), models, "branching",
                                   features=["a", "b"], defaults={"b": 3}, say=lambda line: None)
            small, example = slow.make(milliseconds=0.2)
            predictd_export.export(small, example, models, "slow", features=slow.NAMES,
                                   defaults=dict.fromkeys(slow.NAMES, 0.5), say=lambda line: None)
            network, example = wide.make()
            predictd_export.export(network, example, models, "wide", output_names=wide.OUTPUTS,
                                   say=lambda line: None)
            server = Server(models)
            self.addCleanup(server.stop)
            for version in server.versions():
                self.assertEqual(version["state"], "MODEL_STATE_READY", version)

            answer = server.predict("u", "--model=branching", "--set=a=0.25,b=3", "--json")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertEqual(list(json.loads(answer.stdout)["outputs"].values()),
                             [3.25, 0.5, 6], answer.stdout)
            row = ",".join(f"{name}=0.5" for name in slow.NAMES)
            answer = server.predict("u", "--model=slow", f"--set={row}", "--json")
            self.assertAlmostEqual(json.loads(answer.stdout)["outputs"]["output"],
                                   small(torch.full((1, slow.FEATURES), 0.5)).item(), places=4)


if __name__ == "__main__":
    unittest.main()
