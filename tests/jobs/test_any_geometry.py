"""Files as the CaloChallenge has them, of a ragged layout: a library, a training, a validation."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.sample import sample
from monsoon.jobs.train import train
from monsoon.jobs.training_config import load_training
from monsoon.jobs.validation.showers import validate_showers as validate
from monsoon.models.data.shower_files import ShowerSet, read_rows, read_showers
from monsoon.models.data.shower_geometry import shower_geometry
from monsoon.models.geometry.binning import write_binning
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.stored import SHIPPED, geometry_of
from monsoon.models.metrics.effort import Effort
from monsoon.models.store.checkpoint import read_card
from monsoon.models.store.shipped import SAMPLES
from tests.models.merging import like_set_1

HASTY = Effort(
    1, 8, {"mlp": {"steps": 4}, "pixel-trees": {"trees": 4, "folds": 2}},
    ("pixel-trees", "whitened-cnn", "mlp"), drawn=1, epochs=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """binning.xml, and three files of energies and showers alone."""
    folder = tmp_path_factory.mktemp("ragged")
    stack = SHIPPED["calochallenge-2"]()
    assert isinstance(stack, Cylindrical)
    merge = like_set_1(stack)
    assert isinstance(merge.geometry, Cylindrical)
    write_binning(folder / "binning.xml", merge.geometry, "photon", 22)
    for name, first, end in (("train", 0, 640), ("validation", 640, 820), ("reference", 820, 1300)):
        write(folder / f"{name}.h5", merge(read_rows(SAMPLES / "siw-electrons.h5", first, end)))
    return folder


def write(path: Path, showers: ShowerSet) -> None:
    with h5py.File(path, "w") as file:
        file["incident_energies"] = showers.conditions.energy_mev.numpy()[:, None]
        file["showers"] = showers.showers.energy_mev.numpy()


def test_a_library_of_a_file_that_names_nothing_is_sampled(folder: Path) -> None:
    out, binning = folder / "generated.h5", f"{folder}/binning.xml#photon"
    wanted = str(folder / "reference.h5")
    with pytest.raises(InputError, match=r"train\.h5: names no geometry of its 161 voxels"):
        sample(str(folder / "train.h5"), wanted, str(out), species="electron")
    with pytest.raises(InputError, match=r"reference\.h5: no dataset incident_pdg; say which"):
        sample(str(folder / "train.h5"), wanted, str(out), geometry=binning)
    sample(str(folder / "train.h5"), wanted, str(out), geometry=binning, species="electron")
    assert shower_geometry(out).voxels == 161
    made, real = read_showers(out), read_rows(wanted, 0, None, 11)
    assert (made.conditions.pdg == 11).all()
    assert (made.conditions.energy_mev == real.conditions.energy_mev).all()
    ratio = made.showers.total_mev() / real.showers.total_mev()
    assert float(ratio.median()) == pytest.approx(1, abs=0.03)


def test_a_training_stores_the_geometry_that_it_was_told(folder: Path) -> None:
    config = folder / "train.yaml"
    config.write_text(
        f"family: flow\ntrain: [{folder}/train.h5]\nvalidation: [{folder}/validation.h5]\n"
        f"output: {folder}/flow\nsteps: 3\nbatch: 64\nvalidate_every: 3\nspecies: 11\n"
        f"geometry: {folder}/binning.xml\n"
        "options: {couplings: 2, hidden: 16, bins: 4, energy_hidden: 16, hits_hidden: 16, split_hidden: 16}\n"
    )
    assert not train(load_training(str(config)), local=True).failed
    stored = read_card(folder / "flow")
    assert stored["species"] == [11]
    assert geometry_of(stored["config"]["grid"]).voxels == 161
    with pytest.raises(InputError, match="species"):
        train(load_training(str(config), ["species=22"]), local=True)
    with pytest.raises(
        InputError, match="its showers have 161 voxels in 5 of 24 layers, the reference's 30 x 30"
    ):
        validate([str(folder / "flow")], reference=str(SAMPLES / "egamma-heldout.h5"), out=str(folder / "v"))


@pytest.mark.slow
def test_a_validation_says_what_it_did_not_ask(folder: Path) -> None:
    found = validate(
        [str(folder / "train.h5")],
        reference=str(folder / "reference.h5"),
        out=str(folder / "validation"),
        geometry=f"{folder}/binning.xml",
        species="electron",
        effort=HASTY,
        say=lambda _: None,
    )
    group = json.loads((found.page.parent / "report.json").read_text())["groups"]["egamma"]
    assert list(group["not_asked"]) == ["whitened-cnn"]
    ((who, metrics),) = group["metrics"].items()
    assert {"fpd", "kpd", "separation/layer_1_width_x_mm", "separation/layer_12_energy_mev"} <= set(metrics)
    assert {f"auc/calochallenge-{level} (1 of 50 epochs)" for level in ("low", "high")} <= set(metrics)
    assert list(group["classifiers"][who]) == ["pixel-trees", "mlp"]
    page = found.page.read_text()
    assert "not asked: 161 voxels in 5 of 24 layers are no square image about the impact" in page
    assert "depth profile" in page or "energy per layer" in page
