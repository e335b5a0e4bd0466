"""Which detector and which generators made the events, and what the generators were trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.pdg import named
from monsoon.engine.loading import fetch_models
from monsoon.jobs.pages.blocks import Block, Facts, Paragraph, Subtitle, Table
from monsoon.jobs.report.format import number
from monsoon.models.data.shower_files import extent
from monsoon.models.domain.ranges import Domain
from monsoon.models.generator import Generator
from monsoon.models.records import Status
from monsoon.models.store.checkpoint import read_card
from monsoon.models.store.shipped import parts
from monsoon.models.store.suite import CLAMP, NEAREST, REFUSE, SCALE, Suite

OUTSIDE = {
    NEAREST: "gets the nearest Geant4 shower of a library",
    CLAMP: "gets the shower of the nearest condition inside",
    SCALE: "gets a shower scaled by the laws of showers (photons and electrons of too high energy), or else "
    "that of the nearest condition inside",
    REFUSE: "is refused",
}


@dataclass(frozen=True)
class Trained:
    """One generator of a suite, as its card describes it.

    Attributes
    ----------
    name
        Of the model or the shower file.
    family
        Of the model, with its number of parameters.
    showers
        Geant4 showers it was trained on; None where the card does not say.
    domain
        The conditions of those.
    """

    name: str
    family: str
    showers: int | None
    domain: Domain


def detector_and_model(manifest: Mapping[str, Any], suite: Suite, detector: Detector) -> list[Block]:
    """The whole section.

    Parameters
    ----------
    manifest
        Of the campaign.
    suite, detector
        What the manifest names, loaded.
    """
    trained = trained_generators(manifest["model"], suite)
    return [
        Subtitle(f"Detector {detector.description.name}"),
        Facts(detector_facts(detector)),
        Subtitle(f"Model {manifest['model']}"),
        Table(
            ("generator", "family", "species", "training showers", "energy [GeV]", "angle to the beam"),
            [row for generator in trained for row in domain_rows(generator)],
            "What each generator was trained on. Energies are kinetic; ranges are rounded to two digits.",
            text_columns=(1, 2),
        ),
        Paragraph(outside_domain(manifest)),
    ]


def detector_facts(detector: Detector) -> list[tuple[str, str]]:
    """What the detector's description says, in words."""
    description = detector.description
    face, hole, electronics = description.zones[0], description.hole, description.electronics
    zones = ", ".join(
        f"{zone.name} {zone.cell_pixels * description.pixel_mm:.1f} mm" for zone in description.zones
    )
    return [
        ("cells", number(detector.cells)),
        *_layers(detector),
        ("cell size by zone", zones),
        ("face", f"{_size(face.columns, face.rows, description.pixel_mm)}, "
                 f"{description.face_z_mm / 1000:g} m from the interaction point"),
        ("beam hole", _size(hole.columns, hole.rows, description.pixel_mm)),
        ("visible fraction of the energy", f"{description.visible_fraction:g}"),
        ("readout", f"{electronics.bits} bits, zero suppression below {electronics.threshold_counts} counts"),
        *_spill_over(detector),
    ]  # fmt: skip


def _spill_over(detector: Detector) -> list[tuple[str, str]]:
    words = [
        f"{crossing:+d}: {fraction:g}"
        if isinstance(fraction, float)
        else f"{crossing:+d}: {min(fraction):g} to {max(fraction):g}, by delay"
        for crossing, fraction in (detector.description.electronics.spill_over or {}).items()
    ]
    return [("fraction integrated of other crossings' signals", "; ".join(words))] if words else []


def _layers(detector: Detector) -> list[tuple[str, str]]:
    if not detector.description.layers:
        return []
    first, last = detector.depths_mm[[0, -1]]
    cells = number(detector.layer_cells)
    return [("layers", f"{detector.layers} of {cells} cells, {first:g} to {last:g} mm behind the face")]


def trained_generators(model: str, suite: Suite) -> list[Trained]:
    """The generators of a suite with what their cards say.

    Parameters
    ----------
    model
        The suite in a campaign's words.
    suite
        The same, loaded.

    Raises
    ------
    InputError
        Where a card cannot be read.
    """
    stored = parts(fetch_models(model))
    return [_trained(path, generator) for path, generator in zip(stored, suite.models, strict=True)]


def domain_rows(trained: Trained) -> list[tuple[str, ...]]:
    """Rows of the table: species with the same ranges stand together."""
    domain = trained.domain
    ranges = [
        (_energies(low, high), _angles(cosine), int(pdg))
        for pdg, (low, high), cosine in zip(
            domain.pdg.tolist(), domain.energy_mev.tolist(), domain.cosine.tolist(), strict=True
        )
    ]
    count = len(domain.gaps)
    gaps = f", less {count} gap{'s' if count > 1 else ''}" if count else ""
    showers = "-" if trained.showers is None else number(trained.showers)
    return [
        (trained.name, trained.family, _species([pdg for *_, pdg in same]), showers, energy + gaps, angle)
        for (energy, angle), same in groupby(sorted(ranges), key=lambda found: found[:2])
    ]


def outside_domain(manifest: Mapping[str, Any]) -> str:
    """What happened to the particles that no generator was trained for."""
    counts = manifest["counts"]
    statuses = (Status.OUTSIDE_NEAREST, Status.OUTSIDE_CLAMPED, Status.OUTSIDE_OTHER, Status.OUTSIDE_SCALED)
    outside = sum(counts.get(f"status_{status.name.lower()}", 0) for status in statuses)
    share = f" ({outside / counts['particles']:.2%})" if counts["particles"] else ""
    policy = manifest.get("outside", NEAREST)
    if policy == NEAREST and counts.get("status_outside_clamped", 0):
        policy = CLAMP  # of a network's geometry no library ships
    treatment = OUTSIDE.get(policy, f"is handed to {policy}")
    return (
        f"{number(outside)} of {number(counts['particles'])} particles{share} were outside the training "
        f"domain. Such a particle {treatment}. Nothing here measures how good those showers are."
    )


def _trained(path: Path, generator: Generator) -> Trained:
    if not path.is_dir():
        return Trained(path.name, "library", extent(path).rows, generator.domain)
    card = read_card(path)
    rows = [file["rows"] for file in card.get("data", {}).get("files", []) if file.get("use") == "train"]
    family = str(card["family"])
    if "parameters" in card:
        family += f", {number(card['parameters'])} parameters"
    return Trained(str(card.get("name", path.name)), family, sum(rows) if rows else None, generator.domain)


def _energies(low_mev: float, high_mev: float) -> str:
    """A range in GeV, to two digits."""
    low, high = (float(f"{energy / 1000:.2g}") for energy in (low_mev, high_mev))
    return f"{low:g} to {high:g}"


def _angles(cosine: float) -> str:
    """Up to which angle; a sample of one direction alone limits none."""
    return f"up to {math.degrees(math.acos(cosine)):.0f}°" if cosine > 0 else "0°, used at any"


def _species(codes: Sequence[int]) -> str:
    """Particles before antiparticles; a word joiner and a no-break space keep name and code on one line."""
    return ", ".join(
        named(code).replace(" ", "\u2060\u00a0")
        for code in sorted(codes, key=lambda code: (abs(code), -code))
    )


def _size(columns: int, rows: int, pixel_mm: float) -> str:
    return f"{columns * pixel_mm / 1000:.2f} m x {rows * pixel_mm / 1000:.2f} m"
