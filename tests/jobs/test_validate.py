"""Whole validations of few showers."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

import monsoon.jobs.validate
import monsoon.jobs.validation.memory
from monsoon.engine.errors import InputError
from monsoon.jobs import cli
from monsoon.jobs.plots.style import plain
from monsoon.jobs.sample import sample
from monsoon.jobs.validation import classifier_plots, displays, plots
from monsoon.jobs.validation.card import card_metrics
from monsoon.jobs.validation.samples import file_generator, model_generator
from monsoon.jobs.validation.showers import Validated
from monsoon.jobs.validation.showers import validate_showers as validate
from monsoon.models.data.shower_files import ShowerSet, read_showers, write_showers
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.admission import flaws_of
from monsoon.models.metrics.classification import Classification, classify
from monsoon.models.metrics.effort import QUICK, Effort
from monsoon.models.metrics.findings import find, seconds_of
from monsoon.models.metrics.verdicts import Outcome
from monsoon.models.records import Showers
from monsoon.models.store.shipped import SAMPLES

pytestmark = pytest.mark.slow

HASTY = Effort(1, 8, {"high-level": {"trees": 6, "folds": 2}}, ("high-level",), drawn=1, epochs=1)

ROWS = 440

# the name of a file that HTML, templates and matplotlib would take for more, with a byte that is not Unicode
ALIKE = "_$x^$\"'><img src=x onerror=alert(1)><script>&amp;{{ 7 * 7 }}\udce9"


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
def independent(reference: Path) -> list[Path]:
    """Two files of other Geant4 showers, more of them than in the reference; one without low energies."""
    others = read_showers(SAMPLES / "egamma-heldout.h5")[ROWS:]
    alike, high = reference.with_name(f"{ALIKE}.h5"), reference.with_name("high.h5")
    write_showers(alike, others[:700], {})
    write_showers(high, others[others.conditions.energy_mev > 4000][:500], {})
    return [alike, high]


@dataclass(frozen=True)
class Interrupted:
    """A validation of a model, a paired file and two independent ones that was interrupted and went on.

    kept   classifications that were there after the interruption
    asked  classifications that were made, in both runs together
    said   on stderr and by `say`, in order
    """

    validated: Validated
    kept: int
    asked: int
    said: str


@pytest.fixture(scope="module")
def interrupted(
    reference: Path, smeared: Path, independent: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Interrupted:
    out = tmp_path_factory.mktemp("report") / "a <b>"
    asked = []
    said = io.StringIO()

    def counted(*arguments: object, **settings: int) -> Classification:
        asked.append(arguments)
        if len(asked) == 5:
            raise KeyboardInterrupt
        return classify(*arguments, **settings)  # type: ignore[arg-type]

    def run() -> Validated:
        return validate(
            ["library"],
            [str(path) for path in (smeared, *independent)],
            reference=str(reference),
            out=str(out),
            seed=1,
            effort=HASTY,
            say=lambda line: print(line, file=said),
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monsoon.jobs.validation.memory, "classify", counted)
        with pytest.raises(KeyboardInterrupt):
            run()
        kept = len(list((out / ".classifications").glob("*.npz")))
        with redirect_stderr(said):
            found = run()
    return Interrupted(found, kept, len(asked), said.getvalue())


@pytest.fixture(scope="module")
def validated(interrupted: Interrupted) -> Validated:
    return interrupted.validated


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
    flaws = record["groups"]["egamma"]["power"]["high-level"]["flaws"]
    power = kept["egamma power/high-level, totals smeared 3 %"]
    assert power["value"] == flaws["totals smeared 3 %"]["auc"]
    assert power["floor"] == kept["egamma auc/high-level"]["floor"]
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
    first = re.search(r"<h2[^>]*>(.*?)</h2>", page)
    assert first is not None
    assert first[1] == "Verdicts"
    assert "cannot tell" in without_images
    anchors = {"verdicts", "egamma", "provenance", "limits"}
    assert set(re.findall(r'href="#([^"]*)"', page)) == anchors <= set(re.findall(r'id="([^"]*)"', page))


def test_every_plot_is_there_as_png_and_pdf(validated: Validated) -> None:
    plots = validated.page.with_name("plots")
    png, pdf = (sorted(path.stem for path in plots.glob(f"*.{kind}")) for kind in ("png", "pdf"))
    assert png == pdf
    assert len(png) == len(re.findall("<img", validated.page.read_text()))
    assert {"egamma-response", "egamma-resolution", "egamma-linearity", "egamma-cell-spectrum"} <= set(png)
    assert {"egamma-radial-profile", "egamma-correlations", "egamma-power"} <= set(png)
    assert {"egamma-roc-high-level", "egamma-weights-high-level"} <= set(png)
    assert len([name for name in png if name.startswith("egamma-observable-")]) == HASTY.drawn


class Parsed(HTMLParser):
    """What a browser makes of a page: names of tags and attributes, and the texts between tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_hostile_name_of_a_file_stays_text(validated: Validated) -> None:
    page = Parsed(validated.page.read_text())
    assert page.tags.count("img") == len(list(validated.page.with_name("plots").glob("*.png")))
    assert "script" not in page.tags
    assert not {name for name in page.attributes if name.startswith("on")}
    shown = ALIKE.replace("\udce9", r"\udce9")  # which is not Unicode
    assert page.texts.count(f"Validation of library, smeared, {shown}, high") == 2  # the title, the heading
    assert page.texts.count(shown) == 4  # the verdict, two heads of columns, what the sample is
    for text in ("Numbers of {}", "{}: energy of 22", "high-level: {}", "generators: {}"):
        assert text.format(shown) in page.texts
    record = json.loads(validated.page.with_name("report.json").read_text())
    assert ALIKE in record["outcome"]


