"""HepMC files, ASCII versions 3 and 2, plain or compressed, block by block.

pyhepmc's own iteration stops at an event without particles and is silent about a file that was cut,
so events are asked for one by one here, and the stream is watched underneath.
"""

from __future__ import annotations

import ctypes
import gzip
import lzma
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import pyhepmc
from pyhepmc.io import ReaderAscii, ReaderAsciiHepMC2, pyiostream

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.ancestry import NOBODY, mother_pdg
from monsoon.engine.incidents.transport import C_MM_PER_NS
from monsoon.engine.records import Array, Particles, offsets_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd  # pyhepmc depends on it

Reader = Any  # pyhepmc has no types
STABLE = 1
FORMATS = {b"HepMC::Asciiv3": ReaderAscii, b"HepMC::IO_GenEvent": ReaderAsciiHepMC2}
END = b"END_EVENT_LISTING"
BROKEN_STREAM = (EOFError, OSError, zlib.error, lzma.LZMAError, zstd.ZstdError)


class HepmcFile:
    """One pass over the events of a HepMC file.

    Iterating yields Particles of up to `block` events, numbered 0, 1, ... in the order of the file;
    after the last, `truncated` says why events are missing at the end where the file was cut or is
    damaged, and is None where it was whole. Raises InputError where there is nothing to read.
    """

    def __init__(self, path: str | Path, block: int = 1000) -> None:
        self.path = Path(path)
        self.block = block
        self.truncated: str | None = None
        self.events = 0  # so far
        self.size_bytes = 0
        self.read_bytes = 0  # of the file as it lies on disk, so far
        with _opened(self.path) as file:
            self.size_bytes = file.seek(0, os.SEEK_END)
            try:
                head = _unpacked(file).read1(4096)
            except BROKEN_STREAM as error:
                raise InputError(f"{path}: cannot be unpacked ({error}); fetch the file again") from error
        if not head:
            raise InputError(f"{path}: empty; give a HepMC file with events")
        readers = [reader for mark, reader in FORMATS.items() if mark in head]
        if not readers:
            raise InputError(f"{path}: no HepMC file; give HepMC ASCII version 3 or 2, plain, .gz or .zst")
        self._reader = readers[0]

    def __iter__(self) -> Iterator[Particles]:
        pyhepmc.Setup.print_errors = False  # `truncated` says it
        pyhepmc.Setup.debug_level = 0
        self.events = 0
        with _opened(self.path) as file:
            stream = _Watched(_unpacked(file))
            reader = self._reader(pyiostream(stream, 1 << 16))
            while events := self._read(reader, stream):
                particles = _particles(events, self.events)
                self._check(particles)
                self.read_bytes = file.tell()
                self.events += len(events)
                yield particles
            reader.close()

    def _check(self, particles: Particles) -> None:
        for name in ("momentum_mev", "mass_mev", "vertex_mm", "time_ns", "weight"):
            good = np.isfinite(getattr(particles, name))
            if good.all():
                continue
            row = int(np.flatnonzero(~good.reshape(len(good), -1).all(1))[0])
            if name != "weight":
                row = int(np.searchsorted(particles.offsets, row, side="right")) - 1
            number = particles.source_event[row]
            raise InputError(
                f"{self.path}: event number {number}: {name} is not finite; remove the event from the file"
            )

    def _read(self, reader: Reader, stream: _Watched) -> list[_Event]:
        """Up to `block` further events; sets `truncated` where the last good one is passed."""
        events: list[_Event] = []
        with _silent():
            while len(events) < self.block:
                event = pyhepmc.GenEvent()
                good = reader.read_event(event)
                # At the end of a whole file the reader succeeds with an event that is none. Where a file
                # stops without its closing line the last event is kept if its last line is whole.
                if not good or (reader.failed() and not (event.particles and stream.tail.endswith(b"\n"))):
                    self.truncated = self.truncated or _loss(stream, good)
                    break
                events.append(_Event(event))
        return events


