"""The autoregressive hits as a scan over the pixels; see models/kernels/hits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from monsoon.models.export.writing import Value, Writer


def scan(
    writer: Writer,
    base: Value,
    start: Value,
    first: Value,
    last: Value,
    near: Value,
    beside: Value,
    noise: Value,
) -> Value:
    """Hit pixels, bool [N, V], of the arguments of `HitNetwork`, whose weights are constants.

    The state is the hidden units and which pixels are hit: pixels are rows there, so that those of the
    neighbours are gathered.
    """
    assert isinstance(first, Tensor)
    assert isinstance(last, Tensor)
    assert isinstance(near, Tensor)
    assert isinstance(beside, Tensor)
    pixels = len(last)
    rows = torch.arange(pixels)
    transposed = [writer.add("Transpose", value, perm=[1, 0]) for value in (noise, base)]
    size = writer.add("Slice", writer.add("Shape", noise), writer.ints(0), writer.ints(1))
    shape = writer.add("Concat", writer.ints(pixels), size, axis=0)
    begun = writer.add("Expand", torch.zeros(1, 1, dtype=torch.bool), shape)
    ties = beside * (near >= 0)
    _, hit = writer.add_many(
        2,
        "Scan",
        *(start, begun, *transposed, first, last, near.clamp(min=0).long(), ties, rows),
        body=_body(rows[:, None], writer),
        num_scan_inputs=7,
    )
    return writer.add("Transpose", hit, perm=[1, 0])


def _body(rows: Tensor, outer: Writer) -> Any:
    """One pixel; see `hits.reference`."""
    from onnx import TensorProto, helper  # an extra: models import without it

    w = Writer()
    far = w.add("MatMul", w.add("Relu", "hidden"), "last")
    close = w.add("Cast", w.add("Gather", "hit", "near", axis=0), to=TensorProto.FLOAT)  # [K, N]
    logit = w.add("Add", w.add("Add", "base", far), w.add("MatMul", "beside", close))
    new = w.add("Less", "noise", w.add("Sigmoid", logit))
    column = w.add("Unsqueeze", w.add("Cast", new, to=TensorProto.FLOAT), w.ints(1))
    hidden = w.add("Add", "hidden", w.add("Mul", column, "first"))
    here = w.add("Equal", outer.name(rows), "row")  # [V, 1]
    hit = w.add("Or", "hit", w.add("And", here, w.add("Unsqueeze", new, w.ints(0))))
    named = {
        "hidden": (TensorProto.FLOAT, 2), "hit": (TensorProto.BOOL, 2), "noise": (TensorProto.FLOAT, 1),
        "base": (TensorProto.FLOAT, 1), "first": (TensorProto.FLOAT, 1), "last": (TensorProto.FLOAT, 1),
        "near": (TensorProto.INT64, 1), "beside": (TensorProto.FLOAT, 1), "row": (TensorProto.INT64, 0),
    }  # fmt: skip
    inputs = [
        helper.make_tensor_value_info(name, kind, [None] * rank) for name, (kind, rank) in named.items()
    ]
    outputs = [
        helper.make_tensor_value_info(hidden, TensorProto.FLOAT, [None, None]),
        helper.make_tensor_value_info(hit, TensorProto.BOOL, [None, None]),
    ]
    for node in w.nodes:  # names of the body are its own
        node.name = f"pixel_{node.output[0]}"
    prefix = {name: f"pixel_{name}" for node in w.nodes for name in node.output}
    prefix |= {constant.name: f"pixel_{constant.name}" for constant in w.constants}
    for node in w.nodes:
        node.input[:] = [prefix.get(name, name) for name in node.input]
        node.output[:] = [prefix[name] for name in node.output]
    for constant in w.constants:
        constant.name = prefix[constant.name]
    for value in outputs:
        value.name = prefix[value.name]
    return w.graph("pixel", inputs, outputs)
