"""`monsoon sample`: row i is a shower of row i's condition, and nothing else decides which."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

import monsoon.jobs.sample
import monsoon.models.data.shower_files
from monsoon.engine.errors import InputError
from monsoon.jobs.sample import sample
from monsoon.models.data.shower_files import read_showers
from monsoon.models.families.library import Library
from monsoon.models.geometry.observables import response
from monsoon.models.records import Conditions, Showers
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import Suite

MODEL = str(SAMPLES / "egamma-heldout.h5")
ROWS = 300


@pytest.fixture
def conditions(tmp_path: Path) -> Path:
    """Of Geant4 photons and electrons that the model has not seen; no showers."""
    return copy(tmp_path / "conditions.h5")


def copy(path: Path, **changed: Any) -> Path:
    with h5py.File(SAMPLES / "egamma.h5") as source, h5py.File(path, "w") as file:
        for name in source:
            if name != "showers" and name not in changed:
                file[name] = source[name][:ROWS]
        for name, column in changed.items():
            file[name] = column
    return path


def made(conditions: Path, name: str = "out.h5", seed: int = 0, model: str = MODEL) -> Path:
    out = conditions.parent / name
    sample(model, str(conditions), str(out), seed)
    return out


def images(path: Path) -> Tensor:
    return read_showers(path).showers.energy_mev


def test_every_row_has_a_shower_of_its_condition(conditions: Path) -> None:
    out = made(conditions)
    with h5py.File(conditions) as asked, h5py.File(out) as file:
        for name in asked:
            assert np.array_equal(asked[name][()], file[name][()])  # to the bit
        assert set(file) == {*asked, "showers"}
        assert file["showers"].shape == (ROWS, 900)
    showers = read_showers(out)
    ratio = response(showers.conditions, showers.showers)
    known = read_showers(SAMPLES / "egamma-heldout.h5")
    expected = response(known.conditions, known.showers)
    assert abs(float(ratio.mean() / expected.mean()) - 1) < 0.01


def test_a_shower_does_not_depend_on_the_rows_around_it(
    conditions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = images(made(conditions))
    for block in (1, 7, 128):
        monkeypatch.setattr(monsoon.jobs.sample, "BLOCK", block)
        if block > 1:
            assert torch.equal(images(made(conditions, f"{block}.h5")), whole)
    with h5py.File(conditions) as all_of_them:
        first = {name: column[:20] for name, column in all_of_them.items()}
    fewer = copy(conditions.parent / "fewer.h5", **first)
    assert torch.equal(images(made(fewer, "few.h5")), whole[:20])


def test_the_seed_decides_among_showers_of_one_condition(conditions: Path) -> None:
    first, again, other = (images(made(conditions, f"{i}.h5", seed)) for i, seed in enumerate((5, 5, 6)))
    assert torch.equal(first, again)
    different = (first != other).any(1).float().mean()
    assert 0.6 < float(different) < 0.9  # one of the nearest four: the same in a quarter of the rows


def test_rows_of_one_condition_have_showers_of_their_own(conditions: Path) -> None:
    with h5py.File(conditions) as file:
        one = {name: np.repeat(column[:1], ROWS, 0) for name, column in file.items()}
    made_of_one = images(made(copy(conditions.parent / "one.h5", **one)))
    assert len(torch.unique(made_of_one, dim=0)) == 4


def test_the_file_says_what_it_is_from(conditions: Path) -> None:
    with h5py.File(made(conditions, seed=7)) as file:
        assert file.attrs["generator"] == f"Monsoon, model {MODEL}"
        assert file.attrs["seed"] == "7"
        assert re.fullmatch("[0-9a-f]{64}", file.attrs["fingerprint"])
        assert file["showers"].attrs["unit"] == "MeV"


def test_rows_outside_the_domain_and_stand_ins_are_counted_on_stderr(
    conditions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = {
        "incident_energies": np.full((ROWS, 1), 2e4, np.float32),
        "incident_pdg": np.full(ROWS, 22),
        "incident_theta": np.full(ROWS, 0.1),
    }
    made(copy(conditions.parent / "usual.h5", **usual), "usual-out.h5")
    assert "monsoon" not in capsys.readouterr().err
    usual["incident_energies"][-5:] = 3e5
    usual["incident_pdg"][:12] = -11
    made(copy(conditions.parent / "odd.h5", **usual))
    told = capsys.readouterr().err.splitlines()
    assert f"monsoon: 5 of {ROWS} rows lie outside the training domain; trust their showers less" in told
    assert f"monsoon: 12 of {ROWS} rows are of species that another one stands in for" in told


def unusable(at: Path) -> list[tuple[str, list[Any], str]]:
    pdg = np.where(np.arange(ROWS) < 3, 211, np.where(np.arange(ROWS) < 5, 12, 22))
    late = np.full((ROWS, 1), 1e4)
    late[-1] = np.nan
    good, there = str(copy(at / "good.h5")), at / "there.h5"
    there.write_text("before")
    return [
        ("species", [MODEL, copy(at / "a.h5", incident_pdg=pdg)], r"12 \(2 rows\), 211 \(3 rows\)"),
        ("no species", [MODEL, SAMPLES / "README.md"], "README.md: not a whole HDF5 file"),
        ("absent", [MODEL, at / "absent.h5"], "absent.h5: no such file"),
        ("late row", [MODEL, copy(at / "b.h5", incident_energies=late)], "incident_energies row 299"),
        ("model", [at / "no-model.h5", good], "no-model"),
        ("seed", [MODEL, good, at / "out.h5", -1], "seed: -1"),
        ("there", [MODEL, good, there], "there.h5: exists already"),
        ("no folder", [MODEL, good, at / "absent" / "out.h5"], "out.h5: cannot be written"),
        ("remote", [MODEL, good, "s3://bucket/out.h5"], "must be on this machine"),
    ]


@pytest.mark.parametrize("case", range(9))
def test_unusable_input_is_one_line_and_nothing_is_written(tmp_path: Path, case: int) -> None:
    _, words, message = unusable(tmp_path)[case]
    model, asked, out, seed = [*map(str, words), *(str(tmp_path / "out.h5"), "0")[len(words) - 2 :]]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=message) as caught:
        sample(model, asked, out, int(seed))
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


class Stopped(Library):
    """Is interrupted when it is asked for the third time."""

    asked = 0

    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        self.asked += 1
        if self.asked == 3:
            signal.raise_signal(signal.SIGINT)
        return super().sample(conditions, noise)


def test_an_interrupted_run_goes_on_where_it_was(conditions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is the one of a run that nobody interrupts."""
    whole = made(conditions, "whole.h5")
    monkeypatch.setattr(monsoon.models.data.shower_files, "CHUNK_ROWS", 2)  # parts of 50 rows
    library = Stopped(read_showers(MODEL))
    monkeypatch.setattr(monsoon.jobs.sample, "load_suite", lambda model, **_: Suite([library]))
    with pytest.raises(KeyboardInterrupt):
        made(conditions)
    folder = conditions.parent / ".out.h5.parts"
    assert {path.name for path in folder.iterdir()} == {"of.json", "0.h5", "50.h5"}
    with pytest.raises(InputError, match=r"out\.h5\.parts: was begun with seed = '0', not '1'"):
        made(conditions, seed=1)
    out = made(conditions)
    assert library.asked == 3 + 4
    assert set(conditions.parent.iterdir()) == {conditions, whole, out}
    with h5py.File(whole) as known, h5py.File(out) as file:
        assert dict(known.attrs) == dict(file.attrs)
        assert set(known) == set(file)
        for name, column in known.items():
            assert np.array_equal(column[()], file[name][()])
