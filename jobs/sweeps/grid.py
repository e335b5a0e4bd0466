"""Campaigns of a sweep: one after the other, each by all workers, resumed as campaigns are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monsoon.engine.config import Campaign
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.manifest import Manifest, read_manifest
from monsoon.engine.storage import open_store
from monsoon.jobs.generate import generate
from monsoon.jobs.shared_pools import with_shared_pool
from monsoon.jobs.sweeps.config import Sweep
from monsoon.jobs.sweeps.points import Point
from monsoon.jobs.sweeps.trials import LONGEST_REASON, Trial
from monsoon.models.said import said

POOLS = "pools"  # folder below the output for collisions that several campaigns draw from


def run_campaigns(
    sweep: Sweep, points: Sequence[Point], tell: Callable[[Point, Trial], None], say: Callable[[str], None]
) -> None:
    """Run every campaign to its end, on the connected Ray. One that cannot be run does not end the sweep.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    points : sequence of Point
        Its campaigns; those that are finished do nothing.
    tell : callable
        Takes each trial as it ends.
    say : callable
        Prints a line.
    """
    for point in points:
        assert isinstance(point.config, Campaign)
        try:
            campaign = with_shared_pool(point.config, f"{sweep.output}/{POOLS}", say)
            metrics = metrics_of(generate(campaign, lambda _: None).output)
            trial = Trial(name=point.name, state="done", metrics=metrics)
        except InputError as error:
            reason = said(error, LONGEST_REASON)
            trial = Trial(name=point.name, state="failed", reason=reason)
        tell(point, trial)


def metrics_of(output: str) -> dict[str, float]:
    """Columns of the table for a finished campaign, from its manifest alone."""
    manifest = Manifest.model_validate(read_manifest(open_store(output)))
    counts, events = manifest.counts, max(1, manifest.counts["events"])
    per_event = {
        "collisions_per_event": counts["collisions"] / events,
        "particles_per_event": counts["particles"] / events,
        "hits_per_event": counts["hits"] / events,
        "bytes_per_event": sum(manifest.bytes.values()) / events,
        "core_ms_per_event": 1000 * sum(manifest.seconds.values()) / events,
    }
    return {"events": counts["events"], "quarantined": counts.get("quarantined", 0), **per_event}
