"""What a validation remembers of the CaloChallenge's classifiers."""

from __future__ import annotations

from pathlib import Path

import pytest

import monsoon.jobs.validation.memory
from monsoon.jobs.validation.memory import Memory
from monsoon.models.data.shower_files import read_rows
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.calochallenge import areas
from monsoon.models.store.shipped import SAMPLES


def test_areas_are_asked_once_and_stay_what_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (read_rows(SAMPLES / "egamma-heldout.h5", first, first + 60) for first in (0, 60))
    asked: list[str] = []
    area = monsoon.jobs.validation.memory.area

    def counted(level: str, *of: object) -> tuple[float, float]:
        asked.append(level)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return area(level, *of)  # type: ignore[arg-type]

    monkeypatch.setattr(monsoon.jobs.validation.memory, "area", counted)
    with pytest.raises(KeyboardInterrupt):
        Memory(tmp_path).areas(one, other, Planar(), 3, 1)
    found = Memory(tmp_path).areas(one, other, Planar(), 3, 1)
    assert asked == ["low", "high", "high"]
    assert found == areas(one, other, Planar(), 3, 1)
    Memory(tmp_path).areas(one, other, Planar(), 4, 1)
    assert len(asked) == 5
