"""The one schema of an event file, and the hash of its content.

A file has one row per event. Columns of the groups particle, hit and contribution are lists. Only some
campaigns have columns of contributions, and of the particles' origins and crossings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from monsoon.engine.formats.calibration import DERIVED
from monsoon.engine.formats.merkle import MerkleTree
from monsoon.engine.records import CROSSING, HIT_TIME, ORIGINS, REPLICA, Array, Events, Loss, Origin
from monsoon.models.records import Status

SCHEMA_VERSION = 2  # in 1 hit_cell was uint16; files without hit energies are of schema 3
READER_EVENTS = 1000  # at a time, unless it asks for another number
HASH_BYTES = 16  # of one event
MODULUS = 1 << (8 * HASH_BYTES)  # of the sums of hashes
Group = Literal["event", "particle", "hit", "contribution", "replica"]


@dataclass(frozen=True)
class Column:
    name: str
    dtype: str
    group: Group
    unit: str
    meaning: str


ORIGIN_VALUES = ", ".join(f"{origin.value} {origin.name.lower().replace('_', '-')}" for origin in Origin)
STATUSES = ", ".join(f"{status.value} {status.name.lower().replace('_', ' ')}" for status in Status)
_EVENT = (
    Column("event", "int64", "event", "", "event number, increasing"),
    Column("weight", "float64", "event", "", "event weight"),
    Column("source_event", "int64", "event", "", "number in the incidents' source, -1 for an overlay"),
    Column("collisions", "int32", "event", "", "collisions summed into the event"),
    *(Column(f"lost_{loss.name.lower()}", "int32", "event", "", "particles not kept") for loss in Loss),
)
_PARTICLE = (
    Column("particle_pdg", "int32", "particle", "", "PDG code"),
    Column("particle_energy_mev", "float32", "particle", "MeV", "kinetic energy on the face"),
    Column("particle_x_mm", "float32", "particle", "mm", "impact on the face"),
    Column("particle_y_mm", "float32", "particle", "mm", "impact on the face"),
    Column("particle_direction_x", "float32", "particle", "", "direction cosine"),
    Column("particle_direction_y", "float32", "particle", "", "direction cosine"),
    Column("particle_time_ns", "float32", "particle", "ns", "arrival on the face"),
    Column("particle_collision", "int32", "particle", "", "which collision of the event"),
    Column("particle_status", "uint8", "particle", "", STATUSES),
)
_ORIGIN = (
    Column("particle_origin", "uint8", "particle", "", ORIGIN_VALUES),
    Column("particle_mother_pdg", "int32", "particle", "", "PDG code of the nearest other ancestor, or 0"),
    Column("particle_crossing", "int8", "particle", "", "bunch crossing, 0: the triggered one"),
)
_HIT = (
    Column("hit_cell", "uint32", "hit", "", "cell number, increasing"),
    Column("hit_adc", "uint16", "hit", "", "ADC counts after zero suppression"),
    Column("hit_energy_mev", "float32", "hit", "MeV", "calibrated energy"),
)
_HIT_TIME = Column(
    "hit_time_ns", "float32", "hit", "ns", "energy-weighted arrival on the face, NaN: noise alone"
)
_CONTRIBUTION = (
    Column("contribution_hit", "int32", "contribution", "", "index of the hit in the event, increasing"),
    Column("contribution_particle", "int32", "contribution", "", "index of the particle in the event"),
    Column("contribution_energy_mev", "float32", "contribution", "MeV", "calibrated deposit, before noise"),
)


_REPLICAS = Column("replicas", "int32", "event", "", "sets of hits by replicas, 0: none of this event")
_REPLICA = (
    Column("replica_number", "uint16", "replica", "", "which replica of the generators made the hit"),
    Column("replica_cell", "uint32", "replica", "", "cell number, increasing within a replica"),
    Column("replica_adc", "uint16", "replica", "", "ADC counts after zero suppression"),
    Column("replica_energy_mev", "float32", "replica", "MeV", "calibrated energy"),
)


def schema(contributions: bool, origins: Collection[str] = (), energies: bool = True) -> tuple[Column, ...]:
    """The columns in file order.

    Parameters
    ----------
    contributions
        Whether the campaign keeps which particle gave how much of each hit.
    origins
        Which of engine.records.ORIGINS its incidents have, CROSSING with them; HIT_TIME where its hits have
        times, REPLICA where events have replicas.
    energies
        Whether its files have hit energies, which else follow from the counts (calibration.py).
    """
    hit: tuple[Column, ...] = (*_HIT, _HIT_TIME) if HIT_TIME in origins else _HIT
    origin = tuple(column for column in _ORIGIN if column.name.removeprefix("particle_") in origins)
    hit = tuple(column for column in hit if energies or column.name != DERIVED)
    event: tuple[Column, ...] = (*_EVENT, _REPLICAS) if REPLICA in origins else _EVENT
    linked = _CONTRIBUTION if contributions else ()
    return event + _PARTICLE + origin + hit + linked + (_REPLICA if REPLICA in origins else ())


def has_contributions(events: Events) -> bool:
    return events.contribution_offsets is not None


def origins_of(events: Events) -> tuple[str, ...]:
    """Which of engine.records.ORIGINS, CROSSING, HIT_TIME and REPLICA events have."""
    there = {f"particle_{name}": name for name in (*ORIGINS, CROSSING)}
    there |= {"hit_time_ns": HIT_TIME, "replicas": REPLICA}
    return tuple(name for column, name in there.items() if getattr(events, column) is not None)


def schema_of(events: Events) -> tuple[Column, ...]:
    """The columns of events in memory, in file order."""
    return schema(has_contributions(events), origins_of(events))


def schema_in(names: Collection[str]) -> tuple[Column, ...]:
    """The columns of a file with these names, in file order."""
    origins = [name for name in (*ORIGINS, CROSSING) if f"particle_{name}" in names]
    origins += [HIT_TIME] if _HIT_TIME.name in names else []
    origins += [REPLICA] if _REPLICAS.name in names else []
    return schema("contribution_hit" in names, origins, DERIVED in names)


def offsets_for(events: Events, group: Group) -> Array:
    """CSR offsets of a list group, int64 [E + 1]."""
    offsets: Array = getattr(events, f"{group}_offsets")
    return offsets


def values_of(events: Events, column: Column) -> Array:
    """A column's values end to end, in its dtype: [E] for the event group, else [sum of lengths]."""
    if column.name.startswith("lost_"):
        values = events.lost[:, Loss[column.name.removeprefix("lost_").upper()]]
    else:
        values = getattr(events, column.name)
    return np.ascontiguousarray(values, dtype=column.dtype)


