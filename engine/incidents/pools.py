"""Making a pool of Pythia collisions: settings, finished chunks, and continuing after an interruption.

This file knows nothing of Ray: the function that makes the chunks is an argument. It prints nothing either:
`fill` yields its progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import Chunk, Parts, cut, incidents_of
from monsoon.engine.incidents.header import Header
from monsoon.engine.incidents.parquet import read_header, refuse_existing, write_incidents
from monsoon.engine.incidents.pythia import check_cards
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.records import Incidents
from monsoon.engine.storage import split_url

CHUNK = 500  # collisions made at a time; an interruption loses at most these
LARGE = 8000  # collisions above which starting Ray saves time


@dataclass(frozen=True)
class PoolSettings:
    """All settings that a pool's collisions depend on.

    Attributes
    ----------
    cards : tuple of str
        Pythia's cards; none for inelastic proton collisions at 13.6 TeV.
    seed : int
        Seed of the pool. Each chunk has its own random stream.
    transport : Transport
        How particles are transported to the face.
    detector : Detector
        The detector with the face.
    chunk : int
        Collisions in a chunk. The content depends on it.
    mothers : bool
        Whether to store the species of each particle's mother.
    """

    cards: tuple[str, ...]
    seed: int
    transport: Transport
    detector: Detector
    chunk: int = CHUNK
    mothers: bool = False

    def stored(self) -> dict[str, Any]:
        """The settings as plain types, stored with the chunks and in the finished file."""
        return {
            "cards": list(self.cards),
            "seed": self.seed,
            "chunk": self.chunk,
            **self.transport.model_dump(mode="json"),
            "detector": self.detector.description.model_dump(mode="json"),
            **({"mothers": True} if self.mothers else {}),  # otherwise absent, as in former releases
        }


Collide = Callable[[PoolSettings, Sequence[Chunk]], Iterator[Incidents]]
"""Makes the collisions of chunks, transported to the face, and yields them in the order of the chunks."""


def collide_here(settings: PoolSettings, chunks: Sequence[Chunk]) -> Iterator[Incidents]:
    """Make chunks one after the other in this process. It is a `Collide`.

    Parameters
    ----------
    settings : PoolSettings
        The settings of the pool.
    chunks : sequence of Chunk
        The chunks to make.

    Yields
    ------
    Incidents
        The collisions of each chunk.
    """
    for chunk in chunks:
        yield incidents_of(
            settings.cards,
            settings.seed,
            chunk,
            settings.detector,
            settings.transport,
            mothers=settings.mothers,
        )


def parallel_pays(chunks: Sequence[Chunk], workers: int | None) -> bool:
    """Whether chunks should be made by several processes.

    Parameters
    ----------
    chunks : sequence of Chunk
        The chunks to make.
    workers : int or None
        Number of processes asked for; None decides by the number of collisions.
    """
    if workers == 1 or len(chunks) < 2:
        return False
    return workers is not None or sum(chunk.count for chunk in chunks) >= LARGE


class UnfinishedPool:
    """A pool that is being made. Finished chunks are kept in `<output>.parts/` until all are there.

    A later run with the same settings and output continues with them, also for more collisions. The content
    does not depend on interruptions or on the number of processes.

    Parameters
    ----------
    output : str or Path
        URL of the pool.
    settings : PoolSettings
        Its settings.
    collisions : int
        Number of collisions.

    Attributes
    ----------
    url : str
        Canonical URL of the pool.
    held : int
        Collisions that earlier runs have made.

    Raises
    ------
    InputError
        Where the output exists or cannot be written, Pythia does not know a card, or the existing chunks
        were made with other settings.
    """

    def __init__(self, output: str | Path, settings: PoolSettings, collisions: int) -> None:
        refuse_existing(output)
        check_cards(settings.cards)
        store, name = split_url(output)
        self.url = f"{store.url}/{name}"
        self._settings = settings
        self._detector = settings.detector.description.name
        self._parts = Parts(f"{self.url}.parts", settings.stored(), self._detector)
        self._chunks = cut(collisions, settings.chunk)
        self._missing = [chunk for chunk in self._chunks if not self._parts.hold(chunk)]
        self.held = collisions - sum(chunk.count for chunk in self._missing)

    def fill(self, collide: Collide = collide_here) -> Iterator[int]:
        """Make the missing chunks.

        Parameters
        ----------
        collide : callable
            Makes the chunks; see `Collide`.

        Yields
        ------
        int
            Number of collisions of each chunk, once it is stored.

        Raises
        ------
        InputError
            Where Pythia refuses the cards, or a chunk cannot be written. If no chunk is finished, nothing is
            left behind.
        """
        return fill(self._parts, self._settings, self._missing, collide)

    def publish(self) -> Header:
        """Write the pool from its chunks, then remove them. The pool appears only when it is complete.

        Raises
        ------
        InputError
            Where the output exists by now, or cannot be written.
        """
        whole = (self._parts.read(chunk) for chunk in self._chunks)
        stored = self._settings.stored()
        header = write_incidents(self.url, whole, source="pythia", settings=stored, detector=self._detector)
        self._parts.remove()
        return header


def fill(parts: Parts, settings: PoolSettings, missing: Sequence[Chunk], collide: Collide) -> Iterator[int]:
    """Make chunks and store them.

    Parameters
    ----------
    parts : Parts
        The folder for the chunks.
    settings : PoolSettings
        The settings of the pool.
    missing : sequence of Chunk
        The chunks to make.
    collide : callable
        Makes them; see `Collide`.

    Yields
    ------
    int
        Number of collisions of each chunk, once it is stored.

    Raises
    ------
    InputError
        Where Pythia refuses the cards, or a chunk cannot be written. The folder is removed if it is empty.
    """
    try:
        fresh = collide(settings, missing)
        for chunk, incidents in zip(missing, fresh, strict=True):
            parts.keep(chunk, incidents)
            yield chunk.count
    except InputError:
        if parts.empty():
            parts.remove()
        raise


def expect_pool(pool: str, settings: PoolSettings, collisions: int) -> None:
    """Check that a finished pool is the one that would be made now.

    Parameters
    ----------
    pool : str
        The pool's file.
    settings : PoolSettings
        The settings asked for.
    collisions : int
        The number of collisions asked for.

    Raises
    ------
    InputError
        With the first setting that differs.
    """
    header = read_header(pool)
    wanted = {**settings.stored(), "pool_collisions": collisions}
    found = {**header.settings, "pool_collisions": header.collisions}
    for key, value in wanted.items():
        if found.get(key) != value:
            raise InputError(
                f"{pool}: this campaign's pool was made with {key} = {found.get(key)!r}, not {value!r}; "
                "use the same or another output"
            )
