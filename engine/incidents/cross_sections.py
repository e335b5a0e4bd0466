"""Cross-sections of processes, by Pythia's integration over their phase space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.pythia import Process, process_of, stream, with_cards

HARD_PROCESSES = 20_000  # half a per cent for most processes, in seconds


@dataclass(frozen=True)
class CrossSection:
    """A cross-section.

    Attributes
    ----------
    mb : float
        Its value [mb].
    error_mb : float
        Its statistical error [mb]; 0 where it was given.
    """

    mb: float
    error_mb: float = 0.0


def cross_section(cards: Sequence[str], seed: int = 1, hard_processes: int = HARD_PROCESSES) -> CrossSection:
    """The cross-section of the processes that cards switch on, summed.

    Pythia makes hard processes alone, without showers and hadrons, and weighs their phase space. Closed decay
    channels of resonances (`25:onIfMatch = 22 22`) reduce the cross-section by their branching fractions, as
    they do the events. Leading order, as the processes are.

    Parameters
    ----------
    cards : sequence of str
        Pythia's cards.
    seed : int
        Seed of the integration.
    hard_processes : int
        Accepted points of phase space; the error falls as the square root of their number.

    Raises
    ------
    InputError
        Where the cards are unusable or switch no process on.

    References
    ----------
    C. Bierlich et al., A comprehensive guide to the physics and usage of PYTHIA 8.3, arXiv:2203.11601.
    """
    cards = tuple(cards)
    if process_of(cards) is Process.NONE:
        raise InputError(f"cards {list(cards)}: switch no process on; name one, such as 'HardQCD:all = on'")
    pythia = with_cards(cards)
    pythia.readString("PartonLevel:all = off")
    if not pythia.init():
        raise InputError(
            f"pythia cards {list(cards)}: Pythia cannot be initialised with them; check processes and beams"
        )
    pythia.rndm.init(stream(seed, 0))
    for _ in range(hard_processes):
        pythia.next()
    info = pythia.infoPython()
    found = CrossSection(float(info.sigmaGen()), float(info.sigmaErr()))
    if not found.mb > 0:
        raise InputError(f"pythia cards {list(cards)}: their cross-section is 0; open their phase space")
    return found
