"""Making a pool of Pythia collisions: its settings, its finished chunks, and going on after an interruption.

Knows nothing of Ray: who makes the chunks is handed in. Says nothing either: progress is what `fill` yields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import Chunk, Parts, cut, incidents_of
from monsoon.engine.incidents.parquet import Header, read_header, refuse_existing, write_incidents
from monsoon.engine.incidents.pythia import check_cards
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.records import Incidents
from monsoon.engine.storage import split_url

CHUNK = 500  # collisions that are made at a time, and lost at most by an interruption
LARGE = 8000  # collisions from which on a start of Ray pays


@dataclass(frozen=True)
class PoolSettings:
    """All that a pool's collisions follow from.

    Parameters
    ----------
    cards
        Pythia's cards; none for inelastic proton collisions at 13.6 TeV.
    seed
        Of the pool; every chunk has a random stream of its own.
    transport, detector
        How particles are taken to which face.
    chunk
        Collisions a chunk. Another size is another pool.
    mothers
        Whether to keep the species of each particle's mother.
    """

    cards: tuple[str, ...]
    seed: int
    transport: Transport
    detector: Detector
    chunk: int = CHUNK
    mothers: bool = False

    def stored(self) -> dict[str, Any]:
        """Plain types, as they are kept with the chunks and in the finished file."""
        return {
            "cards": list(self.cards),
            "seed": self.seed,
            "chunk": self.chunk,
            **self.transport.model_dump(mode="json"),
            "detector": self.detector.description.model_dump(mode="json"),
            **({"mothers": True} if self.mothers else {}),  # absent else, as it was when there was no choice
        }


Collide = Callable[[PoolSettings, Sequence[Chunk]], Iterator[Incidents]]
"""Makes the collisions of chunks on the face, and yields them in the order of the chunks."""


def collide_here(settings: PoolSettings, chunks: Sequence[Chunk]) -> Iterator[Incidents]:
    """Make the chunks one after the other in this process; a `Collide`."""
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
    chunks
        What is to be made.
    workers
        How many processes were asked for; None leaves it to the number of collisions.
    """
    if workers == 1 or len(chunks) < 2:
        return False
    return workers is not None or sum(chunk.count for chunk in chunks) >= LARGE


class UnfinishedPool:
    """A pool that is being made; finished chunks wait in `<output>.parts/` until all are there.

    Another one with the same settings and output takes them up, also where it wants more collisions. The
    content does not depend on interruptions, nor on who makes the chunks.

    Parameters
    ----------
    output
        URL of the pool.
    settings
        What the collisions follow from.
    collisions
        How many there shall be.

    Raises
    ------
    InputError
        Where the output is taken or cannot be written, Pythia does not know a card, or the chunks that
        are there were made with other settings.
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
        """Collisions that an earlier call left."""

    def fill(self, collide: Collide = collide_here) -> Iterator[int]:
        """Make what is missing; yields the number of collisions of each chunk once it is on storage.

        Raises
        ------
        InputError
            Where Pythia refuses the cards, or a chunk cannot be written. Without one finished chunk nothing
            is left behind.
        """
        return fill(self._parts, self._settings, self._missing, collide)

    def publish(self) -> Header:
        """Write the pool from its chunks, under its name only when it is whole, and remove them.

        Raises
        ------
        InputError
            Where the output is taken or cannot be written meanwhile.
        """
        whole = (self._parts.read(chunk) for chunk in self._chunks)
        stored = self._settings.stored()
        header = write_incidents(self.url, whole, source="pythia", settings=stored, detector=self._detector)
        self._parts.remove()
        return header


def fill(parts: Parts, settings: PoolSettings, missing: Sequence[Chunk], collide: Collide) -> Iterator[int]:
    """Make chunks and keep them; yields the number of collisions of each once it is on storage.

    Raises
    ------
    InputError
        Where Pythia refuses the cards, or a chunk cannot be written. The folder goes if no chunk is in it.
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
    """Raise InputError, naming the first difference, unless a finished pool is what would be made now."""
    header = read_header(pool)
    wanted = {**settings.stored(), "pool_collisions": collisions}
    found = {**header.settings, "pool_collisions": header.collisions}
    for key, value in wanted.items():
        if found.get(key) != value:
            raise InputError(
                f"{pool}: this campaign's pool was made with {key} = {found.get(key)!r}, not {value!r}; "
                "use the same, or another output"
            )
