"""`monsoon incidents SOURCE`: from collisions, files or a gun to a Parquet file of what reaches the face."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.gun import Gun, shoot
from monsoon.engine.incidents.hepmc import HepmcFile
from monsoon.engine.incidents.lhe import LheFile
from monsoon.engine.incidents.overlay import LARGEST_MU, add_signal, overlay
from monsoon.engine.incidents.parquet import (
    Header,
    read_header,
    read_incidents,
    refuse_existing,
    write_incidents,
)
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.signal import signal_file
from monsoon.engine.incidents.table import read_table
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.records import Incidents
from monsoon.engine.storage import fetch, split_url
from monsoon.jobs.progress.bar import JobProgress
from monsoon.jobs.progress.collisions import make_pool

BLOCK = 1000  # events that are in memory at a time

Seed = Annotated[int, Field(ge=0, lt=1 << 64)]
Count = Annotated[int, Field(gt=0)]


class Job(Transport):
    """What every source needs: where to, which face, and how to get there."""

    output: Annotated[str, Field(min_length=1)]
    detector: str = "lhcb-ecal"

    @property
    def transport(self) -> Transport:
        return Transport(polarity=self.polarity, threshold_mev=self.threshold_mev)


class PythiaJob(Job):
    """Collisions from Pythia 8; its seeded chunks are made in parallel on Ray where that pays."""

    collisions: Count
    cards: tuple[str, ...] = ()
    mothers: bool = False
    """Whether to keep the species of each particle's mother."""
    seed: Seed = 1
    workers: Annotated[int, Field(gt=0)] | None = None  # absent: one, or all the cluster has when large
    ray_address: str | None = None


class HepmcJob(Job):
    """Events of a HepMC file."""

    input: str
    mothers: bool = False
    """Whether to keep the species of each particle's mother."""


class LheJob(Job):
    """Events of a Les Houches file; Pythia 8 adds what follows the hard process."""

    input: str
    """File or URL of Les Houches events, plain or .gz."""
    cards: tuple[str, ...] = ()
    """Further settings of Pythia 8; beams and process are the file's."""
    mothers: bool = True
    """Whether to keep the species of each particle's mother."""
    seed: Seed = 1
    """Number that all random draws follow from."""


class GunJob(Job, Gun):
    """Events of the particle gun; with a threshold of nothing unless it is given."""

    events: Count
    threshold_mev: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class TableJob(Job):
    """Events of a flat Parquet table of particles."""

    input: str


class OverlayJob(BaseModel):
    """Events that are sums of n ~ Poisson(mu) collisions of a pool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: str
    output: Annotated[str, Field(min_length=1)]
    mu: Annotated[float, Field(gt=0, le=LARGEST_MU)]
    events: Count
    first_event: Annotated[int, Field(ge=0)] = 0
    seed: Seed = 1
    signal: str | None = None
    """File or URL of incidents; event i takes its event i, and n collisions as pile-up."""


def run_pythia(job: PythiaJob) -> Header:
    """Make a pool of collisions. Raises InputError; interrupted, the same job goes on where it was."""
    detector = Detector.load(fetch(job.detector))
    settings = PoolSettings(job.cards, job.seed, job.transport, detector, mothers=job.mothers)
    make_pool(job.output, settings, job.collisions, workers=job.workers, ray_address=job.ray_address)
    return _said(job.output, read_header(job.output))


def run_hepmc(job: HepmcJob) -> Header:
    """Take a HepMC file's events to the face. Raises InputError where there is none to take."""
    refuse_existing(job.output)
    detector, way = Detector.load(fetch(job.detector)), job.transport
    file = HepmcFile(fetch(job.input), BLOCK)

    def parts() -> Iterator[Incidents]:
        with JobProgress("bytes", file.size_bytes) as progress:
            passed = 0
            for particles in file:
                yield transport(particles, detector, way, mothers=job.mothers)
                progress.advance(file.read_bytes - passed)
                passed = file.read_bytes

    def losses() -> list[str]:
        if file.truncated is None:
            return []
        return [f"{job.input}: {file.truncated}; the {file.events} events before are kept"]

    return _write_job(job, "hepmc", parts(), losses)


