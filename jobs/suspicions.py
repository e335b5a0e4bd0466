"""Warnings about input that is usable but probably not what was meant, on the command line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from monsoon.engine.errors import SuspiciousInput


@contextmanager
def suspicions_on_stderr() -> Iterator[None]:
    """Show each SuspiciousInput once, as one line on stderr, and other warnings as Python does."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", SuspiciousInput)
        warnings.showwarning = partial(_show, warnings.showwarning)
        yield


def _show(otherwise: Callable[..., None], message: Warning | str, *where: Any, **more: Any) -> None:
    if isinstance(message, SuspiciousInput):
        print(f"monsoon: warning: {message}", file=sys.stderr)
    else:
        otherwise(message, *where, **more)
