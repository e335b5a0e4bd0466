"""Events of several processes, mixed by their cross-sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.parquet import read_header, read_incidents
from monsoon.engine.noise import Purpose, words
from monsoon.engine.records import Array, Incidents, concatenate

BLOCK = 1000  # events in memory at a time
STRIDE = 10**12  # source_event of a mixture is process * STRIDE + the event's number in its process


@dataclass(frozen=True)
class Ingredient:
    """Events of one process, in a file of incidents.

    Attributes
    ----------
    url : str
        The file; its events are numbered consecutively, and each is one collision.
    mb : float
        Cross-section of the process [mb].
    """

    url: str
    mb: float


def processes_of(mb: Sequence[float], seed: int, event: Array) -> Array:
    """The process of each event: k with the probability mb[k] / sum(mb).

    It depends on the seed and the event number alone, so that more events do not change those there are.

    Parameters
    ----------
    mb : sequence of float
        Cross-sections, all positive.
    seed : int
        Seed of the campaign.
    event : int64 array [E]
        Event numbers.

    Returns
    -------
    int64 array [E]
        Indices of processes.
    """
    drawn = words(seed, event, np.zeros(len(event), np.int64), Purpose.PROCESS, 2).astype(np.float64)
    u = (drawn[:, 0] + drawn[:, 1] / 2.0**32) / 2.0**32
    bounds = np.cumsum(mb)[:-1] / np.sum(mb)
    process: Array = np.searchsorted(bounds, u, side="right")
    return process


def mix(ingredients: Sequence[Ingredient], seed: int, events: int) -> Iterator[Incidents]:
    """Events 0 ... events - 1 of the mixture: each is the next event of the process drawn for it.

    Weights within a process are divided by their mean, so that a process has its share also where its events
    are weighted.

    Parameters
    ----------
    ingredients : sequence of Ingredient
        The processes; a process that no event draws needs no file.
    seed : int
        Seed of the campaign.
    events : int
        Number of events.

    Yields
    ------
    Incidents
        Blocks of events, with STRIDE * process + number as `source_event`.

    Raises
    ------
    InputError
        Where a file cannot be read, has too few events, or its weights add up to 0.
    """
    process = processes_of([part.mb for part in ingredients], seed, np.arange(events))
    needed = np.bincount(process, minlength=len(ingredients)).tolist()
    scales = [_scale(part, count) for part, count in zip(ingredients, needed, strict=True)]
    used = [0] * len(ingredients)
    for first in range(0, events, BLOCK):
        drawn = process[first : first + BLOCK]
        parts, places = [], []
        for number, part in enumerate(ingredients):
            place = np.flatnonzero(drawn == number)
            if not len(place):
                continue
            begin, scale = scales[number]
            start = begin + used[number]
            found = read_incidents(part.url, start, start + len(place) - 1)
            used[number] += len(place)
            parts.append(
                replace(
                    found,
                    weight=found.weight * scale,
                    source_event=STRIDE * number + (found.event - begin),
                    origin=None,
                    mother_pdg=np.zeros(len(found.pdg), np.int32)
                    if found.mother_pdg is None
                    else found.mother_pdg,
                )
            )
            places.append(place)
        order = np.argsort(np.concatenate(places))
        yield replace(concatenate(parts).select(order), event=np.arange(first, first + len(drawn)))


def _scale(part: Ingredient, needed: int) -> tuple[int, float]:
    """Number of a file's first event, and what its weights are multiplied by."""
    if not needed:
        return 0, 1.0
    header = read_header(part.url)
    consecutive = header.events == header.last_event - header.first_event + 1
    if not consecutive or header.collisions != header.events:
        raise InputError(
            f"{part.url}: its events are not numbered one by one, or are sums of collisions; give one "
            "collision an event"
        )
    if header.events < needed:
        raise InputError(
            f"{part.url}: has {header.events} events, and {needed} of this process are needed; give more"
        )
    total = 0.0
    for first in range(header.first_event, header.last_event + 1, BLOCK):
        total += float(read_incidents(part.url, first, first + BLOCK - 1).weight.sum())
    if total == 0:
        raise InputError(f"{part.url}: its weights add up to 0; give other events")
    return header.first_event, header.events / total
