"""What the peers in Python share: data, initial weights, recipes and the report.

Usage of each peer: python PEER.py DATA INITIAL.npz MODE SEED THREADS

MODE is `speed` (six epochs of plain SGD at rate 0.1; the first is the warm-up) or `race` (the recipe `fast`
of fused-mlp, until 98 % of the test data are right). After each epoch a peer prints a line: the
seconds of the epoch, with shuffling and without evaluation, and the accuracy on the test data.
"""

import math
import os
import pathlib
import sys
import time

DATA, INITIAL, MODE, SEED, THREADS = sys.argv[1:6]
SEED, THREADS = int(SEED), int(THREADS)
# Before any of the libraries is imported.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(THREADS)

import numpy as np  # noqa: E402

BATCH = 100
EPOCHS = {"speed": 6, "race": 4}[MODE]
BASE_RATE = {"speed": 0.1, "race": 1.4}[MODE]
MOMENTUM = {"speed": 0.0, "race": 0.9}[MODE]
DECAY = {"speed": 0.0, "race": 0.00003}[MODE]
WARM_UP_STEPS = 120
TARGET = 0.98


def idx(name, header):
    return np.frombuffer((pathlib.Path(DATA) / name).read_bytes(), np.uint8)[header:]


def split(name):
    """Images as f32 [N, 784] in 0..1, and labels."""
    images = idx(f"{name}-images-idx3-ubyte", 16).reshape(-1, 784).astype(np.float32)
    images *= np.float32(1 / 255)
    return images, idx(f"{name}-labels-idx1-ubyte", 8)


def initial_weights():
    """W [784, 300], b, V [300, 10] and c."""
    with np.load(INITIAL) as arrays:
        names = ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias")
        return [arrays[name] for name in names]


def rates(samples):
    """The learning rate of each step, f32."""
    steps = EPOCHS * (samples // BATCH)
    step = np.arange(steps)
    if MODE == "speed":
        return np.full(steps, BASE_RATE, np.float32)
    cosine = BASE_RATE * 0.5 * (1 + np.cos(math.pi * step / steps))
    return (cosine * np.minimum(1, (step + 1) / WARM_UP_STEPS)).astype(np.float32)


def run(samples, train_epoch, accuracy):
    """Calls `train_epoch(order, rates of its steps)` and `accuracy()` for each epoch."""
    generator = np.random.default_rng(SEED)
    for epoch_rates in rates(samples).reshape(EPOCHS, -1):
        start = time.perf_counter()
        train_epoch(generator.permutation(samples).astype(np.int32), epoch_rates)
        seconds = time.perf_counter() - start
        reached = accuracy()
        print(f"epoch {seconds:.6f} {reached:.4f}", flush=True)
        if MODE == "race" and reached >= TARGET:
            return
