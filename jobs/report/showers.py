"""Single showers: held-out Geant4 beside what the generators give for the same condition."""

from __future__ import annotations

import torch

from monsoon.jobs.pages.blocks import Block, Image, Paragraph, Subtitle
from monsoon.jobs.plots.displays import described, nearest_rows, shower_panels
from monsoon.jobs.plots.overlay import REFERENCE
from monsoon.jobs.plots.style import png
from monsoon.jobs.report.shower_samples import GENERATED, ShowerSamples, draw
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.records import Showers
from monsoon.models.species import EGAMMA
from monsoon.models.store.suite import Suite

# species, incident energy and least visible energy, MeV, of the showers that are shown
SHOWN = ((22, 20e3, 0.0), (11, 60e3, 0.0), (211, 30e3, 1e3))
CANDIDATES = 20  # held-out showers tried for a row
DRAWS = 8  # showers drawn for one condition
PANELS = 2  # of those that are shown
INTRODUCTION = (
    "Each row: one held-out Geant4 shower, and what the generators give for exactly its condition with "
    "different random numbers. Showers fluctuate: they should look alike, not be alike. The pion is the one "
    "nearest 30 GeV of which the Geant4 shower and two draws leave more than 1 GeV; most others just pass "
    "through. The cross is the impact; pixels below 0.1 MeV are left white."
)


def showers(egamma: ShowerSamples, mixed: ShowerSamples, suite: Suite, seed: int) -> list[Block]:
    """The whole section.

    Parameters
    ----------
    egamma, mixed
        Samples of photons and electrons; of hadrons and muons.
    suite
        The generators.
    seed
        Of the showers that are drawn.
    """
    blocks: list[Block] = [Paragraph(INTRODUCTION)]
    for pdg, energy_mev, least_mev in SHOWN:
        reference = (egamma if pdg in EGAMMA else mixed).reference
        enough = reference.showers.total_mev() >= least_mev
        for row in nearest_rows(reference.conditions, pdg, energy_mev, enough)[:CANDIDATES]:
            found = _row(reference[row : row + 1], suite, seed, least_mev)
            if found:
                blocks += found
                break
    return blocks


def _row(one: ShowerSet, suite: Suite, seed: int, least_mev: float) -> list[Block]:
    """A Geant4 shower beside generated ones; nothing where too few different draws leave enough."""
    draws = [draw(suite, one.conditions, seed, attempt) for attempt in range(1, DRAWS + 1)]
    enough = [showers for showers in draws if float(showers.total_mev()) >= least_mev]
    different: list[Showers] = []
    for candidate in enough:
        if not any(torch.equal(candidate.energy_mev, other.energy_mev) for other in different):
            different.append(candidate)
    if len(different) < PANELS:
        return []
    images = {f"{REFERENCE}, held out": one.showers.energy_mev.numpy()[0]}
    for number, shower in enumerate(different[:PANELS], start=1):
        images[f"{GENERATED}, draw {number}"] = shower.energy_mev.numpy()[0]
    x, y = one.conditions.offset_mm[0].tolist()
    text = described(one.conditions)
    image = Image(
        png(shower_panels(images, (x, y), suite.grid)),
        f"pixel images of one Geant4 and {PANELS} generated showers: {text}",
        f"{len(enough)} of {DRAWS} draws leave more than {least_mev / 1000:.0f} GeV." if least_mev else "",
        scrolled=True,
    )
    return [Subtitle(text), image]
