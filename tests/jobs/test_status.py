"""`monsoon status` before there are events: the pool that is being made, and how far it is."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from monsoon.engine.storage import open_store
from monsoon.jobs.progress.pool import told_of_pool
from monsoon.jobs.status import status

POOL = "_incidents/pool.parquet"


def said(output: Path) -> list[str]:
    lines: list[str] = []
    status(str(output), lines.append)
    return lines


def finish(output: Path, first: int, last: int) -> None:
    parts = output / f"{POOL}.parts"
    parts.mkdir(parents=True, exist_ok=True)
    (parts / f"collisions-{first:012d}-{last:012d}.parquet").touch()


def test_a_pool_in_the_making_is_told_with_its_progress(tmp_path: Path) -> None:
    finish(tmp_path, 0, 499)
    with told_of_pool(open_store(tmp_path), POOL, 2000, 10):
        lines = said(tmp_path)
        assert lines[1] == "pool: 500 of 2000 collisions made; the events follow"
        assert re.fullmatch(r"driver: \S+, running, heard 0 s ago", lines[-1])
        finish(tmp_path, 500, 999)
        end = time.monotonic() + 30
        while "pool: 1000 of 2000" not in said(tmp_path)[1]:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert re.fullmatch(r"rate: \d+\.\d collisions/s, pool done in 0:\d\d:\d\d", said(tmp_path)[2])
    assert said(tmp_path)[1].startswith("pool: 2000 of 2000 collisions made")


def test_a_pool_that_was_left_is_told_as_left(tmp_path: Path) -> None:
    finish(tmp_path, 0, 499)
    with pytest.raises(KeyboardInterrupt), told_of_pool(open_store(tmp_path), POOL, 2000, 10):
        raise KeyboardInterrupt
    lines = said(tmp_path)
    assert lines[1] == "pool: 500 of 2000 collisions made; the events follow"
    assert "the same `monsoon generate` command continues it" in lines[2]
    assert ", interrupted, heard" in lines[-1]
