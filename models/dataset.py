"""Shower files: HDF5 in the CaloChallenge layout, with conditions beside the energy where there are any."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import InputError
from models.records import Conditions, Showers


@dataclass(frozen=True)
class ShowerSet:
    """Showers with the conditions they were simulated under, row by row.

    weight  float32 [N], one where the file has none
    """

    conditions: Conditions
    showers: Showers
    weight: Tensor

    def __len__(self) -> int:
        return len(self.conditions)

    def __getitem__(self, rows: Tensor | slice) -> ShowerSet:
        return ShowerSet(self.conditions[rows], Showers(self.showers.energy_mev[rows]), self.weight[rows])


def read_showers(path: str | Path, pdg: int | None = None) -> ShowerSet:
    """All showers of one file.

    A CaloChallenge file (arXiv:2410.21611) holds `incident_energies` [N, 1] and `showers` [N, V] alone:
    `pdg` then says the species, and the particles enter at the centre of their pixel, along z.
    Optional datasets: `incident_pdg` [N], `incident_position` [N, 2] in mm, `incident_theta` and
    `incident_phi` [N] in rad, `weights` [N]. Energies are MeV.

    Raises InputError, naming the dataset, where the file cannot be used.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a shower file (HDF5, CaloChallenge layout)")
    try:
        with h5py.File(path, "r") as file:
            return _read(file, path, pdg)
    except OSError as error:
        raise InputError(f"{path}: not a whole HDF5 file ({_short(error)}); copy or make it again") from error


def write_showers(path: str | Path, showers: ShowerSet, attributes: dict[str, str]) -> None:
    """A file that read_showers reads back: the layout of the shipped samples, compressed."""
    c = showers.conditions
    energy = showers.showers.energy_mev.numpy()
    x, y, z = c.direction.double().numpy().T
    columns = {
        "incident_energies": (c.energy_mev.numpy()[:, None], "MeV"),
        "showers": (energy, "MeV"),
        "incident_pdg": (c.pdg.numpy(), ""),
        "incident_position": (c.offset_mm.numpy(), "mm"),
        "incident_theta": (np.arctan2(np.hypot(x, y), z).astype(np.float32), "rad"),
        "incident_phi": (np.arctan2(y, x).astype(np.float32), "rad"),
    }
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for name, (column, unit) in columns.items():
            chunk = (min(len(column), 1000), *column.shape[1:]) if len(column) else None
            options = {"chunks": chunk, "compression": "gzip", "compression_opts": 9, "shuffle": True}
            file.create_dataset(name, data=column, **(options if chunk else {})).attrs["unit"] = unit


def _read(file: h5py.File, path: Path, pdg: int | None) -> ShowerSet:
    energy: NDArray[np.float32] = _column(file, path, "incident_energies", (None, 1)).astype(np.float32)[:, 0]
    rows = len(energy)
    if rows == 0:
        raise InputError(f"{path}: incident_energies has no rows; give a file with showers")
    if not (energy > 0).all():
        raise InputError(
            f"{path}: incident_energies row {_first(~(energy > 0))} is not positive; remove such rows"
        )
    showers = _column(file, path, "showers", (rows, None)).astype(np.float32)
    if (showers < 0).any():
        raise InputError(f"{path}: showers row {_first((showers < 0).any(1))} has a negative energy")
    if "incident_pdg" in file:
        species = _column(file, path, "incident_pdg", (rows,)).astype(np.int32)
    elif pdg is not None:
        species = np.full(rows, pdg, np.int32)
    else:
        raise InputError(f"{path}: no dataset incident_pdg; say which species the showers are")
    offset = _optional(file, path, "incident_position", (rows, 2))
    theta = _optional(file, path, "incident_theta", (rows,)).astype(np.float64)
    phi = _optional(file, path, "incident_phi", (rows,)).astype(np.float64)
    weight = _column(file, path, "weights", (rows,)) if "weights" in file else np.ones(rows)
    sine = np.sin(theta)
    direction = np.stack([sine * np.cos(phi), sine * np.sin(phi), np.cos(theta)], 1)
    return ShowerSet(
        Conditions(
            pdg=torch.from_numpy(species),
            energy_mev=torch.from_numpy(energy),
            direction=torch.from_numpy(direction.astype(np.float32)),
            offset_mm=torch.from_numpy(offset.astype(np.float32)),
        ),
        Showers(torch.from_numpy(showers)),
        torch.from_numpy(weight.astype(np.float32)),
    )


def _column(file: h5py.File, path: Path, name: str, shape: tuple[int | None, ...]) -> NDArray[np.generic]:
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{path}: no dataset {name}; the layout is that of CaloChallenge")
    fits = len(dataset.shape) == len(shape) and all(
        want in (None, have) for want, have in zip(shape, dataset.shape, strict=True)
    )
    if not fits or dataset.dtype.kind not in "fiu":
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise InputError(
            f"{path}: {name} is {dataset.dtype} {dataset.shape}, not numbers of shape ({wanted})"
        )
    column: NDArray[np.generic] = dataset[()]
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        bad = ~np.isfinite(column.reshape(len(column), -1)).all(1)
        raise InputError(f"{path}: {name} row {_first(bad)} is not finite; remove such rows")
    return column


def _optional(file: h5py.File, path: Path, name: str, shape: tuple[int, ...]) -> NDArray[np.generic]:
    return _column(file, path, name, shape) if name in file else np.zeros(shape)


def _first(mask: Any) -> int:
    return int(np.argmax(mask))


def _short(error: OSError) -> str:
    return str(error).splitlines()[0].split("(")[-1].rstrip(")")
