"""Events <-> ROOT with the names of EDM4hep's collections: a TTree `events`, written through uproot.

EventHeader, MCParticles (the particles on the face), ECalHits (SimCalorimeterHit) and, of campaigns with
contributions, ECalHitContributions (CaloHitContribution) with the relations that podio stores beside them.
Members have EDM4hep's names, types and units (GeV, mm, ns); what EDM4hep has no member for, or rounds, is a
branch with the name it has in a Monsoon TTree. What podio needs besides, trees and classes of its own, is not
there: such a file is read by column (ROOT, uproot, jsroot), not through podio.

References
----------
EDM4hep and podio, https://github.com/key4hep/EDM4hep, https://github.com/AIDASoft/podio.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from monsoon.engine.detector.description import Description
from monsoon.engine.detector.detector import Detector
from monsoon.engine.formats.calibration import energies
from monsoon.engine.formats.edm4hep_members import HITS, PARTICLES, RELATIONS, collections_of
from monsoon.engine.formats.root import NAME, boundaries, opened, ranges
from monsoon.engine.formats.schema import (
    READER_EVENTS,
    Column,
    assemble,
    has_contributions,
    no_events,
    origins_of,
    schema,
    schema_in,
    values_of,
)
from monsoon.engine.records import Array, Events, concatenate, offsets_of

DETECTOR = "detector"  # the key of the metadata: the detector's description, as JSON
NUMBER = "EventHeader.eventNumber"
# Members that a column of the other formats is in, without loss
KEPT = {
    "event": NUMBER,
    "weight": "EventHeader.weight",
    "particle_pdg": f"{PARTICLES}.PDG",
    "particle_x_mm": f"{PARTICLES}.vertex.x",
    "particle_y_mm": f"{PARTICLES}.vertex.y",
    "particle_time_ns": f"{PARTICLES}.time",
    "hit_cell": f"{HITS}.cellID",
    "contribution_particle": f"{RELATIONS[1]}.index",
}
DERIVED = ("hit_energy_mev", "contribution_hit")  # of the counts, and of each hit's contributions


@contextmanager
def writer(
    path: Path, contributions: bool, metadata: dict[str, str], origins: Collection[str] = ()
) -> Iterator[Callable[[Events], None]]:
    """A new file, and what appends consecutive events to its TTree: a basket in every branch for each call.

    The metadata have the detector's description, from which hits get their places. Left by an exception, the
    file holds what was appended before.
    """
    detector = _detector(metadata)
    columns = schema(contributions, origins)
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        file["metadata"] = json.dumps(metadata)
        branches = _branches(no_events(columns), columns, detector)
        types = {name: array.type.content for name, array in branches.items()}
        tree = file.mktree(NAME, types, field_name=_joined)

        def append(events: Events) -> None:
            if len(events):  # otherwise a basket of no events
                tree.extend(_branches(events, columns, detector))

        yield append


def write(events: Events, path: Path, metadata: dict[str, str]) -> None:
    """Write a new file of events that are in memory already."""
    with writer(path, has_contributions(events), metadata, origins_of(events)) as append:
        append(events)


def blocks(path: Path, events: int = READER_EVENTS) -> Iterator[Events]:
    """Read the events of one file in order, at most so many at a time, or one larger basket.

    Members that follow from others (energies in GeV, places, momenta) are computed again and compared.

    Raises OSError or ValueError where it is not a whole event file, perhaps only after some blocks; with them
    uproot's errors.
    """
    with opened(path) as (table, metadata):
        detector = _detector(metadata)
        columns = _columns_in(set(table.keys()))
        for first, end in ranges(boundaries(table, NUMBER), events):
            yield _events(table, columns, detector, first, end)


def read(path: Path) -> Events:
    """All events of one file. Raises as `blocks` does."""
    return concatenate(blocks(path))


def _detector(metadata: Mapping[str, str]) -> Detector:
    if DETECTOR not in metadata:
        raise ValueError(f"the metadata have no {DETECTOR}, which says where cells are")
    return _described(metadata[DETECTOR])


@lru_cache(maxsize=2)
def _described(description: str) -> Detector:
    return Detector.of(Description.model_validate_json(description))


def _columns_in(names: Collection[str]) -> tuple[Column, ...]:
    """The columns of a file with these branches. Raises ValueError where one is missing."""
    contributions = f"{RELATIONS[1]}.index" in names
    columns = schema_in([*names, DERIVED[0], *(DERIVED[1:] if contributions else [])])
    missing = {KEPT.get(c.name, c.name) for c in columns if c.name not in DERIVED} - set(names)
    if missing:
        raise ValueError(f"no branch {min(missing)}")
    return columns


def _joined(outer: str, inner: str) -> str:
    """The branch of a member: columns of a group have their whole names, members EDM4hep's."""
    return inner if inner.startswith(f"{outer}_") else f"{outer}.{inner}"


