"""A signal event is where its number says, however many are wanted and however often they are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import SETTINGS
from monsoon.engine.incidents.content import content_hash
from monsoon.engine.incidents.parquet import read_incidents, read_origins, write_incidents
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.signal import (
    UnfinishedSignal,
    hard_pile_up,
    signal_chunks,
    signal_file,
    signal_seed,
)
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.records import Incidents

HIGGS = ("HiggsSM:gg2H = on", "25:onMode = off", "25:onIfMatch = 22 22", "PartonLevel:MPI = off")


@pytest.fixture
def settings(detector: Detector) -> PoolSettings:
    return PoolSettings(HIGGS, signal_seed(1), Transport(), detector, chunk=8, mothers=True)


def make(url: Path, settings: PoolSettings, *ranges: EventRange) -> int:
    """Returns how many events were made."""
    return sum(UnfinishedSignal(signal_chunks(str(url), settings), settings, ranges).fill())


@pytest.mark.slow
def test_events_do_not_depend_on_how_the_signal_grew(tmp_path: Path, settings: PoolSettings) -> None:
    at_once, grown = (signal_chunks(str(tmp_path / name), settings) for name in ("once", "grown"))
    assert make(tmp_path / "once", settings, EventRange(0, 19)) == 24
    assert make(tmp_path / "grown", settings, EventRange(10, 12)) == 8
    assert make(tmp_path / "grown", settings, EventRange(3, 5), EventRange(14, 19)) == 16
    assert make(tmp_path / "grown", settings, EventRange(0, 19)) == 0
    one, other = at_once.read(EventRange(0, 19)), grown.read(EventRange(0, 19))
    assert one.event.tolist() == list(range(20))
    assert content_hash(one) == content_hash(other)
    assert content_hash(grown.read(EventRange(7, 9))) == content_hash(one[7:10])
    assert at_once.identity == grown.identity
    assert one.mother_pdg is not None
    assert (one.mother_pdg == 25).any()


def test_a_failure_while_growing_keeps_what_was_there(tmp_path: Path, settings: PoolSettings) -> None:
    make(tmp_path / "signal", settings, EventRange(0, 7))

    def fails(*_: object) -> None:
        raise InputError("Pythia refuses")

    more = UnfinishedSignal(signal_chunks(str(tmp_path / "signal"), settings), settings, [EventRange(8, 9)])
    with pytest.raises(InputError, match="Pythia refuses"):
        list(more.fill(fails))  # type: ignore[arg-type]
    assert len(signal_chunks(str(tmp_path / "signal"), settings).read(EventRange(0, 7))) == 8


def test_a_chunk_that_another_driver_wrote_meanwhile_is_taken(tmp_path: Path, settings: PoolSettings) -> None:
    late = UnfinishedSignal(signal_chunks(str(tmp_path / "s"), settings), settings, [EventRange(0, 7)])
    make(tmp_path / "s", settings, EventRange(0, 7))
    assert list(late.fill()) == [8]


def test_nothing_is_wanted_of_a_finished_campaign(tmp_path: Path, settings: PoolSettings) -> None:
    assert make(tmp_path / "signal", settings) == 0
    assert not list(tmp_path.iterdir())


def test_other_settings_are_another_signal(tmp_path: Path, settings: PoolSettings) -> None:
    make(tmp_path / "signal", settings, EventRange(0, 7))
    other = replace(settings, seed=signal_seed(2))
    assert signal_chunks("s", settings).identity != signal_chunks("s", other).identity
    with pytest.raises(InputError, match="started with another seed"):
        make(tmp_path / "signal", other, EventRange(0, 7))


def test_cards_without_a_process_are_refused(settings: PoolSettings) -> None:
    with pytest.raises(InputError, match="switches no process on"):
        signal_chunks("s", replace(settings, cards=HIGGS[1:]))


def test_a_hard_process_as_pile_up_is_named_with_the_remedy() -> None:
    assert hard_pile_up((), 5.2) is None
    assert hard_pile_up(("SoftQCD:nonDiffractive = on",), 5.2) is None
    line = hard_pile_up(("HardQCD:all = on",), 5.2)
    assert line is not None
    assert "mu=5.2" in line
    assert "signal=" in line


def test_a_file_has_to_hold_each_event_once(tmp_path: Path, pool: Incidents) -> None:
    def written(name: str, incidents: Incidents) -> str:
        path = tmp_path / name
        write_incidents(path, [incidents], source="test", settings={}, detector="lhcb-ecal")
        return str(path)

    good = written("good", pool)
    found = signal_file(good, EventRange(0, 59))
    assert content_hash(found.read(EventRange(10, 20))) == content_hash(pool[10:21])
    assert found.identity == content_hash(pool)
    with pytest.raises(InputError, match=r"has signal events 0 \.\. 59, .* 0 \.\. 60 are asked for"):
        signal_file(good, EventRange(0, 60))
    gaps = written("gaps", pool.select(np.arange(60) != 7))
    with pytest.raises(InputError, match="gaps"):
        signal_file(gaps, EventRange(0, 59))
    summed = written("summed", replace(pool, collisions=np.full(60, 3, np.int32)))
    with pytest.raises(InputError, match="sums of collisions"):
        signal_file(summed, EventRange(0, 59))


def test_columns_of_origin_are_in_files_that_have_them_alone(
    tmp_path: Path, pool: Incidents, settings: PoolSettings
) -> None:
    """A file without them has the content that it had before there were such columns."""
    told = replace(pool, mother_pdg=np.arange(len(pool.pdg), dtype=np.int32))
    for name, incidents in (("plain", pool), ("told", told)):
        header = write_incidents(
            tmp_path / name, [incidents[:20], incidents[20:]], source="test", settings={}, detector="d"
        )
        again = read_incidents(tmp_path / name)
        assert header.content_sha256 == content_hash(again) == content_hash(incidents)
    assert read_origins(tmp_path / "plain") == ()
    assert read_origins(tmp_path / "told") == ("mother_pdg",)
    assert np.array_equal(read_incidents(tmp_path / "told").mother_pdg, told.mother_pdg)  # type: ignore[arg-type]
    assert content_hash(pool) != content_hash(told)
    make(tmp_path / "signal", settings, EventRange(0, 0))
    assert sorted(path.name for path in (tmp_path / "signal").iterdir()) == [
        "collisions-000000000000-000000000007.parquet",
        SETTINGS,
    ]
