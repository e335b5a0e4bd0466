"""A mixture has each process in proportion to its cross-section, and each event of it once, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.mixing import STRIDE, Ingredient, mix, processes_of
from monsoon.engine.incidents.parquet import read_incidents, write_incidents
from monsoon.engine.records import Incidents, concatenate

MB = (3.0, 1.0, 1e-9)


def test_processes_are_drawn_by_their_cross_sections_event_by_event() -> None:
    process = processes_of(MB, 7, np.arange(40_000))
    counts = np.bincount(process, minlength=3)
    assert abs(counts[0] - 30_000) < 5 * np.sqrt(40_000 * 0.75 * 0.25)
    assert counts[2] == 0
    assert np.array_equal(processes_of(MB, 7, np.arange(20_000, 20_100)), process[20_000:20_100])
    assert not np.array_equal(processes_of(MB, 8, np.arange(40_000)), process)


@pytest.fixture
def files(make_incidents: Callable[..., Incidents], tmp_path: Path) -> list[Ingredient]:
    """Two processes; the second one's events are numbered from 100, and have weights."""
    parts = []
    for number, (first, weight) in enumerate(((0, 1.0), (100, 4.0))):
        made = make_incidents([number + 1, 0, number + 3] * 20, seed=number, first_event=first)
        alone = {"collisions": np.ones(60, np.int32), "collision": np.zeros(len(made.pdg), np.int32)}
        made = replace(made, weight=np.full(60, weight), **alone)
        url = str(tmp_path / f"{number}.parquet")
        write_incidents(url, [made], source="test", settings={}, detector="lhcb-ecal")
        parts.append(Ingredient(url, MB[number]))
    return parts


def test_every_event_of_a_mixture_is_the_next_of_its_process(files: list[Ingredient]) -> None:
    whole = concatenate(mix(files, 3, 70))
    process = processes_of(MB[:2], 3, np.arange(70))
    assert whole.event.tolist() == list(range(70))
    assert np.array_equal(whole.source_event // STRIDE, process)
    for number, part in enumerate(files):
        mine = whole.select(process == number)
        assert mine.source_event.tolist() == [STRIDE * number + rank for rank in range(len(mine))]
        theirs = read_incidents(part.url)[: len(mine)]
        for name in ("pdg", "energy_mev", "position_mm", "time_ns"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name))
        assert np.array_equal(np.diff(mine.offsets), np.diff(theirs.offsets))
    assert np.allclose(whole.weight, 1.0)  # the mean of each process


def test_a_process_with_too_few_events_is_refused(files: list[Ingredient]) -> None:
    with pytest.raises(
        InputError, match=r"has 60 events, and [78][0-9] of this process are needed; give more"
    ):
        list(mix(files, 3, 100))
