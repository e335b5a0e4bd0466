"""A bad input: how it differs from a good one, and what the refusal has to name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

Make = Callable[[bytes], bytes]


class Case(NamedTuple):
    """A recipe for one bad input.

    Parameters
    ----------
    make
        Makes it of the reader's first good input.
    named
        What stands in the line that refuses it.
    """

    make: Make
    named: str


def swap(old: str | bytes, new: str | bytes) -> Make:
    """Another text in the first place where this one stands, which has to be there."""
    was, becomes = (text.encode() if isinstance(text, str) else text for text in (old, new))

    def make(content: bytes) -> bytes:
        assert was in content, was
        return content.replace(was, becomes, 1)

    return make


def whole(content: str | bytes) -> Make:
    """This, whatever the good input was."""
    text = content.encode() if isinstance(content, str) else content
    return lambda _: text


def swaps(*rows: tuple[str, str, str]) -> dict[str, Case]:
    """Cases of (old text, new text, what is named), called after what is there instead."""
    return {
        f"{old.strip()[:30]} -> {new.strip()[:30]}": Case(swap(old, new), named) for old, new, named in rows
    }


def wholes(*rows: tuple[str | bytes, str]) -> dict[str, Case]:
    """Cases of (whole content, what is named), called after their beginning."""
    return {repr(content[:100]): Case(whole(content), named) for content, named in rows}


def made(rows: Iterable[tuple[str, Make, str]]) -> dict[str, Case]:
    """Cases of (what they are called, recipe, what is named)."""
    return {name: Case(make, named) for name, make, named in rows}
