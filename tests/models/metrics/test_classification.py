"""Areas, splits, weights and regions: what stands between a classifier and a verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.errors import InputError
from monsoon.models.geometry.observables import response
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.auc import auc, error_of
from monsoon.models.metrics.classification import Classification, classify, cross_validate, sees
from monsoon.models.metrics.classifiers.pixel_trees import PixelTrees
from monsoon.models.metrics.flaws import smear_pixels
from monsoon.models.metrics.folds import folds, groups_of
from monsoon.models.metrics.regions import worst_regions
from monsoon.models.records import Conditions
from monsoon.models.store.shipped import SAMPLES

GRID = Planar()
ROWS = 500


@pytest.fixture(scope="module")
def halves() -> tuple[ShowerSet, ShowerSet]:
    """Two Geant4 samples of 500 photons and electrons each."""
    showers = read_showers(SAMPLES / "egamma-heldout.h5")
    return showers[0 : 2 * ROWS : 2], showers[1 : 2 * ROWS : 2]


def conditions(numbers: list[int]) -> Conditions:
    """One condition for each number, equal where the numbers are."""
    n = len(numbers)
    direction = torch.tensor([0.0, 0.0, 1.0]).repeat(n, 1)
    return Conditions(
        torch.full((n,), 22, dtype=torch.int32), torch.tensor(numbers).float(), direction, torch.zeros(n, 2)
    )


def gaussians(n: int, distance: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    generated = np.arange(2 * n) < n
    return rng.normal(size=2 * n) + distance * generated, generated


@pytest.mark.parametrize("distance", [0.0, 0.5, 2.0])
def test_area_between_two_gaussians_is_the_known_one(distance: float) -> None:
    score, generated = gaussians(5000, distance, seed=1)
    fold = np.arange(10_000) % 3
    area, influence = auc(score, generated, np.ones(10_000), fold)
    error = error_of(influence, np.arange(10_000))
    assert abs(area - stats.norm.cdf(distance / np.sqrt(2))) < 3 * error
    assert error < 0.01


def test_error_of_the_area_is_its_spread_over_samples() -> None:
    areas, errors = [], []
    for seed in range(400):
        score, generated = gaussians(150, 0.7, seed)
        area, influence = auc(score, generated, np.ones(300), np.zeros(300, np.int64))
        areas.append(area)
        errors.append(error_of(influence, np.arange(300)))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.12)  # the spread itself is known to 3.5 %


class Means:
    """A small classifier: log odds of two Gaussians about the means of the training rows [N, C]."""

    def __init__(self, columns: np.ndarray, folds: int) -> None:
        self.columns, self.folds = columns, folds

    def log_odds(
        self, train: np.ndarray, generated: np.ndarray, weight: np.ndarray, test: np.ndarray, seed: int
    ) -> np.ndarray:
        sides = [train[generated], train[~generated]]
        ours, theirs = (self.columns[side].mean(0) for side in sides)
        return (self.columns[test] - (ours + theirs) / 2) @ (ours - theirs)


@pytest.mark.parametrize(("folds", "repeats"), [(2, 1), (4, 3)])
def test_the_error_of_a_judge_covers_what_other_samples_would_have_taught_it(
    folds: int, repeats: int
) -> None:
    generated = np.arange(200) < 100
    pulls = []
    for seed in range(150):
        columns = np.random.default_rng(seed).normal(size=(200, 10))
        trial = cross_validate(Means(columns, folds), generated, np.ones(200), np.arange(200), seed, repeats)
        pulls.append((trial.auc - 0.5) / trial.error)
    assert 0.65 < np.std(pulls) < 1.15  # without the folds' common rows in the error it is above 1.2


def test_copies_of_a_row_do_not_shrink_the_error() -> None:
    score, generated = gaussians(200, 0.7, seed=2)
    alone = auc(score, generated, np.ones(400), np.zeros(400, np.int64))
    copied = auc(np.tile(score, 5), np.tile(generated, 5), np.ones(2000), np.zeros(2000, np.int64))
    assert copied[0] == pytest.approx(alone[0])
    assert error_of(copied[1], np.tile(np.arange(400), 5)) == pytest.approx(
        error_of(alone[1], np.arange(400))
    )


def test_a_weight_counts_as_so_many_rows_and_ties_count_half() -> None:
    score = np.array([3.0, 1.0, 2.0, 1.0, 0.0])
    generated = np.array([True, True, False, False, False])
    weight = np.array([1.0, 3.0, 2.0, 1.0, 1.0])
    times = weight.astype(int)
    expanded = auc(score.repeat(times), generated.repeat(times), np.ones(8), np.zeros(8, np.int64))[0]
    # by hand: 3 beats all four; each of the three at 1 loses to two, ties with one and beats one: 1.5 of 4
    assert expanded == pytest.approx((4 + 3 * 1.5) / 16)
    assert auc(score, generated, weight, np.zeros(5, np.int64))[0] == pytest.approx(expanded)


def test_scores_are_compared_inside_a_fold_alone() -> None:
    score = np.array([1.0, 0.0, 101.0, 100.0])
    generated = np.array([True, False, True, False])
    assert auc(score, generated, np.ones(4), np.array([0, 0, 1, 1]))[0] == 1


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_equal_condition_are_never_on_both_sides(seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = rng.integers(1, 60, 400).tolist()
    group = groups_of(conditions(numbers))
    assert len(np.unique(group)) == len(set(numbers))
    fold = folds(group, rng.random(400) < 0.5, 4, rng)
    assert set(fold) == {0, 1, 2, 3}
    for number in set(numbers):
        assert len(set(fold[np.array(numbers) == number])) == 1


def test_conditions_differ_in_every_part_of_them() -> None:
    same = conditions([5, 5, 5, 5, 5])
    direction, offset, pdg = same.direction.clone(), same.offset_mm.clone(), same.pdg.clone()
    direction[1, 0], offset[2, 1], pdg[3] = 1e-7, 1e-7, 11
    group = groups_of(Conditions(pdg, same.energy_mev, direction, offset))
    assert len(set(group.tolist())) == 4
    assert group[0] == group[4]


def test_folds_hold_equal_shares_of_both_samples() -> None:
    generated = np.arange(1000) < 400
    fold = folds(np.arange(1000), generated, 5, np.random.default_rng(0))
    assert np.bincount(fold[generated]).tolist() == [80] * 5
    assert np.bincount(fold[~generated]).tolist() == [120] * 5


def test_a_perfect_copy_misleads_unless_equal_conditions_stay_together(
    halves: tuple[ShowerSet, ShowerSet],
) -> None:
    sample = halves[0]
    grouped = classify("pixel-trees", sample, sample, GRID, seed=1, repeats=1, folds=2)
    assert grouped.auc == pytest.approx(0.5, abs=1e-12)
    # row by row a shower's twin is among the training rows, with the other label
    rows = torch.arange(ROWS).repeat(2)
    classifier, generated = PixelTrees(sample[rows], GRID), np.arange(2 * ROWS) < ROWS
    fold = np.random.default_rng(1).permutation(2 * ROWS) % 2
    odds = np.empty(2 * ROWS)
    for k in (0, 1):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        odds[test] = classifier.log_odds(train, generated[train], np.ones(len(train)), test, seed=1)
    assert auc(odds, generated, np.ones(2 * ROWS), fold)[0] < 0.45


def test_a_seed_repeats_a_judgement_and_another_does_not(halves: tuple[ShowerSet, ShowerSet]) -> None:
    first, again, other = (
        classify("pixel-trees", *halves, GRID, seed, repeats=2, folds=2, trees=10) for seed in (1, 1, 2)
    )
    assert first.repeats == again.repeats
    assert (first.log_weight == again.log_weight).all()
    assert first.repeats != other.repeats
    assert first.repeats[0] != first.repeats[1]
    assert first.auc == pytest.approx(np.mean(first.repeats))
    assert len(first.log_weight) == len(first.log_weight_reference) == ROWS


def test_weights_make_a_biased_sample_indistinguishable(halves: tuple[ShowerSet, ShowerSet]) -> None:
    sample, reference = halves
    high = response(sample.conditions, sample.showers) > 0.167
    kept = high | (torch.rand(ROWS, generator=torch.Generator().manual_seed(1)) < 0.3)
    biased = replace(sample[kept], weight=torch.where(high[kept], 1.0, 1 / 0.3))
    unweighted = replace(biased, weight=torch.ones(len(biased)))
    seen = classify("pixel-trees", unweighted, reference, GRID, seed=1, repeats=1, trees=40)
    mended = classify("pixel-trees", biased, reference, GRID, seed=1, repeats=1, trees=40)
    assert seen.auc - 0.5 > 4 * seen.error
    assert abs(mended.auc - 0.5) < 3 * mended.error


def test_log_weights_are_of_reference_over_generated_density() -> None:
    showers = read_showers(SAMPLES / "egamma-heldout.h5")[0:1000]
    sample, reference = showers[0:1000:2], showers[1:1000:2]
    low = sample.conditions.energy_mev < 10_000
    thinned = sample[~low | (torch.arange(ROWS) % 4 == 0)]  # three in four showers below 10 GeV are gone
    found = classify("pixel-trees", thinned, reference, GRID, seed=1, repeats=1, trees=40)
    rare = (thinned.conditions.energy_mev < 10_000).numpy()
    ratio = found.log_weight[rare].mean() - found.log_weight[~rare].mean()
    assert ratio == pytest.approx(np.log(4), abs=0.5)


def test_the_worst_region_names_where_a_flaw_was_planted(halves: tuple[ShowerSet, ShowerSet]) -> None:
    sample, reference = halves
    photon = sample.conditions.pdg == 22
    smeared = smear_pixels(0.5)(sample, GRID, 1).showers.energy_mev
    energy = torch.where(photon[:, None], smeared, sample.showers.energy_mev)
    planted = replace(sample, showers=replace(sample.showers, energy_mev=energy))
    found = classify("pixel-trees", planted, reference, GRID, seed=1, repeats=1, trees=40)
    worst = found.worst[0].description
    assert "not species 11" in worst or "species 22" in worst.replace("not species 22", "")
    assert all("not species 22" not in region.description for region in found.worst)


def test_a_region_has_the_bounds_units_and_shares_of_a_planted_box() -> None:
    showers = read_showers(SAMPLES / "egamma-heldout.h5")
    c = showers.conditions
    angle = torch.rad2deg(torch.acos(c.direction[:, 2]))
    box = ((c.energy_mev > 20_000) & (angle > 8)).numpy()
    generated = np.arange(2500) % 2 == 0
    odds = np.random.default_rng(1).normal(size=2500) + np.where(generated, 2.0, -2.0) * box
    weight = np.ones(2500)
    [worst] = worst_regions(showers, GRID, generated, weight, odds, np.arange(2500), seed=1)
    bounds = dict(part.split(" > ") for part in worst.description.split(", "))
    assert bounds.keys() == {"energy", "angle"}
    assert float(bounds["energy"].removesuffix(" GeV")) == pytest.approx(20, rel=0.05)
    assert float(bounds["angle"].removesuffix(" degrees")) == pytest.approx(8, rel=0.05)
    assert worst.generated == pytest.approx(box[generated].mean(), rel=0.3)
    assert worst.reference == pytest.approx(box[~generated].mean(), rel=0.3)
    assert worst.log_weight == pytest.approx(-2, abs=0.3)
    assert worst.gain == pytest.approx(2, abs=0.3)


def test_guessing_has_no_worst_region() -> None:
    showers = read_showers(SAMPLES / "egamma-heldout.h5")[0:1000]
    generated = np.arange(1000) % 2 == 0
    for seed in range(3):
        odds = np.random.default_rng(seed).normal(size=1000)
        assert worst_regions(showers, GRID, generated, np.ones(1000), odds, np.arange(1000), seed) == []


def area(auc: float, error: float) -> Classification:
    return Classification("any", auc, error, [auc], np.zeros(1), np.zeros(1), [], 0)


def test_a_flaw_is_seen_where_its_area_is_above_the_floor() -> None:
    floor = area(0.50, 0.01)
    power = {
        "seen": area(0.55, 0.01),
        "not": area(0.53, 0.01),
        "below": area(0.40, 0.01),
    }
    assert sees(power, floor) == ["seen"]
    assert sees(power, floor, sigma=1.0) == ["seen", "not"]


def test_what_a_person_can_mend_is_said(halves: tuple[ShowerSet, ShowerSet]) -> None:
    sample, reference = halves
    with pytest.raises(InputError, match="no classifier"):
        classify("oracle", sample, reference, GRID, seed=1)
    signed = replace(sample, weight=torch.full((ROWS,), -1.0))
    with pytest.raises(InputError, match="weights"):
        classify("pixel-trees", signed, reference, GRID, seed=1)
    with pytest.raises(InputError, match="conditions"):
        classify("pixel-trees", sample[:3], reference[:3], GRID, seed=1)
