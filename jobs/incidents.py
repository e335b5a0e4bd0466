"""`monsoon incidents SOURCE`: from collisions, files or a gun to a file of the particles on the face."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError, SuspiciousInput
from monsoon.engine.incidents.gun import Gun, shoot
from monsoon.engine.incidents.header import Header
from monsoon.engine.incidents.hepmc.file import HepmcFile
from monsoon.engine.incidents.lhe import LheFile
from monsoon.engine.incidents.overlay import LARGEST_MU, add_signal, overlay
from monsoon.engine.incidents.parquet import read_header, read_incidents, refuse_existing, write_incidents
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.signal import signal_file
from monsoon.engine.incidents.soundness import check_values
from monsoon.engine.incidents.table import read_table
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import screen
from monsoon.engine.records import Incidents
from monsoon.engine.storage import fetch, split_url
from monsoon.jobs.progress.bar import JobProgress
from monsoon.jobs.progress.collisions import make_pool
from monsoon.models.data.plausibility import SOFT_MEV
from monsoon.models.said import tell

BLOCK = 1000  # events in memory at a time

Seed = Annotated[int, Field(ge=0, lt=1 << 64)]
Count = Annotated[int, Field(gt=0)]


class Job(Transport):
    """The keys of every source: output, detector and transport."""

    output: Annotated[str, Field(min_length=1)]
    """File or URL for the incidents (Parquet); must not exist yet."""
    detector: str = "lhcb-ecal"
    """Name of a shipped detector, or a YAML file."""

    @property
    def transport(self) -> Transport:
        """The transport settings alone."""
        return Transport(polarity=self.polarity, threshold_mev=self.threshold_mev)


class PythiaJob(Job):
    """Collisions from Pythia 8; large pools are made in parallel on Ray."""

    collisions: Count
    """Number of collisions; each is one event of the file."""
    cards: tuple[str, ...] = ()
    """Settings of Pythia 8, each as in a card file."""
    mothers: bool = False
    """Whether to keep the species of each particle's mother."""
    seed: Seed = 1
    """Number that all random draws follow from."""
    workers: Annotated[int, Field(gt=0)] | None = None
    """Processes of one CPU core; absent: one, or for a large pool all that the cluster has."""
    ray_address: str | None = None
    """A running cluster, HEAD:PORT; absent: a Ray of its own on this machine."""


class HepmcJob(Job):
    """Events of a HepMC file."""

    input: str
    """File or URL of HepMC events."""
    weight: Annotated[str, Field(coerce_numbers_to_str=True)] | None = None
    """Name of the events' weight; absent: the nominal one."""
    mothers: bool = False
    """Whether to keep the species of each particle's mother."""


class LheJob(Job):
    """Events of a Les Houches file; Pythia 8 adds showers, hadronisation and decays."""

    input: str
    """File or URL of Les Houches events, plain or .gz."""
    cards: tuple[str, ...] = ()
    """Further settings of Pythia 8; beams and process are the file's."""
    mothers: bool = True
    """Whether to keep the species of each particle's mother."""
    seed: Seed = 1
    """Number that all random draws follow from."""


class GunJob(Job, Gun):
    """Events of the particle gun; the threshold is 0 by default."""

    events: Count
    """Number of events."""
    threshold_mev: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Kinetic energy below which a particle on the face is only counted [MeV]."""


class TableJob(Job):
    """Events of a flat Parquet table of particles."""

    input: str
    """File or URL of a Parquet table, one row per particle."""


class OverlayJob(BaseModel):
    """Events that are sums of n ~ Poisson(mu) collisions of a pool."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    input: str
    """File or URL of collisions, as `monsoon incidents pythia` writes them."""
    output: Annotated[str, Field(min_length=1)]
    """File or URL for the incidents (Parquet); must not exist yet."""
    mu: Annotated[float, Field(gt=0, le=LARGEST_MU)]
    """Mean number of collisions that are overlaid to one event."""
    events: Count
    """Number of events."""
    first_event: Annotated[int, Field(ge=0)] = 0
    """Number of the first event."""
    seed: Seed = 1
    """Number that all random draws follow from."""
    signal: str | None = None
    """File or URL of incidents; event i takes its event i, and n collisions as pile-up."""


