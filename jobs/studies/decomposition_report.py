"""The page of `monsoon study decomposition`: what N showers are worth, and where it fails."""

from __future__ import annotations

from typing import Any

import numpy as np

from monsoon.jobs.pages.blocks import Cell, Image, Section, Table
from monsoon.jobs.plots.studies import Curve, draw_curves
from monsoon.jobs.studies.decomposition import (
    OBSERVABLES,
    QUANTILES,
    SPREAD,
    DecompositionConfig,
    decomposition_results,
)  # fmt: skip
from monsoon.jobs.studies.page import plus_minus, write_study
from monsoon.jobs.studies.worths import Worth, shown
from monsoon.models.metrics.measurement import Array
from monsoon.models.studies.worth import BLOCKS, quantile_error


def report_decomposition(config: DecompositionConfig, local: bool = False) -> str:
    """Run the study, or go on with it, and write its page; returns the page's path. Raises InputError."""
    found = decomposition_results(config, local)
    worths = {
        size: {
            (way, name): _worth(found["truth"][name], of[way][name])
            for way in ("whole", "composed")
            for name in OBSERVABLES
        }
        for size, of in found["sizes"].items()
    }
    lead = (
        f"Events of {config.particles} photons and electrons in the inner zone of {config.detector}. N "
        f"Geant4 showers "
        f"are N / {config.particles} whole events, or a library that any {config.particles} are drawn from "
        f"({config.events:,} events). Both are judged by {QUANTILES} quantiles of three observables of "
        f"{config.events * BLOCKS:,} events of {found['truth_showers']:,} other showers; "
        f"{config.repetitions} disjoint sets each."
    )
    figures = {
        "worth": {
            f"{size}/{way}/{name}": w.interval for size, of in worths.items() for (way, name), w in of.items()
        },
        "library_repeats": {size: of["repeats"] for size, of in found["sizes"].items()},
        "birthday": found["birthday"],
        "failures": found["failures"],
    }
    sections = [_variety(config, found, worths), _failures(config, found["failures"])]
    return write_study(config, "Events composed of N showers, and whole events", lead, sections, figures)


def _worth(truth: Array, shares: Array) -> Worth:
    """Of shares [R, B or 1, K]: whole events have no blocks."""
    if shares.shape[1] == 1:
        shares = np.repeat(shares, BLOCKS, 1)
    return Worth.of(quantile_error(truth, shares))


def _variety(
    config: DecompositionConfig, found: dict[str, Any], worths: dict[int, dict[tuple[str, str], Worth]]
) -> Section:
    sizes, k = np.array(list(worths), float), config.particles
    curves = {"N / k, the whole events there are": Curve(sizes, sizes / k, line=True)}
    for way in ("whole", "composed"):
        for name in OBSERVABLES:
            some = [worths[size][way, name] for size in worths]
            curves[f"{way}: {name.replace('_', ' ')}"] = Curve(
                sizes, np.array([w.value for w in some]), np.array([w.bars for w in some]).T
            )
    png = draw_curves(
        curves, "simulated showers N", "worth in independent whole events", columns=2, x_ticks=sizes.tolist()
    )
    rows: list[list[Cell]] = []
    for size, of in worths.items():
        repeats = np.array(found["sizes"][size]["repeats"])
        rows.append(
            [
                f"{size:,}", f"{size // k:,}", *(shown(of["whole", name]) for name in OBSERVABLES),
                *(shown(of["composed", name]) for name in OBSERVABLES),
                f"{100 * found['birthday'][size]:.1f}",
                plus_minus(100 * repeats.mean(), 100 * repeats.std() / len(repeats) ** 0.5),
            ]
        )  # fmt: skip
    head = ["N", "whole events"]
    head += [f"{way}: {name.replace('_', ' ')}" for way in ("whole", "composed") for name in OBSERVABLES]
    head += ["one shower twice, of N at random, %", "of the library's nearest, %"]
    caption = (
        "How many independent whole events would tell each observable's distribution as well, with the "
        "68 % interval. "
        "Last: events in which one library shower comes twice, by chance and as the library draws."
    )
    text = "Bars are 68 % intervals; a bar without an upper end is compatible with no error at all."
    return Section(
        "variety",
        "Variety",
        [Image(png, "worth against simulated showers", text), Table(head, rows, caption)],
    )


def _failures(config: DecompositionConfig, found: dict[str, Any]) -> Section:
    k, (same, same_error) = config.particles, found["same_condition"]
    inflated = 1 + (k - 1) * same
    overlaps: list[list[Cell]] = [
        [
            f"overlaps, {side} (window of {2 * SPREAD[side] + 1} pixels)",
            f"{plus_minus(100 * value, 100 * error)} % of the energy",
            "if each shower is digitised alone and the hits are added: noise comes once a particle, and what "
            "is below the threshold alone is lost; superposed first, as here, it is exact",
        ]
        for side, (value, error) in found["overlaps"].items()
    ]
    rows: list[list[Cell]] = [
        *overlaps,
        [
            "particles of one condition",
            f"correlation {plus_minus(same, same_error)}",
            "between two showers that a library draws for it (Geant4: 0), because it draws among its nearest "
            f"few: the variance of a sum of {k} is {inflated:.1f} times too large",
        ],
        [
            "correlation between particles",
            f"spread of ln(total energy) {plus_minus(*found['permuted_spread'])} of the true one",
            "if particles of one energy scale an event are exchanged between events; composed of given "
            "incidents, as here, it is kept",
        ],
    ]
    return Section(
        "failures",
        "Where it fails",
        [
            Table(
                ["what", "how much", "when"], rows, f"With a library of {found['library']:,} showers.", [1, 2]
            )
        ],
    )
