"""scripts/export and the module behind it: what lies in the repository afterwards, and what not."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import torch
from torch import nn

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))
import predictd_export  # noqa: E402
from predictd_export.publish import publish  # noqa: E402


class Ranker(nn.Module):
    """Several inputs of several types; outputs of rank 1, 2 and 3, one as long as its tokens."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(10, 4)
        self.dense = nn.Linear(3, 4)

    def forward(self, user_id, tokens, dense, member):
        words = self.words(tokens)
        score = (words.mean(1) * self.dense(dense)).sum(1, keepdim=True)
        return torch.where(member[:, None], score, -score), words, user_id + 1


class Churn(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, features):
        return torch.sigmoid(self.layer(features))


class Variadic(nn.Module):
    """Cannot be scripted; a trace is as good."""

    def forward(self, *parts):
        return parts[0] + parts[1]


class Branching(nn.Module):
    """Cannot be scripted, and a trace knows one of the branches only."""

    def forward(self, *parts):
        return parts[0] if len(parts[0]) > 2 else parts[0] * 1


class Centred(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


class InPlace(nn.Module):
    def forward(self, x):
        return x.mul_(2).add_(1)


def ranker_input(rows=4):
    return (torch.arange(rows), torch.randint(10, (rows, 5)), torch.randn(rows, 3),
            torch.arange(rows) % 2 == 0)


class ExportTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.models = pathlib.Path(folder.name) / "models"
        self.said = []

    def export(self, module, example, name="m", **options):
        return predictd_export.export(module, example, self.models, name, say=self.said.append,
                                      **options)

    def refused(self, pattern, *arguments, **options):
        with self.assertRaisesRegex(ValueError, pattern):
            self.export(*arguments, **options)
        visible = [path for path in self.models.rglob("*")] if self.models.exists() else []
        self.assertEqual(visible, [])

    def signature(self, path):
        return json.loads((path / "signature.json").read_text(encoding="utf-8"))

    def test_several_inputs_of_several_types(self):
        path = self.export(Ranker(), ranker_input(), free={"tokens": [1]},
                           output_names=["score", "words", "next"])
        signature = self.signature(path)
        self.assertEqual(
            [(t["name"], t["datatype"], t["shape"]) for t in signature["inputs"]],
            [("user_id", "INT64", [-1]), ("tokens", "INT64", [-1, -1]), ("dense", "FP32", [-1, 3]),
             ("member", "BOOL", [-1])])
        self.assertEqual(
            [(t["name"], t["datatype"], t["shape"]) for t in signature["outputs"]],
            [("score", "FP32", [-1, 1]), ("words", "FP32", [-1, -1, 4]), ("next", "INT64", [-1])])
        self.assertEqual((signature["features"], signature["golden"]), ([], []))

    def test_what_is_published_answers_as_the_module_does(self):
        module = Ranker()
        published = torch.jit.load(str(self.export(module, ranker_input()) / "model.pt"))
        inputs = ranker_input(rows=9)
        for want, got in zip(module(*inputs), published(*inputs)):
            torch.testing.assert_close(want, got)

    def test_features_have_defaults_and_golden_cases_of_the_module_itself(self):
        module = Churn()
        example = torch.randn(8, 2)
        signature = self.signature(self.export(module, example, features=["age", "hours"],
                                               defaults={"age": 30.1}))
        self.assertEqual(signature["features"],
                         [{"name": "age", "default_value": 30.1}, {"name": "hours"}])
        self.assertEqual(len(signature["golden"]), 5)
        for row, golden in zip(example, signature["golden"]):
            self.assertEqual(torch.tensor(golden["features"]).tolist(), row.tolist())
            self.assertAlmostEqual(golden["outputs"][0], module(row[None]).item(), places=6)
            self.assertGreater(golden["tolerance"], 0)

    def test_a_number_that_is_no_float32_becomes_the_one_nearest_to_it(self):
        # The one nearest to nine of its digits is another.
        double = 1.7480274438858034e-05
        signature = self.signature(self.export(Churn(), torch.randn(8, 2), features=["age", "hours"],
                                               defaults={"age": double}, tolerance=double))
        for written in (signature["features"][0]["default_value"],
                        signature["golden"][0]["tolerance"]):
            self.assertEqual(torch.tensor(written), torch.tensor(double))

    def test_a_version_is_the_next_free_one_and_never_replaced(self):
        example = torch.randn(2, 2)
        self.assertEqual(self.export(Churn(), example).name, "1")
        self.assertEqual(self.export(Churn(), example, version=7).name, "7")
        self.assertEqual(self.export(Churn(), example).name, "8")
        with self.assertRaisesRegex(FileExistsError, "publish a new version"):
            self.export(Churn(), example, version=7)

    def test_a_version_is_one_that_the_server_reads(self):
        example = torch.randn(2, 2)
        self.refused("is none of 1 to 9223372036854775807", Churn(), example, version=2**63)
        for name in (str(2**63), "٣", "0012"):
            (self.models / "m" / name).mkdir(parents=True)
        self.assertEqual(self.export(Churn(), example).name, "1")
        self.export(Churn(), example, version=2**63 - 1)
        with self.assertRaisesRegex(ValueError, "has the last version"):
            self.export(Churn(), example)

    def test_processes_of_one_number_do_not_meet(self):
        drafts = []

        def write(draft):
            drafts.append(draft)
            if len(drafts) == 1:
                publish(write, self.models, "m", None)

        self.models.mkdir()
        self.assertEqual(publish(write, self.models, "m", None).name, "2")
        self.assertEqual(len(set(drafts)), 2)

    def test_a_module_that_works_in_place_is_published_and_leaves_the_example_as_it_was(self):
        for method in ("script", "trace"):
            example = torch.randn(4, 2)
            before = example.clone()
            path = self.export(InPlace(), example, method, method=method)
            self.assertTrue(torch.equal(example, before))
            published = torch.jit.load(str(path / "model.pt"))
            torch.testing.assert_close(published(example.clone()), before * 2 + 1)

    def test_the_module_is_afterwards_as_it_was(self):
        module = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(), nn.utils.weight_norm(nn.Linear(2, 1)))
        module[1].eval()
        for given in (module, torch.jit.script(nn.BatchNorm1d(2))):
            modes = [part.training for part in given.modules()]
            state = {name: tensor.data_ptr() for name, tensor in given.state_dict().items()}
            self.export(given, torch.randn(4, 2), input_names=["x"])
            self.assertEqual([part.training for part in given.modules()], modes)
            self.assertEqual(state, {name: tensor.data_ptr()
                                     for name, tensor in given.state_dict().items()})
        centred = Centred().train()
        with self.assertRaises(ValueError):
            self.export(centred, torch.randn(4, 2))
        self.assertTrue(centred.training)

    def test_an_interrupted_export_leaves_nothing(self):
        save = torch.jit.save
        seen = []

        def interrupt(module, path):
            save(module, path)
            seen.extend(self.models.iterdir())
            raise KeyboardInterrupt

        torch.jit.save = interrupt
        self.addCleanup(setattr, torch.jit, "save", save)
        with self.assertRaises(KeyboardInterrupt):
            self.export(Churn(), torch.randn(2, 2))
        # The server does not look at names that start with a dot.
        self.assertEqual([path.name[0] for path in seen], ["."])
        self.assertEqual(list(self.models.iterdir()), [])

    def test_what_cannot_be_scripted_is_traced_and_said_so(self):
        self.export(Churn(), torch.randn(2, 2))
        self.assertIn("scripted", self.said[0])
        self.export(Variadic(), (torch.randn(2, 2), torch.randn(2, 2)), input_names=["a", "b"])
        self.assertRegex(self.said[1], "^traced.*not scripted: ")

    def test_a_trace_that_would_fix_a_branch_is_refused(self):
        self.refused("method trace", Branching(), torch.randn(4, 2), input_names=["x"])

    def test_rows_that_see_each_other_are_refused(self):
        self.refused("treat every row alone", Centred(), torch.randn(4, 2))

    def test_what_does_not_fit_together_is_refused(self):
        example = torch.randn(4, 2)
        self.refused("does not fit 1 features", Churn(), example, features=["age"])
        self.refused("no feature: years", Churn(), example, features=["age", "hours"],
                     defaults={"years": 1})
        self.refused("1e.39 is not a finite float32", Churn(), example, features=["age", "hours"],
                     defaults={"age": 1e39})
        self.refused("2 different names", Variadic(), (example, example), input_names=["a"])
        self.refused("no dimension 2", Churn(), example, free={"features": [2]})
        self.refused("cannot be scripted", Variadic(), (example, example), method="script",
                     input_names=["a", "b"])
        self.refused("cannot be a model's name", Churn(), example, name="../m")

    def test_an_aotinductor_package_has_the_same_signature(self):
        module, example, free = Ranker(), ranker_input(), {"tokens": [1]}
        try:
            path = self.export(module, example, free=free, file_format="aoti")
        except ValueError as error:
            if "need torch 2.6" in str(error) or "python3-setuptools" in str(error):
                self.skipTest(str(error))
            raise
        self.assertTrue((path / "model.pt2").exists())
        self.assertFalse((path / "model.pt").exists())
        self.assertEqual(self.signature(path),
                         self.signature(self.export(module, example, "scripted", free=free)))

    def test_the_command(self):
        code = self.models.parent / "churn.py"
        code.write_text("import torch\nclass Churn(torch.nn.Linear):\n"
                        "    def __init__(self):\n        super().__init__(2, 1)\n")
        weights = torch.nn.Linear(2, 1).state_dict()
        torch.save(weights, self.models.parent / "churn.pt")

        def run(*words):
            return subprocess.run([str(SCRIPTS / "export"), *words, f"--models={self.models}",
                                   "--name=churn"], capture_output=True, text=True, check=False)

        made = run(f"{code}:Churn", f"--weights={self.models.parent / 'churn.pt'}",
                   "--features=age,hours", "--defaults=age=30,hours=-0.5", "--outputs=logit")
        self.assertEqual(made.returncode, 0, made.stderr)
        version = self.models / "churn" / "1"
        self.assertIn(f"published {version}", made.stdout)
        self.assertEqual(self.signature(version)["features"][1],
                         {"name": "hours", "default_value": -0.5})
        self.assertEqual(self.signature(version)["outputs"][0]["name"], "logit")
        module = torch.jit.load(str(version / "model.pt"))
        torch.testing.assert_close(module.weight, weights["weight"])

        def with_weights(content):
            file = self.models.parent / f"{len(list(self.models.parent.iterdir()))}.pt"
            if isinstance(content, bytes):
                file.write_bytes(content)
            else:
                torch.save(content, file)
            return f"{code}:Churn", "--features=a,b", f"--weights={file}"

        for words, message in ((("churn.txt",), "write FILE.py:NAME"),
                               ((f"{code}:Churm", "--features=a,b"), "has no 'Churm'"),
                               ((f"{code}:Churn",), "pass --example"),
                               ((f"{code}:Churn", "--example=x:FLOAT[2]"), "types are BOOL"),
                               (with_weights(b""), "holds no state_dict"),
                               (with_weights(b"no such file"), "holds no state_dict"),
                               (with_weights(nn.Linear(2, 1)), "it is a Linear"),
                               (with_weights({"w": torch.ones(1)}), "does not fit")):
            wrong = run(*words)
            self.assertEqual(wrong.returncode, 2)
            self.assertIn(message, wrong.stderr)
            self.assertEqual(wrong.stderr.count("\n"), 1, wrong.stderr)


if __name__ == "__main__":
    unittest.main()
