"""Units of shower files: impossible ones are refused, improbable ones warned of, soft particles read."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from monsoon.models.data.shower_files import read_conditions, read_rows, read_showers
from monsoon.models.errors import InputError, SuspiciousInput
from monsoon.models.store.shipped import SAMPLES

Columns = dict[str, Any]


def copy_of(sample: str, folder: Path, change: Callable[[Columns], None]) -> Path:
    """A shipped sample whose columns were changed."""
    with h5py.File(SAMPLES / f"{sample}-heldout.h5") as file:
        columns = {name: column[()] for name, column in file.items()}
    change(columns)
    with h5py.File(folder / "x.h5", "w") as file:
        for name, column in columns.items():
            file[name] = column
    return folder / "x.h5"


def scaled(factor: float, *names: str) -> Callable[[Columns], None]:
    return lambda columns: columns.update({name: columns[name] * factor for name in names})


@pytest.mark.parametrize("name", ["egamma", "hadrons", "egamma-heldout", "hadrons-heldout"])
def test_shipped_samples_are_read_without_a_word(name: str) -> None:
    with warnings.catch_warnings(action="error"):
        read_showers(SAMPLES / f"{name}.h5")


@pytest.mark.parametrize("sample", ["egamma", "hadrons"])
def test_incident_energies_in_gev_are_refused(sample: str, tmp_path: Path) -> None:
    path = copy_of(sample, tmp_path, scaled(1e-3, "incident_energies"))
    with pytest.raises(InputError, match=r"x.h5: showers row \d+ holds .* multiply GeV by 1000") as caught:
        read_showers(path)
    assert "\n" not in str(caught.value)


def test_all_energies_in_gev_are_warned_of(tmp_path: Path) -> None:
    path = copy_of("egamma", tmp_path, scaled(1e-3, "incident_energies", "showers"))
    with pytest.warns(SuspiciousInput, match=r"incident_energies row 0 is 14\.6248 MeV"):
        read_showers(path)


def test_showers_in_gev_are_warned_of(tmp_path: Path) -> None:
    path = copy_of("egamma", tmp_path, scaled(1e-3, "showers"))
    with pytest.warns(SuspiciousInput, match="showers hold 0.00017 of the incident energy"):
        read_showers(path)


@pytest.mark.parametrize(
    ("name", "word"), [("incident_theta", "pi/2"), ("incident_phi", "2 pi")], ids=["theta", "phi"]
)
def test_angles_in_degrees_are_refused_with_the_row(tmp_path: Path, name: str, word: str) -> None:
    path = copy_of("egamma", tmp_path, scaled(180 / math.pi, name))
    for read in (read_showers, read_conditions):
        with pytest.raises(InputError, match=rf"x.h5: {name} row \d+ is .* beyond {word}.* pi/180"):
            read(path)


def test_a_direction_away_from_the_face_is_refused_where_it_stands(tmp_path: Path) -> None:
    def turn(columns: Columns) -> None:
        columns["incident_theta"][1234] = 1.6

    path = copy_of("egamma", tmp_path, turn)
    with pytest.raises(InputError, match=r"incident_theta row 1234 is 1\.6, beyond pi/2"):
        read_rows(path, 1000, 1500)
    assert len(read_rows(path, 0, 1234)) == 1234


def test_angles_up_to_the_limits_are_read(tmp_path: Path) -> None:
    def to_the_limits(columns: Columns) -> None:
        columns["incident_theta"][:2] = np.float32(math.pi / 2), -0.2
        columns["incident_phi"][:2] = np.float32(2 * math.pi), -np.float32(math.pi)

    assert len(read_showers(copy_of("egamma", tmp_path, to_the_limits))) == 2500


@pytest.mark.parametrize("pdg", [-2212, 22], ids=["antiprotons", "photons"])
def test_soft_particles_are_read(pdg: int, tmp_path: Path) -> None:
    """Antiprotons annihilate: they leave more than their kinetic energy. Photons leave their own at most."""
    released = 2 * 938.3 if pdg == -2212 else 0.0
    rng = np.random.default_rng(1)
    energy = rng.uniform(220, 300, 400).astype(np.float32)
    showers = np.zeros((400, 900), np.float32)
    showers[:, 465] = (energy + released) * rng.normal(1, 0.15, 400)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["incident_energies"], file["showers"] = energy[:, None], showers
        file["incident_pdg"] = np.full(400, pdg)
    with warnings.catch_warnings(action="error"):
        assert len(read_showers(tmp_path / "x.h5")) == 400


def test_single_strange_rows_are_no_question_of_units(tmp_path: Path) -> None:
    def strange(columns: Columns) -> None:
        columns["showers"][5, 0] = 1e7

    assert len(read_showers(copy_of("egamma", tmp_path, strange))) == 2500
