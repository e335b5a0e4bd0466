"""The check of a node before it works on a campaign: same code, same arithmetic, same storage."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import monsoon
from monsoon.engine.campaign import ResolvedCampaign, numerics
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.parquet import read_header
from monsoon.engine.ledger.commits import CAMPAIGN
from monsoon.engine.loading import load, load_replicas
from monsoon.engine.remote.nodes import Node
from monsoon.engine.storage import open_store

PACKAGES = ("engine", "jobs", "models")
SAME = ("torch", "numpy", "numba", "pyarrow", "scipy")


@cache
def code_hash() -> str:
    """Hash of Monsoon's source files, as this process imports them."""
    return hash_of_sources(Path(monsoon.__file__).parent)


def hash_of_sources(root: Path) -> str:
    """Hash of the source files below the folder of the package: their relative paths and contents."""
    digest = hashlib.sha256()
    for package in PACKAGES:  # in a checkout the folder holds other files too, such as tests
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def facts() -> dict[str, Any]:
    """The versions that must be equal on every node of a campaign."""
    return {
        "code": code_hash()[:12],
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{package: version(package) for package in SAME},
        **numerics(),
    }


def examine(output: str, name: str, content: bytes, resolved: ResolvedCampaign | None) -> list[str]:
    """Check that this machine sees the same output, incidents and model as the driver.

    Parameters
    ----------
    output, name, content
        As in `output_problems`.
    resolved : ResolvedCampaign or None
        The campaign; None where its incidents are still to be made.

    Returns
    -------
    list of str
        A line for each problem.
    """
    return [*output_problems(output, name, content), *(input_problems(resolved) if resolved else ())]


def output_problems(output: str, name: str, content: bytes) -> list[str]:
    """Check that this machine sees the same output as the driver, and can write to it.

    Parameters
    ----------
    output : str
        URL of the output.
    name : str
        A file in it.
    content : bytes
        The file's content as the driver reads it.

    Returns
    -------
    list of str
        A line for each problem.
    """
    try:
        store = open_store(output)
        if store.read(name) != content:
            return [f"output {output} is another one there; give one that all nodes share"]
        store.probe()
    except OSError as error:
        return [f"output {output} cannot be read ({error.strerror or error})"]
    except InputError as error:
        return [str(error)]
    return []


def input_problems(resolved: ResolvedCampaign) -> list[str]:
    """Check that this machine sees the same incidents and model as the driver.

    Parameters
    ----------
    resolved : ResolvedCampaign
        The campaign.

    Returns
    -------
    list of str
        A line for each problem.
    """
    problems = []
    try:
        if read_header(resolved.incidents).content_sha256 != resolved.identity["incidents"]:
            problems.append(f"incidents {resolved.incidents} have other content there")
        asked = resolved.campaign
        suite, _ = load(**asked.named)
        if not resolved.is_made_by(suite):
            problems.append(f"model {asked.model} is a different one there")
        theirs = [one.fingerprint for one in load_replicas(asked, suite)]
        if theirs != resolved.replicas:
            problems.append(f"replicas {asked.replicas} are different ones there")
    except InputError as error:
        problems.append(str(error))
    return problems


def differences(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """Compare the facts of two machines.

    Parameters
    ----------
    here, there : dict
        The `facts` of the driver and of another machine.

    Returns
    -------
    list of str
        A line for each fact that differs.
    """
    return [
        f"{key} is {there.get(key)} there and {here[key]} here; install the same version"
        for key in here
        if there.get(key) != here[key]
    ]


def check(node: Node, resolved: ResolvedCampaign, campaign: bytes) -> ray.ObjectRef[list[str]]:
    """Start the check of a node.

    Parameters
    ----------
    node : Node
        The node to check.
    resolved : ResolvedCampaign
        The campaign.
    campaign : bytes
        campaign.json as the driver reads it.

    Returns
    -------
    ray.ObjectRef of list of str
        A line for each problem; empty if the node may work on the campaign.
    """
    return ask(node, resolved.output, CAMPAIGN, campaign, resolved)


def ask(
    node: Node, output: str, name: str, content: bytes, resolved: ResolvedCampaign | None
) -> ray.ObjectRef[list[str]]:
    """Start the check of a node, also for a campaign that has not begun.

    Parameters
    ----------
    node : Node
        The node to check.
    output, name, content, resolved
        As in `examine`.

    Returns
    -------
    ray.ObjectRef of list of str
        A line for each problem.
    """
    there = NodeAffinitySchedulingStrategy(node.id, soft=False)
    return _answer.options(scheduling_strategy=there).remote(facts(), output, name, content, resolved)


@ray.remote(num_cpus=0, max_retries=0)
def _answer(
    here: dict[str, Any], output: str, name: str, content: bytes, resolved: ResolvedCampaign | None
) -> list[str]:
    return differences(here, facts()) or examine(output, name, content, resolved)
