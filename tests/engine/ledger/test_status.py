"""Who works on a campaign: as far as can be told from what drivers, and others, have written."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from monsoon.engine.ledger.status import AHEAD_S, DRIVERS, SILENT_S, read_statuses, running
from monsoon.engine.storage import open_store

ME = f"{socket.gethostname()}-{os.getpid()}"


def write(output: Path, **changes: Any) -> None:
    (output / DRIVERS).mkdir(exist_ok=True)
    now = time.time()
    status = {
        "driver": "elsewhere-1",
        "started": now,
        "updated": now,
        "events_wanted": 10,
        "events_committed": 0,
        "shards_committed": 0,
    }
    (output / DRIVERS / "a.json").write_text(json.dumps(status | changes))


@pytest.mark.parametrize("driver", ["elsewhere-1", ME], ids=["elsewhere", "here"])
@pytest.mark.parametrize("ago_s", [0.0, SILENT_S - 5, 5 - AHEAD_S])
def test_a_driver_that_speaks_is_alive(tmp_path: Path, driver: str, ago_s: float) -> None:
    write(tmp_path, driver=driver, updated=time.time() - ago_s)
    assert running(open_store(tmp_path)) == driver


@pytest.mark.parametrize("updated", [time.time() + 10 * AHEAD_S, 1e10, 0.0], ids=["ahead", "far", "never"])
def test_a_word_from_the_future_keeps_nobody_from_working(tmp_path: Path, updated: float) -> None:
    write(tmp_path, updated=updated)
    assert running(open_store(tmp_path)) is None


@pytest.mark.parametrize(
    "changes",
    [
        *({"updated": 1e300}, {"updated": float("nan")}, {"updated": float("inf")}, {"updated": [1]}),
        *({"driver": f"{socket.gethostname()}-{'9' * 400}"}, {"driver": "no number"}, {"driver": ["a"]}),
        *({"driver": "host--1"}, {"driver": "host-0"}, {"events_made": -1}, {"workers": 10**400}),
        {"troubles": [{"time": 1e300, "shard": "", "failure": "", "reason": "", "node": ""}]},
    ],
)
def test_whatever_stands_there_is_no_driver_and_no_error(tmp_path: Path, changes: dict[str, Any]) -> None:
    write(tmp_path, **changes)
    store = open_store(tmp_path)
    assert running(store) in (None, "host--1")
    list(read_statuses(store))
    (tmp_path / DRIVERS / "a.json").write_text("[" * 100_000)
    assert list(read_statuses(store)) == []
