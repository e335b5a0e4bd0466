"""A campaign made concrete: everything that its events follow from, resolved once by the driver."""

from __future__ import annotations

import json
import platform
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from secrets import token_hex
from typing import Any

import numpy as np
import torch

from monsoon.engine.config import Campaign
from monsoon.engine.counts import COUNTS, counts_of
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.fits import refuse_other_incidents
from monsoon.engine.detector.placing import Placing, localise
from monsoon.engine.detector.spill_over import crossings_of
from monsoon.engine.errors import InputError, SuspiciousInput
from monsoon.engine.formats.calibration import stored
from monsoon.engine.formats.schema import NOTHING, SCHEMA_VERSION
from monsoon.engine.incidents.gun import Gun, shoot
from monsoon.engine.incidents.out_of_time import add_crossings
from monsoon.engine.incidents.overlay import add_signal, overlay
from monsoon.engine.incidents.parquet import read_header, read_incidents, read_origins
from monsoon.engine.incidents.signal import Signal
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.plan import EventRange, Fault
from monsoon.engine.ledger.provenance import LOGS
from monsoon.engine.ledger.quarantine import screen, set_aside, write_faults
from monsoon.engine.ledger.shards import publish_shard
from monsoon.engine.ledger.status import process_name
from monsoon.engine.ledger.stored import ShardRecord, identity_hash
from monsoon.engine.loading import fetch_models, load, load_replicas
from monsoon.engine.pipeline import Stopwatch, generate
from monsoon.engine.records import CROSSING, HIT_TIME, ORIGINS, REPLICA, Events, Incidents
from monsoon.engine.replicas import attach, has_replicas
from monsoon.engine.storage import open_store
from monsoon.engine.storage.posix import PosixStore
from monsoon.engine.tracing import Trace
from monsoon.models.domain.ranges import Domain
from monsoon.models.store.reports import covered, not_covered, validated_domains
from monsoon.models.store.suite import NEAREST, REFUSE, Suite, refusal

FORMER_MODEL = "library"  # the default of earlier releases, whose campaigns go on
# Events that are in memory at a time, whatever the size of the shard: it bounds a worker's memory. They are
# fewer of a detector of many cells, whose events are large.
BLOCK_EVENTS = 500
BLOCK_CELLS = 1 << 25


def numerics() -> dict[str, Any]:
    """What of this machine a result may depend on; a node where it differs may not work on the campaign."""
    return {
        "device": "cpu",
        "instruction_set": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": 1,
    }


@dataclass(frozen=True)
class ResolvedCampaign:
    """A campaign with its incidents on disk and its identity known. Travels to the workers."""

    campaign: Campaign
    output: str  # URL
    incidents: str  # URL
    identity: dict[str, Any]
    signal: Signal | None = None
    origins: tuple[str, ...] = ()  # which columns the events have that only some have: see schema()

    @property
    def identity_hash(self) -> str:
        return identity_hash(self.identity)

    @property
    def replicas(self) -> list[str]:
        """The fingerprints of the replicas, none if there are none."""
        found: list[str] = self.identity.get("replicas", {}).get("models", [])
        return found

    def is_made_by(self, suite: Suite) -> bool:
        """Whether these generators, and the kernels by which they sample, are the campaign's."""
        known = (self.identity["model"], self.identity.get("arithmetic"))
        return known == (suite.fingerprint, suite.arithmetic)

    @property
    def metadata(self) -> dict[str, str]:
        """What every event file says of its origin."""
        return {
            "producer": "monsoon",
            "simulation": "fast: composed of generated single-particle showers",
            "schema_version": str(SCHEMA_VERSION),
            "identity": json.dumps(self.identity, sort_keys=True),
        }


def as_begun(campaign: Campaign, ledger: Ledger) -> Campaign:
    """The campaign with the model that its output was begun with, if it names none and the default changed.

    Raises InputError where what is stored cannot be read.
    """
    if "model" in campaign.model_fields_set or not ledger.store.exists(CAMPAIGN):
        return campaign
    former = campaign.model_copy(update={"model": FORMER_MODEL})
    suite, _ = load(**former.named)
    return former if ledger.campaign().identity["model"] == suite.fingerprint else campaign


