"""A request is refused with one line where it orders what cannot be, before any sample is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monsoon.engine.config import PRESETS, load_campaign
from monsoon.jobs.requests.config import load_request

EXAMPLE = Path(__file__).parents[3] / "jobs" / "examples" / "request.yaml"
FILE = "{name: a, file: a.parquet}"
CARDS = "{name: b, cards: ['HardQCD:all = on']}"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["samples=[]"], "samples: Tuple should have at least 1 item"),
        (["samples=[{name: a}]"], "samples.0.events: is missing"),
        (["samples=[{name: ../a, events: 1}]"], "samples.0.name: String should match pattern"),
        (["samples=[{name: pools, events: 1}]"], "samples: pools: the name is taken"),
        (["samples=[{name: a, events: 1}, {name: a, events: 2}]"], "samples: a: the name is taken"),
        (["conditions=run4"], "conditions: 'run4' is not one of run3, hl-lhc"),
        (["settings={output: a}"], "settings: output is no key of a request"),
        (["settings={mue: 5}"], "sample a: mue: unknown key; did you mean mu?"),
        (
            [f"samples=[{{name: a, events: 1, processes: [{FILE}, {CARDS}]}}]"],
            "a: cross_section_mb is missing",
        ),
        (["samples=[{name: a, events: 1, processes: [{name: b}]}]"], "give cards, or else a file"),
        (["ray_address=127.0.0.1:1"], "ray_address 127.0.0.1:1: does not answer"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_and_leaves_nothing(
    words: list[str], line: str, refused: Callable[[str, str, list[str]], str]
) -> None:
    assert line in refused("request", "{output: out, samples: [{name: a, events: 1}]}", words)


def test_the_example_is_a_request() -> None:
    assert [sample.name for sample in load_request(str(EXAMPLE)).samples][-1] == "electroweak"


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_campaign(name: str) -> None:
    campaign = load_campaign(name, ["output=out"])
    energy = "Beams:eCM = 14000"
    at_14_tev = name in ("hl-lhc-14tev", "hl-lhc-siw")
    assert (energy in campaign.pythia) == at_14_tev
    if isinstance(campaign.signal, tuple):
        assert (energy in campaign.signal) == at_14_tev
    if name in ("run3", "hl-lhc"):  # those that campaigns were begun with
        assert campaign.model_fields_set == {"mu", "output"}
