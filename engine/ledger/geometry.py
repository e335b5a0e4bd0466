"""The detector, stored with its events: its description and a table of its cells."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from monsoon.engine.detector.cells import SCHEMA, SCHEMA_1, cell_table
from monsoon.engine.detector.description import Description
from monsoon.engine.detector.detector import Detector, shipped_detectors
from monsoon.engine.errors import InputError
from monsoon.engine.storage import Store
from monsoon.models.data.parquet_claims import check_claims

DESCRIPTION = "detector.json"
CELLS = "cells.parquet"
OTHER = "not the description of the campaign's detector"
SATURATED = "hits at last_adc_count: what their cell received beyond its full scale is lost"
ROUNDING = 1e-6  # relative: mathematical libraries differ in the last bit


def store_geometry(store: Store, detector: Detector) -> None:
    """Write the detector's description and table of cells, unless both are there and correct.

    A missing file is created exclusively, so that only one of several drivers writes it. A damaged file is
    replaced. Outputs of former releases, which did not store them, get them here.

    Parameters
    ----------
    store : Store
        The output of a campaign with this detector.
    detector : Detector
        The campaign's detector.
    """
    contents: dict[str, tuple[Callable[[], bytes], str | None]] = {
        DESCRIPTION: (lambda: detector.description.canonical, _description_problem(store, detector)),
        CELLS: (lambda: _as_parquet(cell_table(detector)), _cells_problem(store, detector)),
    }
    for name, (content, problem) in contents.items():
        if problem:
            store.replace(name, content())
        elif not store.exists(name):
            with suppress(FileExistsError):  # another driver was faster and wrote the same
                store.create(name, content())


def geometry_flaws(store: Store, sha256: str, *, promised: bool) -> dict[str, str]:
    """Check the stored description and table of cells.

    Parameters
    ----------
    store : Store
        A campaign's output.
    sha256 : str
        Checksum of the detector's description, from the campaign's identity.
    promised : bool
        Whether the files must exist. Outputs of former releases lack them.

    Returns
    -------
    dict
        The problem of each file that has one, by its name.
    """
    missing = [name for name in (DESCRIPTION, CELLS) if not store.exists(name)]
    flaws = dict.fromkeys(missing, "the file is gone") if promised else {}
    if DESCRIPTION in missing:
        return flaws
    try:
        content = store.read(DESCRIPTION)
        if hashlib.sha256(content).hexdigest() != sha256:
            return {**flaws, DESCRIPTION: OTHER}
        problem = _cells_problem(store, Detector.of(Description.model_validate_json(content)))
    except OSError as error:
        return {**flaws, DESCRIPTION: f"cannot be read ({error.strerror or error})"}
    except (ValidationError, InputError):
        return {**flaws, DESCRIPTION: "not the description of a detector"}
    return {**flaws, CELLS: problem} if problem else flaws


def find_geometry(stores: Iterable[Store], sha256: str) -> Detector | None:
    """Find a detector by the checksum of its description.

    Parameters
    ----------
    stores : iterable of Store
        Outputs in which a description may be stored.
    sha256 : str
        Checksum of the description.

    Returns
    -------
    Detector or None
        From one of the outputs, or a shipped one; None if there is none with this checksum.
    """
    for store in stores:
        with suppress(OSError, ValidationError, InputError):
            content = store.read(DESCRIPTION)
            if hashlib.sha256(content).hexdigest() == sha256:
                return Detector.of(Description.model_validate_json(content))
    return shipped_with(sha256)


def stored_detector(store: Store, identity: Mapping[str, Any]) -> Detector:
    """The detector of a campaign, as it is stored with its events or shipped.

    Parameters
    ----------
    store : Store
        The campaign's output.
    identity : mapping
        The campaign's, with the checksum of the description.

    Raises
    ------
    InputError
        Where there is none with this checksum.
    """
    digest = identity.get("detector")
    detector = find_geometry([store], digest) if isinstance(digest, str) else None
    if detector is None:
        raise InputError(
            f"{store.url}/{DESCRIPTION}: {OTHER}, and no shipped one is; run the campaign's command again, "
            "which stores it"
        )
    return detector


def shipped_with(sha256: str) -> Detector | None:
    """The shipped detector whose description has this checksum; None if there is none."""
    shipped = map(Detector.load, shipped_detectors())
    return next((detector for detector in shipped if detector.description.sha256 == sha256), None)


def geometry_record(store: Store) -> dict[str, Any] | None:
    """What the manifest says about the detector; None if no usable description is stored."""
    try:
        content = store.read(DESCRIPTION)
    except FileNotFoundError:
        return None
    try:
        detector = Detector.of(Description.model_validate_json(content))
    except (ValidationError, InputError):
        return None  # damaged: `verify` reports it
    return {
        "name": detector.description.name,
        "sha256": detector.description.sha256,
        "description": DESCRIPTION,
        "cells": CELLS,
        "last_adc_count": detector.description.electronics.ceiling,
        "full_scale_mev": {
            zone: {"lowest": round(low), "highest": round(high)}
            for zone, (low, high) in detector.full_scale_mev.items()
        },
        "saturated": SATURATED,
    }


def _description_problem(store: Store, detector: Detector) -> str | None:
    if not store.exists(DESCRIPTION) or store.read(DESCRIPTION) == detector.description.canonical:
        return None
    return OTHER


def _cells_problem(store: Store, detector: Detector) -> str | None:
    """What is wrong with the table of cells; None if it is correct or missing."""
    if not store.exists(CELLS):
        return None
    wanted = cell_table(detector)
    try:
        with store.open(CELLS) as raw, pq.ParquetFile(raw, page_checksum_verification=True) as file:
            if file.schema_arrow not in (SCHEMA, SCHEMA_1) or file.metadata.num_rows != len(wanted):
                return "not the table of this detector's cells"
            check_claims(CELLS, raw, file.metadata, file.schema_arrow.names, range(file.num_row_groups))
            found = file.read()
    except (OSError, pa.ArrowException, InputError):
        return "not a whole Parquet file"
    for name in found.column_names:
        mine, theirs = (table[name].to_numpy() for table in (wanted, found))
        exact = mine.dtype.kind != "f"
        if not (np.array_equal(mine, theirs) if exact else np.allclose(mine, theirs, ROUNDING, ROUNDING)):
            return f"column {name} is not this detector's"
    return None


def _as_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    content: bytes = sink.getvalue().to_pybytes()
    return content
