"""Opens a model file with Python's safetensors and scores it on the test data with NumPy.

Usage: python safetensors_python.py MODEL
"""

import json
import pathlib
import sys

import numpy as np
from safetensors import safe_open

MNIST = pathlib.Path(__file__).parent.parent / "data" / "mnist"


def idx(name, header):
    return np.frombuffer((MNIST / name).read_bytes(), np.uint8)[header:]


with safe_open(sys.argv[1], framework="np") as model:
    metadata = json.loads(model.metadata()["fused_mlp"])
    w, b, v, c = (
        model.get_tensor(name)
        for name in ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias")
    )
assert metadata["input"] == "byte / 255", metadata
pixels = metadata["rows"] * metadata["columns"]
assert w.shape == (pixels, len(b)) and v.shape == (len(b), len(c)), (w.shape, v.shape)
assert all(tensor.dtype == np.float32 for tensor in (w, b, v, c))

images = idx("t10k-images-idx3-ubyte", 16).reshape(-1, pixels) / np.float32(255)
labels = idx("t10k-labels-idx1-ubyte", 8)
logits = 1 / (1 + np.exp(-(images @ w + b))) @ v + c
accuracy = (logits.argmax(axis=1) == labels).mean()
print(f"test accuracy in NumPy: {accuracy:.4f}")
assert accuracy > 0.965, accuracy
