"""Verdicts on made-up numbers, requirements as people write them, and a whole validation of few showers."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
import torch

import monsoon.jobs.validation.memory
from monsoon.engine.errors import InputError
from monsoon.jobs.sample import sample
from monsoon.jobs.validate import Validated, validate
from monsoon.jobs.validation.card import card_metrics
from monsoon.jobs.validation.requirements import SHIPPED, read_requirements
from monsoon.jobs.validation.samples import model_generator
from monsoon.models.data.shower_files import ShowerSet, read_showers, write_showers
from monsoon.models.geometry.planar import Grid
from monsoon.models.metrics.admission import flaws_of
from monsoon.models.metrics.classification import Classification, classify
from monsoon.models.metrics.contest import Contest, Sample
from monsoon.models.metrics.effort import Effort
from monsoon.models.metrics.quantities import measure_in, quantity_names
from monsoon.models.metrics.verdicts import (
    PASS_SIGMA,
    Check,
    Outcome,
    decide,
    holm,
    showers_needed,
    worst,
)
from monsoon.models.records import Showers
from monsoon.models.store.suite import SAMPLES

HASTY = Effort(1, 8, {"high-level": {"trees": 6, "folds": 2}}, ("high-level",), drawn=1)

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


GOOD = "requirements: [{name: a, statistic: response, region: {species: egamma}, tolerance: {relative: 0.1}}]"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: a", "nome: a", "requirements.0.name: Field required"),
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
        ("requirements: [", "demands: [", "requirements: Field required"),
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


@pytest.fixture(scope="module")
def hadrons() -> Contest:
    """The floor is exact, the generated sample has muons in place of what half of the hadrons leave."""
    showers = read_showers(SAMPLES / "hadrons-heldout.h5")[:600]
    grid = Grid()
    reference, floor = showers[:300], showers[300:]
    energy = reference.showers.energy_mev.clone()
    energy[:60] = 0.0
    wrong = ShowerSet(reference.conditions, Showers(energy), reference.weight)
    samples = {"empty": Sample(wrong, grid)}
    return Contest("hadrons", grid, 1, Sample(reference, grid), Sample(floor, grid), samples, {}, {}, True)


def test_the_fractions_are_of_what_hadrons_leave(hadrons: Contest) -> None:
    visible = hadrons.reference.showers.showers.total_mev()
    for name, expected in (
        ("fraction/nothing", (visible[:60] >= 1).sum() / 300),
        ("fraction/showering", -(visible[:60] >= 75).sum() / 300),
        ("fraction/minimum-ionising", -((visible[:60] >= 40) & (visible[:60] < 75)).sum() / 300),
    ):
        found, showers = measure_in(hadrons, hadrons.generated["empty"], name, (), None, 10)
        assert found is not None
        assert showers == 300
        assert found.value == pytest.approx(float(expected), abs=1e-6)
        assert found.error >= 1 / 300


def test_a_region_counts_its_own_showers_and_too_few_say_so(hadrons: Contest) -> None:
    sample = hadrons.generated["empty"]
    conditions = hadrons.reference.showers.conditions
    inside = (conditions.pdg == 211) & (conditions.energy_mev < 1e4)
    found, showers = measure_in(hadrons, sample, "response", (211,), (1.0, 10.0), 5)
    assert found is not None
    assert showers <= int(inside.sum())
    assert measure_in(hadrons, sample, "response", (-11,), None, 5) == (None, 0)


ROWS = 440


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("validate") / "reference.h5"
    write_showers(path, read_showers(SAMPLES / "egamma-heldout.h5")[:ROWS], {})
    return path


@pytest.fixture(scope="module")
def smeared(reference: Path) -> Path:
    """Geant4's own showers, with every pixel half smeared and 20 % too high."""
    showers = read_showers(reference)
    energy = showers.showers.energy_mev
    noise = torch.randn(energy.shape, generator=torch.Generator().manual_seed(1))
    energy = energy * (1.2 + 0.5 * noise).clamp(min=0)
    path = reference.with_name("smeared.h5")
    write_showers(path, ShowerSet(showers.conditions, Showers(energy), showers.weight), {})
    return path


