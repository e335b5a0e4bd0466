"""Nodes and constants of an ONNX graph as it is put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from monsoon.models.export.rows import Rows

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

Value = str | Tensor
"""The name of a value that depends on the inputs, or a constant."""


def kind(dtype: torch.dtype) -> int:
    """The number of a type in ONNX."""
    from onnx import helper  # an extra: models import without it

    return int(helper.np_dtype_to_tensor_dtype(torch.empty(0, dtype=dtype).numpy().dtype))


class Writer:
    """A graph that grows node by node.

    Parameters
    ----------
    first
        An input that has as many rows as there are.
    """

    def __init__(self, first: str = "") -> None:
        self.first = first
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._named: dict[tuple[Any, ...], str] = {}
        self._number = 0
        self._rows = ""  # int64 [1], how many there are

    def fresh(self) -> str:
        """A name that is not taken."""
        self._number += 1
        return f"v{self._number}"

    def name(self, value: Value) -> str:
        """The name of a value; a constant is stored, equal ones once."""
        if isinstance(value, str):
            return value
        from onnx import numpy_helper

        array = np.ascontiguousarray(value.detach().cpu().numpy()).reshape(tuple(value.shape))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._named:
            self._named[key] = self.fresh()
            self.constants.append(numpy_helper.from_array(array, self._named[key]))
        return self._named[key]

    def add(self, kind: str, *values: Value, **attributes: Any) -> str:
        """Add a node; its result's name."""
        return self.add_many(1, kind, *values, **attributes)[0]

    def add_many(self, outputs: int, kind: str, *values: Value, **attributes: Any) -> list[str]:
        """Add a node of several results; their names."""
        from onnx import helper

        names = [self.fresh() for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, [self.name(v) for v in values], names, **attributes))
        return names

    def ints(self, *numbers: int) -> Value:
        """A constant of whole numbers, int64 [n]."""
        return torch.tensor(numbers, dtype=torch.int64)

    def sizes(self, shape: Sequence[int | Rows]) -> Value:
        """A shape, int64 [n], where some sizes follow from the number of rows."""
        if not any(isinstance(size, Rows) for size in shape):
            return self.ints(*shape)  # type: ignore[arg-type]
        if not self._rows:
            self._rows = self.add("Slice", self.add("Shape", self.first), self.ints(0), self.ints(1))
        parts = [
            self.add("Mul", self._rows, self.ints(size.times)) if isinstance(size, Rows) else self.ints(size)
            for size in shape
        ]
        return self.add("Concat", *parts, axis=0)

    def cast(self, value: Value, dtype: torch.dtype, have: torch.dtype) -> Value:
        """The value as another type."""
        if dtype == have:
            return value
        return value.to(dtype) if isinstance(value, Tensor) else self.add("Cast", value, to=kind(dtype))

    def graph(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> GraphProto:
        """All of it."""
        from onnx import helper

        return helper.make_graph(self.nodes, name, list(inputs), list(outputs), self.constants)
