"""`monsoon plan`: an estimate of the size and the time of a campaign, before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from statistics import fmean

import torch

from monsoon.engine.campaign import as_begun, refuse_unvalidated
from monsoon.engine.config import Campaign
from monsoon.engine.crossings import OUT_OF_TIME
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.fits import refuse_other_incidents
from monsoon.engine.detector.spill_over import prompt_crossings
from monsoon.engine.incidents.parquet import read_header
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.manifest import Summary
from monsoon.engine.ledger.plan import EventRange, count_tasks
from monsoon.engine.loading import load, replica_count
from monsoon.engine.storage import Store, open_store, storage_answers
from monsoon.jobs.timing import seconds_per_row
from monsoon.models.generator import Generator
from monsoon.models.records import Conditions
from monsoon.models.store.suite import Suite

# Measured on one core of an AMD EPYC (jobs/bench/history.csv, Run 3 events), without the generator, which is
# timed on the spot. If a campaign has shards already, its commit records are extrapolated instead.
SECONDS_PER_PARTICLE = 2e-6
SECONDS_PER_EVENT = 0.15e-3
BYTES_PER_PARTICLE = {"parquet": 22.2, "root": 24.0, "ttree": 24.0, "edm4hep": 48.8}
BYTES_PER_HIT = {"parquet": 5.3, "root": 5.6, "ttree": 5.7, "edm4hep": 7.6}
BYTES_PER_ENERGY = {"parquet": 3.3, "root": 3.6, "ttree": 3.6, "edm4hep": 0.0}  # without hit_energy, of a hit
MEASURED_HITS = ((142.6, 549.8), (1088.6, 2888.2))  # particles and hits an event: 500 of run3, 100 of hl-lhc
PARTICLES_PER_COLLISION = 27.6  # soft inelastic pp at 13.6 TeV, above 1 GeV on the face
SECONDS_PER_COLLISION = 3e-3  # Pythia 8
# CPU time of the Geant4 application that made the shipped showers, by the energy on the face: 2.3 to 4.6 s
# for a Run 3 event of 142 particles
GEANT4_SECONDS_PER_PARTICLE = (2.3 / 142, 4.6 / 142)
GEANT4_DETECTORS = ("lhcb-ecal", "lhcb-ecal-spill-over")
PARTICLES_PER_SIGNAL, SECONDS_PER_SIGNAL = 69.0, 10e-3  # for gg -> H; other processes differ


@dataclass(frozen=True)
class Forecast:
    """An estimate of the rest of a campaign.

    Attributes
    ----------
    shards, events : int
        Shards and events that are missing.
    particles_per_event : float
        Mean number of particles on the face.
    out_of_time_per_event : float
        Mean number of particles of other crossings that are generated too.
    bytes : float
        Size of their files.
    core_hours : float
        Time to make the events, on one core [h].
    pool_core_hours : float
        Time to make the pool and the signal, on one core [h].
    basis : str
        What the numbers are derived from.
    """

    shards: int
    events: int
    particles_per_event: float
    out_of_time_per_event: float
    bytes: float
    core_hours: float
    pool_core_hours: float
    basis: str


def plan(campaign: Campaign) -> Forecast:
    """Estimate what is missing of a campaign. Nothing is written.

    Parameters
    ----------
    campaign : Campaign
        The campaign.

    Raises
    ------
    InputError
        Where its input or configuration is unusable, or the storage fails.
    """
    store = open_store(campaign.output)
    with storage_answers(store):
        campaign = as_begun(campaign, Ledger(store))
        suite, detector = load(**campaign.named)
        refuse_unvalidated(campaign, suite)
        return forecast_of(campaign, store, suite, detector)


def forecast_of(campaign: Campaign, store: Store, suite: Suite, detector: Detector) -> Forecast:
    """Estimate what is missing of a campaign whose generators and detector are loaded. Nothing is written.

    Parameters
    ----------
    campaign : Campaign
        The campaign, with the model that it was begun with.
    store : Store
        Its output.
    suite : Suite
        Its generators.
    detector : Detector
        Its detector.

    Raises
    ------
    InputError
        Where its incidents or what is stored cannot be used.
    OSError
        Where the storage fails.
    """
    crossings = prompt_crossings(detector) if campaign.out_of_time else ()
    wanted = EventRange(campaign.first_event, campaign.first_event + campaign.events - 1)
    ledger = Ledger(store) if store.exists(CAMPAIGN) else None
    done = ledger.ranges() if ledger else []
    shards, events = count_tasks(wanted, campaign.shard_events, done)
    if ledger and done:
        so_far = Summary(ledger.records()).content()
        made = max(so_far["counts"]["events"], 1)
        scale = events / sum(part.events for part in done)
        return Forecast(
            shards=shards,
            events=events,
            particles_per_event=so_far["counts"]["particles"] / made,
            out_of_time_per_event=so_far["counts"].get(OUT_OF_TIME, 0) / made,
            bytes=scale * sum(so_far["bytes"].values()),
            core_hours=scale * sum(so_far["seconds"].values()) / 3600,
            pool_core_hours=0.0,
            basis=f"the {len(done)} shards made so far",
        )
    per_collision = _particles_per_collision(campaign, detector)
    particles = per_collision * (campaign.mu or 1.0) + (PARTICLES_PER_SIGNAL if campaign.signal else 0.0)
    others = per_collision * (campaign.mu or 0.0) * len(crossings)
    per_particle = SECONDS_PER_PARTICLE + fmean(
        seconds_per_row(model, usual(model), rounds=1) for model in suite.models
    )
    sets = 1 + replica_count(campaign) / campaign.replica_every  # of hits, on average
    hits = sets * hits_per_event(particles)
    left_out = 0.0 if campaign.hit_energy else 1.0
    per_event = sum(
        (particles + others) * BYTES_PER_PARTICLE[f]
        + hits * (BYTES_PER_HIT[f] - left_out * BYTES_PER_ENERGY[f])
        for f in campaign.formats
    )
    pool = campaign.pool_collisions * SECONDS_PER_COLLISION / 3600 if campaign.incidents is None else 0.0
    if isinstance(campaign.signal, tuple):
        pool += events * SECONDS_PER_SIGNAL / 3600
    return Forecast(
        shards=shards,
        events=events,
        particles_per_event=particles,
        out_of_time_per_event=others,
        bytes=events * per_event,
        core_hours=events * sets * (SECONDS_PER_EVENT + (particles + others) * per_particle) / 3600,
        pool_core_hours=pool,
        basis="the generator's time on this machine, other times as measured on a reference machine",
    )


def hits_per_event(particles: float) -> float:
    """Hits of an event of the shipped detector.

    Showers of many particles share cells. This is the power law through the two campaigns of MEASURED_HITS.

    Parameters
    ----------
    particles : float
        Particles on the face.
    """
    (few, hits), (many, more) = MEASURED_HITS
    return hits * (particles / few) ** (log(more / hits) / log(many / few)) if particles > 0 else 0.0


def usual(model: Generator, count: int = 512) -> Conditions:
    """Typical conditions for a generator: each of its species in turn, at its mean log energy, along z.

    Parameters
    ----------
    model : Generator
        The generator.
    count : int
        Number of particles.
    """
    pdg = model.domain.pdg[torch.arange(count) % len(model.domain.pdg)]
    energy_mev = torch.full((count,), float(model.domain.energy_mev.log().mean().exp()))
    straight = torch.tensor([0.0, 0.0, 1.0]).repeat(count, 1)
    return Conditions(pdg, energy_mev, straight, torch.zeros(count, 2))


def say_plan(campaign: Campaign) -> Forecast:
    """Print the forecast in plain lines on stdout, and return it."""
    forecast = plan(campaign)
    workers = campaign.workers or 1
    print(f"shards: {forecast.shards}")
    print(f"events: {forecast.events}")
    print(f"particles per event: {forecast.particles_per_event:.1f}")
    if campaign.out_of_time:
        print(f"particles of other crossings per event: {forecast.out_of_time_per_event:.1f}")
    print(f"bytes: {forecast.bytes:.3g}")
    print(f"terabytes: {forecast.bytes / 1e12:.3g}")
    core_hours = forecast.core_hours + forecast.pool_core_hours
    cores = workers * campaign.cpus_per_worker
    print(f"core hours: {core_hours:.3g}, of which for the pool: {forecast.pool_core_hours:.3g}")
    print(f"hours: {core_hours / cores:.3g} on {cores:g} cores, no GPUs: this release makes events on CPUs")
    if campaign.detector in GEANT4_DETECTORS:
        low, high = (
            forecast.events * forecast.particles_per_event * seconds / 3600
            for seconds in GEANT4_SECONDS_PER_PARTICLE
        )
        times = f", {low / core_hours:.2g} to {high / core_hours:.2g} times as much" if core_hours else ""
        print(f"Geant4 core hours: {low:.3g} to {high:.3g} for as many particles of collisions{times}")
    print(f"basis: {forecast.basis}")
    return forecast


def _particles_per_collision(campaign: Campaign, detector: Detector) -> float:
    if campaign.incidents is None:
        return PARTICLES_PER_COLLISION
    header = read_header(campaign.incidents)
    refuse_other_incidents(campaign.incidents, header.detector, header.settings, detector)
    return header.particles / header.events
