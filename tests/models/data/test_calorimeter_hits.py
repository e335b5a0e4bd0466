"""Hits of EDM4hep files as showers: each deposit in the voxel where its cell is, the rest accounted for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import torch
import uproot

from monsoon.jobs.showers import reader_of, write
from monsoon.models.data import calorimeter_hits as module
from monsoon.models.data.shower_files import read_showers
from monsoon.models.errors import InputError
from monsoon.models.geometry.stored import read_geometry
from monsoon.models.store.shipped import SAMPLES

PIXEL, FACE = 20.2, 1500.0
ROWS = 6


def written(path: Path, collections: Mapping[str, Mapping[str, list[Any]]]) -> Path:
    """A file with the branches that podio's have, from lists of lists by collection and member."""
    with uproot.recreate(path) as file:
        branches = {
            name: ak.zip({key: ak.values_astype(ak.Array(v), _type(key)) for key, v in members.items()})
            for name, members in collections.items()
        }
        types = {name: array.type.content for name, array in branches.items()}
        file.mktree("events", types, field_name=lambda outer, inner: f"{outer}.{inner}").extend(branches)
    return path


def _type(member: str) -> str:
    if member == "cellID":
        return "uint64"
    if member in ("PDG", "generatorStatus"):
        return "int32"
    if member.startswith("parents"):
        return "uint32"
    return "float32" if member == "energy" else "float64"


def particle(pdg: int, kinetic_gev: float, direction: Any, vertex: Any, mass: float) -> dict[str, float]:
    momentum = math.sqrt(kinetic_gev * (kinetic_gev + 2 * mass))
    return {
        "PDG": pdg, "generatorStatus": 1, "mass": mass, "parents_begin": 0, "parents_end": 0,
        **{f"vertex.{a}": v for a, v in zip("xyz", vertex, strict=True)},
        **{f"momentum.{a}": momentum * v for a, v in zip("xyz", direction, strict=True)},
    }  # fmt: skip


def columns(events: list[list[dict[str, float]]]) -> dict[str, list[list[float]]]:
    keys = next(one for event in events for one in event)
    return {key: [[one[key] for one in event] for event in events] for key in keys}


def cell_id(row: int, column: int, layer: int = 0) -> int:
    """A number as DD4hep makes them: fields of bits, too large for a double."""
    return (1 << 60) | (layer << 40) | (row << 20) | column


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """61 x 61 cells about x = 3 mm, y = -1 mm."""
    path = tmp_path_factory.mktemp("cells") / "cells.csv"
    lines = [
        f"{cell_id(row, column)},{3 + (column - 30) * PIXEL:.9g},{-1 + (row - 30) * PIXEL:.9g},{PIXEL},{FACE}"
        for row in range(61)
        for column in range(61)
    ]
    path.write_text("\n".join(["cell,x_mm,y_mm,size_mm,z_mm", *lines]))
    return path


def test_showers_that_became_hits_are_those_showers_again(table: Path, tmp_path: Path) -> None:
    """Geant4 showers put on cells, the particles 100 mm before the face; a secondary is no incident."""
    true = read_showers(SAMPLES / "egamma-heldout.h5")[torch.arange(ROWS)]
    hits, particles = [], []
    for row in range(ROWS):
        image = true.showers.energy_mev[row].reshape(30, 30).numpy()
        y, x = np.nonzero(image)
        hits.append(
            [
                {"cellID": cell_id(30 + i - 15, 30 + j - 15), "energy": image[i, j] / 1000}
                for i, j in zip(y.tolist(), x.tolist(), strict=True)
            ]
        )
        c = true.conditions[row : row + 1]
        direction = c.direction[0].double().numpy()
        face = np.array([3 + float(c.offset_mm[0, 0]), -1 + float(c.offset_mm[0, 1]), FACE])
        vertex = face - 100 * direction / direction[2]
        mass = 0.000511 if int(c.pdg[0]) == 11 else 0.0
        made = particle(int(c.pdg[0]), float(c.energy_mev[0]) / 1000, direction, vertex, mass)
        particles.append([made, {**made, "generatorStatus": 0, "parents_end": 1}])
    two = [{**particles[0][0]}, {**particles[0][0]}]  # an event of two particles is no shower
    collections = {"MCParticles": columns([*particles, two]), "Ecal": columns([*hits, hits[0]])}
    file = written(tmp_path / "x.root", collections)
    said: list[str] = []
    write([str(file)], reader_of(str(table), hits="Ecal"), tmp_path / "x.h5", said.append)
    found = read_showers(tmp_path / "x.h5")
    assert torch.equal(found.conditions.pdg, true.conditions.pdg)
    for name, close in (("energy_mev", 1e-3), ("direction", 1e-6), ("offset_mm", 1e-3)):
        mine, theirs = getattr(found.conditions, name), getattr(true.conditions, name)
        assert torch.allclose(mine, theirs, rtol=1e-5, atol=close), name
    assert torch.allclose(found.showers.energy_mev, true.showers.energy_mev, rtol=1e-6)
    assert f"left out: 1 events {module.ONE}" in said
    assert "outside: 0 % of the energy, beyond the voxels" in said


