"""A server under measurement, driven by `predict bench`."""
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from .paths import BUILD


class BenchFailed(SystemExit):
    """`predict bench` measured nothing. Ends the program where nobody catches it."""


class Server:
    """A server under measurement, with the address it said it listens on. `with` stops it."""

    def __init__(self, name, command, floor="floor", load=(), build=BUILD):
        self.name = name
        self.floor = floor
        self.load = load
        self.build = build
        self.log = tempfile.TemporaryFile("w+")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            listening = re.match(r"listening grpc (\S+)", line)
            if listening:
                self.address = listening[1]
                return
        self.log.seek(0)
        sys.exit(f"bench: {name} did not start:\n{self.log.read()}")

    def wait_until_ready(self):
        """Returns seconds from start to ready."""
        subprocess.run([self.build / "predict", "wait", f"--server={self.address}"], check=True,
                       stdout=subprocess.DEVNULL)
        return time.monotonic() - self.started

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def bench(self, *flags):
        """What `predict bench --json` says. That no request was answered OK is a figure too."""
        result = subprocess.run(
            [self.build / "predict", "bench", f"--server={self.address}",
             f"--server_pid={self.process.pid}", "--json", *flags],
            capture_output=True, text=True, check=False)
        if not result.stdout.startswith("{"):
            raise BenchFailed(f"bench: predict bench failed: {result.stderr}")
        return json.loads(result.stdout)

    def drive(self, concurrency, seconds, *flags):
        return drive(self.name, self.address, concurrency, seconds,
                     f"--server_pid={self.process.pid}", *self.load, *flags)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def drive(name, address, concurrency, seconds, *flags):
    result = subprocess.run(
        [BUILD / "predict", "bench", f"--server={address}", f"--concurrency={concurrency}",
         f"--duration={seconds}s", "--warmup=300ms", "--json", *flags],
        check=True, capture_output=True, text=True)
    figures = json.loads(result.stdout)
    failed = {code: count for code, count in figures["codes"].items() if code != "OK"}
    if failed:
        sys.exit(f"bench: {name} answered {failed}")
    return {"rps": figures["requests_per_second"], "p50": figures["latency_us"]["p50"],
            "p99": figures["latency_us"]["p99"], "cpu": figures.get("server_cpu_us_per_request"),
            "rows": figures["rows_per_second"]}


def medians(samples):
    return {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}
