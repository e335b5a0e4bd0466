"""Cross-sections are Pythia's, with the branching fractions of what is left open."""

from __future__ import annotations

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.cross_sections import cross_section

Z = ("WeakSingleBoson:ffbar2gmZ = on", "PhaseSpace:mHatMin = 60")


def test_the_inelastic_cross_section_is_that_of_the_energy() -> None:
    assert 78 < cross_section(("SoftQCD:inelastic = on",), hard_processes=20).mb < 80  # 13.6 TeV


def test_closed_channels_reduce_it_and_the_error_is_that_of_the_integration() -> None:
    every = cross_section(Z, hard_processes=1000)
    electrons = cross_section((*Z, "23:onMode = off", "23:onIfAny = 11"), hard_processes=1000)
    assert 3.5e-5 < every.mb < 5.5e-5  # 45 nb at leading order
    # BR(Z -> e e) = 3.4 %, and gamma* adds to it
    assert 0.03 < electrons.mb / every.mb < 0.06
    assert 0 < every.error_mb < 0.05 * every.mb
    other = cross_section(Z, seed=2, hard_processes=1000)
    assert other.mb != every.mb
    assert abs(other.mb - every.mb) < 5 * 2**0.5 * every.error_mb


def test_cards_without_a_process_are_refused() -> None:
    with pytest.raises(InputError, match="switch no process on"):
        cross_section(("PhaseSpace:pTHatMin = 20",))
