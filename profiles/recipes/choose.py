#!/usr/bin/env python3
"""Accuracy along the way, for a recipe and sets of options: on 10,000 training samples that are held out.

    profiles/recipes/choose.py RECIPE FIRST LAST OPTIONS...  > choice.csv

Trains the recipe with each of the sets of options, from each of the seeds, two at a time on a thread each,
and writes the accuracies at the places where a target is looked for. Run it where `fused-mlp` is on the PATH, from
the top of the repository.
"""

import concurrent.futures
import csv
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

HELD_OUT = 10_000
DATA = pathlib.Path("data/mnist")


def hold_out(folder):
    """Writes a data set whose test samples are training samples, drawn once and for all."""
    images = (DATA / "train-images-idx3-ubyte").read_bytes()[16:]
    labels = (DATA / "train-labels-idx1-ubyte").read_bytes()[8:]
    order = list(range(len(labels)))
    random.Random(7).shuffle(order)
    for name, chosen in ("t10k", order[:HELD_OUT]), ("train", order[HELD_OUT:]):
        header = struct.pack(">IIII", 2051, len(chosen), 28, 28)
        rows = b"".join(images[784 * i : 784 * (i + 1)] for i in chosen)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(header + rows)
        rows = bytes(labels[i] for i in chosen)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, len(chosen)) + rows)


def train(data, recipe, options, seed):
    with tempfile.TemporaryDirectory() as folder:
        # A target that is out of reach is looked for to the end.
        command = ["fused-mlp", "train", "--recipe", recipe, "--data", data, "--threads", "1", "--json", "--seed"]
        command += [str(seed), "--out", f"{folder}/run", "--target-accuracy", "0.9999", *options.split()]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    events = [json.loads(line) for line in run.stdout.splitlines()]
    scores = [event for event in events if event["event"] == "score"]
    if not scores:
        raise SystemExit(f"{options}: {run.stderr}")
    return [(options, seed, score["epoch"], score["accuracy"]) for score in scores]


def main():
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    recipe, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    jobs = [(options, seed) for seed in range(first, last + 1) for options in sys.argv[4:]]
    with tempfile.TemporaryDirectory() as data, concurrent.futures.ThreadPoolExecutor(2) as pool:
        hold_out(pathlib.Path(data))
        runs = pool.map(lambda job: train(data, recipe, *job), jobs)
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["options", "seed", "epoch", "accuracy"])
        writer.writerows(row for run in runs for row in run)


if __name__ == "__main__":
    main()
