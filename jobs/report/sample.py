"""What a campaign has on storage, as far as a report needs it: the manifest and its first events."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from engine.commits import Ledger, ShardRecord
from engine.errors import InputError
from engine.incidents.pdg import charges
from engine.manifest import MANIFEST, read_manifest
from engine.records import Array, Events, concatenate
from engine.shards import FORMATS
from models.records import Status
from models.species import NEIGHBOUR

READ_EVENTS = 2000

# In the order of the plots; the first kind that applies is the particle's.
KINDS = ("photons", "electrons", "muons", "charged hadrons", "neutral hadrons")


@dataclass(frozen=True)
class CampaignSample:
    """A campaign's manifest with the first of its events."""

    manifest: dict[str, Any]
    events: Events


def read_sample(output: Path, events: int = READ_EVENTS) -> CampaignSample:
    """Raises InputError, naming the file, without a manifest or events, or with a damaged shard."""
    try:
        manifest = read_manifest(output)
    except (OSError, ValueError) as error:
        raise InputError(f"{output}: no readable {MANIFEST}; run `monsoon generate` to its end") from error
    parts: list[Events] = []
    for record in Ledger(output).records():
        wanted = events - sum(len(part) for part in parts)
        if wanted <= 0:
            break
        parts.append(_first(_read(output, record), wanted))
    if not sum(len(part) for part in parts):
        raise InputError(f"{output}: no events are committed; there is nothing to report")
    return CampaignSample(manifest, concatenate(parts))


def kind_of(pdg: Array) -> Array:
    """Index into KINDS of every particle, int64 [N]."""
    size = np.abs(pdg)
    return np.select(
        [pdg == 22, size == 11, size == 13, charges(pdg) != 0], list(range(len(KINDS) - 1)), len(KINDS) - 1
    )


def particles_per_event(events: Events) -> Array:
    """Truth particles of each of KINDS in each event, int64 [E, 5]."""
    event = np.repeat(np.arange(len(events)), np.diff(events.particle_offsets))
    cell = event * len(KINDS) + kind_of(events.particle_pdg)
    return np.bincount(cell, minlength=len(events) * len(KINDS)).reshape(len(events), len(KINDS))


def typical_event(events: Events) -> int:
    """Row of an event with about the median number of hits, with photons and electrons if there is one."""
    hits = np.diff(events.hit_offsets)
    nearest = np.argsort(np.abs(hits - np.median(hits)), kind="stable")
    counts = particles_per_event(events)
    both = (counts[:, KINDS.index("photons")] > 0) & (counts[:, KINDS.index("electrons")] > 0)
    close = nearest[: max(1, len(nearest) // 20)]
    return int(next((row for row in close if both[row]), nearest[0]))


def remapped(events: Events) -> list[tuple[int, int, int]]:
    """Species code, the code that stood in, and how many particles: commonest first."""
    of_status = events.particle_status == Status.REMAPPED
    codes, counts = np.unique(events.particle_pdg[of_status], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [(int(codes[i]), NEIGHBOUR.get(int(codes[i]), int(codes[i])), int(counts[i])) for i in order]


def _read(output: Path, record: ShardRecord) -> Events:
    # any format holds the same events: the one that reads fastest
    files = {file.format: output / file.url for file in record.files}
    name = next((name for name in FORMATS if name in files), None)
    if name is None:
        raise InputError(f"{output}: shard {record.range.stem} is in no known format ({', '.join(files)})")
    try:
        return FORMATS[name].read(files[name])
    except Exception as error:  # a torn file makes its reader raise anything
        raise InputError(f"{files[name]}: cannot be read as events; run `monsoon verify`") from error


def _first(events: Events, count: int) -> Events:
    """The first `count` events."""
    if count >= len(events):
        return events
    columns: dict[str, Any] = {}
    for field in fields(events):
        values = getattr(events, field.name)
        group = field.name.split("_")[0]
        if values is None:
            columns[field.name] = None
        elif field.name.endswith("_offsets"):
            columns[field.name] = values[: count + 1]
        elif group in ("particle", "hit", "contribution"):
            columns[field.name] = values[: getattr(events, f"{group}_offsets")[count]]
        else:
            columns[field.name] = values[:count]
    return Events(**columns)
