"""A Ray to work on: the one that is there, the one at an address, or one of our own for the time being."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Event, current_thread, main_thread

import ray
from ray._raylet import (  # type: ignore[attr-defined]  # compiled; the one place where Ray forgets a token
    AuthenticationTokenLoader,
    Config,
)

from monsoon.engine.config import Campaign
from monsoon.engine.errors import InputError
from monsoon.engine.remote.nodes import alive_nodes
from monsoon.engine.remote.placement import shortage

ANSWER_SECONDS = 5.0


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connect for as long as the context lasts; a connection that was there before is used and kept.

    Parameters
    ----------
    address
        Of a running cluster (`host:port`, `ray://host:port`, `auto`). None: the one that RAY_ADDRESS names,
        as inside a submitted job, else a Ray of our own, which nobody without its token can talk to.

    Raises
    ------
    InputError
        Where nothing answers, or Ray cannot be started here.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address not in (None, "auto"):
        _expect_answer(address)
    if ray.is_initialized():
        yield
        return
    with nullcontext() if address else _private_token():
        _connect(address)
        # Ray would print pages of its own log on our stdout whenever a worker or a node dies
        ray._private.worker.print_to_stdstream = _say_nothing
        try:
            yield
        finally:
            ray.shutdown()


def _connect(address: str | None) -> None:
    handler = signal.getsignal(signal.SIGTERM)
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
    except OSError as error:
        ray.shutdown()  # what of it had started
        raise InputError(_why_it_did_not_start(error)) from error
    if callable(handler) and current_thread() is main_thread():
        signal.signal(signal.SIGTERM, handler)  # Ray has put its own in its place


@contextmanager
def _private_token() -> Iterator[None]:
    """Let a Ray of our own ask for a token that is nowhere but in this process and those it starts.

    Ray itself would write one to ~/.ray, which may not be writable, and from then on each `ray start` on
    this machine would ask for it. Where the environment says how to authenticate, that holds.
    """
    if {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        yield
        return
    tokens = AuthenticationTokenLoader.instance()
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    tokens.reset_cache()
    try:
        yield
    finally:  # the next connection of this process may be to another Ray
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):  # the mode is Ray's own entry
            os.environ.pop(name, None)
        tokens.reset_cache()
        Config.initialize("")


def _why_it_did_not_start(error: OSError) -> str:
    """What Ray needs of this machine, and has not got."""
    folder = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    if "AF_UNIX" in str(error):
        return (
            f"Ray cannot start: the paths of its sockets below {folder} exceed the 107 bytes that the "
            "system allows; set RAY_TMPDIR to a short folder of yours, such as /tmp/$USER"
        )
    place = error.filename or folder
    remedy = "HOME" if str(place).startswith(os.path.expanduser("~/.ray")) else "RAY_TMPDIR"
    return (
        f"Ray cannot start: {place}: {error.strerror or error}; set {remedy} to a folder that you can write"
    )


def expect_room(campaign: Campaign) -> None:
    """Raise InputError where the workers do not fit the cluster, and nobody waits for further nodes."""
    problem = shortage(campaign.kinds, alive_nodes().values())
    if problem and not campaign.wait_for_resources_s:
        raise InputError(problem)


def head_is_gone(stop: Event, patience_s: float) -> bool:
    """Watch the port of the cluster's head; Ray itself ends a driver silently after a minute without it.

    Parameters
    ----------
    stop
        Set to end the watch.
    patience_s
        How long the port may be closed [s].

    Returns
    -------
    bool
        True where the port was closed for longer, False where the watch was ended.
    """
    address = ray.get_runtime_context().gcs_address
    host, _, port = address.rpartition(":")
    answered = time.monotonic()
    while not stop.wait(1.0):
        try:
            socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
            answered = time.monotonic()
        except OSError:
            if time.monotonic() - answered > patience_s:
                return True
    return False


def collision_workers(wanted: int | None) -> int:
    """How many processes of one CPU core to use: as wanted, else as many as there are cores.

    Raises
    ------
    InputError
        Where they do not fit the cluster.
    """
    have: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    room = int(have.get("CPU", 0))
    if room < (wanted or 1):
        raise InputError(
            f"workers: {wanted or 1} do not fit the cluster's {room} CPUs; ask for at most {room}"
        )
    return wanted or room


def _say_nothing(*_: object, **__: object) -> None:
    """In place of Ray's printer: what a death means for the campaign is said by the loop."""


def _expect_answer(address: str) -> None:
    """Raise InputError where a port is closed; Ray itself would try for a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"ray_address {address}: not host:port; give the head's address, e.g. 10.0.0.1:6379")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"ray_address {address}: does not answer ({error}); start Ray there, or leave ray_address out"
        ) from error
