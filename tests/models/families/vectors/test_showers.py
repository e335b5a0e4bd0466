"""Images as vectors and back, on both geometries."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.data.batches import Batch, mirrored_batch
from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.data.shower_geometry import shared_geometry
from monsoon.models.families.vectors.showers import ShowerVectors
from monsoon.models.families.vectors.vectors import Begun, Encoded
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.networks.energy import shower_quadratics
from monsoon.models.store.shipped import SAMPLES


def sample(name: str) -> tuple[ShowerSet, Geometry]:
    path = SAMPLES / f"{name}.h5"
    return read_rows(path, 0, 300), shared_geometry([path], None)


def made(rows: ShowerSet, geometry: Geometry) -> ShowerVectors:
    vectors = ShowerVectors.restore(ShowerVectors.prepare(ShowerVectors.options, rows, geometry))
    vectors.fit(rows)
    return vectors.requires_grad_(False)


def begun(vectors: ShowerVectors, rows: ShowerSet, encoded: Encoded) -> Begun:
    """As if exactly the energies of these rows had been drawn."""
    known, of_species = vectors._known(rows.conditions)
    visible = rows.showers.energy_mev.sum(1)
    classes = vectors.energy.classes(visible)
    coordinate = vectors.energy.coordinate(of_species, rows.conditions.energy_mev, visible, classes)
    regressors = shower_quadratics(known, coordinate, vectors.energy.one_hot(classes))
    return Begun(encoded.context, encoded.present, torch.cat([visible[:, None], regressors], 1))


@pytest.mark.parametrize("name", ["egamma-heldout", "hadrons-heldout", "siw-electrons"])
def test_images_come_back_from_their_vectors(name: str) -> None:
    rows, geometry = sample(name)
    vectors = made(rows, geometry)
    batch = Batch.of(rows, torch.arange(len(rows)))
    encoded = vectors.encode(batch)
    image = vectors.finish(rows.conditions, begun(vectors, rows, encoded), encoded.x)
    real = rows.showers.energy_mev
    torch.testing.assert_close(image, real, rtol=2e-3, atol=2e-3)
    assert torch.equal(image.sum(1) > 0, real.sum(1) > 0)
    assert float(((image > 0) == (real > 0)).float().mean()) > 0.9999


def test_vectors_are_of_unit_size_and_leave_out_what_a_symmetry_leaves_invalid() -> None:
    rows, geometry = sample("egamma-heldout")
    vectors = made(rows, geometry)
    encoded = vectors.encode(mirrored_batch(rows, torch.arange(len(rows)), geometry))
    assert 0.7 < float(encoded.x.std()) < 1.3
    assert encoded.x.abs().max() < 12
    assert not encoded.x[encoded.present == 0].any()
    assert 0 < float((encoded.present == 0).float().mean()) < 0.1


def test_the_log_slope_is_that_of_autograd() -> None:
    rows, geometry = sample("hadrons-heldout")
    rows = rows[rows.showers.energy_mev.sum(1) > 0]
    vectors = made(rows, geometry)
    encoded = vectors.encode(Batch.of(rows, torch.arange(len(rows))))
    regressors = begun(vectors, rows, encoded).drawn[:, 1:]
    energy = rows.showers.energy_mev.clone().requires_grad_(True)
    uniform = Batch.of(rows, torch.arange(len(rows))).uniform(vectors.width).requires_grad_(True)
    x = vectors.standard(regressors, vectors._logs(energy, uniform))
    torch.testing.assert_close(x.detach(), encoded.x)
    by_energy, by_uniform = torch.autograd.grad(x.sum(), [energy, uniform])  # voxel v moves x[v] alone
    slopes = torch.where(energy > 0, by_energy, by_uniform.abs()).double().log().sum(1)
    torch.testing.assert_close(encoded.log_slope.double(), slopes, rtol=1e-5, atol=1e-2)
