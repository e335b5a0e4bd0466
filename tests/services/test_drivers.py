"""Drivers with a Ray of their own: scripts, a second one on an output, one that makes its pool."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.ledger.status import running
from monsoon.engine.storage import open_store
from monsoon.jobs.cli import INTERRUPTED, UNUSABLE, main
from monsoon.jobs.generate import generate

SCRIPT = """
from monsoon.engine.config import Campaign
from monsoon.jobs.generate import generate

campaign = Campaign(
    incidents="{pool}", model="library", mu=2.0, events=40, shard_events=20, output="{out}/script"
)
print("content:", generate(campaign).content)
"""

pytestmark = pytest.mark.usefixtures("cluster")


def quiet(line: str) -> None:
    """The plain lines are not looked at here."""


@pytest.fixture
def campaign(pool: Path, tmp_path: Path) -> Campaign:
    return Campaign(
        incidents=str(pool),
        model="library",
        mu=1.5,
        events=500,
        shard_events=100,
        workers=1,
        output=str(tmp_path / "out"),
    )


def test_a_second_driver_on_one_output_is_told_so_and_harms_nothing(
    campaign: Campaign, tmp_path: Path
) -> None:
    """The first is a process with a Ray of its own; the second starts while that one's workers load."""
    words = [f"{k}={v}" for k, v in campaign.model_dump(exclude_defaults=True).items()]
    first = subprocess.Popen(
        [sys.executable, "-m", "monsoon", "generate", "run3", *words], stdout=subprocess.DEVNULL
    )
    while not running(open_store(campaign.output)):
        assert first.poll() is None
        time.sleep(0.05)
    said: list[str] = []
    outcome = generate(campaign, said.append)
    assert first.wait() == 0
    undisturbed = generate(campaign.model_copy(update={"output": str(tmp_path / "alone")}), quiet)
    assert outcome.content == undisturbed.content
    assert any(line.startswith("another driver") for line in said)
    assert main(["verify", campaign.output]) == 0


def test_a_job_script_of_ten_lines_does_the_same(pool: Path, tmp_path: Path, campaign: Campaign) -> None:
    """In a process and with a Ray of its own, from another folder."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(pool=pool, out=tmp_path))
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    same = generate(campaign.model_copy(update={"mu": 2.0, "events": 40, "shard_events": 20}), quiet)
    assert done.stdout.splitlines()[-1] == f"content: {same.content}"


def test_a_driver_that_makes_its_pool_is_seen_from_another_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    words = ["generate", "run3", "events=10", "pool_collisions=1000000", "workers=1", f"output={output}"]
    with subprocess.Popen([sys.executable, "-m", "monsoon", *words], stderr=subprocess.DEVNULL) as driver:
        try:
            end, seen = time.monotonic() + 300, ""
            while not re.search(r"pool: [1-9]\d* of 1000000 collisions made", seen):
                assert driver.poll() is None
                assert time.monotonic() < end, seen
                time.sleep(0.5)
                if main(["status", str(output)]) != UNUSABLE:  # no word of it yet
                    seen = capsys.readouterr().out
            assert f"{driver.pid}, running, heard" in seen
            driver.send_signal(signal.SIGINT)
            assert driver.wait(120) == INTERRUPTED
        finally:
            driver.kill()
    assert main(["status", str(output)]) == 0
    assert "no driver is working on it" in capsys.readouterr().out
    assert not (output / "campaign.json").exists()
    assert os.listdir(output / "_drivers")
