"""What both Python peers do with a packed row: take the model's columns out of it, run the model.

Frozen, one thread, inference mode: nothing slower would be a fair comparison.
"""
import numpy
import torch

# Fingerprint and time, before a packed row's values.
HEADER_BYTES = 16


class PackedModel:
    def __init__(self, path, columns, features):
        """Columns are a packed row's names, features the model's, both in order."""
        torch.set_num_threads(1)
        self.module = torch.jit.freeze(torch.jit.load(path).eval())
        self.row_bytes = HEADER_BYTES + 4 * len(columns)
        self.columns = numpy.array([columns.index(name) for name in features])

    def __call__(self, packed):
        if len(packed) != self.row_bytes:
            raise ValueError(f"a packed row of {len(packed)} bytes instead of {self.row_bytes}")
        values = numpy.frombuffer(packed, "<f4", offset=HEADER_BYTES)[self.columns]
        with torch.inference_mode():
            return self.module(torch.from_numpy(values)[None]).flatten().tolist()
