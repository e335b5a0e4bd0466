"""What a person runs: a config in, a file and one last plain line out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyhepmc
import pytest

from monsoon.engine.config import validate
from monsoon.engine.detector.description import Description
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import Chunk, Parts, incidents_of
from monsoon.engine.incidents.content import content_hash
from monsoon.engine.incidents.parquet import read_header, read_incidents
from monsoon.engine.incidents.pythia import Collider
from monsoon.engine.incidents.transport import Transport
from monsoon.jobs.incidents import SOURCES, make_pool, pool_settings

POOL: dict[str, Any] = {
    "cards": (),
    "seed": 5,
    "polarity": 1,
    "threshold_mev": 1000.0,
    "detector": "lhcb-ecal",
    "workers": 1,
    "chunk": 8,
}


def test_every_source_stores_the_description_of_its_detector(
    tmp_path: Path, table: Path, hepmc: Path, detector: Detector
) -> None:
    make_pool(**POOL, collisions=8, output=tmp_path / "pool.parquet")
    made = {
        "table": {"input": str(table)},
        "hepmc": {"input": str(hepmc)},
        "gun": {"pdg": 22, "energy_mev": 5000, "theta_rad": 0.1, "events": 3},
        "overlay": {"input": str(tmp_path / "pool.parquet"), "mu": 2.0, "events": 3},
    }
    files = [run(source, **words, output=str(tmp_path / f"{source}.out")) for source, words in made.items()]
    for path in [tmp_path / "pool.parquet", *files]:
        stored = read_header(path).settings["detector"]
        assert Description.model_validate(stored).sha256 == detector.description.sha256


def run(source: str, **settings: Any) -> Path:
    config, job = SOURCES[source]
    job(config(**settings))
    return Path(settings["output"])


@pytest.fixture
def hepmc(tmp_path: Path) -> Path:
    with pyhepmc.open(tmp_path / "in.hepmc", "w") as file:
        for number in range(3):
            event = pyhepmc.GenEvent(pyhepmc.Units.MEV, pyhepmc.Units.MM)
            event.event_number = number + 7
            vertex = pyhepmc.GenVertex((0, 0, 0, 0))
            vertex.add_particle_in(pyhepmc.GenParticle((0, 0, 6.8e6, 6.8e6), 2212, 4))
            for px in (500.0, 1000.0, 0.0):
                vertex.add_particle_out(pyhepmc.GenParticle((px, 0, 10_000, np.hypot(px, 10_000)), 22, 1))
            event.add_vertex(vertex)
            file.write(event)
    return tmp_path / "in.hepmc"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = {"event": [3, 5], "pdg": [22, 11], "px_mev": [500.0, -900.0], "pz_mev": [9000.0, 12_000.0]}
    zeros = {name: [0.0, 0.0] for name in ("py_mev", "x_mm", "y_mm", "z_mm")}
    pq.write_table(pa.table({**rows, **zeros}), tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_every_source_writes_a_file_and_says_so_last(
    tmp_path: Path, hepmc: Path, table: Path, soft: Collider, capfd: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, dict[str, Any]] = {
        "pythia": {"collisions": 20},
        "hepmc": {"input": str(hepmc)},
        "gun": {"pdg": [22, 211], "energy_mev": [500, 9000], "theta_rad": 0.1, "events": 2500},
        "table": {"input": str(table)},
        "overlay": {"input": str(tmp_path / "pythia.parquet"), "mu": 2.5, "events": 1200, "first_event": 30},
    }
    assert set(settings) == set(SOURCES)
    for source, given in settings.items():
        path = run(source, output=str(tmp_path / f"{source}.parquet"), **given)
        out = capfd.readouterr().out
        assert out.splitlines()[-1] == f"incidents: {path}"
        header = read_header(path)
        assert header.source == source
        assert header.content_sha256 == content_hash(read_incidents(path))
    assert read_incidents(tmp_path / "hepmc.parquet").source_event.tolist() == [7, 8, 9]
    assert read_incidents(tmp_path / "hepmc.parquet").lost.sum(0).tolist() == [0, 0, 0, 3, 0]
    assert read_incidents(tmp_path / "table.parquet").source_event.tolist() == [3, 4, 5]
    assert read_incidents(tmp_path / "gun.parquet").energy_mev.min() < 600
    overlaid = read_incidents(tmp_path / "overlay.parquet")
    assert (overlaid.event[0], overlaid.event[-1]) == (30, 1229)
    assert abs(overlaid.collisions.mean() - 2.5) < 0.3
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".hepmc"] + [".parquet"] * 6


def test_a_cut_hepmc_file_gives_its_whole_events_and_the_loss(
    tmp_path: Path, hepmc: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = hepmc.read_bytes()
    hepmc.write_bytes(content[: content.index(b"E 9") + 300])
    path = run("hepmc", input=str(hepmc), output=str(tmp_path / "out.parquet"))
    out = capfd.readouterr().out
    assert f"loss: {hepmc}: ends without its closing line; the 2 events before are kept" in out.splitlines()
    assert read_header(path).events == 2
    assert len(read_header(path).losses) == 1


def test_a_hepmc_file_without_one_whole_event_leaves_nothing(tmp_path: Path, hepmc: Path) -> None:
    hepmc.write_bytes(hepmc.read_bytes()[:300])
    with pytest.raises(InputError, match=r"no events: .*closing line"):
        run("hepmc", input=str(hepmc), output=str(tmp_path / "out.parquet"))
    assert list(tmp_path.iterdir()) == [hepmc]


def test_a_longer_pool_begins_with_a_shorter_one(tmp_path: Path, soft: Collider) -> None:
    short = make_pool(collisions=11, output=tmp_path / "short.parquet", **POOL)
    long = make_pool(collisions=20, output=tmp_path / "long.parquet", **POOL)
    assert content_hash(read_incidents(long)[:11]) == read_header(short).content_sha256


def test_a_pool_goes_on_with_the_chunks_that_an_interrupted_run_left(
    tmp_path: Path, soft: Collider, detector: Detector
) -> None:
    whole = make_pool(collisions=20, output=tmp_path / "whole.parquet", **POOL)
    settings = pool_settings((), 5, 8, Transport(), detector)
    left = Parts(tmp_path / "resumed.parquet.parts", settings, "lhcb-ecal")
    left.keep(Chunk(1, 8, 8), incidents_of((), 999, Chunk(1, 8, 8), detector, Transport()))
    (tmp_path / "resumed.parquet.parts" / "collisions-000000000000-000000000007.parquet").write_bytes(b"PAR1")
    resumed = read_incidents(make_pool(collisions=20, output=tmp_path / "resumed.parquet", **POOL))
    fresh = read_incidents(whole)
    # marked with another seed to be told apart: it was taken as it lay; the damaged one was made again
    assert content_hash(resumed[8:16]) != content_hash(fresh[8:16])
    assert content_hash(resumed[:8]) == content_hash(fresh[:8])
    assert content_hash(resumed[16:]) == content_hash(fresh[16:])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["resumed.parquet", "whole.parquet"]


def test_chunks_of_other_settings_are_not_taken(tmp_path: Path, detector: Detector) -> None:
    other = pool_settings((), 6, 8, Transport(), detector)
    Parts(tmp_path / "pool.parquet.parts", other, "lhcb-ecal")
    with pytest.raises(InputError, match="begun with another seed"):
        make_pool(collisions=20, output=tmp_path / "pool.parquet", **POOL)


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    for cards, message in (
        (("HardQCD:all = on", "Beams:eCM = 1"), "Pythia cannot start"),
        (("Nonsense:card = 1",), "Nonsense"),
    ):
        with pytest.raises(InputError, match=message):
            make_pool(collisions=20, output=tmp_path / "pool.parquet", **{**POOL, "cards": cards})
    assert list(tmp_path.iterdir()) == []


def test_a_taken_output_is_refused_before_any_work(tmp_path: Path, hepmc: Path, table: Path) -> None:
    (tmp_path / "out.parquet").write_text("mine")
    for source, given in {
        "pythia": {"collisions": 20},
        "hepmc": {"input": str(hepmc)},
        "gun": {"pdg": 22, "energy_mev": 500, "theta_rad": 0.1, "events": 2},
        "table": {"input": str(table)},
        "overlay": {"input": "nowhere", "mu": 1, "events": 2},
    }.items():
        with pytest.raises(InputError, match="already exists"):
            run(source, output=str(tmp_path / "out.parquet"), **given)
    assert (tmp_path / "out.parquet").read_text() == "mine"


@pytest.mark.parametrize("source", ["hepmc", "table", "overlay"])
def test_a_missing_input_is_refused(tmp_path: Path, source: str) -> None:
    more = {"mu": 1, "events": 1} if source == "overlay" else {}
    with pytest.raises(InputError, match="missing: cannot be read"):
        run(source, input=str(tmp_path / "missing"), output=str(tmp_path / "out.parquet"), **more)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_detector_is_refused(tmp_path: Path, hepmc: Path) -> None:
    with pytest.raises(InputError, match="no such detector"):
        run("hepmc", input=str(hepmc), output=str(tmp_path / "out.parquet"), detector="atlas")


@pytest.mark.parametrize(
    ("source", "change", "field"),
    [
        ("pythia", {"collisions": 0}, "collisions"),
        ("pythia", {"polarity": 2}, "polarity"),
        ("pythia", {"threshold_mev": -1}, "threshold_mev"),
        ("pythia", {"colisions": 5}, "colisions"),
        ("pythia", {"workers": 0}, "workers"),
        ("overlay", {"mu": -1}, "mu"),
        ("overlay", {"events": "many"}, "events"),
        ("gun", {"x_mm": 3}, "x_mm"),
        ("hepmc", {"output": ""}, "output"),
    ],
)
def test_an_unusable_setting_is_named(source: str, change: dict[str, Any], field: str) -> None:
    good: dict[str, dict[str, Any]] = {
        "pythia": {"collisions": 20},
        "hepmc": {"input": "in"},
        "gun": {"pdg": 22, "energy_mev": 500, "theta_rad": 0.1, "events": 2},
        "overlay": {"input": "in", "mu": 1, "events": 2},
    }
    with pytest.raises(InputError, match=field) as caught:
        validate(SOURCES[source][0], {"output": "out", **good[source], **change}, source)
    assert "\n" not in str(caught.value)
