"""The Ray cluster to work on: the connected one, the one at an address, or a private local one."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, current_thread, main_thread
from typing import Any

import ray

from monsoon.engine.config import Campaign
from monsoon.engine.errors import InputError
from monsoon.engine.remote.nodes import alive_nodes
from monsoon.engine.remote.placement import shortage
from monsoon.engine.remote.private import expect_token, loopback, private_ray, ray_folder, tighten_token_file

ANSWER_SECONDS = 5.0
SLOW = (
    "run the same command again where memory, processes and open files are not limited, and the machine is "
    "less busy"
)


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connect to Ray for the duration of the context. An existing connection is used and kept.

    Parameters
    ----------
    address : str or None
        Address of a running cluster (`host:port`, `ray://host:port`, `auto`). None takes the one in
        RAY_ADDRESS, as inside a submitted job; without it, a private Ray is started on this machine (see
        engine/remote/private.py).

    Raises
    ------
    InputError
        Where nothing answers, Ray cannot be started here, or other users can read Ray's token.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address not in (None, "auto"):
        _expect_answer(address)
    if ray.is_initialized():
        yield
        return
    tighten_token_file()
    with _elsewhere(address) if address else _here():
        # otherwise Ray prints pages of its log to stdout whenever a worker or a node dies
        ray._private.worker.print_to_stdstream = _say_nothing
        yield


@contextmanager
def _elsewhere(address: str) -> Iterator[None]:
    _start_there(address)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _here() -> Iterator[None]:
    with ExitStack() as stack:
        try:
            arguments = stack.enter_context(private_ray())
        except OSError as error:
            raise InputError(_why_it_did_not_start(error)) from error
        with loopback():
            _start_here(arguments)
        stack.callback(ray.shutdown)
        expect_token()
        yield


def _start_here(arguments: dict[str, Any]) -> None:
    """Start a private Ray; a second time where a part of it took longer than Ray waits, which is 30 s."""
    for last in (False, True):
        try:
            _start("local", include_dashboard=False, **arguments)
        except Exception as error:  # Ray's for a part that is late has no type of its own
            ray.shutdown()  # stop the parts that have started
            if isinstance(error, OSError) and not isinstance(error, ConnectionError):
                raise InputError(_why_it_did_not_start(error)) from error
            if last:
                raise InputError(f"Ray cannot start: {_first_line(error)}; {SLOW}") from error
        else:
            return


def _start_there(address: str) -> None:
    try:
        _start(address)
    except Exception as error:
        ray.shutdown()
        raise InputError(
            f"ray_address {address}: {_first_line(error)}; start Ray there, or leave ray_address out"
        ) from error


def _start(address: str, **arguments: Any) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **arguments)
    if callable(handler) and current_thread() is main_thread():
        signal.signal(signal.SIGTERM, handler)  # Ray has replaced it by its own


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _why_it_did_not_start(error: OSError) -> str:
    """The message for a Ray that cannot start on this machine."""
    folder = ray_folder()
    if "AF_UNIX" in str(error):
        return (
            f"Ray cannot start: the paths of its sockets below {folder} exceed the 107 bytes that the "
            "system allows; set RAY_TMPDIR to a folder with a short path, such as /tmp/$USER"
        )
    place = error.filename or folder
    return (
        f"Ray cannot start: {place}: {error.strerror or error}; set RAY_TMPDIR to a folder that you can write"
    )


def expect_room(campaign: Campaign) -> None:
    """Raise InputError if the workers do not fit the cluster and the campaign does not wait for nodes."""
    problem = shortage(campaign.kinds, alive_nodes().values())
    if problem and not campaign.wait_for_resources_s:
        raise InputError(problem)


def head_is_gone(stop: Event, patience_s: float) -> bool:
    """Watch the port of the cluster's head. Ray ends a driver without a message after a minute without it.

    Parameters
    ----------
    stop : threading.Event
        Set it to end the watch.
    patience_s : float
        How long the port may be closed [s].

    Returns
    -------
    bool
        True if the port was closed for longer than that, False if the watch was ended.
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
    """The number of processes, of one CPU core each, that make collisions.

    Parameters
    ----------
    wanted : int or None
        The number asked for; None for one for each CPU of the cluster.

    Raises
    ------
    InputError
        Where the cluster has fewer CPUs.
    """
    have: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    room = int(have.get("CPU", 0))
    if room < (wanted or 1):
        raise InputError(
            f"workers: {wanted or 1} do not fit the cluster's {room} CPUs; ask for at most {room}"
        )
    return wanted or room


def _say_nothing(*_: object, **__: object) -> None:
    """Replaces Ray's printer. The loop reports what a death means for the campaign."""


def _expect_answer(address: str) -> None:
    """Raise InputError if a port is closed; Ray itself would try for a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"ray_address {address}: not host:port; give the head's address, e.g. 10.0.0.1:6379")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"ray_address {address}: does not answer ({error}); start Ray there, or leave ray_address out"
        ) from error
