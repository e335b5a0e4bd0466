"""The required speed: how many times faster than its best peer a stage must be."""

from __future__ import annotations

from collections.abc import Sequence

from monsoon.jobs.bench.benchmark import OURS, Row
from monsoon.jobs.bench.composition import COMPOSITION
from monsoon.jobs.bench.end_to_end import END_TO_END

BARS = {COMPOSITION: 2.0, END_TO_END: 30.0}


def check_bars(rows: Sequence[Row]) -> bool:
    """Compare the measured ratios with the required ones.

    Prints a tab-separated line for each: name, measured ratio, required ratio, `ok` or `miss`.

    Parameters
    ----------
    rows : sequence of Row
        The results of all benchmarks.

    Returns
    -------
    bool
        Whether all requirements are met.
    """
    met = []
    for stage, bar in BARS.items():
        ratios = [row.ratio for row in rows if row.stage == stage and not row.provider.startswith(OURS)]
        # a peer without a ratio had another result: without a comparison, the requirement is not met
        measured = min((ratio or 0.0 for ratio in ratios), default=0.0)
        met.append(measured >= bar)
        print(f"{stage} over the best peer\t{measured:.2f}\t{bar:g}\t{'ok' if met[-1] else 'miss'}")
    return all(met)
