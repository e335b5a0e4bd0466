"""The density of showers is that of the sampler: its Jacobian, its frequencies, its cuts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import pytest
import torch
from torch import Tensor

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.families.flow import regions as flow_regions
from monsoon.models.families.flow.density import Density
from monsoon.models.families.flow.flow import COMMON, Flow
from monsoon.models.families.flow.integral import log_integral
from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.dispatch import SPLIT
from monsoon.models.kernels.operation import REFERENCE
from monsoon.models.records import Conditions, Showers

pytestmark = pytest.mark.slow

GRID = Planar(rows=2, columns=7, centre=(0, 1))  # ten pixels, and a sector of four
SECTOR = (5, 6, 12, 13)
INCIDENT = 2000.0
SMALL = {"couplings": 2, "hidden": 16, "bins": 4, "energy_hidden": 8, "hits_hidden": 8, "split_hidden": 8}


def conditions(rows: int, pdg: int) -> Conditions:
    of_one = torch.tensor([[0.1, -0.05, 0.9937]]), torch.tensor([[3.0, -2.0]])
    energy = torch.full((rows,), INCIDENT)
    return Conditions(torch.full((rows,), pdg), energy, *(part.repeat(rows, 1) for part in of_one))


def showers(rows: int, pdg: int) -> ShowerSet:
    """A few hit pixels; hadrons leave nothing, or energies about all ends of their classes."""
    generator = torch.Generator().manual_seed(3)
    hit = torch.rand(rows, GRID.voxels, generator=generator) < 0.12
    image = torch.exp(torch.randn(rows, GRID.voxels, generator=generator)) * hit
    total = 60 * torch.exp(0.7 * torch.randn(rows, 1, generator=generator))
    image *= total / image.sum(1, keepdim=True).clamp(min=1e-9)
    if pdg == 22:
        image[:, 1] += 5.0 * (image.sum(1) == 0)
    return ShowerSet(conditions(rows, pdg), Showers(image), torch.ones(rows))


def flow_of(pdg: int) -> Flow:
    """Untrained, with weights at random that are far from zero."""
    flow = Flow.prepare(SMALL, showers(3000, pdg), GRID)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.15 * torch.randn(parameter.shape, generator=generator))
    return flow


@pytest.fixture(scope="module")
def flow() -> Flow:
    return flow_of(211).requires_grad_(False)


@pytest.fixture(scope="module")
def double(flow: Flow) -> Flow:
    return flow_of(211).double().requires_grad_(False)


@pytest.fixture(scope="module")
def sample(flow: Flow) -> Tensor:
    """Many showers of one condition, [N, V]."""
    noise = torch.rand(60_000, flow.noise_dimensions, generator=torch.Generator().manual_seed(7))
    return flow.sample(conditions(len(noise), 211), noise.clamp(1e-7, 1 - 1e-7)).energy_mev


def pattern(image: Tensor, voxels: Sequence[int]) -> Tensor:
    """Whether these voxels are hit and no others, bool [N]."""
    wanted = torch.zeros(GRID.voxels, dtype=torch.bool).index_fill(0, torch.tensor(voxels), True)
    return cast(Tensor, ((image > 0) == wanted).all(1))


def density(flow: Flow, image: Tensor) -> Tensor:
    return of(flow).log_prob(conditions(len(image), 211), image)[:, 0].exp()


def of(flow: Flow) -> Density:
    """Without buckets, which few rows fill up."""
    return Density(flow.encoding, flow.hits, flow.regions, flow.splits)


def agrees(expected: float, found: Tensor) -> None:
    """A share of rows, bool [N], within four standard deviations of its expectation and half a per cent."""
    error = math.sqrt(expected * (1 - expected) / len(found))
    assert float(found.double().mean()) == pytest.approx(expected, abs=4 * error + 0.005 * expected)


def test_the_density_is_that_of_the_samplers_jacobian(monkeypatch: pytest.MonkeyPatch) -> None:
    """Autograd through each step of sampling: a shower with a common factor from as many Gaussian numbers.

    The density of both is that of the noise over the volume of the map; the sum over common factors is the
    shower's.
    """
    flow = flow_of(22).double()
    hit = torch.zeros(1, GRID.voxels, dtype=torch.bool)
    hit[0, [0, 1, 3, 8, *SECTOR[:3]]] = True
    c = Conditions(
        *(part.double() if part.is_floating_point() else part for part in vars(conditions(1, 22)).values())
    )
    known, simple = flow.encoding.known(c)
    regions, voxels = flow.sectors.count, torch.nonzero(hit[0])[:, 0]
    present = (flow.sectors.sums(hit.double()) > 0).double()
    there = torch.nonzero(present[0])[:, 0]
    divided = torch.nonzero((flow.sectors.fine.energies(hit.double())[0] > 0).all(1))[:, 0]
    assert (len(voxels), len(there), len(divided)) == (7, 5, 2)

    def steps(z: Tensor) -> tuple[Tensor, ...]:
        """[N, 1 + 5 + 2] -> energies [N, 7], common factor [N], and what `back` needs."""
        rows = len(z)
        kn, si = known.expand(rows, -1), simple.expand(rows, -1)
        u = torch.stack([torch.full_like(z[:, 0], 0.5), torch.special.ndtr(z[:, 0])], 1)
        classes, coordinate, visible = flow.energy.sample(kn, si, c.energy_mev.expand(rows), u)
        context = flow.encoding.context(kn, classes, coordinate, visible)
        quadratics = flow.encoding.quadratics(kn, classes, coordinate)
        context = torch.cat([context, flow.encoding.counts(hit).expand(rows, -1)], 1)
        x = torch.zeros(rows, regions).double().index_copy(1, there, z[:, 1:6])
        some = present.expand(rows, -1)
        of_regions = context
        for coupling in reversed(flow.couplings):
            x = coupling.inverse(x, some, context)
        centre, size = flow.regions._location(context)
        logits = flow.standard.inverse(quadratics, x * size.exp() + centre)
        logits = torch.where(some > 0, logits, -torch.inf)
        shares = torch.softmax(logits, 1)
        context = torch.cat([context, flow.encoding.scaled(shares.clamp(min=1e-30).log(), some)], 1)
        noise = torch.full((rows, flow.splits.nodes), 0.5).double()
        noise = noise.index_copy(1, divided, torch.sigmoid(z[:, 6:]))
        energies = visible[:, None] * shares
        s = flow.splits
        image = SPLIT.by(REFERENCE)(
            energies[:, flow.sectors.inner :], hit.expand(rows, -1), s.usual, s.roots, s.halves,
            s.network(context), noise,
        )  # fmt: skip
        image = image.index_copy(1, flow.sectors.pixels, energies[:, : flow.sectors.inner])
        return image[:, voxels], torch.logsumexp(logits, 1), shares, quadratics, of_regions, image

    z0 = torch.tensor([[0.4, 0.3, -0.8, 0.5, 1.1, -0.2, 0.7, -1.3]]).double()
    _, t0, shares, quadratics, context, image = (part.detach() for part in steps(z0))
    t = torch.linspace(-6, 6, 801).double()
    log_shares = torch.where(shares > 0, shares, 1.0).log()
    rows = len(t)
    x = flow.standard(quadratics.expand(rows, -1), log_shares + t[:, None])
    centre, size = flow.regions._location(context.expand(rows, -1))
    x = (x - centre) * torch.exp(-size)
    for coupling in flow.couplings:
        x = coupling(x, present.expand(rows, -1), context.expand(rows, -1))[0]
    z = torch.cat([z0[:, :1].expand(rows, 1), x[:, there], z0[:, 6:].expand(rows, -1)], 1).detach()
    z.requires_grad_(True)
    energies, common, *_ = steps(z)
    torch.testing.assert_close(energies, image[:, voxels].expand(rows, -1))  # all the same shower
    torch.testing.assert_close(common, t)
    outputs = torch.cat([energies, common[:, None]], 1)
    slopes = [torch.autograd.grad(outputs[:, k].sum(), z, retain_graph=True)[0] for k in range(8)]
    log_volume = torch.linalg.slogdet(torch.stack(slopes, 1)).logabsdet
    gauss = -0.5 * (z[:, :6].square() + math.log(2 * math.pi)).sum(1)
    logistic = -(z[:, 6:].abs() + 2 * torch.log1p(torch.exp(-z[:, 6:].abs()))).sum(1)
    expected = torch.trapezoid(torch.exp(gauss + logistic - log_volume), t).log()
    of_hits = of(flow).log_hits(hit, flow.encoding.context(known, *_energy(flow, known, simple, c, image)))[0]
    monkeypatch.setattr(flow_regions, "log_integral", lambda *a: log_integral(*a, nodes=801))
    found = of(flow).log_prob(c, image)[0, 0]
    assert float((found - of_hits).detach()) == pytest.approx(float(expected.detach()), abs=2e-5)
    assert abs(float(t0)) < 6


def _energy(flow: Flow, known: Tensor, simple: Tensor, c: Conditions, image: Tensor) -> tuple[Tensor, ...]:
    visible = image.sum(1)
    classes = flow.energy.classes(visible)
    return classes, flow.energy.coordinate(simple, c.energy_mev, visible, classes), visible


@pytest.mark.parametrize("voxels", [(1,), (8,), (12,)])
def test_one_voxel_has_the_frequencies_of_its_energies(
    double: Flow, sample: Tensor, voxels: tuple[int]
) -> None:
    """Inside the classes and on their ends; the impact's voxel is also hit where no other is."""
    there = pattern(sample, voxels)
    energy = sample[:, voxels[0]].double()
    for low, high in ((1.0, 40.0), (40.0, 75.0), (75.0, INCIDENT)):
        inside = torch.exp(torch.linspace(math.log(low) + 2e-6, math.log(high) - 2e-6, 151).double())
        image = torch.zeros(len(inside), GRID.voxels).double()
        image[:, voxels[0]] = inside
        each = density(double, image)
        agrees(
            float(torch.trapezoid(each, inside)),
            there & (energy > low * (1 + 1e-6)) & (energy < high * (1 - 1e-6)),
        )
        half = inside[75]
        part = float(torch.trapezoid(each[:76], inside[:76]))
        agrees(part, there & (energy > low * (1 + 1e-6)) & (energy < half))
    ends = torch.zeros(2, GRID.voxels).double()
    ends[0, voxels[0]], ends[1, voxels[0]] = 75.0 - 1e-12, 75.0  # drawn in one class, or in the next
    agrees(float(density(double, ends).sum()), there & ((energy - 75).abs() < 1e-4))


