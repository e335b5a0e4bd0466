"""What a person runs: a config in, a file and one last plain line out."""

from __future__ import annotations

import subprocess
import sys
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
from monsoon.engine.incidents.content import content_hash
from monsoon.engine.incidents.parquet import read_header, read_incidents
from monsoon.engine.incidents.pythia import Collider
from monsoon.engine.records import Origin
from monsoon.jobs.incidents import SOURCES
from tests.engine.incidents.les_houches import z_events


@pytest.mark.slow
def test_every_source_stores_the_description_of_its_detector(
    tmp_path: Path, table: Path, hepmc: Path, detector: Detector
) -> None:
    run("pythia", collisions=8, seed=5, workers=1, output=str(tmp_path / "pool.parquet"))
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
def lhe(tmp_path: Path) -> Path:
    (tmp_path / "in.lhe").write_text(z_events(6))
    return tmp_path / "in.lhe"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = {"event": [3, 5], "pdg": [22, 11], "px_mev": [500.0, -900.0], "pz_mev": [9000.0, 12_000.0]}
    zeros = {name: [0.0, 0.0] for name in ("py_mev", "x_mm", "y_mm", "z_mm")}
    pq.write_table(pa.table({**rows, **zeros}), tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_every_source_writes_a_file_and_says_so_last(
    tmp_path: Path, hepmc: Path, lhe: Path, table: Path, soft: Collider, capfd: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, dict[str, Any]] = {
        "pythia": {"collisions": 20},
        "hepmc": {"input": str(hepmc)},
        "lhe": {"input": str(lhe), "cards": ["PartonLevel:MPI = off"]},
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
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".hepmc", ".lhe", *[".parquet"] * 7]


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


HEPMC = (
    "HepMC::Asciiv3-START_EVENT_LISTING\nW up\\|Weight\n"
    + "".join(
        f"E {number} 0 1\nU MEV MM\nW 3.0 2.0\nP 1 0 22 500 0 9000 9014 0 1\n" for number in range(3, 6)
    )
    + "HepMC::Asciiv3-END_EVENT_LISTING"
)


@pytest.mark.parametrize(("asked", "name", "value"), [(None, "Weight", 2.0), ("up", "up", 3.0)])
def test_the_weight_that_was_taken_is_stored(
    tmp_path: Path, asked: str | None, name: str, value: float
) -> None:
    (tmp_path / "in.hepmc").write_text(HEPMC)
    output = run(
        "hepmc", input=str(tmp_path / "in.hepmc"), output=str(tmp_path / "out.parquet"), weight=asked
    )
    assert read_header(output).settings["weight"] == name
    assert read_incidents(output).weight.tolist() == [value] * 3


def test_a_weight_may_be_named_by_a_number() -> None:
    assert validate(SOURCES["hepmc"][0], {"input": "a", "output": "b", "weight": 1001}, "x").weight == "1001"


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        ("W 3.0 2.0", "W 3.0 nan", "weight is not finite"),
        ("W 3.0 2.0", "W 3.0", "not as many weights as names"),
        ("500 0 9000", "5e11 0 9e12", "energy_mev is beyond 1e+07"),
        ("500 0 9000", "5e298 0 9e299", "energy_mev is not positive and finite"),
        ("E 4 0 1", "E 4 0 2", "not as many particles as promised"),
    ],
)
def test_a_hepmc_event_that_is_of_no_use_is_counted_and_stored_and_the_others_are_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], good: str, bad: str, reason: str
) -> None:
    before, mark, after = HEPMC.partition("E 4 ")
    (tmp_path / "in.hepmc").write_text(before + (mark + after).replace(good, bad, 1))
    output = run("hepmc", input=str(tmp_path / "in.hepmc"), output=str(tmp_path / "out.parquet"))
    (loss,) = read_header(output).losses
    assert loss.startswith(f"{tmp_path / 'in.hepmc'}: 1 event is left out: {reason} (event number 4")
    assert f"loss: {loss}" in capfd.readouterr().out.splitlines()
    incidents = read_incidents(output)
    assert incidents.source_event.tolist() == [3, 5]
    assert incidents.event.tolist() == [0, 1]