def resolve(
    campaign: Campaign,
    output: str,
    incidents: str,
    suite: Suite,
    detector: Detector,
    signal: Signal | None = None,
    replicas: Sequence[Suite] = (),
) -> ResolvedCampaign:
    """Raises InputError where the incidents cannot be read, or are not what the campaign asks for."""
    header = read_header(incidents)
    refuse_other_incidents(incidents, header.detector, header.settings, detector)
    if campaign.mu is None:
        wanted = EventRange(campaign.first_event, campaign.first_event + campaign.events - 1)
        if header.first_event > wanted.first or header.last_event < wanted.last:
            raise InputError(
                f"{incidents}: holds events {header.first_event} .. {header.last_event}, the campaign "
                f"asks for {wanted.first} .. {wanted.last}; ask for fewer, or set mu to overlay collisions"
            )
        if header.events != header.last_event - header.first_event + 1:
            raise InputError(f"{incidents}: event numbers have gaps; number the events one by one")
    elif header.collisions != header.events:
        raise InputError(
            f"{incidents}: its events are sums of collisions already; set mu=null to use them as they are"
        )
    identity = {
        "seed": campaign.seed,
        "incidents": header.content_sha256,
        "mu": campaign.mu,
        "model": suite.fingerprint,
        "detector": detector.description.sha256,
        "numerics": numerics(),
        "content_version": campaign.content_version,
    }
    if suite.outside != NEAREST:  # absent else, as it was when there was no choice: those campaigns go on
        identity["outside"] = suite.outside or "another model"
    if suite.arithmetic is not None:  # absent before there was a second one, and for libraries
        identity["arithmetic"] = suite.arithmetic
    if replicas:  # absent else, as before there were any
        prints = [one.fingerprint for one in replicas]
        identity["replicas"] = {"every": campaign.replica_every, "models": prints}
    if campaign.out_of_time:  # absent else, as before there was any
        identity["out_of_time"] = list(crossings_of(detector))
    asked = {CROSSING: campaign.out_of_time, HIT_TIME: campaign.hit_times, REPLICA: bool(replicas)}
    more = tuple(name for name, wanted in asked.items() if wanted)
    if signal is None:
        origins = (*read_origins(incidents), *more)
        return ResolvedCampaign(campaign, output, incidents, identity, origins=origins)
    identity["signal"] = signal.identity
    return ResolvedCampaign(campaign, output, incidents, identity, signal, (*ORIGINS, *more))


def refuse_outside(
    resolved: ResolvedCampaign,
    suite: Suite,
    missing: Sequence[EventRange] = (),
    reports: Sequence[Sequence[Domain]] | None = None,
) -> None:
    """Raise InputError where the campaign refuses particles that it may have.

    Those are particles outside the training domain with `outside=refuse`, and with `require_report` those
    beyond what the model's reports cover, as `refuse_unvalidated` gave them. Of a pool any collision may be
    drawn: all of it is looked at; of a signal the events that are missing. Unsound events are left to
    quarantine.
    """
    campaign, url = resolved.campaign, resolved.incidents
    if campaign.outside != REFUSE and reports is None:
        return
    wanted = EventRange(campaign.first_event, campaign.first_event + campaign.events - 1)
    blocks = [(None, None)] if campaign.mu is not None else [(b.first, b.last) for b in _blocks(wanted)]
    looked_at: Iterable[tuple[str, Incidents]] = (
        (url, read_incidents(url, first, last, strict=False)) for first, last in blocks
    )
    signal = resolved.signal
    if signal is not None:
        of_signal = ((signal.url, signal.read(block)) for part in missing for block in _blocks(part))
        looked_at = chain(looked_at, of_signal)
    for source, found in looked_at:
        incidents, _ = screen(found)
        conditions = localise(incidents, suite.grid)
        inside = suite.inside(conditions) if reports is None else covered(suite, reports, conditions)
        if not inside.all():
            row = int(inside.int().argmin())
            event = incidents.event[incidents.event_of_particle[row]]
            why = refusal(conditions, row) if reports is None else not_covered(conditions, row)
            raise InputError(f"{source}: event {event}: {why}")


