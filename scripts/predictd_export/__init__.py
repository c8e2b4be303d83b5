"""Publishes a PyTorch module in the form predictd serves: a model file and signature.json.

This folder is free to copy into a training project; it needs nothing but torch. Works with torch
1.13 and newer, AOTInductor packages with 2.6 and newer. `scripts/export` is the same from a shell.

The module is given what the server is given, so whatever turns raw features into the network's
input (scaling, say) belongs inside it, as buffers. Inputs and outputs are tensors with the batch
first, and it treats every row of a batch alone.
"""

import contextlib
import json
import pathlib

import torch

from . import signature as signatures
from .model_file import write_model
from .publish import publish
from .tensors import check_rows, compare, free_dimensions, run, sample_of

__all__ = ["export"]


def export(module, example, models, name, *, version=None, features=(), defaults=None, golden=None,
           input_names=None, output_names=None, free=None, file_format="torchscript",
           method="auto", tolerance=1e-4, say=print):
    """Writes MODELS/NAME/VERSION so that it appears complete or not at all; returns its path.

    module        a torch.nn.Module (or a torch.jit one); run in eval mode, on the CPU, and
                  afterwards as it was
    example       its input, or a tuple of inputs: one row or more of what it will see
    version       a positive integer; None is the next free one. A version that exists is never
                  overwritten, as a server may be serving it
    features      names of the columns of the only input; empty if the model serves tensors only
    defaults      feature name -> value used where a user has none; may leave features out, and
                  requests that miss those are refused
    golden        rows of features whose outputs, as the module gives them now, the server must
                  reproduce within `tolerance` before it publishes the version; None is the first
                  rows of the example. Models without features have none
    input_names   default: the parameters of the module's forward
    output_names  default: "output", or "output_0", "output_1", ...
    free          input name -> dimensions that may have any size beside the batch's, which always
                  may: {"tokens": [1]}
    file_format   "torchscript", or "aoti": an AOTInductor package compiled for this processor
    method        of TorchScript: "script", "trace", or "auto", which traces what cannot be scripted
    tolerance     largest difference between the module and what is published, absolute below 1 and
                  relative above
    say           called with each line that tells what was done
    """
    examples = example if isinstance(example, (tuple, list)) else (example,)
    examples = tuple(tensor.detach().cpu() for tensor in examples)
    input_names = signatures.tensor_names(
        "input", input_names or signatures.argument_names(module)[:len(examples)], len(examples))
    free = free_dimensions(free or {}, input_names, examples)
    defaults = defaults or {}
    signatures.check_features(features, defaults, examples)
    with _as_served(module), torch.no_grad():
        samples = [sample_of(examples, free, rows, rows - 1) for rows in (1, 2, 3)] + [examples]
        wanted = [run(module, sample) for sample in samples]
        count = len(wanted[0])
        output_names = signatures.tensor_names(
            "output", output_names or signatures.default_output_names(count), count)
        check_rows(module, samples[2], wanted[2], output_names, tolerance)
        # By two sizes of everything that is free.
        signature = {
            "inputs": signatures.describe(input_names, samples[1], samples[2]),
            "outputs": signatures.describe(output_names, wanted[1], wanted[2]),
            "features": [signatures.describe_feature(name, defaults) for name in features],
            "golden": signatures.golden_cases(module, features, golden, examples[0], tolerance),
        }

        def write(draft):
            published = write_model(module, samples[1], free, file_format, method, draft, say)
            for sample, want in zip(samples, wanted):
                compare(want, run(published, sample), tolerance, output_names,
                        f"what was exported and the module, for {len(sample[0])} rows")
            (draft / "signature.json").write_text(json.dumps(signature, indent=1) + "\n",
                                                  encoding="utf-8")

        return publish(write, pathlib.Path(models), name, version)


@contextlib.contextmanager
def _as_served(module):
    """In eval mode and on the CPU; then each part as it was, with the tensors that it had."""
    # Not a copy: modules with computed weights, such as weight_norm's, have none.
    before = [(part, part.training, list(part.named_buffers(recurse=False)),
               [(parameter, parameter.data) for parameter in part.parameters(recurse=False)])
              for part in module.modules()]
    try:
        module.cpu().eval()
        yield
    finally:
        for part, training, buffers, parameters in before:
            part.training = training
            for name, buffer in buffers:
                setattr(part, name, buffer)
            for parameter, data in parameters:
                parameter.data = data
