"""Before a node works on a campaign: is it the same code, the same arithmetic, the same storage?"""

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
from monsoon.engine.campaign import ResolvedCampaign, load, numerics
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.parquet import read_header
from monsoon.engine.ledger.commits import CAMPAIGN
from monsoon.engine.remote.nodes import Node
from monsoon.engine.storage import open_store

PACKAGES = ("engine", "jobs", "models")
SAME = ("torch", "numpy", "numba", "pyarrow", "scipy")


@cache
def code_hash() -> str:
    """Hash of all of Monsoon's own source files, as this process imports them."""
    return hash_of_sources(Path(monsoon.__file__).parent)


def hash_of_sources(root: Path) -> str:
    """Hash of the source files of a Monsoon whose package is this folder: their places and their contents."""
    digest = hashlib.sha256()
    for package in PACKAGES:  # the folder is also the checkout's root: nothing else in it is Monsoon's
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def facts() -> dict[str, Any]:
    """What has to be equal on every node of a campaign."""
    return {
        "code": code_hash()[:12],
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{package: version(package) for package in SAME},
        **numerics(),
    }


def examine(resolved: ResolvedCampaign, campaign: bytes) -> list[str]:
    """What is wrong with this machine's view of storage, a line each.

    campaign  campaign.json as the driver sees it
    """
    problems = []
    store = open_store(resolved.output)
    try:
        if store.read(CAMPAIGN) != campaign:
            problems.append(f"output {resolved.output} is another one there; give one that all nodes share")
        else:
            store.probe()
    except OSError as error:
        problems.append(f"output {resolved.output} is not to be seen ({error.strerror or error})")
    except InputError as error:
        problems.append(str(error))
    try:
        if read_header(resolved.incidents).content_sha256 != resolved.identity["incidents"]:
            problems.append(f"incidents {resolved.incidents} are others there")
        asked = resolved.campaign
        suite, _ = load(asked.model, asked.outside, asked.detector)
        if suite.fingerprint != resolved.identity["model"]:
            problems.append(f"model {asked.model} is another one there")
    except InputError as error:
        problems.append(str(error))
    return problems


def differences(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """A line for each fact that is not the same."""
    return [
        f"{key} is {there.get(key)} there and {here[key]} here; install the same"
        for key in here
        if there.get(key) != here[key]
    ]


def check(node: Node, resolved: ResolvedCampaign, campaign: bytes) -> ray.ObjectRef[list[str]]:
    """Ask a node; the answer is what is wrong with it, nothing where all is well."""
    there = NodeAffinitySchedulingStrategy(node.id, soft=False)
    return _answer.options(scheduling_strategy=there).remote(facts(), resolved, campaign)


@ray.remote(num_cpus=0, max_retries=0)
def _answer(here: dict[str, Any], resolved: ResolvedCampaign, campaign: bytes) -> list[str]:
    return differences(here, facts()) or examine(resolved, campaign)
