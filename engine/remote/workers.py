"""The workers of a campaign: hired on nodes that passed the preflight, replaced where they die."""

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
from monsoon.engine.remote.actor import Worker
from monsoon.engine.remote.nodes import Node, alive_nodes
from monsoon.engine.remote.placement import Post, shortage, vacancies
from monsoon.engine.remote.preflight import check, facts

IN_FLIGHT = 2  # calls per worker: one that runs and one that waits, so that no worker idles
FALSE_STARTS = 3  # in a row on one node, before that node is left alone
CHECK_S = 120.0  # how long a node may take to answer the preflight

Ref = Any  # ray.ObjectRef of what a call returns


@dataclass(eq=False)
class Hand:
    """One worker, as the driver sees it."""

    actor: Any
    post: Post
    starting: Ref  # answers when the worker has loaded what it needs
    ready: bool = False
    calls: deque[tuple[Ref, Task]] = field(default_factory=deque)  # in the order they were sent
    since: float = 0.0  # when the first of them became the first, or the worker was hired


class Crew:
    """Hires, watches and lets go. Decides nothing about shards."""

    def __init__(self, resolved: ResolvedCampaign, stored: bytes) -> None:
        """stored  campaign.json as the driver sees it"""
        self._resolved, self._stored, self._facts = resolved, stored, facts()
        self._kinds = resolved.campaign.kinds
        self._checking: dict[Ref, tuple[Node, float]] = {}
        self.refused: dict[str, str] = {}  # node that may not be worked on -> why
        self._false_starts: Counter[str] = Counter()
        self.nodes: dict[str, Node] = {}  # that may be worked on
        self.hands: list[Hand] = []

    def shortage(self) -> str | None:
        """What of the workers asked for does not fit the cluster; None where all do."""
        return shortage(self._kinds, alive_nodes().values())

    def request(self) -> None:
        """Ask an autoscaler, where there is one, for room for the workers asked for."""
        request_resources(
            bundles=[
                {name: amount for name, amount in (("CPU", kind.cpus), ("GPU", kind.gpus)) if amount}
                for kind in self._kinds
                for _ in range(kind.workers or 1)
            ]
        )

    def muster(self, now: float) -> None:
        """Ask all nodes of the cluster. Raises InputError with a line for each that may not work here."""
        if problem := self.shortage():
            raise InputError(problem)
        for node in alive_nodes().values():
            self._ask(node, now)
        if self._checking:
            ray.wait(list(self._checking), num_returns=len(self._checking), timeout=CHECK_S)
        list(self.refresh(now + CHECK_S, 0))  # whoever has not answered by now does not answer
        if self.refused:
            raise InputError("\n".join(self.refused.values()))

    def refresh(self, now: float, wanted: int) -> Iterator[str]:
        """Follow the nodes as they come, drain and go, and fill what posts there are; yields the news.

        wanted  how many workers there is work for
        """
        alive = alive_nodes()
        for key in [key for key in self.nodes if key not in alive]:
            yield f"node {self.nodes.pop(key).name} has left"
        for key, node in alive.items():
            if key in self.nodes:
                if node.draining and not self.nodes[key].draining:
                    yield f"node {node.name} is about to be taken away: it gets no further shards"
                self.nodes[key] = node
            elif key not in self.refused and all(key != asked.id for asked, _ in self._checking.values()):
                self._ask(node, now)
        yield from self._admit(alive, now)
        for hand in [hand for hand in self.hands if not hand.calls and self._drains(hand)]:
            self.dismiss(hand)
        staff = Counter(hand.post for hand in self.hands)
        for post in vacancies(self._kinds, self.nodes.values(), staff)[: max(wanted - len(self.hands), 0)]:
            self._hire(post, now)

    def _ask(self, node: Node, now: float) -> None:
        """Ask a node for the preflight; the driver's own machine sees what the driver sees."""
        if node.id == ray.get_runtime_context().get_node_id():
            self.nodes[node.id] = node
        else:
            self._checking[check(node, self._resolved, self._stored)] = (node, now)

    def _admit(self, alive: dict[str, Node], now: float) -> Iterator[str]:
        """Take the answers to the preflight that are there."""
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

    def _drains(self, hand: Hand) -> bool:
        return hand.post.node not in self.nodes or self.nodes[hand.post.node].draining

    def _hire(self, post: Post, now: float) -> None:
        kind = self._kinds[post.kind]
        actor = Worker.options(  # type: ignore[attr-defined]
            num_cpus=kind.cpus,
            num_gpus=kind.gpus,
            scheduling_strategy=NodeAffinitySchedulingStrategy(post.node, soft=False),
        ).remote(self._resolved, self._facts)
        self.hands.append(Hand(actor, post, actor.start.remote(), since=now))

    def dismiss(self, hand: Hand) -> None:
        """Let a worker go, whatever it does: its place is filled at the next refresh."""
        self.hands.remove(hand)
        ray.kill(hand.actor)

    def dismiss_all(self) -> None:
        """Let everyone go."""
        for hand in list(self.hands):
            self.dismiss(hand)

    def started(self, hand: Hand, now: float) -> None:
        """A worker has answered that it is ready."""
        hand.ready, hand.since = True, now
        self._false_starts[hand.post.node] = 0

    def false_start(self, hand: Hand, reason: str) -> str | None:
        """A worker did not start. Returns the news where that is the end of its node."""
        node = self.nodes.get(hand.post.node)
        self._false_starts[hand.post.node] += 1
        if node is None or self._false_starts[node.id] < FALSE_STARTS:
            return None
        return self._refuse(node, f"a worker does not start there: {reason}")

    def able(self) -> list[Hand]:
        """Workers that may take calls."""
        return [hand for hand in self.hands if hand.ready and not self._drains(hand)]

    def has(self, node: str) -> bool:
        """Whether a node is in the cluster at this moment."""
        return node in alive_nodes()

    def hopeless(self) -> str | None:
        """Why nobody will ever work here again, unless a node joins; None while there is hope."""
        if self.hands or self._checking or self.nodes:
            return None
        return "\n".join(self.refused.values()) or "no node is left in the cluster"

    def references(self) -> list[Ref]:
        """All that an answer may come from."""
        calls = [reference for hand in self.hands for reference, _ in hand.calls]
        return [*(hand.starting for hand in self.hands if not hand.ready), *calls]

    def node_name(self, hand: Hand) -> str:
        """The worker's node, for people."""
        node = self.nodes.get(hand.post.node)
        return node.name if node else hand.post.node[:8]


def _problems(reference: Ref) -> list[str]:
    try:
        found: list[str] = ray.get(reference)
        return found
    except ray.exceptions.RayError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        return [f"cannot run Monsoon ({lines[-1].strip() if lines else type(error).__name__})"]
