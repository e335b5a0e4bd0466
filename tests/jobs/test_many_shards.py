"""What is kept of a shard is a few numbers: campaigns of a million shards fit a small machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SHARDS = int(os.environ.get("MONSOON_TEST_SHARDS", "20000"))  # 1000000 takes minutes, and 4 GB of disk
BYTES_PER_SHARD = 500


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
