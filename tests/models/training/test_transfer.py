"""What a network takes over from a trained one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monsoon.models.data.shower_files import read_rows
from monsoon.models.errors import InputError
from monsoon.models.families.flow.flow import Flow
from monsoon.models.geometry.planar import Planar
from monsoon.models.store.checkpoint import CHECKPOINTS, save
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.training.transfer import take_over
from tests.models.toys import SMALL_FLOW


def prepared(name: str, seed: int, **options: int) -> Flow:
    return Flow.prepare(
        {"seed": seed, **SMALL_FLOW, **options}, read_rows(SAMPLES / f"{name}.h5", 0, 200), Planar()
    )


@pytest.fixture(scope="module")
def donor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Flow, Path]:
    model, folder = prepared("egamma-heldout", 1), tmp_path_factory.mktemp("donor")
    save(folder, model, {"name": "donor"})
    return model, folder


def test_weights_of_equal_names_and_shapes_are_taken_and_scales_are_not(donor: tuple[Flow, Path]) -> None:
    model, folder = donor
    network = prepared("egamma-heldout", 2)
    with torch.no_grad():
        network.hits.entropy.fill_(7.0)
    assert take_over(network, folder, "flow") == 1.0
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), model.parameters(), strict=True))
    assert (network.hits.entropy == 7).all()


def test_another_species_takes_what_does_not_know_it(donor: tuple[Flow, Path]) -> None:
    model, folder = donor
    network = prepared("hadrons-heldout", 2)
    share = take_over(network, folder, "flow")
    assert 0.3 < share < 1
    assert torch.equal(network.hits.first, model.hits.first)


def test_what_does_not_fit_is_refused(donor: tuple[Flow, Path]) -> None:
    network = prepared("egamma-heldout", 2)
    with pytest.raises(InputError, match="is a coupling-flow, not a flow"):
        take_over(network, CHECKPOINTS / "flow-rich", "flow")
    with pytest.raises(InputError, match="none of its weights fit"):
        take_over(torch.nn.Linear(3, 3), donor[1], "flow")
