"""Generators from where they are stored: libraries of shower files, trained models of their folders."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from monsoon.models.data.shower_files import read_showers
from monsoon.models.data.shower_geometry import shower_geometry
from monsoon.models.errors import InputError
from monsoon.models.families.library import Library
from monsoon.models.generator import Generator
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.store.checkpoint import CHECKPOINTS, load, makes_rows
from monsoon.models.store.shipped import SAMPLES, SHOWER_FILES, no_such_model, parts


def load_generators(model: str, geometry: Geometry | None = None, pdg: int | None = None) -> list[Generator]:
    """Load the generators of a suite, in its order.

    Parameters
    ----------
    model
        Shipped names, folders of trained models and shower files, joined by commas.
    geometry, pdg
        Of the showers in files that say nothing of it.

    Raises
    ------
    InputError
        If something cannot be used.
    """
    return [_load_part(path, geometry, pdg) for path in parts(model)]


@cache
def _shipped_library(path: Path) -> Library:
    """Read once by a process, which may run many campaigns: shipped files stay as they are."""
    return _library(path, None, None)


def _library(path: Path, geometry: Geometry | None, pdg: int | None) -> Library:
    voxels = shower_geometry(path, geometry)
    showers = read_showers(path, pdg)
    try:
        return Library(showers, grid=voxels)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _load_part(path: Path, geometry: Geometry | None, pdg: int | None) -> Generator:
    if not path.is_dir():
        if path.suffix not in SHOWER_FILES and not os.path.exists(path):
            raise no_such_model(str(path))
        if path.parent == SAMPLES and geometry is None and pdg is None:
            return _shipped_library(path)
        return _library(path, geometry, pdg)
    return _shipped_model(path) if path.parent == CHECKPOINTS else _model(path)


@cache
def _shipped_model(path: Path) -> Generator:
    """Loaded once by a process, as shipped libraries are; suites only sample from it."""
    return _model(path)


def _model(path: Path) -> Generator:
    stored = load(path)
    if makes_rows(stored.card):
        raise InputError(f"{path}: generates rows of a table, not showers; name a generator of showers")
    model: Generator = stored.model
    return model
