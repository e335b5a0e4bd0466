"""`monsoon scale`: what samples of Run 3 and HL-LHC size take, by generator and by Geant4."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from monsoon.engine.config import PRESETS
from monsoon.jobs.bench.history import HISTORY
from monsoon.jobs.markdown import around, table_of
from monsoon.jobs.models import BATCHES, MILLISECONDS
from monsoon.jobs.plan import (
    BYTES_PER_HIT,
    BYTES_PER_PARTICLE,
    GEANT4_SECONDS_PER_PARTICLE,
    PARTICLES_PER_COLLISION,
    SECONDS_PER_EVENT,
    SECONDS_PER_PARTICLE,
    hits_per_event,
)
from monsoon.models.store.card_files import LIBRARY, card_of
from monsoon.models.store.shipped import SHIPPED

BEGIN, END = "<!-- monsoon scale: begin -->", "<!-- monsoon scale: end -->"
SAMPLES = {"Run 3": ("run3", 10**9), "HL-LHC": ("hl-lhc", 10**8)}  # preset, events
GENERATORS = (LIBRARY, "transported", "best")
CORES = 1000
YEAR_H = 8766.0
HEAD = (
    "sample", "made by", "one event, ms of one core", "core years", f"hours on {CORES} cores",
    "Geant4's time over it", "TB, Parquet", "TB, ROOT",
)  # fmt: skip


CORES_OF = (10, 100, 1000, 10_000)
STORAGE_GB_S = (0.1, 1.0, 10.0)
SHARDS_PER_SECOND = 450.0  # commits of one driver: tests/jobs/measure_driver.py, 1 000 workers, local disk
SHARD_EVENTS = 1000
LIMITS = {"cores": "c", "storage": "s", "commits": "d"}


class Measured(NamedTuple):
    """What the benchmarks measured last.

    Attributes
    ----------
    machine, date, commit : str
        Where, when and with which sources.
    library_seconds : float
        To sample a shower from the library [s].
    particles : float
        Particles of an event of the benchmark.
    event_seconds : float
        To make an event, with the library, from collisions to a file [s].
    """

    machine: str
    date: str
    commit: str
    library_seconds: float
    particles: float
    event_seconds: float


def scale(write: str | None = None, say: Callable[[str], None] = print) -> None:
    """Print the table.

    Parameters
    ----------
    write : str, optional
        A Markdown file; the table is written between its two marker comments.
    say : callable
        Prints the table.

    Raises
    ------
    InputError
        Where the file cannot be used.
    """
    table = page()
    parts = None if write is None else around(Path(write), BEGIN, END)
    say(table)
    if write is not None and parts is not None:
        Path(write).write_text(f"{parts[0]}{BEGIN}\n{table}\n{END}{parts[1]}")


def page() -> str:
    """The table, and a sentence on where its numbers are from."""
    found = measured()
    rows = [HEAD, *(row for sample in SAMPLES for row in rows_of(sample, found))]
    timed = ", ".join(f"{name} {seconds * 1e3:.3g}" for name, seconds in seconds_of(found).items() if seconds)
    return (
        f"{table_of(rows)}\n\n{table_of(throughputs(found))}\n\n"
        f"Measured on one core of: {found.machine} ({found.date[:10]}, {found.commit}). "
        f"Milliseconds a shower: {timed}. "
        f"The rest of the path takes {SECONDS_PER_EVENT * 1e3:g} ms an event and "
        f"{SECONDS_PER_PARTICLE * 1e6:g} us a particle."
    )


def throughputs(found: Measured) -> list[tuple[str, ...]]:
    """Thousands of Run 3 events a second by cores and storage, for each generator that has been timed."""
    head = ("Run 3, 1000 events a second", "cores", *(f"storage {rate:g} GB/s" for rate in STORAGE_GB_S))
    particles = PRESETS["run3"]["mu"] * PARTICLES_PER_COLLISION
    rows: list[tuple[str, ...]] = [head]
    for name, per_shower in seconds_of(found).items():
        for cores in CORES_OF if per_shower is not None else ():
            assert per_shower is not None
            rates = [throughput(particles, per_shower, cores, rate * 1e9) for rate in STORAGE_GB_S]
            rows.append((name, str(cores), *(f"{rate / 1e3:.3g} ({LIMITS[limit]})" for rate, limit in rates)))
    return rows


def throughput(
    particles: float,
    per_shower: float,
    cores: int,
    bytes_per_second: float,
    shard_events: int = SHARD_EVENTS,
) -> tuple[float, str]:
    """Events a second, and which of LIMITS it is that bounds them.

    Parameters
    ----------
    particles : float
        Particles of an event.
    per_shower : float
        Time of the generator for one shower on a core [s].
    cores : int
        Cores, one worker each.
    bytes_per_second : float
        What the storage takes from all workers together.
    shard_events : int
        Events of a shard, which is one commit.
    """
    rates = {
        "cores": cores / event_seconds(particles, per_shower),
        "storage": bytes_per_second / event_bytes(particles, "parquet"),
        "commits": SHARDS_PER_SECOND * shard_events,
    }
    limit = min(rates, key=lambda name: rates[name])
    return rates[limit], limit


def rows_of(sample: str, found: Measured) -> list[tuple[str, ...]]:
    """The rows of one of SAMPLES, Geant4's last; dashes for a generator that has not been timed."""
    preset, events = SAMPLES[sample]
    particles = PRESETS[preset]["mu"] * PARTICLES_PER_COLLISION
    low, high = (particles * seconds for seconds in GEANT4_SECONDS_PER_PARTICLE)
    sizes = [f"{events * event_bytes(particles, name) / 1e12:.3g}" for name in ("parquet", "root")]
    title = f"10^{len(str(events)) - 1} {sample} events"
    rows = []
    for name, per_shower in seconds_of(found).items():
        if per_shower is None:
            rows.append((title, name, *("-" for _ in HEAD[2:6]), *sizes))
            continue
        seconds = event_seconds(particles, per_shower)
        hours = events * seconds / 3600
        rows.append(
            (
                *(title, name, f"{seconds * 1e3:.3g}", f"{hours / YEAR_H:.3g}", f"{hours / CORES:.3g}"),
                *(f"{_two(low / seconds)}-{_two(high / seconds)}", *sizes),
            )
        )
    span = [events * seconds / 3600 for seconds in (low, high)]
    rows.append(
        (
            *(title, "Geant4", f"{_two(low * 1e3)}-{_two(high * 1e3)}"),
            f"{_two(span[0] / YEAR_H)}-{_two(span[1] / YEAR_H)}",
            f"{_two(span[0] / CORES)}-{_two(span[1] / CORES)}",
            *("1", "-", "-"),
        )
    )
    return rows


