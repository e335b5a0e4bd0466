"""What the campaign's events look like: one on the face, then spectra and multiplicities of all."""

from __future__ import annotations

from monsoon.engine.detector.detector import Detector
from monsoon.jobs.pages.blocks import Block, Image, SideBySide
from monsoon.jobs.plots.face import face
from monsoon.jobs.plots.layers import projections
from monsoon.jobs.plots.style import png
from monsoon.jobs.report import distributions
from monsoon.jobs.report.display import SHOWN, display
from monsoon.jobs.report.format import number
from monsoon.jobs.report.sample import CampaignSample, typical_event

MARKS = (
    "Marks are truth photons and electrons above the threshold; they grow with the logarithm of the energy."
)


def events(sample: CampaignSample, detector: Detector) -> list[Block]:
    """The whole section.

    Parameters
    ----------
    sample
        The events that were read.
    detector
        The one they are of.
    """
    read = sample.events
    which = typical_event(read)
    hits = int(read.hit_offsets[which + 1] - read.hit_offsets[which])
    event = read.event[which]
    intro = (
        f"Event {event}, one with about the median number of hits: {number(hits)} hits from "
        f"{read.collisions[which]} collisions."
    )
    others = [row for row in range(min(len(read), SHOWN + 1)) if row != which][: SHOWN - 1]
    interactive = display(read, [which, *others], detector)
    if detector.description.layers:
        whole = Image(
            png(projections(read, which, detector)),
            f"event {event}: energy summed over layers, over columns, and in each layer",
            f"{intro} Left all layers are summed, right all columns; below the energy of each layer. {MARKS}",
            scrolled=True,
        )
        return [whole, interactive, SideBySide(_distributions(sample, detector))]
    whole = Image(
        png(face(read, which, detector)),
        f"event {event}: energy of every cell of the calorimeter's face",
        f"{intro} Cells at their true size. {MARKS} Hits without a mark are from hadrons, muons and noise.",
    )
    images = [*_innermost(sample, which, detector), *_distributions(sample, detector)]
    return [whole, interactive, SideBySide(images)]


def _innermost(sample: CampaignSample, which: int, detector: Detector) -> list[Image]:
    """The same event near the beam; nothing where the detector has one zone."""
    inner = len(detector.description.zones) - 1
    if not inner:
        return []
    return [
        Image(
            png(face(sample.events, which, detector, zone=inner)),
            f"event {sample.events.event[which]}: the innermost zone",
            f"The same event's {detector.description.zones[inner].name} zone.",
        )
    ]


def _distributions(sample: CampaignSample, detector: Detector) -> list[Image]:
    first = f"first {number(len(sample.events))} events"
    return [
        Image(
            png(distributions.cell_energies(sample.events, detector)),
            "spectrum of calibrated cell energies, whole and by zone",
            f"All hits of the {first}, after photostatistics, noise and zero suppression, unweighted.",
        ),
        Image(
            png(distributions.hits_per_event(sample.events)),
            "distribution of the number of hits per event",
            f"The {first}; error bars are the square root of the count.",
        ),
        Image(
            png(distributions.particles_by_kind(sample.events)),
            "distribution of the number of particles per event, by kind",
            "Truth particles that reach the face above the threshold.",
        ),
    ]
