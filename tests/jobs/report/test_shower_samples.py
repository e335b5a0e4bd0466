"""Held-out Geant4, generated showers and the floor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from monsoon.jobs.plots.curves import profile_curves, resolution_curves, response_curves
from monsoon.jobs.report.comparison import ENERGY_EDGES_MEV, Comparison, compare, draw, matched
from monsoon.jobs.report.hadrons import class_agreements, counts_by_class, visible_counts
from monsoon.models.records import Showers
from monsoon.models.store.suite import Suite


@pytest.fixture(scope="module")
def egamma(suite: Suite) -> Comparison:
    return compare("egamma", suite, seed=1)


@pytest.fixture(scope="module")
def hadrons(suite: Suite) -> Comparison:
    return compare("hadrons", suite, seed=1)


def test_generated_showers_have_exactly_the_held_out_conditions(egamma: Comparison) -> None:
    assert egamma.generated.conditions is egamma.heldout.conditions
    assert len(egamma.generated.showers) == len(egamma.heldout)


def test_no_floor_shower_is_a_held_out_one(hadrons: Comparison) -> None:
    held = {bytes(row) for row in hadrons.heldout.showers.energy_mev.numpy() if row.sum() > 0}
    assert not held & {bytes(row) for row in hadrons.floor.showers.energy_mev.numpy() if row.sum() > 0}


@pytest.mark.parametrize("name", ["egamma", "hadrons"])
def test_the_floor_has_the_composition_of_the_held_out_sample(
    name: str, request: pytest.FixtureRequest
) -> None:
    comparison: Comparison = request.getfixturevalue(name)
    held, floor = comparison.heldout.conditions, comparison.floor.conditions
    assert len(floor) == pytest.approx(len(held), rel=0.01)
    for pdg in torch.unique(held.pdg):
        ours, theirs = (np.digitize(c.energy_mev[c.pdg == pdg], ENERGY_EDGES_MEV) for c in (held, floor))
        short = np.bincount(ours, minlength=10) - np.bincount(theirs, minlength=10)
        assert short.min() >= 0
        assert short.sum() <= 3


def test_matched_showers_are_drawn_once_each(egamma: Comparison) -> None:
    twice = matched(egamma.heldout, egamma.heldout.conditions)
    assert len(twice) == len(egamma.heldout)
    assert sorted(twice.conditions.energy_mev.tolist()) == sorted(
        egamma.heldout.conditions.energy_mev.tolist()
    )


def test_a_draw_is_repeatable_and_another_attempt_is_another(suite: Suite, egamma: Comparison) -> None:
    few = egamma.heldout.conditions[:20]
    first, again, other = (draw(suite, few, 1, attempt).energy_mev for attempt in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_geant4_agrees_with_itself(egamma: Comparison, hadrons: Comparison, suite: Suite) -> None:
    response, resolution = response_curves(egamma), resolution_curves(egamma)
    assert response.ratios()[1][0] == pytest.approx(1.0, abs=0.003)
    assert resolution.ratios()[1][0] == pytest.approx(1.0, abs=0.1)
    floors = [response.floor_agreement, resolution.floor_agreement]
    floors += [profile_curves(egamma, suite.grid).floor_agreement]
    floors += [class_agreements(counts_by_class(hadrons))[1]]
    assert all(floor.probability > 1e-3 for floor in floors)


def test_a_response_that_is_one_per_cent_off_is_seen(egamma: Comparison) -> None:
    wrong = replace(egamma.generated, showers=Showers(egamma.generated.showers.energy_mev * 1.01))
    found = response_curves(replace(egamma, generated=wrong))
    assert found.ratios()[0][0] == pytest.approx(1.01, abs=0.003)
    assert found.agreement.probability < 1e-6


def test_every_hadron_is_counted_once(hadrons: Comparison) -> None:
    counts = counts_by_class(hadrons)
    for sample, of_sample in zip(hadrons.samples, counts, strict=True):
        assert visible_counts(sample).sum() == of_sample.sum() == len(sample)
