"""Whole numbers of a trace that follow from the number of rows, told from two traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node

from monsoon.models.export.graph import ROWS, Graph


@dataclass(frozen=True)
class Rows:
    """A multiple of the number of rows."""

    times: int


@dataclass(frozen=True)
class Step:
    """An operation of a graph.

    Attributes
    ----------
    node : Node
        In the first trace.
    arguments, keywords : tuple, dict
        As in the trace, with `Rows` in place of numbers that follow from the rows.
    result : Any
        In the first trace, a tensor or a list of them.
    shape : tuple of int or Rows
        Of the result, where it is a tensor.
    """

    node: Node
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Any
    shape: tuple[int | Rows, ...]


def steps_of(graph: Graph) -> list[Step]:
    """The operations of both traces in their order. Raises ValueError where these are not the same."""
    one, other = (trace.graph.nodes for trace in graph.traces)
    results = [_results(trace, given) for trace, given in zip(graph.traces, graph.given, strict=True)]
    twin = dict(zip(other, one, strict=True))
    steps = []
    for node, like in zip(one, other, strict=True):
        if node.target != like.target and node.op == "call_function":
            raise ValueError(f"{node.target} is {like.target} for another number of rows")
        mine, theirs = results[0].get(node), results[1].get(like)
        shape: tuple[Any, ...] = ()
        if isinstance(mine, Tensor) and isinstance(theirs, Tensor):
            shape = _common(tuple(mine.shape), tuple(theirs.shape), twin)
        steps.append(
            Step(
                node,
                _common(node.args, like.args, twin),
                _common(dict(node.kwargs), dict(like.kwargs), twin),
                mine,
                shape,
            )
        )
    return steps


class _Recorder(Interpreter):
    def __init__(self, trace: GraphModule) -> None:
        super().__init__(trace)
        self.results: dict[Node, Any] = {}

    def run_node(self, n: Node) -> Any:
        self.results[n] = super().run_node(n)
        return self.results[n]


def _results(trace: GraphModule, given: tuple[Tensor, ...]) -> Mapping[Node, Any]:
    recorder = _Recorder(trace)
    with torch.no_grad():
        recorder.run(*given)
    return recorder.results


def _common(mine: Any, theirs: Any, twin: Mapping[Node, Node]) -> Any:
    """An argument, with `Rows` where a whole number differs between the traces."""
    if isinstance(mine, list | tuple):
        return tuple(_common(a, b, twin) for a, b in zip(mine, theirs, strict=True))
    if isinstance(mine, dict):
        return {key: _common(value, theirs[key], twin) for key, value in mine.items()}
    if isinstance(mine, Node):
        if twin[theirs] is not mine:
            raise ValueError("the traces are of other operations")
        return mine
    if isinstance(mine, int) and not isinstance(mine, bool) and mine != theirs:
        times = mine // ROWS[0]
        if (times * ROWS[0], times * ROWS[1]) != (mine, theirs):
            raise ValueError(f"{mine} is {theirs} for another number of rows")
        return Rows(times)
    return mine
