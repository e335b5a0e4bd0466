"""What each operation of a traced generator is in ONNX."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from monsoon.models.export.hits import scan
from monsoon.models.export.rows import Rows, Step
from monsoon.models.export.writing import Value, Writer

LARGEST = (1 << 63) - 1
UNARY = {
    "abs": "Abs", "exp": "Exp", "log": "Log", "neg": "Neg", "sqrt": "Sqrt", "tanh": "Tanh", "erf": "Erf",
    "sigmoid": "Sigmoid", "sinh": "Sinh", "asinh": "Asinh", "relu": "Relu", "round": "Round",
    "floor": "Floor", "sin": "Sin", "cos": "Cos", "bitwise_not": "Not", "logical_not": "Not",
    "reciprocal": "Reciprocal",
}  # fmt: skip
BINARY = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "minimum": "Min", "maximum": "Max", "eq": "Equal",
    "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual", "bitwise_and": "And",
    "bitwise_or": "Or", "logical_and": "And", "logical_or": "Or", "pow": "Pow",
}  # fmt: skip
VIEW = re.compile("(?<!^index)_copy$")  # views of functional graphs
SAME = ("clone", "detach", "alias", "lift_fresh_copy", "contiguous", "alias_copy", "detach_copy")


def translated(steps: Sequence[Step], inputs: Sequence[str], writer: Writer) -> tuple[str, Tensor]:
    """Write all steps; the name of the result, and the result of the trace.

    Raises NotImplementedError for an operation that has no translation.
    """
    translator, names = Translator(writer), iter(inputs)
    for step in steps:
        if step.node.op == "placeholder":
            translator.values[step.node], translator.results[step.node] = next(names), step.result
        elif step.node.op == "output":
            return writer.name(translator.values[step.arguments[0]]), step.result
        else:
            translator.take(step)
    raise ValueError("a trace without a result")


class Translator:
    """Translates steps, one after the other; what follows from constants alone is a constant."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.values: dict[Node, Any] = {}  # a Value, or a list of them
        self.results: dict[Node, Any] = {}

    def take(self, step: Step) -> None:
        """Translate one step. Raises NotImplementedError for an operation that has no translation."""
        self.results[step.node] = step.result
        inputs = [self.values[node] for node in step.node.all_input_nodes]
        fixed = all(isinstance(v, Tensor) for v in inputs)
        if step.node.op == "get_attr" or (fixed and not any(isinstance(size, Rows) for size in step.shape)):
            self.values[step.node] = step.result
            return
        if not isinstance(step.result, Tensor) and fixed and inputs:
            self.values[step.node] = step.result
            return
        if "getitem" in str(step.node.target):
            self.values[step.node] = self.values[step.arguments[0]][step.arguments[1]]
            return
        name = str(step.node.target).split(".")[1]
        self.values[step.node] = self._translated(VIEW.sub("", name), step)

    def _translated(self, name: str, step: Step) -> Any:
        w, a = self.writer, step.arguments
        if name in SAME:
            return self.value(a[0])
        if name in UNARY:
            return w.add(UNARY[name], self.value(a[0], step.result.dtype if name != "round" else None))
        if name in BINARY:
            return self._binary(BINARY[name], a[0], a[1], step.result.dtype)
        if name == "rsub":
            return self._binary("Sub", a[1], a[0], step.result.dtype)
        method: Callable[[Step], Any] | None = getattr(self, f"_{name.lstrip('_')}", None)
        if method is None:
            raise NotImplementedError(f"{step.node.target} has no translation to ONNX")
        return method(step)

    def value(self, argument: Any, dtype: torch.dtype | None = None) -> Value:
        """An argument as a value, of a type where one is asked for."""
        if isinstance(argument, Node):
            have = self.results[argument].dtype
            return self.writer.cast(self.values[argument], dtype or have, have)
        return torch.tensor(argument, dtype=dtype)

    def _binary(self, kind: str, one: Any, other: Any, dtype: torch.dtype) -> Value:
        if dtype == torch.bool and kind not in ("And", "Or"):
            known = [self.results[x] if isinstance(x, Node) else x for x in (one, other)]
            dtype = torch.result_type(*known)
        return self.writer.add(kind, self.value(one, dtype), self.value(other, dtype))

    def _where(self, step: Step) -> Value:
        condition, one, other = step.arguments
        dtype = step.result.dtype
        return self.writer.add(
            "Where", self.value(condition), self.value(one, dtype), self.value(other, dtype)
        )

    def _clamp(self, step: Step) -> Value:
        values = list(step.arguments) + [None] * (3 - len(step.arguments))
        low, high = (step.keywords.get(key, v) for key, v in zip(("min", "max"), values[1:], strict=True))
        made, dtype = self.value(values[0], step.result.dtype), step.result.dtype
        if low is not None:
            made = self.writer.add("Max", made, self.value(low, dtype))
        return made if high is None else self.writer.add("Min", made, self.value(high, dtype))

    _clamp_min = _clamp

    def _rsqrt(self, step: Step) -> Value:
        return self.writer.add("Reciprocal", self.writer.add("Sqrt", self.value(step.arguments[0])))

    def _log1p(self, step: Step) -> Value:
        x = self.value(step.arguments[0], step.result.dtype)
        return self.writer.add("Log", self.writer.add("Add", x, self.value(1.0, step.result.dtype)))

    def _logit(self, step: Step) -> Value:
        x, w = self.value(step.arguments[0]), self.writer
        rest = w.add("Sub", self.value(1.0, step.result.dtype), x)
        return w.add("Sub", w.add("Log", x), w.add("Log", rest))

    def _softplus(self, step: Step) -> Value:
        return self.writer.add("Softplus", self.value(step.arguments[0]))

    def _log_sigmoid_forward(self, step: Step) -> list[Value]:
        x, w = self.value(step.arguments[0]), self.writer
        made = w.add("Neg", w.add("Softplus", w.add("Neg", x)))
        return [made, made]  # the second result, of the way back, has no reader

    def _silu(self, step: Step) -> Value:
        x = self.value(step.arguments[0])
        return self.writer.add("Mul", x, self.writer.add("Sigmoid", x))

    def _softmax(self, step: Step) -> Value:
        return self.writer.add("Softmax", self.value(step.arguments[0]), axis=step.arguments[1])

    def _cumsum(self, step: Step) -> Value:
        x = self.value(step.arguments[0], step.result.dtype)
        return self.writer.add("CumSum", x, torch.tensor(step.arguments[1]))

    def _sum(self, step: Step) -> Value:
        x = self.value(step.arguments[0], step.result.dtype)
        axes = step.arguments[1] if len(step.arguments) > 1 else ()
        keep = bool(step.arguments[2]) if len(step.arguments) > 2 else False
        inputs = (x, self.writer.ints(*axes)) if axes else (x,)
        return self.writer.add("ReduceSum", *inputs, keepdims=int(keep))

    def _any(self, step: Step) -> Value:
        x, w = self.value(step.arguments[0], torch.int32), self.writer
        keep = bool(step.arguments[2]) if len(step.arguments) > 2 else False
        most = w.add("ReduceMax", x, axes=[step.arguments[1]], keepdims=int(keep))
        return w.cast(most, torch.bool, torch.int32)

    def _mm(self, step: Step) -> Value:
        return self.writer.add("MatMul", *(self.value(x) for x in step.arguments))

    _bmm = _mm

    def _addmm(self, step: Step) -> Value:
        bias, x, weight = step.arguments
        return self.writer.add(
            "Add", self.writer.add("MatMul", self.value(x), self.value(weight)), self.value(bias)
        )

    def _convolution(self, step: Step) -> Value:
        x, weight, bias, stride, padding, dilation, *_ = step.arguments
        given = [self.value(x), self.value(weight)] + ([] if bias is None else [self.value(bias)])
        return self.writer.add("Conv", *given, strides=stride, pads=[*padding, *padding], dilations=dilation)

    def _nearest(self, step: Step) -> Value:
        return self.writer.add(
                "Resize", self.value(step.arguments[0]), "", "", self.writer.sizes(step.shape),
                mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            )  # fmt: skip

    _upsample_nearest1d = _upsample_nearest2d = _upsample_nearest3d = _nearest

    def _to(self, step: Step) -> Value:
        return self.value(step.arguments[0], step.result.dtype)

    __to_copy = _to_copy = _to

    def _t(self, step: Step) -> Value:
        return self.writer.add("Transpose", self.value(step.arguments[0]))

    def _transpose(self, step: Step) -> Value:
        order = list(range(step.result.ndim))
        one, other = step.arguments[1:3]
        order[one], order[other] = order[other], order[one]
        return self.writer.add("Transpose", self.value(step.arguments[0]), perm=order)

    def _permute(self, step: Step) -> Value:
        order = [axis % step.result.ndim for axis in step.arguments[1]]
        return self.writer.add("Transpose", self.value(step.arguments[0]), perm=order)

    def _view(self, step: Step) -> Value:
        sizes = [-1 if isinstance(size, Rows) else size for size in step.shape]
        shape = self.writer.ints(*sizes) if sizes.count(-1) <= 1 else self.writer.sizes(step.shape)
        return self.writer.add("Reshape", self.value(step.arguments[0]), shape)

    _reshape = _unsafe_view = _squeeze = _view

    def _unsqueeze(self, step: Step) -> Value:
        axis = step.arguments[1] % step.result.ndim
        return self.writer.add("Unsqueeze", self.value(step.arguments[0]), self.writer.ints(axis))

    def _expand(self, step: Step) -> Value:
        return self.writer.add("Expand", self.value(step.arguments[0]), self.writer.sizes(step.shape))

    def _repeat(self, step: Step) -> Value:
        return self.writer.add("Tile", self.value(step.arguments[0]), self.writer.sizes(step.arguments[1]))

    def _select(self, step: Step) -> Value:
        x, axis, index = step.arguments
        return self.writer.add("Gather", self.value(x), torch.tensor(index), axis=axis)

    def _slice(self, step: Step) -> Value:
        x, axis, first, last, stride = step.arguments + (None, 0, None, None, 1)[len(step.arguments) :]
        last = LARGEST if isinstance(last, Rows) or last is None else last
        if (first or 0, last, stride) == (0, LARGEST, 1):
            return self.value(x)
        w = self.writer
        return w.add("Slice", self.value(x), *map(w.ints, (first or 0, last, axis, stride)))

    def _split_with_sizes(self, step: Step) -> list[Value]:
        axis = step.arguments[2] if len(step.arguments) > 2 else 0
        sizes = [part.shape[axis] for part in step.result]
        of, at = self.value(step.arguments[0]), self.writer.ints(*sizes)
        return list(self.writer.add_many(len(sizes), "Split", of, at, axis=axis))

    _split = _split_with_sizes

    def _unbind(self, step: Step) -> list[Value]:
        axis = step.arguments[1] if len(step.arguments) > 1 else 0
        x, w = self.value(step.arguments[0]), self.writer
        return [w.add("Gather", x, torch.tensor(n), axis=axis) for n in range(len(step.result))]

    def _cat(self, step: Step) -> Value:
        parts, axis = step.arguments[0], step.arguments[1] if len(step.arguments) > 1 else 0
        axis %= step.result.ndim
        return self.writer.add("Concat", *(self.value(part, step.result.dtype) for part in parts), axis=axis)

    def _stack(self, step: Step) -> Value:
        axis = (step.arguments[1] if len(step.arguments) > 1 else 0) % step.result.ndim
        w, at = self.writer, self.writer.ints(axis)
        parts = [w.add("Unsqueeze", self.value(part, step.result.dtype), at) for part in step.arguments[0]]
        return w.add("Concat", *parts, axis=axis)

    def _gather(self, step: Step) -> Value:
        x, axis, index = step.arguments
        axis %= step.result.ndim
        return self.writer.add("GatherElements", self.value(x), self.value(index), axis=axis)

    def _index(self, step: Step) -> Value:
        x, indices = step.arguments
        given = [(axis, index) for axis, index in enumerate(indices) if index is not None]
        if len(given) != 1:
            raise NotImplementedError("several indices at once have no translation to ONNX")
        ((axis, index),) = given
        return self.writer.add("Gather", self.value(x), self.value(index), axis=axis)

    def _replaced(self, x: Value, axis: int, at: list[int], size: int, new: Value) -> Value:
        """x with some places of an axis replaced by those of new, in their order."""
        order = list(range(size))
        for place, index in enumerate(at):
            order[index] = size + place
        both = self.writer.add("Concat", x, new, axis=axis)
        return self.writer.add("Gather", both, torch.tensor(order), axis=axis)

    def _index_copy(self, step: Step) -> Value:
        x, axis, index, new = step.arguments
        size = step.result.shape[axis]
        at = self.values[index].tolist()
        return self._replaced(self.value(x), axis, at, size, self.value(new))

    def _index_put(self, step: Step) -> Value:
        x, indices, new = step.arguments[:3]
        ((axis, index),) = [(n, i) for n, i in enumerate(indices) if i is not None]
        at = self.values[index].tolist()
        return self._replaced(self.value(x), axis, at, step.result.shape[axis], self.value(new))

    def _select_scatter(self, step: Step) -> Value:
        x, new, axis, index = step.arguments
        new = self.writer.add("Unsqueeze", self.value(new), self.writer.ints(axis))
        return self._replaced(self.value(x), axis, [index], step.result.shape[axis], new)

    def _slice_scatter(self, step: Step) -> Value:
        x, new, axis, first, last, *_ = step.arguments + (None, None, 0, 0, None)[len(step.arguments) :]
        if isinstance(step.shape[axis], Rows):
            return self.value(new)  # of all rows
        at = list(range(*slice(first, min(last or LARGEST, LARGEST)).indices(step.result.shape[axis])))
        return self._replaced(self.value(x), axis, at, step.result.shape[axis], self.value(new))

    def _copy(self, step: Step) -> Value:
        new = self.value(step.arguments[1], step.result.dtype)
        if tuple(self.results[step.arguments[1]].shape) == tuple(step.result.shape):
            return new
        return self.writer.add("Expand", new, self.writer.sizes(step.shape))

    def _index_add(self, step: Step) -> Value:
        """Columns of [N, C] added to those of [N, D] by a matrix of ones."""
        x, axis, index, new = step.arguments
        at = self.values[index]
        if axis != 1 or step.result.ndim != 2:
            raise NotImplementedError("index_add beyond columns has no translation to ONNX")
        ones = torch.zeros(len(at), step.result.shape[1], dtype=step.result.dtype)
        ones[torch.arange(len(at)), at] = 1
        return self.writer.add("Add", self.value(x), self.writer.add("MatMul", self.value(new), ones))

    def _filled(self, step: Step) -> Value:
        """A constant of as many rows as there are."""
        number = step.result.flatten()[:1]
        if not bool((step.result == number).all()):
            raise NotImplementedError(f"{step.node.target} of the number of rows has no translation to ONNX")
        return self.writer.add(
            "Expand", number.reshape([1] * step.result.ndim), self.writer.sizes(step.shape)
        )

    _zeros = _ones = _full = _zeros_like = _ones_like = _full_like = _new_zeros = _new_full = _filled
    _new_ones = _empty = _scalar_tensor = _filled

    def _constant_pad_nd(self, step: Step) -> Value:
        x, pads = step.arguments[:2]
        fill = step.arguments[2] if len(step.arguments) > 2 else 0.0
        before, after = [0] * step.result.ndim, [0] * step.result.ndim
        for n in range(len(pads) // 2):
            before[-1 - n], after[-1 - n] = pads[2 * n], pads[2 * n + 1]
        return self.writer.add(
            "Pad",
            self.value(x),
            self.writer.ints(*before, *after),
            torch.tensor(fill, dtype=step.result.dtype),
        )

    def _hits(self, step: Step) -> Value:
        return scan(self.writer, *(self.value(argument) for argument in step.arguments))
