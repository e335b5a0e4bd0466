"""A Ray to work on: the one that is there, the one at an address, or one of our own for the time being."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from engine.errors import InputError

ANSWER_SECONDS = 5.0


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connect for as long as the context lasts; a connection that was there before is used and kept.

    address  of a running cluster (`host:port`, `ray://host:port`, `auto`); None: the one that RAY_ADDRESS
             names, as inside a submitted job, else a Ray of our own, guarded by the token that Ray makes.

    Raises InputError where nothing answers.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address not in (None, "auto"):
        _expect_answer(address)
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(
            address or "local",
            include_dashboard=None if address else False,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"ray_address {address}: {reason}; start Ray there, or leave ray_address out"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def worker_count(wanted: int | None, cpus: float, gpus: float) -> int:
    """How many workers to start, by default all there is room for. Raises InputError where there is none."""
    have: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    room = int(have.get("CPU", 0) / cpus)
    if gpus:
        room = min(room, int(have.get("GPU", 0) / gpus))
    if room < (wanted or 1):
        raise InputError(
            f"workers: {wanted or 1} of {cpus:g} CPUs and {gpus:g} GPUs each do not fit the cluster's "
            f"{have.get('CPU', 0):g} CPUs and {have.get('GPU', 0):g} GPUs; ask for at most {room}"
        )
    return wanted or room


def _expect_answer(address: str) -> None:
    """A closed port says no at once; Ray itself would try for a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"ray_address {address}: not host:port; give the head's address, e.g. 10.0.0.1:6379")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"ray_address {address}: does not answer ({error}); start Ray there, or leave ray_address out"
        ) from error
