"""The report of a campaign: one HTML page that holds everything it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from monsoon.engine.campaign import load
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.storage import open_store, split_url, storage_answers
from monsoon.jobs.plots import displays
from monsoon.jobs.plots.style import png, styled
from monsoon.jobs.report import accounts, distributions, judgement, markup
from monsoon.jobs.report.comparison import Comparison, compare, draw
from monsoon.jobs.report.sample import CampaignSample, read_sample, typical_event
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.records import Showers
from monsoon.models.species import EGAMMA
from monsoon.models.store.suite import NEAREST, Suite

PAGE = "report.html"  # in the output

# species, incident energy and least visible energy, MeV, of the showers that are shown
SHOWN = ((22, 20e3, 0.0), (11, 60e3, 0.0), (211, 30e3, 1e3))
CANDIDATES = 20  # held-out showers tried for a row
DRAWS = 8  # showers drawn for one condition
PICTURES = 2  # of those that are shown

LIMITS = (
    "A generator knows no more than the showers it was made of: their statistics, "
    "their energies (1 to 100 GeV), their angles. Agreement at this sample size is agreement within the "
    "uncertainties shown, no more.",
    "Generated and held-out showers come from the same Geant4 application with the same geometry. Nothing "
    "here compares with another simulation or with data: conclusions are about the generators, not about "
    "LHCb.",
    "One-dimensional distributions can agree where showers do not. Correlations between pixels are judged by "
    "classifiers, which this page does not train.",
    "No whole events exist in Geant4 to compare with. Sums of showers are exact to 1/256 MeV before "
    "photostatistics and noise; what the electronics then do is a model.",
    "The geometry has no module gaps, fibres, light-yield variations or spill-over from earlier bunches.",
    "A particle outside the training domain got the nearest shower there is (photons and electrons "
    "rescaled to its energy) or what else the campaign asked for, one of a species without a sample that of "
    "its stand-in. All are counted above and judged nowhere.",
)


def write_report(url: str, page: str | None = None) -> str:
    """Write the page for the campaign in an output, and into it unless another URL is given; returns its URL.

    Raises InputError where the campaign cannot be read, or its model or detector is not there as it was.
    """
    store = open_store(url)
    place, name = (store, PAGE) if page is None else split_url(page)
    with storage_answers(store):
        sample = read_sample(store)
    made = sample.manifest
    suite, face = load(made["model"], made.get("outside", NEAREST), made["detector"])
    identity = sample.manifest["identity"]
    _check(identity, store.url, suite, face)
    egamma, mixed = (compare(name, suite, int(identity["seed"])) for name in ("egamma", "hadrons"))
    with styled():
        sections = {
            "generated": ("What was generated", accounts.generated(sample.manifest, face)),
            "events": ("Events", _events(sample, face) + accounts.saturation(sample.manifest, face)),
            "showers": ("Showers beside Geant4", _showers(egamma, mixed, suite, int(identity["seed"]))),
            "judged": ("Generated against Geant4", _judged(egamma, mixed, suite)),
            "particles": (
                "Particles",
                accounts.statuses(sample.manifest, sample.events) + accounts.losses(sample.manifest),
            ),
            "time": ("Time per stage", accounts.stages(sample.manifest)),
            "provenance": ("Provenance", accounts.provenance(sample.manifest)),
            "limits": ("What this report does not say", markup.bullets(LIMITS)),
        }
    title = f"{accounts.number(sample.manifest['counts']['events'])} simulated calorimeter events"
    body = [
        "<header>",
        f"<h1>{title}</h1>",
        markup.paragraph(
            f"Fast simulation of the {face.description.label} calorimeter by Monsoon: single-particle "
            f"showers from generators, composed into events. Campaign in {store.url}.",
            "lead",
        ),
        markup.links((anchor, name) for anchor, (name, _) in sections.items()),
        "</header>",
        "<main>",
        *(markup.section(anchor, name, content) for anchor, (name, content) in sections.items()),
        "</main>",
    ]
    place.probe()
    place.replace(name, markup.document(title, body).encode())
    return f"{place.url}/{name}"


def _check(identity: Mapping[str, Any], output: str, suite: Suite, face: Detector) -> None:
    """Refuse to judge a campaign by showers that are not its own."""
    if identity["model"] != suite.fingerprint:
        raise InputError(f"{output}: its model has changed since; restore it, or make the events again")
    if identity["detector"] != face.description.sha256:
        raise InputError(f"{output}: its detector has changed since; restore it, or make the events again")


def _events(sample: CampaignSample, detector: Detector) -> str:
    events = sample.events
    which = typical_event(events)
    hits = int(events.hit_offsets[which + 1] - events.hit_offsets[which])
    read = accounts.number(len(events))
    number = events.event[which]
    inner = len(detector.description.zones) - 1
    parts = [
        markup.figure(
            png(displays.face(events, which, detector)),
            f"event {number}: energy of every cell of the calorimeter's face",
            f"Event {number}, one with about the median number of hits: {hits} hits from "
            f"{events.collisions[which]} collisions. Cells at their true size; marks are truth photons and "
            "electrons above the threshold, larger with the logarithm of their energy. Hits without a mark "
            "are from hadrons, muons and noise.",
        )
    ]
    smaller = [
        markup.figure(
            png(distributions.cell_energies(events, detector)),
            "spectrum of calibrated cell energies, whole and by zone",
            f"All hits of the first {read} events, after photostatistics, noise and zero suppression, "
            "unweighted.",
        ),
        markup.figure(
            png(distributions.hits_per_event(events)),
            "distribution of the number of hits per event",
            f"The first {read} events; error bars are the square root of the count.",
        ),
        markup.figure(
            png(distributions.particles_by_kind(events)),
            "distribution of the number of particles per event, by kind",
            "Truth particles that reach the face above the threshold.",
        ),
    ]
    if inner:
        zoom = markup.figure(
            png(displays.face(events, which, detector, zone=inner)),
            f"event {number}: the innermost zone",
            f"The same event's {detector.description.zones[inner].name} zone.",
        )
        smaller.insert(0, zoom)
    return "\n".join([*parts, markup.pair(*smaller)])


def _showers(egamma: Comparison, mixed: Comparison, suite: Suite, seed: int) -> str:
    parts = [
        markup.paragraph(
            "Each row: one held-out Geant4 shower, and what the generators give for exactly its condition "
            "with different random numbers. Showers fluctuate: they should look alike, not be alike. The "
            "pion is the one nearest 30 GeV of which the Geant4 shower and two draws leave more than 1 "
            "GeV; others just pass through. The cross is the impact; pixels below 0.1 MeV are left white."
        )
    ]
    for pdg, energy_mev, least_mev in SHOWN:
        source = egamma if pdg in EGAMMA else mixed
        for one in displays.nearest(source.heldout, pdg, energy_mev, least_mev)[:CANDIDATES]:
            generated, enough = _draws(one, suite, seed, least_mev)
            if len(generated) < PICTURES:
                continue
            text = displays.described(one.conditions)
            figure = displays.showers(one.conditions, one.showers, generated[:PICTURES], suite.grid)
            said = (
                f"{enough} of {DRAWS} draws leave more than {least_mev / 1000:.0f} GeV." if least_mev else ""
            )
            alt = f"pixel images of one Geant4 and {PICTURES} generated showers: {text}"
            parts += [markup.subtitle(text), markup.figure(png(figure), alt, said, wide=True)]
            break
    return "\n".join(parts)


def _draws(one: ShowerSet, suite: Suite, seed: int, least_mev: float) -> tuple[list[Showers], int]:
    """Different generated showers of one condition that leave enough, and how many of DRAWS draws do."""
    draws = [draw(suite, one.conditions, seed, attempt) for attempt in range(1, DRAWS + 1)]
    enough = [showers for showers in draws if float(showers.total_mev()) >= least_mev]
    different: list[Showers] = []
    for showers in enough:
        if not any(torch.equal(showers.energy_mev, other.energy_mev) for other in different):
            different.append(showers)
    return different, len(enough)


def _judged(egamma: Comparison, mixed: Comparison, suite: Suite) -> str:
    electromagnetic, of_egamma = judgement.electromagnetic(egamma, suite.grid)
    hadronic, of_hadrons = judgement.hadronic(mixed, suite.grid)
    return "\n".join(
        [
            markup.paragraph(
                "Geant4 showers that no generator has seen, and one generated shower for each of their "
                "conditions. The grey points are the floor: other Geant4 showers against the same held-out "
                "ones. A generator is as good as this sample can tell where its points scatter no more "
                "than the grey ones."
            ),
            judgement.sizes(egamma, mixed),
            judgement.verdicts(of_egamma + of_hadrons),
            markup.subtitle("Photons and electrons"),
            electromagnetic,
            markup.subtitle("Hadrons and muons"),
            hadronic,
        ]
    )
