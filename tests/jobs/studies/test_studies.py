"""Every study from its command to its page, of tiny size; what cannot be is refused in a line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from monsoon.jobs.cli import DONE, UNUSABLE, main
from monsoon.jobs.studies.command import STUDIES
from monsoon.jobs.studies.worths import Worth, shown

HELD_OUT = "showers=[egamma-heldout.h5]"
TINY = {
    "toy": ["repetitions=3", "target=20000", "correlated_target=5000", "networks=[]"],
    "decomposition": [HELD_OUT, "sizes=[40,80]", "repetitions=4", "events=100", "particles=4"],
    "amplification": [HELD_OUT, "sizes=[40,80]", "trainings=4", "generated=200", "models=[library]"],
    "coverage": [HELD_OUT, "experiments=3", "replicas=5", "library_showers=20", "generated=50"],
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The output of each study."""
    found = {}
    for name, words in TINY.items():
        found[name] = tmp_path_factory.mktemp(name) / "out"
        assert main(["study", name, f"output={found[name]}", "--local", *words]) == DONE
    return found


def figures(folder: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((folder / "figures.json").read_text())
    return read


@pytest.mark.slow
def test_every_study_ends_in_a_page_and_figures(outputs: dict[str, Path]) -> None:
    assert set(outputs) == set(STUDIES) - {"physics"}  # which has tests of its own
    for name, folder in outputs.items():
        assert b"<html" in (folder / "report.html").read_bytes()
        assert figures(folder)["config"]["output"] == str(folder)  # type: ignore[index]
        assert name == "coverage" or list(folder.glob("*.png"))


@pytest.mark.slow
def test_a_permuted_sample_has_the_training_sample_s_bulk_and_no_tail(outputs: dict[str, Path]) -> None:
    found = figures(outputs["toy"])
    tails = found["tails"]["independent"]["permutation"]  # type: ignore[index]
    assert abs(tails["bias"][0]) < 0.3
    assert tails["bias"][-1] == -1


@pytest.mark.slow
def test_whole_events_are_worth_their_number(outputs: dict[str, Path]) -> None:
    worth = figures(outputs["decomposition"])["worth"]
    for size in (40, 80):
        of = [worth[f"{size}/whole/{name}"][0] for name in ("response", "hits", "hottest_share")]  # type: ignore[index]
        assert 0.4 * size / 4 < np.median(of) < 2.5 * size / 4


@pytest.mark.slow
def test_training_samples_are_worth_their_size(outputs: dict[str, Path]) -> None:
    worth = figures(outputs["amplification"])["worth"]
    of = [of_key["Geant4"]["80"]["interval"][0] for key, of_key in worth.items() if key.endswith("/50")]  # type: ignore[attr-defined]
    assert 40 < np.median(of) < 160


@pytest.mark.slow
def test_a_finished_study_says_the_same_again(
    outputs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (outputs["coverage"] / "figures.json").read_bytes()
    assert main(["study", "coverage", f"output={outputs['coverage']}", "--local", *TINY["coverage"]]) == DONE
    assert (outputs["coverage"] / "figures.json").read_bytes() == before
    assert capsys.readouterr().out == f"report: {outputs['coverage'] / 'report.html'}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tail"], "choose from toy"),
        (["toy"], "output: is missing"),
        (["toy", "output=x", "rows=3"], "rows"),
        (["amplification", "output=x", "models=[flaw]"], "not library or a recipe"),
        (["amplification", "output=x", "sizes=[41]"], "sizes"),
        (["coverage", "output=x", "showers=[nothing.h5]"], "nothing.h5: no such file"),
        (["coverage", "output=x", HELD_OUT, "library_showers=1000"], "too few"),
    ],
)
def test_what_cannot_be_studied_is_refused_in_a_line(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["study", *words, "--local"]) == UNUSABLE
    line = capsys.readouterr().err.strip()
    assert said in line
    assert "\n" not in line
    assert not list(tmp_path.iterdir())


def test_a_worth_is_shown_with_its_interval() -> None:
    assert shown(Worth(1234.0, 987.0, 1678.0, False)) == "1,200 (990 to 1,700)"
    assert shown(Worth(50.0, 40.0, float("inf"), False)) == "50 (40 or more)"
    assert shown(Worth(float("inf"), 812.0, float("inf"), False)) == "above 810"
