"""A version's folder, which appears complete or not at all."""

import os
import shutil


def publish(write, models, name, version):
    if not name or name.startswith(".") or "/" in name:
        raise ValueError(f"'{name}' cannot be a model's name")
    if version is not None and version < 1:
        raise ValueError(f"version {version} is no positive integer")
    versions = models / name
    if version is not None and (versions / str(version)).exists():
        raise FileExistsError(f"{versions / str(version)} exists; publish a new version instead")
    models.mkdir(parents=True, exist_ok=True)
    # On the same file system, where a rename is one step: the server sees nothing or all. It does
    # not look at names that start with a dot, and a new model's folder is made last, so that it
    # does not see a model without versions.
    draft = (versions if versions.is_dir() else models) / f".{name}.draft.{os.getpid()}"
    draft.mkdir()
    try:
        write(draft)
        versions.mkdir(exist_ok=True)
        while True:
            final = versions / str(version or _next_version(versions))
            try:
                draft.rename(final)
                return final
            except OSError:
                # Somebody else took the number meanwhile.
                if version is not None or not final.exists():
                    raise
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _next_version(versions):
    taken = [int(path.name) for path in versions.iterdir() if path.name.isdigit()]
    return max(taken, default=0) + 1
