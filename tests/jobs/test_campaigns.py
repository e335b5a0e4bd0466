"""`monsoon campaigns` lists what is below a folder, from small files alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monsoon.engine.ledger.catalog import look
from monsoon.engine.ledger.status import DriverStatus, StatusFile, process_name
from monsoon.engine.storage import open_store
from monsoon.engine.storage.posix import PosixStore
from monsoon.jobs.campaigns import in_bytes, list_campaigns, terms
from monsoon.jobs.cli import DONE, UNUSABLE, main

from .conftest import IDENTITY, SmallCampaign


@pytest.fixture
def root(small: SmallCampaign, tmp_path: Path) -> Path:
    """A finished campaign, one that lacks a shard and a manifest, one of another seed, and other files."""
    small.run(tmp_path / "run3/finished", bad=[3])
    small.run(tmp_path / "run3/begun", skip=[10])
    (tmp_path / "run3/begun/manifest.json").unlink()
    small.run(tmp_path / "deep/er/seeded", events=10, identity={**IDENTITY, "seed": 7})
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/readme.txt").write_text("not a campaign")
    return tmp_path


def found(root: Path, *search: str, **options: Any) -> list[str]:
    """The lines of the table, without head and sum."""
    lines: list[str] = []
    list_campaigns(str(root), search, say=lines.append, **options)
    return lines[1:-1]


def urls(root: Path, *search: str) -> list[str]:
    return [line.split()[-1].removeprefix(f"{root}/") for line in found(root, *search)]


def test_campaigns_are_found_in_the_order_of_their_names(root: Path) -> None:
    assert urls(root) == ["deep/er/seeded", "run3/begun", "run3/finished"]
    assert found(root, depth=2) == found(root, "seed=1")
    assert found(root / "run3/begun") == found(root, "state=incomplete")


def test_an_entry_says_what_records_and_manifest_say(root: Path) -> None:
    entry = look(open_store(root / "run3/finished"))
    assert (entry.state, entry.events, entry.events_wanted, entry.shards) == ("finished", 30, 30, 3)
    assert (entry.quarantined, entry.problem, entry.model, entry.detector) == (1, "", "library", "lhcb-ecal")
    written = [path.stat() for path in (root / "run3/finished/events").iterdir()]
    assert entry.bytes == sum(status.st_size for status in written)
    assert entry.content == json.loads((root / "run3/finished/manifest.json").read_text())["content"]
    assert entry.changed is not None
    assert "+00:00" in entry.changed
    begun = look(open_store(root / "run3/begun"))
    assert (begun.state, begun.events, begun.quarantined, begun.content) == ("incomplete", 20, None, None)
    assert begun.bytes == sum(path.stat().st_size for path in (root / "run3/begun/events").iterdir())


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (["state=finished"], ["deep/er/seeded", "run3/finished"]),
        (["state!=finished"], ["run3/begun"]),
        (["seed=7"], ["deep/er/seeded"]),
        (["mu>=2.5", "events>10"], ["run3/begun", "run3/finished"]),
        (["mu>2.5"], []),
        (["url=*/run3/*", "model=lib*"], ["run3/finished"]),  # what is not known equals nothing
        (["identity.numerics.device=cpu", "events_wanted<30"], ["deep/er/seeded"]),
        (["changed>2020-01-01"], ["deep/er/seeded", "run3/begun", "run3/finished"]),
        (["changed<2020-01-01"], []),
        (["formats=*parquet*", "shards<=1"], ["deep/er/seeded"]),
    ],
)
def test_all_conditions_of_a_search_hold(root: Path, search: list[str], expected: list[str]) -> None:
    assert urls(root, *search) == expected


def test_a_stale_manifest_is_not_believed(root: Path) -> None:
    output = root / "run3/finished"
    next((output / "_commits").iterdir()).unlink()
    entry = look(open_store(output))
    assert (entry.state, entry.events, entry.content) == ("incomplete", 20, None)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b'{"layout": {}, "events": 1}', b""])
@pytest.mark.parametrize("name", ["campaign.json", "manifest.json"])
def test_a_damaged_file_is_one_line_and_the_listing_goes_on(root: Path, name: str, content: bytes) -> None:
    (root / "deep/er/seeded" / name).write_bytes(content)
    lines: list[str] = []
    assert list_campaigns(str(root), say=lines.append) == 3
    assert f"{root}/deep/er/seeded: {name}" in lines[1].replace(
        "seeded/campaign.json", "seeded: campaign.json"
    )
    assert all("\n" not in line for line in lines)
    assert lines[-1].endswith("1 with a problem")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: shutil.rmtree(path / "_commits"),
        lambda path: (path / "campaign.json").unlink() or (path / "campaign.json").mkdir(),
        lambda path: (path / "campaign.json").write_bytes(b" " * (65 << 20)),
        lambda path: (path / "manifest.json").unlink() or os.symlink("manifest.json", path / "manifest.json"),
        lambda path: (path / "_commits").rename(path / "c") or os.symlink("c", path / "_commits"),
    ],
    ids=["no commits", "a folder", "too large", "a link to itself", "a linked folder"],
)
def test_hostile_outputs_do_not_end_the_listing(root: Path, spoil: Callable[[Path], object]) -> None:
    spoil(root / "deep/er/seeded")
    assert len(found(root)) == 3


def test_links_are_not_entered(root: Path) -> None:
    os.symlink(root, root / "run3/loop")
    assert len(found(root)) == 3


def test_a_pool_in_the_making_and_a_running_campaign_are_told(root: Path) -> None:
    status = DriverStatus(
        driver=process_name(), started=1, updated=1, events_wanted=1, events_committed=0, shards_committed=0
    )
    for output in ("run3/begun", "run3/new"):
        (root / output).mkdir(exist_ok=True)
        StatusFile(open_store(root / output), status.model_copy()).write(now=True)
    assert [line.split()[0] for line in found(root)] == ["finished", "running", "finished", "pool"]


def test_no_event_file_is_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    way = PosixStore._opened

    def watched(store: PosixStore, name: str, *, follow: bool) -> Any:
        opened.append(name)
        return way(store, name, follow=follow)

    monkeypatch.setattr(PosixStore, "_opened", watched)
    assert len(found(root)) == 3
    assert set(opened) <= {"campaign.json", "manifest.json"}
    assert len(opened) <= 6


def test_json_is_one_object_a_line_with_every_field(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["campaigns", str(root), "--json"]) == DONE
    read = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert read == [
        look(open_store(root / name)).model_dump()
        for name in ("deep/er/seeded", "run3/begun", "run3/finished")
    ]


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["{root}", "state"], "state: not of the form FIELD=VALUE"),
        (["{root}", "colour=red"], "no field colour; there are url, state, events"),
        (["{root}/nowhere"], "no such folder"),
        (["ftp://host/x"], "unknown protocol"),
    ],
)
def test_what_cannot_be_listed_is_one_line(
    words: list[str], remedy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["campaigns", *(word.format(root=tmp_path) for word in words)]) == UNUSABLE
    said = capsys.readouterr()
    assert remedy in said.err
    assert said.err.count("\n") == 1


def test_a_folder_without_campaigns_has_none(tmp_path: Path) -> None:
    lines: list[str] = []
    assert list_campaigns(str(tmp_path), say=lines.append) == 0
    assert lines[-1] == "0 campaigns, 0 events, 0 B, 0 with a problem"


def test_fields_of_identity_and_layout_may_stand_alone() -> None:
    assert terms(["mu>=5"])[0].path == ("identity", "mu")
    assert terms(["layout.formats=x"])[0].path == ("layout", "formats")


def test_sizes_have_units() -> None:
    assert [in_bytes(size) for size in (0, 999, 1000, 5.5e9)] == ["0 B", "999 B", "1 kB", "5.5 GB"]
    assert [in_bytes(size) for size in (999_600, 2e15, 2e18)] == ["1 MB", "2 PB", "2000 PB"]
