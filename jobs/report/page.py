"""The report of a campaign: one HTML page that holds everything it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.manifest import MANIFEST
from monsoon.engine.loading import load
from monsoon.engine.storage import open_store, split_url, storage_answers
from monsoon.jobs.pages.blocks import Bullets, Page, Paragraph, Section
from monsoon.jobs.pages.render import render
from monsoon.jobs.plots.style import styled
from monsoon.jobs.report import accounts
from monsoon.jobs.report.agreement import agreement
from monsoon.jobs.report.detector_and_model import detector_and_model
from monsoon.jobs.report.events import events
from monsoon.jobs.report.format import number
from monsoon.jobs.report.sample import CampaignSample, read_sample
from monsoon.jobs.report.shower_samples import sample_showers
from monsoon.jobs.report.showers import showers
from monsoon.jobs.shipped import SHIPPED
from monsoon.models.geometry.planar import Planar
from monsoon.models.said import said
from monsoon.models.store.suite import NEAREST, Suite

PAGE = "report.html"  # in the output
LONGEST_WORDS = 300

LIMITS = (
    "A generator knows only the Geant4 showers that it was trained on: their number, their energies and "
    "their angles. Agreement at this sample size is agreement within the uncertainties shown, no more.",
    "Generated and held-out showers come from the same Geant4 application with the same geometry. Nothing "
    "here compares with another simulation or with data: conclusions are about the generators, not about "
    "LHCb.",
    "One-dimensional distributions can agree where showers do not. Correlations between pixels need "
    "classifiers: monsoon validate trains them, this page does not.",
    "There are no whole events of Geant4 to compare with. Sums of showers are exact to 1/256 MeV before "
    "photostatistics and noise; what the electronics then do is a model.",
    "The geometry has no module gaps, fibres or light-yield variations.",
    "Particles outside the training domain and species without a generator of their own are generated in "
    "other ways. They are counted above; how good their showers are is not measured here.",
)


ONE_CROSSING = "There is no spill-over from earlier bunches."
OTHER_CROSSINGS = (
    "Of the signals of other crossings, all with as many collisions on average, hits have the fraction that "
    "the detector's description says. Electronics that subtract spill-over are not simulated."
)
NONE_HELD_OUT = (
    "No held-out Geant4 showers of this geometry ({}) are shipped: this page compares none. "
    "`monsoon validate` compares generators with a file of them."
)


def write_report(
    url: str,
    page: str | None = None,
    *,
    model: str | None = None,
    outside: str | None = None,
    detector: str | None = None,
    geometry: str | None = None,
    species: str | None = None,
) -> str:
    """Write the page of a campaign.

    Parameters
    ----------
    url
        The campaign's output: a folder or a URL.
    page
        File or URL to write; without it `report.html` in the output.
    model, outside, detector
        What the campaign was made with, as it was configured. Without them what the manifest names, where
        that is shipped with Monsoon: paths and URLs of a manifest, which may be anybody's, are not opened.
    geometry, species
        Of shower files of the model that say nothing of it.

    Returns
    -------
    str
        The page's URL.

    Raises
    ------
    InputError
        Where the campaign cannot be read, or its model or detector is not named, is missing or has changed
        since.
    """
    output = open_store(url)
    store, name = (output, PAGE) if page is None else split_url(page)
    with storage_answers(output):
        sample = read_sample(output)
    named = _named(sample.manifest, output.url, {"model": model, "outside": outside, "detector": detector})
    suite, face = load(named["model"], named["outside"], named["detector"], geometry, species)
    _check(sample.manifest["identity"], output.url, suite, face)
    sample = replace(sample, manifest={**sample.manifest, **named})
    html = render(report(sample, output.url, suite, face))
    store.probe()
    store.replace(name, html)
    return f"{store.url}/{name}"


def report(sample: CampaignSample, output: str, suite: Suite, detector: Detector) -> Page:
    """The report as data.

    Parameters
    ----------
    sample
        Manifest and events of the campaign.
    output
        Where it is.
    suite, detector
        What the campaign was made with.
    """
    manifest = sample.manifest
    seed = int(manifest["identity"]["seed"])
    crossings = OTHER_CROSSINGS if manifest["identity"].get("out_of_time") else ONE_CROSSING
    with styled():
        saturation = accounts.saturation(manifest, detector)
        sections = [
            Section("generated", "What was generated", [accounts.generated(manifest, detector)]),
            Section("made-with", "Detector and model", detector_and_model(manifest, suite, detector)),
            Section("events", "Events", [*events(sample, detector), *saturation]),
            *_against_geant4(suite, seed),
            Section(
                "particles",
                "Particles",
                [*accounts.statuses(manifest, sample.events), *accounts.losses(manifest)],
            ),
            Section("time", "Time per stage", accounts.stages(manifest)),
            Section("provenance", "Provenance", accounts.provenance(manifest)),
            Section("limits", "What this report does not say", [Bullets((*LIMITS, crossings))]),
        ]
    return Page(
        f"{number(manifest['counts']['events'])} simulated calorimeter events",
        f"Fast simulation of the {detector.description.label} calorimeter by Monsoon: single-particle "
        f"showers from generators, composed into events. Campaign in {output}.",
        sections,
    )


def _against_geant4(suite: Suite, seed: int) -> list[Section]:
    """Generated showers beside held-out ones, where some of their geometry are shipped."""
    if suite.grid != Planar():
        return [
            Section("showers", "Showers beside Geant4", [Paragraph(NONE_HELD_OUT.format(suite.grid.label))])
        ]
    egamma, mixed = (sample_showers(group, suite, seed) for group in ("egamma", "hadrons"))
    return [
        Section("showers", "Showers beside Geant4", showers(egamma, mixed, suite, seed)),
        Section("agreement", "Generated against Geant4", agreement(egamma, mixed, suite.grid)),
    ]


def _named(manifest: Mapping[str, Any], output: str, given: Mapping[str, str | None]) -> dict[str, str]:
    """What a campaign was made with: as given, or else by the manifest, where that opens no path."""
    words = {"outside": NEAREST, **manifest, **{key: word for key, word in given.items() if word is not None}}
    for key, word in given.items():
        if words[key] is None:
            raise InputError(f"{output}/{MANIFEST}: names no {key}; give --{key}")
        if word is None and not SHIPPED[key](words[key]):
            raise InputError(
                f"{output}/{MANIFEST}: its {key} {said(repr(words[key]), LONGEST_WORDS)} is not shipped with "
                f"Monsoon, and is opened only where you name it; if you know it, give --{key}"
            )
    return {key: words[key] for key in given}


def _check(identity: Mapping[str, Any], output: str, suite: Suite, detector: Detector) -> None:
    """Refuse to show a campaign beside showers that are not its own."""
    if identity["model"] != suite.fingerprint:
        raise InputError(f"{output}: its model has changed since; restore it, or make the events again")
    if identity["detector"] != detector.description.sha256:
        raise InputError(f"{output}: its detector has changed since; restore it, or make the events again")
