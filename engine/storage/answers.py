"""Storage that fails under a command which does not wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import InputError
from engine.storage.store import Store


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
