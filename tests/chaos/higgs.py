"""A signal for campaigns under test: H -> gamma gamma of a HepMC file, as `monsoon incidents` reads it."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot
from pathlib import Path
from random import Random

from monsoon.jobs.incidents import HepmcJob, run_hepmc

BLOCK = 1000  # events that are written at a time
LARGEST_PT_MEV = 4000.0  # along x and along y
PZ_MEV = (20_000.0, 60_000.0)


def write_signal(folder: Path, events: int, seed: int = 1) -> Path:
    """Write a HepMC file of some events, and take it to the face.

    Parameters
    ----------
    folder
        Where both files go.
    events
        How many; they are numbered from 0.
    seed
        What the photons follow from.

    Returns
    -------
    Path
        The file of incidents.
    """
    listing, incidents = folder / "signal.hepmc", folder / "signal.parquet"
    random = Random(seed)
    with listing.open("w") as file:
        file.write("HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\nW Weight\n")
        for first in range(0, events, BLOCK):
            file.writelines(_event(number, random) for number in range(first, min(first + BLOCK, events)))
        file.write("HepMC::Asciiv3-END_EVENT_LISTING\n")
    run_hepmc(HepmcJob(input=str(listing), output=str(incidents), mothers=True))
    return incidents


def _event(number: int, random: Random) -> str:
    """A Higgs boson, as far off its mass as two photons of these momenta are, and the photons."""
    photons = [_photon(random) for _ in range(2)]
    higgs = [sum(values) for values in zip(*photons, strict=True)]
    return "\n".join([*_lines(number, higgs, photons), ""])


def _lines(number: int, higgs: list[float], photons: list[tuple[float, ...]]) -> Iterator[str]:
    mass = max(higgs[3] ** 2 - higgs[0] ** 2 - higgs[1] ** 2 - higgs[2] ** 2, 0.0) ** 0.5
    yield from (f"E {number} 2 4", "U MEV MM", "W 1", "P 1 0 2212 0 0 6800000 6800000 938 4")
    yield from ("V -1 0 [1] @ 0 0 0 0", f"P 2 -1 25 {_numbers(higgs)} {mass:.3f} 2", "V -2 0 [2]")
    yield from (f"P {row} -2 22 {_numbers(photon)} 0 1" for row, photon in enumerate(photons, 3))


def _photon(random: Random) -> tuple[float, ...]:
    """Momentum and energy, in MeV."""
    px, py = (random.uniform(-LARGEST_PT_MEV, LARGEST_PT_MEV) for _ in range(2))
    pz = random.uniform(*PZ_MEV)
    return px, py, pz, hypot(px, py, pz)


def _numbers(values: list[float] | tuple[float, ...]) -> str:
    return " ".join(f"{value:.6f}" for value in values)
