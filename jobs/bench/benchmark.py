"""One benchmark: our way and the peers' on the same input; results are compared first, then times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from monsoon.engine.records import Array
from monsoon.jobs.bench.timing import race

Result = TypeVar("Result")
OURS = "ours"


@dataclass(frozen=True)
class Provider(Generic[Result]):
    """One way to do a stage, ours or a peer's.

    Attributes
    ----------
    name
        As it stands in the history.
    run
        Does the stage once, and returns the result for the check.
    n
        How many units one run does.
    """

    name: str
    run: Callable[[], Result]
    n: int


@dataclass(frozen=True)
class Benchmark(Generic[Result]):
    """A stage as we do it, and as others do it.

    Attributes
    ----------
    stage
        As it stands in the history.
    unit
        What a provider's `n` counts, such as "event".
    ours, peers
        The providers.
    agree
        Whether a peer's result equals ours, bit for bit.
    rounds
        How often each provider runs for its times.
    size
        Bytes of a result, where it is a file.
    """

    stage: str
    unit: str
    ours: Provider[Result]
    peers: Sequence[Provider[Result]]
    agree: Callable[[Result, Result], bool]
    rounds: int
    size: Callable[[Result], int] | None = None


@dataclass(frozen=True)
class Row:
    """One provider at one stage. Quantiles and ratios are None where the check is red.

    Attributes
    ----------
    stage, provider
        Their names.
    unit
        "us/..." for times, "B/..." for sizes.
    n
        How many units one run does.
    p20, p50, p80
        Quantiles over the rounds, in `unit`.
    ratio
        The provider's p50 over ours: above 1, we take less.
    low, high
        p20 and p80 of the ratios within a round.
    check
        "ok"; "red": another result than ours; "-": no peer to compare with.
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
    """Compare the results, then take the times.

    Parameters
    ----------
    benchmark
        What to run.

    Returns
    -------
    list of Row
        Times of ours and of every peer, then sizes where the results are files. A peer whose result differs
        from ours is not timed.
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
    green = [p for p in (ours, *benchmark.peers) if rows[p.name].check != "red"]
    seconds = race({p.name: p.run for p in green}, benchmark.rounds)
    us = {p.name: seconds[p.name] / p.n * 1e6 for p in green}
    for name, times in us.items():
        rows[name] = _timed(rows[name], times, us[ours.name])
    done = list(rows.values())
    if benchmark.size is not None:
        done += [_sized(row, f"B/{benchmark.unit}", sizes[row.provider], sizes[ours.name]) for row in done]
    return done


def _timed(row: Row, us: Array, ours_us: Array) -> Row:
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
