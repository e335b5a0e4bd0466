"""What must be made for one detector: the incidents on its face, and the showers that fit into its cells."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from monsoon.engine.detector.description import Description
from monsoon.engine.detector.detector import SHIPPED, Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.errors import InputError, SuspiciousInput
from monsoon.engine.records import Array
from monsoon.models.geometry.geometry import Geometry

WHOLE_UM = 1e-3  # 20.2 mm that went through float32 are 20200 um
SAME_DEPTH_MM = 0.01


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


def refuse_other_showers(model: str, placing: Placing) -> None:
    """Refuse generators whose showers cannot be placed in the detector.

    Parameters
    ----------
    model : str
        The generators, for the message.
    placing : Placing
        Of their showers in the detector.

    Raises
    ------
    InputError
        Naming what the one has and the other has not.
    """
    geometry, detector = placing.geometry, placing.detector
    description = detector.description
    if geometry.layers != detector.layers:
        theirs, ours = (f"{n} layer{'s' * (n > 1)}" for n in (geometry.layers, detector.layers))
        raise InputError(
            f"model {model}: its showers have {theirs}, detector {description.name} has {ours}; use "
            "generators of as many layers, or describe the detector with theirs"
        )
    depths = _depths_mm(geometry)
    apart = np.nan_to_num(np.abs(depths - detector.depths_mm))  # layers without voxels fit anywhere
    if description.layers and np.nan_to_num(depths).any() and apart.max() > SAME_DEPTH_MM:
        layer = int(apart.argmax())
        raise InputError(
            f"model {model}: layer {layer} of its showers is {depths[layer]:g} mm deep, that of detector "
            f"{description.name} {detector.depths_mm[layer]:g} mm; use generators made for these layers, or "
            "describe the detector with theirs"
        )
    if placing.pixels:
        return
    if abs(description.pixel_um - 1000 * description.pixel_mm) > WHOLE_UM or not description.pixel_um:
        raise InputError(
            f"detector {description.name}: pixel_mm = {description.pixel_mm} is not a whole number of "
            f"micrometres, and the showers of model {model} ({geometry.label}) are laid over them in such; "
            "round it"
        )
    try:
        placing.voxels  # noqa: B018
    except ValueError as error:
        raise InputError(
            f"model {model}: its showers ({geometry.label}) cannot be laid over pixels of "
            f"{description.pixel_mm:g} mm of detector {description.name}: {error}; describe coarser pixels"
        ) from error


def _depths_mm(geometry: Geometry) -> Array:
    """Depth of each layer, float64 [L]; zeros where they are not known, NaN where there are no voxels."""
    depths = np.full(geometry.layers, np.nan)
    depths[geometry.layer.numpy()] = geometry.centres_mm[:, 2].double().numpy()
    return depths


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
