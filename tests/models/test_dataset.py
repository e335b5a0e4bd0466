"""Shower files: the shipped ones, genuine CaloChallenge ones, and the ones that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from models.dataset import read_showers, write_showers
from models.errors import InputError
from models.suite import SAMPLES


def test_shipped_samples_are_as_large_as_their_card_says() -> None:
    assert len(read_showers(SAMPLES / "egamma.h5")) == 15_500
    assert len(read_showers(SAMPLES / "hadrons.h5")) == 13_000
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) <= 15e6


def test_shipped_samples_have_the_checksums_of_their_card() -> None:
    import hashlib

    card = (SAMPLES / "README.md").read_text()
    for path in SAMPLES.glob("*.h5"):
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