def run_pythia(job: PythiaJob) -> Header:
    """Make a pool of collisions. Raises InputError. After an interruption, the same job continues."""
    detector = Detector.load(fetch(job.detector))
    settings = PoolSettings(job.cards, job.seed, job.transport, detector, mothers=job.mothers)
    make_pool(job.output, settings, job.collisions, workers=job.workers, ray_address=job.ray_address)
    return _said(job.output, read_header(job.output))


def run_hepmc(job: HepmcJob) -> Header:
    """Transport a HepMC file's events to the face. Raises InputError if no event is usable."""
    refuse_existing(job.output)
    detector, way = Detector.load(fetch(job.detector)), job.transport
    file = HepmcFile(fetch(job.input), BLOCK, job.weight)
    settings = job.model_dump(mode="json", exclude={"output"})

    def parts() -> Iterator[Incidents]:
        kept = 0
        with file, JobProgress("bytes", file.size_bytes) as progress:
            passed = 0
            for particles in file:
                incidents, faults = screen(transport(particles, detector, way, mothers=job.mothers))
                for fault in faults:
                    number = int(particles.source_event[fault.event - particles.event[0]])
                    file.leave_out(number, fault.reason)
                yield replace(incidents, event=np.arange(kept, kept + len(incidents)))
                kept += len(incidents)
                progress.advance(file.read_bytes - passed)
                passed = file.read_bytes
        settings["weight"] = ", ".join(file.weights) or None

    def losses() -> list[str]:
        return [f"{job.input}: {loss}" for loss in file.losses]

    return _write_job(job, "hepmc", parts(), losses, settings)


def run_lhe(job: LheJob) -> Header:
    """Shower a Les Houches file's events and transport them to the face. Raises InputError."""
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
    """Make events of the particle gun. Raises InputError."""
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
    """Transport a table's particles to the face. Raises InputError."""
    refuse_existing(job.output)
    detector = Detector.load(fetch(job.detector))
    particles = read_table(fetch(job.input))
    with np.errstate(over="ignore"):  # such rows are refused below
        greatest_mev = float(np.linalg.norm(particles.momentum_mev, axis=1).max())
    _suspect(f"{job.input}: px_mev, py_mev, pz_mev", greatest_mev, job)
    incidents = transport(particles, detector, job.transport)
    check_values(job.input, replace(incidents, event=incidents.source_event))
    return _write_job(job, "table", [incidents])


def run_overlay(job: OverlayJob) -> Header:
    """Overlay collisions from a pool. Raises InputError."""
    refuse_existing(job.output)
    header, pool = read_header(job.input), read_incidents(job.input)
    wanted = EventRange(job.first_event, job.first_event + job.events - 1)
    signal = None if job.signal is None else signal_file(job.signal, wanted)
    if signal is not None and signal.header.detector != header.detector:
        raise InputError(
            f"{job.signal}: made for detector {signal.header.detector}, {job.input} for {header.detector}; "
            "make both for the same detector"
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

    settings = {
        **job.model_dump(mode="json", exclude={"output"}),
        "pool_sha256": header.content_sha256,
        "detector": header.settings.get("detector", header.detector),
    }
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
    settings: dict[str, Any] | None = None,
) -> Header:
    detector = Detector.load(fetch(job.detector)).description
    settings = job.model_dump(mode="json", exclude={"output"}) if settings is None else settings
    settings["detector"] = detector.model_dump(mode="json")  # detectors are compared by content, not name
    header = write_incidents(
        job.output, parts, source=source, settings=settings, detector=detector.name, losses=losses
    )
    return _said(job.output, header)


def _suspect(what: str, greatest_mev: float, job: Job) -> None:
    """Warn if all energies or momenta are so small that they may be in GeV."""
    limit_mev = max(SOFT_MEV, job.threshold_mev)
    if greatest_mev < limit_mev:
        lost = ", below threshold_mev: every particle is lost" if greatest_mev < job.threshold_mev else ""
        warnings.warn(
            f"{what}: the greatest is {greatest_mev:g} MeV{lost}; if GeV are meant, multiply by 1000",
            SuspiciousInput,
            stacklevel=2,
        )


def _said(output: str, header: Header) -> Header:
    """Print the summary in plain lines; programs read the last one."""
    for loss in header.losses:
        tell(f"loss: {loss}")
    lost = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in header.lost.items())
    tell(f"{header.events} events, {header.particles} particles on the face; not on it: {lost}")
    tell(f"incidents: {_canonical(output)}")
    return header


def _canonical(url: str | Path) -> str:
    """The canonical, absolute URL of a file."""
    store, name = split_url(url)
    return f"{store.url}/{name}"
