"""A campaign that the release before began goes on: former_release/ has its output, as it was interrupted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from monsoon.engine.campaign import ShardMaker, as_begun, numerics, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import CAMPAIGN, COMMITS, Ledger
from monsoon.engine.ledger.plan import shard_tasks
from monsoon.engine.ledger.stored import identity_hash
from monsoon.engine.loading import load
from monsoon.engine.storage import open_store
from monsoon.jobs.doctor import doctor
from monsoon.jobs.generate import generate
from monsoon.jobs.verify import verify

FORMER = Path(__file__).parent / "former_release"
WHOLE = "33da8db48874ff3e12e34a0751a80d94"  # content of the campaign that the release before made whole
EVENTS, SHARD_EVENTS, COMMITTED = 24, 4, 1


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The stored output, as it would have been begun on a machine with this one's arithmetic."""
    output = Path(shutil.copytree(FORMER / "output", tmp_path / "out"))
    campaign = json.loads((output / CAMPAIGN).read_text())
    if campaign["identity"]["numerics"] != numerics():  # the library computes alike on all
        campaign["identity"]["numerics"] = numerics()
        (output / CAMPAIGN).write_text(json.dumps(campaign))
        for path in (output / COMMITS).iterdir():
            record = json.loads(path.read_text()) | {"identity": identity_hash(campaign["identity"])}
            path.write_text(json.dumps(record))
    return output


def the_same(output: Path) -> Campaign:
    """The campaign, asked for in the words with which it was begun."""
    return Campaign(
        incidents=str(FORMER / "incidents.parquet"),
        mu=2.0,
        events=EVENTS,
        shard_events=SHARD_EVENTS,
        formats=("parquet", "root"),
        contributions=True,
        output=str(output),
    )


def test_a_campaign_of_the_release_before_goes_on_to_the_same_events(begun: Path) -> None:
    """What is missing is made and committed as by a worker and a driver; `generate` then ends it."""
    ledger = Ledger(open_store(begun))
    assert len(ledger.ranges()) == COMMITTED
    campaign = as_begun(the_same(begun), ledger)
    suite, detector = load(**campaign.named)
    assert campaign.incidents is not None
    resolved = resolve(campaign, ledger.store.url, campaign.incidents, suite, detector)
    stored = ledger.open(resolved.identity, campaign.layout(), campaign.events)
    maker = ShardMaker(resolved)
    for shard in shard_tasks(stored.range, SHARD_EVENTS, ledger.ranges()):
        ledger.commit(maker.make(shard))
    said: list[str] = []
    done = generate(the_same(begun), said.append)
    assert done.content == WHOLE
    assert done.shards_made == 0
    assert f"{EVENTS} events are committed, nothing to do" in said[-1]
    verdict = verify(str(begun), said.append, clean=True)
    assert (verdict.good, verdict.events, verdict.shards) == (True, EVENTS, EVENTS // SHARD_EVENTS)


def test_another_seed_than_the_one_it_was_begun_with_is_refused(begun: Path) -> None:
    asked = the_same(begun).model_copy(update={"seed": 2})
    with pytest.raises(InputError, match=r"started with identity seed = 1, not 2"):
        generate(asked)


def test_the_doctor_of_this_release_finds_it_sound_and_leaves_it_as_it_is(begun: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in begun.rglob("*") if path.is_file()}
    checks = {check.name: check for check in doctor(the_same(begun), say=lambda line: None).checks}
    assert str(checks["campaign"]) == "ok    campaign: begun, 4 of 24 events are committed"
    assert checks["shards"].state == "ok"
    assert {path: path.stat().st_mtime_ns for path in begun.rglob("*") if path.is_file()} == before
