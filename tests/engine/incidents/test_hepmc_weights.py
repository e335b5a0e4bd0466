"""Which of an event's weights is taken: the nominal one, or the one that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.hepmc.file import HepmcFile
from monsoon.engine.incidents.hepmc.weights import nominal

NAMES = ("MUR05", "MUF05", "Default")
VALUES = (7.0, 8.0, 1.0)


def listing(version: int, names: tuple[str, ...], values: tuple[float, ...]) -> str:
    numbers = " ".join(map(str, values))
    if version == 3:
        head = "HepMC::Asciiv3-START_EVENT_LISTING\nW " + "\\|".join(names)
        event = f"E 0 0 1\nU MEV MM\nW {numbers}\nP 1 0 22 0 0 9000 9000 0 1\n"
        return f"HepMC::Version 3\n{head}\n{event}HepMC::Asciiv3-END_EVENT_LISTING\n"
    quoted = " ".join(f'"{name}"' for name in names)
    return (
        "HepMC::IO_GenEvent-START_EVENT_LISTING\n"
        f"E 0 -1 -1 -1 -1 0 0 1 0 0 0 {len(values)} {numbers}\nN {len(names)} {quoted}\nU MEV MM\n"
        "V -1 0 0 0 0 0 0 1 0\nP 1 22 0 0 9000 9000 0 1 0 0 0 0\nHepMC::IO_GenEvent-END_EVENT_LISTING\n"
    )


def weight(tmp_path: Path, content: str, name: str | None = None) -> tuple[float, list[str]]:
    (tmp_path / "in.hepmc").write_text(content)
    file = HepmcFile(tmp_path / "in.hepmc", weight=name)
    (particles,) = file
    assert file.losses == []
    return float(particles.weight[0]), file.weights


@pytest.mark.parametrize("version", [3, 2])
@pytest.mark.parametrize(
    ("name", "taken"), [(None, (1.0, ["Default"])), ("MUF05", (8.0, ["MUF05"])), ("MUR05", (7.0, ["MUR05"]))]
)
def test_the_nominal_weight_is_taken_unless_another_is_asked_for(
    tmp_path: Path, version: int, name: str | None, taken: tuple[float, list[str]]
) -> None:
    assert weight(tmp_path, listing(version, NAMES, VALUES), name) == taken


@pytest.mark.parametrize("version", [3, 2])
def test_a_weight_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path, version: int) -> None:
    with pytest.raises(
        InputError, match=r"weight: there is no 'MUR2'; the file has 'MUR05', 'MUF05', 'Default'"
    ):
        weight(tmp_path, listing(version, NAMES, VALUES), "MUR2")


@pytest.mark.parametrize(
    ("names", "index"),
    [
        (("Weight", "MEWeight", "WeightNormalisation", "NTrials"), 0),  # Sherpa
        (("MEWeight", "NTrials", "Weight", "WeightNormalisation"), 2),
        (("MUR0.5_MUF1.0", "MUR2.0_MUF1.0", "Weight_MERGING=0.000"), 2),  # MadGraph5, sorted by HepMC 2
        (("AUX_1", "WeightNormalisation"), 0),
        (("isr:muRfac=2.0", "Baseline"), 1),  # Pythia 8
        (("1", "10", "0"), 2),
        (("0", "1", "nominal"), 2),
        ((" muR = 2 ", " nominal "), 1),  # ATLAS
        (("up", "DEFAULT"), 1),
        (("up", ""), 1),
        (("up", "down"), 0),
        (("one",), 0),
    ],
)
def test_the_nominal_weight_is_known_by_its_customary_names(names: tuple[str, ...], index: int) -> None:
    assert nominal(names) == index


def test_names_with_newlines_in_their_quotes_are_read(tmp_path: Path) -> None:
    """As MadGraph5 wrote its reweighting's names into HepMC 2."""
    names = ("0.0_ORIG\nset param_card 1", "247.8_ORIG", "Weight_MERGING=0.000")
    assert weight(tmp_path, listing(2, names, (3.0, 4.0, 5.0))) == (5.0, ["Weight_MERGING=0.000"])
    assert weight(tmp_path, listing(2, names, (3.0, 4.0, 5.0)), names[0])[0] == 3.0


def test_names_with_blanks_are_read(tmp_path: Path) -> None:
    assert weight(tmp_path, listing(3, ("mu R up", "Default"), (3.0, 4.0)), "mu R up") == (3.0, ["mu R up"])


def test_each_listing_has_weights_of_its_own(tmp_path: Path) -> None:
    content = listing(3, NAMES, VALUES) + listing(2, ("Weight", "up"), (5.0, 6.0))
    (tmp_path / "in.hepmc").write_text(content)
    file = HepmcFile(tmp_path / "in.hepmc")
    (particles,) = file
    assert particles.weight.tolist() == [1.0, 5.0]
    assert file.weights == ["Default", "Weight"]


@pytest.mark.parametrize("version", [3, 2])
def test_an_event_without_weights_weighs_one(tmp_path: Path, version: int) -> None:
    content = listing(version, (), ()).replace("W \nE", "E").replace("W \n", "").replace("N 0 \n", "")
    assert weight(tmp_path, content) == (1.0, [])
