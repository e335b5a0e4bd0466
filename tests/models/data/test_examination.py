"""Files are looked at before a long job: their geometry, their units, rows that they share."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from monsoon.models.data.examination import BLOCK, PROBE_ROWS, PROBES, examine_file, shared_rows
from monsoon.models.data.shower_files import ShowerSet, read_showers, write_showers
from monsoon.models.errors import InputError, SuspiciousInput
from monsoon.models.records import Conditions, Showers
from monsoon.models.store.shipped import SAMPLES

HELD_OUT = SAMPLES / "egamma-heldout.h5"


def joined(path: Path, *parts: ShowerSet) -> Path:
    of = [part.conditions for part in parts]
    names = ("pdg", "energy_mev", "direction", "offset_mm")
    conditions = Conditions(*(torch.cat([getattr(c, name) for c in of]) for name in names))
    showers = Showers(torch.cat([part.showers.energy_mev for part in parts]))
    write_showers(path, ShowerSet(conditions, showers, torch.ones(len(conditions))), {})
    return path


def test_shipped_training_and_held_out_samples_share_no_row() -> None:
    for name in ("egamma", "hadrons"):
        assert shared_rows([SAMPLES / f"{name}.h5"], [SAMPLES / f"{name}-heldout.h5"]) == {}


def test_shared_rows_are_found_wherever_they_are(tmp_path: Path) -> None:
    library, held_out = read_showers(SAMPLES / "egamma.h5"), read_showers(HELD_OUT)
    rows = torch.tensor([0, BLOCK - 1, BLOCK, 15_499])  # edges of what is in memory together
    whole = read_showers(SAMPLES / "egamma.h5")
    validation = joined(tmp_path / "v.h5", held_out[:100], library[rows], held_out[100:130])
    clean = joined(tmp_path / "clean.h5", held_out[130:200])
    train = joined(tmp_path / "t.h5", whole)
    found = shared_rows([clean, train], [HELD_OUT, validation])
    assert found == {
        (str(HELD_OUT), str(clean)): 70,
        (str(validation), str(train)): 4,
    }


def test_rows_that_differ_in_energy_or_shower_are_not_shared(tmp_path: Path) -> None:
    some = read_showers(HELD_OUT)[:50]
    c = some.conditions
    moved = ShowerSet(
        Conditions(c.pdg, c.energy_mev * 1.001, c.direction, c.offset_mm), some.showers, some.weight
    )
    brighter = ShowerSet(c, Showers(some.showers.energy_mev * 1.001), some.weight)
    train = joined(tmp_path / "t.h5", some)
    assert shared_rows([train], [joined(tmp_path / "v.h5", moved, brighter)]) == {}
    assert sum(shared_rows([train], [joined(tmp_path / "w.h5", moved, some)]).values()) == 50


def test_empty_showers_of_one_energy_are_not_shared_rows(tmp_path: Path) -> None:
    pdg, energy = torch.full((20,), 211, dtype=torch.int32), torch.full((20,), 1024.0)
    c = Conditions(pdg, energy, torch.tensor([0.0, 0.0, 1.0]).repeat(20, 1), torch.zeros(20, 2))
    empty = ShowerSet(c, Showers(torch.zeros(20, 900)), torch.ones(20))
    files = [joined(tmp_path / name, empty) for name in ("a.h5", "b.h5")]
    assert shared_rows(files[:1], files[1:]) == {}


def test_rows_in_gev_are_found_all_over_a_large_file_and_named_as_it_counts(tmp_path: Path) -> None:
    """The first half is in MeV, the second in GeV; most rows are not looked at."""
    rows = 4 * PROBES * PROBE_ROWS
    energy = np.full(rows, 50_000.0, np.float32)
    energy[rows // 2 :] = 50.0
    showers = np.zeros((rows, 4), np.float32)
    showers[:, 0] = 8_000
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["incident_energies"], file["showers"] = energy[:, None], showers
        file["incident_pdg"] = np.full(rows, 22)
    with pytest.raises(InputError, match=rf"showers row {rows // 2} holds 8000 MeV"):
        examine_file(tmp_path / "x.h5")


def test_conditions_alone_are_examined(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["incident_energies"], file["incident_pdg"] = np.full((9, 1), 50.0), np.full(9, 22)
    with pytest.warns(SuspiciousInput, match="c.h5: incident_energies row 0 is 50 MeV"):
        examine_file(tmp_path / "c.h5")
