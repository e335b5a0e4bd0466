"""One event as a page with the interactive display, and as a picture."""

from __future__ import annotations

from monsoon.engine.crossings import in_triggered_crossing, of_triggered_crossing
from monsoon.engine.detector.detector import Detector
from monsoon.engine.ledger.provenance import Provenance
from monsoon.engine.records import Events
from monsoon.jobs.pages.blocks import Bullets, Page, Section, Table
from monsoon.jobs.pages.render import render
from monsoon.jobs.plots.face import face
from monsoon.jobs.plots.layers import projections
from monsoon.jobs.plots.style import png, styled
from monsoon.jobs.provenance import lines as provenance_lines
from monsoon.jobs.report.display import display
from monsoon.jobs.report.event import HITS, PARTICLES, hit_rows, particle_rows, summary
from monsoon.jobs.report.format import number

FULL = 200  # rows of its tables


def page(read: Events, detector: Detector, found: Provenance) -> bytes:
    """A page of one event, HTML that holds all it shows."""
    particles = int(in_triggered_crossing(read).sum())
    tables = [
        Table(PARTICLES, particle_rows(read, FULL), _largest("particles", particles), (1, 7)),
        Table(HITS, hit_rows(read, detector, FULL), _largest("hits", len(read.hit_cell)), (1, 7)),
    ]
    sections = [
        Section("display", "Display", [display(of_triggered_crossing(read), [0], detector)]),
        Section("particles", "Particles on the face", tables[:1]),
        Section("hits", "Hits", tables[1:]),
        Section("provenance", "Provenance", [Bullets(provenance_lines(found))]),
    ]
    return render(Page(f"Event {found.event}", f"{summary(read)} Campaign in {found.url}.", sections))


def picture(read: Events, detector: Detector) -> bytes:
    """The event on the detector's face, as PNG."""
    read = of_triggered_crossing(read)
    with styled():
        return png(projections(read, 0, detector) if detector.description.layers else face(read, 0, detector))


def _largest(what: str, of: int) -> str:
    return f"{number(min(FULL, of))} of {number(of)} {what}, by energy"
