import os
import pathlib

import numpy as np
import pytest

import fused_mlp

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def mnist():
    return fused_mlp.load_mnist(ROOT / "data" / "mnist")


@pytest.fixture(scope="session")
def program():
    """The command-line program of the same version."""
    path = os.environ.get("FUSED_MLP_PROGRAM")
    if not path:
        pytest.skip("FUSED_MLP_PROGRAM names no program")
    return path


@pytest.fixture
def bars():
    """Images of 4 x 4 pixels: a bar that lies (0) or stands (1), with noise."""
    generator = np.random.default_rng(7)
    y = np.arange(400) % 2
    images = generator.integers(0, 60, (400, 4, 4), np.uint8)
    for image, label, place in zip(images, y, generator.integers(0, 4, 400)):
        bar = image[place] if label == 0 else image[:, place]
        bar += 190
    return images.reshape(400, 16), y