def test_hits_in_layers_fall_into_the_rings_about_the_particles_line(tmp_path: Path) -> None:
    geometry = read_geometry("calochallenge-2")
    rng, pitch = np.random.default_rng(1), 3.4
    lines, hits = ["cell,x_mm,y_mm,size_mm,z_mm,layer"], []
    direction = np.array([0.3, -0.1, math.sqrt(0.9)])
    truth = np.zeros(geometry.voxels)
    for number in range(300):
        layer, (x, y) = int(rng.integers(45)), rng.uniform(-80, 80, 2)
        depth = (layer + 0.5) * pitch
        lines.append(f"{number},{x!r},{y!r},5,{FACE + depth!r},{layer}".replace("np.float64", ""))
        energy = float(np.float32(rng.exponential(0.01)))
        hits.append({"cellID": number, "energy": energy})
        u, v = x - depth * direction[0] / direction[2], y - depth * direction[1] / direction[2]
        ring, sector = int(math.hypot(u, v) // 4.65), int((math.atan2(v, u) + math.pi) / (2 * math.pi) * 16)
        if ring < 9:
            truth[(layer * 16 + sector) * 9 + ring] += 1000 * energy
    (tmp_path / "cells.csv").write_text("\n".join(lines).replace("(", "").replace(")", ""))
    incident = particle(11, 10.0, direction, [0.0, 0.0, FACE], 0.000511)
    file = written(tmp_path / "x.root", {"MCParticles": columns([[incident]]), "ECalHits": columns([hits])})
    reader = reader_of(str(tmp_path / "cells.csv"), "calochallenge-2", face_z_mm=FACE)
    (made,) = reader.showers(file)
    assert np.allclose(made.showers.energy_mev[0].numpy(), truth, rtol=1e-5)
    outside = reader.energy_mev["outside"]
    assert outside > 0
    assert math.isclose(outside + truth.sum(), reader.energy_mev["all"], rel_tol=1e-6)


def test_what_cannot_be_read_is_refused_in_a_line(table: Path, tmp_path: Path) -> None:
    incident = particle(22, 10.0, [0.0, 0.0, 1.0], [0.0, 0.0, FACE], 0.0)
    hit = {"cellID": 5, "energy": 0.1}
    file = written(tmp_path / "x.root", {"MCParticles": columns([[incident]]), "ECalHits": columns([[hit]])})
    other = tmp_path / "other.csv"
    other.write_text("cell,x_mm,y_mm,size_mm\n1,0,0,10\n2,15,0,10\n")
    (tmp_path / "y.root").write_bytes(b"root, but no file")
    for said, cells, hits, path in (
        (r"cellID 5 is not in the table", table, "ECalHits", file),
        (r"no branch Hcal.cellID; its collections are .*ECalHits", table, "Hcal", file),
        (r"not on one lattice", other, "ECalHits", file),
        (r"cannot be read as EDM4hep hits", table, "ECalHits", tmp_path / "y.root"),
    ):
        with pytest.raises(InputError, match=said):
            write([str(path)], reader_of(str(cells), hits=hits), tmp_path / "x.h5", print)
    assert not (tmp_path / "x.h5").exists()
