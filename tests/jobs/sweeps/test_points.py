"""The points of a sweep are its axes' combinations and draws, and each is named by what it depends on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.errors import InputError
from monsoon.jobs.sweeps.config import Distribution, Sweep
from monsoon.jobs.sweeps.points import Point, draw, points_of
from monsoon.jobs.training_config import TrainConfig

RATE = {"log_uniform": [1e-4, 1e-2]}


def trainings(**settings: Any) -> list[Point]:
    asked: dict[str, Any] = {"verb": "train", "base": "vae-rich", "output": "out", **settings}
    return points_of(Sweep(**asked))


def campaigns(**settings: Any) -> list[Point]:
    asked: dict[str, Any] = {"verb": "generate", "base": "run3", "output": "out", **settings}
    return points_of(Sweep(**asked))


def test_lists_are_combined_and_distributions_drawn_anew_at_each_combination() -> None:
    found = trainings(axes={"options.hidden": [8, 16], "learning_rate": RATE}, samples=3)
    assert [point.values["options.hidden"] for point in found] == [8, 8, 8, 16, 16, 16]
    rates = [point.values["learning_rate"] for point in found]
    assert len(set(rates)) == 6
    for point in found:
        assert isinstance(point.config, TrainConfig)
        assert point.config.options == {"latent": 8, "hidden": point.values["options.hidden"]}
        assert point.config.recipe.learning_rate == point.values["learning_rate"]
        assert point.config.output == f"out/trials/{point.name}"


def test_more_samples_add_trials_to_those_there_are() -> None:
    axes = {"options.hidden": [8, 16], "learning_rate": RATE}
    few, many = ({point.name for point in trainings(axes=axes, samples=n)} for n in (3, 5))
    assert few < many
    other = {point.name for point in trainings(axes=axes, samples=3, seed=2)}
    assert not few & other


def test_a_name_follows_from_what_the_results_depend_on_alone() -> None:
    axes = {"mu": [1.0]}
    (point,) = campaigns(axes=axes)
    (elsewhere,) = campaigns(axes=axes, output="there", settings={"events": 7, "workers": 2})
    (other,) = campaigns(axes=axes, settings={"polarity": -1})
    assert point.name == elsewhere.name != other.name
    assert isinstance(elsewhere.config, Campaign)
    assert (elsewhere.config.events, elsewhere.config.mu) == (7, 1.0)


def test_a_point_that_is_there_twice_is_run_once() -> None:
    assert len(trainings(axes={"seed": {"integers": [1, 2]}}, samples=20)) == 2


def test_the_base_may_be_an_axis() -> None:
    found = campaigns(axes={"base": ["run3", "hl-lhc"], "seed": [1, 2]})
    assert [point.config.mu for point in found if isinstance(point.config, Campaign)] == [5.2, 5.2, 40, 40]


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ({"uniform": [2, 4]}, 3.0),
        ({"integers": [1, 4]}, 2.5),
        ({"log_uniform": [1, 100]}, 99 / math.log(100)),
    ],
)
def test_draws_have_the_mean_of_their_distribution_and_stay_inside(
    axis: dict[str, Any], expected: float
) -> None:
    kind = Distribution(**axis)
    drawn = np.array([draw(kind, str(number)) for number in range(2000)])
    (bounds,) = axis.values()
    assert bounds[0] <= drawn.min() < drawn.max() <= bounds[1]
    assert abs(drawn.mean() - expected) < 5 * drawn.std() / math.sqrt(len(drawn))


@pytest.mark.parametrize(
    ("axes", "line"),
    [
        ({"learning_rat": [1]}, "learning_rat: unknown key; did you mean learning_rate?"),
        ({"family.hidden": [1]}, "family.hidden: family is 'vae', not a mapping"),
        ({"batch": ["many"]}, "vae-rich at batch=many: batch: Input should be a valid integer"),
    ],
)
def test_an_axis_that_no_trial_can_have_is_refused_before_any_runs(axes: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as refused:
        trainings(axes=axes)
    assert line in str(refused.value)
