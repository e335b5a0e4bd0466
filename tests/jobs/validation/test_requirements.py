"""Requirements as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.validation.requirements import SHIPPED, read_requirements
from monsoon.models.metrics.classification import CLASSIFIERS
from monsoon.models.metrics.quantities import quantity_names

GOOD = "requirements: [{name: a, statistic: response, region: {species: egamma}, tolerance: {relative: 0.1}}]"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: a", "nome: a", "requirements.0.name: is missing"),
        ("name: a", "name: a, more: 1", "requirements.0.more: unknown key"),
        ("species: egamma", "species: egamma, angle: 1", "requirements.0.region.angle: unknown key"),
        ("species: egamma", "species: muons", "'muons'"),
        ("species: egamma", "species: egamma, energy_gev: [3, 2]", "energy_gev: two or more edges"),
        ("response", "responce", "no responce; there are auc"),
        ("response", "auc/eye", "no auc/eye; there are auc/high-level"),
        ("response", "separation/mood", "no separation/mood; there are separation/asymmetry_x"),
        ("response", "[]", "name one"),
        ("response", "fpd", "has no ideal but 0"),
        ("relative: 0.1", "relative: 0.1, absolute: 0.1", "give one of at_most, absolute, relative"),
        ("relative: 0.1", "sigmas: 2", "give one of at_most, absolute, relative"),
        ("relative: 0.1", "relative: -0.1", "greater than 0"),
        ("relative: 0.1", "at_most: 0.9", "at_most has to be above the ideal, 1.0"),
        ("relative: 0.1", "relative: 0.1, sigmas: 20", "less than or equal to 5"),
        ("response, region: {species: egamma", "fpd, region: {species: egamma, pdg: [1]", "whole sample"),
        ("requirements: [", "demands: [", "requirements: is missing"),
        ("]", f", {GOOD[15:]}", "two are named 'a'"),
        (GOOD, "- a", "not a mapping"),
        (GOOD, "a: [", "not a YAML file"),
        (GOOD, "requirements: []", "at least 1"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_requirements_is_one_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError) as raised:
        read_requirements(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_requirements_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.yaml: cannot be read"):
        read_requirements(tmp_path / "none.yaml")


def test_the_shipped_requirements_bin_the_energy_and_name_judges() -> None:
    shipped = {r.name: r for r in read_requirements(SHIPPED)}
    assert len(shipped["e/gamma, response"].region.bins) == 4
    assert shipped["e/gamma, response"].tolerance.words == "within 0.5 % + 2 sigma"
    assert all(name in quantity_names() for r in shipped.values() for name in r.statistic)
    assert all(r.why for r in shipped.values())


def test_every_classifier_decides_a_requirement_of_photons_and_electrons() -> None:
    statistics = {
        name
        for requirement in read_requirements(SHIPPED)
        for name in requirement.statistic
        if requirement.region.species == "egamma" and requirement.by_classifiers
    }
    assert statistics == {f"auc/{name}" for name in CLASSIFIERS}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("relative: 0.1", "relative: much", "requirements.0.tolerance.relative: a number, not 'much'"),
        ("species: egamma", "species: egamma, pdg: 22", "requirements.0.region.pdg: a list, not 22"),
        ("species: egamma", "species: egamma, pdg: [22.5]", "a whole number, not 22.5"),
        ("species: egamma", "pdg: [22]", "requirements.0.region.species: is missing"),
        ("statistic: response", "statistic: 5", "a name or a list of names, not 5"),
        ("{species: egamma}", "egamma", "requirements.0.region: a mapping, not 'egamma'"),
        ("name: a", "name: 7", "requirements.0.name: text, not 7"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError) as raised:
        read_requirements(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert said in str(raised.value)
