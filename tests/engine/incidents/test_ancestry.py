"""A particle's mother is the nearest ancestor of another species, whoever wrote the record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyhepmc
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.ancestry import NOBODY, mother_pdg
from monsoon.engine.incidents.hepmc.file import HepmcFile
from monsoon.engine.incidents.pythia import Collider
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.records import Particles

HIGGS = ("HiggsSM:gg2H = on", "25:onMode = off", "25:onIfMatch = 22 22", "PartonLevel:MPI = off")
Z = ("WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 11", "PartonLevel:MPI = off")


def mothers_of(pdg: list[int], mother: list[int], *rows: int) -> list[int]:
    found: list[int] = mother_pdg(np.array(pdg), np.array(mother), np.array(rows)).tolist()
    return found


def test_copies_of_a_particle_are_passed_over() -> None:
    pdg, mother = [25, 22, 22, 22, 11], [NOBODY, 0, 1, 2, 3]
    assert mothers_of(pdg, mother, 3, 1, 4, 0) == [25, 25, 22, 0]


def test_a_chain_of_copies_without_another_species_has_no_mother() -> None:
    assert mothers_of([22, 22], [NOBODY, 0], 1) == [0]


def test_a_circle_ends() -> None:
    assert mothers_of([22, 22, 22], [2, 0, 1], 0, 1) == [0, 0]


def test_very_long_lines_and_circles_of_copies_end_soon() -> None:
    """A file from elsewhere may hold them; a step an entry would take hours."""
    size = 200_000
    line = np.arange(-1, size - 1)
    assert mother_pdg(np.r_[25, np.full(size - 1, 22)], line, np.arange(size)).tolist() == [0] + [25] * (
        size - 1
    )
    circle = np.roll(np.arange(size), 1)
    assert not mother_pdg(np.full(size, 22), circle, np.arange(size)).any()


@pytest.mark.parametrize(("cards", "pdg", "boson"), [(HIGGS, 22, 25), (Z, 11, 23)])
def test_pythia_names_the_boson_as_mother_of_its_two_particles(
    cards: tuple[str, ...], pdg: int, boson: int
) -> None:
    particles = Collider(cards).collide(1, 0, 20, mothers=True)
    assert particles.mother_pdg is not None
    of_boson = (np.abs(particles.pdg) == pdg) & (particles.mother_pdg == boson)
    event = np.repeat(np.arange(20), np.diff(particles.offsets))
    count = np.bincount(event[of_boson], minlength=20)
    assert count.max() == 2
    assert count.sum() > 36  # a few photons convert in their decay (Dalitz)
    assert (particles.mother_pdg[particles.pdg == 22] == 111).any()


def test_mothers_change_nothing_else() -> None:
    collider = Collider(HIGGS)
    plain, told = collider.collide(1, 0, 3), collider.collide(1, 0, 3, mothers=True)
    assert plain.mother_pdg is None
    assert np.array_equal(plain.momentum_mev, told.momentum_mev)


@pytest.fixture
def hepmc(tmp_path: Path) -> Path:
    """p p -> H -> gamma gamma, of which one photon is listed again; and a muon from nowhere."""
    event = pyhepmc.GenEvent(pyhepmc.Units.MEV, pyhepmc.Units.MM)

    def particle(pdg: int, status: int) -> pyhepmc.GenParticle:
        return pyhepmc.GenParticle((2000.0, 0, 20_000, np.hypot(2000.0, 20_000)), pdg, status)

    proton, higgs, copied = particle(2212, 4), particle(25, 2), particle(22, 44)
    hard, decay, recoil = (pyhepmc.GenVertex((0, 0, 0, 0)) for _ in range(3))
    hard.add_particle_in(proton)
    for one in (higgs, particle(13, 1)):
        hard.add_particle_out(one)
    decay.add_particle_in(higgs)
    for one in (copied, particle(22, 1)):
        decay.add_particle_out(one)
    recoil.add_particle_in(copied)
    recoil.add_particle_out(particle(22, 1))
    for vertex in (hard, decay, recoil):
        event.add_vertex(vertex)
    with pyhepmc.open(tmp_path / "in.hepmc", "w") as file:
        file.write(event)
    return tmp_path / "in.hepmc"


def test_hepmc_names_the_boson_behind_a_photon_that_is_listed_twice(hepmc: Path) -> None:
    (particles,) = HepmcFile(hepmc)
    assert particles.mother_pdg is not None
    assert sorted(zip(particles.pdg.tolist(), particles.mother_pdg.tolist(), strict=True)) == [
        (13, 2212),
        (22, 25),
        (22, 25),
    ]


def test_the_way_to_the_face_keeps_mothers_only_where_asked(hepmc: Path, detector: Detector) -> None:
    (particles,) = HepmcFile(hepmc)
    assert transport(particles, detector, Transport()).mother_pdg is None
    kept = transport(particles, detector, Transport(), mothers=True)
    assert kept.mother_pdg is not None
    assert set(kept.mother_pdg[kept.pdg == 22].tolist()) == {25}
    unknown = Particles(**{**vars(particles), "mother_pdg": None})
    assert set(transport(unknown, detector, Transport(), mothers=True).mother_pdg.tolist()) == {0}  # type: ignore[union-attr]
