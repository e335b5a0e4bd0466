"""Shower statistics on images whose answers are known, and on Geant4 showers."""

from __future__ import annotations

from math import log, sqrt

import pytest
import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.geometry.observables import (
    THRESHOLDS_MEV,
    centroid_mm,
    displacement_mm,
    entropy,
    lateral_profile,
    leading_fractions,
    response,
    second_moments_mm2,
    sparsity,
    widths_mm,
)
from monsoon.models.geometry.planar import Planar, reflect
from monsoon.models.records import Conditions, Showers
from monsoon.models.store.shipped import SAMPLES

GRID = Planar()
SMALL = Planar(rows=6, columns=6, centre=3)


def one_pixel(row: int, column: int, mev: float) -> Showers:
    image = torch.zeros(1, 30, 30)
    image[0, row, column] = mev
    return Showers(image.reshape(1, -1))


def two_pixels() -> Showers:
    """3 MeV in the impact pixel and 1 MeV two columns right and one row up of it."""
    return Showers(one_pixel(15, 15, 3.0).energy_mev + one_pixel(16, 17, 1.0).energy_mev)


def condition(energy_mev: float, offset_mm: tuple[float, float] = (0.0, 0.0)) -> Conditions:
    return Conditions(
        torch.tensor([22]),
        torch.tensor([energy_mev]),
        torch.tensor([[0.0, 0.0, 1.0]]),
        torch.tensor([offset_mm]),
    )


@pytest.fixture(scope="module")
def heldout() -> ShowerSet:
    return read_showers(SAMPLES / "egamma-heldout.h5")[:300]


def test_response_is_visible_over_incident_energy() -> None:
    assert response(condition(2000.0), one_pixel(3, 4, 334.0)).item() == pytest.approx(0.167)


def test_centroid_is_where_the_energy_is() -> None:
    assert centroid_mm(one_pixel(17, 12, 5.0), GRID).tolist() == [pytest.approx([-3 * 20.2, 2 * 20.2])]
    assert centroid_mm(Showers(torch.zeros(1, 900)), GRID).tolist() == [[0, 0]]


def test_displacement_is_seen_from_the_impact_point() -> None:
    found = displacement_mm(condition(1.0, (4.0, -7.0)), two_pixels(), GRID)
    assert found.tolist() == [pytest.approx([0.25 * 40.4 - 4, 0.25 * 20.2 + 7], rel=1e-6)]


def test_widths_are_the_rms_about_the_centroid() -> None:
    rms = sqrt(0.25 * 0.75)  # of a step of one with probability 1/4
    assert widths_mm(two_pixels(), GRID).tolist() == [pytest.approx([rms * 40.4, rms * 20.2], rel=1e-6)]
    assert widths_mm(one_pixel(29, 0, 3.0), GRID).tolist() == [[0, 0]]


def test_second_moments_are_about_the_impact_point() -> None:
    found = second_moments_mm2(condition(1.0, (4.0, -7.0)), two_pixels(), GRID)
    near, far = (-4.0, 7.0), (40.4 - 4, 20.2 + 7)
    wanted = [0.75 * near[a] * near[b] + 0.25 * far[a] * far[b] for a, b in ((0, 0), (1, 1), (0, 1))]
    assert found.tolist() == [pytest.approx(wanted, rel=1e-6)]


def test_asymmetry_counts_right_less_left_and_above_less_below() -> None:
    image = one_pixel(20, 10, 1.0).energy_mev + one_pixel(15, 16, 3.0).energy_mev
    assert GRID.asymmetry(Showers(image)).tolist() == [pytest.approx([0.5, 0.25])]
    assert GRID.asymmetry(one_pixel(0, 0, 2.0)).tolist() == [[0, 0]]  # without a partner


def test_leading_fractions_add_the_largest_pixels() -> None:
    energy = torch.zeros(1, 900)
    energy[0, [5, 80, 300, 301, 888]] = torch.tensor([1.0, 4.0, 2.0, 2.0, 1.0])
    assert leading_fractions(Showers(energy)).tolist() == [pytest.approx([0.4, 0.6, 0.9, 1.0])]


