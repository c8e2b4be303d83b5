"""A version's folder, which appears complete or not at all."""

import re
import secrets
import shutil

# What the server reads a version's number as.
MAX_VERSION = 2**63 - 1


def publish(write, models, name, version):
    if not name or name.startswith(".") or "/" in name:
        raise ValueError(f"'{name}' cannot be a model's name")
    if version is not None and not 1 <= version <= MAX_VERSION:
        raise ValueError(f"version {version} is none of 1 to {MAX_VERSION}")
    versions = models / name
    if version is not None and (versions / str(version)).exists():
        raise FileExistsError(f"{versions / str(version)} exists; publish a new version instead")
    models.mkdir(parents=True, exist_ok=True)
    # On the same file system, where a rename is one step: the server sees nothing or all. It does
    # not look at names that start with a dot, and a new model's folder is made last, so that it
    # does not see a model without versions. Its name is random: processes in two containers may have
    # the same number.
    draft = (versions if versions.is_dir() else models) / f".{name}.draft.{secrets.token_hex(8)}"
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
    taken = [int(path.name) for path in versions.iterdir()
             if re.fullmatch("[1-9][0-9]{0,18}", path.name)]
    version = max((number for number in taken if number <= MAX_VERSION), default=0) + 1
    if version > MAX_VERSION:
        raise ValueError(f"{versions} has the last version, {MAX_VERSION}; name a smaller one that is "
                         f"free")
    return version
