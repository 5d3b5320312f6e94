"""The Python package against scikit-learn's own MLPClassifier and against the program, each run in a fresh process.

    cargo build --release
    pip wheel --no-deps --wheel-dir wheels ./src/python scikit-learn
    pip install wheels/*.whl
    python benches/peers/scikit_learn.py --wheels wheels [--rounds 3] [--threads 2] [--only fused_mlp program]

Prints medians as a table: seconds of the import, of an epoch, of `fit` to 98 % of MNIST's test data, and the same from
the start of the process; megabytes of the wheel and of the installed package. All train 784-300-10 with minibatches of
100 and the recipe `fast`: Nesterov's momentum, a rate that falls along a cosine. scikit-learn has no such schedule, so
it is called step by step there; its epochs are calls of partial_fit with all samples. An epoch of the others is a
sixteenth of what a training of 20 takes longer than one of 4, seen from outside. The package and the program
read the same bytes, mapped or read-only, and train the same network.
"""

import argparse
import importlib.metadata
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

START = time.perf_counter()
PEERS = {"fused_mlp": "fused-mlp", "program": "fused-mlp", "sklearn": "scikit-learn"}
ROOT = pathlib.Path(__file__).resolve().parents[2]
# Epochs of two trainings, the first of which reaches 98 %.
FEW, MANY = 4, 20


def train_fused(data):
    from fused_mlp import MLPClassifier

    (X, y), test = data
    seconds = {}
    for epochs in (FEW, MANY):
        model = MLPClassifier(random_state=1, max_iter=epochs, threads=int(os.environ["OMP_NUM_THREADS"]))
        start = time.perf_counter()
        model.fit(X, y)
        seconds[epochs] = time.perf_counter() - start
        if epochs == FEW:
            accuracy, reached = model.score(*test), time.perf_counter()
    return (seconds[MANY] - seconds[FEW]) / (MANY - FEW), seconds[FEW], accuracy, reached


def run_program(options):
    """The same by the program, in a folder that is removed."""
    seconds = {}
    for epochs in (FEW, MANY):
        with tempfile.TemporaryDirectory() as folder:
            command = [options.program, "train", "--json", "--seed", "1", "--threads", str(options.threads)]
            command += ["--epochs", str(epochs), "--data", ROOT / "data" / "mnist", "--out", f"{folder}/run"]
            start = time.perf_counter()
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds[epochs] = time.perf_counter() - start
        end = json.loads(output.splitlines()[-1])
        if epochs == FEW:
            accuracy, fit = end["test_accuracy"], end["train_seconds"]
    epoch = (seconds[MANY] - seconds[FEW]) / (MANY - FEW)
    return {"import": 0, "epoch": epoch, "fit": fit, "seconds": seconds[FEW], "accuracy": accuracy}


def train_sklearn(data):
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    (X, y), (X_test, y_test) = ((images / np.float32(255), labels) for images, labels in data)
    options = dict(activation="logistic", solver="sgd", batch_size=100, alpha=3e-3, momentum=0.9, random_state=1)
    model = MLPClassifier((300,), **options).partial_fit(X[:100], y[:100], classes=range(10))
    generator, steps = np.random.default_rng(1), FEW * 600
    fit = 0.0
    for step in range(steps):
        start = time.perf_counter()
        if step % 600 == 0:
            order = generator.permutation(len(X))
        batch = order[step % 600 * 100 :][:100]
        rate = 1.4 / 2 * (1 + math.cos(math.pi * step / steps)) * min(1, (step + 1) / 120)
        model._optimizer.learning_rate = rate
        model.partial_fit(X[batch], y[batch])
        fit += time.perf_counter() - start
        accuracy = model.score(X_test, y_test) if step % 600 == 599 else 0
        if accuracy >= 0.98:
            break
    reached = time.perf_counter()
    for _ in range(2):
        model.partial_fit(X, y)
    return (time.perf_counter() - reached) / 2, fit, accuracy, reached


def child(peer):
    start = time.perf_counter()
    __import__("fused_mlp" if peer == "fused_mlp" else "sklearn.neural_network")
    imported = time.perf_counter() - start
    # The data are read the same way for both.
    from fused_mlp import load_mnist

    data = load_mnist(ROOT / "data" / "mnist")
    epoch, fit, accuracy, reached = {"fused_mlp": train_fused, "sklearn": train_sklearn}[peer](data)
    seconds = reached - START
    print(json.dumps({"import": imported, "epoch": epoch, "fit": fit, "seconds": seconds, "accuracy": accuracy}))


def megabytes(peer, package, wheels):
    """Of the wheel and of what is installed; unknown ones are empty."""
    if peer == "program":
        return "", ""
    version = importlib.metadata.version(package)
    found = list(wheels.glob(f"{package.replace('-', '_')}-{version}-*.whl")) if wheels else []
    installed = sum(file.size or 0 for file in importlib.metadata.files(package) or [])
    return f"{found[0].stat().st_size / 1e6:.1f}" if found else "", f"{installed / 1e6:.1f}"


def row(peer, runs, wheels):
    median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    package = PEERS[peer]
    name = f"{package} {importlib.metadata.version(package)}" if peer != "program" else "`fused-mlp train`"
    imported = f"{median['import']:.2f}" if median["import"] else ""
    cells = [name, imported, f"{median['epoch']:.3f}", f"{median['fit']:.2f}", f"{median['seconds']:.2f}"]
    return cells + [f"{median['accuracy']:.2%}", *megabytes(peer, package, wheels)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target" / "release" / "fused-mlp")
    parser.add_argument("--wheels", type=pathlib.Path, help="folder of the wheels")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(options.threads))
    runs = {peer: [] for peer in options.only}
    for _ in range(options.rounds):
        for peer in options.only:
            if peer == "program":
                runs[peer].append(run_program(options))
            else:
                command = [sys.executable, __file__, "--child", peer]
                output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
                runs[peer].append(json.loads(output))
            found = runs[peer][-1]
            assert found["accuracy"] >= 0.98, f"{peer}: {found}"
    table = [
        ["", "import, s", "epoch, s", "fit, s", "to 98 %, s", "accuracy", "wheel, MB", "installed, MB"],
        ["---"] * 8,
    ]
    for cells in table + [row(peer, runs[peer], options.wheels) for peer in options.only]:
        print("|", " | ".join(cells), "|")
    if {"fused_mlp", "program"} <= runs.keys():
        shares = [own["epoch"] / its["epoch"] for own, its in zip(runs["fused_mlp"], runs["program"])]
        print(
            f"\nAn epoch of the package takes {statistics.median(shares):.3f} of the program's (median of the rounds)."
        )


main()
