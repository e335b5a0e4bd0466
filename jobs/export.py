"""`monsoon export`: a trained generator as ONNX, for programs in C++."""

from __future__ import annotations

from typing import Annotated

import typer


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="a shipped name, or a trained model's folder")
    ],
    out: Annotated[str, typer.Option("--out", help="file (.onnx)")],
    interface: Annotated[
        str,
        typer.Option(
            "--interface",
            help="ddml: inputs conditions, noise (uniform); par04: one, Gaussian noise, then conditions",
        ),
    ] = "ddml",
) -> None:
    """Write a trained generator as ONNX: conditions and noise in, voxel energies or table rows out."""
    from pathlib import Path
    from typing import get_args

    from monsoon.engine.storage import local_path
    from monsoon.models.errors import InputError
    from monsoon.models.export.interface import Interface
    from monsoon.models.export.onnx import write_onnx
    from monsoon.models.store.checkpoint import load
    from monsoon.models.store.shipped import SHOWER_FILES, no_such_model, parts

    if interface not in get_args(Interface):
        raise InputError(f"interface {interface}: not one of {', '.join(get_args(Interface))}")
    folders = parts(model)
    if all(path.suffix in SHOWER_FILES for path in folders):
        raise InputError(
            f"model {model}: a library is a search among showers, no graph of tensors; export a network"
        )
    if len(folders) > 1:
        names = ", ".join(path.name for path in folders)
        raise InputError(f"model {model}: several generators; export them one by one: {names}")
    if not folders[0].is_dir():
        raise no_such_model(model)
    path = Path(local_path(out))
    graph = write_onnx(load(folders[0]).model, path, interface)  # type: ignore[arg-type]
    print(f"inputs: {', '.join(graph.inputs)}; of conditions: {', '.join(graph.conditions)}")
    print(f"output: {graph.output}")
    print(f"onnx: {path}")
