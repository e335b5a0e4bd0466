"""The versions that a job needs on the cluster, compared there before anything else is imported."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

PINS = "MONSOON_PINS"  # the variable that has them, as JSON


def pins_of(packages: Sequence[str]) -> dict[str, str]:
    """The versions of Python and of packages here, of whichever build: `2.13.0` for `2.13.0+cpu`."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **{name: _version(name) for name in packages}}


def flaws(pins: Mapping[str, str]) -> list[str]:
    """The versions here that are not those pinned: a part of a line for each."""
    here = pins_of([name for name in pins if name != "python"])
    return [
        f"{name} is {here[name]} on the cluster and {pin} where the job was submitted"
        for name, pin in pins.items()
        if here[name] != pin
    ]


def _version(package: str) -> str:
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return "missing"
