"""`verify` passes what is whole and names what is not; `repair` has it made again."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monsoon.engine.formats.schema import NOTHING
from monsoon.engine.ledger.commits import CAMPAIGN, COMMITS, EVENTS, Ledger
from monsoon.engine.ledger.geometry import CELLS, DESCRIPTION
from monsoon.engine.ledger.manifest import MANIFEST, read_manifest
from monsoon.engine.ledger.plan import EventRange, Fault, overlaps
from monsoon.engine.ledger.quarantine import QUARANTINE, write_faults
from monsoon.engine.ledger.status import DRIVERS, DriverStatus, StatusFile, process_name
from monsoon.engine.storage import open_store
from monsoon.engine.storage.posix import PosixStore
from monsoon.jobs.cli import DONE, UNUSABLE, VERDICT_FAILED, main
from monsoon.jobs.verify import Verdict, repair, superfluous, verify

BAD = (13,)
SETTINGS: dict[str, Any] = {"formats": ("parquet", "root"), "bad": BAD}  # three shards of ten events
SECOND = EventRange(10, 19).stem
RECORD = f"{COMMITS}/{SECOND}.json"


@pytest.fixture(scope="module")
def whole(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("verify") / "out"
    small.run(output, **SETTINGS)
    return output


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A campaign may be moved: nothing in it names its place."""
    return Path(shutil.copytree(whole, tmp_path / "moved"))


def quiet(line: str) -> None:
    """The lines are not looked at here."""


def tree(output: Path) -> dict[str, bytes]:
    return {str(p.relative_to(output)): p.read_bytes() for p in output.rglob("*") if p.is_file()}


def test_a_whole_campaign_passes(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(copy)]) == DONE
    assert capsys.readouterr().out.splitlines() == [
        "29 events, 3 shards, 0 missing, 0 duplicate, 0 corrupt, 1 quarantined, 0 orphans"
    ]


def test_an_output_may_be_moved_after_it_was_verified(copy: Path, tmp_path: Path) -> None:
    assert verify(str(copy), quiet).good
    copy.rename(tmp_path / "elsewhere")
    assert verify(f"file://{tmp_path / 'elsewhere'}", quiet).good


