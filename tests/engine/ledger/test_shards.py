"""A shard's files: written in every format, adopted where they are right, passed by where they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.formats.schema import NOTHING, Content, ContentHash, event_hashes
from monsoon.engine.ledger.commits import EVENTS
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.shards import FORMATS, Published, content_of, publish_shard
from monsoon.engine.ledger.stored import ShardFile
from monsoon.engine.pipeline import Stopwatch, generate
from monsoon.engine.records import Events, Incidents, concatenate
from monsoon.engine.storage import open_store
from monsoon.engine.storage.posix import PosixStore
from monsoon.models.files import sha256_of
from monsoon.models.store.suite import Suite

FACE = {"detector": Detector.load("lhcb-ecal").description.canonical.decode()}  # which edm4hep needs
SHARD = EventRange(0, 4)
PARTICLES = [20, 0, 50, 3, 1]


@pytest.fixture(scope="module")
def events(suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents]) -> Events:
    return generate(make_incidents(PARTICLES), suite, placing, 1)


@pytest.fixture(scope="module")
def parts(suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents]) -> list[Events]:
    """The same events in three parts, one of them without any."""
    incidents = make_incidents(PARTICLES)
    return [generate(incidents[a:b], suite, placing, 1) for a, b in ((0, 2), (2, 2), (2, 5))]


@pytest.fixture(scope="module")
def content(events: Events) -> Content:
    content = ContentHash()
    content.update(events)
    return content.content()


@pytest.fixture
def store(tmp_path: Path) -> PosixStore:
    store = PosixStore(tmp_path)
    store.prepare(EVENTS)
    return store


def publish(
    store: PosixStore, *parts: Events, formats: tuple[str, ...] = ("parquet",), attempt: str = "1"
) -> Published:
    return publish_shard(
        parts,
        store,
        SHARD,
        formats,
        contributions=False,
        metadata={"attempt": attempt, **FACE},
        stopwatch=Stopwatch(),
    )


def test_every_format_holds_the_same_content(store: PosixStore, events: Events, content: Content) -> None:
    published = publish(store, events, formats=tuple(FORMATS))
    assert published.content == content
    assert [file.format for file in published.files] == list(FORMATS)
    assert [content_of(file.format, store.root / file.url) for file in published.files] == [content] * len(
        FORMATS
    )
    assert len(list(store.list(EVENTS))) == len(FORMATS)  # and no attempt is left


def test_a_shard_in_parts_is_the_shard(
    store: PosixStore, events: Events, parts: list[Events], content: Content
) -> None:
    published = publish(store, *parts, formats=tuple(FORMATS))
    assert published.content == content
    for file in published.files:
        whole = concatenate(FORMATS[file.format].blocks(store.root / file.url))
        assert event_hashes(whole) == event_hashes(events)


def test_a_shard_of_no_events_is_a_file_of_none(store: PosixStore, parts: list[Events]) -> None:
    published = publish(store, parts[1], formats=tuple(FORMATS))
    assert published.content == NOTHING
    assert [content_of(file.format, store.root / file.url) for file in published.files] == [NOTHING] * len(
        FORMATS
    )


def test_a_record_says_what_the_files_are(store: PosixStore, events: Events) -> None:
    for file in publish(store, events, formats=("parquet", "root")).files:
        assert file.bytes == store.size(file.url)
        assert file.sha256 == sha256_of(store.root / file.url)


def test_a_shard_that_fails_half_way_leaves_nothing(store: PosixStore, parts: list[Events]) -> None:
    def fails() -> Iterator[Events]:
        yield parts[0]
        raise RuntimeError("a worker is taken away")

    with pytest.raises(RuntimeError, match="taken away"):
        publish_shard(
            fails(),
            store,
            SHARD,
            tuple(FORMATS),
            contributions=False,
            metadata=FACE,
            stopwatch=Stopwatch(),
        )
    assert list(store.list(EVENTS)) == []


def test_a_file_of_equal_content_is_adopted(store: PosixStore, events: Events) -> None:
    """ROOT files carry a time stamp: adopted means that the very file stays."""
    before = publish(store, events, formats=("root",), attempt="1")
    after = publish(store, events, formats=("root",), attempt="2")
    assert after == before


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("found", [b"", b"torn", None], ids=["empty", "foreign", "torn"])
def test_anything_else_under_the_name_is_left_and_the_record_names_another_file(
    store: PosixStore, events: Events, content: Content, found: bytes | None, name: str
) -> None:
    (file,) = publish(store, events, formats=(name,)).files
    path = store.root / file.url
    path.write_bytes(path.read_bytes()[:-30] if found is None else found)
    assert content_of(name, path) is None
    (again,) = publish(store, events, formats=(name,)).files
    assert again.url.startswith(f"{EVENTS}/{SHARD.stem}.")
    assert again.url.endswith(FORMATS[name].suffix)
    assert content_of(name, store.root / again.url) == content
    assert again.sha256 == sha256_of(store.root / again.url)


def test_a_file_of_other_events_under_the_name_is_not_adopted(
    store: PosixStore, events: Events, parts: list[Events], content: Content
) -> None:
    publish(store, parts[0])
    (file,) = publish(store, events).files
    assert content_of("parquet", store.root / file.url) == content


def test_a_store_may_publish_under_another_name_and_the_record_has_it(
    store: PosixStore, events: Events, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one without exclusive create does."""

    def own_name(attempt: Path, name: str) -> str:
        stem, dot, suffix = name.partition(".")
        own = f"{stem}.0123456789ab{dot}{suffix}"
        attempt.rename(store.root / own)
        return own

    monkeypatch.setattr(store, "publish", own_name)
    (file,) = publish(store, events).files
    assert file.url == f"{EVENTS}/{SHARD.stem}.0123456789ab.parquet"
    assert content_of("parquet", store.root / file.url) == content


def test_parquet_bytes_repeat_exactly(tmp_path: Path, parts: list[Events]) -> None:
    def digest(name: str) -> str:
        (tmp_path / name / EVENTS).mkdir(parents=True)
        made = open_store(tmp_path / name)
        assert isinstance(made, PosixStore)
        file: ShardFile = publish(made, *parts).files[0]
        return file.sha256

    assert digest("a") == digest("b")