@pytest.mark.parametrize("voxels", [(1, 3), (1, 6), (5, 12)])
def test_two_voxels_have_the_frequencies_of_their_energies(
    double: Flow, sample: Tensor, voxels: tuple[int, int]
) -> None:
    """In two regions, in a region and a sector, in one sector: of all energies of a class and of a corner."""
    first, second = voxels
    there = pattern(sample, voxels)
    visible, ratio = sample.sum(1).double(), torch.log(sample[:, first] / sample[:, second]).double()
    log_v = torch.linspace(math.log(75.0) + 2e-6, math.log(INCIDENT) - 2e-6, 41).double()
    y = torch.linspace(-14, 14, 57).double()
    v, share = torch.exp(log_v), torch.sigmoid(y)

    def image(total: Tensor) -> Tensor:
        """[K Y, V] of K totals."""
        whole = torch.zeros(len(total), len(y), GRID.voxels).double()
        whole[..., first], whole[..., second] = total[:, None] * share, total[:, None] * (1 - share)
        return whole.reshape(-1, GRID.voxels)

    volume = image(v)[:, [first, second]].prod(1)  # of d ln v dy in MeV^2
    each = (density(double, image(v)) * volume).reshape(len(v), len(y))
    inside = there & (visible > 75 * (1 + 1e-6))
    agrees(float(torch.trapezoid(torch.trapezoid(each, y), log_v)), inside)
    corner = float(torch.trapezoid(torch.trapezoid(each[:16, :31], y[:31]), log_v[:16]))
    agrees(corner, inside & (visible < v[15]) & (ratio < y[30]))
    end = torch.zeros(1).double()
    for total in (75.0 - 1e-12, 75.0):
        at = image(torch.tensor([total], dtype=torch.float64))
        end += torch.trapezoid(density(double, at) * at[:, [first, second]].prod(1) / total, y)
    agrees(float(end), there & ((visible - 75).abs() < 1e-4))


