"""One event in words: its sum, its largest particles and hits, and where it comes from."""

from __future__ import annotations

import numpy as np

from monsoon.engine.crossings import in_triggered_crossing
from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.pdg import named
from monsoon.engine.ledger.provenance import Provenance
from monsoon.engine.records import Array, Events, Loss
from monsoon.jobs.columns import aligned
from monsoon.jobs.provenance import lines as provenance_lines
from monsoon.jobs.report.contributions import contributions
from monsoon.jobs.report.format import in_words
from monsoon.jobs.report.sample import expect_cells
from monsoon.models.records import Status

PARTICLES = ("particle", "species", "GeV", "x mm", "y mm", "ns", "collision", "status")
HITS = ("cell", "zone", "layer", "x mm", "y mm", "MeV", "ADC", "most of it from")

Rows = list[tuple[str, ...]]


def lines(read: Events, detector: Detector, found: Provenance, rows: int) -> list[str]:
    """What is printed: the sum, the largest particles and hits, where it comes from."""
    particles, hits = particle_rows(read, rows), hit_rows(read, detector, rows)
    return [
        summary(read),
        *_counted("particles", particles, int(in_triggered_crossing(read).sum()), PARTICLES),
        *_counted("hits", hits, len(read.hit_cell), HITS),
        *provenance_lines(found)[1:],
    ]


def summary(read: Events) -> str:
    """The event in a sentence."""
    triggered = in_triggered_crossing(read)
    energy_gev = read.particle_energy_mev / 1000
    others = f", {(~triggered).sum()} of other crossings" if read.particle_crossing is not None else ""
    lost = [f"{n} {in_words(Loss(i))}" for i, n in enumerate(read.lost[0].tolist()) if n]
    return (
        f"event {read.event[0]}: {read.collisions[0]} collisions, weight {read.weight[0]:g}, "
        f"{triggered.sum()} particles with {energy_gev[triggered].sum():.1f} GeV on the face"
        + (f" (not kept: {', '.join(lost)})" if lost else "")
        + f"{others}, {len(read.hit_cell)} hits with {read.hit_energy_mev.sum() / 1000:.1f} GeV."
    )


def particle_rows(read: Events, rows: int) -> Rows:
    """The particles of the triggered crossing with the largest energies, as texts under PARTICLES."""
    triggered = np.flatnonzero(in_triggered_crossing(read))
    return [
        (
            str(i),
            named(int(read.particle_pdg[i])),
            f"{read.particle_energy_mev[i] / 1000:.2f}",
            f"{read.particle_x_mm[i]:.1f}",
            f"{read.particle_y_mm[i]:.1f}",
            f"{read.particle_time_ns[i]:.2f}",
            str(read.particle_collision[i]),
            in_words(Status(int(read.particle_status[i]))),
        )
        for i in triggered[_order(read.particle_energy_mev[triggered], rows)]
    ]


def hit_rows(read: Events, detector: Detector, rows: int) -> Rows:
    """The hits with the largest energies, as texts under HITS."""
    expect_cells(read.event[0], read.hit_cell, detector)
    told, zones = contributions(read, 0), detector.description.zones
    found: Rows = []
    for i in _order(read.hit_energy_mev, rows):
        cell = int(read.hit_cell[i])
        x, y = detector.cell_centres_mm[cell]
        most = max(told[i], key=lambda one: one[1], default=None)
        found.append(
            (
                str(cell),
                zones[detector.zone_of_cell[cell]].name,
                str(detector.layer_of_cell[cell]),
                f"{x:.1f}",
                f"{y:.1f}",
                f"{read.hit_energy_mev[i]:.1f}",
                str(read.hit_adc[i]),
                "-" if most is None else _particle(read, most[0]),
            )
        )
    return found


def _particle(read: Events, number: int) -> str:
    crossing = 0 if read.particle_crossing is None else int(read.particle_crossing[number])
    where = f", crossing {crossing:+d}" if crossing else ""
    return f"{named(int(read.particle_pdg[number]))}, particle {number}{where}"


def _order(energy: Array, rows: int) -> list[int]:
    largest: list[int] = np.argsort(-energy, kind="stable")[:rows].tolist()
    return largest


def _counted(what: str, rows: Rows, of: int, head: tuple[str, ...]) -> list[str]:
    """A table in plain aligned lines."""
    if not rows:
        return []
    return [f"{what}, {len(rows)} of {of} by energy:", *aligned([head, *rows])]
