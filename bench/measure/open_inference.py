"""Any other server of the Open Inference Protocol, started by somebody else."""
from .server import drive


class OpenInferenceServer:
    def __init__(self, name, address, model, inputs, floor):
        self.name = name
        self.floor = floor
        self.address = address
        self.flags = ["--rpc=infer", f"--model={model}", f"--infer_inputs={inputs}"]

    def wait_until_ready(self):
        """It serves before it is measured: its address was given."""

    def drive(self, concurrency, seconds):
        figures = drive(self.name, self.address, concurrency, seconds, *self.flags)
        # Whose processes it has, here or elsewhere, is not known.
        del figures["cpu"]
        return figures

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """It goes on as it was found."""
