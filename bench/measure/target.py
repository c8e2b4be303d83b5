"""A predictd of any build under measurement, with its metrics.

Unlike the servers that are compared with the floor, its refusals and missed deadlines are figures,
not errors, and what it did inside is read from /metrics.
"""
import re
import resource
import subprocess
import sys
import urllib.request

from .server import Server


def raise_file_limit():
    """As many files as are allowed, for this program and what it starts: connections are files."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Target(Server):
    """Ready once it is made. Of a flag that is given twice the last one counts."""

    def __init__(self, build, *flags):
        super().__init__("predictd", [build / "predictd", "--listen=127.0.0.1:0",
                                      "--http_listen=127.0.0.1:0", *flags], build=build)
        self.http = re.match(r"listening http (\S+)", self.process.stdout.readline())[1]
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def predict(self, *arguments):
        """Runs the command-line client against it; what it prints is thrown away."""
        done = subprocess.run([self.build / "predict", f"--server={self.address}", *arguments],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"bench: predict {arguments[0]} failed: {done.stderr}")

    def metrics(self):
        """Samples by name and labels, as /metrics writes them."""
        with urllib.request.urlopen(f"http://{self.http}/metrics") as page:
            lines = page.read().decode().splitlines()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}


def total(metrics, name, labels=""):
    """The sum of a metric's samples that have these labels among theirs."""
    return sum(value for sample, value in metrics.items()
               if sample.partition("{")[0] == name and labels in sample)
