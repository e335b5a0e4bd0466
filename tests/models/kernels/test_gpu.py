"""Triton kernels of generators agree with the reference in float64, in the interpreter or on a GPU.

Tolerances: gather is exact; splines 1e-6, as the CPU's; splits 1e-3 of a pixel's energy and 1e-4 MeV, the
same; transport 1e-4 and 1e-5 MeV, where no random number lies within rounding of a chance.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monsoon.engine.noise import Purpose, uniform
from monsoon.models.families.flow.sectors import Sectors
from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.counted import Counted, packed
from monsoon.models.kernels.dispatch import GATHER, HITS, INVERSE_SPLINE, SPLINE, SPLIT, TRANSPORT
from monsoon.models.kernels.gather import compress
from monsoon.models.kernels.hits import HitNetwork
from monsoon.models.kernels.spline import reference as spline_reference
from monsoon.models.kernels.split import INPUTS, SplitNetwork
from monsoon.models.kernels.transport import Asked, Stored
from tests.models.kernels import test_hits as of_hits
from tests.models.kernels import test_transport
from tests.models.kernels.test_spline import BOUND, extremes, parameters, points, worked_out
from tests.on_gpu import DEVICE, NEEDS_TRITON, in_triton, moved, poisoned

pytestmark = NEEDS_TRITON
SMALL = Sectors(Planar(rows=11, columns=11, centre=5))


@pytest.mark.parametrize("count", [0, 1, 63, 500])
def test_gather(count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    images = (torch.rand(50, 900, generator=generator) - 0.9).clamp(min=0)
    images[3] = 0
    shower = torch.randint(0, 50, (count,), generator=generator)
    symmetry = torch.randint(0, 8, (count,), generator=generator)
    scale = torch.rand(count, generator=generator) * 3
    arguments = (compress(images), shower, torch.argsort(Planar().symmetries, 1), symmetry, scale)
    assert torch.equal(in_triton(GATHER, *arguments), GATHER.by("reference")(*arguments))


SIZES = pytest.mark.parametrize(("count", "bins"), [(0, 8), (1, 8), (63, 1), (63, 3), (500, 8)])


@SIZES
def test_inverse_splines(count: int, bins: int) -> None:
    y, raw = points(count), parameters(count, bins)
    expected, _ = spline_reference.spline(y.double(), raw.double(), BOUND, inverse=True)
    found = in_triton(INVERSE_SPLINE, y, raw, BOUND)
    torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-6)


def splines_agree(x: Tensor, raw: Tensor) -> None:
    """Value, log slope and both gradients."""
    generator = torch.Generator().manual_seed(4)
    weights = (torch.randn(x.shape, generator=generator), torch.randn(x.shape, generator=generator))
    with poisoned():
        got = worked_out(SPLINE.by("cuda"), *moved((x, raw, weights), DEVICE))
    expected = worked_out(spline_reference.spline, x.double(), raw.double(), weights)
    for one, other in zip(moved(got, "cpu"), expected, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one.double(), other, atol=1e-6, rtol=1e-6)


@SIZES
def test_splines_and_their_gradients(count: int, bins: int) -> None:
    splines_agree(points(count), parameters(count, bins))


def test_splines_where_raw_parameters_are_extreme_and_at_and_beyond_the_bound() -> None:
    splines_agree(points(200), torch.cat([extremes(100), parameters(100, size=30.0)]))
    beyond = torch.tensor([BOUND, BOUND + 1, 1e6])
    within = torch.nextafter(torch.tensor([BOUND, -BOUND]), torch.zeros(()))
    splines_agree(torch.cat([beyond, -beyond, within]), parameters(8))


def some_pixels(showers: int, pixels: int = 34) -> tuple[HitNetwork, Tensor]:
    """A network of some pixels, 34 are more than a word has bits, and numbers for it."""
    base, start, *rest = of_hits.network(showers)
    return HitNetwork(base[:, :pixels], start, *(part[:pixels] for part in rest)), of_hits.uniform(showers)[
        :, :pixels
    ]


@pytest.mark.parametrize("showers", [0, 1, 63])
def test_hits(showers: int) -> None:
    """Each is decided as in float64 after the same pixels, but for numbers within 1e-5 of a chance."""
    network, noise = some_pixels(showers)
    hit = in_triton(HITS, network, noise)
    assert hit.shape == noise.shape
    assert hit.dtype == torch.bool
    wide = type(network)(*(part.double() if part.is_floating_point() else part for part in network))
    hidden = wide.start
    for k in range(noise.shape[1]):
        near = network.near[k].long()
        around = hit[:, near.clamp(min=0)].double() * (near >= 0)
        logit = wide.base[:, k] + torch.relu(hidden) @ wide.last[k] + around @ wide.beside[k]
        chance = torch.sigmoid(logit)
        clear = (noise[:, k] - chance).abs() > 1e-5
        assert torch.equal(hit[clear, k], (noise[:, k] < chance)[clear])
        hidden = hidden + hit[:, k, None] * wide.first[k]


def test_hits_do_not_depend_on_the_batch() -> None:
    network, noise = some_pixels(16, 12)
    part = network._replace(base=network.base[5:12], start=network.start[5:12])
    assert torch.equal(in_triton(HITS, part, noise[5:12]), in_triton(HITS, network, noise)[5:12])


KEY, STREAM, FIRST = (3, 1 << 31), 1 << 24, 2


def counted(showers: int) -> Counted:
    """Numbers of events beyond 2^32, from the third on."""
    event = (1 << 33) + torch.arange(showers) // 3
    return Counted(packed(KEY), event, torch.arange(showers) % 3, STREAM, FIRST)


def made(noise: Counted, columns: int) -> Tensor:
    """The same numbers in memory, as campaigns make them."""
    seed = KEY[1] << 32 | KEY[0]
    rows = noise.event.numpy(), noise.number.numpy()
    return uniform(seed, *rows, Purpose.SHOWER, FIRST + columns)[:, FIRST:]


def test_hits_and_splits_are_the_same_with_numbers_that_kernels_make_themselves() -> None:
    network, _ = some_pixels(5, 12)
    noise = made(counted(5), 12)
    assert torch.equal(in_triton(HITS, network, counted(5)), in_triton(HITS, network, noise))
    *_, found, _ = divided(1, 30.0, 0.2, counted(1))
    *_, expected, _ = divided(1, 30.0, 0.2, made(counted(1), len(SMALL.fine.children)))
    assert torch.equal(found, expected)


def divided(
    showers: int, scale: float, chance: float, given: Tensor | Counted | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sectors' energies, hit pixels, the kernel's images, and those of the reference in float64."""
    tree, sectors, nodes = SMALL.fine, len(SMALL.fine.roots), len(SMALL.fine.children)
    generator = torch.Generator().manual_seed(showers)

    def of(*shape: int) -> Tensor:
        return 0.5 * torch.randn(*shape, generator=generator)

    hidden, out = 24, 3 * 5 + 1
    shapes = ((INPUTS, hidden), (nodes, hidden), (showers, sectors, hidden), (hidden, hidden), (hidden,))
    network = SplitNetwork(*(of(*shape) for shape in shapes), of(hidden, out), of(out))
    hit = torch.rand(showers, SMALL.grid.voxels, generator=generator) < chance
    some = SMALL.sums(hit.float())[:, -sectors:] > 0
    energy = scale * torch.rand(showers, sectors, generator=generator) ** 4 * some
    noise = torch.rand(showers, nodes, generator=generator).clamp(1e-6, 1 - 1e-6)
    usual = torch.rand(SMALL.grid.voxels, generator=generator) + 0.1
    drawn = noise if given is None else given
    found = in_triton(SPLIT, energy, hit, usual, tree.roots, tree.children, network, drawn)
    wide = SplitNetwork(*(part.double() for part in network))
    shape = (tree.roots, tree.children)
    true = SPLIT.by("reference")(energy.double(), hit, usual.double(), *shape, wide, noise.double())
    return energy, hit, found, true


