"""A node is asked for what has to be equal, and what it has to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.campaign import ResolvedCampaign, resolve
from engine.commits import CAMPAIGN, Ledger
from engine.config import Campaign
from engine.detector import Detector
from engine.remote.preflight import code_hash, differences, examine, facts
from engine.storage import open_store
from models.suite import Suite


@pytest.fixture
def resolved(pool: Path, tmp_path: Path, suite: Suite, detector: Detector) -> ResolvedCampaign:
    campaign = Campaign(incidents=str(pool), mu=1.5, events=10, output=str(tmp_path / "out"))
    open_store(campaign.output).probe()
    resolved = resolve(campaign, campaign.output, str(pool), suite, detector)
    Ledger(open_store(campaign.output)).open(resolved.identity, campaign.layout(), campaign.events)
    return resolved


def test_a_node_that_is_like_the_driver_has_no_problems(resolved: ResolvedCampaign) -> None:
    assert differences(facts(), facts()) == []
    assert examine(resolved, open_store(resolved.output).read(CAMPAIGN)) == []


@pytest.mark.parametrize("key", ["code", "torch", "instruction_set"])
def test_each_difference_is_named(key: str) -> None:
    (line,) = differences(facts(), {**facts(), key: "another"})
    assert line.startswith(f"{key} is another there")


def test_a_node_that_sees_another_output_says_so(resolved: ResolvedCampaign) -> None:
    (line,) = examine(resolved, b"what the driver sees")
    assert "is another one there" in line


def test_a_node_that_sees_no_output_or_no_incidents_says_so(resolved: ResolvedCampaign) -> None:
    stored = open_store(resolved.output).read(CAMPAIGN)
    elsewhere = ResolvedCampaign(resolved.campaign, "/not/there", "/nor/there", resolved.identity)
    output, incidents = examine(elsewhere, stored)
    assert "output /not/there is not to be seen" in output
    assert "/nor/there" in incidents


def test_the_code_hash_follows_the_sources() -> None:
    assert len(code_hash()) == 64
