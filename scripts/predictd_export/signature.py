"""signature.json: names, datatypes and shapes, features with their defaults, golden cases."""

import inspect
import math
import struct

import torch

from .tensors import DATATYPES, run

GOLDEN_CASES = 5


def argument_names(module):
    """Of forward; there may be more of them than inputs, where the last have default values."""
    if isinstance(module, torch.jit.ScriptModule):
        return [argument.name for argument in module.forward.schema.arguments[1:]]
    return list(inspect.signature(module.forward).parameters)


def default_output_names(count):
    return ["output"] if count == 1 else [f"output_{i}" for i in range(count)]


def tensor_names(what, names, count):
    """The names, where there is a different one for each tensor."""
    names = list(names)
    if len(names) != count or len(set(names)) != count:
        raise ValueError(f"the module has {count} {what}s, which need {count} different names, "
                         f"not: {', '.join(names) or 'none'}")
    return names


def check_features(features, defaults, examples):
    if not features and not defaults:
        return
    if len(examples) != 1:
        raise ValueError(f"features need a module with one input; this one has {len(examples)}")
    if tuple(examples[0].shape[1:]) != (len(features),):
        raise ValueError(f"the input has shape {list(examples[0].shape)}, which does not fit "
                         f"{len(features)} features")
    if len(set(features)) != len(features):
        raise ValueError("two features have the same name")
    unknown = sorted(set(defaults) - set(features))
    if unknown:
        raise ValueError(f"defaults for what is no feature: {', '.join(unknown)}; "
                         f"the features are {', '.join(features)}")


def describe(names, small, large):
    """Dimensions that differ between two runs of different sizes are free."""
    return [{"name": name, "datatype": DATATYPES[a.dtype],
             "shape": [size if size == other and i else -1
                       for i, (size, other) in enumerate(zip(a.shape, b.shape))]}
            for name, a, b in zip(names, small, large)]


def describe_feature(name, defaults):
    if name not in defaults:
        return {"name": name}
    return {"name": name, "default_value": _finite(defaults[name])}


def golden_cases(module, features, rows, example, tolerance):
    if not features:
        if rows is not None:
            raise ValueError("golden cases are rows of features; this module has none")
        return []
    rows = example[:GOLDEN_CASES].tolist() if rows is None else rows
    return [_golden(module, row, example.dtype, tolerance) for row in rows]


def _golden(module, row, dtype, tolerance):
    batch = torch.tensor([[float(value) for value in row]]).to(dtype)
    outputs = [float(value) for tensor in run(module, (batch,)) for value in tensor.flatten()]
    # Large numbers differ by more in their last digits.
    largest = max([1.0, *map(abs, outputs)])
    return {"features": [_finite(value) for value in row],
            "outputs": [_finite(value) for value in outputs],
            "tolerance": _finite(tolerance * largest)}


def _finite(value):
    """The shortest decimal that reads back as the float32 that the signature holds."""
    single = _float32(value)
    if not math.isfinite(single):
        raise ValueError(f"{value} is not a finite float32")
    # Nine digits tell any float32 from its neighbours; of what is no float32 itself they may not.
    decimals = (float(f"{single:.{digits}g}") for digits in range(1, 10))
    return next(short for short in decimals if _float32(short) == single)


def _float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]
