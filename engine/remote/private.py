"""A private Ray on this machine: with a token, in a folder of mode 0700, on the loopback interface only.

Ray's defaults suit a cluster: it listens on all interfaces, its folders are open to all users, and its token
is in a file with the permissions of the umask.
"""

from __future__ import annotations

import os
import resource
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray._private.utils import get_num_cpus
from ray._raylet import (  # type: ignore[attr-defined]  # compiled; the only way to make Ray forget a token
    AuthenticationMode,
    AuthenticationTokenLoader,
    Config,
    get_authentication_mode,
)

from monsoon.engine.errors import InputError

LOOPBACK = "127.0.0.1"
OLDEST = (2, 59)  # the first release whose local cluster requires a token
OWN_FOLDER = "ray-"
SUBFOLDER = "r"
SMALL_STORE = 1 << 28  # bytes; what passes through it are counts and plans


@contextmanager
def private_ray() -> Iterator[dict[str, Any]]:
    """Prepare a folder and a token for a private Ray. Both are removed at the end.

    Yields
    ------
    dict
        Arguments for `ray.init`.

    Raises
    ------
    InputError
        Where the installed Ray is too old, or other users can read the token that the environment names.
    OSError
        Where the folder cannot be created.
    """
    expect_tokens()
    parent = ray_folder()
    Path(parent).mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=OWN_FOLDER, dir=parent)  # 0700
    try:
        with _private_token():
            # Ray makes the folder that it is given readable for all users: hence a subfolder
            yield {
                "_temp_dir": os.path.join(folder, SUBFOLDER),
                "_node_ip_address": LOOPBACK,
                **_small_store(),
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def expect_tokens() -> None:
    """Raise InputError where the installed Ray is too old to require a token of local clusters."""
    if tuple(map(int, ray.__version__.split(".")[:2])) < OLDEST:
        raise InputError(f"ray {ray.__version__}: has no tokens for local clusters; pip install 'ray>=2.59'")


def cpus_here() -> int:
    """The CPUs that a private Ray would have: those of the machine, or of the container that it is in."""
    return int(get_num_cpus(override_docker_cpu_warning=True))


def longest_socket(parent: str) -> str:
    """The longest path that a private Ray below this folder would have for a socket."""
    session = f"session_2026-01-01_00-00-00_000000_{os.getpid()}"
    return os.path.join(parent, f"{OWN_FOLDER}{'x' * 8}", SUBFOLDER, session, "sockets", "plasma_store")


def ray_folder() -> str:
    """The folder below which a private Ray has its sockets and logs."""
    return os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()


def _small_store() -> dict[str, int]:
    """A small object store where batch systems limit the address space: every process maps it whole.

    Ray's default is a third of the machine's memory.
    """
    limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    return {"object_store_memory": SMALL_STORE} if limited else {}


@contextmanager
def loopback() -> Iterator[None]:
    """Let Ray use 127.0.0.1 as this machine's address, so that it listens nowhere else.

    By default Ray replaces it by the address of an interface, so that other machines can join.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def expect_token() -> None:
    """Raise RuntimeError if the Ray that has just started accepts connections without a token.

    This is allowed only if the environment asks for it, with RAY_AUTH_MODE=disabled.
    """
    if _wants_token() and get_authentication_mode() != AuthenticationMode.TOKEN:
        raise RuntimeError("Ray started without its token")


def tighten_token_file() -> None:
    """Make the file with Ray's token, if there is one, readable only for its owner.

    Raises
    ------
    InputError
        Where other users can read it and its mode cannot be changed.
    """
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    try:
        if not stat.S_IMODE(path.stat().st_mode) & 0o077:
            return
        path.chmod(0o600)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(
            f"{path}: other users can read Ray's token and run code as you, and its mode cannot be changed "
            f"({error.strerror}); chmod 600 it"
        ) from error


@contextmanager
def _private_token() -> Iterator[None]:
    """Let a private Ray use a token that only this process and its children know.

    Ray itself would write one to ~/.ray, which may not be writable, and later `ray start` commands on this
    machine would then require it. A token in the environment is used instead, and RAY_AUTH_MODE=disabled is
    respected.
    """
    if not _wants_token() or {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        yield
        return
    tokens = AuthenticationTokenLoader.instance()
    before = os.environ.get("RAY_AUTH_MODE")
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    tokens.reset_cache()
    try:
        yield
    finally:  # the next connection of this process may be to another Ray
        os.environ.pop("RAY_AUTH_TOKEN", None)
        os.environ.pop("RAY_AUTH_MODE", None)  # Ray's own entry
        if before is not None:
            os.environ["RAY_AUTH_MODE"] = before
        tokens.reset_cache()
        Config.initialize("")


def _wants_token() -> bool:
    return os.environ.get("RAY_AUTH_MODE", "token").lower() == "token"
