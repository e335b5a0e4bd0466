"""Replicas of events are made of the same incidents and random numbers, and are kept beside the hits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.errors import InputError
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.ledger.shards import FORMATS
from monsoon.engine.loading import REPLICAS, load_replicas, replica_models
from monsoon.engine.pipeline import generate
from monsoon.engine.records import REPLICA, Events, Incidents
from monsoon.engine.replicas import attach, has_replicas, replicas_of
from monsoon.models.data.shower_files import read_showers
from monsoon.models.families.library import Library
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import CLAMP, Suite, load_suite

EVERY = 2


@pytest.fixture(scope="module")
def small() -> Suite:
    return Suite([Library(read_showers(SAMPLES / name)[:600]) for name in ("egamma.h5", "hadrons.h5")], CLAMP)


@pytest.fixture(scope="module")
def events(small: Suite, placing: Placing, make_incidents: Callable[..., Incidents]) -> Events:
    """Five events, three of which have replicas: by the suite itself, and by a bootstrap of it."""
    incidents = make_incidents([30, 20, 0, 10, 40], first_event=10)
    chosen = has_replicas(incidents.event, EVERY)
    some = incidents.select(chosen)
    again = (generate(some, suite, placing, 1) for suite in (small, small.bootstrapped(0)))
    return attach(generate(incidents, small, placing, 1), chosen, again)


def test_a_replica_by_the_same_generators_is_the_event_itself(events: Events) -> None:
    nominal, same, other = replicas_of(events, 2)
    assert nominal.event.tolist() == [10, 12, 14]
    assert events.replicas is not None
    assert events.replicas.tolist() == [2, 0, 2, 0, 2]
    for name in ("hit_offsets", "hit_cell", "hit_adc", "hit_energy_mev"):
        assert np.array_equal(getattr(nominal, name), getattr(same, name)), name
    assert not np.array_equal(nominal.hit_adc, other.hit_adc)


def test_an_event_without_particles_has_the_same_noise_in_all_replicas(events: Events) -> None:
    """The electronics' numbers are common too."""
    nominal, _, other = replicas_of(events, 2)
    for name in ("hit_cell", "hit_adc"):
        one, two = (getattr(e, name)[e.hit_offsets[1] : e.hit_offsets[2]] for e in (nominal, other))
        assert len(one)
        assert np.array_equal(one, two)


def test_what_has_no_replicas_is_as_it_was(
    events: Events, small: Suite, placing: Placing, make_incidents: Callable[..., Incidents]
) -> None:
    plain = generate(make_incidents([30, 20, 0, 10, 40], first_event=10), small, placing, 1)
    for field in fields(plain):
        if not field.name.startswith("replica"):
            assert np.array_equal(getattr(plain, field.name), getattr(events, field.name)), field.name


@pytest.mark.parametrize("name", FORMATS)
def test_files_keep_replicas(events: Events, name: str, tmp_path: Path, detector: Detector) -> None:
    path = tmp_path / f"events{FORMATS[name].suffix}"
    metadata = {"detector": detector.description.canonical.decode()}  # which edm4hep needs
    with FORMATS[name].writer(path, False, metadata, (REPLICA,)) as append:
        append(events)
    (found,) = FORMATS[name].blocks(path)
    assert event_hashes(found) == event_hashes(events)
    assert np.array_equal(found.replica_number, events.replica_number)


def test_bootstraps_are_counted_draws_that_keep_the_numbers_of_species(small: Suite) -> None:
    one, again, other = (small.bootstrapped(number) for number in (0, 0, 1))
    assert one.fingerprint == again.fingerprint
    assert len({small.fingerprint, one.fingerprint, other.fingerprint}) == 3
    for whole, drawn in zip(small.models, one.models, strict=True):
        assert isinstance(whole, Library)
        assert isinstance(drawn, Library)
        mine, theirs = whole.near._rows, drawn.near._rows
        assert {pdg: len(rows) for pdg, rows in mine.items()} == {
            pdg: len(rows) for pdg, rows in theirs.items()
        }
        assert 0.59 < sum(len(np.unique(rows)) for rows in theirs.values()) / 600 < 0.67  # 1 - 1/e


def test_networks_are_not_drawn_again() -> None:
    campaign = Campaign(mu=1, output="out", model="flow-egamma", replicas=2)
    with pytest.raises(InputError, match=r"replicas: a Flow cannot be drawn again"):
        load_replicas(campaign, load_suite("flow-egamma", "clamp"))


def test_folders_of_replicas_are_joined_replica_by_replica(tmp_path: Path) -> None:
    for name in ("egamma", "hadrons"):
        (tmp_path / name).mkdir()
        (tmp_path / name / REPLICAS).write_text('{"replicas": ["000", "trials/x-1"]}')
    one, other = tmp_path / "egamma", tmp_path / "hadrons"
    assert replica_models(f"{one},{other}") == [
        f"{one}/000,{other}/000",
        f"{one}/trials/x-1,{other}/trials/x-1",
    ]
    assert replica_models(f"{one},library") == [f"{one}/000,library", f"{one}/trials/x-1,library"]
    (other / REPLICAS).write_text('{"replicas": ["000"]}')
    with pytest.raises(InputError, match="folders of 1 and of 2 replicas"):
        replica_models(f"{one},{other}")
    (other / REPLICAS).write_text('{"replicas": ["../elsewhere"]}')
    with pytest.raises(InputError, match="no list of replicas"):
        replica_models(str(other))
    with pytest.raises(InputError, match="has no replicas; name the folder"):
        replica_models("library")
