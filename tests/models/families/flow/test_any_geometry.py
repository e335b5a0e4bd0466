"""The flow on layers of rings and on other images: it trains, samples, keeps energy, and comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from monsoon.models.data.batches import mirrored_batch
from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.families.flow.flow import Flow
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.planar import Planar
from monsoon.models.geometry.stored import SHIPPED
from monsoon.models.store.checkpoint import load, save
from monsoon.models.store.shipped import SAMPLES
from tests.models.merging import coarser_image, like_set_1

SMALL = {
    "couplings": 2, "hidden": 32, "bins": 4, "energy_hidden": 16, "hits_hidden": 16, "split_hidden": 16,
    "hits_asked": 48, "split_asked": 12,
}  # fmt: skip
ROWS = 600


def ragged() -> tuple[ShowerSet, Geometry]:
    stack = SHIPPED["calochallenge-2"]()
    assert isinstance(stack, Cylindrical)
    merge = like_set_1(stack)
    return merge(read_rows(SAMPLES / "siw-electrons.h5", 0, ROWS)), merge.geometry


def large_pixels() -> tuple[ShowerSet, Geometry]:
    merge = coarser_image(Planar(), 2)
    return merge(read_rows(SAMPLES / "egamma.h5", 0, ROWS)), merge.geometry


@pytest.mark.parametrize("made", [ragged, large_pixels])
def test_a_flow_of_any_geometry_learns_and_comes_back(
    made: Callable[[], tuple[ShowerSet, Geometry]], tmp_path: Path
) -> None:
    data, geometry = made()
    flow = Flow.prepare(SMALL, data, geometry)
    optimisers = [torch.optim.Adam(p, 1e-2) for p in flow.optimisers().values()]
    held_out = mirrored_batch(data[400:], torch.arange(200), geometry)
    losses = []
    for step in range(60):
        rows = torch.randint(400, (64,), generator=torch.Generator().manual_seed(step))
        batch = mirrored_batch(data[rows], rows + 1000 * step, geometry)
        if step % 59 == 0:
            with torch.no_grad():
                losses.append(float(flow.validation_loss(held_out).mean()))
        for optimiser in optimisers:
            optimiser.zero_grad()
        torch.stack(list(flow.training_step(batch, step).values())).sum().div(64).backward()
        for name, parameter in flow.named_parameters():
            assert parameter.grad is not None, name
        for optimiser in optimisers:
            optimiser.step()
    assert losses[1] < losses[0] - 1
    save(tmp_path / "flow", flow, {})
    again = load(tmp_path / "flow").model
    conditions = data.conditions[400:]
    noise = torch.rand(200, flow.noise_dimensions, generator=torch.Generator().manual_seed(3))
    showers = again.sample(conditions, noise)
    assert torch.equal(showers.energy_mev, flow.sample(conditions, noise).energy_mev)
    assert again.fingerprint == flow.fingerprint
    assert showers.energy_mev.isfinite().all()
    assert (showers.energy_mev >= 0).all()
    response, real = (s.total_mev() / conditions.energy_mev for s in (showers, data[400:].showers))
    assert float(response.median()) == pytest.approx(float(real.median()), rel=0.2)
    hits, real_hits = ((s.energy_mev > 0).float().sum(1).mean() for s in (showers, data[400:].showers))
    assert float(hits) == pytest.approx(float(real_hits), rel=0.3)
    one = again.sample(conditions[7:8], noise[7:8])
    assert torch.equal(one.energy_mev[0], showers.energy_mev[7])


def test_options_that_are_not_given_are_not_stored() -> None:
    data, geometry = large_pixels()
    some = {key: value for key, value in SMALL.items() if not key.endswith("_asked")}
    assert not {"hits_asked", "split_asked"} & set(Flow.prepare(some, data, geometry).config)
