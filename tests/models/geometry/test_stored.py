"""Geometries by what is stored of them, and by what a person names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monsoon.models.errors import InputError
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.layer import Layer
from monsoon.models.geometry.planar import Planar
from monsoon.models.geometry.stored import SHIPPED, as_stored, geometry_of, read_geometry

RAGGED = Cylindrical((Layer((0.0, 5.0, 10.0), 4), Layer(()), Layer((0.0, 20.0), 1, 7.5)))


@pytest.mark.parametrize("geometry", [Planar(), Planar(7, 5, 40.4, (3, 2)), RAGGED])
def test_a_geometry_comes_back_from_what_is_stored(geometry: Geometry) -> None:
    assert geometry_of(json.loads(json.dumps(as_stored(geometry)))) == geometry
    assert geometry_of(geometry.as_json()) == geometry  # planar ones of former releases have no kind


@pytest.mark.parametrize(
    "stored",
    [
        {"kind": "sphere"},
        {"kind": "planar", "rows": 1 << 19, "columns": 1 << 19, "pixel_mm": 1.0, "centre": 0},
        {"kind": "planar", "rows": "30", "columns": 30, "pixel_mm": 20.2, "centre": 15},
        {"kind": "planar", "rows": 30, "columns": 30, "pixel_mm": 20.2, "centre": 15, "colour": 1},
        {"kind": "cylindrical", "layers": [{}] * 20_000},
        {"kind": "cylindrical", "layers": [{"edges_mm": [0, 1], "sectors": 1 << 30, "depth_mm": 0}]},
        {"kind": "cylindrical"},
    ],
)
def test_what_is_no_geometry_is_refused_before_memory_is_taken(stored: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        geometry_of(stored)


def test_a_person_names_a_shipped_geometry_or_a_file(tmp_path: Path) -> None:
    assert read_geometry("planar") == Planar()
    assert {name: make().voxels for name, make in SHIPPED.items()} == {
        "planar": 900,
        "calochallenge-2": 6480,
        "calochallenge-3": 40500,
    }
    file = tmp_path / "ragged.json"
    file.write_text(json.dumps(as_stored(RAGGED)))
    assert read_geometry(str(file)) == RAGGED


@pytest.mark.parametrize(
    "content", ["", "[1, 2]", "{}", '{"kind": "cylindrical", "layers": []}', "[" * 100_000]
)
def test_a_file_that_is_no_geometry_is_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "geometry.json"
    file.write_text(content)
    with pytest.raises(InputError, match=r"geometry\.json: no geometry"):
        read_geometry(str(file))


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no lhcb; give planar, calochallenge-2"):
        read_geometry("lhcb")
    with pytest.raises(InputError, match="No such file"):
        read_geometry(str(tmp_path / "none.json"))
