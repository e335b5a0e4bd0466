"""Files with EDM4hep's names: what other tools see of them, and that nothing is lost on the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.formats import edm4hep, edm4hep_members, parquet
from monsoon.engine.formats.schema import event_hashes, no_events, schema
from monsoon.engine.pipeline import generate
from monsoon.engine.records import HIT_TIME, Events, Incidents, concatenate
from monsoon.models.store.suite import Suite


@pytest.fixture(scope="module")
def metadata(detector: Detector) -> dict[str, str]:
    return {"detector": detector.description.canonical.decode(), "producer": "monsoon"}


@pytest.fixture(scope="module")
def parts(suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents]) -> list[Events]:
    """Events of 30, 0, 80, 0 and 1 particles, in two parts, with all that events may have."""
    incidents = make_incidents([30, 0, 80, 0, 1], first_event=5)
    count = len(incidents.pdg)
    told = replace(
        incidents,
        origin=(np.arange(count) % 2).astype(np.uint8),
        mother_pdg=np.arange(count, dtype=np.int32),
    )
    return [
        generate(told[part], suite, placing, 1, contributions=True, hit_times=True)
        for part in (slice(0, 3), slice(3, 5))
    ]


@pytest.fixture(scope="module")
def file(parts: list[Events], metadata: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("edm4hep") / "x.edm4hep.root"
    write(parts, path, metadata)
    return path


def write(parts: list[Events], path: Path, metadata: dict[str, str]) -> None:
    with edm4hep.writer(path, True, metadata, ("origin", "mother_pdg", HIT_TIME)) as append:
        for part in parts:
            append(part)


def test_a_file_comes_back_as_parquet_does_however_it_is_read(
    file: Path, parts: list[Events], tmp_path: Path
) -> None:
    whole = concatenate(parts)
    parquet.write(whole, tmp_path / "x.parquet", {})
    for number in (1, 3, 1000):
        blocks = list(edm4hep.blocks(file, number))
        assert event_hashes(concatenate(blocks)) == event_hashes(parquet.read(tmp_path / "x.parquet"))
    assert [len(block) for block in edm4hep.blocks(file, 3)] == [3, 2]  # a basket each


def test_others_read_hits_and_their_contributions_in_gev(
    file: Path, parts: list[Events], detector: Detector
) -> None:
    events, second = concatenate(parts), 2
    with uproot.open(file) as opened:
        tree = opened["events"]
        seen = {name: tree[name].array(library="np") for name in tree.keys()}  # noqa: SIM118
    assert [int(number[0]) for number in seen["EventHeader.eventNumber"]] == [5, 6, 7, 8, 9]
    hits = slice(events.hit_offsets[second], events.hit_offsets[second + 1])
    assert seen["ECalHits.cellID"][second].tolist() == events.hit_cell[hits].tolist()
    assert np.allclose(seen["ECalHits.energy"][second] * 1000, events.hit_energy_mev[hits], rtol=1e-6)
    place = np.stack([seen[f"ECalHits.position.{axis}"][second] for axis in "xyz"], 1)
    centres = detector.cell_centres_mm[events.hit_cell[hits]]
    assert np.allclose(place[:, :2], centres)
    assert (place[:, 2] == detector.description.face_z_mm).all()
    # a hit's contributions, and by their relation the particles that made them
    begin, end = (seen[f"ECalHits.contributions_{which}"][second].astype(int) for which in ("begin", "end"))
    rows = slice(events.contribution_offsets[second], events.contribution_offsets[second + 1])
    for hit in (0, len(begin) // 2, len(begin) - 1):
        of_hit = events.contribution_hit[rows] == hit
        those = seen["_ECalHits_contributions.index"][second][begin[hit] : end[hit]]
        energy = seen["ECalHitContributions.energy"][second][those]
        assert np.allclose(energy * 1000, events.contribution_energy_mev[rows][of_hit], rtol=1e-6)
        particle = seen["_ECalHitContributions_particle.index"][second][those]
        codes = seen["ECalHitContributions.PDG"][second][those]
        assert (codes == seen["MCParticles.PDG"][second][particle]).all()
    momentum = np.stack([seen[f"MCParticles.momentum.{axis}"][second] for axis in "xyz"], 1)
    mass = seen["MCParticles.mass"][second]
    kinetic = np.sqrt((momentum**2).sum(1) + mass**2) - mass
    particles = slice(events.particle_offsets[second], events.particle_offsets[second + 1])
    assert np.allclose(kinetic * 1000, events.particle_energy_mev[particles], rtol=1e-6)
    overlaid = seen["MCParticles.simulatorStatus"][second] >> 23 & 1
    assert (overlaid == (events.particle_origin[particles] == 0)).all()


@pytest.mark.parametrize("contributions", [True, False])
def test_a_file_without_events_has_all_branches(
    tmp_path: Path, metadata: dict[str, str], contributions: bool
) -> None:
    with edm4hep.writer(tmp_path / "x", contributions, metadata):
        pass
    (block,) = edm4hep.blocks(tmp_path / "x")
    nothing = no_events(schema(contributions))
    assert event_hashes(block) == []
    assert (block.contribution_hit is None) == (nothing.contribution_hit is None)


@pytest.mark.parametrize("member", ["energy", "position.x"])
def test_a_member_that_does_not_follow_from_the_events_is_found(
    tmp_path: Path,
    parts: list[Events],
    metadata: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    member: str,
) -> None:
    def shifted(*arguments: Any) -> Any:
        found = edm4hep_members.collections_of(*arguments)
        found["ECalHits"][1][member] = found["ECalHits"][1][member] * np.float32(1.001)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(edm4hep, "collections_of", shifted)
        write(parts, tmp_path / "x", metadata)
    with pytest.raises(ValueError, match=f"ECalHits.{member}: does not follow"):
        edm4hep.read(tmp_path / "x")


def test_without_the_detector_nothing_can_be_placed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="detector"), edm4hep.writer(tmp_path / "x", True, {}):
        pass
