"""Outputs that somebody has prepared: `verify` names it and goes on, and touches nothing of others."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import CAMPAIGN, COMMITS, EVENTS, Ledger
from monsoon.engine.ledger.geometry import DESCRIPTION
from monsoon.engine.ledger.manifest import MANIFEST
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.storage import open_store
from monsoon.jobs.cli import DONE, UNUSABLE, VERDICT_FAILED, main
from monsoon.jobs.merge import merge
from monsoon.jobs.report.page import write_report
from monsoon.jobs.verify import Verdict, repair, verify

SHARD = EventRange(10, 19)
RECORD = f"{COMMITS}/{SHARD.stem}.json"
FILE = f"{EVENTS}/{SHARD.stem}.parquet"


@pytest.fixture(scope="module")
def whole(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("hostile") / "out"
    small.run(output)
    return output


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "out"))


def quiet(line: str) -> None:
    """The lines are not looked at here."""


def edit(output: Path, name: str, **changes: Any) -> None:
    path = output / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def rename(output: Path, url: str) -> None:
    """Let the second shard's record name another file."""
    (file,) = json.loads((output / RECORD).read_text())["files"]
    edit(output, RECORD, files=[file | {"url": url}])


@pytest.mark.parametrize(
    "url",
    [
        f"{EVENTS}/{SHARD.stem}.d/../../../precious.txt",
        f"{EVENTS}/{SHARD.stem}.parquet/../../../precious.txt",
        "../precious.txt",
        "{folder}/precious.txt",
        "file://{folder}/precious.txt",
        "{folder}/events/precious.txt",
        "http://host/events/a.parquet",
        "s3://somebody/events/a.parquet",
        "root://somebody//events/a.parquet",
        "/dev/zero",
        "{folder}/fifo",
        f"{EVENTS}/fifo",
        f"{EVENTS}/link",
        "\x1b[2J\nmonsoon: all is well",
    ],
)
def test_a_record_that_names_what_is_not_its_own_is_one_finding_and_nothing_is_removed(
    copy: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy.parent
    (folder / "events").mkdir()
    precious = [folder / "precious.txt", folder / "events" / "precious.txt"]
    for path in precious:
        path.write_text("precious")
    (copy / EVENTS / "link").symlink_to(precious[0])
    (copy / EVENTS / f"{SHARD.stem}.d").mkdir()
    for path in (folder / "fifo", copy / EVENTS / "fifo"):
        os.mkfifo(path)
    rename(copy, url.format(folder=folder))
    assert main(["verify", str(copy)]) == VERDICT_FAILED
    said = capsys.readouterr().out
    assert said.count("\n") == 2
    assert "1 corrupt" in said
    assert "\x1b" not in said
    repair(Ledger(open_store(copy)), quiet)
    assert [path.read_text() for path in precious] == ["precious"] * 2
    assert (copy / EVENTS / "link").is_symlink()


@pytest.mark.parametrize("words", [["--clean"], []])
@pytest.mark.parametrize("folder", [EVENTS, COMMITS])
def test_a_folder_that_is_a_link_to_another_campaigns_is_refused(
    copy: Path, whole: Path, folder: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / folder).rename(copy.parent / "theirs")
    (copy.parent / "theirs" / f"{EventRange(90, 99).stem}.parquet").write_text("theirs")
    before = sorted(os.listdir(copy.parent / "theirs"))
    (copy / folder).symlink_to(copy.parent / "theirs")
    assert main(["verify", *words, str(copy)]) == UNUSABLE
    assert "is a symbolic link" in capsys.readouterr().err
    with pytest.raises(InputError, match="is a symbolic link"):
        repair(Ledger(open_store(copy)), quiet)
    assert sorted(os.listdir(copy.parent / "theirs")) == before


def reorder(output: Path) -> None:
    """Other events of the same sum, with a record that fits: as whoever can forge the sum does."""
    path = output / FILE
    table = pq.read_table(path)
    pq.write_table(table.take(list(reversed(range(len(table))))), path, compression="zstd")
    content = path.read_bytes()
    (file,) = json.loads((output / RECORD).read_text())["files"]
    sizes = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    edit(output, RECORD, files=[file | sizes])


def test_events_of_an_equal_sum_are_found_by_their_merkle_root(copy: Path) -> None:
    reorder(copy)
    said: list[str] = []
    assert verify(str(copy), said.append).corrupt == 1
    assert "its events are not those that were committed" in said[0]


def test_a_record_that_is_forged_with_its_events_disagrees_with_the_manifest(
    copy: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = json.loads((whole / MANIFEST).read_text())["merkle_root"]
    assert main(["verify", "--merkle-root", published, str(copy)]) == DONE
    reorder(copy)
    record = json.loads((copy / RECORD).read_text())
    del record["merkle_root"]  # as if a former release had made it
    (copy / RECORD).write_text(json.dumps(record))
    said: list[str] = []
    assert verify(str(copy), said.append).findings == 2  # bytes are others too
    assert any("merkle_root" in line for line in said)
    # and where the manifest is forged too, only a root from elsewhere tells
    sizes = {"parquet": sum(path.stat().st_size for path in (copy / EVENTS).iterdir())}
    edit(copy, MANIFEST, merkle_root=None, bytes=sizes)
    assert verify(str(copy), quiet).good
    capsys.readouterr()
    assert main(["verify", "--merkle-root", published, str(copy)]) == VERDICT_FAILED
    assert "not all shards have one" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [
        *({"shards": 4}, {"content": "00"}, {"merkle_root": "00"}, {"events_wanted": 31}, {"identity": {}}),
        *({"layout": {}}, {"bytes": {"parquet": 1}}, {"counts": {"events": 31}}, {"seconds": {"write": 1.0}}),
        *({"shards": "many"}, {"counts": [1]}, {"shards": -1}),
    ],
)
def test_a_manifest_that_disagrees_with_the_records_is_named(copy: Path, changes: dict[str, Any]) -> None:
    edit(copy, MANIFEST, **changes)
    said: list[str] = []
    assert verify(str(copy), said.append).findings == 1
    assert said[0].startswith(f"{MANIFEST}: ")


@pytest.mark.parametrize("content", ["[" * 100_000, "", "\xff", "9" * 6000, '{"shards": 1e999}', "null"])
@pytest.mark.parametrize("name", [MANIFEST, RECORD, CAMPAIGN])
def test_whatever_stands_in_a_small_file_is_a_finding_or_one_line(
    copy: Path, name: str, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / name).write_text(content, encoding="latin-1")
    assert main(["verify", str(copy)]) == (UNUSABLE if name == CAMPAIGN else VERDICT_FAILED)
    said = capsys.readouterr()
    assert f"{said.out}{said.err}".count("\n") <= 3
    assert main(["status", str(copy)]) == (UNUSABLE if name == CAMPAIGN else DONE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("first_event", "[0]"), ("first_event", "1" + "0" * 6000), ("first_event", "-1")),
        *(("shard_events", '"ten"'), ("shard_events", "0"), ("formats", '"parquet"'), ("formats", "[1]")),
        *(("layout", "{}"), ("layout", "[]"), ("identity", "[]"), ("sites", '"a"'), ("sites", '[["a"]]')),
        *(("events", "[30]"), ("events", "1" + "0" * 30), ("events", "NaN")),
    ],
)
@pytest.mark.parametrize("verb", ["verify", "status"])
def test_lists_where_words_belong_in_the_campaign_are_one_line(
    copy: Path, key: str, value: str, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = json.loads((copy / CAMPAIGN).read_text())
    part = stored["layout"] if key in stored["layout"] else stored
    part[key] = "REPLACED"
    (copy / CAMPAIGN).write_text(json.dumps(stored).replace('"REPLACED"', value))
    assert main([verb, str(copy)]) == UNUSABLE
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert len(said.err) < 3000


@pytest.mark.parametrize(
    "name", [CAMPAIGN, RECORD, MANIFEST], ids=["the campaign", "a record", "the manifest"]
)
@pytest.mark.parametrize("kind", ["device", "sparse", "fifo"])
def test_what_never_ends_is_not_read(copy: Path, name: str, kind: str) -> None:
    path = copy / name
    path.unlink()
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with path.open("wb") as file:
            file.truncate(40 << 30)
    assert main(["verify", str(copy)]) == (UNUSABLE if name == CAMPAIGN else VERDICT_FAILED)


def test_a_merge_brings_no_path_of_a_sites_manifest(copy: Path, small: Any, tmp_path: Path) -> None:
    """`report` would load it."""
    edit(copy, MANIFEST, model="/tmp/theirs", detector="\x1b[2J\n")
    said: list[str] = []
    merged = tmp_path / "merged"
    merge(str(merged), [str(copy)], said.append)
    assert [line.partition(" of ")[0] for line in said] == ["model: /tmp/theirs", r"detector: \x1b[2J\n"]
    manifest = json.loads((merged / MANIFEST).read_text())
    assert (manifest["model"], manifest["detector"]) == (None, None)
    assert verify(str(merged), quiet).good
    with pytest.raises(InputError, match="names no model"):
        write_report(str(merged))


def test_a_merge_takes_no_record_that_leads_elsewhere(copy: Path, tmp_path: Path) -> None:
    rename(copy, "../../precious.txt")
    said: list[str] = []
    merge(str(tmp_path / "merged"), [str(copy)], said.append)
    assert said[0].startswith("left out: ")
    assert verify(str(tmp_path / "merged"), quiet).missing == 10


def former(output: Path) -> None:
    """Take away what former releases did not write."""
    for path in [*(output / COMMITS).iterdir(), output / CAMPAIGN, output / MANIFEST]:
        content = json.loads(path.read_text())
        path.write_text(json.dumps({k: v for k, v in content.items() if k not in ("merkle_root", "sites")}))


def test_outputs_and_merged_outputs_of_former_releases_verify_and_go_on(
    copy: Path, small: Any, tmp_path: Path
) -> None:
    merged = tmp_path / "merged"
    merge(str(merged), [str(copy)], quiet)
    assert json.loads((merged / CAMPAIGN).read_text())["sites"] == ["../out"]
    for output in (copy, merged):
        former(output)
        assert verify(str(output), quiet) == Verdict(events=30, shards=3)
    content = json.loads((copy / MANIFEST).read_text())["content"]
    (copy / RECORD).unlink()
    assert small.run(copy) == content
    assert verify(str(copy), quiet).good
    merge(str(merged), [str(copy)], quiet)  # again: it names its sites now
    assert json.loads((merged / CAMPAIGN).read_text())["sites"] == ["../out"]


def test_a_site_that_is_no_part_of_the_campaign_is_not_read(
    copy: Path, small: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run(tmp_path / "other", identity={"seed": 2})
    rename(copy, f"../other/{FILE}")
    assert main(["verify", str(copy)]) == VERDICT_FAILED
    assert "../other: not a site of this campaign" in capsys.readouterr().out
    assert repair(Ledger(open_store(copy)), quiet) == 0  # it may be a site that has to be named


@pytest.mark.parametrize("content", ["{}", "[" * 100_000, ""])
def test_a_description_of_no_detector_is_a_finding_even_where_its_checksum_fits(
    copy: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / DESCRIPTION).write_text(content)
    identity = json.loads((copy / CAMPAIGN).read_text())["identity"]
    edit(copy, CAMPAIGN, identity=identity | {"detector": hashlib.sha256(content.encode()).hexdigest()})
    assert main(["verify", str(copy)]) == VERDICT_FAILED
    assert f"{DESCRIPTION}: not the description of a detector" in capsys.readouterr().out
