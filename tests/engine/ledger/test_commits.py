"""The ledger: a shard is committed once; another campaign is refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import CAMPAIGN, COMMITS, EVENTS, Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.stored import ShardRecord, identity_hash
from monsoon.engine.storage import open_store
from monsoon.engine.storage.posix import PosixStore

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


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(open_store(tmp_path))
    ledger.open({"seed": 1}, LAYOUT, 20)
    return ledger


def test_a_second_commit_of_equal_content_leaves_the_first(ledger: Ledger) -> None:
    first = ledger.commit(record(0))
    assert first == (record(0), False)
    again = ledger.commit(record(0).model_copy(update={"seconds": {"write": 9.0}}))
    assert again.record == first.record
    assert again.by_another
    assert list(ledger.records()) == [first.record]


def test_a_commit_whose_answer_was_lost_is_ones_own(ledger: Ledger) -> None:
    ledger.commit(record(0))
    assert not ledger.commit(record(0)).by_another


def test_a_second_commit_of_other_content_breaks_an_invariant(ledger: Ledger) -> None:
    ledger.commit(record(0))
    with pytest.raises(RuntimeError, match="other content"):
        ledger.commit(record(0, "ff"))


def test_where_more_went_to_quarantine_the_first_commit_stands(ledger: Ledger) -> None:
    """A worker that crashed over an event elsewhere need not crash here."""
    ledger.commit(record(0))
    other = record(0, "ff").model_copy(update={"counts": {"events": 9, "quarantined": 1}})
    assert ledger.commit(other) == (record(0), True)


def test_records_come_in_event_order_and_one_at_a_time(ledger: Ledger) -> None:
    for first in (20, 0, 10):
        ledger.commit(record(first))
    records = ledger.records()
    assert next(records).first == 0
    ledger.forget(EventRange(20, 29))
    assert next(records).first == 10
    with pytest.raises(InputError):  # listed by name, and not read before it is its turn
        next(records)


def test_ranges_are_those_of_the_records_names(ledger: Ledger) -> None:
    """Attempts and strangers are none."""
    for first in (10**12, 0, 10):
        ledger.commit(record(first))
    folder = Path(ledger.store.url) / COMMITS
    stem = EventRange(40, 49).stem
    for name in (f".{stem}.json.0123456789ab", f"{stem}.json.bak", f"{stem}.parquet", "notes.json"):
        (folder / name).write_text("")
    (folder / f"{EventRange(49, 40).stem}.json").write_text("")
    assert ledger.ranges() == [EventRange(first, first + 9) for first in (0, 10, 10**12)]


def test_what_is_forgotten_is_missing_and_may_be_committed_again(ledger: Ledger) -> None:
    for first in (0, 10):
        ledger.commit(record(first))
    ledger.forget(EventRange(0, 9))
    ledger.forget(EventRange(0, 9))
    assert ledger.ranges() == [EventRange(10, 19)]
    assert ledger.commit(record(0, "ff")) == (record(0, "ff"), False)


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
    Ledger(open_store(tmp_path)).open({"seed": 1}, LAYOUT, 20)
    with pytest.raises(InputError, match=named):
        Ledger(open_store(tmp_path)).open(identity, layout, 20)


def test_a_campaign_may_grow_and_does_not_shrink(ledger: Ledger) -> None:
    assert ledger.open({"seed": 1}, LAYOUT, 40).events == 40
    assert ledger.open({"seed": 1}, LAYOUT, 20).events == 40


def test_of_two_drivers_that_begin_at_once_one_writes_the_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other has looked before the campaign was there, and compares with what it then finds."""
    Ledger(open_store(tmp_path)).open({"seed": 1}, LAYOUT, 20)
    late = PosixStore(tmp_path)
    monkeypatch.setattr(late, "exists", lambda name: False)
    monkeypatch.setattr(Ledger, "refuse_strangers", lambda ledger: None)
    assert Ledger(late).open({"seed": 1}, LAYOUT, 20).events == 20
    with pytest.raises(InputError, match="seed"):
        Ledger(late).open({"seed": 2}, LAYOUT, 20)


@pytest.mark.parametrize("name", ["thesis.tex", f"{EVENTS}/events-000000000000-000000000009.parquet"])
def test_an_output_that_holds_something_else_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    with pytest.raises(InputError, match=re.escape(name)):
        Ledger(open_store(tmp_path)).open({"seed": 1}, LAYOUT, 20)


def test_an_output_that_has_vanished_is_not_made_anew(tmp_path: Path) -> None:
    ledger = Ledger(open_store(tmp_path / "out"))
    ledger.store.probe()
    ledger.open({"seed": 1}, LAYOUT, 20)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(FileNotFoundError):
        ledger.commit(record(0))
    assert not (tmp_path / "out").exists()


def test_damaged_records_are_named(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / COMMITS / "events-000000000000-000000000009.json").write_text("{")
    with pytest.raises(InputError, match="damaged commit record"):
        list(ledger.records())
    (tmp_path / CAMPAIGN).write_text('{"identity": 3}')
    with pytest.raises(InputError, match="damaged"):
        ledger.campaign()


def test_an_identity_has_one_hash_whatever_the_order_of_its_keys() -> None:
    assert identity_hash({"a": 1, "b": [2, None]}) == identity_hash({"b": [2, None], "a": 1})
    assert identity_hash({"a": 1}) != identity_hash({"a": 2})