def edit(output: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the second shard's record."""
    path = output / RECORD
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def file_of(output: Path, suffix: str, stem: str = SECOND) -> Path:
    return output / EVENTS / f"{stem}{suffix}"


def truncate(output: Path) -> None:
    path = file_of(output, ".parquet")
    path.write_bytes(path.read_bytes()[:100])


def flip_a_byte(output: Path) -> None:
    path = file_of(output, ".root")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lose_a_file(output: Path) -> None:
    file_of(output, ".root").unlink()


def take_another_shards_file(output: Path) -> None:
    shutil.copy(file_of(output, ".root", EventRange(0, 9).stem), file_of(output, ".root"))


def lose_a_record(output: Path) -> None:
    (output / RECORD).unlink()


def garble_a_record(output: Path) -> None:
    (output / RECORD).write_text("{")


def swap_records(output: Path) -> None:
    shutil.copy(output / COMMITS / f"{EventRange(0, 9).stem}.json", output / RECORD)


def take_another_campaigns_record(output: Path) -> None:
    edit(output, lambda record: record.update(identity="of another"))


def miscount(output: Path) -> None:
    edit(output, lambda record: record["counts"].update(events=8))


def name_another_content(output: Path) -> None:
    edit(output, lambda record: record.update(content="00"))


def name_an_unknown_format(output: Path) -> None:
    edit(output, lambda record: record["files"][0].update(format="zip"))


def name_no_root_file(output: Path) -> None:
    edit(output, lambda record: record["files"].pop())


def lose_the_quarantine(output: Path) -> None:
    (output / QUARANTINE / f"{SECOND}.json").unlink()


def empty_the_quarantine(output: Path) -> None:
    (output / QUARANTINE / f"{SECOND}.json").write_text("[]")


def garble_the_quarantine(output: Path) -> None:
    (output / QUARANTINE / f"{SECOND}.json").write_text("[")


def lose_the_cells(output: Path) -> None:
    (output / CELLS).unlink()


def lose_the_description(output: Path) -> None:
    (output / DESCRIPTION).unlink()


def describe_another_detector(output: Path) -> None:
    path = output / DESCRIPTION
    path.write_text(path.read_text().replace("12520.0", "12620.0"))


def commit_twice(output: Path) -> None:
    path = output / COMMITS / f"{EventRange(5, 19).stem}.json"
    path.write_text((output / RECORD).read_text().replace('"first": 10', '"first": 5'))


SPOILT = [
    (truncate, "corrupt: events/", "0 missing, 0 duplicate, 1 corrupt"),
    (flip_a_byte, "its bytes are not those", "0 missing, 0 duplicate, 1 corrupt"),
    (lose_a_file, "the file is gone", "0 missing, 0 duplicate, 1 corrupt"),
    (take_another_shards_file, "its bytes are not those", "0 missing, 0 duplicate, 1 corrupt"),
    (garble_a_record, f"corrupt: {RECORD}: not a commit record", "0 duplicate, 1 corrupt"),
    (swap_records, f"corrupt: {RECORD}: it is the record of events-000000000000", "1 corrupt"),
    (take_another_campaigns_record, "of another campaign", "0 missing, 0 duplicate, 1 corrupt"),
    (miscount, "it counts 8 events and 1 in quarantine, not 10", "1 corrupt"),
    (name_another_content, "its content is not what was committed", "0 duplicate, 2 corrupt"),
    (name_an_unknown_format, "it names files of root, zip, not of parquet, root", "1 corrupt"),
    (name_no_root_file, "it names files of parquet, not of parquet, root", "1 corrupt"),
    (lose_the_quarantine, f"corrupt: {QUARANTINE}/{SECOND}.json: the file is gone", "1 corrupt"),
    (empty_the_quarantine, "holds 0 events, 1 were committed as in quarantine", "1 corrupt"),
    (garble_the_quarantine, "not a list of events", "1 corrupt"),
    (commit_twice, "share 5 events", "0 missing, 15 duplicate, 1 corrupt"),
]


@pytest.mark.parametrize(
    ("spoil", "finding", "last"),
    [
        *SPOILT,
        (lose_a_record, "missing: events 10 .. 19", "10 missing, 0 duplicate, 0 corrupt"),
        (lose_the_cells, f"corrupt: {CELLS}: the file is gone", "1 corrupt"),
        (lose_the_description, f"corrupt: {DESCRIPTION}: the file is gone", "1 corrupt"),
        (describe_another_detector, "not the description of the campaign's detector", "1 corrupt"),
    ],
)
def test_what_is_wrong_is_named(
    copy: Path, spoil: Callable[[Path], None], finding: str, last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(copy)
    assert main(["verify", str(copy)]) == VERDICT_FAILED
    lines = capsys.readouterr().out.splitlines()
    assert any(finding in line for line in lines[:-1])
    assert last in lines[-1]


@pytest.mark.parametrize("spoil", [spoil for spoil, _, _ in SPOILT])
def test_what_is_repaired_is_made_again_alike(
    copy: Path, whole: Path, small: Any, spoil: Callable[[Path], None]
) -> None:
    spoil(copy)
    assert repair(Ledger(open_store(copy)), quiet) == 1
    assert not repair(Ledger(open_store(copy)), quiet)  # the shard is missing now, and no longer damaged
    assert small.run(copy, **SETTINGS) == json.loads((whole / "manifest.json").read_text())["content"]
    assert verify(str(copy), quiet) == Verdict(events=29, shards=3, quarantined=1)


def test_an_output_of_a_release_that_stored_no_detector_is_sound(copy: Path) -> None:
    for name in (CELLS, DESCRIPTION):
        (copy / name).unlink()
    manifest = {key: value for key, value in read_manifest(open_store(copy)).items() if key != "geometry"}
    (copy / MANIFEST).write_text(json.dumps(manifest))
    assert verify(str(copy), quiet).good


def test_cleaning_leaves_the_detector_alone(copy: Path) -> None:
    assert verify(str(copy), quiet, clean=True).good
    assert (copy / CELLS).exists()
    assert (copy / DESCRIPTION).exists()


def test_a_shard_that_was_given_up_is_tried_again_by_repair(copy: Path, whole: Path, small: Any) -> None:
    ledger = Ledger(open_store(copy))
    shard = EventRange(10, 19)
    record = ledger.record(shard)
    ledger.forget(shard)
    write_faults(ledger.store, shard, [Fault(event, "worker died") for event in range(10, 20)])
    counts = {**dict.fromkeys(record.counts, 0), "quarantined": 10}
    nothing = {"files": (), "content": NOTHING.total, "merkle_root": NOTHING.merkle_root, "counts": counts}
    ledger.commit(record.model_copy(update=nothing))
    (copy / MANIFEST).unlink()
    assert verify(str(copy), quiet).good
    assert repair(ledger, quiet) == 1
    assert small.run(copy, **SETTINGS) == json.loads((whole / "manifest.json").read_text())["content"]


def test_a_sound_campaign_is_not_touched_by_repair(copy: Path) -> None:
    before = tree(copy)
    assert repair(Ledger(open_store(copy)), quiet) == 0
    assert tree(copy) == before


def test_repair_forgets_before_it_removes(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in between, the shard is missing: no record names a file that was taken away."""
    truncate(copy)

    def killed(store: PosixStore, name: str) -> None:
        (copy / name).unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(PosixStore, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        repair(Ledger(open_store(copy)), quiet)
    assert not (copy / RECORD).exists()
    assert file_of(copy, ".parquet").exists()


def test_a_sound_file_of_a_damaged_shard_stays_and_is_adopted(copy: Path, small: Any) -> None:
    lose_a_file(copy)
    before = file_of(copy, ".parquet").stat().st_mtime_ns
    repair(Ledger(open_store(copy)), quiet)
    small.run(copy, **SETTINGS)
    assert file_of(copy, ".parquet").stat().st_mtime_ns == before


@pytest.mark.parametrize("twice", [EventRange(10, 14), EventRange(5, 19)])
def test_of_two_sound_shards_that_overlap_the_smaller_is_forgotten(
    copy: Path, small: Any, twice: EventRange
) -> None:
    """As two drivers make them that were asked for different numbers of events."""
    content = small.run(copy, **SETTINGS)
    ledger = Ledger(open_store(copy))
    small.commit(ledger, twice, BAD)
    verdict = verify(str(copy), quiet)
    assert verdict.duplicate
    assert verdict.damaged == []
    forgotten = repair(ledger, quiet)
    assert list(overlaps(ledger.ranges())) == []
    assert small.run(copy, **SETTINGS) == content
    assert verify(str(copy), quiet).good
    assert (forgotten, twice in ledger.ranges()) == ((1, False) if twice.events == 5 else (2, True))


def test_storage_that_does_not_answer_is_no_reason_to_make_events_again(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, local = PosixStore.read, PosixStore.local

    def no_record(store: PosixStore, name: str) -> bytes:
        if name == RECORD:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(store, name)

    def no_file(store: PosixStore, name: str) -> Any:
        if name.endswith(".root"):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return local(store, name)

    for name, change in (("read", no_record), ("local", no_file)):
        with monkeypatch.context() as patch:
            patch.setattr(PosixStore, name, change)
            said: list[str] = []
            verdict = verify(str(copy), said.append)
            assert verdict.corrupt == (1 if name == "read" else 3)
            assert "cannot be read" in said[0]
            assert repair(Ledger(open_store(copy)), quiet) == 0
    assert verify(str(copy), quiet).good


@pytest.mark.parametrize("words", [["verify"], ["merge", "elsewhere"]])
def test_storage_that_is_gone_is_one_line(
    copy: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(store: PosixStore, folder: str) -> Any:
        raise OSError(errno.EHOSTDOWN, os.strerror(errno.EHOSTDOWN))

    monkeypatch.setattr(PosixStore, "list", gone)
    monkeypatch.chdir(copy.parent)
    assert main([*words, str(copy)]) == UNUSABLE
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Host is down" in said


def test_a_far_store_is_read_in_several_places_at_once_to_the_same_verdict(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least two shards are under way together: each waits for another one's record to be asked for."""
    far, read = PosixStore(copy), PosixStore.read
    far.url = f"far://{copy}"
    meeting = threading.Barrier(2, timeout=60)

    def together(store: PosixStore, name: str, *words: int) -> bytes:
        if name in (RECORD, f"{COMMITS}/{EventRange(0, 9).stem}.json"):
            meeting.wait()
        return read(store, name, *words)

    truncate(copy)
    here: list[str] = []
    verify(str(copy), here.append)
    there: list[str] = []
    monkeypatch.setattr(PosixStore, "read", together)
    assert repair(Ledger(far), there.append) == 1
    assert there == here


def test_a_quick_look_sees_sizes_and_no_content(copy: Path) -> None:
    flip_a_byte(copy)
    assert verify(str(copy), quiet, quick=True).good
    truncate(copy)
    assert verify(str(copy), quiet, quick=True).corrupt == 1
    lose_a_file(copy)
    assert main(["verify", "--quick", str(copy)]) == VERDICT_FAILED


def leave_orphans(output: Path) -> set[str]:
    """What killed drivers and workers leave behind."""
    uncommitted, mark = EventRange(30, 39).stem, "0123456789ab"
    left = {
        f".{CAMPAIGN}.{mark}",
        f".probe-{mark}",
        f"{COMMITS}/.{SECOND}.json.{mark}",
        f"{EVENTS}/.{SECOND}.parquet.{mark}",
        f"{EVENTS}/{SECOND}.{mark}.parquet",  # published by a store without exclusive create
        f"{EVENTS}/{SECOND}.ttree.root",
        f"{EVENTS}/{uncommitted}.parquet",
        f"{QUARANTINE}/{uncommitted}.json",
        f"{QUARANTINE}/{EventRange(0, 9).stem}.json",  # a first attempt's, whose shard was then made whole
        f"{QUARANTINE}/.{SECOND}.json.{mark}",
        f"{DRIVERS}/.host-1.json.{mark}",
    }
    (output / DRIVERS).mkdir(exist_ok=True)
    for name in left:
        (output / name).write_text("left")
    return left


def test_orphans_are_counted_and_harmless(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = leave_orphans(copy)
    assert main(["verify", str(copy)]) == DONE
    *lines, last = capsys.readouterr().out.splitlines()
    assert set(lines) == {f"orphan: {name} (4 bytes)" for name in left}
    assert last.endswith(f", {len(left)} orphans")


def test_cleaning_removes_orphans_and_nothing_else(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("report.html", f"{EVENTS}/notes.txt", f"{EVENTS}/.keep", f"{COMMITS}/{SECOND}.txt"):
        (copy / name).write_text("somebody's")
    before = tree(copy)
    left = leave_orphans(copy)
    assert main(["verify", "--clean", str(copy)]) == DONE
    *lines, last = capsys.readouterr().out.splitlines()
    assert set(lines) == {f"removed: {name} (4 bytes)" for name in left}
    assert last.endswith(", 0 orphans")
    assert tree(copy) == before


def test_a_file_under_an_attempts_name_is_no_orphan_where_its_record_names_it(copy: Path) -> None:
    name = f"{EVENTS}/{SECOND}.0123456789ab.parquet"
    file_of(copy, ".parquet").rename(copy / name)
    edit(copy, lambda record: record["files"][0].update(url=name))
    assert verify(str(copy), quiet, clean=True) == Verdict(events=29, shards=3, quarantined=1)
    assert (copy / name).exists()


@pytest.mark.parametrize("spoil", [garble_a_record, take_another_campaigns_record, name_no_root_file])
def test_files_of_a_damaged_record_are_not_cleaned_away(copy: Path, spoil: Callable[[Path], None]) -> None:
    spoil(copy)
    files = {name for name in tree(copy) if name.startswith(EVENTS)}
    assert verify(str(copy), quiet, clean=True).corrupt == 1
    assert {name for name in tree(copy) if name.startswith(EVENTS)} == files


def test_a_shard_that_is_committed_while_verify_reads_is_no_orphan(
    copy: Path, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Ledger.ranges

    def then_committed(ledger: Ledger) -> list[EventRange]:
        found = before(ledger)
        small.commit(ledger, EventRange(30, 39))
        return found

    monkeypatch.setattr(Ledger, "ranges", then_committed)
    assert verify(str(copy), quiet).orphans == 0


def test_nothing_is_cleaned_while_a_driver_works(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_orphans(copy)
    now = time.time()
    status = DriverStatus(
        driver=process_name(),
        started=now,
        updated=now,
        events_wanted=40,
        events_committed=30,
        shards_committed=3,
    )
    StatusFile(open_store(copy), status).write(now=True)
    before = tree(copy)
    assert main(["verify", "--clean", str(copy)]) == UNUSABLE
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert process_name() in said.err
    assert tree(copy) == before
    assert main(["verify", str(copy)]) == DONE


def test_a_folder_without_a_campaign_is_unusable(tmp_path: Path) -> None:
    assert main(["verify", str(tmp_path)]) == UNUSABLE


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 20)), max_size=10, unique=True))
def test_without_the_superfluous_no_two_ranges_overlap(spans: list[tuple[int, int]]) -> None:
    ranges = sorted(EventRange(start, start + extra) for start, extra in spans)
    dropped = list(superfluous(ranges))
    left = [part for part in ranges if part not in dropped]
    assert len(left) + len(dropped) == len(ranges)
    assert list(overlaps(left)) == []
    for part in dropped:  # each for one that shares events with it and is no smaller
        assert any(
            other.events >= part.events and max(other.first, part.first) <= min(other.last, part.last)
            for other in ranges
            if other != part
        )
