"""The page as a browser would get it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.manifest import MANIFEST, read_manifest
from monsoon.engine.records import Loss
from monsoon.engine.storage import open_store
from monsoon.jobs.pages.blocks import Block, Paragraph
from monsoon.jobs.pages.render import TEMPLATES, render
from monsoon.jobs.report import accounts
from monsoon.jobs.report.format import number
from monsoon.jobs.report.page import report, write_report
from monsoon.jobs.report.sample import read_sample
from monsoon.models.records import Status
from monsoon.models.store.shipped import LIBRARY, SAMPLES
from monsoon.models.store.suite import Suite
from tests.jobs.pages.fragments import fragment

VOID = {"meta", "img", "link", "br", "input"}
HOSTILE = "\"'><script>alert($1$)<script>&amp;{{ 7 * 7 }}"


class Page(HTMLParser):
    """Tags with their attributes, and whether every tag that opens closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, name: str) -> Iterator[str]:
        return (
            value or "" for _, attributes in self.tags for key, value in attributes.items() if key == name
        )


@pytest.fixture(scope="module")
def source(campaign: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "made" / "report.html"
    assert write_report(str(campaign), str(path)) == str(path)
    return path.read_text()


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_the_page_is_whole(page: Page) -> None:
    assert page.open == []


def test_the_page_refers_to_nothing_outside_itself(source: str, page: Page) -> None:
    assert all(link.startswith("#") for link in page.attributes("href"))
    assert all(link.startswith("data:image/png;base64,") for link in page.attributes("src"))
    own = f"<script>{(TEMPLATES / 'display.js').read_text()}</script>"
    assert source.count(own) == 1
    without_images = re.sub(r"base64,[A-Za-z0-9+/=]*", "", source).replace(own, "")
    assert not re.search(r"https?://|url\(|@import|<script|<link|srcset", without_images)


def test_every_link_has_its_target_and_every_image_its_words(page: Page) -> None:
    targets = set(page.attributes("id"))
    assert {link.removeprefix("#") for link in page.attributes("href")} <= targets
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 15
    assert all(len(attributes["alt"] or "") > 20 for attributes in images)


def test_the_page_is_light(source: str) -> None:
    assert len(source) < 4_000_000


def test_text_from_outside_is_escaped(source: str, campaign: Path) -> None:
    assert "&lt;about&gt;" in source
    assert "<about>" in campaign.name
    assert "<about>" not in source
    assert "test &lt;b&gt;" in source


def test_the_page_says_what_was_generated(page: Page, campaign: Path) -> None:
    manifest = read_manifest(open_store(campaign))
    assert manifest["content"] in page.text
    assert manifest["identity"]["model"] in page.text
    assert number(manifest["counts"]["hits"]) in page.text
    assert "do not add up" not in page.text


def shown(blocks: Iterable[Block]) -> str:
    return "\n".join(fragment(block) for block in blocks)


def test_the_page_names_the_detector_and_what_saturation_means(
    page: Page, campaign: Path, detector: Detector
) -> None:
    assert detector.description.label in page.text
    assert "de35cdc54b2c" in detector.description.label
    events = read_sample(open_store(campaign)).events
    saturated = int((events.hit_adc == 4095).sum())
    assert saturated > 0
    assert f"{saturated} of {number(len(events.hit_adc))} hits" in page.text
    assert "the last ADC count, 4095" in page.text
    assert "494" in page.text  # GeV: where the scale of the cell nearest to the beam ends


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "hits; not counted in 1 shards of a former release"),
        ({"not_counted": {"saturated": 2}}, "not counted: a former release made these events"),
    ],
    ids=["some", "all"],
)
def test_shards_of_former_releases_are_not_counted_as_without_saturation(
    campaign: Path, detector: Detector, change: dict[str, Any], said: str
) -> None:
    manifest = {**read_manifest(open_store(campaign)), "not_counted": {"saturated": 1}, **change}
    assert said in fragment(accounts.generated(manifest, detector))
    before = {key: value for key, value in manifest.items() if key not in ("not_counted", "geometry")}
    before["counts"] = {name: n for name, n in before["counts"].items() if name != "saturated"}
    assert "not counted: a former release" in shown(accounts.saturation(before, detector))


def test_statuses_and_losses_add_up(campaign: Path) -> None:
    manifest = read_manifest(open_store(campaign))
    counts, events = manifest["counts"], read_sample(open_store(campaign)).events
    assert (
        sum(counts[f"status_{s.name.lower()}"] for s in Status)
        == counts["particles"]
        == len(events.particle_pdg)
    )
    everything = counts["particles"] + sum(counts[f"lost_{loss.name.lower()}"] for loss in Loss)
    assert f">{number(everything)}<" in shown(accounts.losses(manifest))
    assert f">{number(counts['particles'])}<" in shown(accounts.statuses(manifest, events))


