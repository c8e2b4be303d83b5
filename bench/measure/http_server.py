"""An HTTP server under measurement, driven by wrk, with all its processes."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from .paths import ROOT

# wrk takes whole seconds only.
WARM_UP = 1


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def with_children(pid):
    """The process and all below it: workers are children."""
    found = [pid]
    for process in found:
        for children in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def cpu_seconds(pid):
    # utime and stime, behind the name in parentheses.
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class HttpServer:
    """Answers GET /predict/USER_ID on `port`, and /healthz with the worker that answered."""

    def __init__(self, name, command, port, workers, floor):
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.workers = workers
        self.floor = floor
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([str(part) for part in command], stdout=self.log,
                                        stderr=self.log)

    def wait_until_ready(self):
        seen = set()
        while len(seen) < self.workers:
            if self.process.poll() is not None:
                self.log.seek(0)
                sys.exit(f"bench: {self.name} did not start:\n{self.log.read()}")
            try:
                with urllib.request.urlopen(f"{self.url}/healthz") as answer:
                    seen.add(json.load(answer)["worker"])
            except urllib.error.URLError:
                time.sleep(0.1)

    def drive(self, concurrency, seconds):
        self.load(concurrency, WARM_UP)
        pids = with_children(self.process.pid)
        before = [cpu_seconds(pid) for pid in pids]
        figures = self.load(concurrency, max(1, round(seconds)))
        cpu = [cpu_seconds(pid) - earlier for pid, earlier in zip(pids, before)]
        # Workers that accept on one socket need not share evenly.
        return {"rps": figures["requests"] / figures["seconds"], "p50": figures["p50"],
                "p99": figures["p99"], "cpu": sum(cpu) / figures["requests"] * 1e6,
                "busiest": max(cpu) / sum(cpu)}

    def load(self, concurrency, seconds):
        result = subprocess.run(
            ["wrk", "-t1", f"-c{concurrency}", f"-d{seconds}s", "-s",
             ROOT / "bench" / "peers" / "users.lua", self.url],
            check=True, capture_output=True, text=True)
        figures = json.loads(result.stdout.splitlines()[-1])
        if figures["failed"]:
            sys.exit(f"bench: {self.name} failed {figures['failed']} of {figures['requests']}")
        return figures

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
