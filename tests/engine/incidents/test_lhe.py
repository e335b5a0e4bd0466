"""Les Houches events become particles one for one, or are counted with the reason."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.lhe import LheFile
from monsoon.engine.records import Particles, concatenate
from tests.engine.incidents.les_houches import TAIL, z_events

NO_MPI = ("PartonLevel:MPI = off",)  # several times faster


def read(file: LheFile) -> Particles:
    return concatenate(list(file))


@pytest.fixture
def lhe(tmp_path: Path) -> Path:
    path = tmp_path / "z events.lhe"
    path.write_text(z_events(12))
    return path


def test_every_event_is_read_once_with_its_electrons_from_the_boson(lhe: Path) -> None:
    file = LheFile(lhe, NO_MPI, block=5)
    particles = read(file)
    assert (file.events, file.losses) == (12, [])
    assert particles.event.tolist() == particles.source_event.tolist() == list(range(12))
    assert particles.mother_pdg is not None
    of_z = (np.abs(particles.pdg) == 11) & (particles.mother_pdg == 23)
    event = np.repeat(np.arange(12), np.diff(particles.offsets))
    assert np.bincount(event[of_z], minlength=12).tolist() == [2] * 12
    assert particles.vertex_mm[particles.offsets[:-1], 2].std() > 5  # the luminous region


def test_a_compressed_file_is_the_same(lhe: Path, tmp_path: Path) -> None:
    packed = tmp_path / "z.lhe.gz"
    packed.write_bytes(gzip.compress(lhe.read_bytes()))
    assert np.array_equal(read(LheFile(packed, NO_MPI)).momentum_mev, read(LheFile(lhe, NO_MPI)).momentum_mev)


def test_the_shower_follows_from_the_seed(lhe: Path) -> None:
    one, same, other = (read(LheFile(lhe, NO_MPI, seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.momentum_mev, same.momentum_mev)
    assert not np.array_equal(one.offsets, other.offsets)


def test_an_event_that_pythia_refuses_is_left_out_and_counted(lhe: Path) -> None:
    lhe.write_text(z_events(12, damaged={7}))
    file = LheFile(lhe, NO_MPI, block=5)
    particles = read(file)
    assert particles.event.tolist() == list(range(11))
    assert particles.source_event.tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]
    assert file.losses == [f"{lhe}: 1 of 12 events left out, Pythia refuses them: 7"]


@pytest.mark.parametrize(
    ("cut", "loss"), [("inside", "ends inside an event"), ("before", "ends without its closing line")]
)
def test_a_cut_file_gives_its_whole_events_and_the_loss(lhe: Path, cut: str, loss: str) -> None:
    text = z_events(12)
    lhe.write_text(text[: text.rindex("<event>") + 100] if cut == "inside" else text.removesuffix(TAIL))
    file = LheFile(lhe, NO_MPI)
    whole = 11 if cut == "inside" else 12
    assert len(read(file).event) == whole
    assert file.losses == [f"{lhe}: {loss}; the {whole} events before are kept"]


def test_an_event_without_its_end_is_counted_and_the_others_are_kept(lhe: Path) -> None:
    lhe.write_text(z_events(12).replace("</event>", "", 1))
    file = LheFile(lhe, NO_MPI)
    assert len(read(file).event) == 11
    assert file.losses == [f"{lhe}: 1 of 12 events are not closed by </event>; the others are kept"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a Les Houches file"),
        (b"HepMC::Version 3\n", "not a Les Houches file"),
        (z_events(0).encode(), "no complete event"),
        (b"\x1f\x8b broken", "cannot be unpacked"),
        (z_events(2).replace("2212 2212 6800 6800", "9 9 1 1").encode(), "Pythia cannot be initialised"),
    ],
)
def test_a_useless_file_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "in.lhe").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(LheFile(tmp_path / "in.lhe"))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_an_unknown_card_are_refused(tmp_path: Path, lhe: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        LheFile(tmp_path / "missing.lhe")
    with pytest.raises(InputError, match="Nonsense"):
        LheFile(lhe, ("Nonsense:card = 1",))
