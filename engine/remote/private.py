"""What keeps a Ray of our own to ourselves: a token, a folder that nobody else opens, and loopback alone.

Ray's defaults suit a cluster: it listens on all interfaces, its folders are open to everybody, and its token
lies in a file that has the rights of the umask.
"""

from __future__ import annotations

import os
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
from ray._raylet import (  # type: ignore[attr-defined]  # compiled; the one place where Ray forgets a token
    AuthenticationMode,
    AuthenticationTokenLoader,
    Config,
    get_authentication_mode,
)

from monsoon.engine.errors import InputError

LOOPBACK = "127.0.0.1"
OLDEST = (2, 59)  # from here on a local cluster asks for a token
OWN_FOLDER = "ray-"


@contextmanager
def private_ray() -> Iterator[dict[str, Any]]:
    """Arguments of `ray.init` for a Ray on this machine alone; its folder is removed at the end.

    Raises
    ------
    InputError
        Where this Ray is too old, or the token that the environment names is open to others.
    OSError
        Where no folder can be made.
    """
    if tuple(map(int, ray.__version__.split(".")[:2])) < OLDEST:
        raise InputError(f"ray {ray.__version__}: has no tokens for local clusters; pip install 'ray>=2.59'")
    parent = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    Path(parent).mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=OWN_FOLDER, dir=parent)  # 0700
    try:
        with _private_token():
            # Ray opens the folder that it is given to everybody: hence one within
            yield {"_temp_dir": os.path.join(folder, "r"), "_node_ip_address": LOOPBACK}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def loopback() -> Iterator[None]:
    """Let Ray take 127.0.0.1 for this machine's address, and so listen nowhere else.

    It would put the address of an interface in its place, as is right where other machines are to join.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def expect_token() -> None:
    """Raise RuntimeError where the Ray that has just been started lets in who has no token.

    Without one is right only where the environment says so: RAY_AUTH_MODE=disabled.
    """
    if _wants_token() and get_authentication_mode() != AuthenticationMode.TOKEN:
        raise RuntimeError("Ray started without its token")


def tighten_token_file() -> None:
    """Make the file of Ray's token readable for its owner alone, where there is one.

    Raises
    ------
    InputError
        Where others can read it, and that cannot be changed here.
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
            f"{path}: Ray's token can be read by others ({error.strerror}); whoever has it runs code as you: "
            "chmod 600 it"
        ) from error


@contextmanager
def _private_token() -> Iterator[None]:
    """Let a Ray of our own ask for a token that is nowhere but in this process and those it starts.

    Ray itself would write one to ~/.ray, which may not be writable, and from then on each `ray start` on
    this machine would ask for it. A token that the environment names is used, and no token where it says so.
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
