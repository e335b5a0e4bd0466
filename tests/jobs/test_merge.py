"""The parts of several sites become one campaign, of which nothing is rewritten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.ledger import merging
from monsoon.engine.ledger.commits import COMMITS, EVENTS, Commit, Ledger
from monsoon.engine.ledger.geometry import CELLS, DESCRIPTION
from monsoon.engine.ledger.manifest import MANIFEST, read_manifest
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import QUARANTINE
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.storage import open_store
from monsoon.engine.storage.posix import PosixStore
from monsoon.jobs.cli import DONE, UNUSABLE, main
from monsoon.jobs.merge import merge
from monsoon.jobs.verify import Verdict, repair, verify
from monsoon.models.files import sha256_of
from tests.jobs.conftest import IDENTITY

BAD = (13,)
SITES = {"a": (0, 20), "b": (20, 15), "c": (35, 25)}  # first event, events


def quiet(line: str) -> None:
    """The lines are not looked at here."""


def tree(output: Path) -> dict[str, bytes]:
    return {str(p.relative_to(output)): p.read_bytes() for p in output.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def content(small: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of all events, made in one piece."""
    made: str = small.run(tmp_path_factory.mktemp("merge") / "whole", events=60, bad=BAD)
    return made


@pytest.fixture
def sites(small: Any, tmp_path: Path) -> list[str]:
    """Three sites that share the sixty events."""
    for name, (first, events) in SITES.items():
        small.run(tmp_path / "sites" / name, first_event=first, events=events, bad=BAD)
    return [str(tmp_path / "sites" / name) for name in SITES]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "merged"


def manifest_of(output: Path) -> dict[str, Any]:
    return read_manifest(open_store(output))


def test_merged_sites_are_the_campaign_in_one_piece(
    sites: list[str], output: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [tree(Path(site)) for site in sites]
    assert main(["merge", str(output), *sites]) == DONE
    assert capsys.readouterr().out.splitlines() == [f"events: {output}"]
    manifest = manifest_of(output)
    assert manifest["content"] == content
    assert manifest["events_wanted"] == 60
    assert manifest["layout"]["first_event"] == 0
    assert manifest["incidents"] == {"source": "a"}
    assert verify(str(output), quiet) == Verdict(events=59, shards=7, quarantined=1)
    assert [tree(Path(site)) for site in sites] == before
    assert not any((output / EVENTS).iterdir())  # nothing was copied


@pytest.mark.parametrize("lacking", [(), ("a",), ("a", "b", "c")], ids=["none", "one", "all"])
def test_a_merged_output_has_the_detector_also_of_sites_of_former_releases(
    sites: list[str], output: Path, lacking: tuple[str, ...]
) -> None:
    for site in map(Path, sites):
        if site.name in lacking:
            for name in (DESCRIPTION, CELLS):
                (site / name).unlink()
    merge(str(output), sites, quiet)
    assert sha256_of(output / DESCRIPTION) == IDENTITY["detector"]
    assert (output / CELLS).exists()
    assert manifest_of(output)["geometry"]["sha256"] == IDENTITY["detector"]
    assert verify(str(output), quiet).good


def test_the_order_of_the_sites_does_not_matter_to_the_events(
    sites: list[str], output: Path, content: str
) -> None:
    merge(str(output), sites[::-1], quiet)
    assert manifest_of(output)["content"] == content
    assert manifest_of(output)["layout"]["first_event"] == 0


def test_sites_and_merged_output_may_move_together(sites: list[str], output: Path, tmp_path: Path) -> None:
    merge(str(output), sites, quiet)
    (tmp_path / "far").mkdir()
    for folder in (output, tmp_path / "sites"):
        folder.rename(tmp_path / "far" / folder.name)
    assert verify(str(tmp_path / "far" / "merged"), quiet).good


def test_an_output_behind_a_link_finds_its_sites(sites: list[str], tmp_path: Path) -> None:
    """`..` leads from where a folder is, not from where its link is."""
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "deep")
    merge(str(tmp_path / "link" / "merged"), sites, quiet)
    for way in ("link", "disk/deep"):
        assert verify(str(tmp_path / way / "merged"), quiet).good


def test_merging_the_same_again_changes_nothing(sites: list[str], output: Path) -> None:
    merge(str(output), sites, quiet)
    before = tree(output)
    times = [path.stat().st_mtime_ns for path in sorted((output / COMMITS).iterdir())]
    merge(str(output), [*sites, sites[0]], quiet)
    assert tree(output) == before
    assert [path.stat().st_mtime_ns for path in sorted((output / COMMITS).iterdir())] == times


