"""What benches/peers/run does without measuring: python benches/peers/test.py"""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import re
import sys
import tempfile
import types
import unittest

FILE = str(pathlib.Path(__file__).with_name("run"))
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("run", FILE)
run = importlib.util.module_from_spec(importlib.util.spec_from_loader("run", loader))
loader.exec_module(run)


def everyone():
    return run.peers(types.SimpleNamespace(environment=pathlib.Path("none"), program=pathlib.Path("none")))


def names(*words):
    return [peer.name for peer in run.chosen(everyone(), words)]


class Names(unittest.TestCase):
    def test_beginnings_in_any_case_choose_and_fused_mlp_is_always_there(self):
        own = ["fused-mlp, f32", "fused-mlp, int16"]
        self.assertEqual(names("fused-mlp"), own)
        self.assertEqual(names("pytorch"), [*own, "PyTorch, compiled", "PyTorch, eager"])
        self.assertEqual(names("PyTorch, eager"), [*own, "PyTorch, eager"])
        self.assertEqual(names("c"), [*own, "C, OpenBLAS"])
        self.assertEqual(names("ca", "JAX"), [*own, "JAX", "candle"])
        self.assertEqual(len(names()), len(everyone()))

    def test_a_wrong_name_lists_the_names(self):
        for word in ("tensorflow", ""):
            with self.assertRaises(SystemExit) as failure:
                names("jax", word)
            for peer in everyone():
                self.assertIn(peer.name, failure.exception.code)


class Results(unittest.TestCase):
    def test_each_run_has_a_folder_of_its_own(self):
        with tempfile.TemporaryDirectory() as name:
            run.RESULTS = pathlib.Path(name)
            self.assertEqual(run.results_folder(True).name, "results-1")
            self.assertEqual(run.results_folder(False).name, "results-1")
            for number in (2, 10):
                (run.RESULTS / f"results-{number}").mkdir()
            self.assertEqual(run.results_folder(True).name, "results-11")
            self.assertEqual(run.results_folder(False).name, "results-10")


class Picture(unittest.TestCase):
    def test_each_panel_is_sorted_and_says_what_is_better(self):
        def record(name, speed, seconds, lines):
            return {"peer": name, "epochs_per_second": speed, "seconds_to_98": seconds, "bytes": 1e6 * speed, "lines": lines}

        svg = run.report.picture([record("burn", 1.0, None, 9), record("fused-mlp", 4.0, 0.5, None)])
        names = re.findall(">(burn|fused-mlp|more is|less is|fewer is)", svg)
        panels = "more is,fused-mlp,burn,less is,fused-mlp,burn,less is,burn,fused-mlp,fewer is,burn,fused-mlp"
        self.assertEqual(",".join(names), panels)
        self.assertIn("not reached", svg)
        self.assertIn("prefers-color-scheme: dark", svg)


class Processes(unittest.TestCase):
    def outcome(self, program):
        """Rows and messages of a peer that is this program in Python."""
        peer = run.Peer("peer", None, "npz", [sys.executable, "-c", program])
        options = types.SimpleNamespace(threads=1, data="none")
        with contextlib.redirect_stderr(io.StringIO()) as messages:
            rows = run.run_once(peer, "speed", 1, options, pathlib.Path("none"))
        return rows, messages.getvalue()

    def test_a_process_that_says_nothing_is_stopped(self):
        limit, run.LIMIT = run.LIMIT, 1
        try:
            rows, messages = self.outcome("import time; time.sleep(600)")
        finally:
            run.LIMIT = limit
        self.assertEqual((rows, messages), ([], "peer, speed: stopped after 1 s\n"))

    def test_epochs_are_read_and_failures_told(self):
        rows, messages = self.outcome("print('epoch 0.5 0.25')")
        self.assertEqual((rows[0]["seconds"], rows[0]["accuracy"], messages), ("0.500000", "0.2500", ""))
        self.assertIn("failed: SystemError: no", self.outcome("raise SystemError('no')")[1])
        self.assertIn("failed: exit code 3", self.outcome("raise SystemExit(3)")[1])


if __name__ == "__main__":
    unittest.main()
