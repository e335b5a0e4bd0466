"""The page of a campaign's validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from monsoon.jobs.pages.blocks import (
    Badge,
    Block,
    Bullets,
    Facts,
    Image,
    Page,
    Paragraph,
    Section,
    Table,
    Tone,
)
from monsoon.jobs.validation.campaigns.comparing import Comparison, Verdict
from monsoon.jobs.validation.campaigns.reading import Tallied
from monsoon.jobs.validation.campaigns.uncertainty import Uncertainty

TONES = {Verdict.PASS: Tone.GOOD, Verdict.FAIL: Tone.BAD, Verdict.UNCLEAR: Tone.UNSURE}
SUSPECT = 0.01  # family-wise: p-values are multiplied by the number of quantities

LIMITS = (
    "Intervals are of two standard errors, from the scatter between twenty groups of events: they hold for "
    "hits too, which are not independent of others of their event.",
    "Events that are drawn from one pool of collisions are not independent: two campaigns on one pool agree "
    "better than two on two pools, and no number of events makes up for a small pool.",
    "Distributions that differ by less than the tolerance in their mean can differ in their tails; the "
    "p-value sees all bins, and at many events differences of no importance.",
)


def campaign_page(
    first: Tallied,
    other: Tallied | None,
    found: list[Comparison],
    floor: list[Comparison],
    tolerance: float,
    distributions: Image,
    systematics: Mapping[str, Uncertainty],
) -> Page:
    against = "its own halves" if other is None else other.url
    replicas = [Section("replicas", "Replicas", [_systematics(first, systematics)])] if systematics else []
    facts: list[Block] = [_facts(one) for one in (first, other) if one is not None]
    return Page(
        f"Validation of {first.tally.events.sum()} events",
        f"All committed events of {first.url} against {against}.",
        [
            Section("verdicts", "Verdicts", [*_lead(found), _table(first, found, floor, tolerance)]),
            *replicas,
            Section("distributions", "Distributions", [distributions]),
            Section("cells", "Cells", [_cells(first, other)]),
            Section("campaigns", "Campaigns", facts),
            Section("limits", "What this page does not say", [Bullets(LIMITS)]),
        ],
    )


def _facts(one: Tallied) -> Facts:
    events = int(one.tally.events.sum())
    effective = one.tally.weight.sum() ** 2 / max(one.tally.square.sum(), 1e-300)
    return Facts(
        [
            ("output", one.url),
            ("events", f"{events} of {one.asked}"),
            ("effective number of events (weights)", f"{effective:.0f}"),
            ("detector", one.detector.description.label),
            ("model", str(one.identity.get("model", ""))),
            ("seed", str(one.identity.get("seed", ""))),
        ]
    )


def _lead(found: list[Comparison]) -> list[Block]:
    suspect = [one.name for one in found if one.p_value * len(found) < SUSPECT]
    what = f"Distributions that differ: {', '.join(suspect)}" if suspect else "No distribution differs"
    said = f"{what} (p below {SUSPECT} for {len(found)} quantities together)."
    return [Paragraph(said, warning=bool(suspect))]


def _table(first: Tallied, found: list[Comparison], floor: list[Comparison], tolerance: float) -> Table:
    of_floor = {one.name: one for one in floor}
    rows = []
    for one in found:
        half = of_floor.get(one.name)
        rows.append(
            (
                first.quantities[one.name].label,
                f"{one.means[0]:.5g} ± {one.errors[0]:.2g}",
                f"{one.means[1]:.5g} ± {one.errors[1]:.2g}",
                f"{100 * one.difference:+.3f} ± {100 * one.error:.3f}",
                "-" if half is None else f"{100 * half.difference:+.3f} ± {100 * half.error:.3f}",
                f"{one.p_value:.2g}",
                Badge(str(one.verdict), TONES[one.verdict]),
            )
        )
    return Table(
        ("mean of", "this", "other", "difference [%]", "floor: own halves [%]", "p of the bins", "verdict"),
        rows,
        f"Pass: two errors about the difference of means are inside {100 * tolerance:g} %.",
        text_columns=(6,),
    )


def _systematics(first: Tallied, systematics: Mapping[str, Uncertainty]) -> Table:
    """The uncertainty of each mean from replicas of the generators."""
    rows = []
    for name, one in systematics.items():
        percent = 100 / one.mean
        middle = float(np.mean(one.of_replicas))
        rows.append(
            (
                first.quantities[name].label,
                f"{one.mean:.5g}",
                f"{percent * (middle - one.mean):+.3f}",
                f"{percent * one.spread:.3f} ± {percent * one.spread * one.relative_error:.3f}",
                f"{percent * one.noise:.3f}",
                f"{percent * one.systematic:.3f}",
                f"{percent * one.unpaired:.3f}",
            )
        )
    events, count = int(first.tally.replicas[0].events.sum()), len(first.tally.replicas) - 1
    return Table(
        (
            *("mean of", "nominal", "replicas - nominal [%]", "spread [%]", "statistical part [%]"),
            *("systematic [%]", "error without common numbers [%]"),
        ),
        rows,
        f"{events} events by {count} replicas of the generators, of the same incidents and random numbers. "
        "Systematic: the spread without its statistical part. The last column is the statistical error of "
        "one replica's mean.",
    )


def _cells(first: Tallied, other: Tallied | None) -> Table:
    """Pulls of the cells' hits, between the campaigns or the halves, by zone."""
    if other is None:
        (a, b), weights = first.tally.hits, [first.tally.weight[half::2].sum() for half in (0, 1)]
    else:
        a, b = first.tally.hits.sum(0), other.tally.hits.sum(0)
        weights = [one.tally.weight.sum() for one in (first, other)]
    rates = [side / max(weight, 1e-300) for side, weight in zip((a, b), weights, strict=True)]
    errors = [rate / max(weight, 1e-300) for rate, weight in zip(rates, weights, strict=True)]
    with np.errstate(invalid="ignore", divide="ignore"):
        pull = (rates[0] - rates[1]) / np.sqrt(errors[0] + errors[1])
    rows: list[Sequence[str]] = []
    for number, zone in enumerate(first.detector.description.zones):
        of_zone = pull[(first.detector.zone_of_cell == number) & np.isfinite(pull)]
        if len(of_zone):
            occupied = rates[0][first.detector.zone_of_cell == number].mean()
            rows.append(
                (
                    zone.name,
                    str(len(of_zone)),
                    f"{100 * occupied:.3g}",
                    f"{of_zone.mean():+.2f}",
                    f"{of_zone.std():.2f}",
                    f"{np.abs(of_zone).max():.1f}",
                )
            )
    return Table(
        ("zone", "cells with hits", "occupancy [%]", "mean pull", "spread of pulls", "largest pull"),
        rows,
        "Hits of each cell, as if every event were a trial of its own; equal campaigns have a spread of one.",
    )
