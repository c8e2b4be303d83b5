"""The client's commands as a shell sees them: output, order, exit status."""

import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import torch
from torch import nn

from server import Server, free_address

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import predictd_export  # noqa: E402

USERS = 5000


class Sum(nn.Module):
    def forward(self, features):
        return features.sum(1, keepdim=True)


class PredictTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        for _ in range(2):
            predictd_export.export(Sum(), torch.randn(4, 2), cls.folder / "models", "m",
                                   features=["a", "b"], defaults={"b": 0}, say=lambda line: None)
        table = sqlite3.connect(cls.folder / "features.db")
        table.execute("CREATE TABLE user_features (user_id INTEGER PRIMARY KEY, a REAL, b REAL)")
        table.executemany("INSERT INTO user_features VALUES (?, ?, 0.5)",
                          ((user, user) for user in range(USERS)))
        table.commit()
        table.close()
        cls.server = Server(cls.folder / "models",
                            flags=(f"--feature_source=sqlite:{cls.folder / 'features.db'}",
                                   f"--save_to=sqlite:{cls.folder / 'saved.db'}"))
        cls.addClassCleanup(cls.server.stop)
        cls.server.versions()

    def run_ok(self, *words, **options):
        done = self.server.predict(*words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def fails(self, status, message, *words, **options):
        done = self.server.predict(*words, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(message, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_a_batch_answers_in_the_order_of_its_lines(self):
        out = self.run_ok("batch", "--batch_rows=100", input="\n".join(map(str, range(USERS))))
        rows = [line.split(",") for line in out.splitlines()[1:]]
        self.assertEqual([(int(user), float(value)) for user, value, _, _ in rows],
                         [(user, user + 0.5) for user in range(USERS)])

    def test_a_row_of_a_batch_that_fails_is_named_and_the_status_is_1(self):
        ids = self.folder / "ids"
        ids.write_text("1\nnobody\n2\n", encoding="utf-8")
        done = self.server.predict("batch", str(ids))
        self.assertEqual(done.returncode, 1)
        self.assertIn("2 of 3 users predicted by m/2", done.stderr)
        self.assertIn("NOT_FOUND: user 'nobody' is unknown", done.stdout.splitlines()[2])

    def test_what_was_saved_is_what_was_answered(self):
        answer = json.loads(self.run_ok("7", "--set=b=3", "--json"))
        saved = json.loads(self.run_ok("saved", answer["prediction_id"], "--json"))
        self.assertEqual(saved["outputs"], answer["outputs"])
        self.assertEqual(saved["user_id"], "7")
        self.assertIn("saved as", self.run_ok("7"))
        self.fails(1, "NOT_FOUND", "saved", "01a22907-5646-7050-870c-4c3a19f64c37")

    def test_versions_are_loaded_and_unloaded(self):
        self.assertIn("UNLOADED", self.run_ok("unload", "m/1"))
        self.assertIn("READY", self.run_ok("load", "m/1"))
        self.fails(1, "NOT_FOUND", "load", "m/9")
        self.fails(2, "m/", "unload", "m/x/y")

    def test_health_is_the_exit_status(self):
        self.assertEqual(self.run_ok("health"), "SERVING\n")
        self.assertIn("serves after", self.run_ok("wait", "m"))
        self.fails(1, "unknown service 'other'", "health", "other")
        self.fails(1, "no server at", "health", f"--server={free_address()}")

    def test_what_is_wrong_with_the_words_is_status_2(self):
        self.fails(2, "there is no flag --jsn", "models", "--jsn")
        self.fails(2, "a time needs a unit", "1", "--timeout=5")
        self.fails(2, "is no command", "predict", "1")
        self.fails(2, "pass a file of user ids", "batch", str(self.folder / "none"))
        for words in (["batch"], ["health"], ["wait"], ["features", "put"]):
            self.fails(2, "omit --json", *words, "--json", stdin=subprocess.DEVNULL)

    def test_an_answer_that_cannot_be_written_is_a_failure(self):
        for words in (["1"], ["1", "--json"], ["models"], ["health"], ["features", "get", "1"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                self.fails(1, "cannot write all of the answer to stdout", *words, stdout=full)

    def test_rows_of_many_columns_fit_into_their_calls(self):
        columns = 1500
        table = self.folder / "wide.db"
        sqlite3.connect(table).close()
        models = self.folder / "no_models"
        models.mkdir()
        server = Server(models, flags=(f"--feature_source=sqlite:{table}",))
        self.addCleanup(server.stop)
        lines = [",".join(["user_id", *(f"c{i}" for i in range(columns))])]
        lines += [",".join([str(user), *["0.1"] * columns]) for user in range(600)]
        done = server.predict("features", "put", "--timeout=60s", input="\n".join(lines))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("600 of 600 rows written", done.stderr)


if __name__ == "__main__":
    unittest.main()
