"""Les Houches event files: the partons of each event, showered, hadronised and decayed by Pythia 8."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.pythia import particles_of, stream, with_cards
from monsoon.engine.records import Particles

Pythia = Any  # pythia8mc has no types
GZIP = b"\x1f\x8b"
HEAD = b"<LesHouchesEvents"
HEAD_BYTES = 4096  # the opening line must be within these first bytes of the file
FROM_FILE = 4  # Beams:frameType


class LheFile:
    """One pass over the events of a Les Houches file, plain or compressed with gzip.

    Iterating yields Particles of up to `block` events with the species of their mothers. Events are numbered
    0, 1, ...; `source_event` is the position in the file. Events that Pythia refuses are left out and listed
    in `losses`. The file has no vertices; they are drawn in the luminous region of Monsoon's own collisions.

    Parameters
    ----------
    path : str or Path
        The file.
    cards : sequence of str
        Further Pythia cards, for instance for decays. Beams and process are those of the file.
    seed : int
        Seed of the parton shower and of hadronisation. Each block has its own random stream.
    block : int
        Events in memory at a time. The events depend on it.

    Attributes
    ----------
    events : int
        Number of complete events in the file.
    losses : list of str
        What was left out, after an iteration.

    Raises
    ------
    InputError
        Where the file cannot be read or holds no event, or Pythia does not know a card.

    References
    ----------
    J. Alwall et al., A standard format for Les Houches Event Files, arXiv:hep-ph/0609017.
    """

    def __init__(self, path: str | Path, cards: Sequence[str] = (), seed: int = 1, block: int = 500) -> None:
        self.path, self.cards, self.seed, self.block = Path(path), tuple(cards), seed, block
        with_cards(self.cards)
        self.losses: list[str] = []
        self.events, self._cut = _count(self.path)
        if not self.events:
            raise InputError(f"{path}: no complete event; give a Les Houches file with events")

    def __iter__(self) -> Iterator[Particles]:
        import awkward as ak  # as in pythia.py: workers do without

        self.losses = [f"{self.path}: {self._cut} are kept"] if self._cut else []
        refused: list[int] = []
        with _plain(self.path) as path:
            pythia = self._initialised(path)
            for first in range(0, self.events, self.block):
                pythia.rndm.init(stream(self.seed, first // self.block))
                # "none": a refused event is a missing entry, so that positions in the file are known
                try:
                    batch = pythia.nextBatch(min(self.block, self.events - first), "none")
                except (IndexError, RuntimeError) as error:
                    raise InputError(
                        f"{self.path}: Pythia fails after event {first}; remove the damaged event"
                    ) from error
                if pythia.infoPython().atEndOfFile():
                    raise InputError(
                        f"{self.path}: Pythia stops before the last of its {self.events} events; an event "
                        f"after number {first} is damaged, remove it"
                    )
                good = ~ak.to_numpy(ak.is_none(batch))
                place = first + np.arange(len(good), dtype=np.int64)
                begin = first - len(refused)
                refused += place[~good].tolist()
                if good.any():
                    number = np.arange(begin, begin + int(good.sum()), dtype=np.int64)
                    sound = ak.drop_none(batch, axis=0)
                    yield particles_of(sound, number, place[good], mothers=True)
            if pythia.next():
                raise InputError(
                    f"{self.path}: Pythia reads more than the {self.events} events that end with </event>; "
                    "write the file again"
                )
        if refused:
            some = ", ".join(map(str, refused[:5])) + (" ..." if len(refused) > 5 else "")
            self.losses.append(
                f"{self.path}: {len(refused)} of {self.events} events left out, Pythia refuses them: {some}"
            )

    def _initialised(self, path: Path) -> Pythia:
        pythia = with_cards(self.cards)
        pythia.settings.mode("Beams:frameType", FROM_FILE)
        pythia.settings.word("Beams:LHEF", str(path))
        if not pythia.init():
            raise InputError(
                f"{self.path}: Pythia cannot be initialised with it; check the <init> block and the cards"
            )
        return pythia


def is_lhe(head: bytes) -> bool:
    """Whether the first bytes of a file, uncompressed, are those of a Les Houches file."""
    return HEAD in head[:HEAD_BYTES]


def _count(path: Path) -> tuple[int, str | None]:
    """The number of complete events in a file; if that is not all, what is wrong and which ones are kept."""
    opened = closed = 0
    finished = False
    with _reading(path), _plain(path) as plain, plain.open("rb") as file:
        if not is_lhe(file.read(HEAD_BYTES)):
            raise InputError(f"{path}: not a Les Houches file; these begin with <LesHouchesEvents")
        file.seek(0)
        for line in file:
            opened += line.count(b"<event>") + line.count(b"<event ")
            closed += line.count(b"</event>")
            finished = finished or b"</LesHouchesEvents>" in line
    if opened != closed and finished:
        return closed, f"{opened - closed} of {opened} events are not closed by </event>; the others"
    if opened == closed and finished:
        return closed, None
    how = "ends without its closing line" if opened == closed else "ends inside an event"
    return closed, f"{how}; the {closed} events before"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn errors of the file into an InputError of one line."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: cannot be unpacked ({error}); fetch the file again") from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give an existing Les Houches file"
        ) from error


@contextmanager
def _plain(path: Path) -> Iterator[Path]:
    """The path of the uncompressed file: Pythia is built without zlib."""
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
    if not packed:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="monsoon-") as folder:
        plain = Path(folder) / "events.lhe"
        with gzip.open(path) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target)
        yield plain