@pytest.mark.parametrize("side", [1, 2])
def test_images_of_few_pixels_have_all_observables(side: int) -> None:
    small = Planar(side, side, 40.4, 0)
    found = small.observables(condition(1.0), Showers(torch.ones(1, side * side)))
    assert all(bool(values.isfinite().all()) for values in found.values())
    assert float(found["leading_8"]) == pytest.approx(1)


def test_containment_grows_with_the_square_about_the_impact_pixel() -> None:
    energy = one_pixel(14, 16, 5.0).energy_mev + one_pixel(13, 15, 3.0).energy_mev
    energy += one_pixel(15, 18, 2.0).energy_mev
    assert GRID.containment(Showers(energy)).tolist() == [pytest.approx([0.5, 0.8])]


def test_lateral_profile_sums_to_one_over_all_rings() -> None:
    edges = torch.tensor([0.0, 10, 30, 60, 1000])
    image = one_pixel(15, 15, 3.0).energy_mev + one_pixel(15, 16, 1.0).energy_mev
    profile = lateral_profile(condition(1.0), Showers(image), GRID, edges)
    # the impact pixel's own centre is at distance 0, on the edge of the first ring
    assert profile.sum().item() == pytest.approx(1)
    assert profile[0].tolist() == pytest.approx([0.75, 0.25, 0, 0])


def test_sparsity_is_a_half_at_the_threshold_and_a_step_elsewhere() -> None:
    for number, threshold in enumerate(THRESHOLDS_MEV):
        below, at, above = (
            sparsity(one_pixel(3, 3, threshold * r))[0, number].item() * 900 for r in (0.65, 1.0, 1.54)
        )
        assert (below, at, above) == pytest.approx((0, 0.5, 1), abs=1.1e-3)


def test_sparsity_agrees_with_the_hard_count(heldout: ShowerSet) -> None:
    soft = sparsity(heldout.showers) * 900
    energy = heldout.showers.energy_mev
    hard = torch.stack([(energy > threshold).sum(1) for threshold in THRESHOLDS_MEV], 1).double()
    # at most 4 pixels off in one shower, and 1 % on average
    assert (soft - hard).abs().max() < 4
    assert soft.mean(0).tolist() == pytest.approx(hard.mean(0).tolist(), rel=0.01)


def test_entropy_is_the_logarithm_of_the_number_of_equal_pixels() -> None:
    energy = torch.zeros(1, 900)
    energy[0, ::9] = 0.3
    assert entropy(Showers(energy)).item() == pytest.approx(log(100), abs=2e-4)
    assert entropy(one_pixel(3, 3, 7.0)).item() == pytest.approx(0, abs=2e-6)


def test_observables_are_finite_named_and_in_one_order(heldout: ShowerSet) -> None:
    named = GRID.observables(heldout.conditions, heldout.showers)
    assert list(named)[:4] == ["visible_mev", "response", "centroid_x_mm", "centroid_y_mm"]
    assert len(named) == 27
    for values in named.values():
        assert values.shape == (300,)
        assert values.dtype == torch.float64
        assert values.isfinite().all()
    rings = torch.stack([values for name, values in named.items() if name.startswith("ring_")], 1)
    assert rings.sum(1).numpy() == pytest.approx(1)


def test_observables_of_a_row_do_not_depend_on_the_other_rows(heldout: ShowerSet) -> None:
    every = GRID.observables(heldout.conditions, heldout.showers)
    part = GRID.observables(heldout.conditions[7:9], heldout[7:9].showers)
    for name, values in part.items():
        assert values.numpy() == pytest.approx(every[name][7:9].numpy(), rel=1e-12, abs=1e-9), name


def test_a_shower_without_energy_has_zeros_everywhere() -> None:
    named = GRID.observables(condition(5000.0, (3.0, -4.0)), Showers(torch.zeros(1, 900)))
    assert {name: values.item() for name, values in named.items()} == dict.fromkeys(named, 0.0)


