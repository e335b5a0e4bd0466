"""A generator's sampling as a sequence of tensor operations, for any number of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import functionalize
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

from monsoon.models.errors import InputError
from monsoon.models.export.interface import CONDITION, Interface
from monsoon.models.export.quantile import log_ndtr, ndtri
from monsoon.models.families.acceptance.accept_reject import AcceptReject
from monsoon.models.families.flow.flow import Flow
from monsoon.models.families.flow.splits import Splits
from monsoon.models.families.vectors.family import VectorFamily
from monsoon.models.kernels.dispatch import HITS, INVERSE_SPLINE, SPLINE, SPLIT
from monsoon.models.kernels.hits import HitNetwork
from monsoon.models.kernels.hits.reference import hits
from monsoon.models.kernels.operation import REFERENCE
from monsoon.models.kernels.split.graph import Plan
from monsoon.models.records import Conditions, Table

LEAST_NOISE = 2.0**-24  # of a uniform number that a Gaussian one is turned into
ROWS = (5, 7)  # of two traces: what differs between them is the number of rows


@dataclass(frozen=True)
class Graph:
    """Two traces of one generator, of other numbers of rows.

    Attributes
    ----------
    traces : tuple of GraphModule
        Of the same operations.
    given : tuple of tuple of Tensor
        The arguments that they were traced with.
    inputs : tuple of str
        Their names.
    output : str
        Its name.
    conditions : tuple of str
        The columns of the conditions.
    """

    traces: tuple[GraphModule, ...]
    given: tuple[tuple[Tensor, ...], ...]
    inputs: tuple[str, ...]
    output: str
    conditions: tuple[str, ...]


@torch.library.custom_op("monsoon::hits", mutates_args=())
def _hits(
    base: Tensor, start: Tensor, first: Tensor, last: Tensor, near: Tensor, beside: Tensor, noise: Tensor
) -> Tensor:
    """The autoregressive hits as one operation of the graph: unrolled they are ten thousand."""
    return hits(HitNetwork(base, start, first, last, near, beside), noise)


class _Plain(TorchFunctionMode):
    """Functions that exchange formats do not have, by those that they have."""

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        plain: Callable[..., Any] = PLAIN.get(func, func)
        return plain(*args, **(kwargs or {}))


def graph_of(model: Any, interface: Interface = "ddml") -> Graph:
    """Trace a generator's sampling.

    Operations that are kernels elsewhere are traced by their references, or by variants without shapes
    that depend on values. Rows are not put into buckets.

    Parameters
    ----------
    model
        A generator of showers or of table rows.
    interface
        Of its inputs.

    Raises
    ------
    InputError
        If it is no network.
    """
    if isinstance(model, AcceptReject):
        raise InputError(
            "accept-reject chooses among showers: no graph of tensors; export the model that it corrects"
        )
    if not isinstance(model, Flow | VectorFamily):
        raise InputError(
            f"a {type(model).__name__} is a search among what it stores, no graph of tensors; export a "
            "network, or write a file of its showers with monsoon sample"
        )
    model = _in_float32(model)
    tabular = hasattr(model, "schema")
    names = tuple(column.name for column in model.schema.conditions) if tabular else CONDITION
    dimensions = model.noise_dimensions

    def sampled(*given: Tensor) -> Tensor:
        if interface == "par04":
            gaussian, values = given[0][:, :dimensions], given[0][:, dimensions:]
            noise = (0.5 + 0.5 * torch.erf(gaussian * 0.5**0.5)).clamp(LEAST_NOISE, 1 - LEAST_NOISE)
        else:
            values, noise = given
        with _Plain():
            if tabular:
                rows = model.generated(Table(names, values.double()), noise)
                columns: Tensor = model.vectors.completed(rows).values.clone()
                return columns
            of = Conditions(values[:, 0].round().int(), values[:, 1], values[:, 2:5], values[:, 5:7])
            images: Tensor = (
                model.images(of, noise) if isinstance(model, Flow) else model.generated(of, noise)
            )
            return images

    given = tuple(_examples(model, names, interface, rows) for rows in ROWS)
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(SPLINE.instead(SPLINE.by(REFERENCE)))
        stack.enter_context(INVERSE_SPLINE.instead(INVERSE_SPLINE.by(REFERENCE)))
        stack.enter_context(HITS.instead(lambda network, noise: torch.ops.monsoon.hits(*network, noise)))
        for part in model.modules():
            if isinstance(part, Splits):
                tree = part.sectors.fine
                plan = Plan.of(tree.roots, tree.children, part.sectors.grid.voxels)
                stack.enter_context(SPLIT.instead(plan.split))
        sampled(*given[0])  # what is worked out once must not be worked out while tracing
        traces = tuple(make_fx(functionalize(sampled, remove="mutations_and_views"))(*some) for some in given)
    inputs = ("input",) if interface == "par04" else ("conditions", "noise")
    return Graph(traces, given, inputs, "values" if tabular else "energy_mev", names)


def _examples(model: Any, names: Sequence[str], interface: Interface, rows: int) -> tuple[Tensor, ...]:
    """Arguments of a few rows."""
    noise = torch.rand(rows, model.noise_dimensions, generator=torch.Generator().manual_seed(0))
    conditions = torch.ones(rows, len(names))
    if names == CONDITION:
        conditions = torch.tensor([[model.species[0], 1e4, 0.0, 0.0, 1.0, 0.0, 0.0]]).repeat(rows, 1)
    return (torch.cat([noise, conditions], 1),) if interface == "par04" else (conditions, noise)


def _in_float32(model: Any) -> Any:
    """The same network with float32 arithmetic: half precision is an option of few runtimes."""
    if getattr(getattr(model, "options", None), "precision", "float32") == "float32":
        return model
    options = {**model.config["options"], "precision": "float32"}
    other = model.restore({**model.config, "options": options})
    other.load_state_dict(model.state_dict())
    return other.requires_grad_(False).eval()


def _before(x: Tensor, other: Tensor) -> Tensor:
    """The float32 number before x >= 0, towards zero: x less half its spacing rounds to it."""
    return x * (1.0 - 2.0**-24)


PLAIN: dict[Any, Callable[..., Any]] = {
    torch.special.ndtri: ndtri,
    torch.special.log_ndtr: log_ndtr,
    torch.nextafter: _before,
}
