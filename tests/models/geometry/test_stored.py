"""A stored geometry comes back as it was, whatever its kind; what is none is a ValueError."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monsoon.models.geometry.cylindrical import Cylindrical, Layer
from monsoon.models.geometry.planar import Planar
from monsoon.models.geometry.stored import geometry_of


@pytest.mark.parametrize(
    "geometry",
    [Planar(), Planar(3, 4, 7.5, (1, 2)), Cylindrical((Layer((0.0, 4.65), 16, 1.7), Layer(())))],
    ids=["planar", "not square", "cylindrical"],
)
def test_a_geometry_comes_back(geometry: Planar | Cylindrical) -> None:
    assert geometry_of(json.loads(json.dumps(geometry.as_json()))) == geometry


def test_without_a_kind_it_is_planar() -> None:
    assert geometry_of({"rows": 30, "columns": 30, "pixel_mm": 20.2, "centre": 15}) == Planar()
    assert geometry_of({"kind": "planar", **Planar().as_json()}) == Planar()


@pytest.mark.parametrize(
    "stored",
    [
        {"kind": "conical"},
        {"kind": "cylindrical"},
        {"kind": "cylindrical", "layers": [3]},
        {"kind": "cylindrical", "layers": []},
        {"rows": "many"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_what_is_no_geometry_is_a_value_error(stored: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no |kind|edges|voxels|got an unexpected"):
        geometry_of(stored)
