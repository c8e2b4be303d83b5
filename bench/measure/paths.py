"""Where things lie."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "release"
PYTHON = "/usr/bin/python3"  # Debian's, which has torch
