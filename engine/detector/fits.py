"""What must be made for one detector: the incidents on its face, and the showers in its pixels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from monsoon.engine.detector.description import Description
from monsoon.engine.detector.detector import SHIPPED, Detector
from monsoon.engine.errors import InputError, SuspiciousInput
from monsoon.models.geometry.planar import Planar

ROUNDING = 1e-6  # relative: 20.2 that went through float32 is 20.2


def refuse_other_incidents(url: str, name: str, settings: Mapping[str, Any], detector: Detector) -> None:
    """Refuse incidents that were made for another detector, by the content of its description.

    Files of former releases hold a detector's name alone. It stands for the shipped description of that
    name; where none is shipped, or the file was made from a description of the user's own, names are all
    that can be compared, and a warning says so.

    Parameters
    ----------
    url : str
        The incidents' file, for messages.
    name, settings
        The detector's name and the settings in the file's footer; the description is `settings["detector"]`.
    detector : Detector
        The one that the incidents are wanted for.

    Raises
    ------
    InputError
        Naming what differs.

    Warns
    -----
    SuspiciousInput
        Where there is no description to compare.
    """
    wanted = detector.description
    if name != wanted.name:
        raise InputError(f"{url}: made for detector {name}, not {wanted.name}; make incidents for this one")
    stored = settings.get("detector")
    if isinstance(stored, Mapping):
        found = _parsed(url, stored)
    elif stored in (None, name) and (SHIPPED / f"{name}.yaml").exists():
        found = Detector.load(name).description
    else:
        warnings.warn(
            f"{url}: names its detector, {name}, and does not describe it: whether it is this one cannot be "
            "told; make the incidents again if the description has changed since",
            SuspiciousInput,
            stacklevel=2,
        )
        return
    if found.sha256 != wanted.sha256:
        key, theirs, ours = _difference(found, wanted)
        raise InputError(
            f"{url}: made for a detector {name} with {key} = {theirs}, not {ours}; "
            "make incidents for this one, or restore its description"
        )


def refuse_other_pixels(model: str, grid: Planar, detector: Detector) -> None:
    """Refuse generators whose pixels are not the detector's: their showers would get another size.

    Parameters
    ----------
    model : str
        The generators, for the message.
    grid : Planar
        What their showers live on.
    detector : Detector
        Where they are to be placed.

    Raises
    ------
    InputError
        Naming both sizes.
    """
    description = detector.description
    if not math.isclose(grid.pixel_mm, description.pixel_mm, rel_tol=ROUNDING):
        raise InputError(
            f"model {model}: its showers have pixels of {grid.pixel_mm:g} mm, detector {description.name} "
            f"has pixel_mm = {description.pixel_mm:g}; they would change their size: use generators made for "
            "these pixels, or describe the detector in theirs"
        )


def _parsed(url: str, stored: Mapping[str, Any]) -> Description:
    try:
        return Description.model_validate(stored)
    except ValidationError as error:
        raise InputError(
            f"{url}: its description of the detector cannot be read by this release; make the incidents again"
        ) from error


def _difference(one: Description, other: Description) -> tuple[str, object, object]:
    """The first entry in which two descriptions differ, as `a.b`, and its two values."""
    mine, theirs = (_flat(description.model_dump(mode="json")) for description in (one, other))
    key = next(key for key in sorted(mine.keys() | theirs.keys()) if mine.get(key) != theirs.get(key))
    return key, mine.get(key), theirs.get(key)


def _flat(values: object, prefix: str = "") -> dict[str, object]:
    if isinstance(values, dict):
        pairs = values.items()
    elif isinstance(values, list):
        pairs = dict(enumerate(values)).items()
    else:
        return {prefix: values}
    flat: dict[str, object] = {}
    for key, value in pairs:
        flat |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