def no_events(columns: Collection[Column]) -> Events:
    """What a file of these columns holds to which nothing was written: every column, none of its values."""
    groups = {column.group for column in columns} - {"event"}
    return assemble(
        {column.name: np.zeros(0, column.dtype) for column in columns},
        {group: np.zeros(1, np.int64) for group in groups},
    )


def assemble(values: Mapping[str, Array], offsets: Mapping[str, Array]) -> Events:
    """Events from columns by name and offsets by group, as a reader found them."""
    lost = np.stack([values[f"lost_{loss.name.lower()}"] for loss in Loss], 1).astype(np.int64)
    plain = {name: array for name, array in values.items() if not name.startswith("lost_")}
    return Events(lost=lost, **plain, **{f"{group}_offsets": array for group, array in offsets.items()})


class Content(NamedTuple):
    """What the events of a file, or of a shard, come down to."""

    total: str  # the `content_hash`: equal for equal events, in whatever order and sharding
    merkle_root: str  # the Merkle root over the events' hashes in their order


class ContentHash:
    """The content of events fed part after part, of which it keeps none."""

    def __init__(self) -> None:
        self._total = 0
        self._tree = MerkleTree()

    def update(self, events: Events) -> None:
        """Add the events behind those that came before."""
        for number in event_hashes(events):
            self._total += number
            self._tree.append(number.to_bytes(HASH_BYTES, "little"))
        self._total %= MODULUS

    def content(self) -> Content:
        """The content of all events so far."""
        return Content(self.hexdigest(), self._tree.root())

    def hexdigest(self) -> str:
        """The `content_hash` of all events so far."""
        return content_hash([self._total])


def event_hashes(events: Events) -> list[int]:
    """Hash each event: every column in file order, lengths included.

    Parameters
    ----------
    events : Events
        E events.

    Returns
    -------
    list of int
        E numbers of 128 bits, BLAKE2b of an event's values. Nobody can make another event of the same
        number; two events of one number, both freely chosen, would take about 2^64 tries.
    """
    columns = schema_of(events)
    digests = [hashlib.blake2b(digest_size=HASH_BYTES) for _ in range(len(events))]
    for column in columns:
        for digest, content in zip(digests, _bytes_by_event(events, column), strict=True):
            digest.update(content)
            if column.group != "event":
                digest.update(len(content).to_bytes(8, "little"))
    return [int.from_bytes(digest.digest(), "little") for digest in digests]


def _bytes_by_event(events: Events, column: Column) -> Iterator[memoryview]:
    """A column's values in each event, as they are hashed.

    Cells are hashed in two bytes, as schema 1 stores them, in events that have no cell beyond: their hashes
    are those of former releases. The lengths of the columns beside it tell which width it was.
    """
    values = values_of(events, column)
    bounds = np.arange(len(events) + 1) if column.group == "event" else offsets_for(events, column.group)
    forms = [values]
    form = np.zeros(len(events), np.int64)  # of each event
    if column.name == "hit_cell":
        forms = [values.astype(np.uint16), values]
        event = np.repeat(np.arange(len(events)), np.diff(bounds))
        form[event[values > np.iinfo(np.uint16).max]] = 1
    data = [(array.itemsize, array.view(np.uint8).data) for array in forms]
    for number, low, high in zip(form.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        size, content = data[number]
        yield content[low * size : high * size]


def content_hash(hashes: list[int]) -> str:
    """Sum the hashes of any set of events modulo 2^128, whatever their order and sharding.

    The sum compares honest runs: two campaigns of equal events have equal sums, however many workers made
    them, in however many shards, so that bit rot, lost and doubled events, and a machine that computes
    otherwise show. It does not stand against malice. Whoever may choose events freely finds others of the
    same sum within a minute (the generalised birthday problem). Against that there is the Merkle root
    beside it, `Content.merkle_root`, once it was published.

    Parameters
    ----------
    hashes : list of int
        `event_hashes`, or sums of them.

    Returns
    -------
    str
        32 hexadecimal digits.

    References
    ----------
    D. Wagner, A Generalized Birthday Problem, CRYPTO 2002.
    """
    return f"{sum(hashes) % MODULUS:032x}"


def combine(content_hashes: list[str]) -> str:
    """The content hash of disjoint sets of events from theirs."""
    return content_hash([int(text, 16) for text in content_hashes])


NOTHING = ContentHash().content()  # of no events
