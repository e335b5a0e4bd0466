"""The geometry that a shower file or a model says it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.planar import Planar


def geometry_of(stored: Mapping[str, Any]) -> Planar | Cylindrical:
    """The geometry of `as_json`; planar where no kind is given, as in models of former releases.

    Raises
    ------
    ValueError
        Where it is none.
    """
    described = {key: value for key, value in stored.items() if key != "kind"}
    kind = stored.get("kind", "planar")
    try:
        if kind == "cylindrical":
            return Cylindrical.from_json(described)
        if kind == "planar":
            return Planar.from_json(described)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no {kind} geometry ({error})") from error
    raise ValueError(f"kind: {kind!r} is not planar or cylindrical")
