"""Orders are executed as often as they say, by the shard that came first, whatever its processes come to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.orders import TICK_S, Orders

ROOT = Path(__file__).parents[2]
FIRST, OTHER = "000000000000-000000000002", "000000000003-000000000005"  # shards
WORKER = """
import os
import sys
import time
from pathlib import Path
from tests.chaos.orders import Making, Orders

folder, dies, *shards = sys.argv[1:]
if dies == "on claiming":
    def rename(path, target):
        os.rename(path, target)
        os._exit(9)
    Path.rename = rename
orders = Orders(Path(folder))
for shard in shards:
    try:
        orders.obey("make", shard)
    except ValueError as error:
        print(error)
    else:
        orders.note(shard, Making(os.getpid(), orders.late, time.time(), {}))
        print("made")
"""
Worker = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(tmp_path)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    """Starts a process that makes some shards, one after the other, as far as orders allow."""

    def start(*shards: str, dies: str = "") -> subprocess.Popen[str]:
        words = [sys.executable, "-c", WORKER, str(tmp_path), dies, *shards]
        return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    return start


def said(process: subprocess.Popen[str]) -> list[str]:
    """All that it printed."""
    return process.communicate(timeout=60)[0].splitlines()


def release(orders: Orders, pause: str) -> None:
    """Wait until somebody pauses by an order, and let it go on."""
    while not orders.claims(pause):
        time.sleep(TICK_S)
    orders.release(pause)


def test_the_shard_that_came_first_raises_as_often_as_ordered_and_no_other_does(
    orders: Orders, worker: Worker
) -> None:
    order = orders.place("make", "fail", times=2)
    raised = f"by order {order}"
    assert said(worker(FIRST, OTHER, FIRST, FIRST, OTHER)) == [raised, "made", raised, "made", "made"]
    assert [claim.shard for claim in orders.claims(order)] == [FIRST, FIRST]


def test_a_process_that_dies_the_moment_it_has_claimed_leaves_the_second_time_to_the_next(
    orders: Orders, worker: Worker
) -> None:
    order = orders.place("make", "fail", times=2)
    assert said(worker(FIRST, dies="on claiming")) == []
    assert said(worker(OTHER, FIRST, FIRST)) == ["made", f"by order {order}", "made"]
    assert len(orders.claims(order)) == 2


@pytest.mark.parametrize("paused_by", [FIRST, OTHER], ids=["over this shard", "over one before it"])
def test_a_process_that_paused_passes_an_order_and_is_known_to_have_passed_it(
    orders: Orders, worker: Worker, paused_by: str
) -> None:
    """As a worker whose node is killed: the half second that it has left may do for a shard.

    One time of two is then executed, and the shard is made. Who made it tells why.
    """
    order = orders.place("make", "fail", times=2)
    assert said(worker(FIRST)) == [f"by order {order}"]
    pause = orders.place("make", "pause", name="0000", shard=paused_by)  # before any other
    process = worker(*([FIRST] if paused_by == FIRST else [OTHER, FIRST]))
    release(orders, pause)
    assert said(process)[-1] == "made"
    assert len(orders.claims(order)) == 1
    assert [(making.pid, making.late) for making in orders.makings(FIRST)] == [(process.pid, True)]
    assert said(worker(FIRST, FIRST)) == [f"by order {order}", "made"]  # whoever obeys does not pass it
    assert sorted(making.late for making in orders.makings(FIRST)) == [False, True]


def test_a_shard_that_has_to_raise_twice_is_given_no_third_failure(orders: Orders, worker: Worker) -> None:
    """It would be given up: two are what any shard survives."""
    twice = orders.place("make", "fail", times=2)
    assert said(worker(FIRST)) == [f"by order {twice}"]
    once = orders.place("make", "fail", name="0000")  # before any other
    assert said(worker(FIRST, FIRST, OTHER)) == [f"by order {twice}", "made", f"by order {once}"]
