"""Failures of storage: turned into a message, or checked for by a test write."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from monsoon.engine.errors import InputError
from monsoon.engine.storage.store import Store


@contextmanager
def storage_answers(store: Store) -> Iterator[None]:
    """Report a failure of the storage as InputError, for commands that do not wait and retry.

    Parameters
    ----------
    store : Store
        The storage that the code in the context reads or writes.

    Raises
    ------
    InputError
        Where that code raises OSError, except BrokenPipeError, which passes.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of the output has closed it
    except OSError as error:
        raise InputError(
            f"{store.url}: the storage fails ({error.strerror or error}); run the same command again"
        ) from error


def takes_files(store: Store) -> bool:
    """Whether a file can be created and removed now. Never creates the store's own folder."""
    name = f".probe-{secrets.token_hex(6)}"
    try:
        store.create(name, b"?" * 4096)  # not empty: a full disk accepts empty files
        store.remove(name)
    except OSError:
        return False
    return True
