"""A shard's files: written in every format, adopted where they are right, replaced where they are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.detector import Detector
from engine.formats.schema import content_hash, event_hashes
from engine.pipeline import generate
from engine.plan import EventRange
from engine.records import Events, Incidents
from engine.shards import EVENTS, content_of, publish_shard
from models.suite import Suite

SHARD = EventRange(0, 4)
FORMATS = ("parquet", "root", "ttree")


@pytest.fixture(scope="module")
def events(suite: Suite, detector: Detector, make_incidents: Callable[..., Incidents]) -> Events:
    return generate(make_incidents([20, 0, 50, 3, 1]), suite, detector, 1)


@pytest.fixture(scope="module")
def content(events: Events) -> str:
    return content_hash(event_hashes(events))


def test_every_format_holds_the_same_content(tmp_path: Path, events: Events, content: str) -> None:
    files = publish_shard(events, content, tmp_path, SHARD, FORMATS, {})
    assert [content_of(file.format, tmp_path / file.url) for file in files] == [content] * 3
    assert len(list((tmp_path / EVENTS).iterdir())) == 3  # and no attempt is left


def test_a_file_of_equal_content_is_adopted(tmp_path: Path, events: Events, content: str) -> None:
    """ROOT files carry a time stamp: adopted means that the very file stays."""
    (before,) = publish_shard(events, content, tmp_path, SHARD, ("root",), {"attempt": "1"})
    (after,) = publish_shard(events, content, tmp_path, SHARD, ("root",), {"attempt": "2"})
    assert after == before


@pytest.mark.parametrize("found", [b"", b"torn", None], ids=["empty", "foreign", "torn"])
def test_anything_else_under_the_name_is_replaced(
    tmp_path: Path, events: Events, content: str, found: bytes | None
) -> None:
    (file,) = publish_shard(events, content, tmp_path, SHARD, ("parquet",), {})
    path = tmp_path / file.url
    path.write_bytes(path.read_bytes()[:-30] if found is None else found)
    assert content_of("parquet", path) is None
    publish_shard(events, content, tmp_path, SHARD, ("parquet",), {})
    assert content_of("parquet", path) == content


def test_parquet_bytes_repeat_exactly(tmp_path: Path, events: Events, content: str) -> None:
    digests = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (file,) = publish_shard(events, content, tmp_path / name, SHARD, ("parquet",), {})
        digests.add(file.sha256)
    assert len(digests) == 1
