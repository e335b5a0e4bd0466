"""`monsoon validate --campaign`: all events of a campaign against another one, or against its own halves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.jobs.pages.blocks import Image
from monsoon.jobs.pages.render import render
from monsoon.jobs.plots.style import png, styled
from monsoon.jobs.validation.campaigns.comparing import Comparison, Side, Verdict, compare, halves, whole
from monsoon.jobs.validation.campaigns.figure import overview
from monsoon.jobs.validation.campaigns.page import campaign_page
from monsoon.jobs.validation.campaigns.reading import Tallied, tally_campaign
from monsoon.jobs.validation.campaigns.uncertainty import Uncertainty, of_bins, uncertainties
from monsoon.models.files import write_whole

NUMBERS, PAGE, PICTURE = "campaign.json", "report.html", "distributions.png"


@dataclass(frozen=True)
class CampaignResult:
    """What was found.

    Attributes
    ----------
    page : Path
        The page.
    comparisons, floor : list of Comparison
        Of the campaign with the other, and of its own halves.
    """

    page: Path
    comparisons: list[Comparison]
    floor: list[Comparison]

    @property
    def failed(self) -> bool:
        """Whether a quantity is outside the tolerance."""
        return any(one.verdict is Verdict.FAIL for one in self.comparisons)

    @property
    def unclear(self) -> bool:
        """Whether there are too few events to say."""
        return any(one.verdict is Verdict.UNCLEAR for one in self.comparisons)

    @property
    def summary(self) -> str:
        """Numbers of verdicts."""
        counts = [f"{sum(one.verdict is v for one in self.comparisons)} {v}" for v in Verdict]
        return ", ".join(counts)


@dataclass(frozen=True)
class Findings:
    """What a page is written of.

    Attributes
    ----------
    first, other : Tallied
        The campaign, and the one that it is compared with; None: its own halves.
    comparisons, floor : list of Comparison
        As in `CampaignResult`.
    pair : tuple of Side
        What was compared.
    """

    first: Tallied
    other: Tallied | None
    comparisons: list[Comparison]
    floor: list[Comparison]
    pair: tuple[Side, Side]


def find(
    url: str,
    against: str | None,
    *,
    out: str,
    tolerance: float,
    seed: int = 0,
    local: bool = False,
    workers: int | None = None,
    ray_address: str | None = None,
) -> Findings:
    """Compare all events of a campaign with those of another, or its halves with each other.

    Parameters
    ----------
    url
        The campaign's output.
    against
        Another one, of the same detector's cells; None: the campaign's own halves.
    out
        Folder in which finished pieces are kept, so that the same command goes on.
    tolerance
        Largest relative difference of a mean that passes.
    seed
        Of the permutations.
    local, workers, ray_address
        As in `tally_campaign`.

    Raises
    ------
    InputError
        Where something cannot be read or written, or the detectors' cells differ.
    """
    folder = Path(out)
    first = tally_campaign(url, folder, local, workers, ray_address)
    other = None if against is None else tally_campaign(against, folder, local, workers, ray_address)
    if other is not None and not np.array_equal(
        first.detector.cell_centres_mm, other.detector.cell_centres_mm
    ):
        raise InputError(
            f"{other.url}: of detector {other.detector.description.label}, whose cells are not those of "
            f"{first.detector.description.label}; give a campaign of the same detector"
        )
    own: tuple[Side, Side] = halves(first.tally, 0), halves(first.tally, 1)
    names = list(first.quantities)
    floor = compare(names, *own, tolerance, seed)
    if other is None:
        return Findings(first, None, floor, floor, own)
    pair: tuple[Side, Side] = whole(first.tally), whole(other.tally)
    return Findings(first, other, compare(names, *pair, tolerance, seed), floor, pair)


def write_findings(found: Findings, out: str, tolerance: float) -> CampaignResult:
    """Write the page, its picture and its numbers into a folder."""
    folder, first, other = Path(out), found.first, found.other
    names = list(first.quantities)
    systematics = uncertainties(names, first.tally)
    bands = {name: of_bins(first.tally, names.index(name)) for name in systematics}
    labels = ("even groups", "odd groups") if other is None else (first.url, other.url)
    write_whole(folder / NUMBERS, _as_json(found, tolerance, systematics))
    with styled():
        picture = png(overview(first.quantities, found.pair, labels, bands))
    write_whole(folder / PICTURE, picture)
    said = f"Points: {labels[0]}. Grey: {labels[1]}."
    if bands:
        said += " Bands: one standard deviation between replicas, with its statistical part."
    image = Image(picture, "distributions of both sides, with ratios", said)
    page = campaign_page(first, other, found.comparisons, found.floor, tolerance, image, systematics)
    write_whole(folder / PAGE, render(page))
    return CampaignResult(folder / PAGE, found.comparisons, found.floor)


def _as_json(found: Findings, tolerance: float, systematics: Mapping[str, Uncertainty]) -> bytes:
    def numbers(comparisons: list[Comparison]) -> list[dict[str, object]]:
        return [{**vars(one), "verdict": str(one.verdict)} for one in comparisons]

    campaigns = [
        {"url": one.url, "events": int(one.tally.events.sum()), "asked": one.asked, "identity": one.identity}
        for one in (found.first, found.other)
        if one is not None
    ]
    whole_ = {
        "campaigns": campaigns,
        "tolerance": tolerance,
        "comparisons": numbers(found.comparisons),
        "floor": numbers(found.floor),
    }
    if systematics:
        whole_["replicas"] = [{**vars(one), "systematic": one.systematic} for one in systematics.values()]
    return json.dumps(whole_, indent=1, default=str).encode()