def test_scaling_a_shower_changes_only_its_energy_and_its_sparsity(heldout: ShowerSet) -> None:
    one = GRID.observables(heldout.conditions, heldout.showers)
    double = GRID.observables(heldout.conditions, Showers(heldout.showers.energy_mev * 2))
    for name, values in one.items():
        if name in ("visible_mev", "response"):
            values = 2 * values
        elif name.startswith("pixels_above"):
            assert (double[name] >= values).all()
            continue
        assert double[name].numpy() == pytest.approx(values.numpy(), rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("g", range(1, 8))
def test_symmetries_flip_and_swap_x_and_y(heldout: ShowerSet, g: int) -> None:
    image = heldout.showers.energy_mev.clone().reshape(-1, 30, 30)
    image[:, 0], image[:, :, 0] = 0, 0  # they have no partner
    energy = image.reshape(-1, 900)
    c = heldout.conditions
    every = torch.full((len(heldout),), g)
    turned = Conditions(c.pdg, c.energy_mev, c.direction, reflect(c.offset_mm, every))
    before = GRID.observables(c, Showers(energy))
    after = GRID.observables(turned, Showers(energy[:, GRID.symmetries[g]]))
    signs = {"x": -1.0 if g & 1 else 1.0, "y": -1.0 if g & 2 else 1.0}
    other = {"x": "y", "y": "x"} if g & 4 else {"x": "x", "y": "y"}
    for name, values in before.items():
        wanted, at = values, name
        for axis in "xy":
            if name in (f"centroid_{axis}_mm", f"asymmetry_{axis}"):
                wanted, at = signs[axis] * values, name.replace(f"_{axis}", f"_{other[axis]}")
            elif name == f"width_{axis}_mm":
                at = f"width_{other[axis]}_mm"
            elif name == f"moment_{axis}{axis}_mm2":
                at = f"moment_{other[axis] * 2}_mm2"
        if name == "moment_xy_mm2":
            wanted = signs["x"] * signs["y"] * values
        if name.startswith("ring_"):  # a pixel on a ring's edge may fall on either side of it
            assert (after[at] - wanted).abs().median() < 1e-9
            continue
        assert after[at].numpy() == pytest.approx(wanted.numpy(), rel=1e-6, abs=1e-4), name


def small_showers() -> tuple[Conditions, Tensor]:
    """Three showers of 6x6 pixels, a third of them dark."""
    generator = torch.Generator().manual_seed(3)
    energy = torch.rand(3, 36, generator=generator, dtype=torch.float64) * 3 + 0.2
    energy[:, ::3] = 0
    conditions = Conditions(
        torch.full((3,), 22),
        torch.tensor([40.0, 60.0, 90.0], dtype=torch.float64),
        torch.tensor([[0.0, 0.0, 1.0]]).expand(3, 3),
        torch.rand(3, 2, generator=generator, dtype=torch.float64) * 10 - 5,
    )
    return conditions, energy


def test_gradients_are_those_of_finite_differences() -> None:
    conditions, energy = small_showers()
    conditions, energy = conditions[:2], energy[:2]
    hit = energy > 0

    def every(values: Tensor) -> tuple[Tensor, ...]:
        # dark pixels stay dark: a difference there would step to negative energies
        image = torch.zeros_like(energy).masked_scatter(hit, values)
        return tuple(SMALL.observables(conditions, Showers(image)).values())

    values = energy[hit].requires_grad_()
    assert torch.autograd.gradcheck(every, (values,), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("dark", ["some pixels", "all pixels", "all but one"])
def test_gradients_are_finite_where_there_is_no_energy(dark: str) -> None:
    conditions, energy = small_showers()
    if dark != "some pixels":
        energy[:] = 0
    if dark == "all but one":
        energy[:, 21] = 3
    energy.requires_grad_()
    for name, values in SMALL.observables(conditions, Showers(energy)).items():
        (gradient,) = torch.autograd.grad(values.sum(), energy, retain_graph=True)
        assert gradient.isfinite().all(), name
