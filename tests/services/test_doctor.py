"""`doctor` asks a server's storage, and leaves nothing there."""

from __future__ import annotations

from pathlib import Path

import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.storage import open_store
from monsoon.jobs.doctor import doctor


@pytest.fixture
def campaign(url: str) -> Campaign:
    incidents = Path(__file__).parents[1] / "jobs" / "former_release" / "incidents.parquet"
    return Campaign(
        incidents=str(incidents), mu=1, model="library", events=4, workers=1, output=f"{url}/new/out"
    )


def test_storage_of_a_server_is_ok_and_as_it_was(campaign: Campaign, url: str) -> None:
    before = set(open_store(url).folders(""))
    checks = {check.name: check for check in doctor(campaign, say=lambda line: None).checks}
    assert [checks[name].state for name in ("output", "space", "campaign")] == ["ok"] * 3
    assert "of attempts" in checks["space"].found
    assert set(open_store(url).folders("")) == before
    assert not list(open_store(campaign.output).list(""))


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_storage_that_does_not_answer_fails_and_the_rest_is_looked_at(
    campaign: Campaign, endpoint: object, dead_port: int
) -> None:
    endpoint(f"http://127.0.0.1:{dead_port}")  # type: ignore[operator]
    checks = {check.name: check for check in doctor(campaign, say=lambda line: None).checks}
    assert checks["output"].state == "fail"
    assert checks["output"].remedy
    assert {"python", "model"} <= {name for name, check in checks.items() if check.state == "ok"}
