"""A pool of collisions as fixed seeded chunks: each is made on its own, kept, and made again alike."""

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
    """The first `count` collisions of chunk `number`, which has `size`; fewer only in a pool's last one."""

    number: int
    size: int
    count: int

    @property
    def stem(self) -> str:
        """The name of what belongs to it."""
        first = self.number * self.size
        return f"collisions-{first:012d}-{first + self.count - 1:012d}"


def cut(total: int, size: int) -> list[Chunk]:
    """So many collisions in chunks."""
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
    """The chunk's collisions on the face; the same wherever and whenever it is made."""
    particles = collisions(cards, seed, chunk.number, chunk.size, chunk.count, mothers=mothers)
    return transport(particles, detector, settings, mothers=mothers)


class Parts:
    """The folder where a pool's finished chunks wait for the others, through interruptions too."""

    def __init__(self, url: str, settings: dict[str, Any], detector: str) -> None:
        """Make or find the folder. Raises InputError where it was begun with other settings."""
        self.store, self.settings, self.detector = open_store(url), settings, detector
        self.store.probe()
        try:
            self.store.create(SETTINGS, json.dumps(settings, indent=1, sort_keys=True).encode())
        except FileExistsError:
            stored = json.loads(self.store.read(SETTINGS))
            changed = [key for key in settings if stored.get(key) != settings[key]]
            if changed:
                raise InputError(
                    f"{url}: begun with another {changed[0]}; use that again, delete the folder, "
                    "or choose another output"
                ) from None

    def hold(self, chunk: Chunk) -> bool:
        """Whether the chunk is there and whole."""
        if not self.store.exists(self._name(chunk)):
            return False
        try:
            return read_header(self._url(chunk)).events == chunk.count
        except InputError:
            self.store.remove(self._name(chunk))  # damaged since: made again
            return False

    def keep(self, chunk: Chunk, incidents: Incidents) -> None:
        """Write a finished chunk, unless another driver has written the same meanwhile."""
        try:
            write_incidents(
                self._url(chunk), [incidents], source="pythia", settings=self.settings, detector=self.detector
            )
        except InputError:
            if not self.hold(chunk):
                raise

    def read(self, chunk: Chunk) -> Incidents:
        """A chunk that is held."""
        return read_incidents(self._url(chunk))

    def empty(self) -> bool:
        """Whether no chunk is there."""
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
