"""Initial weights for all peers: python initial_weights.py FOLDER

Writes speed.npz and race.npz (twice the scale), uniform on ±sqrt(6 / (fan_in + fan_out)), and the same as
raw f32 in .bin files: W, b, V, c.
"""

import pathlib
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
generator = np.random.default_rng(1)


def weights(rows, columns, scale):
    bound = scale * (6 / (rows + columns)) ** 0.5
    return generator.uniform(-bound, bound, (rows, columns)).astype(np.float32)


for mode, scale in (("speed", 1), ("race", 2)):
    arrays = {
        "linear1.weight": weights(784, 300, scale),
        "linear1.bias": np.zeros(300, np.float32),
        "linear2.weight": weights(300, 10, scale),
        "linear2.bias": np.zeros(10, np.float32),
    }
    np.savez(folder / f"{mode}.npz", **arrays)
    (folder / f"{mode}.bin").write_bytes(b"".join(a.tobytes() for a in arrays.values()))
