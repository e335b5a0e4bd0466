"""What large samples take follows from what was measured, on the page for managers too."""

from __future__ import annotations

from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.bench.history import HISTORY
from monsoon.jobs.plan import (
    GEANT4_SECONDS_PER_PARTICLE,
    MEASURED_HITS,
    PARTICLES_PER_COLLISION,
    hits_per_event,
)
from monsoon.jobs.scale import (
    BEGIN,
    END,
    SHARDS_PER_SECOND,
    event_bytes,
    event_seconds,
    measured,
    page,
    rows_of,
    scale,
    throughput,
)

PAGE = Path(__file__).parents[2] / "cluster/SCALE.md"


def test_the_page_for_managers_is_what_the_program_says() -> None:
    assert f"{BEGIN}\n{page()}\n{END}" in PAGE.read_text(), "run `monsoon scale --write cluster/SCALE.md`"


def test_the_parts_add_up_to_the_event_that_was_measured_as_a_whole() -> None:
    found = measured()
    assert event_seconds(found.particles, found.library_seconds) == pytest.approx(
        found.event_seconds, rel=0.15
    )


def test_hits_are_those_of_the_measured_campaigns_and_fewer_a_particle_where_there_are_more() -> None:
    for particles, hits in MEASURED_HITS:
        assert hits_per_event(particles) == pytest.approx(hits)
    assert hits_per_event(2000) / 2000 < hits_per_event(200) / 200
    assert hits_per_event(0) == 0


def test_a_table_row_is_the_product_of_its_constants() -> None:
    rows = {row[1]: row for row in rows_of("Run 3", measured())}
    particles = 5.2 * PARTICLES_PER_COLLISION
    geant4 = [1e9 * particles * seconds / 3600 / 8766 for seconds in GEANT4_SECONDS_PER_PARTICLE]
    assert [float(word) for word in rows["Geant4"][3].split("-")] == pytest.approx(geant4, rel=0.05)
    ours = 1e9 * event_seconds(particles, measured().library_seconds) / 3600
    assert float(rows["library"][4]) == pytest.approx(ours / 1000, rel=0.01)
    assert float(rows["library"][6]) == pytest.approx(
        1e9 * event_bytes(particles, "parquet") / 1e12, rel=0.01
    )
    assert float(rows["best"][2]) > float(rows["library"][2])


def test_throughput_is_that_of_whatever_is_scarcest() -> None:
    particles = 5.2 * PARTICLES_PER_COLLISION
    seconds, size = event_seconds(particles, 1e-4), event_bytes(particles, "parquet")
    assert throughput(particles, 1e-4, 10, 1e12) == (pytest.approx(10 / seconds), "cores")
    assert throughput(particles, 1e-4, 10**6, 1e9) == (pytest.approx(1e9 / size), "storage")
    assert throughput(particles, 1e-4, 10**6, 1e12, 10) == (SHARDS_PER_SECOND * 10, "commits")
    assert throughput(particles, 1e-4, 10**6, 1e12, 20)[0] == SHARDS_PER_SECOND * 20


def test_the_last_run_of_a_history_counts(tmp_path: Path) -> None:
    text = HISTORY.read_text()
    later = [line.replace(",f367304,", ",abc1234,") for line in text.splitlines() if ",f367304," in line]
    later = [line.replace("2493.4", "9999") for line in later]
    path = tmp_path / "history.csv"
    path.write_text(text + "\n".join(later) + "\n")
    assert measured(path).commit == "abc1234"
    assert measured(path).event_seconds == pytest.approx(9999e-6)


def test_a_file_without_a_place_for_the_table_is_refused_and_left(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("no marks")
    with pytest.raises(InputError, match="no place for the table"):
        scale(str(tmp_path / "page.md"), say=lambda line: None)
    assert (tmp_path / "page.md").read_text() == "no marks"
