"""What a person reads of a config that does not fit: the path of the key, and the keys that there are."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails

from monsoon.engine.config import Campaign, WorkerKind, validate
from monsoon.engine.detector.description import Description
from monsoon.engine.errors import InputError, first_problem
from monsoon.jobs.incidents import SOURCES, GunJob
from monsoon.jobs.training_config import RECIPE_KEYS, TrainConfig, load_training
from monsoon.models.errors import InputError as ModelsError

CONFIGS = (Campaign, WorkerKind, TrainConfig, Description, *(config for config, _ in SOURCES.values()))


def refusal(kind: type[BaseModel], **settings: Any) -> str:
    with pytest.raises(InputError) as caught:
        validate(kind, settings, "here")
    return str(caught.value)


def test_an_unknown_key_inside_another_is_named_with_its_path_and_the_keys_known_there() -> None:
    line = refusal(Campaign, output="x", mu=1, pools=[{"workers": 1}, {"workerz": 3}])
    assert line == (
        "here: pools.1.workerz: unknown key; did you mean workers? known keys: workers, cpus, gpus"
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.__name__)
def test_an_unknown_key_of_any_config_is_named_with_all_known_ones(config: type[BaseModel]) -> None:
    with pytest.raises(ValidationError) as caught:
        config(zzzz=1)
    (unknown,) = (problem for problem in caught.value.errors() if problem["loc"] == ("zzzz",))
    details = InitErrorDetails(type=unknown["type"], loc=unknown["loc"], input=1)
    alone = ValidationError.from_exception_data(config.__name__, [details])
    line = first_problem(alone, config)
    assert line == f"zzzz: unknown key; known keys: {', '.join(config.model_fields)}"


def test_a_training_names_the_recipe_s_keys_beside_its_own() -> None:
    with pytest.raises(InputError) as caught:
        load_training("flow-egamma", ["stepz=3"])
    line = str(caught.value)
    assert line.startswith("flow-egamma: stepz: unknown key; did you mean steps? known keys: family, ")
    assert all(key in line for key in RECIPE_KEYS)


def test_members_of_a_union_are_not_part_of_a_path() -> None:
    line = refusal(GunJob, output="x", events=1, pdg="x", energy_mev=1, theta_rad=0.1)
    assert line.startswith("here: pdg: Input should be a valid integer")
    line = refusal(Campaign, output="x", mu=1, pools=[{"cpus": "many"}])
    assert line.startswith("here: pools.0.cpus: Input should be a valid number")


def test_what_is_missing_and_what_is_no_number_is_said_in_plain_words() -> None:
    assert refusal(Campaign, mu=1) == "here: output: is missing; give it a value"
    line = refusal(Campaign, output="x", events="ten")
    assert line == "here: events: Input should be a valid integer, not 'ten'"
    line = refusal(Campaign, output="x", mu=1, formats="root")
    assert line == "here: formats: should be a list, such as [root]"


def test_a_key_of_a_mapping_is_part_of_a_path() -> None:
    words = ["learning_rate=fast"], ["learning_rate={generator: fast}"]
    for settings, path in zip(words, ("learning_rate", "learning_rate.generator"), strict=True):
        with pytest.raises(InputError) as caught:
            load_training("flow-egamma", settings)
        assert str(caught.value) == f"flow-egamma: {path}: Input should be a valid number, not 'fast'"

    class Limits(BaseModel):
        model_config = ConfigDict(extra="forbid")
        low: float

    class Named(BaseModel):
        limits: dict[str, Limits]

    line = refusal(Named, limits={"width": {"low": 1, "hihg": 2}})
    assert line == "here: limits.width.hihg: unknown key; known keys: low"


def test_there_is_one_input_error() -> None:
    assert InputError is ModelsError


@pytest.mark.parametrize(
    "value",
    [["a" * 1000] * 1000, [[[[[[1] * 99] * 99] * 99] * 99] * 99], {"a": {"b": {"c": {"d": "e"}}}}, 16**6000],
    ids=["long", "wide", "deep", "large"],
)
def test_what_is_repeated_of_a_value_is_short_however_large_it_is(value: Any) -> None:
    line = refusal(Campaign, output="x", mu=value)
    assert line.startswith("here: mu: ")
    assert len(line) < 1500


def test_a_key_without_end_is_compared_at_its_beginning() -> None:
    line = refusal(Campaign, output="x", mu=1, **{"event" + "s" * 500_000: 1})
    assert "unknown key" in line
    assert len(line) < 3000