class _Watched:
    """A stream that remembers its end and ends, instead of failing, where its compression is cut."""

    def __init__(self, raw: BufferedIOBase) -> None:
        self._raw = raw
        self.tail = b""
        self.broken: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            # read1 hands out what there is before a cut; read would fail as a whole
            data = b"" if self.broken else self._raw.read1(size)
        except BROKEN_STREAM as error:
            self.broken = error
            data = b""
        self.tail = (self.tail + data)[-200:]
        return data

    def readinto(self, buffer: memoryview) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: bytes) -> int:  # pyiostream asks for it
        raise OSError("read only")

    @property
    def finished(self) -> bool:
        """Whether the file's closing line has passed."""
        return END in self.tail


class _Event:
    """The stable particles of one event, in MeV, mm and ns."""

    def __init__(self, event: pyhepmc.GenEvent) -> None:
        event.set_units(pyhepmc.Units.MEV, pyhepmc.Units.MM)
        data = pyhepmc.GenEventData()
        event.write_data(data)
        particles: Array = data.particles
        stable = particles["status"] == STABLE
        self.mother_pdg = _mothers(particles["pid"], data, np.flatnonzero(stable))
        particles = particles[stable]
        # a vertex that was written without a position has that of its nearest ancestor
        places = event.numpy.vertices
        root = event.event_pos()
        x, y, z, t = (
            np.append(getattr(root, axis), getattr(places, axis)).astype(np.float64) for axis in "xyzt"
        )
        origin = np.zeros(len(stable) + 1, np.int64)  # of particle 1 ...: vertex -origin, 0 the root
        outgoing = data.links1 < 0
        origin[data.links2[outgoing]] = -data.links1[outgoing]
        origin = origin[1:][stable]
        momentum = np.column_stack([particles[axis] for axis in ("px", "py", "pz")]).astype(np.float64)
        squared = particles["e"] ** 2 - np.sum(momentum**2, axis=1)
        mass = np.where(particles["is_mass_set"], particles["mass"], np.sqrt(np.maximum(squared, 0.0)))
        self.number = int(event.event_number)
        self.weight = float(event.weights[0]) if len(event.weights) else 1.0
        self.pdg = particles["pid"].astype(np.int32)
        self.mass_mev = np.maximum(mass, 0.0)
        self.momentum_mev = momentum
        self.vertex_mm = np.column_stack([x, y, z])[origin]
        self.time_ns = t[origin] / C_MM_PER_NS


def _mothers(pdg: Array, data: Any, rows: Array) -> Array:
    """From the links particle -> vertex (positive, negative) and vertex -> particle (negative, positive)."""
    vertices = 1 + int(np.abs(np.minimum(data.links1, data.links2)).max(initial=0))
    incoming = np.full(vertices, NOBODY, np.int64)  # first particle of each vertex
    entering = np.flatnonzero(data.links1 > 0)[::-1]  # backwards: the first is written last
    incoming[-data.links2[entering]] = data.links1[entering] - 1
    mother = np.full(len(pdg), NOBODY, np.int64)
    leaving = data.links1 < 0
    mother[data.links2[leaving] - 1] = incoming[-data.links1[leaving]]
    return mother_pdg(pdg, mother, rows)


def _particles(events: list[_Event], first: int) -> Particles:
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


def _loss(stream: _Watched, good: bool) -> str | None:
    if stream.broken is not None:
        return "cut inside its compression"
    if not stream.finished and not stream.read(1):
        return "ends without its closing line"
    return None if good else "an event is unreadable"


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing reaches the terminal: HepMC3 writes of bad events to C's stdout, which no setting prevents."""
    sys.stdout.flush()
    terminal = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(terminal, 1)
        os.close(terminal)
        os.close(nowhere)


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give an existing HepMC file") from error


def _unpacked(file: BufferedReader) -> BufferedIOBase:
    """The file from its start, unpacked by what it starts with, whatever it is called."""
    file.seek(0)
    magic = file.read(4)
    file.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=file)
    if magic == b"\x28\xb5\x2f\xfd":
        return zstd.ZstdFile(file)
    return file
