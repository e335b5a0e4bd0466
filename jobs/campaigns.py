"""`monsoon campaigns`: list and search the campaigns below a URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.catalog import CatalogEntry, campaigns
from monsoon.engine.storage import open_store, storage_answers
from monsoon.engine.storage.posix import PosixStore
from monsoon.models.said import tell

DEPTH = 5
ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {">=": ge, "<=": le, ">": gt, "<": lt}
_TERM = re.compile(r"([A-Za-z_.]+)(>=|<=|!=|=|>|<)(.*)", re.DOTALL)
HEAD = ("state", "events", "wanted", "size", "changed", "model", "mu", "identity", "url")
WIDTHS = (10, 11, 11, 8, 16, 18, 5, 8)  # fixed, so that lines are printed as they are found
FIELDS = tuple(CatalogEntry.model_fields)


class Term(NamedTuple):
    """One condition of a search.

    Attributes
    ----------
    path : tuple of str
        The field, and keys inside it.
    operator : str
        One of = != < <= > >=.
    value : str
        What to compare with; * and ? stand for other characters after = and !=.
    """

    path: tuple[str, ...]
    operator: str
    value: str

    def holds(self, entry: CatalogEntry) -> bool:
        """Whether it holds for a campaign. What a campaign does not have equals nothing."""
        found: Any = entry.model_dump()
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        numbers = _number(found), _number(self.value)
        if self.operator in ORDERED:
            if None not in numbers:
                return ORDERED[self.operator](*numbers)
            return isinstance(found, str) and ORDERED[self.operator](found, self.value)
        if None not in numbers:
            alike = numbers[0] == numbers[1]
        else:
            alike = found is not None and fnmatchcase(str(found), self.value)
        return alike == (self.operator == "=")


def list_campaigns(
    root: str,
    search: Sequence[str] = (),
    *,
    json: bool = False,
    depth: int = DEPTH,
    say: Callable[[str], None] = tell,
) -> int:
    """Print a line for every campaign that is found.

    Parameters
    ----------
    root : str
        The URL of a folder.
    search : sequence of str
        Conditions that all must hold; see `terms`.
    json : bool
        Print each campaign as one JSON object instead of a table.
    depth : int
        How many levels of folders to descend.
    say : callable
        Prints a line.

    Returns
    -------
    int
        Number of campaigns that were printed.

    Raises
    ------
    InputError
        For conditions that are not understood, a folder that does not exist, or storage that fails.
    """
    wanted = terms(search)
    found = events = size = damaged = 0
    if not json:
        say(_row(HEAD))
    for entry in _found(root, depth):
        if not all(term.holds(entry) for term in wanted):
            continue
        found, events, size = found + 1, events + entry.events, size + entry.bytes
        damaged += bool(entry.problem)
        if json:
            print(entry.model_dump_json())
        else:
            say(_row(cells(entry)))
    if not json:
        say(f"{found} campaigns, {events} events, {in_bytes(size)}, {damaged} with a problem")
    return found


def terms(search: Sequence[str]) -> list[Term]:
    """Read the conditions of a search.

    Parameters
    ----------
    search : sequence of str
        `FIELD=VALUE`, or with another of = != < <= > >=. Fields are those of `CatalogEntry`; keys of a
        campaign's identity and layout may stand alone: `mu=40`, `seed=1`, `formats=*root*`.

    Raises
    ------
    InputError
        For a word that is no such condition, or an unknown field.
    """
    inner = {**dict.fromkeys(IDENTITY_KEYS, "identity"), **dict.fromkeys(LAYOUT_KEYS, "layout")}
    read = []
    for word in search:
        match = _TERM.fullmatch(word)
        if match is None:
            raise InputError(f"{word}: not of the form FIELD=VALUE; also != < <= > >=")
        first, *keys = match[1].split(".")
        path = (first, *keys) if first in FIELDS else (inner.get(first, ""), first, *keys)
        if not path[0]:
            raise InputError(f"{word}: no field {first}; there are {', '.join((*FIELDS, *inner))}")
        read.append(Term(path, match[2], match[3]))
    return read


IDENTITY_KEYS = (
    *("seed", "mu", "incidents", "signal", "outside", "replicas"),
    *("arithmetic", "numerics", "content_version", "out_of_time"),
)
LAYOUT_KEYS = ("first_event", "shard_events", "formats", "contributions", "hit_times", "hit_energy")


def cells(entry: CatalogEntry) -> tuple[str, ...]:
    """The cells of a campaign's line, in the order of HEAD."""
    url = f"{entry.url}: {entry.problem}" if entry.problem else entry.url
    if entry.state in ("damaged", "pool"):
        return (entry.state, *("-" for _ in WIDTHS[1:]), url)
    mu = entry.identity.get("mu")
    return (
        entry.state,
        str(entry.events),
        str(entry.events_wanted),
        in_bytes(entry.bytes),
        (entry.changed or "-")[:16].replace("T", " "),
        entry.model or "-",
        f"{mu:g}" if isinstance(mu, int | float) else "-",
        (entry.identity_hash or "-")[:8],
        url,
    )


def in_bytes(size: float) -> str:
    """A size with a decimal unit.

    Examples
    --------
    >>> in_bytes(1234567)
    '1.23 MB'
    """
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} PB" if size < 999.5 else f"{size:.0f} PB"


def _found(root: str, depth: int) -> Iterator[CatalogEntry]:
    store = open_store(root)
    if isinstance(store, PosixStore) and not store.root.is_dir():
        raise InputError(f"{store.url}: no such folder; give one that campaigns are in")
    with storage_answers(store):
        yield from campaigns(store, depth)


def _row(texts: Sequence[str]) -> str:
    padded = [text.ljust(width) for text, width in zip(texts, WIDTHS, strict=False)]
    return "  ".join([*padded, *texts[len(WIDTHS) :]])


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
