"""The import rule: jobs -> engine -> models; no circles; ray in two places only; kernels stand alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for package in ("models", "engine", "jobs") for path in (ROOT / package).rglob("*.py"))
KERNEL_MAY_IMPORT = {"__future__", "collections", "contextlib", "importlib", "math", "typing"}
KERNEL_MAY_IMPORT |= {"numpy", "torch", "numba", "triton", "monsoon"}


def module_of(path: Path) -> str:
    """The name under which a source file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("monsoon", *(parts[:-1] if parts[-1] == "__init__" else parts)))


MODULES = {module_of(path): path for path in SOURCES}
STANDALONE = [
    name
    for name, path in MODULES.items()
    if path.name != "__init__.py" and (name.startswith("monsoon.models.") or "kernels" in path.parts)
    if path.name != "gpu.py" or find_spec("triton")  # only then
]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    forbidden = {
        "models": {"monsoon.engine", "monsoon.jobs", "ray"},
        "engine": {"monsoon.jobs"},
        "jobs": set(),
    }[package]
    if package == "engine" and not path.is_relative_to(ROOT / "engine" / "remote"):
        forbidden = forbidden | {"ray"}
    for module in imported(path):
        parts = module.split(".")
        assert ".".join(parts[:2] if parts[0] == "monsoon" else parts[:1]) not in forbidden, module


def test_no_module_imports_itself_through_others() -> None:
    """Imports inside functions and for annotations count: they hide a circle, they do not open it."""
    graph = {
        name: {module for module in imported(path) if module in MODULES} for name, path in MODULES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("path", [p for p in SOURCES if "kernels" in p.parts], ids=str)
def test_kernels_import_numbers_and_nothing_else(path: Path) -> None:
    for module in imported(path):
        assert module.split(".")[0] in KERNEL_MAY_IMPORT
        if module.startswith("monsoon"):
            assert ".kernels" in module


def test_models_and_kernels_import_without_ray_pydantic_or_yaml() -> None:
    """As on a bare GPU machine, where neither is installed."""
    program = (
        "import sys, importlib\n"
        "for absent in ('ray', 'pydantic', 'typer', 'particle', 'yaml'): sys.modules[absent] = None\n"
        f"for name in {STANDALONE!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_monsoon_alone_is_imported_at_once_and_brings_nothing_heavy() -> None:
    """The time counts processor seconds of the import alone, so that a busy machine does not matter much."""
    program = (
        "import sys, time\n"
        "start = time.process_time()\n"
        "import monsoon\n"
        "seconds = time.process_time() - start\n"
        "assert seconds < 0.3, seconds\n"
        "assert not {'ray', 'torch', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "assert {'Campaign', 'generate', 'train', 'sample', 'validate'} <= set(dir(monsoon))\n"
        "for name in dir(monsoon): getattr(monsoon, name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