def event_seconds(particles: float, per_shower: float) -> float:
    """Time of one core for an event, from collisions to a file [s].

    Parameters
    ----------
    particles : float
        Particles of the event.
    per_shower : float
        Time of the generator for one shower [s].
    """
    return SECONDS_PER_EVENT + particles * (SECONDS_PER_PARTICLE + per_shower)


def event_bytes(particles: float, name: str) -> float:
    """Size of an event of this many particles in a format [bytes]."""
    return particles * BYTES_PER_PARTICLE[name] + hits_per_event(particles) * BYTES_PER_HIT[name]


def seconds_of(found: Measured) -> dict[str, float | None]:
    """Time per shower of each of GENERATORS [s], the mean over its parts; None where a part is not timed.

    The library's is that of the benchmark, which has the routing of particles to generators in it; the
    others' are those of their cards, at the largest batch.
    """
    return {name: found.library_seconds if name == LIBRARY else _of_cards(name) for name in GENERATORS}


def measured(path: Path = HISTORY) -> Measured:
    """The last end-to-end benchmark, and the sampling of the same run.

    Parameters
    ----------
    path : Path
        The history of benchmarks.
    """
    last: dict[tuple[str, str], Mapping[str, str]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["provider"] == "ours":
                last[row["stage"], row["unit"]] = row
    whole, sample = last["end to end", "us/event"], last["sample", "us/shower"]
    events = int(last["overlay", "us/event"]["n"])
    return Measured(
        whole["machine"],
        whole["date"],
        whole["commit"],
        float(sample["p50"]) * 1e-6,
        int(sample["n"]) / events,
        float(whole["p50"]) * 1e-6,
    )


def _of_cards(name: str) -> float | None:
    times = []
    for folder in SHIPPED[name]:
        card = card_of(str(folder))
        times.append(card.get(MILLISECONDS, {}).get(folder.name, {}).get(str(BATCHES[-1])))
    return None if None in times else sum(times) / len(times) * 1e-3


def _two(number: float) -> str:
    """A number with two significant digits, without an exponent."""
    return f"{float(f'{number:.2g}'):g}"
