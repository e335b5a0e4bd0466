"""`monsoon validate --campaign` on Ray finds what it finds in one process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from monsoon.engine.config import Campaign
from monsoon.jobs.generate import generate
from monsoon.jobs.validation.campaigns import reading
from monsoon.jobs.validation.campaigns.validating import find

pytestmark = pytest.mark.usefixtures("cluster")


def test_a_campaign_is_read_on_ray_as_in_one_process(
    pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PIECE_EVENTS", 20)
    output = str(tmp_path / "out")
    asked = Campaign(
        incidents=str(pool), model="library", mu=1.5, events=60, shard_events=20, workers=1, output=output
    )
    generate(asked, say=lambda line: None)
    here = find(output, None, out=str(tmp_path / "here"), tolerance=0.01, local=True)
    there = find(output, None, out=str(tmp_path / "there"), tolerance=0.01, workers=2)
    assert here.comparisons == there.comparisons
    assert len(list((tmp_path / "there/pieces").iterdir())) == 3
    shutil.rmtree(tmp_path / "out/events")  # all is read already
    again = find(output, None, out=str(tmp_path / "there"), tolerance=0.01)
    assert again.comparisons == there.comparisons