def refuse_unvalidated(campaign: Campaign, suite: Suite) -> list[list[Domain]] | None:
    """What each generator was validated on; None where the campaign does not ask for reports.

    Raises InputError where it does, and a model has no passing report of itself.
    """
    if not campaign.require_report:
        return None
    return validated_domains(fetch_models(campaign.model), suite)


class ShardMaker:
    """Makes shards of one campaign, one after the other. Knows nothing of who asks."""

    def __init__(self, resolved: ResolvedCampaign) -> None:
        """Raises RuntimeError on a machine whose numerics are not the campaign's."""
        if numerics() != resolved.identity["numerics"]:
            raise RuntimeError(
                f"this machine computes with {numerics()}, not {resolved.identity['numerics']}"
            )
        torch.set_num_threads(resolved.identity["numerics"]["threads"])
        self.resolved = resolved
        self.store = open_store(resolved.output)
        campaign = resolved.campaign
        with warnings.catch_warnings(action="ignore", category=SuspiciousInput):  # the driver has said it
            self.suite, self.detector = load(**campaign.named)
            self.replicas = load_replicas(campaign, self.suite)
        self.placing = Placing(self.suite.grid, self.detector)
        if not resolved.is_made_by(self.suite):
            raise RuntimeError(f"model {campaign.model} is not the campaign's on this machine")
        if [one.fingerprint for one in self.replicas] != resolved.replicas:
            raise RuntimeError(f"replicas {campaign.replicas} are not the campaign's on this machine")

    def warm_up(self) -> None:
        """Make an event of one photon: the first use of compiled kernels takes seconds, no stage's own."""
        x, y = self.detector.cell_centres_mm[0].tolist()
        photon = Gun(pdg=22, energy_mev=10_000.0, x_mm=x, y_mm=y)
        shot = transport(shoot(photon, self.detector, 0, 1), self.detector, Transport(threshold_mev=0))
        with suppress(InputError):  # it may be a particle that the campaign refuses
            self.events(shot)

    @cached_property
    def metadata(self) -> dict[str, str]:
        """What every event file says: its origin, and how hit energies follow where they are left out.

        Files with EDM4hep's names need the detector's description too.
        """
        plain = self.resolved.metadata
        if "edm4hep" in self.resolved.campaign.formats:
            plain |= {"detector": self.detector.description.canonical.decode()}
        if self.resolved.campaign.hit_energy:
            return plain
        return plain | stored(self.detector.electronics.mev_per_count.numpy())

    @cached_property
    def _trace(self) -> Trace | None:
        """The trace of this process, where the campaign wants one."""
        if not self.resolved.campaign.profile or not isinstance(self.store, PosixStore):
            return None
        name = f"{process_name()}-{token_hex(3)}"
        self.store.prepare(LOGS)
        return Trace(self.store.root / LOGS / f"trace-{name}.json", f"worker {name}")

    @cached_property
    def _pool(self) -> Incidents:
        return read_incidents(self.resolved.incidents)

    def incidents(self, events: EventRange) -> Incidents:
        """The incidents of a range of events: read, or overlaid from the pool, with signal and crossings."""
        campaign = self.resolved.campaign
        if campaign.mu is None:
            return read_incidents(self.resolved.incidents, events.first, events.last, strict=False)
        event = np.arange(events.first, events.last + 1, dtype=np.int64)
        pile_up = overlay(self._pool, campaign.mu, campaign.seed, event)
        signal = self.resolved.signal
        triggered = pile_up if signal is None else add_signal(signal.read(events), pile_up)
        if not campaign.out_of_time:
            return triggered
        return add_crossings(triggered, self._pool, campaign.mu, campaign.seed, self.detector)

    def events(self, incidents: Incidents, stopwatch: Stopwatch | None = None) -> Events:
        """The events of sound incidents, and their replicas."""
        campaign, watch = self.resolved.campaign, stopwatch or Stopwatch()
        events = generate(
            incidents,
            self.suite,
            self.placing,
            campaign.seed,
            contributions=campaign.contributions,
            hit_times=campaign.hit_times,
            stopwatch=watch,
        )
        if not self.replicas:
            return events
        with watch("replicas"):
            chosen = has_replicas(incidents.event, campaign.replica_every)
            some = incidents.select(chosen)
            again = (generate(some, suite, self.placing, campaign.seed) for suite in self.replicas)
            return attach(events, chosen, again)

    def make(self, shard: EventRange, skip: Sequence[Fault] = ()) -> ShardRecord:
        """Generate and publish one shard, block by block; the record is for the driver to commit.

        skip  events that are known to be impossible: they go to quarantine
        """
        if self._trace is None:
            return self._made(shard, skip, Stopwatch())
        with self._trace.shard(shard.stem) as watch:
            return self._made(shard, skip, watch)

    def _made(self, shard: EventRange, skip: Sequence[Fault], watch: Stopwatch) -> ShardRecord:
        counts, faults = Counter(dict.fromkeys(COUNTS, 0)), list(skip)

        def parts() -> Iterator[Events]:
            for block in self.blocks(shard):
                with watch("incidents"):
                    sound, found = screen(set_aside(self.incidents(block), skip))
                faults.extend(found)
                events = self.events(sound, watch)
                counts.update(counts_of(events, self.detector))
                yield events

        campaign = self.resolved.campaign
        published = publish_shard(
            parts(),
            self.store,
            shard,
            campaign.formats,
            contributions=campaign.contributions,
            metadata=self.metadata,
            stopwatch=watch,
            origins=self.resolved.origins,
        )
        if faults:
            write_faults(self.store, shard, faults)
        return ShardRecord(
            first=shard.first,
            last=shard.last,
            files=published.files,
            content=published.content.total,
            merkle_root=published.content.merkle_root,
            identity=self.resolved.identity_hash,
            counts={**counts, "quarantined": len(faults)},
            seconds=watch.seconds,
            worker=process_name(),
            made=round(time.time(), 3),
        )

    def blocks(self, events: EventRange) -> Iterator[EventRange]:
        """The events in parts that are in memory at a time."""
        size = min(BLOCK_EVENTS, max(1, BLOCK_CELLS // self.detector.cells))
        sets = 1 + len(self.replicas) / self.resolved.campaign.replica_every  # of hits, on average
        crossings = 1 + len(self.resolved.identity.get("out_of_time", ()))
        return _blocks(events, max(1, int(size / sets / crossings)))

    def probe(self, events: EventRange) -> None:
        """Generate events and keep nothing: whether it can be done is the answer."""
        for block in self.blocks(events):
            self.events(screen(self.incidents(block))[0])


def set_shard_aside(resolved: ResolvedCampaign, shard: EventRange, reason: str) -> ShardRecord:
    """A shard that cannot be made, written to quarantine whole; the record is for the driver to commit."""
    faults = [Fault(event, reason) for event in range(shard.first, shard.last + 1)]
    write_faults(open_store(resolved.output), shard, faults)
    return ShardRecord(
        first=shard.first,
        last=shard.last,
        files=(),
        content=NOTHING.total,
        merkle_root=NOTHING.merkle_root,
        identity=resolved.identity_hash,
        counts={**dict.fromkeys(COUNTS, 0), "quarantined": len(faults)},
        seconds={},
        worker=process_name(),
        made=round(time.time(), 3),
    )


def _blocks(events: EventRange, size: int = BLOCK_EVENTS) -> Iterator[EventRange]:
    for first in range(events.first, events.last + 1, size):
        yield EventRange(first, min(first + size - 1, events.last))
