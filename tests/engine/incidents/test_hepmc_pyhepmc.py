"""HepMC as pyhepmc reads it: another implementation, on whole files of both versions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyhepmc
import pytest
from numpy.random import Generator

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.content import content_hash
from monsoon.engine.incidents.hepmc.file import HepmcFile
from monsoon.engine.incidents.transport import C_MM_PER_NS, Transport, transport
from monsoon.engine.records import Particles, concatenate, offsets_of

SPECIES = (22, 211, -211, 321, 2212, 11, 130)


def momentum(random: Generator, mass: float, unit: float) -> tuple[float, ...]:
    p = random.normal((0, 0, 5000), 3000)
    return tuple((np.append(p, np.sqrt(p @ p + mass**2)) * unit).tolist())


def collision(number: int, units: str) -> pyhepmc.GenEvent:
    """Two beams to some hadrons, of which some decay, again and again; half of the vertices have no place."""
    random = np.random.default_rng(number)
    first, second = (getattr(pyhepmc.Units, unit) for unit in units.split())
    mev, mm = 1e-3 if "GEV" in units else 1.0, 0.1 if "CM" in units else 1.0
    event = pyhepmc.GenEvent(first, second)
    event.event_number = number
    primary = pyhepmc.GenVertex(tuple((random.normal(0, 5, 4) * mm).tolist()))
    for sign in (1, -1):
        primary.add_particle_in(pyhepmc.GenParticle((0, 0, sign * 6.8e6 * mev, 6.8e6 * mev), 2212, 4))
    event.add_vertex(primary)
    vertices = [primary]
    for vertex in vertices:
        for _ in range(int(random.integers(2, 6))):
            decays = len(vertices) < 12 and random.random() < 0.5
            mass = float(random.choice([0.0, 139.57, 497.6])) * mev
            code = 310 if decays else int(random.choice(SPECIES))
            particle = pyhepmc.GenParticle(momentum(random, mass / mev, mev), code, 2 if decays else 1)
            particle.generated_mass = mass
            vertex.add_particle_out(particle)
            if decays:
                place = random.normal(0, 300, 4) * mm if random.random() < 0.5 else np.zeros(4)
                decay = pyhepmc.GenVertex(tuple(place.tolist()))
                decay.add_particle_in(particle)
                event.add_vertex(decay)
                vertices.append(decay)
    event.weights = [float(random.normal(1, 0.1))]
    return event


def mother_of(particle: pyhepmc.GenParticle) -> int:
    """The nearest ancestor of another species, along the first mothers."""
    above = particle
    while above.pid == particle.pid:
        mothers = above.production_vertex.particles_in
        if not mothers:
            return 0
        above = mothers[0]
    return int(above.pid)


def by_pyhepmc(path: Path, form: str) -> Particles:
    """Status 1 in the order of the library, vertices as it says they are."""
    events = []
    with pyhepmc.open(path, format=form) as file:
        for number, event in enumerate(file):
            event.set_units(pyhepmc.Units.MEV, pyhepmc.Units.MM)
            stable = [particle for particle in event.particles if particle.status == 1]
            vertices = [particle.production_vertex for particle in stable]
            places = np.array([[*vertex.position] for vertex in vertices])
            events.append(
                Particles(
                    event=np.array([number]),
                    offsets=offsets_of([len(stable)]),
                    weight=np.array([event.weights[0]]),
                    source_event=np.array([event.event_number]),
                    pdg=np.array([particle.pid for particle in stable], np.int32),
                    mass_mev=np.array([particle.generated_mass for particle in stable]),
                    momentum_mev=np.array([[*particle.momentum][:3] for particle in stable]),
                    vertex_mm=places[:, :3],
                    time_ns=places[:, 3] / C_MM_PER_NS,
                    mother_pdg=np.array([mother_of(particle) for particle in stable], np.int32),
                )
            )
    return concatenate(events)


@pytest.mark.parametrize("form", ["HepMC3", "HepMC2"])
@pytest.mark.parametrize("units", ["GEV MM", "MEV MM", "GEV CM", "MEV CM"])
def test_whole_files_are_read_as_pyhepmc_reads_them_to_the_bit(
    tmp_path: Path, form: str, units: str, detector: Detector
) -> None:
    path = tmp_path / "events.hepmc"
    with pyhepmc.open(path, "w", format=form) as file:
        for number in range(40):
            file.write(collision(number, units))
    file = HepmcFile(path, 7)
    ours, theirs = concatenate(list(file)), by_pyhepmc(path, form)
    assert file.losses == []
    assert len(ours.event) == 40
    for name, column in vars(theirs).items():
        assert getattr(ours, name).dtype == column.dtype, name
        assert np.array_equal(getattr(ours, name), column), name
    settings = Transport(threshold_mev=0)
    assert content_hash(transport(ours, detector, settings)) == content_hash(
        transport(theirs, detector, settings)
    )
