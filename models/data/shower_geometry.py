"""Which geometry the showers of a file have: what the file names, or else what the command says."""

from __future__ import annotations

import json
from pathlib import Path

import h5py

from monsoon.models.data.datasets import UNREADABLE, has, opened
from monsoon.models.data.shower_files import CONDITIONS, extent
from monsoon.models.errors import UNUSABLE, InputError
from monsoon.models.geometry.geometry import Geometry, same
from monsoon.models.geometry.planar import Planar
from monsoon.models.geometry.stored import as_stored, geometry_of

ATTRIBUTE = "geometry"
LARGEST = 1 << 22  # bytes of the attribute


def named(geometry: Geometry) -> dict[str, str]:
    """The attribute by which a file names its geometry, for `shower_writer`."""
    return {ATTRIBUTE: json.dumps(as_stored(geometry))}


def shower_geometry(path: str | Path, said: Geometry | None = None) -> Geometry:
    """Find the geometry of a file's showers.

    It is the one that the file names. Where it names none it is the one that the command says. Where that
    says none either, files of 900 voxels with every dataset of conditions are planar images of 30 x 30
    pixels: such files former releases wrote, and none of the CaloChallenge is like that.

    Parameters
    ----------
    path
        A file with showers.
    said
        What the command says.

    Raises
    ------
    InputError
        If file and command say different things, neither says anything, or there are other voxels.
    """
    stored, missing = _stored(Path(path))
    found = stored or said
    voxels = extent(path).voxels
    if found is None and voxels is None:
        raise InputError(f"{path}: no dataset showers; give a file with showers")
    if found is None and voxels == Planar().voxels and not missing:
        found = Planar()
    if found is None:
        known = ""
        if voxels == Planar().voxels:
            known = f" (without {', '.join(missing)} it may be of others than 30 x 30 pixels)"
        raise InputError(
            f"{path}: names no geometry of its {voxels} voxels{known}; say which: geometry=NAME, a JSON file "
            f"or a binning.xml, or the file's attribute {ATTRIBUTE}"
        )
    if stored and said and not same(stored, said):
        raise InputError(f"{path}: its showers have {stored.label}, geometry says {said.label}; leave it out")
    if voxels not in (None, found.voxels):
        raise InputError(
            f"{path}: showers has {voxels} voxels, {found.label} have {found.voxels}; name its own geometry"
        )
    return found


def shared_geometry(paths: list[str], said: Geometry | None = None) -> Geometry:
    """The one geometry of several files. Raises InputError where they differ; see `shower_geometry`."""
    found = [shower_geometry(path, said) for path in paths]
    for path, one in zip(paths, found, strict=True):
        if not same(one, found[0]):
            raise InputError(
                f"{path}: its showers have {one.label}, those of {paths[0]} {found[0].label}; give files of "
                "one geometry"
            )
    return found[0]


def _stored(path: Path) -> tuple[Geometry | None, list[str]]:
    """What a file names, and which datasets of conditions it does not have."""
    with opened(path) as file:
        missing = [name for name in CONDITIONS if not has(file, name)]
        try:
            text = _text(file)
            return geometry_of(json.loads(text)) if text is not None else None, missing
        except (*UNREADABLE, *UNUSABLE) as error:
            raise InputError(
                f"{path}: attribute {ATTRIBUTE} is no geometry ({error}); write what Monsoon writes there"
            ) from error


def _text(file: h5py.File) -> str | None:
    if ATTRIBUTE not in file.attrs:
        return None
    if file.attrs.get_id(ATTRIBUTE).get_storage_size() > LARGEST:
        raise ValueError("it is too large")
    text = file.attrs[ATTRIBUTE]
    if not isinstance(text, str) or len(text) > LARGEST:
        raise ValueError("it is not a text, or too large")
    return text
