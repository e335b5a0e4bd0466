"""Collisions from Pythia 8, in chunks. Each depends only on the cards, the seed, its number and its size."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.ancestry import NOBODY, mother_pdg
from monsoon.engine.incidents.cards import HARD_FAMILIES, SOFT_FAMILIES, read_card
from monsoon.engine.incidents.transport import C_MM_PER_NS
from monsoon.engine.records import Array, Particles, offsets_of

Pythia = Any  # neither pythia8mc nor awkward has types
Awkward = Any

BASE_CARDS = (
    "Beams:idA = 2212",
    "Beams:idB = 2212",
    "Beams:eCM = 13600",
    # the luminous region
    "Beams:allowVertexSpread = on",
    "Beams:sigmaVertexX = 0.03",
    "Beams:sigmaVertexY = 0.03",
    "Beams:sigmaVertexZ = 45",
    # K0S, Lambda and other long-lived particles decay in flight up to the calorimeter's face
    "ParticleDecays:limitCylinder = on",
    "ParticleDecays:xyMax = 5000",
    "ParticleDecays:zMax = 12520",
    # so do a few per cent of the pions and kaons, which give most muons of an event
    "211:mayDecay = on",
    "321:mayDecay = on",
    "130:mayDecay = on",
    "Print:quiet = on",
    "Print:errors = off",
    "Random:setSeed = on",
    "Random:seed = 20260",  # only for the initialisation: every chunk has its own seed
)


class Process(Enum):
    """The kind of process that the cards switch on."""

    NONE = "none"
    SOFT = "soft"
    HARD = "hard"


DEFAULT_PROCESS = "SoftQCD:inelastic = on"
SEEDS = 900_000_000  # Pythia's generator has this many streams, numbered from 1
STRIDE = 104_729  # a prime that does not divide SEEDS: no two chunks of a seed share a stream
TRIES = 20.0  # per wanted collision; after that many failures the cards are refused


class Collider:
    """Pythia initialised for one set of cards.

    Soft processes take seconds to initialise and have no state between collisions except the random
    generator's, so that one instance makes all chunks. Hard processes may adapt the maximum of their
    cross-section while they run. They initialise fast and get a new instance for each chunk.

    Parameters
    ----------
    cards : sequence of str
        Pythia's cards.

    Raises
    ------
    InputError
        Where a card is unusable, or Pythia cannot be initialised with them.

    References
    ----------
    C. Bierlich et al., A comprehensive guide to the physics and usage of PYTHIA 8.3, arXiv:2203.11601.
    """

    def __init__(self, cards: Sequence[str]) -> None:
        self.cards = tuple(cards)
        self._pythia, self.soft = _initialised(self.cards)
        self._fresh = True

    def collide(
        self, seed: int, chunk: int, size: int, count: int | None = None, *, mothers: bool = False
    ) -> Particles:
        """Make a chunk's collisions.

        Parameters
        ----------
        seed : int
            Seed of the pool.
        chunk : int
            Number of the chunk.
        size : int
            Collisions in a whole chunk. The first one has the number `chunk * size`.
        count : int, optional
            Make only this many of them.
        mothers : bool
            Whether to look up the species of each particle's mother.

        Returns
        -------
        Particles
            The stable particles.

        Raises
        ------
        InputError
            Where Pythia fails to make such collisions.
        """
        if not (self.soft or self._fresh):
            self._pythia, _ = _initialised(self.cards)
        self._fresh = False
        self._pythia.rndm.init(stream(seed, chunk))
        try:
            batch = self._pythia.nextBatch(size if count is None else count, TRIES)
        except RuntimeError as error:
            raise InputError(
                f"pythia cards {list(self.cards)}: {error}; Pythia refuses such collisions, loosen the cards"
            ) from error
        number = np.arange(chunk * size, chunk * size + len(batch), dtype=np.int64)
        return particles_of(batch, number, number, mothers=mothers)


@lru_cache(maxsize=1)
def collider(cards: tuple[str, ...]) -> Collider:
    """This process's collider for the cards, initialised at the first call; errors as in `Collider`."""
    return Collider(cards)


def collisions(
    cards: tuple[str, ...],
    seed: int,
    chunk: int,
    size: int,
    count: int | None = None,
    *,
    mothers: bool = False,
) -> Particles:
    """Make a chunk's collisions with this process's collider; parameters as in `Collider.collide`."""
    return collider(cards).collide(seed, chunk, size, count, mothers=mothers)


