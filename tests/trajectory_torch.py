"""One epoch of fused-mlp and of PyTorch from the same weights, in the order of the files.

Usage: python trajectory_torch.py PROGRAM [RECIPE...]

Recipes are `plain` (SGD) and `fast` (Nesterov's momentum, decay of the weights alone, warm-up, cosine).
The loss of each of the 600 minibatches and every parameter at the end must agree to 1e-4.
"""

import csv
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

MNIST = pathlib.Path(__file__).parent.parent / "data" / "mnist"
TOLERANCE = 1e-4
BATCH = 100
# Options of fused-mlp, and momentum and decay of PyTorch; the rates are those of steps.csv.
RECIPES = {
    "plain": (
        "--learning-rate 0.1 --schedule constant --warm-up 0 --momentum 0 --weight-decay 0",
        {"momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
    ),
    "fast": (
        "--learning-rate 1.4 --schedule cosine --warm-up 0.2 --momentum 0.9 --nesterov true "
        "--weight-decay 0.00003",
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.00003},
    ),
}


def idx(name, header):
    return np.frombuffer((MNIST / name).read_bytes(), np.uint8)[header:]


def initial_weights():
    generator = np.random.default_rng(1)

    def glorot(rows, columns):
        bound = 2 * (6 / (rows + columns)) ** 0.5
        return generator.uniform(-bound, bound, (rows, columns)).astype(np.float32)

    return {
        "linear1.weight": glorot(784, 300),
        "linear1.bias": np.zeros(300, np.float32),
        "linear2.weight": glorot(300, 10),
        "linear2.bias": np.zeros(10, np.float32),
    }


def by_fused_mlp(program, options, weights, folder):
    save_file(weights, folder / "initial.safetensors")
    command = f"{program} train --no-shuffle --epochs 1 --batch-size {BATCH} --quiet {options}".split()
    command += ["--data", MNIST, "--init", folder / "initial.safetensors", "--out", folder / "run"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with (folder / "run" / "steps.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    rates, losses = ([float(row[name]) for row in rows] for name in ("learning_rate", "loss"))
    return rates, losses, load_file(folder / "run" / "model.safetensors")


def by_torch(rates, settings, weights):
    network = torch.nn.Sequential(
        torch.nn.Linear(784, 300), torch.nn.Sigmoid(), torch.nn.Linear(300, 10)
    )
    names = {"0": "linear1", "2": "linear2"}
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            layer, kind = name.split(".")
            parameter.copy_(torch.from_numpy(weights[f"{names[layer]}.{kind}"].T))
    decay = settings["weight_decay"]
    groups = [
        {"params": [network[0].weight, network[2].weight], "weight_decay": decay},
        {"params": [network[0].bias, network[2].bias], "weight_decay": 0.0},
    ]
    momentum, nesterov = settings["momentum"], settings["nesterov"]
    optimizer = torch.optim.SGD(groups, lr=rates[0], momentum=momentum, nesterov=nesterov)
    images = torch.from_numpy(idx("train-images-idx3-ubyte", 16).reshape(-1, 784).copy())
    labels = torch.from_numpy(idx("train-labels-idx1-ubyte", 8).copy()).long()
    losses = []
    for step, rate in enumerate(rates):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(images[batch] / 255), labels[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    trained = {
        f"{names[name.split('.')[0]]}.{name.split('.')[1]}": parameter.detach().numpy().T
        for name, parameter in network.named_parameters()
    }
    return losses, trained


def main():
    program, *recipes = sys.argv[1:]
    for recipe in recipes or RECIPES:
        options, settings = RECIPES[recipe]
        weights = initial_weights()
        with tempfile.TemporaryDirectory() as folder:
            rates, losses, trained = by_fused_mlp(program, options, weights, pathlib.Path(folder))
        assert len(losses) == 600, len(losses)
        theirs, parameters = by_torch(rates, settings, weights)
        loss = np.abs(np.array(losses) - theirs).max()
        moved = np.abs(trained["linear1.weight"] - weights["linear1.weight"]).max()
        weight = max(np.abs(trained[name] - parameters[name]).max() for name in trained)
        print(
            f"{recipe}: from loss {losses[0]:.4f} to {losses[-1]:.4f}, weights moved by up to {moved:.2f}; "
            f"torch {torch.__version__}: losses within {loss:.1e}, parameters within {weight:.1e}"
        )
        assert loss <= TOLERANCE and weight <= TOLERANCE, (loss, weight)


main()
