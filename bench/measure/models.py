"""What is built, trained and exported before anything is measured."""
import subprocess

from .paths import PYTHON, ROOT


def prepare(folder):
    subprocess.run([ROOT / "scripts" / "build", "release", "predictd", "predict", "bench_floor",
                    "bench_sync", "bench_torch_loop"], check=True)
    churn = ROOT / "examples" / "churn"
    subprocess.run([PYTHON, churn / "train.py", "--models", folder / "models"], check=True)
    export_tensor_model(folder)
    subprocess.run([PYTHON, churn / "features.py", "--table", folder / "features.db", "--held_out",
                    folder / "held_out.csv"], check=True)


NETWORK = """
import torch

def make():
    return torch.nn.Sequential(torch.nn.Linear(14, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1),
                               torch.nn.Sigmoid())
"""


def export_tensor_model(folder):
    """A network about as large as the example's, which takes its row from the request."""
    (folder / "network.py").write_text(NETWORK)
    subprocess.run([ROOT / "scripts" / "export", f"{folder}/network.py:make", "--name=tensors",
                    f"--models={folder}/tensors", "--example=x:FP32[14]"], check=True,
                   stdout=subprocess.DEVNULL)
