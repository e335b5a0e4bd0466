"""The table of shipped models."""

from __future__ import annotations

from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.markdown import table_of
from monsoon.jobs.models import (
    BATCHES,
    BEGIN,
    END,
    HEAD,
    entries,
    models,
    points_of,
    row_of,
    time_of,
)
from monsoon.models.data.shower_files import read_showers
from monsoon.models.families.library import Library
from monsoon.models.store.shipped import SAMPLES

AREA = {"value": 0.5164, "error": 0.0071, "floor": 0.5021, "floor_error": 0.007}
CARD = {
    "family": "flow",
    "parameters": 1234567,
    "training": {"seconds": 1500.0, "device": "cpu"},
    "metrics": {
        "egamma auc/high-level": AREA,
        "egamma fpd": {"value": 0.0031, "error": 0.0002, "floor": 0.001, "floor_error": 0.0001},
    },
}  # fmt: skip


def test_a_row_says_what_is_known_and_no_more() -> None:
    row = row_of("flow-egamma", CARD, {"50": 0.3123, "400": 0.25})
    assert row == (
        "flow-egamma", "flow", "1,234,567", "25 min, cpu", "0.516 ± 0.007 (0.502)", "-", "-", "-",
        "3.100 ± 0.200 (1.000)", "0.312 / 0.25 / -",
    )  # fmt: skip
    assert row_of("library, hadrons", {**CARD, "family": "library"}, {})[4] == "-"
    assert len(row) == len(HEAD)


def test_the_table_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{BEGIN}\nold\n{END}\nafter\n")
    said: list[str] = []
    models(write=str(readme), say=said.append)
    assert readme.read_text() == f"before\n\n{BEGIN}\n{said[0]}\n{END}\nafter\n"
    models(write=str(readme), say=said.append)
    assert readme.read_text() == f"before\n\n{BEGIN}\n{said[0]}\n{END}\nafter\n"
    assert "| library, egamma | library |" in said[0]


@pytest.mark.parametrize("text", ["no marks", f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_a_file_without_a_place_for_the_table_is_refused_and_left(text: str, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(InputError, match="no place for the table"):
        models(write=str(readme), say=lambda line: None)
    assert readme.read_text() == text


def test_a_table_is_markdown() -> None:
    assert table_of([("a", "b"), ("1", "2")]) == "| a | b |\n|---|---|\n| 1 | 2 |"


def test_the_libraries_are_always_there() -> None:
    assert [entry.name for entry in entries(Path("/nowhere"))] == ["library, egamma", "library, hadrons"]


def test_time_is_measured_at_every_batch_size() -> None:
    showers = read_showers(SAMPLES / "egamma-heldout.h5")[:300]
    found = time_of(Library(showers), showers.conditions)
    assert set(found) == {str(batch) for batch in BATCHES}
    assert all(0 < milliseconds < 1000 for milliseconds in found.values())


def test_quality_against_speed_is_drawn_of_what_is_measured(tmp_path: Path) -> None:
    points = {group: points_of(group) for group in ("egamma", "hadrons")}
    for group, found in points.items():
        assert {"library", f"flow-{group}"} <= {point.name for point in found}
        assert all(0 < point.milliseconds < 10 and 0.45 < point.auc < 1 for point in found)
    models(picture=str(tmp_path / "choice.png"), say=lambda table: None)
    assert (tmp_path / "choice.png").read_bytes().startswith(b"\x89PNG")


def test_a_generator_of_another_geometry_is_timed_and_not_drawn_beside_the_others() -> None:
    name = "transported-ds2like"
    conditions = next(entry for entry in entries() if entry.name == name).conditions()
    assert len(conditions) > 1200  # of the shipped electrons in layers
    assert name not in {point.name for point in points_of("egamma")}