def test_plots_show_names_letter_by_letter(validated: Validated) -> None:
    found = validated.result.findings[0]
    for figure in (
        plots.classes(found.contest),
        classifier_plots.roc(found, "high-level"),
        classifier_plots.weights(found, "high-level"),
    ):
        legend = figure.axes[0].get_legend()
        assert legend is not None
        assert any(text.get_text().startswith(r" _\$x^\$") for text in legend.get_texts())
    titles = [axes.get_title() for axes in plots.correlations(found.contest).axes]
    assert titles[:2] == ["Geant4", "5 x (Geant4, other - Geant4)"]
    assert titles[4].startswith(r"5 x ( _\$x^\$")


def test_a_display_has_each_samples_shower_of_the_condition(validated: Validated) -> None:
    contest = validated.result.findings[0].contest
    rows = displays.rows_shown(contest)
    conditions = contest.reference.showers.conditions
    assert conditions.pdg[rows].tolist() == [22, 11, 22]
    photons = conditions.energy_mev[conditions.pdg == 22]
    assert (photons - 60e3).abs().min() == (conditions.energy_mev[rows[2]] - 60e3).abs()
    panels = displays.display(contest, rows[0]).axes[:5]
    assert [axes.get_title().split("\n")[0] for axes in panels] == [
        plain(name, 30) for name in ("Geant4", *contest.generated)
    ]
    wanted = conditions[rows[0] : rows[0] + 1]
    for axes, (name, theirs) in zip(panels[1:], contest.generated.items(), strict=True):
        own = displays.nearest(theirs.showers.conditions, wanted) if name in (ALIKE, "high") else rows[0]
        total = float(theirs.showers.showers.energy_mev[own].sum())
        assert axes.get_title().split("\n")[1].startswith(f"{total:.0f} MeV in ")


