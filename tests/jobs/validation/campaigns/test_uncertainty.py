"""Replicas give the uncertainty that was put into them; common numbers make its statistical part small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.formats.schema import schema
from monsoon.engine.records import Array, Events, offsets_of
from monsoon.engine.replicas import attach
from monsoon.jobs.validation.campaigns.tally import Cells, Tally
from monsoon.jobs.validation.campaigns.uncertainty import of_bins, uncertainties

EVENTS, EVERY, REPLICAS = 4000, 2, 12
SCALE = 0.02  # of hits' energies, between replicas


def events_of_hits(energy_mev: Array) -> Events:
    """One hit an event, and no particles."""
    count = len(energy_mev)
    whole, one = np.arange(count), np.ones(count)
    per_particle = {c.name: np.zeros(0) for c in schema(False) if c.group == "particle"}
    return Events(
        event=whole,
        weight=one,
        source_event=whole,
        collisions=whole,
        lost=np.zeros((count, 5), np.int64),
        particle_offsets=np.zeros(count + 1, np.int64),
        **per_particle,
        hit_offsets=offsets_of(one),
        hit_cell=np.zeros(count, np.uint32),
        hit_adc=np.ones(count, np.uint16),
        hit_energy_mev=energy_mev.astype(np.float32),
    )


@pytest.fixture(scope="module")
def tally(detector: Detector) -> Tally:
    """One hit an event with 30 % of fluctuation, the same in all replicas, whose scales of energy differ."""
    rng = np.random.default_rng(1)
    nominal = events_of_hits(rng.normal(10_000, 3_000, EVENTS).clip(500))
    chosen = nominal.event % EVERY == 0
    some = replace(events_of_hits(nominal.hit_energy_mev[chosen]), event=nominal.event[chosen])
    scales = rng.normal(1, SCALE, REPLICAS)
    again = [replace(some, hit_energy_mev=some.hit_energy_mev * np.float32(scale)) for scale in scales]
    made = Tally(Cells.of(detector, REPLICAS, EVERY))
    whole = attach(nominal, chosen, again)
    made.add(whole)
    return made


def test_the_spread_between_replicas_is_what_was_put_in(tally: Tally, detector: Detector) -> None:
    names = list(Cells.of(detector).quantities)
    found = uncertainties(names, tally)
    energy = found["energy_gev"]
    assert energy.systematic / energy.mean == pytest.approx(SCALE, rel=3 * energy.relative_error)
    assert found["hits"].spread == 0
    assert energy.noise < energy.unpaired / 10  # the scales alone differ: fluctuations are common
    assert energy.unpaired / energy.mean == pytest.approx(0.3 / np.sqrt(EVENTS / EVERY), rel=0.5)
    assert tally.replicas[0].events.sum() == EVENTS // EVERY
    assert (tally.replicas[0].events > 0).all()  # dealt to all groups
    assert np.nanmax(of_bins(tally, names.index("energy_gev"))) > SCALE
    assert "particles" not in found


def test_tallies_of_replicas_are_stored_and_added(tally: Tally, detector: Detector) -> None:
    cells = Cells.of(detector, REPLICAS, EVERY)
    twice = Tally.from_bytes(cells, tally.to_bytes())
    twice.merge(tally)
    assert np.array_equal(twice.replicas[3].sums, 2 * tally.replicas[3].sums)
    with pytest.raises(ValueError, match="have 12 of them"):
        Tally(cells).add(
            replace(
                events_of_hits(np.ones(4)),
                replicas=np.ones(4, np.int32),
                replica_offsets=np.zeros(5, np.int64),
            )
        )
