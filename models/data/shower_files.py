"""Shower files: HDF5 in the CaloChallenge layout, with conditions beside the energy where there are any."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.data.datasets import beyond, dataset_of, has, opened, rows_of, take_over
from monsoon.models.data.extent import Extent
from monsoon.models.data.plausibility import examine_energies, refuse_impossible_angles
from monsoon.models.errors import InputError
from monsoon.models.files import Disk, temporary_beside
from monsoon.models.records import Conditions, Showers

CHUNK_ROWS, CHUNK_BYTES = 1000, 4_000_000  # what is compressed together, at most
CACHE_BYTES = 64_000_000  # chunks that are not full yet stay in memory
GZIP = 1  # 9 takes 30 times as long for files that are 17 % smaller
REMEDY = {
    "incident_pdg": "say which: species=electron, or a PDG code; or add one, int32 [N], with the code of "
    "each row: h5py.File(..., 'a')['incident_pdg'] = [22] * rows"
}
CONDITIONS = {  # shape of a row, kind and unit
    "incident_energies": ((1,), np.float32, "MeV"),
    "incident_pdg": ((), np.int32, ""),
    "incident_position": ((2,), np.float32, "mm"),
    "incident_theta": ((), np.float32, "rad"),
    "incident_phi": ((), np.float32, "rad"),
}


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

    def to(self, device: torch.device | str) -> ShowerSet:
        """The same rows on a device."""
        showers = Showers(self.showers.energy_mev.to(device))
        return ShowerSet(self.conditions.to(device), showers, self.weight.to(device))


def extent(path: str | Path) -> Extent:
    """Of one file, without reading its rows. Raises InputError where it cannot be used."""
    with opened(Path(path)) as file:
        rows = _rows(file, Path(path))
        showers = _dataset(file, Path(path), "showers", (rows, None)) if has(file, "showers") else None
        return Extent(
            rows,
            None if showers is None else showers.shape[1],
            showers.chunks[0] if showers is not None and showers.chunks else 1,
            has(file, "weights"),
        )


def read_showers(path: str | Path, pdg: int | None = None) -> ShowerSet:
    """All showers of one file.

    A CaloChallenge file (arXiv:2410.21611) holds `incident_energies` [N, 1] and `showers` [N, V] alone:
    `pdg` then says the species, and the particles enter at the centre of their pixel, along z.
    Optional datasets: `incident_pdg` [N], `incident_position` [N, 2] in mm, `incident_theta` and
    `incident_phi` [N] in rad, `weights` [N]. Energies are MeV.

    Raises InputError, naming the dataset, where the file cannot be used, or its units cannot be these;
    warns with SuspiciousInput where they are probably others.
    """
    showers = read_rows(path, 0, None, pdg)
    c, total_mev = showers.conditions, showers.showers.total_mev()
    examine_energies(path, c.pdg.numpy(), c.energy_mev.numpy(), total_mev.numpy())
    return showers


def read_rows(path: str | Path, start: int, stop: int | None, pdg: int | None = None) -> ShowerSet:
    """Rows of one file, to before `stop` (None: to the last); no others are read. See read_showers."""
    path = Path(path)
    with opened(path) as file:
        columns = _Columns(file, path, start, stop)
        conditions = _conditions(columns, pdg)
        showers = columns.read("showers", (None,))
        columns.refuse(showers < 0, "showers", "has a negative energy")
        weight = columns.read("weights", ()) if has(file, "weights") else np.ones(len(conditions), np.float32)
        return ShowerSet(conditions, Showers(torch.from_numpy(showers)), torch.from_numpy(weight))


def read_conditions(
    path: str | Path, start: int = 0, stop: int | None = None, pdg: int | None = None
) -> Conditions:
    """The conditions of a file's rows; it may have no showers. See read_rows."""
    with opened(Path(path)) as file:
        return _conditions(_Columns(file, Path(path), start, stop), pdg)


