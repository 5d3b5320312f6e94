"""The data set of the repository."""

from __future__ import annotations

import os

import numpy as np

from . import _engine

Split = tuple[np.ndarray, np.ndarray]


def load_mnist(folder: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Images and labels of MNIST for training, and those for tests, as arrays of bytes that are read-only.

    Without a folder it is that of the variable FUSED_MLP_DATA, else the nearest ``data/mnist`` of the current
    folder and those above it. Images are rows of 784 bytes, 0 for background and 255 for ink. Any four files
    of the same format will do.
    """
    parts, pixels = _engine.load_mnist(folder)
    images, labels, test_images, test_labels = (np.frombuffer(part, np.uint8) for part in parts)
    return (images.reshape(-1, pixels), labels), (test_images.reshape(-1, pixels), test_labels)
