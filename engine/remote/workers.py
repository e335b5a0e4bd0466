"""The workers of a campaign: started on nodes that passed the preflight, and replaced when they die."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.autoscaler.sdk import request_resources
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from monsoon.engine.campaign import ResolvedCampaign
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.retry import Task
from monsoon.engine.remote.actor import WorkerActor
from monsoon.engine.remote.nodes import Node, alive_nodes
from monsoon.engine.remote.placement import Slot, free_slots, shortage
from monsoon.engine.remote.preflight import check, facts

IN_FLIGHT = 2  # calls per worker: one that runs and one that waits, so that no worker is idle
FALSE_STARTS = 3  # failed starts in a row on one node, after which the node is not used any more
CHECK_S = 120.0  # how long a node may take to answer the preflight

Ref = Any  # ray.ObjectRef of what a call returns


@dataclass(eq=False)
class Worker:
    """One worker, as the driver sees it.

    Attributes
    ----------
    actor : ray.actor.ActorHandle
        Its Ray actor.
    slot : Slot
        Its node and kind.
    starting : ray.ObjectRef
        The call of `start`.
    ready : bool
        Whether `start` has succeeded.
    calls : deque of (ray.ObjectRef, Task)
        Its running and waiting calls, in the order they were sent.
    since : float
        When the first call started to run, or the worker was started [s, monotonic clock].
    """

    actor: Any
    slot: Slot
    starting: Ref
    ready: bool = False
    calls: deque[tuple[Ref, Task]] = field(default_factory=deque)
    since: float = 0.0


class WorkerPool:
    """Starts, watches and removes workers. It decides nothing about shards.

    Times are of one monotonic clock, in seconds.

    Parameters
    ----------
    resolved : ResolvedCampaign
        The campaign.
    stored : bytes
        campaign.json as the driver reads it.

    Attributes
    ----------
    nodes : dict
        The nodes in use, by id.
    refused : dict
        Why a node may not be used, by its id.
    workers : list of Worker
        The workers that run or start.
    """

    def __init__(self, resolved: ResolvedCampaign, stored: bytes) -> None:
        self._resolved, self._stored, self._facts = resolved, stored, facts()
        self._kinds = resolved.campaign.kinds
        self._checking: dict[Ref, tuple[Node, float]] = {}
        self.refused: dict[str, str] = {}
        self._false_starts: Counter[str] = Counter()
        self.nodes: dict[str, Node] = {}
        self.workers: list[Worker] = []

    def shortage(self) -> str | None:
        """The message about workers that do not fit the cluster; None if all fit."""
        return shortage(self._kinds, alive_nodes().values())

    def request(self) -> None:
        """Ask the autoscaler, if there is one, for nodes for all workers."""
        request_resources(
            bundles=[
                {name: amount for name, amount in (("CPU", kind.cpus), ("GPU", kind.gpus)) if amount}
                for kind in self._kinds
                for _ in range(kind.workers or 1)
            ]
        )

    def check_nodes(self, now: float) -> None:
        """Run the preflight on all nodes of the cluster.

        Parameters
        ----------
        now : float
            The time [s].

        Raises
        ------
        InputError
            Where the workers do not fit, or with the problems of each node that failed.
        """
        if problem := self.shortage():
            raise InputError(problem)
        for node in alive_nodes().values():
            self._ask(node, now)
        if self._checking:
            ray.wait(list(self._checking), num_returns=len(self._checking), timeout=CHECK_S)
        list(self.refresh(now + CHECK_S, 0))  # takes the answers; a node without one is refused
        if self.refused:
            raise InputError("; ".join(self.refused.values()))

    def refresh(self, now: float, wanted: int) -> Iterator[str]:
        """Update the list of nodes, and start workers where there is room.

        Parameters
        ----------
        now : float
            The time [s].
        wanted : int
            Number of workers that there is work for.

        Yields
        ------
        str
            A message for each node that joined, is draining or has left.
        """
        alive = alive_nodes()
        for key in [key for key in self.nodes if key not in alive]:
            yield f"node {self.nodes.pop(key).name} has left"
        for key, node in alive.items():
            if key in self.nodes:
                if node.draining and not self.nodes[key].draining:
                    yield f"node {node.name} is draining: it gets no further shards"
                self.nodes[key] = node
            elif key not in self.refused and all(key != asked.id for asked, _ in self._checking.values()):
                self._ask(node, now)
        yield from self._admit(alive, now)
        for worker in [worker for worker in self.workers if not worker.calls and self._drains(worker)]:
            self.remove(worker)
        placed = Counter(worker.slot for worker in self.workers)
        free = free_slots(self._kinds, self.nodes.values(), placed)
        for slot in free[: max(wanted - len(self.workers), 0)]:
            self._start_worker(slot, now)

    def _ask(self, node: Node, now: float) -> None:
        """Start the preflight of a node. The driver's own node needs none."""
        if node.id == ray.get_runtime_context().get_node_id():
            self.nodes[node.id] = node
        else:
            self._checking[check(node, self._resolved, self._stored)] = (node, now)

    def _admit(self, alive: dict[str, Node], now: float) -> Iterator[str]:
        """Take the answers to the preflight that have arrived."""
        for reference, (node, asked) in list(self._checking.items()):
            if ray.wait([reference], timeout=0)[0]:
                problems = _problems(reference)
            elif node.id in alive and now - asked < CHECK_S:
                continue
            else:
                problems = ["does not answer"]
            del self._checking[reference]
            if node.id not in alive:
                continue
            if problems:
                yield self._refuse(node, "; ".join(problems))
            else:
                self.nodes[node.id] = alive[node.id]
                yield f"node {node.name} has joined"

    def _refuse(self, node: Node, why: str) -> str:
        self.nodes.pop(node.id, None)
        self.refused[node.id] = f"node {node.name}: {why}"
        return self.refused[node.id]

    def _drains(self, worker: Worker) -> bool:
        return worker.slot.node not in self.nodes or self.nodes[worker.slot.node].draining

    def _start_worker(self, slot: Slot, now: float) -> None:
        kind = self._kinds[slot.kind]
        actor = WorkerActor.options(  # type: ignore[attr-defined]
            num_cpus=kind.cpus,
            num_gpus=kind.gpus,
            scheduling_strategy=NodeAffinitySchedulingStrategy(slot.node, soft=False),
        ).remote(self._resolved, self._facts)
        self.workers.append(Worker(actor, slot, actor.start.remote(), since=now))

    def remove(self, worker: Worker) -> None:
        """Kill a worker, whatever it is doing. Its slot is filled at the next refresh."""
        self.workers.remove(worker)
        ray.kill(worker.actor)

    def remove_all(self) -> None:
        """Kill all workers."""
        for worker in list(self.workers):
            self.remove(worker)

    def started(self, worker: Worker, now: float) -> None:
        """Note that a worker is ready.

        Parameters
        ----------
        worker : Worker
            The worker.
        now : float
            The time [s].
        """
        worker.ready, worker.since = True, now
        self._false_starts[worker.slot.node] = 0

    def false_start(self, worker: Worker, reason: str) -> str | None:
        """Note that a worker failed to start.

        Parameters
        ----------
        worker : Worker
            The worker.
        reason : str
            The error.

        Returns
        -------
        str or None
            A message if the node is not used any more.
        """
        node = self.nodes.get(worker.slot.node)
        self._false_starts[worker.slot.node] += 1
        if node is None or self._false_starts[node.id] < FALSE_STARTS:
            return None
        return self._refuse(node, f"a worker does not start there: {reason}")

    def able(self) -> list[Worker]:
        """The workers that may take calls."""
        return [worker for worker in self.workers if worker.ready and not self._drains(worker)]

    def has(self, node: str) -> bool:
        """Whether a node, by its id, is alive now."""
        return node in alive_nodes()

    def hopeless(self) -> str | None:
        """Why no worker can run any more unless a node joins; None while one can."""
        if self.workers or self._checking or self.nodes:
            return None
        return "; ".join(self.refused.values()) or "no node is left in the cluster"

    def references(self) -> list[Ref]:
        """All calls that have not been answered."""
        calls = [reference for worker in self.workers for reference, _ in worker.calls]
        return [*(worker.starting for worker in self.workers if not worker.ready), *calls]

    def node_name(self, worker: Worker) -> str:
        """The name of a worker's node, for messages."""
        node = self.nodes.get(worker.slot.node)
        return node.name if node else worker.slot.node[:8]


def _problems(reference: Ref) -> list[str]:
    try:
        found: list[str] = ray.get(reference)
        return found
    except ray.exceptions.RayError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        return [f"cannot run Monsoon ({lines[-1].strip() if lines else type(error).__name__})"]
