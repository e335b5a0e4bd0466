"""A node is asked for what has to be equal, and what it has to see."""

from __future__ import annotations

from pathlib import Path

import pytest

import monsoon
from monsoon.engine.campaign import ResolvedCampaign, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.remote.preflight import code_hash, differences, examine, facts, hash_of_sources
from monsoon.engine.storage import open_store
from monsoon.models.store.suite import Suite


@pytest.fixture
def resolved(pool: Path, tmp_path: Path, suite: Suite, detector: Detector) -> ResolvedCampaign:
    campaign = Campaign(incidents=str(pool), mu=1.5, events=10, model="library", output=str(tmp_path / "out"))
    open_store(campaign.output).probe()
    resolved = resolve(campaign, campaign.output, str(pool), suite, detector)
    Ledger(open_store(campaign.output)).open(resolved.identity, campaign.layout(), campaign.events)
    return resolved


def test_a_node_that_is_like_the_driver_has_no_problems(resolved: ResolvedCampaign) -> None:
    assert differences(facts(), facts()) == []
    assert examine(resolved.output, CAMPAIGN, open_store(resolved.output).read(CAMPAIGN), resolved) == []


@pytest.mark.parametrize("key", ["code", "torch", "instruction_set"])
def test_each_difference_is_named(key: str) -> None:
    (line,) = differences(facts(), {**facts(), key: "another"})
    assert line.startswith(f"{key} is another there")


def test_a_node_that_sees_another_output_says_so(resolved: ResolvedCampaign) -> None:
    (line,) = examine(resolved.output, CAMPAIGN, b"what the driver sees", resolved)
    assert "is another one there" in line


def test_a_node_that_sees_no_output_or_no_incidents_says_so(resolved: ResolvedCampaign) -> None:
    stored = open_store(resolved.output).read(CAMPAIGN)
    elsewhere = ResolvedCampaign(resolved.campaign, "/not/there", "/nor/there", resolved.identity)
    output, incidents = examine(elsewhere.output, CAMPAIGN, stored, elsewhere)
    assert "output /not/there cannot be read" in output
    assert "/nor/there" in incidents


def test_the_code_hash_follows_the_sources(tmp_path: Path) -> None:
    def changed(name: str, content: str) -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
        return hash_of_sources(tmp_path)

    first = changed("engine/ledger/plan.py", "a = 1\n")
    assert changed("engine/ledger/plan.py", "a = 2\n") != first
    assert changed("engine/ledger/plan.py", "a = 1\n") == first
    assert changed("tests/test_plan.py", "a = 1\n") == first  # not what a worker runs
    assert changed("models/flow/plan.py", "a = 1\n") != first
    assert code_hash() == hash_of_sources(Path(monsoon.__file__).parent) != hash_of_sources(tmp_path)


def test_versions_of_all_that_computes_or_writes_are_compared() -> None:
    packages = {"torch", "numpy", "numba", "pyarrow", "scipy"}
    assert packages | {"code", "python", "instruction_set"} <= set(facts())
