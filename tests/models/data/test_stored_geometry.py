"""Shower files name their geometry; what they name is held against their voxels."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from monsoon.models.data.shower_files import geometry_in, read_showers
from monsoon.models.errors import InputError
from monsoon.models.geometry.cylindrical import Cylindrical, Layer
from monsoon.models.store.suite import SAMPLES

CYLINDER = Cylindrical((Layer((0.0, 5.0, 10.0), 4),))


def file_of(folder: Path, stored: object, voxels: int = 8) -> Path:
    path = folder / "showers.h5"
    with h5py.File(path, "w") as file:
        file["incident_energies"] = np.ones((3, 1), np.float32)
        file["showers"] = np.ones((3, voxels), np.float32)
        file.attrs["geometry"] = stored
    return path


def test_a_file_gives_the_geometry_that_it_names(tmp_path: Path) -> None:
    assert geometry_in(file_of(tmp_path, json.dumps(CYLINDER.as_json()))) == CYLINDER


def test_shipped_showers_of_silicon_have_45_layers_and_their_depths() -> None:
    geometry = geometry_in(SAMPLES / "siw-electrons.h5")
    assert isinstance(geometry, Cylindrical)
    assert (geometry.layers, geometry.voxels) == (45, 6480)
    assert [layer.depth_mm for layer in geometry.stack[:2]] == [1.7, 5.1]
    showers = read_showers(SAMPLES / "siw-electrons.h5")
    assert len(showers) == 2002
    assert not showers.conditions.offset_mm.any()
    low, high = showers.conditions.energy_mev.aminmax()
    assert low < 1001
    assert high > 99_900


def test_a_file_that_names_none_is_asked_elsewhere() -> None:
    assert geometry_in(SAMPLES / "egamma-heldout.h5") is None


@pytest.mark.parametrize(
    ("stored", "voxels", "message"),
    [
        ("{", 8, "geometry: "),
        ("[1]", 8, "geometry: "),
        ('{"kind": "conical"}', 8, "kind: 'conical' is not planar or cylindrical"),
        (3.5, 8, "geometry: "),
        (json.dumps(CYLINDER.as_json()), 9, "geometry has 8 voxels, showers 9"),
        ('{"kind": "cylindrical", "layers": [{"edges_mm": [0, 1], "sectors": 1000000000000, "depth_mm": 0}]}',
         8, "1000000000000 voxels"),
    ],
    ids=["no JSON", "no mapping", "no kind", "no text", "other voxels", "more than memory"],
)  # fmt: skip
def test_what_is_no_geometry_of_the_file_is_refused(
    tmp_path: Path, stored: object, voxels: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        geometry_in(file_of(tmp_path, stored, voxels))
