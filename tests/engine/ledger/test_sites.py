"""Where a record's URL leads, and where none may lead."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.ledger import sites as module
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.sites import Sites, UnknownSite, site_store
from monsoon.engine.ledger.stored import StoredCampaign, as_json
from monsoon.engine.storage import open_store
from monsoon.engine.storage.posix import PosixStore

LAYOUT = {"first_event": 0, "shard_events": 10, "formats": ["parquet"], "contributions": False}


def campaign(*sites: str, seed: int = 1) -> StoredCampaign:
    return StoredCampaign(identity={"seed": seed}, layout=LAYOUT, events=10, sites=sites)


class Remote:
    """A store that is no file system, as far as names go."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stores that were opened, of which those of other machines are none that could answer."""
    opened: list[str] = []

    def opens(url: str) -> Any:
        opened.append(url)
        return Remote(url) if url.startswith(("s3://", "root://")) else open_store(url)

    monkeypatch.setattr(module, "_opened", opens)
    return opened


def test_an_outputs_own_files_are_in_it(tmp_path: Path) -> None:
    store = PosixStore(tmp_path)
    assert Sites(store, campaign()).locate("events/a.root") == (store, "events/a.root")


@pytest.mark.parametrize(
    "url",
    [
        *("events/STEM.d/../../../precious.txt", "events/../../precious.txt", "events/..", "events/.hidden"),
        *("events/", "events/a/b", "precious.txt", "", "/etc/passwd", "/dev/zero", "_commits/a.json"),
        *(
            "http://host/a.root",
            "file:///dev/zero",
            "events/a\n",
            "events/a\0",
            "events/\u202ea",
            "events\\a",
        ),
        f"events/{'a' * 300}",
    ],
)
def test_a_name_of_more_than_one_component_below_events_is_no_file(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match="not a file of a campaign") as refused:
        Sites(PosixStore(tmp_path), campaign()).locate(url)
    assert not isinstance(refused.value, UnknownSite)


def test_sites_that_the_campaign_names_are_followed(tmp_path: Path, asked: list[str]) -> None:
    store = PosixStore(tmp_path)
    sites = Sites(store, campaign("../site", "s3://bucket/a", "file:///data/b"))
    for url, home in (
        ("../site/events/a.root", f"{tmp_path}/../site"),
        ("s3://bucket/a/events/a.root", "s3://bucket/a"),
        ("file:///data/b/events/a.root", "/data/b"),
    ):
        found, name = sites.locate(url)
        assert (found.url, name) == (home, "events/a.root")
    assert len(asked) == 3


@pytest.mark.parametrize(
    "url",
    ["s3://bucket/b/events/a", "s3://bucket/a/../b/events/a", "root://host//a/events/a", "http://h/events/a"],
)
def test_storage_elsewhere_is_not_asked_because_a_record_says_so(
    tmp_path: Path, asked: list[str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(ledger: Ledger) -> StoredCampaign:
        raise AssertionError(f"{ledger.store.url} was asked")

    monkeypatch.setattr(Ledger, "campaign", asks)
    with pytest.raises(UnknownSite, match="not a site of this campaign"):
        Sites(PosixStore(tmp_path), campaign("s3://bucket/a")).locate(url)


def test_folders_of_this_campaign_are_sites_of_outputs_that_name_none(tmp_path: Path) -> None:
    """As a former release merged them."""
    out = PosixStore(tmp_path / "out")
    sites = {"mine": campaign(), "other": campaign(seed=2)}
    for name, made in sites.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / CAMPAIGN).write_bytes(as_json(made))
    (tmp_path / "out").mkdir()
    found, name = Sites(out, campaign()).locate("../mine/events/a.root")
    assert (Path(found.url).resolve(), name) == (tmp_path / "mine", "events/a.root")
    assert Sites(out, campaign()).locate(f"file://{tmp_path}/mine/events/a.root")[0].url == f"{tmp_path}/mine"
    for site in ("../other", "../nothing", f"{tmp_path}/other"):
        with pytest.raises(UnknownSite):
            Sites(out, campaign()).locate(f"{site}/events/a.root")
    shutil.copy("/dev/null", tmp_path / "mine" / CAMPAIGN)
    with pytest.raises(UnknownSite):
        Sites(out, campaign()).locate("../mine/events/a.root")


def test_a_path_from_a_remote_output_stays_on_its_server(asked: list[str]) -> None:
    remote: Any = Remote("s3://bucket/all/merged")
    assert site_store(remote, "../../site").url == "s3://bucket/site"
    assert site_store(remote, "site").url == "s3://bucket/all/merged/site"
    for path in ("../../../other", "../../../../x", "a/../../../../x"):
        with pytest.raises(InputError, match="leads out of"):
            site_store(remote, path)


def test_a_site_of_an_unknown_protocol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="http"):
        Sites(PosixStore(tmp_path), campaign("http://site")).locate("http://site/events/a.root")


def test_a_campaign_without_sites_is_stored_as_it_was() -> None:
    assert "sites" not in json.loads(as_json(campaign()))
    assert json.loads(as_json(campaign("a")))["sites"] == ["a"]
