"""Replicas of events: the same incidents and random numbers through other generators.

Noise is keyed by (event, particle) and (event, cell), so that a replica differs from the nominal event by its
generators alone: numbers are common, and the difference has a smaller statistical error than that of
independent events.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from monsoon.engine.formats.schema import no_events, schema
from monsoon.engine.records import PER_EVENT, Array, Events, offsets_of


def has_replicas(event: Array, every: int) -> Array:
    """Which events have replicas: those whose number is a multiple of `every`; bool [E]."""
    chosen: Array = event % every == 0
    return chosen


def attach(events: Events, chosen: Array, replicas: Iterable[Events]) -> Events:
    """Events with the hits of their replicas.

    Parameters
    ----------
    events
        E nominal events.
    chosen
        Those that have replicas, bool [E].
    replicas
        The chosen events by each generator, in their order.
    """
    columns: dict[str, list[Array]] = {name: [] for name in ("event", "number", "cell", "adc", "energy_mev")}
    rows = np.flatnonzero(chosen)
    count = 0
    for number, one in enumerate(replicas):
        if not np.array_equal(one.event, events.event[rows]):
            raise ValueError(f"replica {number} is of other events")
        columns["event"].append(np.repeat(rows, np.diff(one.hit_offsets)))
        columns["number"].append(np.full(len(one.hit_cell), number, np.uint16))
        for name in ("cell", "adc", "energy_mev"):
            columns[name].append(getattr(one, f"hit_{name}"))
        count += 1
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    order = np.argsort(whole["event"], kind="stable")  # by event, then replica, then cell
    return replace(
        events,
        replicas=np.where(chosen, count, 0).astype(np.int32),
        replica_offsets=offsets_of(np.bincount(whole["event"], minlength=len(events))),
        **{f"replica_{name}": whole[name][order] for name in columns if name != "event"},
    )


def replicas_of(events: Events, count: int) -> list[Events]:
    """The events that have replicas: nominal first, then by each of `count` generators, with hits alone.

    Raises ValueError where events have another number of replicas.
    """
    if events.replicas is None or events.replica_offsets is None:
        raise ValueError("the events have no replicas")
    rows = np.flatnonzero(events.replicas)
    if (events.replicas[rows] != count).any():
        raise ValueError(f"not all events with replicas have {count} of them")
    place = np.full(len(events), -1)
    place[rows] = np.arange(len(rows))
    of_hit = place[np.repeat(np.arange(len(events)), np.diff(events.hit_offsets))]
    of_replica = place[np.repeat(np.arange(len(events)), np.diff(events.replica_offsets))]
    empty, plain = no_events(schema(contributions=False)), {n: getattr(events, n)[rows] for n in PER_EVENT}
    found = []
    for number in range(-1, count):
        which = of_hit >= 0 if number < 0 else (of_replica >= 0) & (events.replica_number == number)
        group, owner = ("hit", of_hit) if number < 0 else ("replica", of_replica)
        hits = {f"hit_{n}": getattr(events, f"{group}_{n}")[which] for n in ("cell", "adc", "energy_mev")}
        offsets = offsets_of(np.bincount(owner[which], minlength=len(rows)))
        none = np.zeros(len(rows) + 1, np.int64)  # without particles
        found.append(replace(empty, **plain, **hits, hit_offsets=offsets, particle_offsets=none))
    return found
