"""Real HepMC files, written with pyhepmc: whole, cut and damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyhepmc
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.hepmc.file import HepmcFile
from monsoon.engine.records import Particles, concatenate

SIZES = (3, 4, 5, 0, 7, 8)  # stable particles of each event; the fourth event has no particles at all
SUFFIXES = (".hepmc", ".hepmc3", ".hepmc.gz", ".hepmc.zst")


def event(number: int, stable: int, units: tuple[pyhepmc.Units, pyhepmc.Units]) -> pyhepmc.GenEvent:
    """A collision at (1, 2, 3, 6) mm whose K0S decays at (10, 20, 3000, 3001) mm; odd ones leave that out."""
    made = pyhepmc.GenEvent(*units)
    made.event_number = number
    if not stable:
        return made
    mev = 1.0 if units[0] == pyhepmc.Units.MEV else 1e-3
    mm = 1.0 if units[1] == pyhepmc.Units.MM else 0.1
    collision = pyhepmc.GenVertex((1 * mm, 2 * mm, 3 * mm, 6 * mm))
    for sign in (1, -1):
        beam = pyhepmc.GenParticle((0, 0, sign * 6.8e6 * mev, 6.8e6 * mev), 2212, 4)
        collision.add_particle_in(beam)
    kaon = pyhepmc.GenParticle((500 * mev, 0, 10_000 * mev, 10_024.85 * mev), 310, 2)
    collision.add_particle_out(kaon)
    for i in range(stable - 1):
        photon = pyhepmc.GenParticle((100 * i * mev, 0, 3000 * mev, np.hypot(100 * i, 3000) * mev), 22, 1)
        photon.generated_mass = 0.0
        collision.add_particle_out(photon)
    made.add_vertex(collision)
    place = () if number % 2 else ((10 * mm, 20 * mm, 3000 * mm, 3001 * mm),)
    decay = pyhepmc.GenVertex(*place)
    decay.add_particle_in(kaon)
    pion = pyhepmc.GenParticle((500 * mev, 0, 10_000 * mev, 10_013.45 * mev), 211, 1)
    pion.generated_mass = 139.57 * mev
    decay.add_particle_out(pion)
    made.add_vertex(decay)
    made.weights = [0.5]
    return made


def write(path: Path, units: str = "GEV MM", form: str = "HepMC3", sizes: Sequence[int] = SIZES) -> Path:
    momentum, length = (getattr(pyhepmc.Units, unit) for unit in units.split())
    pyhepmc.Setup.print_warnings = False
    with pyhepmc.open(path, "w", format=form) as file:
        for i, size in enumerate(sizes):
            file.write(event(100 + i, size, (momentum, length)))
    return path


def read(path: Path, block: int = 4) -> tuple[Particles, HepmcFile]:
    file = HepmcFile(path, block)
    return concatenate(list(file)), file


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("form", ["HepMC3", "HepMC2"])
def test_a_whole_file_is_read_whole(tmp_path: Path, suffix: str, form: str) -> None:
    particles, file = read(write(tmp_path / f"events{suffix}", form=form))
    assert file.losses == []
    assert particles.event.tolist() == [0, 1, 2, 3, 4, 5]
    assert particles.source_event.tolist() == [100, 101, 102, 103, 104, 105]
    assert np.diff(particles.offsets).tolist() == list(SIZES)
    assert particles.weight.tolist() == [0.5, 0.5, 0.5, 1, 0.5, 0.5]
    assert file.read_bytes == file.size_bytes == (tmp_path / f"events{suffix}").stat().st_size


@pytest.mark.parametrize("units", ["GEV MM", "GEV CM", "MEV MM", "MEV CM"])
def test_units_are_those_of_the_file(tmp_path: Path, units: str) -> None:
    particles, _ = read(write(tmp_path / "events.hepmc", units))
    first = particles.pdg[:3].tolist()
    assert sorted(first) == [22, 22, 211]
    pion, photon = first.index(211), first.index(22)
    np.testing.assert_allclose(particles.momentum_mev[pion], [500, 0, 10_000])
    np.testing.assert_allclose(particles.mass_mev[[pion, photon]], [139.57, 0])
    np.testing.assert_allclose(particles.vertex_mm[pion], [10, 20, 3000])
    np.testing.assert_allclose(particles.vertex_mm[photon], [1, 2, 3])
    np.testing.assert_allclose(particles.time_ns[[pion, photon]], np.array([3001, 6]) / 299.792458)


def test_a_vertex_without_a_position_has_that_of_its_ancestor(tmp_path: Path) -> None:
    particles, _ = read(write(tmp_path / "events.hepmc"))
    second = slice(particles.offsets[1], particles.offsets[2])
    np.testing.assert_allclose(particles.vertex_mm[second], [[1, 2, 3]] * 4)


@pytest.mark.parametrize("form", ["HepMC3", "HepMC2"])
@pytest.mark.parametrize("part", [0.2, 0.4, 0.5, 0.7, 0.85, 0.97, 0.999])
def test_of_a_file_cut_anywhere_the_whole_events_are_kept(
    tmp_path: Path, form: str, part: float, capfd: pytest.CaptureFixture[str]
) -> None:
    whole, _ = read(write(tmp_path / "whole.hepmc", form=form))
    content = (tmp_path / "whole.hepmc").read_bytes()
    (tmp_path / "cut.hepmc").write_bytes(content[: int(len(content) * part)])
    particles, file = read(tmp_path / "cut.hepmc")
    kept = len(particles.event)
    assert 0 < kept <= 6
    assert kept >= int(6 * part) - 2
    assert np.array_equal(particles.momentum_mev, whole.momentum_mev[: whole.offsets[kept]])
    assert file.truncated == "ends without its closing line"
    assert file.events == kept
    assert capfd.readouterr() == ("", "")  # HepMC3 itself would be loud


@pytest.mark.parametrize("back", range(1, 30))
def test_the_last_event_is_not_taken_with_its_last_number_cut(tmp_path: Path, back: int) -> None:
    content = write(tmp_path / "whole.hepmc").read_bytes()
    end = content.rindex(b"HepMC::")
    (tmp_path / "cut.hepmc").write_bytes(content[: end - back])
    particles, file = read(tmp_path / "cut.hepmc")
    assert len(particles.event) == 5
    assert file.truncated is not None


def test_without_the_closing_line_whole_events_are_kept_and_it_is_said(tmp_path: Path) -> None:
    content = write(tmp_path / "whole.hepmc").read_bytes()
    (tmp_path / "cut.hepmc").write_bytes(content[: content.rindex(b"HepMC::")])
    particles, file = read(tmp_path / "cut.hepmc")
    assert np.diff(particles.offsets).tolist() == list(SIZES)
    assert file.truncated == "ends without its closing line"


@pytest.mark.parametrize("suffix", [".hepmc.gz", ".hepmc.zst"])
def test_of_a_cut_compressed_file_the_events_before_are_kept(tmp_path: Path, suffix: str) -> None:
    sizes = np.random.default_rng(1).integers(2, 40, 300).tolist()
    content = write(tmp_path / f"whole{suffix}", sizes=sizes).read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(content[: len(content) // 2])
    particles, file = read(tmp_path / f"cut{suffix}")
    assert 50 < len(particles.event) < 250
    assert np.diff(particles.offsets).tolist() == sizes[: len(particles.event)]
    assert file.truncated == "cut inside its compression"


def test_events_around_a_damaged_one_are_kept_and_it_is_counted(tmp_path: Path) -> None:
    content = write(tmp_path / "whole.hepmc").read_bytes()
    at = content.index(b"E 102")
    (tmp_path / "bad.hepmc").write_bytes(content[: at + 200] + b"garbage\n" + content[at + 300 :])
    particles, file = read(tmp_path / "bad.hepmc")
    assert particles.source_event.tolist() == [100, 101, 103, 104, 105]
    assert particles.event.tolist() == [0, 1, 2, 3, 4]
    assert file.truncated is None
    (loss,) = file.losses
    assert loss.startswith("1 event is left out: ")
    assert "event number 102" in loss


def test_blocks_do_not_change_what_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "events.hepmc")
    one, _ = read(path, 1)
    many, _ = read(path, 100)
    assert all(np.array_equal(vars(one)[name], vars(many)[name]) for name in vars(one))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.hepmc", b"", "empty"),
        ("image.hepmc", b"\x89PNG\r\n\x1a\n" + bytes(500), "no HepMC file"),
        ("text.hepmc", b"px py pz\n1 2 3\n", "no HepMC file"),
        ("cut.hepmc.gz", b"\x1f\x8b\x08\x00\x00", "cannot be unpacked"),
        ("cut.hepmc.zst", b"\x28\xb5\x2f\xfd\x04", "cannot be unpacked"),
    ],
)
def test_what_is_no_hepmc_file_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        HepmcFile(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.hepmc", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            HepmcFile(path)


def test_an_event_with_a_value_that_is_not_finite_is_left_out_and_named(tmp_path: Path) -> None:
    content = write(tmp_path / "events.hepmc").read_bytes()
    at = content.index(b"E 102")
    bad = content[:at] + content[at:].replace(b"3.0000000000000000e+00", b"nan", 1)
    (tmp_path / "nan.hepmc").write_bytes(bad)
    particles, file = read(tmp_path / "nan.hepmc")
    assert particles.source_event.tolist() == [100, 101, 103, 104, 105]
    assert file.losses == ["1 event is left out: vertex_mm is not finite (event number 102)"]
