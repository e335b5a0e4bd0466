"""The signal of a campaign: each event of the campaign is one signal event with pile-up.

The signal is either a file with enough events, or chunks that Pythia makes as they are needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import Chunk, Parts
from monsoon.engine.incidents.header import Header
from monsoon.engine.incidents.parquet import read_header, read_incidents
from monsoon.engine.incidents.pools import Collide, PoolSettings, collide_here, fill
from monsoon.engine.incidents.pythia import Process, process_of
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.records import Incidents, concatenate
from monsoon.models.files import sha256_of_json

CHUNK = 200  # signal events that Pythia makes at a time


@dataclass(frozen=True)
class SignalFile:
    """Signal events in a file of incidents. Event i of the campaign has signal event i.

    Attributes
    ----------
    url : str
        The file.
    header : Header
        Its header.
    """

    url: str
    header: Header

    @property
    def identity(self) -> str:
        """The hash of the file's content."""
        return self.header.content_sha256

    @property
    def metadata(self) -> dict[str, Any]:
        """The provenance of the signal, as plain types."""
        return {"url": self.url, **vars(self.header)}

    def read(self, events: EventRange) -> Incidents:
        """Read a range of events. Invalid values are kept, for the quarantine. Raises InputError."""
        return read_incidents(self.url, events.first, events.last, strict=False)


@dataclass(frozen=True)
class SignalChunks:
    """Signal events made by Pythia. Event i does not depend on the number of events.

    Attributes
    ----------
    url : str
        The folder of the chunks.
    stored : dict
        The settings that the events depend on, as plain types.
    """

    url: str
    stored: dict[str, Any]

    @property
    def identity(self) -> str:
        """The hash of the settings: the content itself grows with the campaign."""
        return sha256_of_json(self.stored)

    @property
    def metadata(self) -> dict[str, Any]:
        """The provenance of the signal, as plain types."""
        return {"url": self.url, "source": "pythia", "settings": self.stored}

    def read(self, events: EventRange) -> Incidents:
        """Read a range of events from chunks that are stored. Raises InputError."""
        chunks = self.chunks([events])
        whole = concatenate(
            read_incidents(f"{self.url}/{chunk.stem}.parquet", strict=False) for chunk in chunks
        )
        begin, end = np.searchsorted(whole.event, (events.first, events.last + 1)).tolist()
        return whole[begin:end]

    def chunks(self, ranges: Iterable[EventRange]) -> list[Chunk]:
        """The chunks that contain these events, always whole ones."""
        size = self.stored["chunk"]
        numbers = {n for part in ranges for n in range(part.first // size, part.last // size + 1)}
        return [Chunk(number, size, size) for number in sorted(numbers)]


Signal = SignalFile | SignalChunks


def signal_file(url: str, wanted: EventRange) -> SignalFile:
    """Use a file of incidents as the signal of a campaign.

    Parameters
    ----------
    url : str
        The file.
    wanted : EventRange
        The events of the campaign.

    Raises
    ------
    InputError
        Where the file cannot be read, lacks an event, or its events are sums of collisions.
    """
    header = read_header(url)
    if header.first_event > wanted.first or header.last_event < wanted.last:
        raise InputError(
            f"{url}: has signal events {header.first_event} .. {header.last_event}, each is used once, and "
            f"{wanted.first} .. {wanted.last} are asked for; ask for fewer events, or give more of the signal"
        )
    if header.events != header.last_event - header.first_event + 1:
        raise InputError(f"{url}: signal event numbers have gaps; number the events consecutively")
    if header.collisions != header.events:
        raise InputError(f"{url}: its events are sums of collisions already; give one collision an event")
    return SignalFile(url, header)


def signal_chunks(url: str, settings: PoolSettings) -> SignalChunks:
    """Use events that Pythia makes as a signal.

    Parameters
    ----------
    url : str
        The folder for the chunks.
    settings : PoolSettings
        Pythia's settings.

    Raises
    ------
    InputError
        Where the cards are unusable, or switch no process on.
    """
    if process_of(settings.cards) is Process.NONE:
        raise InputError(
            f"signal {list(settings.cards)}: switches no process on; name one, such as 'HiggsSM:gg2H = on'"
        )
    return SignalChunks(url, _stored(settings))


class UnfinishedSignal:
    """Chunks of a signal that are being made. Stored chunks are used.

    Parameters
    ----------
    signal : SignalChunks
        The signal.
    settings : PoolSettings
        The settings of the signal.
    ranges : iterable of EventRange
        The events that are needed.

    Attributes
    ----------
    events : int
        Events in the chunks that are needed.
    held : int
        Of these, those that are stored already.

    Raises
    ------
    InputError
        Where the folder cannot be written, or was started with other settings.
    """

    def __init__(self, signal: SignalChunks, settings: PoolSettings, ranges: Iterable[EventRange]) -> None:
        chunks = signal.chunks(ranges)
        self.events = sum(chunk.count for chunk in chunks)
        self.held = self.events
        self._settings = settings
        self._missing: list[Chunk] = []
        if chunks:
            self._parts = Parts(signal.url, signal.stored, settings.detector.description.name)
            self._missing = [chunk for chunk in chunks if not self._parts.hold(chunk)]
            self.held -= sum(chunk.count for chunk in self._missing)

    def fill(self, collide: Collide = collide_here) -> Iterator[int]:
        """Make the missing chunks.

        Parameters
        ----------
        collide : callable
            Makes the chunks; see `engine.incidents.pools.Collide`.

        Yields
        ------
        int
            Number of events of each chunk, once it is stored.

        Raises
        ------
        InputError
            Where Pythia refuses the cards, or a chunk cannot be written.
        """
        if self._missing:
            yield from fill(self._parts, self._settings, self._missing, collide)


def signal_seed(seed: int) -> int:
    """The seed of a campaign's signal, so that its random streams differ from those of the pile-up."""
    return int.from_bytes(hashlib.sha256(f"monsoon signal {seed}".encode()).digest()[:8], "big")


def hard_pile_up(cards: Sequence[str], mu: float) -> str | None:
    """Check that the process of a pool can be used as pile-up.

    Parameters
    ----------
    cards : sequence of str
        Pythia's cards.
    mu : float
        Mean number of collisions in an event.

    Returns
    -------
    str or None
        A message if the cards switch on a hard process; None otherwise.
    """
    if process_of(cards) is not Process.HARD:
        return None
    return (
        f"pythia {list(cards)}: a hard process, and mu={mu:g} would put {mu:g} of them into each event; "
        "give it as signal='[...]', which overlays one with soft pile-up"
    )


def _stored(settings: PoolSettings) -> dict[str, Any]:
    # another release of Pythia makes other events, which must be noticed when a campaign grows
    return {**settings.stored(), "pythia8mc": version("pythia8mc")}
