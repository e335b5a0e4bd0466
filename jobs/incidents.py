"""`monsoon incidents SOURCE`: from collisions, files or a gun to a Parquet file of what reaches the face."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.gun import Gun, shoot
from monsoon.engine.incidents.hepmc import HepmcFile
from monsoon.engine.incidents.overlay import LARGEST_MU, overlay
from monsoon.engine.incidents.parquet import (
    Header,
    read_header,
    read_incidents,
    refuse_existing,
    write_incidents,
)
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.table import read_table
from monsoon.engine.incidents.transport import Transport, transport
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
    seed: Seed = 1
    workers: Annotated[int, Field(gt=0)] | None = None  # absent: one, or all the cluster has when large
    ray_address: str | None = None


class HepmcJob(Job):
    """Events of a HepMC file."""

    input: str


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


def run_pythia(job: PythiaJob) -> Header:
    """Make a pool of collisions. Raises InputError; interrupted, the same job goes on where it was."""
    settings = PoolSettings(job.cards, job.seed, job.transport, Detector.load(fetch(job.detector)))
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
                yield transport(particles, detector, way)
                progress.advance(file.read_bytes - passed)
                passed = file.read_bytes

    def losses() -> list[str]:
        if file.truncated is None:
            return []
        return [f"{job.input}: {file.truncated}; the {file.events} events before are kept"]

    return _write_job(job, "hepmc", parts(), losses)


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

    def parts() -> Iterator[Incidents]:
        with JobProgress("events", job.events) as progress:
            for first in range(job.first_event, job.first_event + job.events, BLOCK):
                last = min(first + BLOCK, job.first_event + job.events)
                yield overlay(pool, job.mu, job.seed, np.arange(first, last))
                progress.advance(last - first)

    settings = {**job.model_dump(mode="json", exclude={"output"}), "pool_sha256": header.content_sha256}
    written = write_incidents(
        job.output, parts(), source="overlay", settings=settings, detector=header.detector
    )
    return _said(job.output, written)


SOURCES: dict[str, tuple[type[BaseModel], Callable[[Any], Header]]] = {
    "pythia": (PythiaJob, run_pythia),
    "hepmc": (HepmcJob, run_hepmc),
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
