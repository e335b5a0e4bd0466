"""`monsoon sample`: one generated shower, or row of a table, for each row of a file of conditions."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from monsoon.engine.errors import InputError
from monsoon.engine.loading import fetch_models
from monsoon.engine.sampling import sample_rows
from monsoon.engine.storage import fetch, local_path
from monsoon.jobs.parts import begin
from monsoon.jobs.progress.bar import JobProgress
from monsoon.jobs.refusals import only_of_showers
from monsoon.jobs.tables.sample import sample as sample_table
from monsoon.models.data.examination import examine_file
from monsoon.models.data.shower_files import (
    ShowerSet,
    extent,
    join_showers,
    read_conditions,
    rows_together,
    shower_writer,
)
from monsoon.models.data.shower_geometry import named
from monsoon.models.data.tables.files import is_table
from monsoon.models.files import sha256_of
from monsoon.models.geometry.stored import read_geometry
from monsoon.models.records import Conditions, Status
from monsoon.models.species import species_of
from monsoon.models.store.suite import Suite, load_suite

BLOCK = 4096  # rows that are in memory at a time; content does not depend on it
PART = 25  # times the rows that are compressed together: what an interrupted run may lose


def sample(
    model: str,
    conditions: str,
    out: str,
    seed: int = 0,
    geometry: str | None = None,
    species: str | None = None,
) -> None:
    """Write a file whose row i is a shower, or a row of a table, for the conditions of row i.

    Noise is keyed by (seed, row); the conditions are taken over as they are. Until it is whole the file does
    not exist under its name: its parts are in a hidden folder beside it, where the same call goes on. What
    the model has not seen in training is told on stderr.

    Parameters
    ----------
    model
        A shipped name, a folder, or files of showers.
    conditions
        An HDF5 file, with or without showers, for showers; a table (Parquet, ROOT, CSV) for rows.
    out
        The file: HDF5 for showers, Parquet for rows.
    seed
        Of the noise, 0 .. 2^64 - 1.
    geometry, species
        What files of showers and of their conditions leave out: see `read_geometry`, `species_of`.

    Raises
    ------
    InputError
        Where the model, the conditions or the seed cannot be used, or `out` exists.
    """
    if is_table(conditions):
        only_of_showers(conditions, geometry=geometry, species=species)
        sample_table(model, conditions, out, seed)
    else:
        _sample_showers(model, conditions, out, seed, geometry, species)


def _sample_showers(
    model: str, conditions: str, out: str, seed: int, geometry: str | None, species: str | None
) -> None:
    path = local_path(out)
    if path.exists():
        raise InputError(f"{path}: exists already; remove it or choose another name")
    if not 0 <= seed < 1 << 64:
        raise InputError(f"seed: {seed} is not in 0 .. 2^64 - 1")
    source = fetch(conditions)
    rows = extent(source).rows
    pdg = None if species is None else species_of(species)
    voxels = None if geometry is None else read_geometry(geometry)
    examine_file(source, pdg)
    suite = load_suite(fetch_models(model), geometry=voxels, pdg=pdg)
    _tell_of_the_unseen(suite, source, conditions, rows, pdg)
    attributes = {
        "generator": f"Monsoon, model {model}",
        "fingerprint": suite.fingerprint,
        "seed": str(seed),
        **named(suite.grid),
    }
    folder = path.with_name(f".{path.name}.parts")
    begin(folder, path, attributes | {"conditions": sha256_of(Path(source))})
    size = PART * rows_together((suite.grid.voxels,))
    parts = {start: folder / f"{start}.h5" for start in range(0, rows, size)}
    missing = [start for start, part in parts.items() if not part.exists()]
    left = sum(min(size, rows - start) for start in missing)
    with JobProgress("showers", rows, start=rows - left) as progress:
        for first in missing:
            with shower_writer(parts[first], suite.grid.voxels, {}) as writer:
                for start, block in _blocks(source, first, min(first + size, rows), pdg):
                    showers = sample_rows(suite, block, seed, range(start, start + len(block)))
                    writer.append(ShowerSet(block, showers, torch.ones(len(block))))
                    progress.advance(len(block))
    join_showers(path, list(parts.values()), attributes, source)
    shutil.rmtree(folder)


def _blocks(source: str, first: int, end: int, pdg: int | None) -> Iterator[tuple[int, Conditions]]:
    """The first row and the conditions of each block."""
    for start in range(first, end, BLOCK):
        yield start, read_conditions(source, start, min(start + BLOCK, end), pdg)


def _tell_of_the_unseen(suite: Suite, source: str, conditions: str, rows: int, pdg: int | None) -> None:
    """Raises InputError, before anything is made, where there are rows that no generator is for."""
    counts = np.zeros(len(Status), np.int64)
    unknown: dict[int, int] = {}
    for _, block in _blocks(source, 0, rows, pdg):
        status = suite.status(block)
        counts += torch.bincount(status, minlength=len(Status)).numpy()
        species, found = torch.unique(block.pdg[status == Status.NO_GENERATOR], return_counts=True)
        for code, count in zip(species.tolist(), found.tolist(), strict=True):
            unknown[code] = unknown.get(code, 0) + count
    if unknown:
        which = ", ".join(f"{code} ({count} rows)" for code, count in sorted(unknown.items()))
        raise InputError(
            f"{conditions}: incident_pdg has species that no generator is for: {which}; "
            f"leave these rows out, there is one for {', '.join(map(str, suite.species))}"
        )
    for treated, what in (
        (Status.OUTSIDE_NEAREST, "lie outside the training domain; trust their showers less"),
        (Status.REMAPPED, "are of species that another one stands in for"),
    ):
        if counts[treated]:
            print(f"monsoon: {counts[treated]} of {rows} rows {what}", file=sys.stderr)
