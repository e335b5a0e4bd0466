"""Verdicts on made-up numbers."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from monsoon.models.metrics.verdicts import PASS_SIGMA, Check, Outcome, decide, holm, showers_needed, worst

RATIO = Check("response", 1.0, 0.001, 1.0, 0.001, ideal=1.0, tolerance=0.005, sigmas=2, showers=1000)
AREA = Check("auc", 0.5, 0.01, 0.5, 0.01, ideal=0.5, tolerance=0.08, one_sided=True, showers=1000)


def outcome(comparison: Check) -> Outcome:
    return decide([comparison])[0].outcome


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (1.0, 0.001, Outcome.PASS),
        (0.996, 0.001, Outcome.PASS),
        (1.0069, 0.001, Outcome.CANNOT_TELL),  # two sigma beyond are slack, and its interval is not inside
        (1.008, 0.001, Outcome.FAIL),
        (0.992, 0.001, Outcome.FAIL),
        (1.0, 0.02, Outcome.CANNOT_TELL),  # a sample cannot pass by being small
        (1.02, 0.02, Outcome.CANNOT_TELL),
        (1.2, 0.02, Outcome.FAIL),
        (1.004, 0.0, Outcome.PASS),
        (1.006, 0.0, Outcome.FAIL),
        (nan, 0.001, Outcome.CANNOT_TELL),
        (1.0, nan, Outcome.CANNOT_TELL),
    ],
)
def test_a_ratio_passes_inside_and_fails_beyond_its_tolerance(
    value: float, error: float, expected: Outcome
) -> None:
    assert outcome(replace(RATIO, value=value, error=error)) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.3, Outcome.PASS), (0.56, Outcome.PASS), (0.57, Outcome.CANNOT_TELL), (0.61, Outcome.FAIL)],
)
def test_an_area_is_limited_from_above_alone(value: float, expected: Outcome) -> None:
    assert outcome(replace(AREA, value=value)) is expected


def test_geant4_that_does_not_meet_a_requirement_makes_no_generator_fail() -> None:
    beyond = replace(AREA, value=0.7)
    assert outcome(beyond) is Outcome.FAIL
    assert outcome(replace(beyond, floor=0.65)) is Outcome.CANNOT_TELL
    assert outcome(replace(AREA, value=0.5, floor=0.65)) is Outcome.PASS


def test_a_figure_without_an_ideal_is_held_against_the_floor_with_both_errors() -> None:
    recall = Check("recall", 0.9, 0.01, 0.97, 0.01, ideal=None, tolerance=0.02, showers=1000)
    assert recall.deviation == pytest.approx(0.07)
    assert recall.z == pytest.approx(0.05 / np.hypot(0.01, 0.01))
    assert outcome(recall) is Outcome.FAIL
    assert outcome(replace(recall, value=0.97, error=0.001, floor_error=0.001)) is Outcome.PASS


def test_a_comparison_that_takes_no_part_says_why_and_costs_the_others_nothing() -> None:
    blind = replace(AREA, value=0.9, unfit="sees none of the known flaws")
    alone, with_blind = decide([AREA]), decide([AREA, *[blind] * 9])
    assert with_blind[0] == alone[0]
    assert (with_blind[1].outcome, with_blind[1].reason) == (Outcome.CANNOT_TELL, blind.unfit)


def test_many_comparisons_need_a_larger_deviation_to_fail() -> None:
    two_sigma = replace(AREA, value=0.58 + 0.02)
    assert outcome(two_sigma) is Outcome.FAIL
    assert decide([two_sigma, *[AREA] * 19])[0].outcome is Outcome.CANNOT_TELL
    assert decide([replace(AREA, value=0.58 + 0.05), *[AREA] * 19])[0].outcome is Outcome.FAIL


def test_holm_steps_down_and_stops_at_the_first_that_is_not_significant() -> None:
    first, second, third = 2.1280, 1.9600, 1.6449  # one-sided 5 % over 3, 2 and 1
    assert holm([5.0, 3.0, 2.0]) == pytest.approx([first, second, third], abs=1e-4)
    assert holm([2.0, 5.0, 3.0]) == pytest.approx([third, first, second], abs=1e-4)
    assert holm([5.0, 1.0, 0.5]) == pytest.approx([first, second, second], abs=1e-4)
    assert holm([1.0, 0.5, -inf]) == pytest.approx([first] * 3, abs=1e-4)
    assert holm([]) == []


def test_rarely_does_a_generator_at_the_edge_of_all_its_tolerances_fail() -> None:
    rng = np.random.default_rng(1)
    fails = 0
    for _ in range(200):
        noise = rng.normal(size=10) * 0.01
        family = [replace(AREA, value=0.58 + float(shift)) for shift in noise]
        fails += worst([decision.outcome for decision in decide(family)]) is Outcome.FAIL
    assert 2 <= fails <= 20  # 5 % of 200


def test_the_advised_number_of_showers_does_tell() -> None:
    vague = replace(RATIO, value=1.002, error=0.02)
    needed = showers_needed(vague, 2.0)
    assert needed is not None
    assert needed > 1000
    assert outcome(replace(vague, error=0.02 * (1000 / (1.1 * needed)) ** 0.5)) is Outcome.PASS
    assert showers_needed(replace(RATIO, value=1.005, error=10.0), 2.0) is None


def test_the_worst_counts() -> None:
    assert worst([Outcome.PASS, Outcome.CANNOT_TELL]) is Outcome.CANNOT_TELL
    assert worst([Outcome.FAIL, Outcome.CANNOT_TELL]) is Outcome.FAIL
    assert worst([]) is Outcome.CANNOT_TELL
    assert pytest.approx(1.645, abs=1e-3) == PASS_SIGMA


def test_a_blind_classifier_makes_nothing_pass_but_what_it_finds_counts() -> None:
    blind = replace(AREA, blind="does not see totals smeared 3 % at this size")
    assert outcome(AREA) is Outcome.PASS
    assert decide([blind])[0].reason == blind.blind
    assert outcome(blind) is Outcome.CANNOT_TELL
    assert outcome(replace(blind, value=0.57)) is Outcome.CANNOT_TELL
    assert outcome(replace(blind, value=0.7)) is Outcome.FAIL
    assert outcome(replace(blind, value=0.7, floor=0.65)) is Outcome.CANNOT_TELL
