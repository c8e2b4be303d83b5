"""What a server's surroundings rely on: signals, and the metrics that alerts name."""

import pathlib
import re
import signal
import tempfile
import time
import unittest
import urllib.request

from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]


class ServerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        version = self.folder / "models" / "m" / "1"
        version.mkdir(parents=True)
        (version / "model.pt").write_text("nothing of the kind", encoding="utf-8")

    def server(self, *flags, **options):
        server = Server(self.folder / "models", flags=flags, **options)
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        return server

    def test_each_signal_that_asks_for_the_end_drains(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            server = self.server()
            server.stop(number)
            self.assertEqual(server.process.returncode, 0, number)

    def test_a_hang_up_that_nohup_has_ignored_does_not_end_it(self):
        server = self.server(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        self.assertEqual(server.predict("models").returncode, 0)
        self.assertIsNone(server.process.poll())

    def test_the_metrics_of_the_alerts_exist(self):
        server = self.server("--http_listen=127.0.0.1:0")
        address = server.process.stdout.readline().split()[2]
        server.versions()
        with urllib.request.urlopen(f"http://{address}/metrics") as page:
            there = set(re.findall(r"^# TYPE (\S+)", page.read().decode(), re.MULTILINE))
        alerts = (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
        named = {name.removesuffix("_bucket") for name in re.findall(r"predictd_\w+", alerts)}
        self.assertGreater(len(named), 5)
        self.assertEqual(named - there, set())


if __name__ == "__main__":
    unittest.main()
