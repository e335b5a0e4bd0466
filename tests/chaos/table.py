"""What a run of chaos came to, as a page of Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from tests.chaos.harness.drivers import End
from tests.chaos.harness.judgement import Judgement
from tests.chaos.harness.kinds import KINDS
from tests.chaos.harness.runner import Tally


@dataclass(frozen=True)
class Run:
    """The numbers of one run; not judged where it has not come to its end."""

    seed: int
    faults: int
    shards: int
    drivers: int
    seconds: float
    tallies: Mapping[str, Tally]
    surprises: Sequence[End]
    judgement: Judgement | None

    @property
    def good(self) -> bool:
        missed = any(tally.missed for tally in self.tallies.values())
        return self.judgement is not None and self.judgement.good and not self.surprises and not missed


def markdown(run: Run) -> str:
    """The page."""
    total = Tally()
    rows = []
    for name, kind in KINDS.items():
        tally = run.tallies.get(name, Tally())
        rows.append(_row(name, tally, (kind.run.__doc__ or "").strip().splitlines()[0]))
        total.add(tally)
    rows.append(_row("**all**", total, ""))
    facts = [
        *(_judged(run.judgement, run.shards) if run.judgement else _not_judged(run, total)),
        f"- orders to raise again which a worker passed that had been given up before: {total.passed}",
        f"- drivers: {run.drivers}, of which {len(run.surprises)} ended as they should not",
        f"- duration: {run.seconds / 60:.0f} minutes; seed {run.seed}",
        f"- machine: {os.cpu_count()} cores; Ray {version('ray')}, Python {platform.python_version()}",
    ]
    return "\n".join([HEAD, *rows, "", *facts, *_troubles(run), ""])


def _judged(judgement: Judgement, shards: int) -> list[str]:
    return [
        f"- events: {judgement.events} in {shards} shards",
        f"- lost: {judgement.lost}",
        f"- duplicated: {judgement.duplicated}",
        f"- event numbers read back from the files: {judgement.absent_from_files} absent, "
        f"{judgement.twice_in_files} twice",
        f"- content equal to the undisturbed campaign's: {'yes' if judgement.content_equal else 'NO'}",
        f"- quarantined: {judgement.quarantined}; corrupt: {judgement.corrupt}; "
        f"`verify` ended with {judgement.verify_exit}",
        f"- shards whose commit record is no worker's answer: {judgement.untraced}",
        f"- orphans: {judgement.orphans}, after `verify --clean` {judgement.orphans_after_clean}",
    ]


def _not_judged(run: Run, total: Tally) -> list[str]:
    done = total.done + len(total.missed)
    return [f"- so far: {done} of {run.faults} faults, {run.shards} shards; nothing is judged before the end"]


HEAD = """\
# Chaos

One campaign of signal and pile-up, made by `monsoon generate` on a Ray cluster of three nodes, while faults
drawn at random hit it, several at a time. Whenever its driver has ended, the same command is given again.
`make chaos` makes this page. *Took place*: the effect of the fault itself was seen. *Failed calls*: what
the driver's log says of it. *Overtaken*: the driver ended, by another fault, before it could say anything.

| fault | what happens | injected | took place | failed calls | overtaken | driver restarts |
|---|---|---|---|---|---|---|"""


def _row(name: str, tally: Tally, what: str) -> str:
    numbers = (tally.done + len(tally.missed), tally.done, tally.calls, tally.overtaken, tally.restarts)
    return f"| {name} | {what} | {' | '.join(map(str, numbers))} |"


def _troubles(run: Run) -> list[str]:
    missed = [f"- {name}: {why}" for name, tally in run.tallies.items() for why in tally.missed]
    ends = [f"- driver {end.life} ended with {end.code}: `{end.last_line}`" for end in run.surprises]
    return ["", "What should not have been:", "", *missed, *ends] if missed or ends else []