@pytest.mark.parametrize("again", [slice(None), slice(2, None)], ids=["all named", "the new one named"])
@pytest.mark.parametrize("late", ["a", "c"])
def test_a_further_site_adds_its_events(
    sites: list[str], output: Path, content: str, again: slice, late: str
) -> None:
    order = sites if late == "c" else sites[::-1]
    merge(str(output), order[:2], quiet)
    assert verify(str(output), quiet).good
    merge(str(output), order[again], quiet)
    assert manifest_of(output)["content"] == content
    assert verify(str(output), quiet).shards == 7


@pytest.mark.parametrize("killed_at", range(8))
def test_a_merge_that_is_killed_is_finished_by_the_same_call(
    sites: list[str], output: Path, content: str, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    commit, replace, done = Ledger.commit, PosixStore.replace, []

    def killed(ledger: Ledger, record: ShardRecord) -> Commit:
        done.append(record)
        if len(done) > killed_at:
            raise KeyboardInterrupt
        return commit(ledger, record)

    def not_written(store: PosixStore, name: str, content: bytes) -> None:
        if name == MANIFEST:
            raise KeyboardInterrupt
        replace(store, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", killed)
        if killed_at == 7:  # all records are there
            patch.setattr(PosixStore, "replace", not_written)
        with pytest.raises(KeyboardInterrupt):
            merge(str(output), sites, quiet)
    assert not (output / MANIFEST).exists()
    assert verify(str(output), quiet).corrupt == 0  # what is there is right
    merge(str(output), sites, quiet)
    assert manifest_of(output)["content"] == content
    assert verify(str(output), quiet).good


def test_events_in_quarantine_come_with_their_reasons(sites: list[str], output: Path) -> None:
    merge(str(output), sites, quiet)
    (copied,) = (output / QUARANTINE).iterdir()
    assert copied.read_bytes() == (Path(sites[0]) / QUARANTINE / copied.name).read_bytes()


def test_what_a_site_lacks_is_said_and_can_be_made_in_the_output(
    small: Any, tmp_path: Path, output: Path, content: str
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    small.run(one, events=30, bad=BAD, skip=(20,))
    small.run(other, first_event=40, events=20)
    said: list[str] = []
    merge(str(output), [str(one), str(other)], said.append)
    assert said == ["missing: events 20 .. 39 are at none of the sites"]
    assert verify(str(output), quiet).missing == 20
    assert small.run(output, events=60, bad=BAD) == content
    assert verify(str(output), quiet).good
    # the site makes the same later: the output keeps its own
    small.run(one, events=30, bad=BAD)
    merge(str(output), [str(one)], quiet)
    assert manifest_of(output)["content"] == content


def test_sites_that_have_no_manifest_make_an_output_that_has_none(sites: list[str], output: Path) -> None:
    for site in sites:
        (Path(site) / MANIFEST).unlink()
    said: list[str] = []
    merge(str(output), sites, said.append)
    assert "no manifest.json" in said[-1]
    assert verify(str(output), quiet).good


def test_a_damaged_record_is_left_out_and_said(sites: list[str], output: Path) -> None:
    name = f"{COMMITS}/{EventRange(20, 29).stem}.json"
    (Path(sites[1]) / name).write_text("{")
    said: list[str] = []
    merge(str(output), sites, said.append)
    assert said[0].startswith(f"left out: {sites[1]}/{name}: not a commit record")
    assert said[1] == "missing: events 20 .. 29 are at none of the sites"
    assert verify(str(output), quiet).missing == 10


def test_a_shard_whose_quarantine_is_lost_is_left_out(sites: list[str], output: Path) -> None:
    next((Path(sites[0]) / QUARANTINE).iterdir()).unlink()
    said: list[str] = []
    merge(str(output), sites, said.append)
    assert said[0].startswith(f"left out: {sites[0]}/{QUARANTINE}/")
    assert verify(str(output), quiet) == Verdict(events=50, shards=6, missing=10, findings=1)


def test_repair_of_a_merged_output_leaves_the_sites_alone(
    small: Any, sites: list[str], output: Path, content: str
) -> None:
    merge(str(output), sites, quiet)
    spoilt = Path(sites[0]) / EVENTS / f"{EventRange(0, 9).stem}.parquet"
    spoilt.write_bytes(b"torn")
    assert repair(Ledger(open_store(output)), quiet) == 1
    assert spoilt.read_bytes() == b"torn"
    assert small.run(output, events=60, bad=BAD) == content
    assert verify(str(output), quiet).good


def test_a_merged_output_is_a_site_of_another(sites: list[str], output: Path, content: str) -> None:
    merge(str(output), sites[:2], quiet)
    larger = output.with_name("larger")
    merge(str(larger), [str(output), sites[2]], quiet)
    assert manifest_of(larger)["content"] == content
    (record, *_) = Ledger(open_store(larger)).records()
    assert record.files[0].url == f"../sites/a/{EVENTS}/{record.range.stem}.parquet"
    assert verify(str(larger), quiet).good


def unlike(small: Any, sites: list[str], **settings: Any) -> list[str]:
    other = Path(sites[0]).with_name("other")
    small.run(other, **{"first_event": 60, "events": 10, **settings})
    return [*sites, str(other)]


REFUSED: dict[str, tuple[Callable[[Any, list[str]], list[str]], list[str]]] = {
    "another seed": (
        lambda small, sites: unlike(small, sites, first_event=40, identity={**IDENTITY, "seed": 2}),
        ["identity seed = 2, but 1", "/sites/a", "/sites/other"],
    ),
    "other shards": (
        lambda small, sites: unlike(small, sites, first_event=40, shard_events=5),
        ["layout shard_events = 5, but 10", "/sites/a", "/sites/other"],
    ),
    "other formats": (
        lambda small, sites: unlike(small, sites, first_event=40, formats=("root",)),
        ["layout formats = ['root'], but ['parquet']", "/sites/other"],
    ),
    "the same events": (
        lambda small, sites: unlike(small, sites, first_event=15, events=10),
        ["/sites/other", "event 15 of events-000000000015-000000000024", "/sites/a"],
    ),
    "the same shards": (
        lambda small, sites: unlike(small, sites, first_event=20, events=10),
        ["/sites/other", "event 20", "/sites/b"],
    ),
    "no campaign": (lambda small, sites: [*sites, f"{sites[0]}/nothing"], ["nothing", "no campaign here"]),
    "the output itself": (
        lambda small, sites: [*sites, str(Path(sites[0]).parents[1] / "merged")],
        ["is also the output"],
    ),
    "an unknown protocol": (lambda small, sites: [*sites, "http://host/site"], ["unknown protocol http://"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_one_campaign_is_refused_in_one_line_and_nothing_is_written(
    small: Any, sites: list[str], output: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    unusable, named = REFUSED[case]
    words = unusable(small, sites)
    capsys.readouterr()
    assert main(["merge", str(output), *words]) == UNUSABLE
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert all(text in said.err for text in named)
    assert said.out == ""
    assert not output.exists()


def test_an_output_of_another_campaign_is_not_added_to(small: Any, sites: list[str], output: Path) -> None:
    small.run(output, events=10, first_event=50, identity={**IDENTITY, "seed": 2})
    before = tree(output)
    with pytest.raises(InputError, match="seed"):
        merge(str(output), sites, quiet)
    assert tree(output) == before


def test_an_output_that_holds_something_else_is_refused(sites: list[str], output: Path) -> None:
    output.mkdir()
    (output / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        merge(str(output), sites, quiet)


def test_other_content_under_the_same_events_is_refused(sites: list[str], output: Path) -> None:
    merge(str(output), sites, quiet)
    path = Path(sites[0]) / COMMITS / f"{EventRange(0, 9).stem}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "content": "00"}))
    with pytest.raises(InputError, match="events-000000000000-000000000009 has other content than"):
        merge(str(output), sites, quiet)


class Remote:
    """A store that is no file system, as far as names go."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.mark.parametrize(
    ("site", "output", "url"),
    [
        ("/data/a", "/data/all/merged", "../../a"),
        ("/data/all/merged/a", "/data/all/merged", "a"),
        ("/data/a", "s3://bucket/merged", "file:///data/a"),
        ("s3://bucket/a", "/data/merged", "s3://bucket/a"),
        ("s3://bucket/a", "s3://bucket/merged", "s3://bucket/a"),
    ],
)
def test_sites_are_named_relatively_where_both_are_on_a_file_system(site: str, output: str, url: str) -> None:
    here, there = (PosixStore(Path(u)) if u.startswith("/") else Remote(u) for u in (output, site))
    assert merging.seen_from(here, there) == url  # type: ignore[arg-type]
