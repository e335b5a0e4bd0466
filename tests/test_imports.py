"""The import rule: jobs -> engine -> models; ray in two places only; kernels stand alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for package in ("models", "engine", "jobs") for path in (ROOT / package).rglob("*.py"))
KERNEL_MAY_IMPORT = {"__future__", "math", "typing", "numpy", "torch", "numba", "triton", "engine", "models"}
STANDALONE = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in SOURCES
    if path.name != "__init__.py" and (path.is_relative_to(ROOT / "models") or "kernels" in path.parts)
]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    forbidden = {"models": {"engine", "jobs", "ray"}, "engine": {"jobs"}, "jobs": set()}[package]
    if package == "engine" and not path.is_relative_to(ROOT / "engine" / "remote"):
        forbidden = forbidden | {"ray"}
    assert not {module.split(".")[0] for module in imported(path)} & forbidden


@pytest.mark.parametrize("path", [p for p in SOURCES if "kernels" in p.parts], ids=str)
def test_kernels_import_numbers_and_nothing_else(path: Path) -> None:
    for module in imported(path):
        assert module.split(".")[0] in KERNEL_MAY_IMPORT
        if module.startswith(("engine", "models")):
            assert ".kernels" in module


def test_models_and_kernels_import_without_ray_or_pydantic() -> None:
    """As on a bare GPU machine, where neither is installed."""
    program = (
        "import sys, importlib\n"
        "for absent in ('ray', 'pydantic', 'typer', 'particle'): sys.modules[absent] = None\n"
        f"for name in {STANDALONE!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
