"""Where a worker's time goes: traces that viewers can read, and shares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monsoon.engine.tracing import KINDS, Trace, shares


def spans(path: Path) -> list[dict[str, Any]]:
    return [event for event in json.loads(path.read_text()) if event["ph"] == "X"]


def test_a_trace_is_whole_after_every_shard_and_has_the_stopwatchs_seconds(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    trace = Trace(path, "worker 1")
    assert spans(path) == []
    seconds: list[dict[str, float]] = []
    for stem in ("first", "second"):
        with trace.shard(stem) as watch:
            for stage in ("sample", "compose", "sample"):
                with watch(stage):
                    sum(range(20_000))
        seconds.append(watch.seconds)
        stages = [span for span in spans(path) if span["cat"] == "stage"]
        assert [span["name"] for span in stages] == ["sample", "compose", "sample"] * len(seconds)
    whole = [span for span in spans(path) if span["cat"] == "shard"]
    assert [span["args"]["shard"] for span in whole] == ["first", "second"]
    for stage in ("sample", "compose"):
        traced = sum(span["dur"] for span in spans(path) if span["name"] == stage)
        assert traced == pytest.approx(1e6 * sum(some[stage] for some in seconds), abs=4)  # whole us each
    for shard in whole:
        inside = [s for s in stages if shard["ts"] <= s["ts"] < shard["ts"] + shard["dur"]]
        assert sum(span["dur"] for span in inside) <= shard["dur"] + 4


def test_a_shard_that_fails_is_in_the_trace_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    trace = Trace(path, "worker 1")

    def fail() -> None:
        with trace.shard("bad") as watch, watch("sample"):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert [span["name"] for span in spans(path)] == ["shard", "sample"]


def test_a_trace_of_another_process_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text("another's")
    with pytest.raises(FileExistsError):
        Trace(path, "worker 1")
    assert path.read_text() == "another's"


def test_shares_are_of_all_stages_and_add_up() -> None:
    stages = [stage for of_kind in KINDS.values() for stage in of_kind]
    assert shares(dict.fromkeys(stages, 1.0)).split(", ")[1] == "sampling 29 %"  # two of seven
    assert shares({}) == ", ".join(f"{kind} 0 %" for kind in KINDS)
