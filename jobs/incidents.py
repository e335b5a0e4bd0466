"""`monsoon incidents SOURCE`: from collisions, files or a gun to a Parquet file of what reaches the face."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError, SuspiciousInput
from monsoon.engine.incidents.chunks import Chunk, Parts, cut, incidents_of
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
from monsoon.engine.incidents.pythia import check_cards
from monsoon.engine.incidents.table import read_table
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.records import Incidents
from monsoon.engine.storage import fetch, split_url
from monsoon.jobs.progress.bar import JobProgress
from monsoon.models.data.plausibility import SOFT_MEV

BLOCK = 1000  # events that are in memory at a time
CHUNK = 500  # collisions that are made at a time, and lost at most by an interruption
LARGE = 8000  # collisions from which on a start of Ray pays

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
    make_pool(**job.model_dump())
    return _said(job.output, read_header(job.output))


def make_pool(
    *,
    collisions: int,
    cards: Sequence[str],
    seed: int,
    polarity: int,
    threshold_mev: float,
    detector: str,
    output: str | Path,
    workers: int | None = None,
    ray_address: str | None = None,
    chunk: int = CHUNK,
) -> str:
    """Write a file of Pythia collisions on the face, one event a collision, and return its URL.

    Finished chunks lie in `<output>.parts/` until the file is whole; a call with the same settings
    goes on from there, with more collisions too. Ray is used, and started where there is none, for
    more than one worker or a large pool. The content does not depend on any of that.
    Raises InputError for unusable settings or output.
    """
    refuse_existing(output)
    final = _canonical(output)
    face = Detector.load(fetch(detector))
    way = Transport.model_validate({"polarity": polarity, "threshold_mev": threshold_mev})
    check_cards(cards)
    settings = pool_settings(cards, seed, chunk, way, face)
    parts = Parts(f"{final}.parts", settings, face.description.name)
    chunks = cut(collisions, chunk)
    todo = [piece for piece in chunks if not parts.hold(piece)]
    made = collisions - sum(piece.count for piece in todo)
    try:
        with JobProgress("collisions", collisions, made) as progress:
            fresh = _made(tuple(cards), seed, todo, face, way, workers, ray_address)
            for piece, incidents in zip(todo, fresh, strict=True):
                parts.keep(piece, incidents)
                progress.advance(piece.count)
    except InputError:
        if len(todo) == len(chunks):
            parts.remove()  # such settings get nowhere: leave nothing behind
        raise
    whole = (parts.read(piece) for piece in chunks)
    write_incidents(final, whole, source="pythia", settings=settings, detector=face.description.name)
    parts.remove()
    return final


def pool_settings(
    cards: Sequence[str], seed: int, chunk: int, way: Transport, detector: Detector
) -> dict[str, Any]:
    """All that a pool's collisions follow from; a run goes on only with chunks made with the same."""
    return {
        "cards": list(cards),
        "seed": seed,
        "chunk": chunk,
        **way.model_dump(mode="json"),
        "detector": detector.description.model_dump(mode="json"),
    }


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
    _suspect("energy_mev", float(np.max(job.energy_mev)), job)

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
    particles = read_table(fetch(job.input))
    greatest_mev = float(np.linalg.norm(particles.momentum_mev, axis=1).max())
    _suspect(f"{job.input}: px_mev, py_mev, pz_mev", greatest_mev, job)
    return _write_job(job, "table", [transport(particles, detector, job.transport)])


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

    settings = {
        **job.model_dump(mode="json", exclude={"output"}),
        "pool_sha256": header.content_sha256,
        "detector": header.settings.get("detector", header.detector),
    }
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
    detector = Detector.load(fetch(job.detector)).description
    settings = job.model_dump(mode="json", exclude={"output"})
    settings["detector"] = detector.model_dump(mode="json")  # compared by content, wherever it is used
    header = write_incidents(
        job.output, parts, source=source, settings=settings, detector=detector.name, losses=losses
    )
    return _said(job.output, header)


def _suspect(what: str, greatest_mev: float, job: Job) -> None:
    """Warn where all energies or momenta are so small that GeV may be meant."""
    limit_mev = max(SOFT_MEV, job.threshold_mev)
    if greatest_mev < limit_mev:
        lost = ", below threshold_mev: every particle is lost" if greatest_mev < job.threshold_mev else ""
        warnings.warn(
            f"{what}: the greatest is {greatest_mev:g} MeV{lost}; if GeV are meant, multiply by 1000",
            SuspiciousInput,
            stacklevel=2,
        )


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


def _made(
    cards: tuple[str, ...],
    seed: int,
    chunks: list[Chunk],
    detector: Detector,
    way: Transport,
    workers: int | None,
    ray_address: str | None,
) -> Iterator[Incidents]:
    """The chunks' incidents in order, made here or on Ray."""
    total = sum(chunk.count for chunk in chunks)
    if workers == 1 or (workers is None and total < LARGE) or len(chunks) < 2:
        for chunk in chunks:
            yield incidents_of(cards, seed, chunk, detector, way)
        return
    # imported here: Ray takes seconds to import, and the other sources do without
    from monsoon.engine.remote.cluster import collision_workers, connected
    from monsoon.engine.remote.collisions import collide

    with connected(ray_address):
        yield from collide(cards, seed, chunks, detector, way, collision_workers(workers))
