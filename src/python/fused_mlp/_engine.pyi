"""The engine: arrays in, arrays out."""

import os
from collections.abc import Callable
from typing import Any, TypeAlias

from numpy import float32, uint8
from numpy.typing import NDArray

# W [inputs, hidden], b, V [hidden, classes] and c.
Tensors: TypeAlias = tuple[NDArray[float32], NDArray[float32], NDArray[float32], NDArray[float32]]

__version__: str

def train(
    images: NDArray[uint8],
    labels: NDArray[uint8],
    job: dict[str, Any],
    on_epoch: Callable[[float, float | None], object],
) -> tuple[Tensors, Tensors | None, int | None]: ...
def logits(images: NDArray[uint8], network: Tensors, threads: int | None) -> NDArray[float32]: ...
def save(path: str | os.PathLike[str], network: Tensors, rows: int, columns: int) -> None: ...
def load(path: str | os.PathLike[str]) -> Tensors: ...
def load_mnist(folder: str | os.PathLike[str] | None) -> tuple[list[bytes], int]: ...