def test_counts_that_do_not_add_up_are_shown_as_such(campaign: Path) -> None:
    manifest, events = read_manifest(open_store(campaign)), read_sample(open_store(campaign)).events
    counts = {**manifest["counts"], "particles": manifest["counts"]["particles"] + 1}
    wrong = accounts.statuses({**manifest, "counts": counts}, events)
    (warning,) = (block for block in wrong if isinstance(block, Paragraph) and block.warning)
    assert "do not add up" in warning.text
    right = accounts.statuses(manifest, events)
    assert not any(isinstance(block, Paragraph) and block.warning for block in right)


def test_events_that_are_missing_are_said(campaign: Path, detector: Detector) -> None:
    manifest = {**read_manifest(open_store(campaign)), "events_wanted": 50}
    assert "10 are not committed" in fragment(accounts.generated(manifest, detector))


def hostile(value: Any) -> Any:
    """The same with a hostile end of every text, names of keys included."""
    if isinstance(value, dict):
        return {f"{key}{HOSTILE}": hostile(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) else value


@pytest.mark.slow
def test_hostile_names_stay_text(
    campaign: Path, suite: Suite, detector: Detector, page: Page, tmp_path: Path
) -> None:
    """Of the campaign's folder, its shower files, its detector and zones, and all that the manifest holds."""
    sample = read_sample(open_store(campaign))
    models = [tmp_path / f"{HOSTILE}{path.name}" for path in LIBRARY]
    for link, path in zip(models, LIBRARY, strict=True):
        link.symlink_to(path)
    kept = ("counts", "seconds", "shards", "events_wanted")  # numbers by names of our own
    manifest = {
        **{key: value if key in kept else hostile(value) for key, value in sample.manifest.items()},
        "model": ",".join(str(path) for path in models),
        "identity": {**sample.manifest["identity"], "numerics": hostile({"device": "cpu"})},
        "layout": {**sample.manifest["layout"], "formats": [HOSTILE]},
        "incidents": {**sample.manifest["incidents"], **hostile({"source": "gun", "settings": {"a": "b"}})},
    }
    described = detector.description
    zones = tuple(zone.model_copy(update={"name": f"{zone.name}{HOSTILE}"}) for zone in described.zones)
    odd = replace(detector, description=described.model_copy(update={"name": HOSTILE, "zones": zones}))
    whole = report(replace(sample, manifest=manifest), f"/data/{HOSTILE}", suite, odd)
    found = Page(render(whole).decode())
    assert found.open == []
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in page.tags}
    assert {name for _, attributes in found.tags for name in attributes} <= {
        name for _, attributes in page.tags for name in attributes
    }
    assert found.text.count(HOSTILE) >= 12
    for text in (f"Campaign in /data/{HOSTILE}.", models[0].name, f"Detector {HOSTILE}", f"inner{HOSTILE}"):
        assert text in found.text


def test_a_model_that_has_changed_since_is_refused(campaign: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model has changed"):
        write_report(str(campaign), str(tmp_path / "report.html"), model=str(SAMPLES / "hadrons-heldout.h5"))
    assert not (tmp_path / "report.html").exists()


@pytest.fixture
def downloaded(campaign: Path, tmp_path: Path) -> Callable[..., Path]:
    """The campaign as somebody else's, with another manifest."""

    def make(**changed: object) -> Path:
        copy = Path(shutil.copytree(campaign, tmp_path / "copy"))
        (copy / MANIFEST).write_text(json.dumps({**read_manifest(open_store(copy)), **changed}))
        return copy

    return make


@pytest.mark.parametrize("key", ["model", "outside", "detector"])
@pytest.mark.parametrize(
    "word", ["/dev/zero", "library,../fifo", "..", "http://127.0.0.1:1/x", "", "x" * 5000, "a\0b"]
)
def test_a_path_that_a_manifest_names_is_not_opened(
    key: str, word: str, downloaded: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr("monsoon.jobs.report.page.load", lambda *words: opened.append(words))
    with pytest.raises(InputError, match=f"its {key} .* is opened only where you name it"):
        write_report(str(downloaded(**{key: word})))
    assert not opened


@pytest.mark.slow
def test_what_a_person_names_is_opened_whatever_the_manifest_says(
    downloaded: Callable[..., Path], tmp_path: Path
) -> None:
    copy = downloaded(model=None, detector="/nowhere.yaml")
    with pytest.raises(InputError, match="names no model; give --model"):
        write_report(str(copy))
    page = tmp_path / "report.html"
    words = [str(path) for path in LIBRARY]
    write_report(str(copy), str(page), model=",".join(words), detector="lhcb-ecal")
    assert "Detector and model" in page.read_text()
