"""Pieces of a study are made once, and belong to the settings that they were made with."""

from __future__ import annotations

from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.studies.pieces import Result, StudyConfig, results_of

MADE: list[int] = []


def square(shared: int, piece: int) -> Result:
    MADE.append(piece)
    if piece < 0:
        raise KeyboardInterrupt
    return {"value": shared + piece**2}


def test_what_is_finished_is_kept_and_not_done_again(tmp_path: Path) -> None:
    config, pieces = StudyConfig(output=str(tmp_path / "out")), {"a": 2, "b": -1, "c": 3}
    MADE.clear()
    with pytest.raises(KeyboardInterrupt):
        results_of(config, pieces, square, 1, True)
    assert MADE == [2, -1]
    pieces["b"] = 1
    for _ in range(2):
        found = results_of(config, pieces, square, 1, True)
        assert {name: one["value"] for name, one in found.items()} == {"a": 5, "b": 2, "c": 10}
    assert MADE == [2, -1, 1, 3]


def test_another_seed_or_file_is_refused_and_workers_are_free(tmp_path: Path) -> None:
    config, pieces = StudyConfig(output=str(tmp_path)), {"a": 2}
    results_of(config, pieces, square, 1, True, {"showers.h5": "sum"})
    results_of(config.model_copy(update={"workers": 3}), pieces, square, 1, True, {"showers.h5": "sum"})
    with pytest.raises(InputError, match="seed"):
        results_of(config.model_copy(update={"seed": 2}), pieces, square, 1, True, {"showers.h5": "sum"})
    with pytest.raises(InputError, match=r"showers\.h5"):
        results_of(config, pieces, square, 1, True, {"showers.h5": "another"})


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    config = StudyConfig(output=str(tmp_path))
    results_of(config, {"a": 2}, square, 1, True)
    (tmp_path / "pieces" / "a.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.json.*remove it"):
        results_of(config, {"a": 2}, square, 1, True)
