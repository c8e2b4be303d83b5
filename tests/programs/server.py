"""predictd as a child process of a test, and the client that asks it."""

import json
import os
import re
import signal
import socket
import subprocess
import time

PREDICTD = os.environ["PREDICTD"]
PREDICT = os.environ["PREDICT"]


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Server:
    def __init__(self, models, address="127.0.0.1:0", flags=("--max_batch=4",), **options):
        self.process = subprocess.Popen(
            [PREDICTD, f"--models={models}", f"--listen={address}", "--http_listen=",
             *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options)
        line = self.process.stdout.readline()
        self.address = re.match(r"listening grpc (\S+)", line)[1]

    def predict(self, *words, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.run([PREDICT, f"--server={self.address}", *words], text=True,
                              check=False, **options)

    def versions(self):
        """What `predict models --json` says once nothing is being loaded any more."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            versions = json.loads(self.predict("models", "--json").stdout).get("models", [])
            moving = {"MODEL_STATE_LOADING", "MODEL_STATE_WARMING"}
            if versions and not moving & {version["state"] for version in versions}:
                return versions
            time.sleep(0.05)
        raise TimeoutError("models are still being loaded after a minute")

    def stop(self, number=signal.SIGTERM):
        """Ends it, where it has not ended already; also one that a test holds with SIGSTOP."""
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait(timeout=60)
        self.process.stdout.close()
