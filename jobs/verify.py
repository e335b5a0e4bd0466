"""`monsoon verify`: re-read everything a campaign has written and hold it against its ledger."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine import storage
from engine.commits import Ledger, ShardRecord
from engine.plan import gaps, overlaps
from engine.shards import FORMATS, content_of, sha256_of
from jobs.progress import JobProgress


@dataclass
class Verdict:
    """What `verify` found. `findings` has a line for everything that is wrong."""

    events: int = 0
    shards: int = 0
    missing: int = 0  # events
    duplicate: int = 0  # events
    corrupt: int = 0  # files
    quarantined: int = 0  # events
    findings: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        return (
            f"{self.events} events, {self.shards} shards, {self.missing} missing, "
            f"{self.duplicate} duplicate, {self.corrupt} corrupt, {self.quarantined} quarantined"
        )


def verify(url: str, say: Callable[[str], None] = print) -> Verdict:
    """Read every file of every committed shard. Raises InputError where there is no campaign."""
    output = storage.local_path(url)
    ledger = Ledger(output)
    stored, records = ledger.campaign(), ledger.records()
    verdict = Verdict(shards=len(records))
    ranges = [record.range for record in records]
    for gap in gaps(stored.range, ranges):
        verdict.missing += gap.events
        verdict.findings.append(f"missing: events {gap.first} .. {gap.last} are not committed")
    for one, other in overlaps(ranges):
        shared = min(one.last, other.last) - other.first + 1
        verdict.duplicate += shared
        verdict.findings.append(f"duplicate: {one.stem} and {other.stem} share {shared} events")
    with JobProgress("shards", len(records)) as progress:
        for record in records:
            _verify_shard(output, record, verdict)
            progress.advance(1)
    for finding in verdict.findings:
        say(finding)
    say(str(verdict))
    return verdict


def _verify_shard(output: Path, record: ShardRecord, verdict: Verdict) -> None:
    verdict.events += record.counts["events"]
    verdict.quarantined += record.counts["quarantined"]
    for file in record.files:
        path = output / file.url
        wrong = None
        if file.format not in FORMATS:
            wrong = f"format {file.format} is not known"
        elif not path.is_file():
            wrong = "the file is gone"
        elif sha256_of(path) != file.sha256:
            wrong = "its bytes are not those that were committed"
        elif content_of(file.format, path) != record.content:
            wrong = "its content is not what was committed"
        if wrong:
            verdict.corrupt += 1
            verdict.findings.append(f"corrupt: {file.url}: {wrong}")


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["verify", *sys.argv[1:]]))
