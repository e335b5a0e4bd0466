"""`monsoon request`: many samples of one file, each a campaign, run, resumed and summed up as one."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from monsoon.engine.config import PRESETS, Campaign, campaign_of
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.cross_sections import CrossSection
from monsoon.engine.remote.cluster import connected
from monsoon.engine.storage import open_store, storage_answers
from monsoon.engine.storage.posix import PosixStore
from monsoon.jobs.generate import generate
from monsoon.jobs.markdown import table_of
from monsoon.jobs.refusals import nothing_left
from monsoon.jobs.requests.config import Request, Sample
from monsoon.jobs.requests.processes import cross_sections, mixture, with_beams
from monsoon.jobs.shared_pools import with_shared_pool
from monsoon.jobs.sweeps.grid import POOLS, metrics_of
from monsoon.jobs.sweeps.trials import LONGEST_REASON
from monsoon.models.said import said, tell

SUMMARY, PAGE = "request.json", "request.md"
PROCESSES = "processes"  # folder below the output for cross-sections and mixtures
MB_PER_PB = 1e-9
ANY_MU = 1.0  # of a sample without pile-up, while what it consists of is made


@dataclass(frozen=True)
class SampleResult:
    """What came of one sample.

    Attributes
    ----------
    name, output : str
        The sample and the URL of its campaign.
    failed : str
        Why it failed; empty if its events are there.
    content : str
        Content hash of its events.
    metrics : dict of float
        Events, and what an event has on average: collisions, particles, hits, bytes, core time.
    processes : dict of float
        Cross-section of each process [mb], for those that have one.
    luminosity_pb : float or None
        Integrated luminosity in which its processes give as many events [1/pb].
    """

    name: str
    output: str
    failed: str
    content: str
    metrics: dict[str, float]
    processes: dict[str, float]
    luminosity_pb: float | None


def request(config: Request, say: Callable[[str], None] = tell) -> list[SampleResult]:
    """Run what is missing of a request. A sample that cannot be made does not end it.

    Parameters
    ----------
    config : Request
        The samples.
    say : callable
        Prints a line.

    Returns
    -------
    list of SampleResult
        In the order of the request. They are also in `request.json` and `request.md` of its output.

    Raises
    ------
    InputError
        For settings that no campaign can have, and an output or a Ray that cannot be used.
    KeyboardInterrupt
        If interrupted; the same call goes on.
    """
    asked = [(sample, _settings(config, sample)) for sample in config.samples]
    for sample, settings in asked:  # all of them are looked at before the first is run
        campaign_of({**settings, "mu": settings.get("mu") or ANY_MU}, f"sample {sample.name}")
    store, results = open_store(config.output), []
    with ExitStack() as stack:
        if isinstance(store, PosixStore):
            made = (POOLS, PROCESSES, *(sample.name for sample in config.samples))
            stack.enter_context(nothing_left(store.root, made, ("*/*",)))
        store.probe()
        stack.enter_context(connected(config.ray_address))
        for number, (sample, settings) in enumerate(asked, 1):
            say(f"sample {number} of {len(asked)}: {sample.name}, {sample.events} events")
            result = _run(config, sample, settings, say)
            say(f"{sample.name}: {result.failed or 'its events are there'}")
            results.append(result)
    rows = [asdict(result) for result in results]
    with storage_answers(store):
        content = json.dumps({"samples": rows, "total": _total(results)}, indent=1) + "\n"
        store.replace(SUMMARY, content.encode())
        store.replace(PAGE, page_of(results).encode())
    return results


def _settings(config: Request, sample: Sample) -> dict[str, Any]:
    """Keys of a sample's campaign."""
    return {
        **PRESETS[sample.conditions or config.conditions],
        **config.settings,
        **sample.settings,
        "events": sample.events,
        "output": f"{config.output}/{sample.name}",
    }


def _run(
    config: Request, sample: Sample, settings: dict[str, Any], say: Callable[[str], None]
) -> SampleResult:
    output = f"{config.output}/{sample.name}"
    sections: dict[str, CrossSection] = {}
    try:
        plan = campaign_of({**settings, "mu": settings.get("mu") or ANY_MU}, f"sample {sample.name}")
        folder = f"{config.output}/{PROCESSES}/{sample.name}"
        found = cross_sections(sample.processes, plan, folder)
        sections = {p.name: s for p, s in zip(sample.processes, found, strict=True) if s is not None}
        campaign = _campaign(sample, settings, plan, folder, say)
        done = generate(with_shared_pool(campaign, f"{config.output}/{POOLS}", say), say)
        metrics = metrics_of(done.output)
    except InputError as error:
        return SampleResult(sample.name, output, said(error, LONGEST_REASON), "", {}, _mb(sections), None)
    whole = len(sections) == len(sample.processes) > 0
    total_mb = sum(section.mb for section in sections.values())
    luminosity = metrics["events"] / total_mb * MB_PER_PB if whole else None
    return SampleResult(sample.name, done.output, "", done.content, metrics, _mb(sections), luminosity)


def _campaign(
    sample: Sample, settings: dict[str, Any], plan: Campaign, folder: str, say: Callable[[str], None]
) -> Campaign:
    """The campaign of a sample: one process is its signal, several are mixed into a file of its signal."""
    where, processes = f"sample {sample.name}", sample.processes
    if settings.get("mu") is None:
        if not processes:
            raise InputError(f"{where}: no pile-up and no processes leave nothing; give one of them")
        url = mixture(processes, plan, folder, say)
        return campaign_of({**settings, "incidents": url, "signal": None}, where)
    if not processes:
        return plan
    if len(processes) > 1:
        return campaign_of({**settings, "signal": mixture(processes, plan, folder, say)}, where)
    (process,) = processes
    return campaign_of({**settings, "signal": process.file or with_beams(process, plan)}, where)


def _mb(sections: dict[str, CrossSection]) -> dict[str, float]:
    return {name: section.mb for name, section in sections.items()}


def _total(results: list[SampleResult]) -> dict[str, float]:
    """Sums over all samples: events, bytes and core hours."""
    made = [result.metrics for result in results if not result.failed]
    return {
        "samples": len(results),
        "failed": len(results) - len(made),
        "events": sum(metrics["events"] for metrics in made),
        "bytes": round(sum(metrics["events"] * metrics["bytes_per_event"] for metrics in made)),
        "core_hours": sum(metrics["events"] * metrics["core_ms_per_event"] for metrics in made) / 3.6e6,
    }


def page_of(results: list[SampleResult]) -> str:
    """The summary as a Markdown table, with a row of sums."""
    means = ("collisions_per_event", "particles_per_event", "hits_per_event", "bytes_per_event")
    rows: list[tuple[str, ...]] = [
        ("sample", "events", "processes [mb]", "luminosity [1/pb]", *means, "content")
    ]
    for result in results:
        processes = ", ".join(f"{name} {mb:.4g}" for name, mb in result.processes.items())
        luminosity = "" if result.luminosity_pb is None else f"{result.luminosity_pb:.4g}"
        numbers = [f"{result.metrics[name]:.4g}" if result.metrics else "" for name in means]
        events = f"{result.metrics['events']:.0f}" if result.metrics else "0"
        last = result.failed.replace("|", "\\|") or result.content
        rows.append((result.name, events, processes, luminosity, *numbers, last))
    total = _total(results)
    sums = f"{total['bytes'] / 1e9:.3g} GB, {total['core_hours']:.3g} core hours, {total['failed']} failed"
    rows.append(("all", f"{total['events']:.0f}", "", "", *("" for _ in means), sums))
    return f"# Request\n\n{table_of(rows)}\n"
