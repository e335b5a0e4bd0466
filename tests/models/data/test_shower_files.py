"""Shower files: the shipped ones, genuine CaloChallenge ones, and the ones that cannot be used."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from monsoon.models.data.shower_files import (
    Extent,
    ShowerSet,
    extent,
    join_showers,
    read_conditions,
    read_rows,
    read_showers,
    rows_together,
    shower_writer,
    write_showers,
)
from monsoon.models.errors import InputError
from monsoon.models.store.shipped import SAMPLES


def test_shipped_samples_are_as_large_as_their_card_says() -> None:
    assert len(read_showers(SAMPLES / "egamma.h5")) == 15_500
    assert len(read_showers(SAMPLES / "hadrons.h5")) == 13_000
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) <= 25e6


def test_shipped_samples_have_the_checksums_of_their_card() -> None:
    import hashlib

    card = (SAMPLES / "README.md").read_text()
    for path in (*SAMPLES.glob("*.h5"), *SAMPLES.glob("*.parquet")):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in card


def test_held_out_showers_are_not_in_the_library() -> None:
    for kind in ("egamma", "hadrons"):
        known = set(read_showers(SAMPLES / f"{kind}.h5").conditions.energy_mev.tolist())
        held_out = read_showers(SAMPLES / f"{kind}-heldout.h5").conditions.energy_mev.tolist()
        assert len(known.intersection(held_out)) <= 3  # chance: energies repeat in float32


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    showers = read_showers(SAMPLES / "egamma-heldout.h5")[:50]
    write_showers(tmp_path / "x.h5", showers, {"generator": "test"})
    again = read_showers(tmp_path / "x.h5")
    assert torch.equal(again.showers.energy_mev, showers.showers.energy_mev)
    assert torch.equal(again.conditions.offset_mm, showers.conditions.offset_mm)
    assert torch.allclose(again.conditions.direction, showers.conditions.direction, atol=1e-6)


def test_a_genuine_calochallenge_file_is_read(tmp_path: Path) -> None:
    """Set 1 as published: float64 energies and showers of 368 voxels, and nothing else."""
    with h5py.File(tmp_path / "dataset_1_photons_1.hdf5", "w") as file:
        file["incident_energies"] = np.full((7, 1), 4096.0)
        file["showers"] = np.random.default_rng(1).random((7, 368))
    showers = read_showers(tmp_path / "dataset_1_photons_1.hdf5", pdg=22)
    assert showers.showers.energy_mev.shape == (7, 368)
    assert showers.conditions.pdg.tolist() == [22] * 7
    assert showers.conditions.direction[0].tolist() == [0, 0, 1]
    assert showers.weight.tolist() == [1] * 7


def good_file(path: Path) -> dict[str, Any]:
    return {
        "incident_energies": np.full((4, 1), 5000.0),
        "showers": np.ones((4, 900), np.float32),
        "incident_pdg": np.full(4, 22),
        "incident_position": np.zeros((4, 2)),
    }


def change(**replaced: Any) -> Callable[[dict[str, Any]], None]:
    return lambda columns: columns.update(replaced)


BAD: list[tuple[str, Callable[[dict[str, Any]], None], str]] = [
    ("no showers", lambda columns: columns.pop("showers"), "no dataset showers"),
    ("no species", lambda columns: columns.pop("incident_pdg"), "incident_pdg"),
    ("wrong shape", change(showers=np.ones((3, 900))), "showers is"),
    ("energies flat", change(incident_energies=np.full(4, 1.0)), "incident_energies is"),
    ("text", change(incident_pdg=np.array([b"a"] * 4)), "incident_pdg is"),
    ("NaN", change(showers=np.full((4, 900), np.nan)), "showers row 0 is not finite"),
    ("negative", change(showers=-np.ones((4, 900))), "negative energy"),
    ("zero energy", change(incident_energies=np.zeros((4, 1))), "row 0 is not positive"),
    ("empty", change(incident_energies=np.zeros((0, 1)), showers=np.zeros((0, 900))), "no rows"),
    ("infinite position", change(incident_position=np.full((4, 2), np.inf)), "incident_position row 0"),
]


@pytest.mark.parametrize(("spoil", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_an_unusable_file_is_named_with_its_dataset(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], message: str
) -> None:
    columns = good_file(tmp_path)
    spoil(columns)
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        for name, column in columns.items():
            file[name] = column
    with pytest.raises(InputError, match=message) as caught:
        read_showers(tmp_path / "bad.h5")
    assert "\n" not in str(caught.value)
    assert "bad.h5" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", None], ids=["empty", "foreign", "truncated"])
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, content: bytes | None) -> None:
    whole = (SAMPLES / "hadrons-heldout.h5").read_bytes()
    (tmp_path / "bad.h5").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(InputError, match="HDF5"):
        read_showers(tmp_path / "bad.h5")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_showers(tmp_path / "absent.h5")


def test_parts_of_a_file_are_those_of_the_whole() -> None:
    whole = read_showers(SAMPLES / "egamma-heldout.h5")
    for start, stop in ((0, 7), (990, 1010), (2400, None)):
        part = read_rows(SAMPLES / "egamma-heldout.h5", start, stop)
        assert torch.equal(part.showers.energy_mev, whole.showers.energy_mev[start:stop])
        conditions = read_conditions(SAMPLES / "egamma-heldout.h5", start, stop)
        for c in (part.conditions, conditions):
            assert torch.equal(c.energy_mev, whole.conditions.energy_mev[start:stop])
            assert torch.equal(c.direction, whole.conditions.direction[start:stop])


def test_a_bad_row_is_named_as_the_file_counts_and_stops_its_own_part_only(tmp_path: Path) -> None:
    columns = good_file(tmp_path)
    columns["showers"][2, 5] = np.inf
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        for name, column in columns.items():
            file[name] = column
    assert len(read_rows(tmp_path / "bad.h5", 0, 2)) == 2
    with pytest.raises(InputError, match="showers row 2 is not finite"):
        read_rows(tmp_path / "bad.h5", 1, 4)


def test_conditions_need_no_showers(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["incident_energies"] = np.full((5, 1), 3e4)
        file["incident_pdg"] = np.full(5, 2112)
        file["incident_theta"] = np.full(5, 0.1)
        file["incident_phi"] = np.linspace(-3, 3, 5)
    conditions = read_conditions(tmp_path / "c.h5")
    assert conditions.offset_mm.tolist() == [[0, 0]] * 5
    assert torch.allclose(conditions.direction[:, 2], torch.tensor(0.1).cos())
    assert extent(tmp_path / "c.h5") == Extent(rows=5, voxels=None, together=1, weighted=False)
    with pytest.raises(InputError, match="no dataset showers"):
        read_showers(tmp_path / "c.h5")


def test_a_file_written_in_parts_is_the_file_written_at_once(tmp_path: Path) -> None:
    showers = read_showers(SAMPLES / "hadrons-heldout.h5")
    write_showers(tmp_path / "once.h5", showers, {"generator": "test"})
    with shower_writer(tmp_path / "parts.h5", 900, {"generator": "test"}) as writer:
        for start, stop in ((0, 1), (1, 777), (777, 1203), (1203, 2000)):
            writer.append(showers[start:stop])
        assert writer.rows == 2000
        assert not (tmp_path / "parts.h5").exists()
    with h5py.File(tmp_path / "once.h5") as once, h5py.File(tmp_path / "parts.h5") as parts:
        assert list(once) == list(parts)
        assert dict(once.attrs) == dict(parts.attrs) == {"generator": "test"}
        for name, column in once.items():
            assert np.array_equal(column[()], parts[name][()])
            assert column.dtype == parts[name].dtype
    size = [(tmp_path / name).stat().st_size for name in ("once.h5", "parts.h5")]
    assert size[1] < 1.05 * size[0]  # chunks are compressed once, when they are full
    again = read_showers(tmp_path / "parts.h5")
    assert torch.equal(again.showers.energy_mev, showers.showers.energy_mev)
    assert torch.equal(again.weight, torch.ones(2000))


@pytest.mark.parametrize("last", [1, 400, 1000])
def test_parts_are_joined_as_they_are_compressed(tmp_path: Path, last: int) -> None:
    source, size = SAMPLES / "egamma-heldout.h5", rows_together((900,))
    showers = read_rows(source, 0, size + last)
    parts = [tmp_path / "0.h5", tmp_path / "1.h5"]
    for part, rows in zip(parts, (showers[:size], showers[size:]), strict=True):
        write_showers(part, rows, {})
    asked = tmp_path / "asked.h5"
    write_showers(asked, showers, {})
    join_showers(tmp_path / "x.h5", parts, {"generator": "test"}, asked)
    joined = read_showers(tmp_path / "x.h5")
    assert torch.equal(joined.showers.energy_mev, showers.showers.energy_mev)
    assert torch.equal(joined.conditions.energy_mev, showers.conditions.energy_mev)
    with h5py.File(tmp_path / "x.h5") as file:
        assert dict(file.attrs) == {"generator": "test"}
        assert file["showers"].id.get_num_chunks() == 2


def test_weights_are_written_from_the_first_that_is_not_one(tmp_path: Path) -> None:
    showers = read_rows(SAMPLES / "egamma-heldout.h5", 0, 30)
    weight = torch.cat([torch.ones(20), torch.linspace(-2, 2, 10)])
    with shower_writer(tmp_path / "x.h5", 900, {}) as writer:
        for start in (0, 10, 20):
            part = slice(start, start + 10)
            writer.append(ShowerSet(showers.conditions[part], showers[part].showers, weight[part]))
    assert torch.equal(read_showers(tmp_path / "x.h5").weight, weight)
    write_showers(tmp_path / "plain.h5", showers, {})
    assert extent(tmp_path / "x.h5").weighted
    assert not extent(tmp_path / "plain.h5").weighted


def test_conditions_are_taken_over_bit_by_bit(tmp_path: Path) -> None:
    source = SAMPLES / "egamma-heldout.h5"
    showers = read_showers(source)
    with shower_writer(tmp_path / "x.h5", 900, {}, conditions=source) as writer:
        writer.append(showers[:1500])
        writer.append(showers[1500:])
    with h5py.File(source) as known, h5py.File(tmp_path / "x.h5") as copied:
        assert list(known) == list(copied)
        for name, column in known.items():
            assert np.array_equal(column[()], copied[name][()])


def stop_writing(path: Path, error: type[BaseException]) -> None:
    with shower_writer(path, 900, {}) as writer:
        writer.append(read_rows(SAMPLES / "egamma-heldout.h5", 0, 1500))
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, InputError])
def test_a_writer_that_is_stopped_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        stop_writing(tmp_path / "x.h5", error)
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_is_stopped_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_text("before")
    with pytest.raises(KeyboardInterrupt):
        stop_writing(tmp_path / "x.h5", KeyboardInterrupt)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_a_writer_that_is_killed_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    program = (
        "import signal, sys\n"
        "from monsoon.models.data.shower_files import read_rows, shower_writer\n"
        "with shower_writer(sys.argv[1], 900, {}) as writer:\n"
        "    writer.append(read_rows(sys.argv[2], 0, 1500))\n"
        "    signal.raise_signal(signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "x.h5"), str(SAMPLES / "egamma-heldout.h5")]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "x.h5").exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A limit on files' size fails writes as a full disk does."""
    showers = read_showers(SAMPLES / "egamma-heldout.h5")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        with pytest.raises(InputError, match=r"x.h5: cannot be written .*too large") as caught:
            write_showers(tmp_path / "x.h5", showers, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    showers = read_rows(SAMPLES / "egamma-heldout.h5", 0, 1)
    with pytest.raises(InputError, match=r"x.h5: cannot be written .*No such file"):
        write_showers(tmp_path / "absent" / "x.h5", showers, {})
