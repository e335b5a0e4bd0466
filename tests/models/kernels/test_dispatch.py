"""Which kernel runs follows from the device, in one place."""

from __future__ import annotations

import torch

from monsoon.models.data.shower_files import read_rows
from monsoon.models.kernels.dispatch import INVERSE_SPLINE, SPLINE
from monsoon.models.kernels.operation import Operation, ran
from monsoon.models.networks.modules import inverse_rational_quadratic_spline, rational_quadratic_spline
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import Suite, load_suite


def test_a_device_without_a_kernel_gets_the_reference() -> None:
    operation = Operation("any", lambda: "reference", cpu=lambda: "cpu")
    assert [operation.on(device)() for device in ("cpu", "cuda", torch.device("meta"))] == [
        "cpu",
        "reference",
        "reference",
    ]


def test_samples_on_the_cpu_are_made_by_its_kernels_alone(suite: Suite) -> None:
    conditions = read_rows(SAMPLES / "egamma-heldout.h5", 0, 4).conditions

    def kernels(of: Suite) -> set[tuple[str, str]]:
        noise = torch.full((4, of.noise_dimensions), 0.5)
        with ran() as found:
            of.sample(conditions, noise)
        return found

    assert kernels(suite) == {("gather", "cpu")}
    assert kernels(load_suite("best")) == {(name, "cpu") for name in ("hits", "split", "inverse spline")}


def test_splines_that_need_what_no_kernel_has_are_the_references() -> None:
    x, parameters = torch.zeros(2, 1), torch.zeros(2, 1, 8)
    with ran() as found:
        rational_quadratic_spline(x.double(), parameters.double(), 3.0)
        inverse_rational_quadratic_spline(x, parameters.requires_grad_(), 3.0)
    assert found == {(SPLINE.name, "reference"), (INVERSE_SPLINE.name, "reference")}


def test_nothing_is_collected_afterwards() -> None:
    operation: Operation[[], str] = Operation("any", lambda: "")
    with ran() as found:
        pass
    operation.on("cpu")
    assert not found
