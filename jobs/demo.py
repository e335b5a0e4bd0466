"""`monsoon demo`: 2 000 Run 3 events from Pythia 8 collisions, and a report of them, on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

from monsoon.engine.config import Campaign, load_campaign
from monsoon.engine.remote.cluster import connected
from monsoon.jobs.generate import generate
from monsoon.jobs.report.page import write_report

SETTINGS = (
    "model=best",
    "events=2000",
    "shard_events=250",
    "pool_collisions=10000",
    "formats=[parquet, root]",
)


def demo(output: str | Path = "out/demo") -> tuple[Campaign, str]:
    """Run the campaign, or what is missing of it, and write its report.

    Parameters
    ----------
    output
        Folder of this machine for events and report.

    Returns
    -------
    tuple of Campaign and str
        The campaign that was run, and the URL of the report.

    Raises
    ------
    InputError
        Where the output cannot be used; nothing is left behind then.
    """
    campaign = load_campaign("run3", [*SETTINGS, f"output={output}"])
    with connected(campaign.ray_address):  # one Ray for the pool and the events
        result = generate(campaign, say=lambda line: print(line, file=sys.stderr))
    report = write_report(result.output)
    print(f"events: {result.output}")
    print(f"report: {report}")
    return campaign, report
