"""Whether a private Ray could start on this machine, with room for the workers. None is started."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ray

from monsoon.engine.remote.nodes import Node
from monsoon.engine.remote.placement import free_slots, shortage
from monsoon.engine.remote.private import cpus_here, expect_tokens, longest_socket, ray_folder
from monsoon.jobs.checks.check import GIB, Check, Subject

# GiB that a worker was seen to take (cluster/README.md), HL-LHC events, contributions and three formats
WORKER_GIB = {"library": 1.4, "transported": 1.65, "best": 0.9}
ANY_WORKER_GIB = 2.0
LONGEST_SOCKET = 107  # bytes, of Linux
FULL = 0.95  # share of a disk in use above which Ray stores no objects there
RAYS_SHARE, RAYS_MOST = 0.3, 10e9  # of the free memory for the object store, bytes
CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def address_of(subject: Subject) -> str | None:
    """The cluster that the campaign or RAY_ADDRESS names."""
    return subject.campaign.ray_address or os.environ.get("RAY_ADDRESS")


def is_elsewhere(subject: Subject) -> bool:
    """Whether the campaign would run on a Ray that runs already."""
    return bool(address_of(subject)) or ray.is_initialized()


def room(subject: Subject) -> Iterator[Check]:
    """Cores and memory for the workers."""
    expect_tokens()
    campaign = subject.campaign
    here = Node("here", platform.node(), float(cpus_here()), 0.0, False)
    problem = shortage(campaign.kinds, [here])
    if problem:
        line, _, remedy = problem.rpartition("; ")
        yield Check("cores", "warn" if campaign.wait_for_resources_s else "fail", line, remedy)
        workers = sum(kind.workers or 1 for kind in campaign.kinds)
    else:
        workers = len(free_slots(campaign.kinds, [here], {}))
        yield Check("cores", "ok", f"{here.cpus:g}, room for {workers} workers")
    if subject.forecast is not None:
        workers = min(workers, max(subject.forecast.shards, 1))
    yield from memory(workers, campaign.model)


def memory(workers: int, model: str) -> Iterator[Check]:
    """Memory for a number of workers with these generators."""
    each = WORKER_GIB.get(model, ANY_WORKER_GIB)
    all_of_it, free = (count / GIB for count in memory_bytes())
    found = f"{free:.1f} of {all_of_it:.1f} GiB are free, {workers} workers may take {each:g} GiB each"
    remedy = f"ask for workers={max(1, int(free / each))}, or take a machine with more memory"
    if workers * each > all_of_it:
        yield Check("memory", "fail", found, remedy)
    elif workers * each > free:
        yield Check("memory", "warn", found, remedy)
    else:
        yield Check("memory", "ok", found)


def memory_bytes() -> tuple[int, int]:
    """All memory of this machine, or of the container that this process is in, and what is free of it."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    kilobytes = {words[0].rstrip(":"): int(words[1]) for words in lines}
    everything, free = kilobytes["MemTotal"] << 10, kilobytes["MemAvailable"] << 10
    for limit, used in CGROUPS:
        try:
            most, taken = int(Path(limit).read_text()), int(Path(used).read_text())
        except (OSError, ValueError):  # no such group, or no limit
            continue
        if most < everything:
            everything, free = most, min(free, max(0, most - taken))
    return everything, free


def folders(subject: Subject) -> Iterator[Check]:
    """Where Ray keeps sockets and logs."""
    if not is_elsewhere(subject):
        yield from folder_checks(ray_folder())


def folder_checks(folder: str) -> Iterator[Check]:
    """Whether a private Ray can work below a folder.

    Parameters
    ----------
    folder : str
        The folder, which may be missing: Ray makes it.
    """
    there = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
    try:
        os.rmdir(tempfile.mkdtemp(prefix="ray-", dir=there))
    except OSError as error:
        found = f"{folder}: cannot be written ({error.strerror})"
        yield Check("Ray's folder", "fail", found, "set RAY_TMPDIR to a folder that can")
        return
    length = len(os.fsencode(longest_socket(folder)))
    if length > LONGEST_SOCKET:
        found = f"{folder}: sockets would have paths of {length} bytes, of at most {LONGEST_SOCKET}"
        remedy = "set RAY_TMPDIR to a folder with a short path, such as /tmp/$USER"
        yield Check("Ray's folder", "fail", found, remedy)
    else:
        yield Check("Ray's folder", "ok", f"{folder}: writable, sockets have paths of {length} bytes")
    disk = shutil.disk_usage(there)
    if disk.used / (disk.used + disk.free) > FULL:
        found = f"{folder}: its disk is more than {FULL:.0%} full"
        yield Check("Ray's disk", "warn", found, "free some space on it")


def shared_memory(subject: Subject) -> Iterator[Check]:
    """/dev/shm, where Ray keeps its objects."""
    if is_elsewhere(subject):
        return
    wanted = min(RAYS_SHARE * memory_bytes()[1], RAYS_MOST)
    try:
        free = shutil.disk_usage("/dev/shm").free
    except OSError:
        free = 0
    found = f"/dev/shm has {free / GIB:.1f} GiB free, Ray's objects may take {wanted / GIB:.1f}"
    if free < wanted:
        remedy = "enlarge it (docker run --shm-size), as Ray keeps them on disk otherwise"
        yield Check("shared memory", "warn", found, remedy)
    else:
        yield Check("shared memory", "ok", found)
