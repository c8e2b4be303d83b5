"""Instructions per request of the line without gRPC and libtorch, as callgrind counts them."""

import os
import re
import shutil
import subprocess
import sys

FEW, MANY = 2000, 12000
# Where the rows are from, flags, and the bound; README.md says where it is from.
CASES = (("in-process cache", (), 7400),
         ("source", ("--source",), 18600))


def instructions(requests, flags):
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         os.environ["CORE_REQUESTS"], str(requests), *flags],
        capture_output=True, text=True, check=False)
    collected = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode or not collected:
        sys.exit(f"callgrind failed:\n{result.stderr}")
    return int(collected[1])


def main():
    if not shutil.which("valgrind"):
        sys.exit("valgrind is not installed; scripts/setup installs it")
    above = []
    for name, flags, bound in CASES:
        # The difference leaves out what starting and warming take.
        more = instructions(MANY, flags) - instructions(FEW, flags)
        per_request = more / (MANY - FEW)
        print(f"{name}: {per_request:.0f} instructions per request, the bound is {bound}")
        if not 0 < per_request <= bound:
            above.append(name)
    return f"above the bound: {', '.join(above)}" if above else 0


if __name__ == "__main__":
    sys.exit(main())
