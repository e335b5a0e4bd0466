"""HepMC files, ASCII versions 3 and 2, plain or compressed, block by block.

A reader of its own: pyhepmc, the field's library, ends its process on some files (a vertex without incoming
particles) and writes beside its memory on others (a particle that is not there). It is the tests' judge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.hepmc.asciiv3 import Asciiv3
from monsoon.engine.incidents.hepmc.columns import Unreadable, shown
from monsoon.engine.incidents.hepmc.event import HepmcEvent
from monsoon.engine.incidents.hepmc.iogenevent import IoGenEvent
from monsoon.engine.incidents.hepmc.stream import Stream
from monsoon.engine.incidents.hepmc.weights import WeightChoice
from monsoon.engine.records import Array, Particles, offsets_of

Listing = Asciiv3 | IoGenEvent
FORMATS: dict[bytes, type[Asciiv3] | type[IoGenEvent]] = {
    b"HepMC::Asciiv3": Asciiv3,
    b"HepMC::IO_GenEvent": IoGenEvent,
}
START, END = b"-START_EVENT_LISTING", b"-END_EVENT_LISTING"
HEAD_BYTES = 4096
LARGEST_EVENT_LINES = 1_000_000
BLOCK_PARTICLES = 1_000_000  # bounds what is in memory

UNCLOSED = "ends without its closing line"


class HepmcFile:
    """One pass over the events of a HepMC file, or of a pipe that HepMC comes through.

    Iterating yields Particles of up to `block` events, numbered 0, 1, ... in the order of the file. Events
    that cannot be read are left out and counted; `losses` says after the last event what is missing.
    Listings of both versions may follow each other.

    Parameters
    ----------
    path
        A file, plain or packed with gzip or zstd, or a named pipe.
    block
        Events that are yielded at a time, fewer where they are rich in particles.
    weight
        Name of the weight to take; None takes the nominal one.

    Raises
    ------
    InputError
        Where there is nothing to read; while iterating, for unknown units and for a weight that is not there.
    """

    def __init__(self, path: str | Path, block: int = 1000, weight: str | None = None) -> None:
        self.path = Path(path)
        self.block = block
        self.truncated: str | None = None
        """Why events are missing at the end, after iterating; None where the file is whole."""
        self.events = 0
        """That were yielded, so far."""
        self._weights = WeightChoice(weight)
        self._unreadable: Counter[str] = Counter()
        self._first: dict[str, str] = {}  # of each kind of unreadable event
        self._stray_lines = 0
        self._stray = b""  # the first
        self._listing: Listing | None = None
        self._open = False  # a listing whose closing line is still to come
        self._unclosed = 0  # listings before the last that were cut
        self._stream = Stream(self.path)
        try:
            self._refuse_foreign()
        except InputError:
            self.close()
            raise

    def __enter__(self) -> HepmcFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the end of an iteration does it too."""
        self._stream.close()

    @property
    def size_bytes(self) -> int:
        """Of the file as it lies on disk; 0 for a pipe."""
        return self._stream.size_bytes

    @property
    def read_bytes(self) -> int:
        """Of the file as it lies on disk, so far."""
        return self._stream.read_bytes

    @property
    def weights(self) -> list[str]:
        """Names of the weights that were taken, so far; more than one only where listings differ."""
        return self._weights.used

    @property
    def losses(self) -> list[str]:
        """What is missing, a line each: events left out, listings that were cut, lines that are not HepMC."""
        lines = []
        for reason, count in self._unreadable.items():
            first = self._first[reason]
            events = "1 event is" if count == 1 else f"{count} events are"
            lines.append(f"{events} left out: {reason} ({'' if count == 1 else 'first '}{first})")
        if self._unclosed:
            lines.append(f"{self._unclosed} of its listings end without their closing lines")
        if self._stray_lines:
            strays = "1 line is" if self._stray_lines == 1 else f"{self._stray_lines} lines are"
            lines.append(f"outside its events {strays} passed over ({shown(self._stray)} ...)")
        if self.truncated is not None:
            lines.append(f"{self.truncated}; the {self.events} events before are kept")
        return lines

    def leave_out(self, number: int, reason: str) -> None:
        """Count one of the yielded events among those left out: it turned out later to be of no use."""
        self.events -= 1
        self._unreadable[reason] += 1
        self._first.setdefault(reason, f"event number {number}")

    def __iter__(self) -> Iterator[Particles]:
        held: list[HepmcEvent] = []
        particles = 0
        try:
            for event in self.readable():
                if held and (len(held) == self.block or particles + len(event.pdg) > BLOCK_PARTICLES):
                    yield self._block(held)
                    held, particles = [], 0
                held.append(event)
                particles += len(event.pdg)
            if held:
                yield self._block(held)
        finally:
            self.close()

    def _block(self, events: list[HepmcEvent]) -> Particles:
        first = self.events
        self.events += len(events)
        return _particles(events, first)

    def _refuse_foreign(self) -> None:
        head = self._stream.peek(HEAD_BYTES)
        if not head and self._stream.broken is not None:
            raise InputError(f"{self.path}: cannot be unpacked or read; fetch the file again")
        if not head.lstrip().startswith(b"HepMC::") or not any(name + START in head for name in FORMATS):
            raise InputError(
                f"{self.path}: no HepMC file; give HepMC ASCII version 3 or 2, plain, .gz or .zst"
            )

    def readable(self) -> Iterator[HepmcEvent]:
        """The events that can be read; the others are counted."""
        pieces = self._stream.pieces()
        self._between(next(pieces)[0] or b"")
        for number, (piece, last) in enumerate(pieces):
            # behind an event come the end of its listing and the head of the next
            text, mark, behind = (piece or b"").partition(b"\nHepMC")
            cut = last and not mark
            self._open = True
            try:
                if piece is None:
                    raise Unreadable("it is larger than any event is")
                if not cut or text.endswith(b"\n"):
                    yield self._event(text)
            except Unreadable as fault:
                if not cut:
                    self._count(fault, text, number)
            self._between(mark[1:] + behind)
        self.truncated = self._stream.broken or (UNCLOSED if self._open else None)

    def _event(self, text: bytes) -> HepmcEvent:
        if text.count(b"\n") > LARGEST_EVENT_LINES:
            raise Unreadable("it is larger than any event is")
        if self._listing is None:
            raise Unreadable("it is in no listing")
        try:
            return self._listing.event(text.split(b"\n"))
        except InputError as error:
            raise InputError(f"{self.path}: {_named(text, self.events)}: {error}") from error

    def _count(self, fault: Unreadable, text: bytes, number: int) -> None:
        self._unreadable[fault.reason] += 1
        detail = f", {fault.detail}" if fault.detail else ""
        self._first.setdefault(fault.reason, f"{_named(text, number)}{detail}")

    def _between(self, text: bytes) -> None:
        """Take what stands between events; count the lines that do not belong there."""
        for line in text.split(b"\n"):
            name = line.rstrip()
            if name.endswith(START):
                self._unclosed += self._open
                self._open = True
                self._listing = self._begun(name.removesuffix(START))
            elif name.endswith(END):
                self._open = False
            elif (
                name and not name.startswith(b"HepMC::") and not (self._listing and self._listing.head(line))
            ):
                self._stray_lines += 1
                self._stray = self._stray or line

    def _begun(self, name: bytes) -> Listing:
        if name not in FORMATS:
            raise InputError(
                f"{self.path}: a listing {shown(name)} is in it; give HepMC ASCII version 3 or 2 alone"
            )
        return FORMATS[name](self._weights)


def _named(text: bytes, number: int) -> str:
    """An event as its number in the file, or as which of the file it is where it has none."""
    found = re.match(rb"-?\d{1,18}\b", text)
    return f"event number {found[0].decode()}" if found else f"event {number} of the file"


def _particles(events: list[HepmcEvent], first: int) -> Particles:
    def column(name: str) -> Array:
        return np.concatenate([getattr(event, name) for event in events])

    return Particles(
        event=np.arange(first, first + len(events), dtype=np.int64),
        offsets=offsets_of([len(event.pdg) for event in events]),
        weight=np.array([event.weight for event in events]),
        source_event=np.array([event.number for event in events], np.int64),
        pdg=column("pdg"),
        mass_mev=column("mass_mev"),
        momentum_mev=column("momentum_mev"),
        vertex_mm=column("vertex_mm"),
        time_ns=column("time_ns"),
        mother_pdg=column("mother_pdg"),
    )