def test_nothing_has_its_probability_and_what_is_never_drawn_has_none(double: Flow, sample: Tensor) -> None:
    nothing = torch.zeros(1, GRID.voxels)
    agrees(float(density(double, nothing)), sample.sum(1) == 0)
    too_much = nothing.clone()
    too_much[0, 1] = 1.01 * INCIDENT
    assert float(double.log_prob(conditions(1, 211), Showers(too_much))) == -math.inf
    photon = flow_of(22).requires_grad_(False)  # always leaves some
    assert float(photon.log_prob(conditions(1, 22), Showers(nothing))) == -math.inf


def test_the_integral_over_the_common_factor_converges(
    double: Flow, sample: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = Showers(sample[(sample > 0).sum(1) > 2][:256])
    found = double.log_prob(conditions(256, 211), some)
    for nodes, tolerance in ((49, 2e-2), (385, 5e-3)):
        monkeypatch.setattr(flow_regions, "log_integral", lambda *a, n=nodes: log_integral(*a, nodes=n))
        finer = double.log_prob(conditions(256, 211), some)
        assert float((finer - found).abs().max()) < tolerance


def test_single_precision_gives_nearly_the_same(flow: Flow, double: Flow, sample: Tensor) -> None:
    """But where an energy was cut: whether a sum is the end of its class is a matter of the last bits."""
    total = sample.sum(1, dtype=torch.float64)
    ends = flow.energy.low[2:].double()
    inside = ((total[:, None] / ends - 1).abs() > 1e-5).all(1)
    c, some = conditions(256, 211), Showers(sample[inside][:256])
    single = flow.log_prob(c, some)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double.log_prob(c, some), atol=5e-3, rtol=1e-4)


