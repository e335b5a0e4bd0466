"""Pure functions: which workers to start on which nodes. No calls to ray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from monsoon.engine.config import WorkerKind
from monsoon.engine.remote.nodes import Node

EPSILON = 1e-9  # rounding of sums of fractional CPUs


class Slot(NamedTuple):
    """A place for one worker.

    Attributes
    ----------
    node : str
        Id of the node.
    kind : int
        Index into the campaign's kinds of workers.
    """

    node: str
    kind: int


def free_slots(kinds: Sequence[WorkerKind], nodes: Iterable[Node], placed: Mapping[Slot, int]) -> list[Slot]:
    """Where to start further workers: spread over the nodes, the one with most free CPUs first.

    Parameters
    ----------
    kinds : sequence of WorkerKind
        The campaign's kinds of workers. A kind without a number is filled as far as there is room.
    nodes : iterable of Node
        The nodes that may be used.
    placed : mapping of Slot to int
        Number of workers that run already.

    Returns
    -------
    list of Slot
        One for each worker to start.
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
            # workers without a GPU prefer nodes without GPUs
            key = min(fitting, key=lambda key: (free[key][1] if not kind.gpus else 0, -free[key][0], key))
            free[key][0] -= kind.cpus
            free[key][1] -= kind.gpus
            have[number] += 1
            slots.append(Slot(key, number))
    return slots


def shortage(kinds: Sequence[WorkerKind], nodes: Iterable[Node]) -> str | None:
    """Check that the workers asked for fit an idle cluster.

    Parameters
    ----------
    kinds : sequence of WorkerKind
        The campaign's kinds of workers.
    nodes : iterable of Node
        The nodes of the cluster.

    Returns
    -------
    str or None
        The message about the first kind that does not fit; None if all fit.
    """
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
