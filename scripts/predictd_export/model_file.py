"""The model file: TorchScript, scripted or traced, or an AOTInductor package."""

import contextlib
import inspect
import warnings

import torch

from .tensors import copies

MAX_BATCH = 1 << 20


def write_model(module, sample, free, file_format, method, draft, say):
    """Writes the file and returns what it holds, as something to call."""
    if file_format == "aoti":
        return _compile(module, sample, free, draft / "model.pt2", say)
    if file_format != "torchscript":
        raise ValueError(f"format '{file_format}' is none of: torchscript, aoti")
    path = str(draft / "model.pt")
    torch.jit.save(_torchscript(module, sample, method, say), path)
    return torch.jit.load(path)


def _torchscript(module, sample, method, say):
    if isinstance(module, torch.jit.ScriptModule):
        return module
    if method not in ("auto", "script", "trace"):
        raise ValueError(f"method '{method}' is none of: auto, script, trace")
    why = None
    if method != "trace":
        try:
            scripted = torch.jit.script(module)
            say("scripted: branches and loops are kept")
            return scripted
        except Exception as error:  # torch raises a dozen kinds for code that it cannot compile
            why = _first_line(error)
            if method == "script":
                raise ValueError(f"cannot be scripted: {why}") from error
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        traced = torch.jit.trace(module, copies(sample), check_trace=False)
    fixed = [str(warning.message).split(". ")[0].splitlines()[0] for warning in caught
             if issubclass(warning.category, torch.jit.TracerWarning)]
    if fixed and method == "auto":
        raise ValueError(f"cannot be scripted ({why}), and a trace would fix what depends on the "
                         f"example ({fixed[0]}); change forward so that it can be scripted, or "
                         f"accept that with method trace")
    say("traced: the steps taken for the example" + (f" (not scripted: {why})" if why else ""))
    return traced


def _compile(module, sample, free, path, say):
    inductor = getattr(torch, "_inductor", None)
    if not hasattr(torch, "export") or not hasattr(inductor, "aoti_compile_and_package"):
        raise ValueError(f"AOTInductor packages need torch 2.6 or newer, not {torch.__version__}; "
                         f"export TorchScript")
    if isinstance(module, torch.jit.ScriptModule):
        raise ValueError("AOTInductor packages are made from a torch.nn.Module, not TorchScript")
    # Without a largest size torch.export refuses what it cannot prove for all of 64 bits.
    batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    shapes = tuple({0: batch, **{dimension: torch.export.Dim.AUTO for dimension in dimensions}}
                   for dimensions in free)
    try:
        with _one_thread():
            exported = torch.export.export(
                module, copies(sample), dynamic_shapes=(shapes,) if _is_variadic(module) else shapes)
            inductor.aoti_compile_and_package(exported, package_path=str(path))
    except ImportError as error:
        raise ValueError(f"AOTInductor cannot start ({error}); install python3-setuptools and "
                         f"g++") from error
    except Exception as error:  # as with scripting
        raise ValueError(f"AOTInductor cannot compile it: {_first_line(error)}") from error
    say("compiled with AOTInductor for this kind of processor, one thread per run")
    return inductor.aoti_load_package(str(path))


def _is_variadic(module):
    """forward(self, *inputs): torch.export then wants the shapes as one argument's."""
    parameters = inspect.signature(module.forward).parameters.values()
    return any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)


def _first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(":") if lines else type(error).__name__


@contextlib.contextmanager
def _one_thread():
    """Packages compiled so leave threads to the server, which runs a batch per worker."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
