"""A pool is the same however often its making was interrupted, and goes on only with chunks of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import SETTINGS, Chunk, Parts, cut, incidents_of
from monsoon.engine.incidents.content import content_hash
from monsoon.engine.incidents.parquet import read_header, read_incidents
from monsoon.engine.incidents.pools import (
    LARGE,
    PoolSettings,
    UnfinishedPool,
    collide_here,
    expect_pool,
    parallel_pays,
)
from monsoon.engine.incidents.pythia import Collider
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.records import Incidents


@pytest.fixture
def settings(detector: Detector) -> PoolSettings:
    return PoolSettings((), 5, Transport(), detector, chunk=8)


def made(output: Path, settings: PoolSettings, collisions: int) -> Path:
    pool = UnfinishedPool(output, settings, collisions)
    assert sum(pool.fill()) == collisions - pool.held
    assert pool.publish() == read_header(output)
    assert pool.url == str(output)
    return output


def test_a_longer_pool_begins_with_a_shorter_one(
    tmp_path: Path, soft: Collider, settings: PoolSettings
) -> None:
    short = made(tmp_path / "short.parquet", settings, 11)
    long = made(tmp_path / "long.parquet", settings, 20)
    assert content_hash(read_incidents(long)[:11]) == read_header(short).content_sha256


def test_a_pool_goes_on_with_the_chunks_that_an_interrupted_run_left(
    tmp_path: Path, soft: Collider, settings: PoolSettings
) -> None:
    whole = made(tmp_path / "whole.parquet", settings, 20)
    left = Parts(tmp_path / "resumed.parquet.parts", settings.stored(), "lhcb-ecal")
    marked = incidents_of((), 999, Chunk(1, 8, 8), settings.detector, Transport())
    left.keep(Chunk(1, 8, 8), marked)
    (tmp_path / "resumed.parquet.parts" / "collisions-000000000000-000000000007.parquet").write_bytes(b"PAR1")
    resumed = read_incidents(made(tmp_path / "resumed.parquet", settings, 20))
    fresh = read_incidents(whole)
    # marked with another seed to be told apart: it was taken as it lay; the damaged one was made again
    assert content_hash(resumed[8:16]) != content_hash(fresh[8:16])
    assert content_hash(resumed[:8]) == content_hash(fresh[:8])
    assert content_hash(resumed[16:]) == content_hash(fresh[16:])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["resumed.parquet", "whole.parquet"]


def test_an_interruption_keeps_what_is_finished(
    tmp_path: Path, soft: Collider, settings: PoolSettings
) -> None:
    steps = UnfinishedPool(tmp_path / "pool.parquet", settings, 20).fill()
    assert next(steps) == 8
    steps.close()  # as Ctrl-C does
    again = UnfinishedPool(tmp_path / "pool.parquet", settings, 20)
    assert again.held == 8
    assert list(again.fill()) == [8, 4]


def test_the_settings_are_stored_as_the_first_release_stored_them(
    tmp_path: Path, settings: PoolSettings
) -> None:
    """Its chunks are taken up only where each of these is equal."""
    UnfinishedPool(tmp_path / "pool.parquet", settings, 20)
    stored = json.loads((tmp_path / "pool.parquet.parts" / SETTINGS).read_text())
    detector = stored.pop("detector")
    assert stored == {"cards": [], "seed": 5, "chunk": 8, "polarity": 1, "threshold_mev": 1000.0}
    assert (detector["name"], detector["pixel_mm"], len(detector["zones"])) == ("lhcb-ecal", 20.2, 3)


def test_chunks_of_other_settings_are_not_taken(tmp_path: Path, settings: PoolSettings) -> None:
    Parts(tmp_path / "pool.parquet.parts", {**settings.stored(), "seed": 6}, "lhcb-ecal")
    with pytest.raises(InputError, match="started with another seed"):
        UnfinishedPool(tmp_path / "pool.parquet", settings, 20)


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path, detector: Detector) -> None:
    for cards, message in (
        (("HardQCD:all = on", "Beams:eCM = 1"), "Pythia cannot be initialised"),
        (("Nonsense:card = 1",), "Nonsense"),
    ):
        with pytest.raises(InputError, match=message):
            made(tmp_path / "pool.parquet", PoolSettings(cards, 5, Transport(), detector), 20)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_after_a_finished_chunk_costs_that_chunk_alone(
    tmp_path: Path, soft: Collider, settings: PoolSettings
) -> None:
    def fails(settings: PoolSettings, chunks: Sequence[Chunk]) -> Iterator[Incidents]:
        yield from collide_here(settings, chunks[:1])
        raise InputError("the disk is full; make room")

    with pytest.raises(InputError, match="make room"):
        list(UnfinishedPool(tmp_path / "pool.parquet", settings, 20).fill(fails))
    assert UnfinishedPool(tmp_path / "pool.parquet", settings, 20).held == 8


def test_a_finished_pool_is_the_campaigns_only_if_it_was_made_alike(
    tmp_path: Path, soft: Collider, settings: PoolSettings
) -> None:
    pool = str(made(tmp_path / "pool.parquet", settings, 11))
    expect_pool(pool, settings, 11)
    with pytest.raises(InputError, match="pool_collisions = 11, not 12"):
        expect_pool(pool, settings, 12)
    other = PoolSettings((), 5, Transport(polarity=-1), settings.detector, chunk=8)
    with pytest.raises(InputError, match="polarity = 1, not -1"):
        expect_pool(pool, other, 11)


def test_several_processes_are_used_where_asked_for_or_where_they_pay() -> None:
    few, many = cut(LARGE - 1, 500), cut(LARGE, 500)
    assert not parallel_pays(few, None)
    assert parallel_pays(few, 2)
    assert parallel_pays(many, None)
    assert not parallel_pays(many, 1)
    assert not parallel_pays(cut(500, 500), 2)
