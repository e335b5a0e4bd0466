"""What a run of a campaign tells of itself while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from monsoon.engine.ledger.retry import Failure
from monsoon.engine.ledger.stored import ShardRecord


@dataclass(frozen=True)
class Committed:
    """A shard is in the ledger.

    Attributes
    ----------
    record : ShardRecord
        Its record.
    by_another : bool
        Whether another driver had committed it before.
    """

    record: ShardRecord
    by_another: bool


@dataclass(frozen=True)
class Failed:
    """A call to a worker failed.

    Attributes
    ----------
    what : str
        The shard, the part of it that was probed, or the start of a worker.
    failure : Failure
        The kind of failure.
    reason : str
        The error.
    node : str
        The worker's node.
    """

    what: str
    failure: Failure
    reason: str
    node: str


@dataclass(frozen=True)
class News:
    """A message for the user."""

    text: str


@dataclass(frozen=True)
class Beat:
    """The state of the run; comes every few seconds.

    Attributes
    ----------
    running, waiting : int
        Shards that workers have, and shards that are left.
    workers : int
        Workers that are ready.
    nodes : int
        Nodes in use.
    """

    running: int
    waiting: int
    workers: int
    nodes: int


Happening = Committed | Failed | News | Beat
