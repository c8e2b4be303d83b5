"""predict models --watch: on a pipe, on a terminal, across a restart of the server, to its end."""

import os
import pathlib
import pty
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from server import PREDICT, Server, free_address


class Watch:
    """A running watch, and what it has written so far."""

    def __init__(self, address, terminal=False, *words):
        command = [PREDICT, f"--server={address}", "models", "--watch", "--interval=50ms", *words]
        if terminal:
            self.reader, writer = pty.openpty()
        else:
            self.reader, writer = os.pipe()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writer,
                                        stderr=subprocess.STDOUT)
        os.close(writer)
        self.text = ""
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while True:
            try:
                data = os.read(self.reader, 65536)
            except OSError:  # a terminal that nobody writes to any more
                data = b""
            if not data:
                break
            self.text += data.decode()

    def wait_for(self, pattern):
        """Until text that was not there before the call matches."""
        start = len(self.text)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if re.search(pattern, self.text[start:]):
                return
            time.sleep(0.02)
        raise TimeoutError(f"no '{pattern}' in: {self.text[start:]}")

    def end(self, number):
        self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        self.thread.join()
        return status

    def close(self):
        """Leaves nothing behind, whatever became of the test."""
        self.process.kill()
        self.process.wait()
        self.thread.join()
        os.close(self.reader)


class WatchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.models = folder.name
        broken = pathlib.Path(folder.name) / "broken" / "1"
        broken.mkdir(parents=True)
        (broken / "model.pt").write_text("nothing of the kind", encoding="utf-8")
        os.utime(broken / "model.pt", (1, 1))

    def server(self, *arguments):
        server = Server(self.models, *arguments)
        self.addCleanup(server.stop)
        return server

    def watch(self, *arguments):
        watch = Watch(*arguments)
        self.addCleanup(watch.close)
        return watch

    def test_a_restart_is_told_and_survived(self):
        address = free_address()
        server = self.server(address)
        watch = self.watch(address)
        watch.wait_for(r"broken +1 +(LOADING|FAILED)")
        server.stop()
        watch.wait_for(r"no answer since \d\d:\d\d:\d\d, trying again\n\nno server at")
        self.server(address)
        watch.wait_for(r"back since \d\d:\d\d:\d\d, was away since")
        watch.wait_for(r"broken +1 +(LOADING|FAILED)")
        self.assertEqual(watch.end(signal.SIGTERM), 0)

    def test_a_terminal_is_drawn_in_place_and_given_back(self):
        server = self.server()
        watch = self.watch(server.address, True)
        watch.wait_for(r"\x1b\[H(.|\n)*broken(.|\n)*\x1b\[H")
        self.assertEqual(watch.end(signal.SIGINT), 0)
        self.assertTrue(watch.text.endswith("\x1b[?7h\r\n"), repr(watch.text[-40:]))

    def test_a_server_that_hangs_holds_nobody(self):
        server = self.server()
        # The call that hangs would take that long.
        watch = self.watch(server.address, False, "--timeout=60s")
        watch.wait_for("broken")
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        start = time.monotonic()
        self.assertEqual(watch.end(signal.SIGINT), 0)
        self.assertLess(time.monotonic() - start, 20)

    def test_flags(self):
        wrong = subprocess.run([PREDICT, "models", "--watch", "--interval=0"], capture_output=True,
                               text=True, check=False)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("--interval must be above 0", wrong.stderr)


if __name__ == "__main__":
    unittest.main()
