"""The ledger: a shard is committed once; another campaign is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.commits import CAMPAIGN, COMMITS, Ledger, ShardRecord
from engine.errors import InputError

LAYOUT = {"first_event": 0, "shard_events": 10, "formats": ["parquet"], "contributions": False}


def record(first: int, content: str = "00") -> ShardRecord:
    return ShardRecord(
        first=first,
        last=first + 9,
        files=(),
        content=content,
        identity="id",
        counts={"events": 10},
        seconds={},
    )


def test_a_second_commit_of_equal_content_leaves_the_first(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.open({"seed": 1}, LAYOUT, 20)
    first = ledger.commit(record(0))
    assert ledger.commit(record(0).model_copy(update={"seconds": {"write": 9.0}})) == first
    assert ledger.records() == [first]


def test_a_second_commit_of_other_content_breaks_an_invariant(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.open({"seed": 1}, LAYOUT, 20)
    ledger.commit(record(0))
    with pytest.raises(RuntimeError, match="other content"):
        ledger.commit(record(0, "ff"))


def test_records_come_in_event_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.open({"seed": 1}, LAYOUT, 30)
    for first in (20, 0, 10):
        ledger.commit(record(first))
    assert [r.first for r in ledger.records()] == [0, 10, 20]


@pytest.mark.parametrize(
    ("identity", "layout", "named"),
    [
        ({"seed": 2}, LAYOUT, "identity seed = 1, not 2"),
        ({"seed": 1}, {**LAYOUT, "shard_events": 5}, "layout shard_events = 10, not 5"),
        ({"seed": 1, "mu": 3}, LAYOUT, "identity mu = None, not 3"),
    ],
)
def test_another_campaign_is_refused_and_the_difference_named(
    tmp_path: Path, identity: dict[str, Any], layout: dict[str, Any], named: str
) -> None:
    Ledger(tmp_path).open({"seed": 1}, LAYOUT, 20)
    with pytest.raises(InputError, match=named):
        Ledger(tmp_path).open(identity, layout, 20)


def test_a_campaign_may_grow_and_does_not_shrink(tmp_path: Path) -> None:
    Ledger(tmp_path).open({"seed": 1}, LAYOUT, 20)
    assert Ledger(tmp_path).open({"seed": 1}, LAYOUT, 40).events == 40
    assert Ledger(tmp_path).open({"seed": 1}, LAYOUT, 20).events == 40


def test_an_output_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        Ledger(tmp_path).open({"seed": 1}, LAYOUT, 20)


def test_damaged_records_are_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.open({"seed": 1}, LAYOUT, 20)
    (tmp_path / COMMITS / "events-000000000000-000000000009.json").write_text("{")
    with pytest.raises(InputError, match="damaged commit record"):
        ledger.records()
    (tmp_path / CAMPAIGN).write_text('{"identity": 3}')
    with pytest.raises(InputError, match="damaged"):
        ledger.campaign()
