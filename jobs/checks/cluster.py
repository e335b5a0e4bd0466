"""The Ray to work on: a cluster, whose nodes are asked as before a campaign, or one on this machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray.exceptions import GetTimeoutError, RayError

from monsoon.engine.remote.causes import line_of
from monsoon.engine.remote.cluster import connected
from monsoon.engine.remote.nodes import alive_nodes
from monsoon.engine.remote.placement import shortage
from monsoon.engine.remote.preflight import ask
from monsoon.engine.remote.workers import CHECK_S
from monsoon.engine.storage import Store, open_store, storage_answers
from monsoon.jobs.checks import private
from monsoon.jobs.checks.check import Check, Subject
from monsoon.jobs.checks.store import unchanged


def rays(subject: Subject) -> Iterator[Check]:
    """The cluster that is named, or else what a private Ray needs."""
    if not private.is_elsewhere(subject):
        yield from private.room(subject)
        return
    campaign, address = subject.campaign, private.address_of(subject)
    with connected(address):
        nodes = alive_nodes()
        cpus = sum(node.cpus for node in nodes.values())
        yield Check("cluster", "ok", f"{address or 'connected'}: {len(nodes)} nodes, {cpus:g} CPUs")
        if problem := shortage(campaign.kinds, nodes.values()):
            line, _, remedy = problem.rpartition("; ")
            yield Check("room", "warn" if campaign.wait_for_resources_s else "fail", line, remedy)
        else:
            yield Check("room", "ok", "the workers fit the cluster")
        yield from preflight(subject)


def preflight(subject: Subject) -> Iterator[Check]:
    """Ask every node for what it has and sees. No other task runs there."""
    store = open_store(subject.campaign.output)
    with marked(store) as (name, content):
        asked = {
            node.name: ask(node, store.url, name, content, subject.resolved)
            for node in alive_nodes().values()
        }
        for node, answer in asked.items():
            try:
                problems = ray.get(answer, timeout=CHECK_S)
            except GetTimeoutError:
                problems = [f"no answer in {CHECK_S:g} s; see whether it is overloaded"]
            except RayError as error:
                problems = [f"{line_of(error)}; see its log"]
            for problem in problems:
                line, _, remedy = problem.rpartition("; ")
                yield Check(f"node {node}", "fail", line or remedy, remedy if line else "mend this node")
            if not problems:
                yield Check(
                    f"node {node}", "ok", "has the same versions, and sees the same output and inputs"
                )


@contextmanager
def marked(store: Store) -> Iterator[tuple[str, bytes]]:
    """A file in the output, while the context lasts, by which nodes tell that they see the same one."""
    name, content = f".probe-{secrets.token_hex(6)}", secrets.token_bytes(16)
    with unchanged(store):
        store.probe()
        with storage_answers(store):
            store.create(name, content)
        try:
            yield name, content
        finally:
            with storage_answers(store):
                store.remove(name)
