"""Models of fused-mlp in other programs, and theirs in fused-mlp.

Usage: python interchange_python.py PROGRAM MODEL LIBRARY...

Each LIBRARY of numpy, safetensors, jax, onnxruntime and torch opens what `fused-mlp export` writes of
MODEL and runs the 10,000 test images. Probabilities must be those of `fused-mlp eval --predictions` to
1e-5, and every predicted class the same, except where a sample's two largest logits are equal. With
numpy and torch, a model made there is also imported and compared in the same way.
"""

import csv
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

MNIST = pathlib.Path(__file__).parent.parent / "data" / "mnist"
TOLERANCE = 1e-5
LAYERS = ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias")


def idx(name, header):
    return np.frombuffer((MNIST / name).read_bytes(), np.uint8)[header:]


IMAGES = idx("t10k-images-idx3-ubyte", 16).reshape(-1, 784).astype(np.float32) / np.float32(255)


def run(program, *arguments):
    command = [program, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, (command, result.stderr)


def predictions(program, model, folder):
    """Probabilities and classes of the test images by fused-mlp."""
    table = folder / "own.csv"
    run(program, "eval", "--model", model, "--data", MNIST, "--predictions", table)
    with table.open() as lines:
        rows = list(csv.DictReader(lines))
    classes = np.array([int(row["predicted"]) for row in rows])
    own = [[float(row[f"probability_{k}"]) for k in range(10)] for row in rows]
    return np.array(own, np.float32), classes


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def compare(name, logits, probabilities, own):
    logits, probabilities = np.asarray(logits), np.asarray(probabilities)
    assert logits.shape == probabilities.shape == (10_000, 10), (logits.shape, probabilities.shape)
    difference = np.abs(probabilities.astype(np.float64) - own[0]).max()
    two = np.sort(logits, axis=1)[:, -2:]
    others = np.flatnonzero(logits.argmax(axis=1) != own[1])
    ties = [sample for sample in others if two[sample, 0] == two[sample, 1]]
    print(
        f"{name}: probabilities within {difference:.1e}, {len(others)} other classes, "
        f"{len(ties)} of them exact ties; closest logits {np.diff(two).min():.1e} apart",
        flush=True,
    )
    assert difference <= TOLERANCE, difference
    assert len(ties) == len(others), [(int(s), two[s].tolist()) for s in others]


def in_numpy(tensors):
    w, b, v, c = (tensors[name] for name in LAYERS)
    return 1 / (1 + np.exp(-(IMAGES @ w + b))) @ v + c


def numpy_library(export, own):
    with np.load(export("npz")) as tensors:
        logits = in_numpy(tensors)
        compare("numpy, .npz", logits, softmax(logits), own)
        w = tensors[LAYERS[0]]
    with np.load(export("npz", "--layout", "pytorch")) as tensors:
        assert np.array_equal(tensors["0.weight"].T, w)
    logits = in_numpy(initial())
    return "npz", logits, softmax(logits), lambda file: np.savez_compressed(
        file, **{f"{'Wb'[i % 2]}{1 + i // 2}": value for i, value in enumerate(initial().values())}
    )


def safetensors_library(export, own):
    from safetensors.numpy import load_file

    logits = in_numpy(load_file(export("safetensors")))
    compare(f"safetensors {version('safetensors')} and numpy", logits, softmax(logits), own)


def jax_library(export, own):
    import jax
    import jax.numpy as jnp
    from safetensors.flax import load_file

    @jax.jit
    def forward(tensors, images):
        w, b, v, c = (tensors[name] for name in LAYERS)
        logits = jax.nn.sigmoid(images @ w + b) @ v + c
        return logits, jax.nn.softmax(logits)

    logits, probabilities = forward(load_file(export("safetensors")), jnp.asarray(IMAGES))
    compare(f"jax {jax.__version__}", logits, probabilities, own)


def onnxruntime_library(export, own):
    import onnx
    import onnxruntime

    file = export("onnx")
    onnx.checker.check_model(onnx.load(file), full_check=True)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    logits, probabilities = session.run(["logits", "probabilities"], {"image": IMAGES})
    name = f"onnxruntime {onnxruntime.__version__}, checked by onnx {onnx.__version__}"
    compare(name, logits, probabilities, own)
    (one,) = session.run(["logits"], {"image": IMAGES[:1]})
    assert np.abs(one - logits[:1]).max() < 1e-4, "the batch axis is free"


def torch_library(export, own):
    import torch
    from safetensors.torch import load_file, save_file

    network = torch.nn.Sequential(
        torch.nn.Linear(784, 300), torch.nn.Sigmoid(), torch.nn.Linear(300, 10)
    )
    images = torch.from_numpy(IMAGES)

    @torch.no_grad()
    def forward():
        logits = network(images)
        return logits.numpy(), torch.softmax(logits, dim=1).numpy()

    random = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(load_file(export("safetensors", "--layout", "pytorch")), strict=True)
    compare(f"torch {torch.__version__}", *forward(), own)
    network.load_state_dict(random)
    return "safetensors", *forward(), lambda file: save_file(random, file)


def initial():
    """A network of its own, in NumPy."""
    generator = np.random.default_rng(1)
    shapes = dict(zip(LAYERS, ((784, 300), (300,), (300, 10), (10,))))
    return {
        name: generator.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()
    }


def version(package):
    from importlib.metadata import version

    return version(package)


def main():
    program, model, *libraries = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        own = predictions(program, model, folder)

        def export(ending, *options):
            file = folder / f"model.{ending}"
            run(program, "export", "--model", model, "--out", file, *options)
            return str(file)

        for library in libraries:
            foreign = globals()[f"{library}_library"](export, own)
            if foreign is None:
                continue
            ending, logits, probabilities, save = foreign
            file, imported = folder / f"foreign.{ending}", folder / "imported.safetensors"
            save(str(file))
            run(program, "import", file, "--out", imported)
            result = predictions(program, imported, folder)
            compare(f"{library}, imported", logits, probabilities, result)


main()