def test_a_model_is_judged_by_the_showers_that_monsoon_sample_writes(reference: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.h5"
    write_showers(small, read_showers(SAMPLES / "egamma.h5")[:300], {})
    sample(str(small), str(reference), str(tmp_path / "out.h5"), seed=5)
    written = read_showers(tmp_path / "out.h5")
    rows = torch.arange(3, ROWS, 2)
    asked = model_generator(str(small), Planar()).of(read_showers(reference), rows, seed=5)
    assert torch.equal(asked.showers.energy_mev, written.showers.energy_mev[rows])
    assert torch.equal(asked.conditions.energy_mev, written.conditions.energy_mev[rows])


def test_an_interrupted_validation_goes_on_and_says_the_same(interrupted: Interrupted) -> None:
    everything = 4 + 1 + len(flaws_of("egamma"))  # four generators, the floor, the flaws
    assert interrupted.kept == 4
    assert interrupted.asked == 5 + (everything - 4)
    assert not (interrupted.validated.page.parent / ".classifications").exists()
    found = interrupted.validated.result.findings[0]
    contest, settings = found.contest, HASTY.settings_of("high-level")
    for who, ours in contest.generated.items():
        alone = classify("high-level", ours.showers, contest.reference.showers, Planar(), 1, 1, **settings)
        remembered = found.classifications[who]["high-level"]
        assert remembered.auc == alone.auc
        assert repr(remembered.worst) == repr(alone.worst)  # NaN is not NaN
        assert (remembered.log_weight == alone.log_weight).all()


def test_the_last_line_says_fail_where_something_fails(
    validated: Validated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(monsoon.jobs.validate, "validate", lambda *arguments, **options: validated)
    assert cli.main(["validate", "--reference", "any.h5"]) == 3
    report, verdict = capsys.readouterr().out.splitlines()
    assert report == f"report: {validated.page}"
    outcomes = {who: [v.outcome for v in of] for who, of in validated.result.verdicts.items()}
    failed = [f"{who}: {of.count(Outcome.FAIL)} of 4 requirements" for who, of in outcomes.items()]
    assert outcomes["smeared"].count(Outcome.FAIL) > 0
    said = f"verdict: fail ({'; '.join(failed)})"
    assert verdict == said.replace("\udce9", r"\udce9")


def test_what_cannot_be_told_fails_where_that_is_asked_for(validated: Validated) -> None:
    alone = replace(
        validated,
        result=replace(validated.result, verdicts={"library": validated.result.verdicts["library"]}),
    )
    unclear = [v.outcome for v in validated.result.verdicts["library"]].count(Outcome.CANNOT_TELL)
    assert alone.summary() == f"cannot tell ({unclear} of 4 requirements)"
    assert alone.summary(strict=True) == f"fail (cannot tell; {unclear} of 4 requirements)"


def test_the_page_explains_its_numbers_and_has_a_row_for_each_classifier(validated: Validated) -> None:
    page = validated.page.read_text()
    assert "Sigma beyond: how far the value lies beyond its tolerance" in page
    assert "Two Gaussians 0.29 standard deviations apart have an area of 0.58" in page
    found = validated.result.findings[0]
    for who in ("library", "smeared"):
        assert f'<th scope="row">high-level: {who}</th>' in page
        assert (
            f'<th scope="row">{who}, high-level: ' in page
        )  # of the worst regions, also where none is confirmed
    assert not found.classifications["library"]["high-level"].worst
    assert "no region confirmed" in page


def test_independent_samples_of_other_sizes_are_compared(interrupted: Interrupted) -> None:
    result = interrupted.validated.result
    found = result.findings[0]
    contest = found.contest
    assert set(contest.independent) == {ALIKE, "high"}
    assert [len(s) for s in (contest.floor, *contest.generated.values())] == [len(contest)] * 5
    metrics = {m.name: m for m in found.metrics[ALIKE]}
    assert metrics["response/10-31.6 GeV"].value == pytest.approx(1.0, abs=0.02)
    # with eight replicas the error of a resolution of 50 showers is hardly known: it is not looked at
    outcomes = {v.requirement.name: v.outcome for v in result.verdicts[ALIKE]}
    assert outcomes["e/gamma, high-level classifier"] is not Outcome.FAIL
    assert outcomes["e/gamma, response"] is not Outcome.FAIL
    assert found.classifications[ALIKE]["high-level"].auc < 0.6


def test_conditions_that_differ_are_said_before_any_verdict(interrupted: Interrupted) -> None:
    found, said = interrupted.validated, interrupted.said
    warnings = found.result.warnings()
    assert len(warnings) == 1
    assert warnings[0].startswith("high: the conditions of egamma differ from the reference's in ")
    assert "energy of 22 (distance " in warnings[0]
    said = " ".join(said.split())
    assert said.index(warnings[0]) < said.index("library: ")  # the first verdict
    page = unescape(found.page.read_text())
    assert page.index(warnings[0]) < page.index('<strong class="badge ')
    assert not re.search(r"[+> ]nan\b", re.sub(r"base64,[A-Za-z0-9+/=]*", "", page))
    record = json.loads((found.page.parent / "report.json").read_text())
    assert record["warnings"] == warnings
    conditions = record["groups"]["egamma"]["conditions"]
    assert [conditions[who]["differ"] for who in (ALIKE, "high")] == [False, True]
    energy = next(test for test in conditions["high"]["tests"] if test["what"] == "energy of 22")
    assert energy["distance"] > energy["finds"] > 0
    assert (
        record["compared"]["generators"][ALIKE]["conditions"] == "its own: 700 showers for a reference of 440"
    )


def test_a_file_of_the_references_conditions_is_paired_with_it(validated: Validated) -> None:
    assert "smeared" not in validated.result.findings[0].contest.independent
    origin = validated.result.origins["generators"]["smeared"]
    assert origin["conditions"] == "the reference's, row by row"


def test_a_file_in_another_order_is_an_independent_sample(smeared: Path, tmp_path: Path) -> None:
    showers = read_showers(smeared)
    path = tmp_path / "other.h5"
    write_showers(path, showers[torch.arange(len(showers)).roll(1)], {})
    found = file_generator(str(path), showers, Planar())
    assert not found.paired
    assert found.origin["conditions"] == "its own: row 0 has another condition"


def test_progress_adds_up_to_the_seconds_that_were_foretold(validated: Validated) -> None:
    found = validated.result.findings[0]
    known, done = found.floor["high-level"], []
    effort = replace(HASTY, replicas=2, repeats=3)
    find(found.contest, effort, lambda what, units: done.append(units), lambda *a, **settings: known)
    assert sum(done) == pytest.approx(seconds_of(found.contest, effort))
    assert seconds_of(found.contest, effort) < seconds_of(found.contest, QUICK) < 300


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
    called_geant4 = tmp_path / "Geant4.h5"
    called_geant4.symlink_to(smeared)
    refused("plots call the Geant4 samples so", generated=[str(called_geant4)])
    refused("hadrons-heldout: only 0 showers", generated=[str(SAMPLES / "hadrons-heldout.h5")])
    refused("no group of species has 200 showers", generated=[str(smeared)], limit=100)
    floor = tmp_path / "floor.h5"
    write_showers(floor, read_showers(SAMPLES / "hadrons-heldout.h5")[:300], {})
    refused("no group of species has 200 showers", generated=[str(smeared)], floor=str(floor))
