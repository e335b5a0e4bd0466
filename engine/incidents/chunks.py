"""A pool of collisions in chunks of fixed size and seed: each is made and stored on its own, reproducibly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.parquet import read_header, read_incidents, write_incidents
from monsoon.engine.incidents.pythia import collisions
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.records import Incidents
from monsoon.engine.storage import open_store

SETTINGS = "settings.json"


@dataclass(frozen=True)
class Chunk:
    """A chunk of collisions, or its beginning.

    Attributes
    ----------
    number : int
        Number of the chunk, from 0.
    size : int
        Collisions in a whole chunk.
    count : int
        Collisions wanted of this chunk; fewer than `size` only in the last chunk of a pool.
    """

    number: int
    size: int
    count: int

    @property
    def stem(self) -> str:
        """The name of its file, without suffix."""
        first = self.number * self.size
        return f"collisions-{first:012d}-{first + self.count - 1:012d}"


def cut(total: int, size: int) -> list[Chunk]:
    """Divide a number of collisions into chunks.

    Parameters
    ----------
    total : int
        Number of collisions.
    size : int
        Collisions in a chunk.

    Examples
    --------
    >>> [chunk.count for chunk in cut(1200, 500)]
    [500, 500, 200]
    """
    return [Chunk(number, size, min(size, total - number * size)) for number in range(-(-total // size))]


def incidents_of(
    cards: tuple[str, ...],
    seed: int,
    chunk: Chunk,
    detector: Detector,
    settings: Transport,
    *,
    mothers: bool = False,
) -> Incidents:
    """Make a chunk's collisions and transport their particles to the face, reproducibly.

    Parameters
    ----------
    cards : tuple of str
        Pythia's cards.
    seed : int
        Seed of the pool.
    chunk : Chunk
        The chunk.
    detector : Detector
        The detector with the face.
    settings : Transport
        How particles are transported.
    mothers : bool
        Whether to store the species of each particle's mother.

    Returns
    -------
    Incidents
        One event for each collision.
    """
    particles = collisions(cards, seed, chunk.number, chunk.size, chunk.count, mothers=mothers)
    return transport(particles, detector, settings, mothers=mothers)


class Parts:
    """The folder with the finished chunks of a pool that is being made. It survives interruptions.

    Parameters
    ----------
    url : str
        The folder, which is created if it is missing.
    settings : dict
        The settings that the chunks depend on, stored in the folder.
    detector : str
        Name of the detector.

    Raises
    ------
    InputError
        Where the folder was started with other settings, or cannot be written.
    """

    def __init__(self, url: str, settings: dict[str, Any], detector: str) -> None:
        self.store, self.settings, self.detector = open_store(url), settings, detector
        self.store.probe()
        try:
            self.store.create(SETTINGS, json.dumps(settings, indent=1, sort_keys=True).encode())
        except FileExistsError:
            stored = json.loads(self.store.read(SETTINGS))
            changed = [key for key in settings if stored.get(key) != settings[key]]
            if changed:
                raise InputError(
                    f"{url}: started with another {changed[0]}; use that again, delete the folder, "
                    "or choose another output"
                ) from None

    def hold(self, chunk: Chunk) -> bool:
        """Whether the chunk is stored and complete. A damaged one is removed."""
        if not self.store.exists(self._name(chunk)):
            return False
        try:
            return read_header(self._url(chunk)).events == chunk.count
        except InputError:
            self.store.remove(self._name(chunk))  # damaged: to be made again
            return False

    def keep(self, chunk: Chunk, incidents: Incidents) -> None:
        """Store a finished chunk, unless another driver has stored the same in the meantime.

        Parameters
        ----------
        chunk : Chunk
            The chunk.
        incidents : Incidents
            Its collisions.

        Raises
        ------
        InputError
            Where it cannot be written.
        """
        try:
            write_incidents(
                self._url(chunk), [incidents], source="pythia", settings=self.settings, detector=self.detector
            )
        except InputError:
            if not self.hold(chunk):
                raise

    def read(self, chunk: Chunk) -> Incidents:
        """Read a stored chunk."""
        return read_incidents(self._url(chunk))

    def empty(self) -> bool:
        """Whether no chunk is stored."""
        return not any(entry.name.startswith("collisions-") for entry in self.store.list(""))

    def remove(self) -> None:
        """Delete the folder."""
        for entry in list(self.store.list("")):
            self.store.remove(entry.name)
        self.store.remove_folder()

    def _name(self, chunk: Chunk) -> str:
        return f"{chunk.stem}.parquet"

    def _url(self, chunk: Chunk) -> str:
        return f"{self.store.url}/{self._name(chunk)}"