@pytest.mark.parametrize(
    ("showers", "scale", "chance"),
    [(0, 30.0, 0.3), (1, 30.0, 0.3), (5, 30.0, 0.3), (2, 1e4, 1.0), (3, 0.02, 0.03)],
)
def test_splits(showers: int, scale: float, chance: float) -> None:
    energy, hit, found, true = divided(showers, scale, chance)
    torch.testing.assert_close(found.double(), true, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(SMALL.sums(found)[:, -energy.shape[1] :], energy, atol=1e-5, rtol=1e-5)
    assert not found[~hit].any()


@pytest.mark.parametrize("count", [0, 1, 10])
def test_transport_of_showers(count: int) -> None:
    rank, maps = test_transport.RANK, test_transport.usual()
    generator = torch.Generator().manual_seed(count)
    own = torch.tanh(torch.randn(40, rank, generator=generator))
    shower = torch.randint(0, 40, (count,), generator=generator)
    shower[:1] = 0  # an empty one
    library = test_transport.images(40, torch.sigmoid(maps.hit_bias))
    activity = 0.5 + torch.rand(40, generator=generator)
    asked = Asked(
        shower,
        torch.randint(0, 8, (count,), generator=generator),
        own[shower] + 0.3 * torch.randn(count, rank, generator=generator),
        torch.randn(count, rank, generator=generator),
        100 * torch.rand(count, generator=generator),
        torch.randint(0, 1 << 46, (count,), generator=generator),
    )
    stored = Stored(library, test_transport.logits(library, own, maps), activity, own)
    arguments = (stored, asked, test_transport.PERMUTATIONS, test_transport.VALID, maps)
    expected, found = TRANSPORT.by("reference")(*arguments), in_triton(TRANSPORT, *arguments)
    same = ((expected > 0) == (found > 0)).all(1)
    assert same.sum() >= 0.9 * count
    torch.testing.assert_close(found[same], expected[same], atol=1e-5, rtol=1e-4)
