"""The required speed, a bar each: what was measured against it on two cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monsoon.jobs.bench.benchmark import ABSENT, KNOWN, OURS, Row
from monsoon.jobs.bench.composition import COMPOSITION
from monsoon.jobs.bench.convolutions import CONVOLUTIONS, EAGER, ONNXRUNTIME
from monsoon.jobs.bench.couplings import COUPLINGS, PRODUCTS
from monsoon.jobs.bench.end_to_end import END_TO_END, NUMPY, ONNX, WITH_FLOW
from monsoon.jobs.bench.workers import CORES, ONE, STAGES, TWO, WORKERS

NOT_MEASURED, ANOTHER_RESULT = "not measured", "another result"


@dataclass(frozen=True)
class Bar:
    """One requirement.

    Attributes
    ----------
    name : str
        What is required, for people.
    value : float
        The bar.
    measured : callable
        What rows say of it: a number, or why there is none.
    most : bool
        Whether the bar is the greatest value that is allowed; otherwise the least.
    """

    name: str
    value: float
    measured: Callable[[Sequence[Row]], float | str]
    most: bool = False

    @property
    def wanted(self) -> str:
        """The bar as it is printed."""
        return f"{'<=' if self.most else '>='} {self.value:g}"


@dataclass(frozen=True)
class Verdict:
    """A bar, what was measured, and whether it is met."""

    bar: Bar
    measured: float | str

    @property
    def met(self) -> bool:
        """A peer that is not there, or has another result, is no comparison: the bar is missed."""
        if isinstance(self.measured, str):
            return False
        return self.measured <= self.bar.value if self.bar.most else self.measured >= self.bar.value

    @property
    def shown(self) -> str:
        """What was measured as it is printed."""
        return self.measured if isinstance(self.measured, str) else f"{self.measured:.2f}"


def over(stage: str, *words: str) -> Callable[[Sequence[Row]], float | str]:
    """How many times longer than our best the best peers take whose names have all the words."""

    def measured(rows: Sequence[Row]) -> float | str:
        times = [row for row in rows if row.stage == stage and row.unit.startswith("us/")]
        peers = [row for row in times if not row.provider.startswith(OURS) and row.check not in ("-", KNOWN)]
        asked = [row for row in peers if all(word in row.provider for word in words)]
        # a package that is not installed is one row for all that it can do
        missing = [row for row in peers if row.check == ABSENT and row.provider in " ".join(words)]
        if any(row.check == "red" for row in asked):
            return ANOTHER_RESULT
        if missing or any(row.check == ABSENT for row in asked):
            return ABSENT
        ours = [row.p50 for row in times if row.provider.startswith(OURS) and row.p50 is not None]
        theirs = [row.p50 for row in asked if row.p50 is not None]
        return min(theirs) / min(ours) if ours and theirs else NOT_MEASURED

    return measured


def share(stage: str, one: str, other: str, times: float = 1.0) -> Callable[[Sequence[Row]], float | str]:
    """How many times longer one provider takes than another, whose time is divided by `times`."""

    def measured(rows: Sequence[Row]) -> float | str:
        found = {row.provider: row for row in rows if row.stage == stage and row.unit.startswith("us/")}
        if any(name in found and found[name].check == "red" for name in (one, other)):
            return ANOTHER_RESULT
        values = [found[name].p50 if name in found else None for name in (one, other)]
        return NOT_MEASURED if None in values else times * values[0] / values[1]  # type: ignore[operator]

    return measured


BARS = (
    Bar("place + digitise + compact over the best numpy or torch peer", 2.5, over(COMPOSITION)),
    Bar("spline couplings over their matrix products", 1.6, share(COUPLINGS, OURS, PRODUCTS), most=True),
    Bar("nflows over spline couplings", 2.0, over(COUPLINGS, "nflows")),
    Bar("zuko, passes=2, over spline couplings", 7.0, over(COUPLINGS, "zuko", "passes=2")),
    Bar("float32 eager over convolutional generator", 3.0, over(CONVOLUTIONS, EAGER)),
    Bar("onnxruntime over convolutional generator", 1.5, over(CONVOLUTIONS, ONNXRUNTIME)),
    Bar("expert's numpy program over end to end", 10.0, over(END_TO_END, NUMPY)),
    Bar("ONNX, batch of one, over end to end", 30.0, over(WITH_FLOW, ONNX)),
    Bar("wall time over CPU of the stages / cores", 1.15, share(WORKERS, TWO, STAGES, CORES), most=True),
    Bar("one worker over two", 1.8, share(WORKERS, ONE, TWO)),
)


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """All bars, by the results of all benchmarks."""
    return [Verdict(bar, bar.measured(rows)) for bar in BARS]


def check_bars(rows: Sequence[Row]) -> bool:
    """Compare what was measured with the bars.

    Prints a tab-separated line for each: name, measured, bar, `ok` or `miss`.

    Parameters
    ----------
    rows : sequence of Row
        The results of all benchmarks.

    Returns
    -------
    bool
        Whether all bars are met.
    """
    found = verdicts(rows)
    for verdict in found:
        print(f"{verdict.bar.name}\t{verdict.shown}\t{verdict.bar.wanted}\t{'ok' if verdict.met else 'miss'}")
    return all(verdict.met for verdict in found)
