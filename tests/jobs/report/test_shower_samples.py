"""Held-out Geant4, generated showers and the floor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from monsoon.jobs.plots.bins import ENERGY_EDGES_MEV
from monsoon.jobs.plots.overlay import FLOOR
from monsoon.jobs.report.curves import profile_curves, resolution_curves, response_curves
from monsoon.jobs.report.hadrons import class_agreements, counts_by_class, visible_counts
from monsoon.jobs.report.shower_samples import GENERATED, ShowerSamples, draw, matched, sample_showers
from monsoon.models.records import Showers
from monsoon.models.store.suite import Suite


@pytest.fixture(scope="module")
def egamma(suite: Suite) -> ShowerSamples:
    return sample_showers("egamma", suite, seed=1)


@pytest.fixture(scope="module")
def hadrons(suite: Suite) -> ShowerSamples:
    return sample_showers("hadrons", suite, seed=1)


def test_generated_showers_have_exactly_the_held_out_conditions(egamma: ShowerSamples) -> None:
    assert egamma.generated.conditions is egamma.reference.conditions
    assert len(egamma.generated.showers) == len(egamma.reference)


def test_no_floor_shower_is_a_held_out_one(hadrons: ShowerSamples) -> None:
    held = {bytes(row) for row in hadrons.reference.showers.energy_mev.numpy() if row.sum() > 0}
    assert not held & {bytes(row) for row in hadrons.floor.showers.energy_mev.numpy() if row.sum() > 0}


@pytest.mark.parametrize("name", ["egamma", "hadrons"])
def test_the_floor_has_the_composition_of_the_held_out_sample(
    name: str, request: pytest.FixtureRequest
) -> None:
    samples: ShowerSamples = request.getfixturevalue(name)
    held, floor = samples.reference.conditions, samples.floor.conditions
    assert len(floor) == pytest.approx(len(held), rel=0.01)
    for pdg in torch.unique(held.pdg):
        ours, theirs = (np.digitize(c.energy_mev[c.pdg == pdg], ENERGY_EDGES_MEV) for c in (held, floor))
        short = np.bincount(ours, minlength=10) - np.bincount(theirs, minlength=10)
        assert short.min() >= 0
        assert short.sum() <= 3


def test_matched_showers_are_drawn_once_each(egamma: ShowerSamples) -> None:
    twice = matched(egamma.reference, egamma.reference.conditions)
    assert len(twice) == len(egamma.reference)
    assert sorted(twice.conditions.energy_mev.tolist()) == sorted(
        egamma.reference.conditions.energy_mev.tolist()
    )


def test_a_draw_is_repeatable_and_another_attempt_is_another(suite: Suite, egamma: ShowerSamples) -> None:
    few = egamma.reference.conditions[:20]
    first, again, other = (draw(suite, few, 1, attempt).energy_mev for attempt in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_geant4_agrees_with_itself(egamma: ShowerSamples, hadrons: ShowerSamples, suite: Suite) -> None:
    response, resolution = response_curves(egamma), resolution_curves(egamma)
    assert response.ratio(FLOOR)[0] == pytest.approx(1.0, abs=0.003)
    assert resolution.ratio(FLOOR)[0] == pytest.approx(1.0, abs=0.1)
    floors = [response.floor_agreement, resolution.floor_agreement]
    floors += [profile_curves(egamma, suite.grid).floor_agreement]
    floors += [class_agreements(counts_by_class(hadrons))[1]]
    assert all(floor.probability > 1e-3 for floor in floors)


def test_a_response_that_is_one_per_cent_off_is_seen(egamma: ShowerSamples) -> None:
    wrong = replace(egamma.generated, showers=Showers(egamma.generated.showers.energy_mev * 1.01))
    found = response_curves(replace(egamma, generated=wrong))
    assert found.ratio(GENERATED)[0] == pytest.approx(1.01, abs=0.003)
    assert found.agreement.probability < 1e-6


def test_every_hadron_is_counted_once(hadrons: ShowerSamples) -> None:
    counts = counts_by_class(hadrons)
    for label, sample in hadrons.by_label().items():
        assert visible_counts(sample).sum() == counts[label].sum() == len(sample)