def _branches(events: Events, columns: tuple[Column, ...], detector: Detector) -> dict[str, Any]:
    """EDM4hep's collections, and what of the columns they do not keep."""
    branches: dict[str, Any] = {}
    for name, (offsets, members) in collections_of(events, detector).items():
        branches[name] = _lists(offsets, members)
    own: dict[str, dict[str, Array]] = {}
    for column in columns:
        if column.name in KEPT or column.name in DERIVED:
            continue
        if column.group == "event":
            branches[column.name] = ak.Array(values_of(events, column))
        else:
            own.setdefault(column.group, {})[column.name] = values_of(events, column)
    for group, members in own.items():
        branches[group] = _lists(getattr(events, f"{group}_offsets"), members)
    return branches


def _lists(offsets: Array, members: Mapping[str, Array]) -> Any:
    contents = [ak.contents.NumpyArray(np.ascontiguousarray(values)) for values in members.values()]
    records = ak.contents.RecordArray(contents, list(members))
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), records))


def _events(table: Any, columns: tuple[Column, ...], detector: Detector, first: int, end: int) -> Events:
    def flat(branch: str) -> tuple[Array, Array]:
        array = table[branch].array(entry_start=first, entry_stop=end)
        return ak.to_numpy(ak.flatten(array)), offsets_of(ak.to_numpy(ak.num(array)))

    values: dict[str, Array] = {}
    offsets: dict[str, Array] = {}
    for column in columns:
        name = KEPT.get(column.name, column.name)
        if name in DERIVED:
            continue
        if column.group == "event" and column.name not in KEPT:
            found = ak.to_numpy(table[name].array(entry_start=first, entry_stop=end))
        else:
            found, at = flat(name)
            if not np.array_equal(offsets.setdefault(column.group, at), at):
                raise ValueError(f"{name}: lists of other lengths than its neighbours")
        values[column.name] = found.astype(column.dtype, copy=False)
    if not np.array_equal(offsets.pop("event"), np.arange(end - first + 1)):
        raise ValueError(f"{NUMBER}: not one for each event")
    values["hit_energy_mev"] = energies(
        values["hit_cell"], values["hit_adc"], detector.electronics.mev_per_count.numpy()
    )
    if "contribution" in offsets:
        begins, ends = (
            flat(f"{HITS}.contributions_{which}")[0].astype(np.int64) for which in ("begin", "end")
        )
        counts = ends - begins
        values["contribution_hit"] = _hit_of(counts, offsets["hit"], len(values["contribution_particle"]))
    events = assemble(values, offsets)
    _compare(events, table, flat, detector)
    return events


def _hit_of(counts: Array, hit_offsets: Array, contributions: int) -> Array:
    """Index of each contribution's hit in its event, int32 [K], from how many each hit has, [H]."""
    if (counts < 0).any() or counts.sum() != contributions:
        raise ValueError(f"{HITS}: its contributions are others than there are")
    within = np.arange(len(counts)) - np.repeat(hit_offsets[:-1], np.diff(hit_offsets))
    return np.repeat(within, counts).astype(np.int32)


def _compare(
    events: Events, table: Any, flat: Callable[[str], tuple[Array, Array]], detector: Detector
) -> None:
    """Raise ValueError where a member is not what follows from the events."""
    known = {name: flat(f"{PARTICLES}.{name}")[0] for name in ("mass", "charge")}  # of the writer's tables
    for name, (at, members) in collections_of(events, detector, known).items():
        for member, values in members.items():
            found, offsets = flat(f"{name}.{member}")
            if not np.array_equal(offsets, at) or not np.array_equal(found, values, equal_nan=True):
                raise ValueError(f"{name}.{member}: does not follow from the events")
