"""Readers of a campaign's output: its JSON files and its detector, by the commands that read them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import CAMPAIGN, COMMITS, Ledger
from monsoon.engine.ledger.geometry import CELLS, DESCRIPTION
from monsoon.engine.ledger.manifest import MANIFEST, Summary
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import QUARANTINE
from monsoon.engine.ledger.status import DRIVERS, DriverStatus
from monsoon.engine.storage import open_store
from monsoon.jobs.merge import merge
from monsoon.jobs.report.sample import read_sample
from monsoon.jobs.status import status
from monsoon.jobs.verify import repair, verify
from monsoon.models.store.suite import load_suite
from tests.fuzz.mutation.arrow import mutated_parquet
from tests.fuzz.mutation.trees import mutated_json
from tests.fuzz.reader import Reader, check
from tests.fuzz.readers.shards import made_incidents
from tests.jobs.conftest import SmallCampaign

SHARD = EventRange(4, 7).stem
PRECIOUS = "precious.txt"


def _reading(name: str) -> Callable[[Path, Path, Path], None]:
    """Puts an input in place of one file of the output, and runs what reads it."""

    def read(path: Path, folder: Path, scratch: Path) -> None:
        output, precious = scratch / "output", scratch / PRECIOUS
        shutil.copytree(folder / "output", output, copy_function=os.link)
        precious.write_text("not the campaign's")
        (output / name).unlink()
        shutil.copyfile(path, output / name)
        said: list[str] = []
        refusals = [
            _refused(lambda: _verify(output, folder, said)),
            _refused(lambda: status(str(output), said.append)),
            _refused(lambda: read_sample(open_store(str(output)))),
            _refused(lambda: merge(str(scratch / "merged"), [str(output)], said.append)),
            _refused(lambda: repair(Ledger(open_store(str(output))), said.append)),
        ]
        check(all("\n" not in line for line in said), "a line is two")
        check(precious.exists(), "a file outside the output is gone")
        check((folder / "output" / CAMPAIGN).exists(), "another campaign's file is gone")
        if all(refusals):
            raise refusals[0]

    return read


def _refused(command: Callable[[], object]) -> InputError | None:
    try:
        command()
    except InputError as error:
        return error
    return None


def _verify(output: Path, folder: Path, said: list[str]) -> None:
    """Where nothing is found the records say the same as before."""
    verdict = verify(str(output), said.append)
    if verdict.good:
        mine, theirs = (Summary(Ledger(open_store(str(at))).records()) for at in (output, folder / "output"))
        for key in ("shards", "counts", "bytes", "content", "merkle_root"):
            check(mine.content()[key] == theirs.content()[key], f"verify finds nothing in other {key}")


def prepare_output(output: Path) -> None:
    """A finished campaign of three shards with an event in quarantine and a driver's last word."""
    _small_campaign().run(output, events=12, shard_events=4, bad=[5])
    told = DriverStatus(
        driver="host-1", started=1.7e9, updated=1.7e9 + 60, events_wanted=12, events_committed=12,
        events_made=12, shards_committed=3, failures={"lost": 1}, state="finished",
        troubles=[{"time": 1.7e9, "shard": SHARD, "failure": "lost", "reason": "node", "node": "n"}],
    )  # fmt: skip
    (output / DRIVERS).mkdir()
    (output / DRIVERS / "host-1.json").write_text(told.model_dump_json(indent=1))


@cache
def _small_campaign() -> SmallCampaign:
    return SmallCampaign(made_incidents(12), load_suite("library"), Detector.load("lhcb-ecal"))


def _prepare(name: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        prepare_output(folder / "output")
        (folder / f"good-0{Path(name).suffix}").write_bytes((folder / "output" / name).read_bytes())

    return prepare


def _reader(name: str, mutate: Callable[[bytes, Random], bytes] = mutated_json) -> Reader:
    return Reader(Path(name).suffix, _prepare(name), mutate, _reading(name))


OUTPUTS = {
    "campaign-json": _reader(CAMPAIGN),
    "record": _reader(f"{COMMITS}/{SHARD}.json"),
    "manifest": _reader(MANIFEST),
    "quarantine": _reader(f"{QUARANTINE}/{SHARD}.json"),
    "driver-status": _reader(f"{DRIVERS}/host-1.json"),
    "detector-json": _reader(DESCRIPTION),
    "cells": _reader(CELLS, mutated_parquet),
}
