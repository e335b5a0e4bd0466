"""One benchmark: Monsoon and its peers on the same input. Results are compared first, then times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from monsoon.engine.records import Array
from monsoon.jobs.bench.timing import cpu_seconds, race

Result = TypeVar("Result")
OURS = "ours"
KNOWN, ABSENT = "known", "not installed"


@dataclass(frozen=True)
class Provider(Generic[Result]):
    """One implementation of a stage, ours or a peer's.

    Attributes
    ----------
    name : str
        Its name in the history.
    run : callable
        Runs the stage once, and returns the result for the check.
    n : int
        Units that one run processes.
    timed : callable or None
        What is timed instead of `run`: the same work with random numbers of its own.
    """

    name: str
    run: Callable[[], Result]
    n: int
    timed: Callable[[], object] | None = None


@dataclass(frozen=True)
class Benchmark(Generic[Result]):
    """A stage with our implementation and those of the peers.

    Attributes
    ----------
    stage : str
        Its name in the history.
    unit : str
        What a provider's `n` counts, such as "event".
    ours : Provider
        Our implementation.
    peers : sequence of Provider
        The other ones.
    agree : callable
        Whether a peer's result equals ours, bit for bit.
    rounds : int
        How often each provider is timed.
    size : callable or None
        Size of a result in bytes, if it is a file.
    floors : sequence of Provider
        Parts of the work that nobody can do without; timed, and not compared.
    """

    stage: str
    unit: str
    ours: Provider[Result]
    peers: Sequence[Provider[Result]]
    agree: Callable[[Result, Result], bool]
    rounds: int
    size: Callable[[Result], int] | None = None
    floors: Sequence[Provider[Any]] = ()


@dataclass(frozen=True)
class Row:
    """The result of one provider for one stage. Quantiles and ratios are None if the check is "red".

    Attributes
    ----------
    stage, provider : str
        Their names.
    unit : str
        "us/..." for times, "B/..." for sizes.
    n : int
        Units that one run processes.
    p20, p50, p80 : float or None
        Quantiles over the rounds, in `unit`.
    ratio : float or None
        The provider's p50 over ours; above 1, ours is better.
    low, high : float or None
        p20 and p80 of the ratios within a round.
    check : str
        "ok" if the result equals ours, "red" if it differs, "-" if there is nothing to compare, KNOWN for a
        number that was measured elsewhere, ABSENT for a peer that is not installed.
    """

    stage: str
    provider: str
    unit: str
    n: int
    p20: float | None = None
    p50: float | None = None
    p80: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    check: str = "ok"


def measure(benchmark: Benchmark[Result]) -> list[Row]:
    """Compare the results of a benchmark, then measure the times.

    Parameters
    ----------
    benchmark : Benchmark
        The benchmark.

    Returns
    -------
    list of Row
        Times of our implementation and of every peer, then sizes if the results are files. A peer whose
        result differs from ours is not timed.
    """
    ours = benchmark.ours
    result = ours.run()
    sizes = {ours.name: _bytes_per_unit(benchmark, ours, result)}
    rows = {ours.name: Row(benchmark.stage, ours.name, f"us/{benchmark.unit}", ours.n)}
    for peer in benchmark.peers:
        theirs = peer.run()
        check = "ok" if benchmark.agree(result, theirs) else "red"
        sizes[peer.name] = _bytes_per_unit(benchmark, peer, theirs)
        rows[peer.name] = Row(benchmark.stage, peer.name, f"us/{benchmark.unit}", peer.n, check=check)
        del theirs
    if not benchmark.peers:
        rows[ours.name] = replace(rows[ours.name], check="-")
    for floor in benchmark.floors:
        floor.run()
        rows[floor.name] = Row(benchmark.stage, floor.name, f"us/{benchmark.unit}", floor.n, check="-")
    green = [p for p in (ours, *benchmark.peers, *benchmark.floors) if rows[p.name].check != "red"]
    seconds = race({p.name: p.timed or p.run for p in green}, benchmark.rounds)
    us = {p.name: seconds[p.name] / p.n * 1e6 for p in green}
    for name, times in us.items():
        rows[name] = of_times(rows[name], times, us[ours.name])
    done = list(rows.values())
    if benchmark.size is not None:
        done += [_sized(row, f"B/{benchmark.unit}", sizes[row.provider], sizes[ours.name]) for row in done]
    return done


def absent(stage: str, provider: str, unit: str) -> Row:
    """The row of a peer that is not installed."""
    return Row(stage, provider, unit, 0, check=ABSENT)


def known(row: Row, values: tuple[float, float, float], ours: Row) -> Row:
    """A row of p20, p50 and p80 that were measured elsewhere, over ours."""
    assert ours.p50 is not None
    p20, p50, p80 = values
    low, ratio, high = (value / ours.p50 for value in values)
    return replace(row, p20=p20, p50=p50, p80=p80, ratio=ratio, low=low, high=high, check=KNOWN)


def timed(stage: str, unit: str, runs: Sequence[tuple[str, Callable[[], object], int, int]]) -> list[Row]:
    """Rows of runs that are compared with the first of them alone, by the CPU time of a unit.

    Parameters
    ----------
    stage, unit : str
        As in `Benchmark`.
    runs : sequence of tuple
        A name, what is timed, units of one run, and rounds.
    """
    rows, base = [], None
    for name, run, n, rounds in runs:
        us = cpu_seconds(run, rounds) / n * 1e6
        base = float(np.median(us)) if base is None else base
        rows.append(of_times(Row(stage, name, f"us/{unit}", n, check="-"), us, base))
    return rows


def of_times(row: Row, us: Array, ours_us: Array | float) -> Row:
    """A row with the quantiles of times, and of their ratios to ours.

    Parameters
    ----------
    row : Row
        Without them.
    us : float64 array [R]
        Of a unit in each round.
    ours_us : float64 array [R] or float
        Ours.
    """
    p20, p50, p80 = np.quantile(us, [0.2, 0.5, 0.8]).tolist()
    low, high = np.quantile(us / ours_us, [0.2, 0.8]).tolist()
    return replace(row, p20=p20, p50=p50, p80=p80, ratio=p50 / float(np.median(ours_us)), low=low, high=high)


def _sized(row: Row, unit: str, size: float, ours: float) -> Row:
    if row.check == "red":
        return replace(row, unit=unit)
    ratio = size / ours
    return replace(row, unit=unit, p20=size, p50=size, p80=size, ratio=ratio, low=ratio, high=ratio)


def _bytes_per_unit(benchmark: Benchmark[Result], provider: Provider[Result], result: Result) -> float:
    return benchmark.size(result) / provider.n if benchmark.size is not None else 0.0
