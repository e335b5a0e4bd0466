"""This machine: Python and packages, open files, compiled code."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from monsoon.jobs.checks.check import Check, Subject

DISTRIBUTION = "monsoon-hep"
EXTRAS = {"s3://": "s3", "root://": "xrootd"}
FEW_FILES = 4096  # where Ray warns
LEAST_FILES = 64  # a campaign of one worker ran with it


def installed(subject: Subject) -> Iterator[Check]:
    """Python and the packages, against what the installed version of Monsoon requires."""
    here = platform.python_version()
    try:
        wanted = SpecifierSet(metadata(DISTRIBUTION)["Requires-Python"] or "")
        lines = requires(DISTRIBUTION) or ()
    except PackageNotFoundError:
        yield Check("packages", "warn", f"{DISTRIBUTION} is not installed, only found", "pip install it")
        return
    if here in wanted:
        yield Check("python", "ok", f"{here}, {wanted} is required")
    else:
        yield Check("python", "fail", f"{here}, {wanted} is required", "install another Python")
    asked = subject.campaign
    urls = [str(url) for url in (asked.output, asked.incidents, asked.signal, asked.model, asked.detector)]
    extras = ["", *(extra for start, extra in EXTRAS.items() if any(start in url for url in urls))]
    needed = [
        requirement
        for requirement in map(Requirement, lines)
        if not requirement.marker or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)
    ]
    problems = {str(one): problem for one in needed if (problem := unmet(one))}
    for one, problem in problems.items():
        yield Check("packages", "fail", problem, f"pip install '{one.partition(';')[0].strip()}'")
    if not problems:
        yield Check("packages", "ok", f"{len(needed)} that monsoon {version(DISTRIBUTION)} requires")


def unmet(requirement: Requirement) -> str | None:
    """What is wrong with a required package as it is installed; None if nothing is.

    Parameters
    ----------
    requirement : Requirement
        The package and its versions.
    """
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(found, prereleases=True):
        return None
    return f"{requirement.name} is {found}, {requirement.specifier} is required"


def open_files(subject: Subject) -> Iterator[Check]:
    """The limit of open files. Ray raises the soft limit to the hard one."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit == resource.RLIM_INFINITY or limit >= FEW_FILES:
        yield Check("open files", "ok", f"up to {'any number' if limit < 0 else limit} a process")
    else:
        found, remedy = f"up to {limit} a process", f"ulimit -Hn {FEW_FILES} or more"
        if limit < LEAST_FILES:
            yield Check("open files", "fail", f"{found}: Ray cannot start", remedy)
        else:
            yield Check("open files", "warn", f"{found}: few for Ray", remedy)


def compiled(subject: Subject) -> Iterator[Check]:
    """Where numba keeps what it has compiled: without such a place it refuses to compile."""
    from monsoon.engine.kernels.digitise.cpu import _digitise

    folder = _digitise.stats.cache_path
    if os.access(folder, os.W_OK | os.X_OK):
        yield Check("compiled code", "ok", f"kept in {folder}")
    else:
        yield Check(
            "compiled code", "fail", f"{folder} cannot be written", "set NUMBA_CACHE_DIR to a folder that can"
        )
