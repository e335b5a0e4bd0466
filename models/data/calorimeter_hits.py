"""Calorimeter hits of EDM4hep files as showers: one event a shower, about the impact of its one particle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import torch
import uproot
from numpy.typing import NDArray

from monsoon.models.data.cells import Cells
from monsoon.models.data.root_claims import Within
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.errors import InputError
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions, Showers

Array = NDArray[Any]
EVENTS = "events"
MEV = 1000.0  # of a GeV
BLOCK_EVENTS = 500
LARGEST_RATIO, FREE_BYTES = 256, 1 << 26  # what branches may unpack to, by what they take
STABLE = 1
ONE = "without exactly one stable particle that has no parents"
ASTRAY = "whose particle does not fly to the face"
OTHER_CELLS = "with hits in cells of another size within the image"
NO_CELL = "whose particle hits no cell's place on the face"


@dataclass(frozen=True)
class HitReader:
    """How hits become showers.

    Attributes
    ----------
    cells : Cells
        Where they are.
    geometry : Geometry
        Of the showers: an image of pixels as large as cells, or a cylinder of as many layers.
    hits, particles : str
        Names of the collections, SimCalorimeterHit (or CalorimeterHit) and MCParticle.
    face_z_mm : float
        Where the calorimeter's face is.
    scale : float
        What energies are multiplied with: a shower's are of the visible energy.
    """

    cells: Cells
    geometry: Geometry
    hits: str = "ECalHits"
    particles: str = "MCParticles"
    face_z_mm: float = 0.0
    scale: float = 1.0
    left_out: Counter[str] = field(default_factory=Counter)  # events that are no shower, by reason
    # of all hits, and of those outside the voxels
    energy_mev: dict[str, float] = field(default_factory=lambda: {"all": 0.0, "outside": 0.0})

    def __post_init__(self) -> None:
        """Raise ValueError where the cells are not what the geometry needs."""
        if isinstance(self.geometry, Planar):
            if self.cells.layers > 1:
                raise ValueError(
                    f"layer: {self.cells.layers} layers do not fit an image; name a geometry of layers"
                )
            self._lattice  # noqa: B018
        elif not isinstance(self.geometry, Cylindrical) or self.geometry.layers != self.cells.layers:
            raise ValueError(f"layer: {self.cells.layers} layers do not fit {self.geometry.label}")

    @cached_property
    def _lattice(self) -> tuple[Array, Array]:
        """Of an image's cells; see `Cells.lattice_mm`."""
        assert isinstance(self.geometry, Planar)
        return self.cells.lattice_mm(self.geometry.pixel_mm)

    def showers(self, path: str | Path) -> Iterator[ShowerSet]:
        """The showers of one file, a block of events at a time.

        Raises InputError where it cannot be used, or a hit names a cell that the table does not have.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; give a ROOT file of EDM4hep hits")
        try:
            with Within(path) as raw, uproot.open(raw, array_cache=None) as file:
                tree = self._tree(path, file)
                for first in range(0, int(tree.num_entries), BLOCK_EVENTS):
                    yield self._block(path, tree, first, min(first + BLOCK_EVENTS, int(tree.num_entries)))
        except InputError:
            raise
        except Exception as error:  # whatever a library says of a damaged file
            raise InputError(
                f"{path}: cannot be read as EDM4hep hits ({type(error).__name__}); write it again"
            ) from error

    def _tree(self, path: Path, file: Any) -> Any:
        if EVENTS not in file or not file.classname_of(EVENTS).startswith("TTree"):
            raise InputError(f"{path}: no TTree {EVENTS}; give one as podio writes it")
        tree = file[EVENTS]
        missing = [name for name in self._branches if name not in tree]
        if missing:
            there = sorted({key.split("/")[0].split(".")[0] for key in tree.keys(recursive=False)})
            raise InputError(
                f"{path}: no branch {missing[0]}; its collections are {', '.join(there[:40])}: name them "
                "with --hits and --particles"
            )
        unpacked = sum(tree[name].uncompressed_bytes for name in self._branches)
        stored = sum(tree[name].compressed_bytes for name in self._branches)
        if stored > path.stat().st_size or unpacked > FREE_BYTES + LARGEST_RATIO * stored:
            raise InputError(f"{path}: claims {unpacked} bytes in {stored}; write it again")
        return tree

    @property
    def _branches(self) -> list[str]:
        particle = ("PDG", "generatorStatus", "mass", "parents_begin", "parents_end")
        places = (f"{of}.{axis}" for of in ("vertex", "momentum") for axis in "xyz")
        return [
            *(f"{self.particles}.{name}" for name in (*particle, *places)),
            *(f"{self.hits}.{name}" for name in ("cellID", "energy")),
        ]

    def _block(self, path: Path, tree: Any, first: int, last: int) -> ShowerSet:
        arrays = {name: tree[name].array(entry_start=first, entry_stop=last) for name in self._branches}
        chosen, of = self._incidents(
            {
                name.removeprefix(f"{self.particles}."): values
                for name, values in arrays.items()
                if name.startswith(f"{self.particles}.")
            }
        )
        counts = ak.to_numpy(ak.num(arrays[f"{self.hits}.cellID"]))
        number = ak.to_numpy(ak.flatten(arrays[f"{self.hits}.cellID"])).astype(np.uint64)
        energy = ak.to_numpy(ak.flatten(arrays[f"{self.hits}.energy"])).astype(np.float64) * MEV * self.scale
        if len(energy) != len(number) or not (np.isfinite(energy) & (energy >= 0)).all():
            raise InputError(f"{path}: {self.hits}.energy has other lengths, or values that are no energies")
        row = self.cells.rows(number)
        if (row < 0).any():
            raise InputError(
                f"{path}: {self.hits}.cellID {number[row < 0][0]} is not in the table of {len(self.cells)} "
                "cells; give that of this detector"
            )
        place = np.full(last - first, -1)
        place[chosen] = np.arange(len(chosen))
        at = np.repeat(place, counts)  # the shower of each hit, -1 where its event is none
        of, at, kept = self._anchored(of, at, row)
        images = self._images(of, at, row, energy, kept)
        conditions = Conditions(
            pdg=torch.from_numpy(of["pdg"].astype(np.int32)),
            energy_mev=torch.from_numpy(of["energy_mev"].astype(np.float32)),
            direction=torch.from_numpy(of["direction"].astype(np.float32)),
            offset_mm=torch.from_numpy((of["impact"] - of["anchor"]).astype(np.float32)),
        )
        good = torch.from_numpy(np.flatnonzero(kept))
        whole = ShowerSet(conditions, Showers(torch.from_numpy(images)), torch.ones(len(conditions)))
        return whole[good]

    def _incidents(self, of: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        """Events with one particle that flies to the face, and that particle."""
        alone = (of["generatorStatus"] == STABLE) & (of["parents_begin"] == of["parents_end"])
        single = ak.to_numpy(ak.sum(alone, axis=1)) == 1
        self.left_out[ONE] += int((~single).sum())
        columns = {
            name: ak.to_numpy(ak.flatten(values[alone][single])).astype(np.float64)
            for name, values in of.items()
        }
        momentum, vertex = (
            np.stack([columns[f"{name}.{axis}"] for axis in "xyz"], 1) for name in ("momentum", "vertex")
        )
        square, mass = (momentum**2).sum(1), columns["mass"]
        ahead = self.face_z_mm - vertex[:, 2]
        flies = (momentum[:, 2] > 0) & (ahead > -1e-3) & np.isfinite(square + mass + vertex.sum(1))
        self.left_out[ASTRAY] += int((~flies).sum())
        momentum, vertex, square, mass, ahead = (
            values[flies] for values in (momentum, vertex, square, mass, ahead)
        )
        return np.flatnonzero(single)[flies], {
            "pdg": columns["PDG"][flies],
            "energy_mev": MEV * square / (np.sqrt(square + mass**2) + mass),
            "direction": momentum / np.sqrt(square)[:, None],
            "impact": vertex[:, :2] + (ahead / momentum[:, 2])[:, None] * momentum[:, :2],
        }

    def _anchored(
        self, of: dict[str, Array], at: Array, row: Array
    ) -> tuple[dict[str, Array], Array, NDArray[np.bool_]]:
        """The anchor of each shower, and which of them can be: those in cells of the right size alone."""
        kept = np.ones(len(of["pdg"]), np.bool_)
        if not isinstance(self.geometry, Planar):
            return {**of, "anchor": of["impact"]}, at, kept
        pixel, (origin, of_size) = self.geometry.pixel_mm, self._lattice
        anchor = origin + np.rint((of["impact"] - origin) / pixel) * pixel
        there = np.stack([self.cells.x_mm, self.cells.y_mm], 1)[of_size]
        known = set(map(tuple, np.rint((there - origin) / pixel).astype(np.int64).tolist()))
        wanted = map(tuple, np.rint((anchor - origin) / pixel).astype(np.int64).tolist())
        on_cell = np.array([one in known for one in wanted], np.bool_).reshape(len(kept))
        self.left_out[NO_CELL] += int((~on_cell).sum())
        mine = np.flatnonzero((at >= 0) & ~of_size[row])
        beside = np.stack([self.cells.x_mm, self.cells.y_mm], 1)[row[mine]] - anchor[at[mine]]
        reach = pixel * np.array([self.geometry.columns, self.geometry.rows]) / 2  # of an image, either way
        others = np.zeros(len(kept), np.bool_)
        others[at[mine[(np.abs(beside) < reach).all(1)]]] = True
        self.left_out[OTHER_CELLS] += int((others & on_cell).sum())
        return {**of, "anchor": anchor}, at, on_cell & ~others

    def _images(
        self, of: Mapping[str, Array], at: Array, row: Array, energy: Array, kept: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Sum hits into voxels, float32 [N, V]; what is outside is counted."""
        mine = at >= 0
        mine[mine] = kept[at[mine]]
        at, row, energy = at[mine], row[mine], energy[mine]
        centre = np.stack([self.cells.x_mm[row], self.cells.y_mm[row]], 1)
        if isinstance(self.geometry, Planar):
            voxel = _pixels(self.geometry, centre - of["anchor"][at])
        else:
            assert isinstance(self.geometry, Cylindrical)
            layer = self.cells.layer[row]
            direction = of["direction"][at]
            depth = self.cells.z_mm[row] - self.face_z_mm
            axis = of["anchor"][at] + (depth / direction[:, 2])[:, None] * direction[:, :2]
            voxel = _voxels(self.geometry, layer, centre - axis)
        inside = voxel >= 0
        self.energy_mev["all"] += float(energy.sum())
        self.energy_mev["outside"] += float(energy[~inside].sum())
        voxels = self.geometry.voxels
        size = len(kept) * voxels
        flat = np.bincount(at[inside] * voxels + voxel[inside], energy[inside], minlength=size)
        return flat.reshape(len(kept), voxels).astype(np.float32)


