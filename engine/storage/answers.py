"""Whether storage answers: asked on purpose, or found out by a command which does not wait for it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from monsoon.engine.errors import InputError
from monsoon.engine.storage.store import Store


@contextmanager
def storage_answers(store: Store) -> Iterator[None]:
    """Turn a failure of the storage, which nobody here waits out, into InputError."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever reads what is said has gone
    except OSError as error:
        raise InputError(
            f"{store.url}: storage fails ({error.strerror or error}); run the same again"
        ) from error


def takes_files(store: Store) -> bool:
    """Whether a file can be created and removed now. Never makes the store's own folder."""
    name = f".probe-{secrets.token_hex(6)}"
    try:
        store.create(name, b"?" * 4096)  # a full disk takes empty files
        store.remove(name)
    except OSError:
        return False
    return True
