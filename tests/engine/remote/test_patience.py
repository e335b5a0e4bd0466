"""Storage that fails is waited for and ends a run, and two single failures, however far apart, do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from monsoon.engine.campaign import resolve
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.retry import Make
from monsoon.engine.remote.loop import DOUBTS, Loop
from monsoon.engine.storage import open_store
from monsoon.engine.storage.answers import takes_files
from monsoon.models.store.suite import Suite

SHORT_S = 1e-9  # so that any two failures are as far apart


@pytest.fixture
def loop(pool: Path, tmp_path: Path, suite: Suite, detector: Detector) -> Callable[..., Loop]:
    """A loop of some shards with this patience, on an output of its own."""

    def make(patience_s: float, shards: Sequence[EventRange] = ()) -> Loop:
        campaign = Campaign(incidents=str(pool), mu=1.5, output=str(tmp_path / "out"), patience_s=patience_s)
        store = open_store(campaign.output)
        store.probe()
        resolved = resolve(campaign, store.url, str(pool), suite, detector)
        Ledger(store).open(resolved.identity, campaign.layout(), campaign.events)
        return Loop(resolved, Ledger(store), iter(shards), len(shards))

    return make


def test_single_failures_of_storage_that_answers_do_not_end_the_run_but_many_do(
    loop: Callable[..., Loop],
) -> None:
    patient = loop(SHORT_S)
    for _ in range(2 * DOUBTS + 1):
        patient._bear("a call")
    with pytest.raises(InputError, match="storage has been failing"):
        patient._bear("a call")


def test_storage_that_is_gone_ends_the_run_at_once_when_patience_is_over(
    loop: Callable[..., Loop], tmp_path: Path
) -> None:
    patient = loop(SHORT_S)
    (tmp_path / "out").rename(tmp_path / "away")
    patient._bear("a call")
    with pytest.raises(InputError, match="storage has been failing"):
        patient._bear("a call")
    assert not (tmp_path / "out").exists()


def test_no_patience_is_no_patience(loop: Callable[..., Loop]) -> None:
    with pytest.raises(InputError):
        loop(0.0)._bear("a call")


def test_shards_that_nobody_has_tried_wait_for_storage_that_fails(loop: Callable[..., Loop]) -> None:
    """Whatever is made of them would not be taken; what was tried before goes first when time is up."""
    first, second, third = (EventRange(event, event) for event in range(3))
    patient = loop(60.0, [second, third])
    now = time.monotonic()
    patient._put_back(Make(first), patient._bear("a call"))
    assert patient._next(now) is None
    assert [patient._next(now + 2) for _ in range(2)] == [Make(first), Make(second)]
    assert patient._next(now) is None
    patient._answered()
    assert patient._next(now) == Make(third)


def test_asking_storage_leaves_nothing_behind(tmp_path: Path) -> None:
    assert takes_files(open_store(tmp_path))
    assert not list(tmp_path.iterdir())