def _pixels(image: Planar, beside_mm: Array) -> Array:
    """The voxel under each centre [H, 2], less the anchor; -1 outside the image."""
    step = np.rint(beside_mm / image.pixel_mm).astype(np.int64)
    row, column = image.impact
    y, x = step[:, 1] + row, step[:, 0] + column
    inside = (y >= 0) & (y < image.rows) & (x >= 0) & (x < image.columns)
    found: Array = np.where(inside, y * image.columns + x, -1)
    return found


def _voxels(cylinder: Cylindrical, layer: Array, beside_mm: Array) -> Array:
    """The voxel under each centre [H, 2], less the axis in its layer; -1 beyond the rings."""
    found = np.full(len(layer), -1)
    radius, azimuth = np.hypot(*beside_mm.T), np.arctan2(beside_mm[:, 1], beside_mm[:, 0])
    first = 0
    for number, one in enumerate(cylinder.stack):
        of_layer = np.flatnonzero(layer == number)
        ring = np.searchsorted(np.array(one.edges_mm), radius[of_layer], side="right") - 1
        turn = (azimuth[of_layer] + np.pi) / (2 * np.pi) * one.sectors
        sector = np.floor(turn).astype(np.int64) % one.sectors
        inside = (ring >= 0) & (ring < one.rings)
        found[of_layer[inside]] = (first + sector * one.rings + ring)[inside]
        first += one.voxels
    return found