def test_hepmc_of_which_no_event_is_left_is_one_line_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "in.hepmc").write_text(HEPMC.replace("W 3.0 2.0", "W 3.0 inf"))
    with pytest.raises(InputError, match=r"no events: .*3 events are left out: weight is not finite \(first"):
        run("hepmc", input=str(tmp_path / "in.hepmc"), output=str(tmp_path / "out.parquet"))
    assert [path.name for path in tmp_path.iterdir()] == ["in.hepmc"]


@pytest.mark.slow
def test_hepmc_comes_through_a_pipe(tmp_path: Path) -> None:
    """As generators write it: nothing can be sought in it."""
    program = f"""
from monsoon.jobs.cli import main
raise SystemExit(main(["incidents", "hepmc", "input=/dev/stdin", "output={tmp_path / "out.parquet"}"]))
"""
    done = subprocess.run([sys.executable, "-c", program], input=HEPMC, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert read_header(tmp_path / "out.parquet").events == 3


def test_a_table_with_an_energy_that_no_file_may_hold_is_refused_by_its_own_event_number(
    tmp_path: Path, table: Path
) -> None:
    rows = pq.read_table(table)
    for name, value in (("px_mev", -7.5e198), ("pz_mev", 1e200)):
        column = rows.schema.get_field_index(name)
        rows = rows.set_column(column, name, pa.array([rows[name][0].as_py(), value]))
    pq.write_table(rows, table)
    with pytest.raises(InputError, match=r"in\.parquet: event 5: energy_mev is not positive and finite"):
        run("table", input=str(table), output=str(tmp_path / "out.parquet"))
    assert list(tmp_path.iterdir()) == [table]


def test_a_hepmc_file_without_one_whole_event_leaves_nothing(tmp_path: Path, hepmc: Path) -> None:
    hepmc.write_bytes(hepmc.read_bytes()[:300])
    with pytest.raises(InputError, match=r"no events: .*closing line"):
        run("hepmc", input=str(hepmc), output=str(tmp_path / "out.parquet"))
    assert list(tmp_path.iterdir()) == [hepmc]


def test_a_taken_output_is_refused_before_any_work(tmp_path: Path, hepmc: Path, table: Path) -> None:
    (tmp_path / "out.parquet").write_text("mine")
    for source, given in {
        "pythia": {"collisions": 20},
        "hepmc": {"input": str(hepmc)},
        "lhe": {"input": str(hepmc)},
        "gun": {"pdg": 22, "energy_mev": 500, "theta_rad": 0.1, "events": 2},
        "table": {"input": str(table)},
        "overlay": {"input": "nowhere", "mu": 1, "events": 2},
    }.items():
        with pytest.raises(InputError, match="already exists"):
            run(source, output=str(tmp_path / "out.parquet"), **given)
    assert (tmp_path / "out.parquet").read_text() == "mine"


def test_overlay_puts_pile_up_on_a_signal(
    tmp_path: Path, lhe: Path, soft: Collider, capfd: pytest.CaptureFixture[str]
) -> None:
    pool, signal = (str(tmp_path / name) for name in ("pool.parquet", "signal.parquet"))
    run("pythia", collisions=20, output=pool)
    run("lhe", input=str(lhe), cards=["PartonLevel:MPI = off"], output=signal)
    given = {"input": pool, "signal": signal, "mu": 2.5}
    made = read_incidents(run("overlay", events=6, output=str(tmp_path / "made.parquet"), **given))
    alone = read_incidents(signal)
    assert made.origin is not None
    assert np.array_equal(made.energy_mev[made.origin == Origin.SIGNAL], alone.energy_mev)
    assert made.source_event.tolist() == list(range(6))
    assert read_header(tmp_path / "made.parquet").settings["signal_sha256"] == content_hash(alone)
    with pytest.raises(InputError, match="has signal events 0"):
        run("overlay", events=7, output=str(tmp_path / "more.parquet"), **given)
    assert not (tmp_path / "more.parquet").exists()


@pytest.mark.parametrize("source", ["hepmc", "lhe", "table", "overlay"])
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
