"""What a refused command had made goes; what it worked for, and what was there before, stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.storage.posix import PosixStore
from monsoon.jobs import generate as generate_job
from monsoon.jobs.cli import DONE, UNUSABLE, main
from monsoon.jobs.refusals import nothing_left, nothing_left_in_store, nothing_left_of_a_file


def content(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder."""
    return {
        os.fspath(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_campaign_that_has_begun_is_as_it_was_after_a_refusal(pool: Path, tmp_path: Path) -> None:
    words = [
        "generate",
        "run3",
        "model=library",
        f"incidents={pool}",
        "mu=1",
        "shard_events=5",
        f"output={tmp_path / 'out'}",
    ]
    assert main([*words, "events=5"]) == DONE
    before = content(tmp_path)
    for refused in ("workers=400", "gpus_per_worker=1", "seed=2", "shard_events=6", "outside=refuse"):
        assert main([*words, "events=10", refused]) == UNUSABLE
        assert content(tmp_path) == before, refused
    assert main([*words, "events=10"]) == DONE


def leave(folder: Path, *files: str, error: type[BaseException] = InputError) -> None:
    """Work that makes some files, and ends with an error."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    raise error("no")


def refuse_after(folder: Path, *files: str, shared: bool = False) -> None:
    made, kept = ["card.json", "state", "log"], ["state/*"]
    with pytest.raises(InputError), nothing_left(folder, made, kept, lambda: shared):
        leave(folder, *files)


def test_folders_that_were_made_go_with_those_above_them(tmp_path: Path) -> None:
    refuse_after(tmp_path / "a" / "b", "card.json", "log/x")
    assert content(tmp_path) == {}


def test_a_folder_above_that_holds_something_stays(tmp_path: Path) -> None:
    refuse_after(tmp_path / "a" / "b", "card.json", "../other")
    assert set(content(tmp_path)) == {"a", "a/other"}


def test_what_was_there_before_and_foreign_names_stay(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "old").write_text("old")
    refuse_after(tmp_path, "card.json", "log/new", "thesis.tex")
    assert set(content(tmp_path)) == {"log", "log/old", "log/new", "thesis.tex"}


def test_nothing_goes_where_the_work_came_to_something(tmp_path: Path) -> None:
    refuse_after(tmp_path, "card.json", "state/1")
    assert set(content(tmp_path)) == {"card.json", "state", "state/1"}


def test_nothing_goes_where_somebody_else_works(tmp_path: Path) -> None:
    refuse_after(tmp_path, "card.json", shared=True)
    assert set(content(tmp_path)) == {"card.json"}


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("kept")
    folder = tmp_path / "out"
    folder.mkdir()

    def work() -> None:
        (folder / "log").symlink_to(tmp_path / "elsewhere")
        raise InputError("no")

    with pytest.raises(InputError), nothing_left(folder, ["log"], []):
        work()
    assert set(content(tmp_path)) == {"out", "elsewhere", "elsewhere/kept"}


@pytest.mark.parametrize(("part", "left"), [("settings.json", False), ("collisions-0-9.parquet", True)])
def test_parts_of_one_file_are_kept_where_they_hold_something(part: str, left: bool, tmp_path: Path) -> None:
    file = tmp_path / "new" / "pool[1].parquet"
    with pytest.raises(InputError), nothing_left_of_a_file(str(file)):
        leave(file.with_name(f"{file.name}.parts"), part)
    assert file.parent.exists() == left


def test_only_refusals_remove_something(tmp_path: Path) -> None:
    """The same command goes on with an interrupted job."""
    with pytest.raises(KeyboardInterrupt), nothing_left(tmp_path, ["card.json"], []):
        leave(tmp_path, "card.json", error=KeyboardInterrupt)
    assert set(content(tmp_path)) == {"card.json"}


class Bucket(PosixStore):
    """A store whose folders are none of its own."""


def refuse_in_store(store: Bucket, *files: str, shared: bool = False) -> None:
    made, kept = ["card.json", "table", "_logs/"], ["state/"]
    with pytest.raises(InputError), nothing_left_in_store(store, made, kept, lambda: shared):
        leave(store.root, *files)


def files_of(folder: Path) -> set[str]:
    return {name for name, found in content(folder).items() if found is not None}


def test_what_was_made_in_a_store_goes(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("old")
    refuse_in_store(Bucket(tmp_path), "card.json", "_logs/x")
    assert files_of(tmp_path) == {"table"}


@pytest.mark.parametrize(("made", "shared"), [("state/1", False), ("other", True)])
def test_in_a_store_all_stays_where_the_work_came_to_something_or_somebody_works_there(
    made: str, shared: bool, tmp_path: Path
) -> None:
    refuse_in_store(Bucket(tmp_path), "card.json", made, shared=shared)
    assert files_of(tmp_path) == {"card.json", made}


def test_a_refusal_is_said_though_the_store_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Bucket(tmp_path)

    def gone(name: str) -> None:
        raise OSError("gone")

    monkeypatch.setattr(store, "remove", gone)
    refuse_in_store(store, "card.json")


@pytest.mark.usefixtures("cluster")
def test_a_campaign_in_a_store_that_is_refused_once_it_has_begun_leaves_nothing(
    pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise InputError("no room; ask for less")

    monkeypatch.setattr(generate_job, "open_store", lambda url: Bucket(Path(url)))
    monkeypatch.setattr(generate_job, "PosixStore", type("AnotherStore", (), {}))
    monkeypatch.setattr(generate_job, "run_campaign", refuse)
    words = ["generate", "run3", f"incidents={pool}", "mu=1", "events=5", f"output={tmp_path / 'out'}"]
    assert main(words) == UNUSABLE
    assert files_of(tmp_path / "out") == set()
