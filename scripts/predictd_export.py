"""Publishes a PyTorch module in the form predictd serves: model.pt and signature.json.

Free to copy into a training project; it needs nothing but torch. Works with torch 1.13 and newer.

The module is given what the server is given, so whatever turns raw features into the network's
input (scaling, say) belongs inside it, as buffers. It must treat every row of a batch alone.
"""

import inspect
import json
import math
import os
import pathlib
import shutil
import struct

import torch

DATATYPES = {
    torch.bool: "BOOL", torch.int8: "INT8", torch.uint8: "UINT8", torch.int16: "INT16",
    torch.int32: "INT32", torch.int64: "INT64", torch.float16: "FP16", torch.bfloat16: "BF16",
    torch.float32: "FP32", torch.float64: "FP64",
}


def export(module, example, features, defaults, output_names, directory, model, version=None,
           golden_rows=(), tolerance=1e-4):
    """Writes DIRECTORY/MODEL/VERSION so that it appears complete or not at all; returns its path.

    module        traced in eval mode; returns a tensor, or a tuple of them, batch first
    example       its input, or a tuple of inputs, with at least two rows
    features      names of the columns of the first input; empty if the model serves tensors only
    defaults      feature name -> value used where a user has none; may leave features out, and
                  requests that miss those are refused
    output_names  one name per output tensor
    version       a positive integer; None is the next free one. A version that exists is never
                  overwritten, as a server may be serving it
    golden_rows   rows of features whose outputs the server must reproduce, within `tolerance`,
                  before it publishes the version
    """
    examples = tuple(example) if isinstance(example, (tuple, list)) else (example,)
    features = list(features)
    if features and examples[0].shape[1:] != (len(features),):
        raise ValueError(f"the first input has shape {tuple(examples[0].shape)}, which does not fit "
                         f"{len(features)} features")
    unknown = sorted(set(defaults) - set(features))
    if unknown:
        raise ValueError(f"defaults for what is no feature: {', '.join(unknown)}")

    module.eval()
    with torch.no_grad():
        traced = torch.jit.trace(module, examples, check_trace=False)
        _check(module, traced, examples, tolerance)
        outputs = _tensors(module(*examples))
        if len(outputs) != len(output_names):
            raise ValueError(f"{len(outputs)} outputs, but {len(output_names)} output names")
        signature = {
            "inputs": _describe(_argument_names(module), examples),
            "outputs": _describe(output_names, outputs),
            "features": [_feature(name, defaults) for name in features],
            "golden": [_golden(module, row, examples[0].dtype, tolerance) for row in golden_rows],
        }
    return _publish(traced, signature, pathlib.Path(directory) / model, version)


def _check(module, traced, examples, tolerance):
    """A trace that fixed the batch size, or took one branch of several, shows at another size."""
    for rows in {1, len(examples[0])}:
        inputs = tuple(tensor[:rows] for tensor in examples)
        for want, got in zip(_tensors(module(*inputs)), _tensors(traced(*inputs))):
            if want.shape != got.shape or len(got) != rows or not torch.allclose(
                    want.double(), got.double(), rtol=0, atol=tolerance):
                raise ValueError(f"the traced module differs from the module at batch size {rows}")


def _tensors(result):
    return result if isinstance(result, (tuple, list)) else (result,)


def _argument_names(module):
    return [name for name in inspect.signature(module.forward).parameters]


def _describe(names, tensors):
    return [{"name": name, "datatype": DATATYPES[tensor.dtype], "shape": [-1, *tensor.shape[1:]]}
            for name, tensor in zip(names, tensors)]


def _feature(name, defaults):
    if name not in defaults:
        return {"name": name}
    return {"name": name, "default_value": _finite(defaults[name])}


def _golden(module, row, dtype, tolerance):
    batch = torch.tensor([[float(value) for value in row]], dtype=dtype)
    outputs = [float(value) for tensor in _tensors(module(batch)) for value in tensor.flatten()]
    return {"features": [_finite(value) for value in row],
            "outputs": [_finite(value) for value in outputs], "tolerance": tolerance}


def _finite(value):
    """The shortest decimal that a float32, which is what a signature holds, reads back unchanged."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    decimals = (float(f"{value:.{digits}g}") for digits in range(1, 10))
    return next(short for short in decimals if struct.pack("f", short) == struct.pack("f", value))


def _publish(traced, signature, versions, version):
    versions.mkdir(parents=True, exist_ok=True)
    if version is None:
        taken = [int(path.name) for path in versions.iterdir() if path.name.isdigit()]
        version = max(taken, default=0) + 1
    final = versions / str(version)
    if final.exists():
        raise FileExistsError(f"{final} exists; publish a new version instead")
    # A name that is no number is no version to the server, and a rename on the same file system is
    # one step: it sees nothing or all.
    draft = versions / f".{version}.{os.getpid()}"
    draft.mkdir()
    try:
        torch.jit.save(traced, str(draft / "model.pt"))
        (draft / "signature.json").write_text(json.dumps(signature, indent=1) + "\n",
                                              encoding="utf-8")
        draft.rename(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return final