def stream(seed: int, chunk: int) -> int:
    """Pythia's seed for a chunk: in 1 ... SEEDS, and different for all chunks of a pool.

    Parameters
    ----------
    seed : int
        Seed of the pool.
    chunk : int
        Number of the chunk.
    """
    start = int.from_bytes(hashlib.sha256(f"monsoon collisions {seed}".encode()).digest()[:8], "big")
    return 1 + (start + chunk * STRIDE) % SEEDS


def check_cards(cards: Sequence[str]) -> None:
    """Raise InputError for the first card that is not allowed or unknown. Takes a tenth of a second."""
    _read(cards)


def process_of(cards: Sequence[str]) -> Process:
    """The kind of process that the cards switch on. Raises InputError for the first unusable card."""
    return _read(cards)[1]


def with_cards(cards: Sequence[str]) -> Pythia:
    """Make a Pythia with BASE_CARDS and further cards, without initialising it.

    Parameters
    ----------
    cards : sequence of str
        Further cards.

    Raises
    ------
    InputError
        For the first card that is not allowed or unknown.
    """
    import pythia8mc  # takes a second, which a campaign's workers do without

    pythia = pythia8mc.Pythia("", False)
    for card in BASE_CARDS:
        pythia.readString(card)
    for card in cards:
        read_card(pythia, card)
    return pythia


def _process(pythia: Pythia) -> Process:
    if any(_switched_on(pythia, family) for family in HARD_FAMILIES):
        return Process.HARD
    soft = any(_switched_on(pythia, family) for family in SOFT_FAMILIES)
    return Process.SOFT if soft else Process.NONE


def _read(cards: Sequence[str]) -> tuple[Pythia, Process]:
    """A Pythia with all cards, not initialised, and the kind of process that they switch on."""
    pythia = with_cards(cards)
    process = _process(pythia)
    if pythia.mode("Beams:frameType") >= 4:
        raise InputError(
            "pythia card 'Beams:frameType': external events cannot be made in chunks; "
            "give their file to `monsoon incidents lhe` or, as HepMC, to `monsoon incidents hepmc`"
        )
    if process is Process.NONE:
        pythia.readString(DEFAULT_PROCESS)
    return pythia, process


def _switched_on(pythia: Pythia, family: str) -> bool:
    """Whether the cards switched a flag of the family on."""
    prefix = f"{family}:".lower()
    flags = pythia.settings.getFlagMap(prefix)  # all flags with the prefix anywhere in their name
    return any(flag.valNow and not flag.valDefault for name, flag in flags.items() if name.startswith(prefix))


def _initialised(cards: Sequence[str]) -> tuple[Pythia, bool]:
    pythia, process = _read(cards)
    if not pythia.init():
        raise InputError(
            f"pythia cards {list(cards)}: Pythia cannot be initialised with them; check processes and beams"
        )
    return pythia, process is not Process.HARD


def particles_of(batch: Awkward, event: Array, source_event: Array, *, mothers: bool) -> Particles:
    """The stable particles of an event record of Pythia, in Monsoon's units (GeV -> MeV, mm/c -> ns).

    Parameters
    ----------
    batch : awkward.Array
        E events as `nextBatch` returns them, none of them missing.
    event, source_event : int64 array [E]
        Their numbers, here and in the source.
    mothers : bool
        Whether to look up the species of each particle's mother.
    """
    import awkward as ak

    stable = batch.prt[batch.prt.status > 0]
    vertex = stable.vProd

    def column(values: Awkward) -> Array:
        # without a vertex spread Pythia gives none: the interaction point
        array: Array = ak.to_numpy(ak.fill_none(ak.flatten(values), 0.0))
        return array

    return Particles(
        event=event,
        offsets=offsets_of(ak.to_numpy(ak.num(stable))),
        weight=ak.to_numpy(batch.info.weights[:, 0]).astype(np.float64),
        source_event=source_event,
        pdg=ak.to_numpy(ak.flatten(stable.id)).astype(np.int32),
        mass_mev=np.maximum(column(stable.m), 0.0) * 1e3,
        momentum_mev=np.column_stack([column(stable.p[axis]) for axis in ("px", "py", "pz")]) * 1e3,
        vertex_mm=np.column_stack([column(vertex[axis]) for axis in ("px", "py", "pz")]),
        time_ns=column(vertex.e) / C_MM_PER_NS,
        mother_pdg=_mothers(batch.prt) if mothers else None,
    )


def _mothers(record: Awkward) -> Array:
    import awkward as ak

    size = ak.to_numpy(ak.num(record))
    pdg, status, first = (ak.to_numpy(ak.flatten(record[name])) for name in ("id", "status", "mother1"))
    # entry 0 of an event represents the whole event
    mother = np.where(first > 0, first + np.repeat(offsets_of(size)[:-1], size), NOBODY)
    return mother_pdg(pdg, mother, np.flatnonzero(status > 0))