def test_the_regions_loss_of_one_common_factor_is_a_bound(double: Flow, sample: Tensor) -> None:
    """On average over factors, with the entropy of the factor (Jensen's inequality)."""
    image = sample[(sample > 0).sum(1) > 2][:64].double()
    shares, present = double.encoding.shares(image)
    generator = torch.Generator().manual_seed(0)
    c = conditions(64, 211)
    known, simple = double.encoding.known(
        Conditions(c.pdg, c.energy_mev.double(), c.direction.double(), c.offset_mm.double())
    )
    classes, coordinate, visible = _energy(double, known, simple, c, image)
    context = torch.cat(
        [double.encoding.context(known, classes, coordinate, visible), double.encoding.counts(image > 0)], 1
    )
    quadratics = double.encoding.quadratics(known, classes, coordinate)
    exact = double.regions.log_prob(quadratics, shares, present.double(), context)
    entropy = 0.5 * math.log(2 * math.pi * math.e * COMMON**2)
    drawn = []
    for _ in range(50):
        logits = shares + COMMON * torch.randn(64, 1, generator=generator).double()
        log_slope = double.standard.forward_with_slope(quadratics, logits)[1]
        constant = ((log_slope - 0.5 * math.log(2 * math.pi)) * present).sum(1)
        drawn.append(constant - double.regions.loss(quadratics, logits, present.double(), context))
    assert (torch.stack(drawn).mean(0) + entropy < exact + 0.05).all()


def test_rows_stand_alone_and_gradients_follow() -> None:
    flow = flow_of(22)
    rows = showers(40, 22)
    found = flow.log_prob(rows.conditions, rows.showers)
    torch.testing.assert_close(
        flow.log_prob(rows.conditions[7:9], Showers(rows.showers.energy_mev[7:9])), found[7:9]
    )
    found.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in flow.parameters())
    batch = Batch.of(rows, torch.arange(40))
    assert flow.validation_loss(batch).shape == found.shape
