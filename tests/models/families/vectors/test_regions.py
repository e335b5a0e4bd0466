"""Showers as ratios of regions and back, and stages of a trained model around them."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import pytest
import torch

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.data.shower_geometry import shared_geometry
from monsoon.models.errors import InputError
from monsoon.models.families.flow.flow import Flow
from monsoon.models.families.flow.sectors import Sectors
from monsoon.models.families.vae import Vae
from monsoon.models.families.vectors.ratios import Ratios
from monsoon.models.families.vectors.regions import RegionVectors
from monsoon.models.families.vectors.vectors import Begun
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.store.shipped import SAMPLES

SMALL = {"representation": "regions", "hidden": 16, "latent": 4, "seed": 1}
WIDTHS = {"energy_hidden": 16, "hits_hidden": 16, "split_hidden": 16}


@cache
def sample(name: str = "egamma-heldout") -> tuple[ShowerSet, Geometry]:
    path = SAMPLES / f"{name}.h5"
    return read_rows(path, 0, 300), shared_geometry([str(path)], None)


@cache
def flow() -> Flow:
    rows, geometry = sample()
    return Flow.prepare({"couplings": 2, "hidden": 16, "bins": 4, **WIDTHS, "seed": 3}, rows, geometry)


def vectors(name: str = "egamma-heldout", **options: Any) -> RegionVectors:
    return cast(RegionVectors, Vae.prepare({**SMALL, **options}, *sample(name)).vectors)


@pytest.mark.parametrize("name", ["egamma-heldout", "hadrons-heldout", "siw-electrons"])
def test_shares_come_back_from_their_ratios_and_any_ratios_are_a_division(name: str) -> None:
    rows, geometry = sample(name)
    sectors = Sectors(geometry)
    ratios = Ratios(sectors)
    energies = sectors.sums(rows.showers.energy_mev)
    energies = energies[energies.sum(1) > 0]
    hit = (energies > 0).float()
    values, present = ratios(energies)
    assert ratios.count == sectors.count - 1
    assert torch.equal(ratios.present(hit), present)
    assert torch.equal(present.sum(1), hit.sum(1) - 1)  # as many numbers as shares are free
    torch.testing.assert_close(
        ratios.shares(values, present, hit), energies / energies.sum(1, True), rtol=1e-4, atol=1e-7
    )
    other = ratios.shares(3 * torch.randn(values.shape), present, hit)
    torch.testing.assert_close(other.sum(1), torch.ones(len(other)))
    assert torch.equal(other > 0, hit > 0)


@pytest.mark.parametrize("name", ["egamma-heldout", "siw-electrons"])
def test_regions_have_the_energies_that_their_vectors_say_and_hits_are_hit(name: str) -> None:
    of, (rows, _) = vectors(name), sample(name)
    image = rows.showers.energy_mev
    encoded = of.encode(Batch.of(rows, torch.arange(len(rows))))
    known, simple = of.told.known(rows.conditions)
    visible = image.sum(1)
    classes = of.energy.classes(visible)
    coordinate = of.energy.coordinate(simple, rows.conditions.energy_mev, visible, classes)
    quadratics = of.told.quadratics(known, classes, coordinate)
    noise = torch.rand(len(rows), of.splits.nodes)
    drawn = torch.cat([visible[:, None], (image > 0).float(), noise, quadratics], 1)
    with torch.no_grad():
        made = of.finish(rows.conditions, Begun(encoded.context, encoded.present, drawn), encoded.x)
    torch.testing.assert_close(of.sectors.sums(made), of.sectors.sums(image), rtol=1e-3, atol=1e-4)
    assert torch.equal(made > 0, image > 0)


def test_energies_of_regions_have_gradients_in_the_vectors() -> None:
    of, (rows, _) = vectors(), sample()
    begun = of.begin(rows.conditions[:20], torch.rand(20, of.noise_dimensions).clamp(1e-3, 1 - 1e-3))
    x = torch.zeros(20, of.width).requires_grad_(True)
    image = of.finish(rows.conditions[:20], begun, x)
    (slope,) = torch.autograd.grad(of.sectors.sums(image)[:, of.sectors.count - 1].sum(), x)
    up = of.finish(rows.conditions[:20], begun, (x + 1e-2 * slope.sign()).detach())
    before, after = (of.sectors.sums(some)[:, -1] for some in (image.detach(), up))
    there = slope.any(1)
    assert there.any()
    assert (after[there] > before[there]).all()


def test_stages_of_a_trained_model_are_taken_and_not_learned() -> None:
    of = vectors(stages=flow())
    assert of.taken == ("energy", "hits", "splits")
    assert not of.learned()
    for name in of.taken:
        theirs = getattr(flow(), name).state_dict()
        assert all(torch.equal(value, theirs[key]) for key, value in getattr(of, name).state_dict().items())
    encoded = of.encode(Batch.of(sample()[0], torch.arange(300)), 0)
    assert not encoded.loss.any()


def test_a_stage_of_another_width_than_the_trained_one_is_learned() -> None:
    network = Vae.prepare({**SMALL, "stages": flow(), "hits_hidden": 32}, *sample())
    of = cast(RegionVectors, network.vectors)
    assert of.taken == ("energy", "splits")
    learned = {id(parameter) for parameter in network.optimisers()["stages"]}
    assert learned == {id(parameter) for parameter in of.hits.parameters()}


def test_models_of_regions_give_their_stages_too() -> None:
    first = Vae.prepare({**SMALL, **WIDTHS}, *sample())
    assert vectors(stages=first).taken == ("energy", "hits", "splits")


def test_stages_of_other_species_or_without_are_refused() -> None:
    with pytest.raises(InputError, match="stages is no flow, or model of regions, of these voxels"):
        vectors("hadrons-heldout", stages=flow())
    voxels = Vae.prepare({"hidden": 16, "latent": 4}, *sample())
    with pytest.raises(InputError, match="stages is no flow"):
        vectors(stages=voxels)


def test_an_unknown_representation_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="representation 'cubes' is not voxels or regions"):
        Vae.prepare({**SMALL, "representation": "cubes"}, *sample())
