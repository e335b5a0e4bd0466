"""The page of `monsoon study coverage`: the share of intervals with the truth inside, by quantity."""

from __future__ import annotations

import numpy as np

from monsoon.jobs.pages.blocks import Badge, Cell, Section, Table, Tone
from monsoon.jobs.studies.coverage import CoverageConfig, coverage_results
from monsoon.jobs.studies.page import plus_minus, write_study
from monsoon.models.studies.coverage import ALLOWED, Coverage


def report_coverage(config: CoverageConfig, local: bool = False) -> str:
    """Run the study, or go on with it, and write its page; returns the page's path. Raises InputError."""
    found = coverage_results(config, local)
    rows: list[list[Cell]] = []
    figures = {}
    for key, truth in found["truth"].items():
        estimate, low, high = found["rows"][key].T
        of = Coverage.of(low, high, truth)
        spread, quoted = estimate.std(ddof=1), (high - low).mean() / 2
        bias = (estimate.mean() - truth) / spread
        figures[key] = {
            "coverage": of.share, "interval": [of.low, of.high], "experiments": of.experiments,
            "bias_over_spread": bias, "quoted_over_spread": quoted / spread, "truth": truth,
        }  # fmt: skip
        rows.append(
            [
                key, f"{of.share:.3f} ({of.low:.3f} to {of.high:.3f})",
                Badge("yes", Tone.GOOD) if of.right else Badge("no", Tone.BAD),
                plus_minus(bias, 1 / np.sqrt(of.experiments)), f"{quoted / spread:.2f}", f"{truth:.4g}",
            ]
        )  # fmt: skip
    caption = (
        f"68 % intervals of {config.experiments} pseudo-experiments with {config.replicas} replicas "
        f"each. Bias is in units "
        "of the true spread between pseudo-experiments; the quoted uncertainty over that spread is 1 "
        "where it is right."
    )
    head = [
        "quantity",
        "coverage",
        f"within {ALLOWED[0]:.2f}-{ALLOWED[1]:.2f}",
        "bias",
        "quoted / true spread",
        "truth",
    ]
    lead = (
        f"The toy has {config.toy_rows:,} events, a library {config.library_showers} showers of "
        f"{found['showers']:,} "
        f"(different ones each time), from which it generates {config.generated}."
    )
    return write_study(
        config,
        "Coverage of quoted intervals",
        lead,
        [Section("coverage", "Coverage", [Table(head, rows, caption, [2])])],
        {"coverage": figures},
    )
