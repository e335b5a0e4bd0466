"""Storage that fails ends a run, and two single failures, however far apart, do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.campaign import resolve
from engine.commits import Ledger
from engine.config import Campaign
from engine.detector import Detector
from engine.errors import InputError
from engine.remote.loop import DOUBTS, Loop
from engine.storage import open_store
from engine.storage.answers import takes_files
from models.suite import Suite

SHORT_S = 1e-9  # so that any two failures are as far apart


@pytest.fixture
def loop(pool: Path, tmp_path: Path, suite: Suite, detector: Detector) -> Callable[[float], Loop]:
    """A loop of no shards with this patience, on an output of its own."""

    def make(patience_s: float) -> Loop:
        campaign = Campaign(incidents=str(pool), mu=1.5, output=str(tmp_path / "out"), patience_s=patience_s)
        store = open_store(campaign.output)
        store.probe()
        resolved = resolve(campaign, store.url, str(pool), suite, detector)
        Ledger(store).open(resolved.identity, campaign.layout(), campaign.events)
        return Loop(resolved, Ledger(store), iter([]), 0)

    return make


def test_single_failures_of_storage_that_answers_do_not_end_the_run_but_many_do(
    loop: Callable[[float], Loop],
) -> None:
    patient = loop(SHORT_S)
    for _ in range(2 * DOUBTS + 1):
        patient._bear("a call")
    with pytest.raises(InputError, match="storage has been failing"):
        patient._bear("a call")


def test_storage_that_is_gone_ends_the_run_at_once_when_patience_is_over(
    loop: Callable[[float], Loop], tmp_path: Path
) -> None:
    patient = loop(SHORT_S)
    (tmp_path / "out").rename(tmp_path / "away")
    patient._bear("a call")
    with pytest.raises(InputError, match="storage has been failing"):
        patient._bear("a call")
    assert not (tmp_path / "out").exists()


def test_no_patience_is_no_patience(loop: Callable[[float], Loop]) -> None:
    with pytest.raises(InputError):
        loop(0.0)._bear("a call")


def test_asking_storage_leaves_nothing_behind(tmp_path: Path) -> None:
    assert takes_files(open_store(tmp_path))
    assert not list(tmp_path.iterdir())
