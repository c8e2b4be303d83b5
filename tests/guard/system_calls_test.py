"""System calls per request of a whole predictd over its in-process cache, as strace counts them."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "programs")]
import predictd_export  # noqa: E402
from server import Server  # noqa: E402

REQUESTS = 20000
USERS = 100
FEATURES = [f"f{i}" for i in range(14)]
# Per request; README.md says where it is from.
BOUND = 0.6
CANNOT_COUNT = 77


def make_stores(folder):
    predictd_export.export(torch.nn.Linear(len(FEATURES), 1), torch.zeros(1, len(FEATURES)),
                           folder / "models", "m", features=FEATURES, say=lambda line: None)
    columns = ", ".join(f"{name} REAL" for name in FEATURES)
    with contextlib.closing(sqlite3.connect(folder / "features.db")) as table, table:
        table.execute(f"CREATE TABLE user_features (user_id TEXT PRIMARY KEY, {columns})")
        table.executemany(
            f"INSERT INTO user_features VALUES (?{', ?' * len(FEATURES)})",
            ([str(user), *range(len(FEATURES))] for user in range(1, USERS + 1)))


def drive(server, requests):
    result = server.predict("bench", f"--requests={requests}", "--concurrency=64", "--warmup=0",
                            f"--user_range=1:{USERS}", "--timeout=30s", "--json")
    if result.returncode:
        sys.exit(f"predict bench failed:\n{result.stdout}{result.stderr}")
    codes = json.loads(result.stdout)["codes"]
    if codes != {"OK": requests}:
        sys.exit(f"predict bench was answered {codes}")


@contextlib.contextmanager
def counted(pid, summary):
    """strace on a running process, while it lasts."""
    strace = subprocess.Popen(["strace", "-c", "-f", "-p", str(pid), "-o", summary],
                              stderr=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"})
    said = ""
    while "attached" not in said:
        line = strace.stderr.readline()
        if not line:
            strace.wait()
            print(f"nothing was counted, strace says:\n{said}")
            sys.exit(CANNOT_COUNT if "not permitted" in said else 1)
        said += line
    try:
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=60)


def main():
    if not shutil.which("strace"):
        sys.exit("strace is not installed; scripts/setup installs it")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_stores(folder)
        # One loop and one worker, however many processors there are.
        server = Server(folder / "models",
                        flags=(f"--feature_source=sqlite:{folder}/features.db",
                               "--local_cache_ttl=1h", "--event_loops=1", "--workers=1"))
        try:
            subprocess.run([os.environ["PREDICT"], "wait", f"--server={server.address}"],
                           check=True, stdout=subprocess.DEVNULL)
            drive(server, 10 * USERS)
            with counted(server.process.pid, folder / "summary"):
                drive(server, REQUESTS)
        finally:
            server.stop()
        summary = (folder / "summary").read_text()
    calls = int(re.search(r"(\d+) +(?:\d+ +)?total$", summary, re.MULTILINE)[1])
    per_request = calls / REQUESTS
    print(f"{per_request:.3f} system calls per request, the bound is {BOUND}\n{summary}")
    return 0 if 0 < per_request <= BOUND else "above the bound"


if __name__ == "__main__":
    sys.exit(main())
