"""What is kept of a shard is a few numbers: campaigns of a million shards fit a small machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from tests.jobs import measure_driver

FAULTS = ("DIES", 0.04), ("HANGS", 0.01)
SHARDS = int(os.environ.get("MONSOON_TEST_SHARDS", "20000"))  # 1000000 takes minutes, and 4 GB of disk
BYTES_PER_SHARD = 500


@pytest.mark.slow
def test_memory_and_time_follow_the_list_of_ranges_alone(tmp_path: Path) -> None:
    script = Path(__file__).with_name("measure_ledger.py")
    done = subprocess.run(
        [sys.executable, str(script), str(SHARDS), str(tmp_path)], stdout=subprocess.PIPE, check=True
    )
    found = json.loads(done.stdout)
    holes = SHARDS // 1000
    last = SHARDS * 1000 - 1
    assert found["plan"]["answer"] == [last - 999, last]
    assert found["ranges and tasks"]["answer"] == [holes, holes]
    assert found["verify"]["answer"].startswith(
        f"{(SHARDS - holes) * 1000} events, {SHARDS - holes} shards, {holes * 1000} missing, 0 duplicate"
    )
    assert found["plan"]["bytes_per_shard"] < 50
    for stage in ("ranges and tasks", "verify"):
        assert found[stage]["bytes_per_shard"] < BYTES_PER_SHARD
        assert found[stage]["seconds"] < 5 + SHARDS * 1e-3


def test_one_driver_commits_every_shard_of_many_workers_once_though_some_die_and_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner, loop, retry policy and commits are the real ones; the workers are a clock."""
    for name, chance in FAULTS:
        monkeypatch.setattr(measure_driver, name, chance)
    found = measure_driver.drive(400_000, 1000, 40, 1e-3, tmp_path / "out")
    told = found["told"]
    assert isinstance(told, dict)
    assert told["committed"] == found["shards"] == 400
    assert told["lost"] > 0
    assert told["hung"] > 0
    ideal, took = (cast(float, found[key]) for key in ("ideal_s", "campaign_s"))
    assert ideal < took < ideal + 4 * measure_driver.DEADLINE_S
