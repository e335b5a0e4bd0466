"""Showers from a file of `monsoon export`, with onnxruntime alone: `onnx_showers.py FILE.onnx [SEED]`

The file says what it wants: its inputs are `conditions` and `noise`, its metadata name the columns. Prints
energy, visible energy and hit voxels of five showers; `onnx_showers.cpp` prints the same numbers.
"""

from __future__ import annotations

import sys

import numpy as np
import onnxruntime

SHOWERS = 5


def conditions(pdg: int) -> np.ndarray:
    """Particles of 10 to 50 GeV that come straight down on the middle of a pixel, float32 [SHOWERS, 7]."""
    energy_mev = 10_000.0 * np.arange(1, SHOWERS + 1)
    return np.array([[pdg, e, 0, 0, 1, 0, 0] for e in energy_mev], np.float32)


def uniform(count: int, dimensions: int, seed: int) -> np.ndarray:
    """Numbers in (0, 1) by std::mt19937's Mersenne twister, float32 [count, dimensions]."""
    words = np.random.RandomState(seed)._bit_generator.random_raw(count * dimensions)
    numbers = ((words.astype(np.float64) + 0.5) * 2.0**-32).clip(2.0**-24, 1 - 2.0**-24)
    return numbers.astype(np.float32).reshape(count, dimensions)


def main(path: str, seed: int = 1) -> None:
    """Print energy and visible energy of each shower in MeV, and how many voxels are hit."""
    session = onnxruntime.InferenceSession(path)
    about = session.get_modelmeta().custom_metadata_map
    asked = conditions(int(about["species"].strip("[]").split(",")[0]))
    noise = uniform(SHOWERS, int(about["noise_dimensions"]), seed)
    (energy_mev,) = session.run(["energy_mev"], {"conditions": asked, "noise": noise})
    for condition, voxels in zip(asked, energy_mev, strict=True):
        print(f"{condition[1]:.0f} {voxels.sum(dtype=np.float64):.2f} {np.count_nonzero(voxels)}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
