"""Readers of HDF5: showers, and conditions that a sample is made for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from monsoon.models.data.examination import examine_file
from monsoon.models.data.shower_files import (
    ShowerSet,
    extent,
    read_conditions,
    read_showers,
    shower_writer,
    write_showers,
)
from monsoon.models.records import Conditions, Showers
from monsoon.models.store.suite import load_suite
from tests.fuzz.mutation.hdf5 import mutated_hdf5
from tests.fuzz.reader import Reader, check, check_finite

VOXELS = 900


def made_showers(rows: int = 24) -> ShowerSet:
    """Showers of photons and electrons that are no physics, but plausible in their sums."""
    draw = np.random.default_rng(1)
    energy = np.exp(draw.uniform(np.log(2e3), np.log(5e4), rows))
    theta, phi = draw.uniform(0, 0.3, rows), draw.uniform(-3, 3, rows)
    direction = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], 1)
    share = draw.exponential(size=(rows, VOXELS)) ** 8
    conditions = Conditions(
        pdg=torch.tensor([22, 11] * (rows // 2), dtype=torch.int32),
        energy_mev=torch.tensor(energy, dtype=torch.float32),
        direction=torch.tensor(direction, dtype=torch.float32),
        offset_mm=torch.tensor(draw.uniform(-10, 10, (rows, 2)), dtype=torch.float32),
    )
    showers = Showers(torch.tensor(0.17 * energy[:, None] * share / share.sum(1, keepdims=True)).float())
    return ShowerSet(conditions, showers, torch.tensor(draw.uniform(0.5, 1.5, rows)).float())


def check_conditions(conditions: Conditions) -> None:
    """Raise Broken unless a generator can be asked for them."""
    for name in ("energy_mev", "direction", "offset_mm"):
        check_finite(name, getattr(conditions, name))
    check((conditions.energy_mev > 0).all(), "an energy is not positive")
    check((conditions.direction[:, 2] >= -1e-6).all(), "a particle flies backwards")


def read_file_of_showers(path: Path, folder: Path, scratch: Path) -> None:
    """As a library does that samples from it."""
    size = extent(path)
    showers = read_showers(path)
    check(len(showers) == size.rows, "other rows than the file promises")
    check_conditions(showers.conditions)
    check_finite("weight", showers.weight)
    check_finite("showers", showers.showers.energy_mev)
    check((showers.showers.energy_mev >= 0).all(), "an energy is negative")
    suite = load_suite(str(path))
    noise = torch.full((len(showers), suite.noise_dimensions), 0.5)
    check_finite("a sampled shower", suite.sample(showers.conditions, noise).energy_mev)


def read_file_of_conditions(path: Path, folder: Path, scratch: Path) -> None:
    """As `monsoon sample` does, which takes the conditions over: they have to be the same there."""
    rows = extent(path).rows
    examine_file(path)
    conditions = read_conditions(path)
    check(len(conditions) == rows, "other rows than the file promises")
    check_conditions(conditions)
    out = scratch / "out.h5"
    with shower_writer(out, VOXELS, {}, path) as writer:
        writer.append(ShowerSet(conditions, Showers(torch.zeros(rows, VOXELS)), torch.ones(rows)))
    path.rename(scratch / "away.h5")  # what the file named elsewhere is not there for the next reader
    taken = read_conditions(out)
    for name in ("pdg", "energy_mev", "direction", "offset_mm"):
        check(torch.equal(getattr(taken, name), getattr(conditions, name)), f"{name} was not taken over")


def _prepare_showers(folder: Path) -> None:
    write_showers(folder / "good-0.h5", made_showers(), {"generator": "made up"})
    plain = made_showers()
    write_showers(
        folder / "good-1.h5", ShowerSet(plain.conditions, plain.showers, torch.ones(len(plain))), {}
    )


def _prepare_conditions(folder: Path) -> None:
    import h5py

    _prepare_showers(folder)
    with h5py.File(folder / "good-1.h5", "r+") as file:
        del file["showers"]


SHOWERS = {
    "showers": Reader(".h5", _prepare_showers, mutated_hdf5, read_file_of_showers),
    "conditions": Reader(".h5", _prepare_conditions, mutated_hdf5, read_file_of_conditions),
}
