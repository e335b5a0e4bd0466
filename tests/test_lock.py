"""The locks hold all that is required, each with its hashes, and torch apart."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import monsoon

ROOT = Path(monsoon.__file__).parent
OF_TORCH = ("nvidia-", "cuda-", "triton")  # its builds bring what they need of these
LOCKS = {
    "requirements.lock": ("dev", "cluster"),
    "requirements-image.lock": ("cluster", "train", "tune", "s3", "xrootd"),
    "requirements-docs.lock": ("dev", "cluster", "docs"),
    "requirements-services.lock": ("dev", "cluster", "services", "docs", "s3", "xrootd"),
}


def locked(name: str) -> dict[str, set[str]]:
    """Versions by package: more than one where they depend on the Python or the machine."""
    versions: dict[str, set[str]] = {}
    # an entry goes on over the lines that end in a backslash
    text = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE))
    for entry in text.splitlines():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
        package, _, version = re.split(r"\s", entry)[0].partition("==")
        versions.setdefault(canonicalize_name(package), set()).add(version)
    return versions


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_fulfils_what_pyproject_requires(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    words = [*project["dependencies"], *(word for extra in LOCKS[name] for word in extras[extra])]
    have = locked(name)
    for requirement in map(Requirement, words):
        package = canonicalize_name(requirement.name)
        if package not in ("torch", "monsoon-hep"):
            assert have[package], package
            assert all(requirement.specifier.contains(version) for version in have[package]), package
    assert "torch" not in have
    assert not any(package.startswith(OF_TORCH) for package in have)


@pytest.mark.parametrize("name", LOCKS)
def test_the_locks_agree(name: str) -> None:
    assert locked(name).items() <= locked("requirements-services.lock").items()


def test_the_lock_of_triton_holds_nothing_else_and_a_version_that_gpu_admits() -> None:
    """It stands alone: torch for CUDA has a triton of its own."""
    (admitted,) = map(
        Requirement,
        tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["gpu"],
    )
    ((package, versions),) = locked("requirements-gpu.lock").items()
    assert package == canonicalize_name(admitted.name) == "triton"
    assert all(admitted.specifier.contains(version) for version in versions)


def test_images_have_what_torch_needs_and_no_tools_of_development() -> None:
    image = locked("requirements-image.lock")
    needed = {Requirement(word) for word in requires("torch") or ()}
    names = {canonicalize_name(r.name) for r in needed if r.marker is None or r.marker.evaluate()}
    assert {name for name in names if not name.startswith(OF_TORCH)} <= image.keys()
    assert not {"pytest", "mypy", "ruff", "moto", "hypothesis"} & image.keys()
