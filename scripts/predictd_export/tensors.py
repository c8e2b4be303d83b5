"""What a module takes and gives: examples of other sizes, runs of it, and comparisons."""

import torch

DATATYPES = {
    torch.bool: "BOOL", torch.int8: "INT8", torch.uint8: "UINT8", torch.int16: "INT16",
    torch.int32: "INT32", torch.int64: "INT64", torch.float16: "FP16", torch.bfloat16: "BF16",
    torch.float32: "FP32", torch.float64: "FP64",
}


def free_dimensions(free, names, examples):
    unknown = sorted(set(free) - set(names))
    if unknown:
        raise ValueError(f"free dimensions of what is no input: {', '.join(unknown)}; "
                         f"the inputs are {', '.join(names)}")
    for name, tensor in zip(names, examples):
        if tensor.dtype not in DATATYPES:
            raise ValueError(f"input '{name}' is {tensor.dtype}, which predictd does not serve")
        if tensor.dim() == 0 or 0 in tensor.shape:
            raise ValueError(f"input '{name}' has shape {list(tensor.shape)}; the example needs a "
                             f"row or more, batch first")
        for dimension in free.get(name, ()):
            if not 0 < dimension < tensor.dim():
                raise ValueError(f"input '{name}' of shape {list(tensor.shape)} has no dimension "
                                 f"{dimension} to be free; 0 is the batch, which always is")
    return [tuple(free.get(name, ())) for name in names]


def sample_of(examples, free, rows, more):
    """The example with so many rows, and free dimensions longer by `more`; values are repeated."""
    sample = []
    for tensor, dimensions in zip(examples, free):
        for dimension in (0, *dimensions):
            old = tensor.shape[dimension]
            new = rows if dimension == 0 else old + more
            tensor = tensor.index_select(dimension, torch.arange(new) % old)
        sample.append(tensor)
    return tuple(sample)


def copies(inputs):
    """For a module that works in place, which would change the caller's."""
    return tuple(tensor.clone() for tensor in inputs)


def run(module, inputs):
    result = module(*copies(inputs))
    result = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    for tensor in result:
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(f"the module returned a {type(tensor).__name__}; it must return a "
                             f"tensor, or a tuple of them")
        if tensor.dtype not in DATATYPES:
            raise ValueError(f"the module returned {tensor.dtype}, which predictd does not serve")
        if tensor.dim() == 0 or len(tensor) != len(inputs[0]):
            raise ValueError(f"the module returned shape {list(tensor.shape)} for "
                             f"{len(inputs[0])} rows; the batch must be the first dimension")
    return result


def compare(want, got, tolerance, names, what):
    for name, a, b in zip(names, want, got):
        if a.shape != b.shape or a.dtype != b.dtype or not torch.allclose(
                a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=True):
            raise ValueError(f"output '{name}' differs between {what}")


def check_rows(module, sample, want, names, tolerance):
    """The server batches rows of many callers and pads them: none may see another."""
    alone = [run(module, tuple(tensor[row:row + 1] for tensor in sample))
             for row in range(len(sample[0]))]
    together = tuple(torch.cat(parts) for parts in zip(*alone))
    compare(want, together, tolerance, names,
            "a row alone and the same row among others; the module must treat every row alone")
