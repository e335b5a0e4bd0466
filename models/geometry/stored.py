"""Which geometry it is: of what is stored with showers and models, and of what a person names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from monsoon.models.errors import UNUSABLE, InputError
from monsoon.models.files import read_small
from monsoon.models.geometry.binning import MOST_LAYERS, read_binning
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.layer import Layer
from monsoon.models.geometry.planar import Planar

LARGEST = 1 << 22  # bytes of a file
MOST_VOXELS = 1 << 20


def _regular(layers: int, sectors: int, rings: int, width_mm: float, depth_mm: float) -> Cylindrical:
    """A stack of equal layers, each of equal rings."""
    edges = tuple(round(ring * width_mm, 6) for ring in range(rings + 1))
    return Cylindrical(
        tuple(Layer(edges, sectors, round((number + 0.5) * depth_mm, 6)) for number in range(layers))
    )


SHIPPED: dict[str, Callable[[], Geometry]] = {
    "planar": Planar,
    # 45 pairs of layers of 1.4 mm tungsten and 0.3 mm silicon
    "calochallenge-2": lambda: _regular(45, 16, 9, 4.65, 3.4),
    "calochallenge-3": lambda: _regular(45, 50, 18, 2.325, 3.4),
}


def geometry_of(stored: Mapping[str, Any]) -> Geometry:
    """The geometry that `Geometry.as_json` stored; without a kind it is a planar image.

    Parameters
    ----------
    stored
        As it was found; it may be anything.

    Raises
    ------
    KeyError, TypeError or ValueError
        If it is no geometry, or one of more than 2^20 voxels.
    """
    fields = dict(stored)
    kind = fields.pop("kind", "planar")
    if kind == "cylindrical":
        layers = fields["layers"]
        if len(layers) > MOST_LAYERS:
            raise ValueError(f"{len(layers)} layers are more than {MOST_LAYERS}")
        return _bounded(Cylindrical.from_json(fields))
    if kind == "planar":
        numbers = [fields["rows"], fields["columns"]]
        if not all(type(n) is int and 0 < n <= MOST_VOXELS for n in numbers):
            raise ValueError(f"{numbers} are not rows and columns")
        return _bounded(Planar.from_json(fields))
    raise ValueError(f"kind {kind} is not planar or cylindrical")


def as_stored(geometry: Geometry) -> dict[str, Any]:
    """What files name a geometry by: its `as_json`, with the kind."""
    return {"kind": "planar", **geometry.as_json()}


def read_geometry(name: str) -> Geometry:
    """The geometry that a person names.

    Parameters
    ----------
    name
        A shipped geometry, a JSON file of what `as_stored` gives, or a binning file of the CaloChallenge
        (XML), with `#` and the particle where it has several: `binning.xml#photon`.

    Raises
    ------
    InputError
        If there is no such geometry.
    """
    if name in SHIPPED:
        return SHIPPED[name]()
    path, _, particle = name.partition("#")
    if path.endswith(".xml"):
        return _of_file(path, lambda: read_binning(path, particle or None))
    if not name.endswith(".json"):
        raise InputError(
            f"geometry: no {name}; give {', '.join(SHIPPED)}, a JSON file, or a binning file (.xml or "
            ".xml#particle)"
        )
    return _of_file(name, lambda: geometry_of(json.loads(read_small(name, LARGEST))))


def _of_file(path: str, read: Callable[[], Geometry]) -> Geometry:
    try:
        return _bounded(read())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a geometry's file") from error
    except UNUSABLE as error:
        raise InputError(
            f"{path}: no geometry ({error}); write what files of showers name theirs by"
        ) from error


def _bounded(geometry: Geometry) -> Geometry:
    if not 0 < geometry.voxels <= MOST_VOXELS:
        raise ValueError(f"{geometry.voxels} voxels are not in 1 .. {MOST_VOXELS}")
    return geometry
