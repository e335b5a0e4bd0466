"""Nodes and constants of an ONNX graph as it is put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

from monsoon.models.export.rows import Rows

Value = str | Tensor
"""The name of a value that depends on the inputs, or a constant."""
TYPES = {
    torch.float32: TensorProto.FLOAT,
    torch.float64: TensorProto.DOUBLE,
    torch.int64: TensorProto.INT64,
    torch.int32: TensorProto.INT32,
    torch.bool: TensorProto.BOOL,
}


class Writer:
    """A graph that grows node by node."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._named: dict[tuple[Any, ...], str] = {}
        self._number = 0
        self.rows: str | None = None  # int64 [1], how many there are
        self.first = ""  # an input, which has as many

    def fresh(self) -> str:
        """A name that is not taken."""
        self._number += 1
        return f"v{self._number}"

    def name(self, value: Value) -> str:
        """The name of a value; a constant is stored, equal ones once."""
        if isinstance(value, str):
            return value
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
        if self.rows is None:
            self.rows = self.add("Slice", self.add("Shape", self.first), self.ints(0), self.ints(1))
        parts: list[Value] = []
        for size in shape:
            if not isinstance(size, Rows):
                parts.append(self.ints(size))
            else:
                parts.append(
                    self.rows if size.times == 1 else self.add("Mul", self.rows, self.ints(size.times))
                )
        return self.add("Concat", *parts, axis=0)

    def cast(self, value: Value, dtype: torch.dtype, have: torch.dtype) -> Value:
        """The value as another type."""
        if dtype == have:
            return value
        return value.to(dtype) if isinstance(value, Tensor) else str(self.add("Cast", value, to=TYPES[dtype]))

    def graph(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> GraphProto:
        """All of it."""
        return helper.make_graph(self.nodes, name, list(inputs), list(outputs), self.constants)
