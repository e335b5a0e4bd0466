"""All kinds of faults: what they are called, how often they are drawn, and which do not go together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.chaos.harness.files import garbage_file, stale_copy, torn_file
from tests.chaos.harness.masters import driver_kill, head_kill, raylet_kill, sigint, sigterm
from tests.chaos.harness.outages import (
    ambiguous_storage,
    disk_full,
    failing_storage,
    read_only,
    slow_storage,
    vanish,
)
from tests.chaos.harness.workers import actor_kill, hang, poison_death, poison_error, zombie_writer
from tests.chaos.harness.world import Steps, World


class Kind(NamedTuple):
    """A kind of fault."""

    run: Callable[[World], Steps]
    weight: float
    group: str = ""  # at most one of a named group at a time
    apart: tuple[str, ...] = ()  # from these groups

    @property
    def name(self) -> str:
        return self.run.__name__


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(actor_kill, 12),
        Kind(poison_death, 10),
        Kind(poison_error, 12),
        Kind(hang, 3, "hung"),
        Kind(zombie_writer, 3, "stopped"),
        Kind(torn_file, 8),
        Kind(garbage_file, 8),
        Kind(stale_copy, 6),
        Kind(failing_storage, 14),
        Kind(ambiguous_storage, 14),
        Kind(slow_storage, 8),
        Kind(disk_full, 4, "outage", ("node", "head")),
        Kind(read_only, 4, "outage", ("node", "head")),
        Kind(vanish, 4, "outage", ("node", "head")),
        Kind(driver_kill, 4, "driver", ("head",)),
        Kind(sigterm, 3, "driver", ("head",)),
        Kind(sigint, 3, "driver", ("head",)),
        Kind(raylet_kill, 4, "node", ("outage", "head")),
        Kind(head_kill, 1.5, "head", ("outage", "node", "driver", "hung", "stopped")),
    )
}


def together(kind: Kind, others: list[Kind]) -> bool:
    """Whether a kind may start while the others are in flight."""
    return all(
        (not kind.group or kind.group != other.group)
        and other.group not in kind.apart
        and kind.group not in other.apart
        for other in others
    )
