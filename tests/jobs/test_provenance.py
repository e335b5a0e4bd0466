"""`monsoon provenance` says where one event comes from."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.incidents.overlay import draw
from monsoon.engine.ledger.journal import Journal
from monsoon.jobs.campaigns import list_campaigns
from monsoon.jobs.cli import DONE, UNUSABLE, main
from monsoon.jobs.generate import generate
from monsoon.jobs.provenance import lines, provenance
from monsoon.jobs.verify import verify

from .conftest import SmallCampaign


def note_failure(output: Path, shard: str, reason: str) -> None:
    (output / "_logs").mkdir(exist_ok=True)
    with (output / "_logs/host-1-abc.jsonl").open("a") as stream:
        Journal(stream).note("failed", shard=shard, failure="died", reason=reason, node="n7")
        stream.write('{"what": "failed", "time"')  # its driver was killed
        stream.write("\n")


def test_an_event_has_its_shard_and_what_failed_before(small: SmallCampaign, tmp_path: Path) -> None:
    small.run(tmp_path, bad=[13])
    note_failure(tmp_path, "events-000000000010-000000000019", "first try")
    note_failure(tmp_path, "events-000000000012-000000000013", "a part of it")
    note_failure(tmp_path, "events-000000000020-000000000029", "of others")
    found = provenance(str(tmp_path), 12, say=lambda line: None)
    assert (found.state, found.shard) == ("committed", "events-000000000010-000000000019")
    assert [file.url for file in found.files] == [f"{tmp_path}/events/{found.shard}.parquet"]
    assert [trouble.reason for trouble in found.failed] == ["first try", "a part of it"]
    assert (found.model, found.detector) == ("library", "lhcb-ecal")
    assert "made: by a former release" in lines(found)
    set_aside = provenance(str(tmp_path), 13, say=lambda line: None)
    assert (set_aside.state, set_aside.reason) == ("quarantined", "made up")


def test_an_event_that_is_not_made_yet_is_missing(small: SmallCampaign, tmp_path: Path) -> None:
    small.run(tmp_path, skip=[10])
    found = provenance(str(tmp_path), 12, say=lambda line: None)
    assert (found.state, found.shard, found.files) == ("missing", None, [])


def test_an_event_of_no_campaign_is_one_line(
    small: SmallCampaign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run(tmp_path)
    assert main(["provenance", str(tmp_path), "30"]) == UNUSABLE
    assert "event 30: the campaign has events 0 .. 29" in capsys.readouterr().err
    assert main(["provenance", str(tmp_path / "nowhere"), "3"]) == UNUSABLE
    assert "no campaign here" in capsys.readouterr().err


@pytest.mark.services
@pytest.mark.usefixtures("cluster")
def test_a_run_on_ray_says_who_made_an_event_and_of_which_collisions(
    pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = time.time()
    output = tmp_path / "out"
    campaign = Campaign(
        incidents=str(pool), model="library", mu=5.2, events=20, workers=1, output=str(output)
    )
    generate(campaign, lambda line: None)
    capsys.readouterr()
    assert main(["provenance", str(output), "7", "--json"]) == DONE
    found = json.loads(capsys.readouterr().out)
    assert found["state"] == "committed"
    host, _, process = found["worker"].rpartition("-")
    assert host == socket.gethostname()
    assert int(process) != os.getpid()
    assert before < found["made"] < time.time()
    assert found["collisions"] == draw(300, 5.2, 1, np.array([7]))[1].tolist()
    assert found["incidents"]["events"] == 300
    assert "ray" in found["software"]
    assert verify(str(output), lambda line: None).good
    assert list_campaigns(str(tmp_path), ["state=finished"], say=lambda line: None) == 1
