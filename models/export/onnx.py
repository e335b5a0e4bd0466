"""A generator as an ONNX file."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from monsoon.models.errors import InputError
from monsoon.models.export.graph import Graph, graph_of
from monsoon.models.export.interface import Interface
from monsoon.models.export.operations import translated
from monsoon.models.export.rows import steps_of
from monsoon.models.export.writing import Writer, kind
from monsoon.models.files import write_whole

OPSET, IR = 17, 8


def write_onnx(model: Any, path: Path, interface: Interface = "ddml") -> Graph:
    """Write a generator's sampling as ONNX, for any number of rows; see `graph_of`.

    The metadata say what the columns are (`conditions`), what noise is needed (`noise`, `noise_dimensions`),
    the `geometry` and the `domain` of the conditions as JSON, and the model's `fingerprint`.

    Parameters
    ----------
    model
        A generator of showers or of table rows.
    path
        The file.
    interface
        See `graph_of`.

    Raises
    ------
    InputError
        If the model is no network or has a part without a translation, or onnx is not installed.
    """
    if find_spec("onnx") is None:
        raise InputError("export: onnx is not installed; pip install 'monsoon-hep[export]'")
    graph = graph_of(model, interface)
    from onnx import TensorProto, helper

    writer = Writer(graph.inputs[0])
    try:
        result, made = translated(steps_of(graph), graph.inputs, writer)
    except (NotImplementedError, ValueError) as error:
        raise InputError(f"export: this {type(model).__name__} has no ONNX form yet: {error}") from error
    writer.nodes.append(helper.make_node("Identity", [result], [graph.output]))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", given.shape[1]])
        for name, given in zip(graph.inputs, graph.given[0], strict=True)
    ]
    output = helper.make_tensor_value_info(graph.output, kind(made.dtype), ["rows", made.shape[1]])
    proto = helper.make_model(
        writer.graph("sampling", inputs, [output]),
        producer_name="monsoon",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
    )
    helper.set_model_props(proto, described(model, graph, interface))
    write_whole(path, proto.SerializeToString())
    return graph


def described(model: Any, graph: Graph, interface: Interface) -> dict[str, str]:
    """The metadata of a file."""
    about = {
        "conditions": json.dumps(graph.conditions),
        "noise": "uniform in (0, 1)" if interface == "ddml" else "Gaussian, before the conditions",
        "noise_dimensions": str(model.noise_dimensions),
        "domain": json.dumps(model.domain.as_json()),
        "fingerprint": model.fingerprint,
    }
    if not hasattr(model, "schema"):
        return about | {"geometry": json.dumps(model.grid.as_json()), "species": json.dumps(model.species)}
    return about | {"columns": json.dumps([column.name for column in model.schema.features])}
