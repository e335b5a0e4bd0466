"""After the storm: is every event there once, with the content it has in calm weather?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq

from monsoon.engine.formats.schema import combine, content_hash, event_hashes
from monsoon.engine.ledger.manifest import read_manifest
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.jobs.verify import verify
from tests.chaos.harness.world import NotSeenError, World

BLOCK = 500  # events that the reference makes at a time
VERDICT = re.compile(
    r"(\d+) events, \d+ shards, (\d+) missing, (\d+) duplicate, (\d+) corrupt, "
    r"(\d+) quarantined, (\d+) orphans"
)


@dataclass(frozen=True)
class Judgement:
    """What is found when the campaign is finished."""

    events: int
    lost: int
    duplicated: int
    corrupt: int
    quarantined: int
    verify_exit: int
    orphans: int  # left by those who died
    orphans_after_clean: int
    twice_in_files: int  # by reading the numbers of all events in all committed files
    absent_from_files: int
    content_equal: bool
    untraced: int  # committed shards whose record is no worker's answer

    @property
    def good(self) -> bool:
        wrong = (
            *(self.lost, self.duplicated, self.corrupt, self.quarantined, self.verify_exit),
            *(self.orphans_after_clean, self.twice_in_files, self.absent_from_files, self.untraced),
        )
        return not any(wrong) and self.content_equal


def judge(world: World, advance: Callable[[int], None] = lambda events: None) -> Judgement:
    """Verify, re-read, compare with the undisturbed campaign, clean, and verify again."""
    exit_code, (events, lost, duplicated, corrupt, quarantined, orphans) = _verify(world)
    numbers = np.sort(_event_numbers(world))
    wanted = np.arange(world.events)
    content = read_manifest(world.ledger.store)["content"]
    equal = content == undisturbed(world, advance)
    url = str(world.output)
    verify(url, _quiet, clean=True)
    return Judgement(
        events=events,
        lost=lost,
        duplicated=duplicated,
        corrupt=corrupt,
        quarantined=quarantined,
        verify_exit=exit_code,
        orphans=orphans,
        orphans_after_clean=verify(url, _quiet).orphans,
        twice_in_files=int((np.diff(numbers) == 0).sum()),
        absent_from_files=len(np.setdiff1d(wanted, numbers)),
        content_equal=equal,
        untraced=sum(not _traced(world, record) for record in world.ledger.records()),
    )


def undisturbed(world: World, advance: Callable[[int], None] = lambda events: None) -> str:
    """The content of the same campaign made in this process, without Ray, without storage, without faults."""
    content = combine([])
    for first in range(0, world.events, BLOCK):
        block = EventRange(first, min(first + BLOCK, world.events) - 1)
        made = world.maker.events(world.maker.incidents(block))
        content = combine([content, content_hash(event_hashes(made))])
        advance(block.events)
    return content


def _traced(world: World, record: ShardRecord) -> bool:
    try:
        return bool(world.making(record))
    except NotSeenError:
        return False


def _quiet(line: str) -> None:
    pass


def _verify(world: World) -> tuple[int, list[int]]:
    """As a person does it."""
    code, said = world.drivers.run("verify", str(world.output))
    found = VERDICT.search(said)
    if found is None:
        raise RuntimeError(f"verify: exit code {code}: {said[-2500:]}")
    return code, [int(number) for number in found.groups()]


def _event_numbers(world: World) -> np.ndarray:
    columns = [
        pq.read_table(world.output / file.url, columns=["event"])["event"].to_numpy()
        for record in world.ledger.records()
        for file in record.files
    ]
    return np.concatenate(columns)