def run_lhe(job: LheJob) -> Header:
    """Shower a Les Houches file's events and take them to the face. Raises InputError."""
    refuse_existing(job.output)
    detector, way = Detector.load(fetch(job.detector)), job.transport
    file = LheFile(fetch(job.input), job.cards, job.seed)

    def parts() -> Iterator[Incidents]:
        with JobProgress("events", file.events) as progress:
            for particles in file:
                yield transport(particles, detector, way, mothers=job.mothers)
                progress.advance(len(particles.event))

    return _write_job(job, "lhe", parts(), lambda: file.losses)


def run_gun(job: GunJob) -> Header:
    """Shoot. Raises InputError."""
    refuse_existing(job.output)
    detector, way = Detector.load(fetch(job.detector)), job.transport

    def parts() -> Iterator[Incidents]:
        with JobProgress("events", job.events) as progress:
            for first in range(0, job.events, BLOCK):
                last = min(first + BLOCK, job.events)
                yield transport(shoot(job, detector, first, last), detector, way)
                progress.advance(last - first)

    return _write_job(job, "gun", parts())


def run_table(job: TableJob) -> Header:
    """Take a table's particles to the face. Raises InputError."""
    refuse_existing(job.output)
    detector = Detector.load(fetch(job.detector))
    return _write_job(job, "table", [transport(read_table(fetch(job.input)), detector, job.transport)])


def run_overlay(job: OverlayJob) -> Header:
    """Overlay collisions of a pool. Raises InputError."""
    refuse_existing(job.output)
    header, pool = read_header(job.input), read_incidents(job.input)
    wanted = EventRange(job.first_event, job.first_event + job.events - 1)
    signal = None if job.signal is None else signal_file(job.signal, wanted)
    if signal is not None and signal.header.detector != header.detector:
        raise InputError(
            f"{job.signal}: made for detector {signal.header.detector}, {job.input} for {header.detector}; "
            "make both for one"
        )

    def parts() -> Iterator[Incidents]:
        with JobProgress("events", job.events) as progress:
            for first in range(job.first_event, job.first_event + job.events, BLOCK):
                last = min(first + BLOCK, job.first_event + job.events)
                pile_up = overlay(pool, job.mu, job.seed, np.arange(first, last))
                yield (
                    pile_up
                    if signal is None
                    else add_signal(signal.read(EventRange(first, last - 1)), pile_up)
                )
                progress.advance(last - first)

    settings = {**job.model_dump(mode="json", exclude={"output"}), "pool_sha256": header.content_sha256}
    if signal is not None:
        settings["signal_sha256"] = signal.identity
    written = write_incidents(
        job.output, parts(), source="overlay", settings=settings, detector=header.detector
    )
    return _said(job.output, written)


SOURCES: dict[str, tuple[type[BaseModel], Callable[[Any], Header]]] = {
    "pythia": (PythiaJob, run_pythia),
    "hepmc": (HepmcJob, run_hepmc),
    "lhe": (LheJob, run_lhe),
    "gun": (GunJob, run_gun),
    "table": (TableJob, run_table),
    "overlay": (OverlayJob, run_overlay),
}


def _write_job(
    job: Job,
    source: str,
    parts: Iterator[Incidents] | list[Incidents],
    losses: Callable[[], list[str]] = list,
) -> Header:
    settings = job.model_dump(mode="json", exclude={"output"})
    detector = Detector.load(fetch(job.detector)).description.name
    header = write_incidents(
        job.output, parts, source=source, settings=settings, detector=detector, losses=losses
    )
    return _said(job.output, header)


def _said(output: str, header: Header) -> Header:
    """The summary in plain lines; the last one is for programs."""
    for loss in header.losses:
        print(f"loss: {loss}")
    lost = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in header.lost.items())
    print(f"{header.events} events, {header.particles} particles on the face; not on it: {lost}")
    print(f"incidents: {_canonical(output)}")
    return header


def _canonical(url: str | Path) -> str:
    """The same file, absolute."""
    store, name = split_url(url)
    return f"{store.url}/{name}"
