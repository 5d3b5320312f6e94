"""The Python package against scikit-learn's own MLPClassifier, each run in a fresh process.

    pip install ./src/python
    python benches/peers/scikit_learn.py [--rounds 3] [--threads 2]

Prints medians as a table: seconds of the import, of an epoch, and from the start of the process to 98 % of MNIST's
test data. Both train 784-300-10 with minibatches of 100 and the recipe `fast`: Nesterov's momentum, a rate that
falls along a cosine. scikit-learn has no such schedule, so it is called step by step there; its epochs are calls of
partial_fit with all samples.
"""

import argparse
import importlib.metadata
import json
import math
import os
import statistics
import subprocess
import sys
import time

START = time.perf_counter()
PEERS = {"fused_mlp": "fused-mlp", "sklearn": "scikit-learn"}


def train_fused(data):
    from fused_mlp import MLPClassifier

    (X, y), test = data
    model = MLPClassifier(random_state=1, threads=int(os.environ["OMP_NUM_THREADS"]))
    start = time.perf_counter()
    model.fit(X, y)
    epoch = (time.perf_counter() - start) / model.n_iter_
    return epoch, model.score(*test)


def train_sklearn(data):
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    (X, y), (X_test, y_test) = ((images / np.float32(255), labels) for images, labels in data)
    options = dict(activation="logistic", solver="sgd", batch_size=100, alpha=3e-3, momentum=0.9, random_state=1)
    model = MLPClassifier((300,), **options).partial_fit(X[:100], y[:100], classes=range(10))
    generator, steps = np.random.default_rng(1), 4 * 600
    for step in range(steps):
        if step % 600 == 0:
            order = generator.permutation(len(X))
        batch = order[step % 600 * 100 :][:100]
        rate = 1.4 / 2 * (1 + math.cos(math.pi * step / steps)) * min(1, (step + 1) / 120)
        model._optimizer.learning_rate = rate
        model.partial_fit(X[batch], y[batch])
        accuracy = model.score(X_test, y_test) if step % 600 == 599 else 0
        if accuracy >= 0.98:
            break
    reached = time.perf_counter()
    for _ in range(2):
        model.partial_fit(X, y)
    return (time.perf_counter() - reached) / 2, accuracy, reached


def child(peer):
    start = time.perf_counter()
    __import__("fused_mlp" if peer == "fused_mlp" else "sklearn.neural_network")
    imported = time.perf_counter() - start
    # The data are read the same way for both.
    from fused_mlp import load_mnist

    epoch, accuracy, *reached = {"fused_mlp": train_fused, "sklearn": train_sklearn}[peer](load_mnist())
    seconds = (reached[0] if reached else time.perf_counter()) - START
    assert accuracy >= 0.98, f"{peer}: {accuracy}"
    print(json.dumps({"import": imported, "epoch": epoch, "seconds": seconds, "accuracy": accuracy}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(options.threads))
    runs = {peer: [] for peer in PEERS}
    for _ in range(options.rounds):
        for peer in PEERS:
            command = [sys.executable, __file__, "--child", peer]
            output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
            runs[peer].append(json.loads(output))
    print("| | import, s | epoch, s | to 98 %, s | accuracy | installed, MB |\n| --- | --- | --- | --- | --- | --- |")
    for peer, package in PEERS.items():
        median = {key: statistics.median(run[key] for run in runs[peer]) for key in runs[peer][0]}
        files = importlib.metadata.files(package) or []
        size = sum(file.size or 0 for file in files) / 1e6
        version = importlib.metadata.version(package)
        print(
            f"| {package} {version} | {median['import']:.2f} | {median['epoch']:.3f} | {median['seconds']:.2f} "
            f"| {median['accuracy']:.2%} | {size:.1f} |"
        )


main()
