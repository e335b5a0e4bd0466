"""The machines of the cluster, as they come and go."""

from __future__ import annotations

from typing import NamedTuple

import ray
from ray._private.state import state as _gcs  # the one place where Ray says which nodes are draining


class Node(NamedTuple):
    """A machine that is alive."""

    id: str
    name: str  # for people
    cpus: float
    gpus: float
    draining: bool  # about to be taken away: what it works on may finish, nothing new goes there


def alive_nodes() -> dict[str, Node]:
    """By id; with what each has in all, whoever uses it now."""
    draining = set(_gcs.get_draining_nodes())
    found = {}
    for node in ray.nodes():  # type: ignore[no-untyped-call]
        if node["Alive"]:
            key, resources = node["NodeID"], node["Resources"]
            found[key] = Node(
                id=key,
                name=f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']}, {key[:8]})",
                cpus=resources.get("CPU", 0.0),
                gpus=resources.get("GPU", 0.0),
                draining=key in draining,
            )
    return found
