"""Pure: which workers to start on which nodes. No ray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from monsoon.engine.config import WorkerKind
from monsoon.engine.remote.nodes import Node

EPSILON = 1e-9  # of sums of fractions


class Slot(NamedTuple):
    """A place for one worker."""

    node: str
    kind: int  # index into the campaign's kinds of workers


def free_slots(kinds: Sequence[WorkerKind], nodes: Iterable[Node], placed: Mapping[Slot, int]) -> list[Slot]:
    """Slots to fill beyond the placed there is: spread over the nodes, the emptiest first.

    A kind with a number is filled up to it, one without as far as there is room.
    """
    free = {node.id: [node.cpus, node.gpus] for node in nodes if not node.draining}
    have: Counter[int] = Counter()
    for slot, workers in placed.items():
        have[slot.kind] += workers
        if slot.node in free:
            free[slot.node][0] -= workers * kinds[slot.kind].cpus
            free[slot.node][1] -= workers * kinds[slot.kind].gpus
    slots = []
    for number, kind in enumerate(kinds):
        while kind.workers is None or have[number] < kind.workers:
            fitting = [
                key
                for key, (cpus, gpus) in free.items()
                if cpus + EPSILON >= kind.cpus and gpus + EPSILON >= kind.gpus
            ]
            if not fitting:
                break
            # a worker without GPU leaves nodes with GPUs to those who need them
            key = min(fitting, key=lambda key: (free[key][1] if not kind.gpus else 0, -free[key][0], key))
            free[key][0] -= kind.cpus
            free[key][1] -= kind.gpus
            have[number] += 1
            slots.append(Slot(key, number))
    return slots


def shortage(kinds: Sequence[WorkerKind], nodes: Iterable[Node]) -> str | None:
    """What of the workers asked for does not fit an idle cluster of these nodes; None where all do."""
    nodes = list(nodes)
    fit = Counter(slot.kind for slot in free_slots(kinds, nodes, {}))
    for number, kind in enumerate(kinds):
        wanted = kind.workers or 1
        if fit[number] < wanted:
            return (
                f"workers: {wanted} of {kind.cpus:g} CPUs and {kind.gpus:g} GPUs each do not fit the "
                f"cluster's {sum(n.cpus for n in nodes):g} CPUs and {sum(n.gpus for n in nodes):g} GPUs on "
                f"{len(nodes)} nodes; ask for at most {fit[number]}"
            )
    return None