@contextmanager
def shower_writer(
    path: str | Path, voxels: int, attributes: dict[str, str], conditions: str | Path | None = None
) -> Iterator[ShowerWriter]:
    """A file that read_showers reads back, written piece by piece, compressed, as the shipped samples are.

    It gets its name when it is whole; however that ends, nothing half-written bears it.
    Weights are written where one is not 1.

    conditions  a file whose conditions are taken over bit by bit, in place of those of what is appended

    Raises InputError where the file cannot be written.
    """
    path = Path(path)
    partial = temporary_beside(path)
    try:
        with Disk(partial, "x+b") as disk:
            with h5py.File(disk, "w", rdcc_nbytes=CACHE_BYTES) as file:
                file.attrs.update(attributes)
                yield ShowerWriter(file, disk, voxels, _take_over(file, conditions))
            disk.check()
            os.fsync(disk.fileno())
        partial.rename(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    finally:
        partial.unlink(missing_ok=True)


def join_showers(
    path: str | Path, parts: Sequence[str | Path], attributes: dict[str, str], conditions: str | Path
) -> None:
    """Their showers laid end to end in a file with the conditions of another; see shower_writer.

    All but the last part have a multiple of `rows_together` rows: what is compressed is copied as it is.

    Raises InputError where the file cannot be written.
    """
    voxels = extent(parts[0]).voxels or 0
    with shower_writer(path, voxels, attributes, conditions) as writer:
        for part in parts:
            writer.copy(part)


def rows_together(row: Sequence[int]) -> int:
    """How many rows of a dataset, each of this shape, are compressed together."""
    return min(CHUNK_ROWS, max(1, CHUNK_BYTES // (4 * int(np.prod(row)))))


def write_showers(path: str | Path, showers: ShowerSet, attributes: dict[str, str]) -> None:
    """All showers of one file at once; see shower_writer."""
    with shower_writer(path, showers.showers.energy_mev.shape[1], attributes) as writer:
        writer.append(showers)


class ShowerWriter:
    """Adds showers to a file; see shower_writer."""

    def __init__(self, file: h5py.File, disk: Disk, voxels: int, given: Collection[str]) -> None:
        """given  datasets that are there already"""
        self.rows = 0
        self._file, self._disk = file, disk
        self._datasets = {"showers": self._create("showers", (voxels,), np.float32, "MeV")}
        for name, (shape, kind, unit) in CONDITIONS.items():
            if name not in given:
                self._datasets[name] = self._create(name, shape, kind, unit)

    def append(self, showers: ShowerSet) -> None:
        """Add rows. Raises OSError where they do not fit the disk."""
        c = showers.conditions
        x, y, z = c.direction.double().numpy().T
        columns = {
            "showers": showers.showers.energy_mev.numpy(),
            "incident_energies": c.energy_mev.numpy()[:, None],
            "incident_pdg": c.pdg.numpy(),
            "incident_position": c.offset_mm.numpy(),
            "incident_theta": np.arctan2(np.hypot(x, y), z),
            "incident_phi": np.arctan2(y, x),
            "weights": showers.weight.numpy(),
        }
        if "weights" not in self._datasets and (columns["weights"] != 1).any():
            self._datasets["weights"] = self._create("weights", (), np.float32, "", 1.0)  # of the rows before
        start, self.rows = self.rows, self.rows + len(showers)
        for name, dataset in self._datasets.items():
            dataset.resize(self.rows, axis=0)
            dataset[start:] = columns[name]
        self._disk.check()

    def copy(self, path: str | Path) -> None:
        """Add the showers of a file as they are compressed there, and conditions that are not given.

        Raises OSError where the disk is full.
        """
        to = self._datasets["showers"]
        with opened(Path(path)) as file:
            for name in self._datasets.keys() - {"showers"}:
                dataset = self._datasets[name]
                dataset.resize(self.rows + len(file[name]), axis=0)
                dataset[self.rows :] = file[name][:]
            showers = file["showers"]
            start, self.rows = self.rows, self.rows + len(showers)
            to.resize(self.rows, axis=0)
            for number in range(showers.id.get_num_chunks()):
                row, voxel = showers.id.get_chunk_info(number).chunk_offset
                filters, compressed = showers.id.read_direct_chunk((row, voxel))
                to.id.write_direct_chunk((start + row, voxel), compressed, filters)
        self._disk.check()

    def _create(
        self, name: str, shape: tuple[int, ...], kind: type, unit: str, fillvalue: float | None = None
    ) -> h5py.Dataset:
        """A dataset without rows that can grow."""
        dataset = self._file.create_dataset(
            name,
            (0, *shape),
            kind,
            maxshape=(None, *shape),
            chunks=(rows_together(shape), *shape),
            compression="gzip",
            compression_opts=GZIP,
            shuffle=True,
            fillvalue=fillvalue,
        )
        dataset.attrs["unit"] = unit
        return dataset


def _take_over(file: h5py.File, conditions: str | Path | None) -> list[str]:
    """Copies the conditions of another file; the datasets' names."""
    if conditions is None:
        return []
    with opened(Path(conditions)) as source:
        names = [name for name in CONDITIONS if has(source, name)]
        for name in names:
            take_over(source, Path(conditions), file, name)
    return names


class _Columns:
    """Some rows of the datasets of one file."""

    def __init__(self, file: h5py.File, path: Path, start: int, stop: int | None) -> None:
        self._file, self._path = file, path
        self._all = _rows(file, path)
        self._start, self._stop = start, self._all if stop is None else stop

    def __len__(self) -> int:
        return self._stop - self._start

    def read(
        self, name: str, shape: tuple[int | None, ...], kind: type[np.generic] = np.float32
    ) -> NDArray[Any]:
        """One dataset's rows, each of this shape (None: any), as this type.

        Raises InputError where one is not finite, or does not fit the type.
        """
        dataset = _dataset(self._file, self._path, name, (self._all, *shape))
        column = rows_of(self._path, dataset, self._start, self._stop)
        self.refuse(~np.isfinite(column), name, "is not finite")
        # before it is narrowed: 1e39 would be infinite, and 2**40 + 22 a photon
        self.refuse(beyond(column, kind), name, f"does not fit {kind.__name__}")
        narrowed: NDArray[Any] = column.astype(kind, copy=False)
        return narrowed

    def read_or_zeros(
        self, name: str, shape: tuple[int, ...], kind: type[np.generic] = np.float32
    ) -> NDArray[Any]:
        """The same, and zeros where the file has no such dataset."""
        return self.read(name, shape, kind) if has(self._file, name) else np.zeros((len(self), *shape), kind)

    def species(self, pdg: int | None) -> NDArray[np.int32]:
        """PDG codes: the file's own, or else what the caller says."""
        if has(self._file, "incident_pdg") or pdg is None:
            return self.read("incident_pdg", (), np.int32)
        return np.full(len(self), pdg, np.int32)

    def examine_angles(self, theta: NDArray[np.float64], phi: NDArray[np.float64]) -> None:
        """Raises InputError where there is no such direction on the face."""
        refuse_impossible_angles(self._path, theta, phi, self._start)

    def refuse(self, bad: NDArray[np.bool_], name: str, what: str) -> None:
        """Raises InputError, naming the file's row, where an entry is bad."""
        if bad.any():
            row = self._start + int(np.argmax(bad.reshape(len(bad), -1).any(1)))
            raise InputError(f"{self._path}: {name} row {row} {what}; remove such rows")


def _conditions(columns: _Columns, pdg: int | None) -> Conditions:
    energy = columns.read("incident_energies", (1,))[:, 0]
    columns.refuse(energy <= 0, "incident_energies", "is not positive")
    offset = columns.read_or_zeros("incident_position", (2,))
    theta = columns.read_or_zeros("incident_theta", (), np.float64)
    phi = columns.read_or_zeros("incident_phi", (), np.float64)
    columns.examine_angles(theta, phi)
    sine = np.sin(theta)
    direction = np.stack([sine * np.cos(phi), sine * np.sin(phi), np.cos(theta)], 1)
    return Conditions(
        pdg=torch.from_numpy(columns.species(pdg)),
        energy_mev=torch.from_numpy(energy),
        direction=torch.from_numpy(direction.astype(np.float32)),
        offset_mm=torch.from_numpy(offset),
    )


def _rows(file: h5py.File, path: Path) -> int:
    rows = int(_dataset(file, path, "incident_energies", (None, 1)).shape[0])
    if rows == 0:
        raise InputError(f"{path}: incident_energies has no rows; give a file with showers")
    return rows


def _dataset(file: h5py.File, path: Path, name: str, shape: tuple[int | None, ...]) -> h5py.Dataset:
    dataset = dataset_of(file, path, name)
    if dataset is None:
        raise InputError(
            f"{path}: no dataset {name}; {REMEDY.get(name, 'the layout is that of CaloChallenge')}"
        )
    fits = len(dataset.shape) == len(shape) and all(
        want in (None, have) for want, have in zip(shape, dataset.shape, strict=True)
    )
    if not fits or dataset.dtype.kind not in "fiu":
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise InputError(
            f"{path}: {name} is {dataset.dtype} {dataset.shape}, not numbers of shape ({wanted})"
        )
    return dataset
