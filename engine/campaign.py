"""A campaign made concrete: everything that its events follow from, resolved once by the driver."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.commits import ShardRecord
from engine.config import Campaign
from engine.detector import Detector
from engine.errors import InputError
from engine.formats.schema import SCHEMA_VERSION, content_hash, event_hashes
from engine.incidents.overlay import overlay
from engine.incidents.parquet import read_header, read_incidents
from engine.pipeline import Stopwatch, generate
from engine.plan import EventRange
from engine.quarantine import screen, write_faults
from engine.records import Events, Incidents, Loss
from engine.shards import publish_shard
from models.records import Status
from models.suite import Suite, load_suite


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
    output: Path
    incidents: Path
    identity: dict[str, Any]

    @property
    def identity_hash(self) -> str:
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()

    @property
    def metadata(self) -> dict[str, str]:
        """What every event file says of its origin."""
        return {
            "producer": "monsoon",
            "simulation": "fast: composed of generated single-particle showers",
            "schema_version": str(SCHEMA_VERSION),
            "identity": json.dumps(self.identity, sort_keys=True),
        }


def resolve(
    campaign: Campaign, output: Path, incidents: Path, suite: Suite, detector: Detector
) -> ResolvedCampaign:
    """Raises InputError where the incidents cannot be read, or are not what the campaign asks for."""
    header = read_header(incidents)
    if header.detector != detector.description.name:
        raise InputError(
            f"{incidents}: made for detector {header.detector}, not {detector.description.name}; "
            "make incidents for this one"
        )
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
    description = detector.description.model_dump_json()
    identity = {
        "seed": campaign.seed,
        "incidents": header.content_sha256,
        "mu": campaign.mu,
        "model": suite.fingerprint,
        "detector": hashlib.sha256(description.encode()).hexdigest(),
        "numerics": numerics(),
        "content_version": campaign.content_version,
    }
    return ResolvedCampaign(campaign, output, incidents, identity)


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
        self.suite = load_suite(resolved.campaign.model)
        self.detector = Detector.load(resolved.campaign.detector)
        if self.suite.fingerprint != resolved.identity["model"]:
            raise RuntimeError(f"model {resolved.campaign.model} is not the campaign's on this machine")
        # the first use of compiled kernels takes seconds, which are no stage's
        first = resolved.campaign.first_event
        self.events(screen(self.incidents(EventRange(first, first)))[0])

    @cached_property
    def _pool(self) -> Incidents:
        return read_incidents(self.resolved.incidents)

    def incidents(self, shard: EventRange) -> Incidents:
        """The incidents of a range of events: read, or overlaid from the pool."""
        campaign = self.resolved.campaign
        if campaign.mu is None:
            return read_incidents(self.resolved.incidents, shard.first, shard.last, strict=False)
        event = np.arange(shard.first, shard.last + 1, dtype=np.int64)
        return overlay(self._pool, campaign.mu, campaign.seed, event)

    def events(self, incidents: Incidents, stopwatch: Stopwatch | None = None) -> Events:
        """The events of sound incidents."""
        campaign = self.resolved.campaign
        return generate(
            incidents,
            self.suite,
            self.detector,
            campaign.seed,
            contributions=campaign.contributions,
            stopwatch=stopwatch,
        )

    def make(self, shard: EventRange) -> ShardRecord:
        """Generate and publish one shard; the record is for the driver to commit."""
        watch = Stopwatch()
        with watch("incidents"):
            incidents, faults = screen(self.incidents(shard))
        events = self.events(incidents, watch)
        with watch("hash"):
            content = content_hash(event_hashes(events))
        with watch("write"):
            files = publish_shard(
                events,
                content,
                self.resolved.output,
                shard,
                self.resolved.campaign.formats,
                self.resolved.metadata,
            )
            if faults:
                write_faults(self.resolved.output, shard, faults)
        return ShardRecord(
            first=shard.first,
            last=shard.last,
            files=files,
            content=content,
            identity=self.resolved.identity_hash,
            counts=counts_of(events) | {"quarantined": len(faults)},
            seconds=watch.seconds,
        )


def counts_of(events: Events) -> dict[str, int]:
    """Events, hits, particles by status, losses by reason."""
    status = np.bincount(events.particle_status, minlength=len(Status))
    lost = events.lost.sum(0)
    return {
        "events": len(events),
        "collisions": int(events.collisions.sum()),
        "hits": len(events.hit_cell),
        "particles": len(events.particle_pdg),
        **{f"status_{s.name.lower()}": int(status[s]) for s in Status},
        **{f"lost_{loss.name.lower()}": int(lost[loss]) for loss in Loss},
    }
