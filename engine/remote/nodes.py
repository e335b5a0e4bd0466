"""The nodes of the cluster that are alive now."""

from __future__ import annotations

from typing import NamedTuple

import ray
from ray._private.state import state as _gcs  # the only place where Ray says which nodes are draining


class Node(NamedTuple):
    """A node that is alive.

    Attributes
    ----------
    id : str
        Ray's id of the node.
    name : str
        Host name, address and the beginning of the id, for messages.
    cpus, gpus : float
        All CPUs and GPUs that it has, in use or not.
    draining : bool
        Whether it will leave soon: its running tasks may finish, but it gets no new ones.
    """

    id: str
    name: str
    cpus: float
    gpus: float
    draining: bool


def alive_nodes() -> dict[str, Node]:
    """The nodes that are alive, by id."""
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