@pytest.fixture(scope="module")
def validated(reference: Path, smeared: Path, tmp_path_factory: pytest.TempPathFactory) -> Validated:
    out = tmp_path_factory.mktemp("report") / "a <b>"
    return validate(["library"], [str(smeared)], reference=str(reference), out=str(out), seed=1, effort=HASTY)


def test_a_smeared_file_fails_and_says_where(validated: Validated) -> None:
    assert validated.result.outcome("smeared") is Outcome.FAIL
    assert validated.fails()
    failed = [v.requirement.name for v in validated.result.verdicts["smeared"] if v.outcome is Outcome.FAIL]
    assert "e/gamma, response" in failed


def test_few_showers_neither_pass_nor_fail_the_library(validated: Validated) -> None:
    assert validated.result.outcome("library") is Outcome.CANNOT_TELL
    alone = Validated(validated.page, replace(
        validated.result, verdicts={"library": validated.result.verdicts["library"]}
    ))  # fmt: skip
    assert not alone.fails()
    assert alone.fails(strict=True)


def test_the_record_has_every_number_with_error_floor_sizes_seed_and_versions(validated: Validated) -> None:
    record = json.loads(validated.page.with_name("report.json").read_text())
    group = record["groups"]["egamma"]
    assert group["showers"] == {"reference": ROWS // 2, "floor": ROWS // 2, "generated": ROWS // 2}
    assert record["seed"] == 1
    assert record["software"]["torch"]
    assert len(record["compared"]["samples"]["reference"]["sha256"]) == 64
    assert record["compared"]["generators"]["library"]["fingerprint"]
    numbers = group["metrics"]["smeared"]["response/10-31.6 GeV"]
    assert numbers["value"] == pytest.approx(1.25, abs=0.05)
    assert numbers["floor"] == pytest.approx(1.0, abs=0.02)
    assert {"value", "error", "floor", "floor_error"} <= set(numbers)
    compared = record["verdicts"]["smeared"][0]["comparisons"][0]
    assert compared["what"] == "auc/high-level"
    assert compared["showers"] == ROWS // 2
    skipped = [v["name"] for v in record["verdicts"]["library"] if v["skipped"]]
    assert skipped == ["hadrons, what they leave", "hadrons, high-level classifier"]


def test_a_card_keeps_the_areas_and_the_worst_bins(validated: Validated) -> None:
    record = json.loads(validated.page.with_name("report.json").read_text())
    kept = card_metrics(record, "smeared")
    area = record["groups"]["egamma"]["classifiers"]["smeared"]["high-level"]
    assert kept["egamma auc/high-level"]["value"] == area["auc"] > 0.7
    assert kept["egamma fpd"]["floor"] < kept["egamma fpd"]["value"]
    responses = [name for name in kept if name.startswith("egamma response/")]
    assert len(responses) == 1
    assert kept["egamma validation"]["outcome"] == "fail"
    with pytest.raises(ValueError, match="name one"):
        card_metrics(record)


def test_a_card_keeps_what_hadrons_leave(validated: Validated) -> None:
    record = json.loads(validated.page.with_name("report.json").read_text())
    found = {"value": 0.04, "error": 0.01, "floor": 0.03, "floor_error": 0.01}
    region = {"species": "egamma", "pdg": [22]}
    comparisons = [{"what": "fraction/nothing", **found}, {"what": "auc/high-level", **found}]
    record["verdicts"]["smeared"] = [{"requirement": {"region": region}, "comparisons": comparisons}]
    kept = card_metrics(record, "smeared")
    assert kept["egamma fraction/nothing of 22"] == found
    assert "egamma auc/high-level of 22" not in kept


def test_the_page_opens_with_verdicts_and_refers_to_nothing_outside_itself(validated: Validated) -> None:
    page = validated.page.read_text()
    without_images = re.sub(r"base64,[A-Za-z0-9+/=]*", "", page)
    assert not re.search(r"https?://|url\(|@import|<script|<link|srcset", without_images)
    assert set(re.findall(r'src="(.{22})', page)) == {"data:image/png;base64,"}
    first = re.search(r"<h2>(.*?)</h2>", page)
    assert first is not None
    assert first[1] == "Verdicts"
    assert "cannot tell" in without_images
    assert set(re.findall(r'href="#(\w+)"', page)) <= set(re.findall(r'id="(\w+)"', page))


def test_every_plot_is_there_as_png_and_pdf(validated: Validated) -> None:
    plots = validated.page.with_name("plots")
    png, pdf = (sorted(path.stem for path in plots.glob(f"*.{kind}")) for kind in ("png", "pdf"))
    assert png == pdf
    assert len(png) == len(re.findall("<img", validated.page.read_text()))
    assert {"egamma-response", "egamma-resolution", "egamma-linearity", "egamma-cell-spectrum"} <= set(png)
    assert {"egamma-radial-profile", "egamma-correlations", "egamma-power"} <= set(png)
    assert {"egamma-roc-high-level", "egamma-weights-high-level"} <= set(png)
    assert len([name for name in png if name.startswith("egamma-observable-")]) == HASTY.drawn


def test_a_model_is_judged_by_the_showers_that_monsoon_sample_writes(reference: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.h5"
    write_showers(small, read_showers(SAMPLES / "egamma.h5")[:300], {})
    sample(str(small), str(reference), str(tmp_path / "out.h5"), seed=5)
    written = read_showers(tmp_path / "out.h5")
    rows = torch.arange(3, ROWS, 2)
    asked = model_generator(str(small)).of(read_showers(reference), rows, seed=5)
    assert torch.equal(asked.showers.energy_mev, written.showers.energy_mev[rows])
    assert torch.equal(asked.conditions.energy_mev, written.conditions.energy_mev[rows])


def test_an_interrupted_validation_goes_on_and_says_the_same(
    reference: Path, smeared: Path, tmp_path: Path, validated: Validated, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(*arguments: object, **settings: int) -> Classification:
        asked.append(arguments)
        if len(asked) == 5:
            raise KeyboardInterrupt
        return classify(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(monsoon.jobs.validation.memory, "classify", counted)

    def again() -> Validated:
        return validate(
            ["library"], [str(smeared)], reference=str(reference), out=str(tmp_path), seed=1, effort=HASTY
        )

    with pytest.raises(KeyboardInterrupt):
        again()
    assert len(list((tmp_path / ".classifications").iterdir())) == 4
    found = again()
    assert len(asked) == 5 + (2 + 1 + len(flaws_of("egamma")) - 4)  # two generators, the floor, the flaws
    assert not (tmp_path / ".classifications").exists()
    for now, before in zip(found.result.findings, validated.result.findings, strict=True):
        for who in ("library", "smeared"):
            assert (
                now.classifications[who]["high-level"].worst
                == before.classifications[who]["high-level"].worst
            )
    ours, theirs = (json.loads((v.page.parent / "report.json").read_text()) for v in (found, validated))
    assert ours["verdicts"] == theirs["verdicts"]


def test_unusable_input_is_one_line(reference: Path, smeared: Path, tmp_path: Path) -> None:
    def refused(match: str, *models: str, generated: list[str] | None = None, **options: object) -> None:
        settings: dict[str, object] = {"reference": str(reference), "out": str(tmp_path / "out"), **options}
        with pytest.raises(InputError, match=match) as raised:
            validate(models, generated or [], **settings)  # type: ignore[arg-type]
        assert "\n" not in str(raised.value)

    refused("nothing to validate")
    refused("is not positive", "library", limit=0)
    refused("seed: -1", "library", seed=-1)
    refused("no such file", "library", reference=str(tmp_path / "none.h5"))
    refused("two generators have this name", generated=[str(smeared), str(smeared)])
    refused("hadrons-heldout: only 0 showers", generated=[str(SAMPLES / "hadrons-heldout.h5")])
    refused("no group of species has 200 showers", generated=[str(smeared)], limit=100)
    floor = tmp_path / "floor.h5"
    write_showers(floor, read_showers(SAMPLES / "hadrons-heldout.h5")[:300], {})
    refused("no group of species has 200 showers", generated=[str(smeared)], floor=str(floor))
