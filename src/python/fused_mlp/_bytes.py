"""How features become the bytes that the engine reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

# Rows that are converted at once: what lies between stays in the cache.
_ROWS = 64
# How far 255 x may lie from a whole number: more than rounding in 32 bits, less than anyone means.
_TOLERANCE = 1e-4
# A network that reads shares of 255 refuses numbers that are more than shares with noise on them.
_MOST_SHARE = 2.0


def _blocks(X: np.ndarray, target: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Some rows at a time, as a new array of floats, and where their bytes go."""
    kind = X.dtype if X.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    for start in range(0, len(X), _ROWS):
        yield X[start : start + _ROWS].astype(kind), target[start : start + _ROWS]


def learn(X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The bytes of the samples of a first training, and the ranges of their features where these matter."""
    if X.dtype == np.uint8:
        return convert(X, None), None
    images = _of_shares(X)
    if images is not None:
        return images, None
    input_range = np.stack([X.min(axis=0), X.max(axis=0)]).astype(np.float64)
    return convert(X, input_range), input_range


def _of_shares(X: np.ndarray) -> np.ndarray | None:
    """The bytes k of values that are all k / 255, else None."""
    target = np.empty(X.shape, np.uint8)
    with np.errstate(over="ignore"):
        for block, bytes_ in _blocks(X, target):
            block *= 255
            whole = np.rint(block)
            if whole.min() < 0 or whole.max() > 255:
                return None
            block -= whole
            if np.abs(block, out=block).max() > _TOLERANCE:
                return None
            bytes_[...] = whole
    return target


def convert(X: np.ndarray, input_range: np.ndarray | None) -> np.ndarray:
    """The bytes of an array that nobody else can write to.

    With a range, 255 (x - low) / (high - low), rounded and clamped; 0 where a feature had one value alone.
    Without one, bytes stay as they are and other numbers are shares of 255.
    """
    low: Any
    factor: Any
    if input_range is None and X.dtype == np.uint8:
        # A copy in C, as other threads may write while the GIL is released.
        return X if _is_frozen(X) else X.copy()
    if input_range is None:
        if X.max() > _MOST_SHARE:
            raise ValueError(
                f"this network reads numbers as shares of 255, from 0 to 1; found {X.max()}; "
                "give bytes as an array of uint8"
            )
        low, factor = 0.0, 255.0
    else:
        low, high = input_range
        with np.errstate(divide="ignore", over="ignore"):
            factor = 255 / (high - low)
        factor = np.where(np.isfinite(factor), factor, 0)
    target = np.empty(X.shape, np.uint8)
    with np.errstate(over="ignore"):
        for block, bytes_ in _blocks(X, target):
            block = block * factor - low * factor
            bytes_[...] = np.clip(np.rint(block, out=block), 0, 255, out=block)
    return target


def _is_frozen(array: np.ndarray) -> bool:
    """Whether neither the array nor one that it is a view of can be written to."""
    below: object = array
    while isinstance(below, np.ndarray):
        if below.flags.writeable:
            return False
        below = below.base
    try:
        return below is None or memoryview(below).readonly  # type: ignore[arg-type]
    except TypeError:
        return False
