"""Campaigns on a real Ray: the same events whatever the workers, shards and interruptions."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from threading import Timer

import numpy as np
import pyarrow.parquet as pq
import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.errors import InputError
from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import content_hash, event_hashes
from monsoon.engine.incidents.parquet import read_incidents, write_incidents
from monsoon.engine.incidents.schema import to_table
from monsoon.engine.ledger.commits import COMMITS, Commit, Ledger
from monsoon.engine.ledger.geometry import CELLS, DESCRIPTION
from monsoon.engine.ledger.manifest import read_manifest
from monsoon.engine.ledger.shards import FORMATS
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.storage import open_store
from monsoon.engine.tracing import shares
from monsoon.jobs.cli import INTERRUPTED, main
from monsoon.jobs.collisions import POOL
from monsoon.jobs.generate import CampaignResult, generate, patiently

EVENTS = 500
pytestmark = pytest.mark.usefixtures("cluster")


def quiet(line: str) -> None:
    """The plain lines are not looked at here."""


@pytest.fixture
def campaign(pool: Path, tmp_path: Path) -> Campaign:
    return Campaign(
        incidents=str(pool),
        model="library",
        mu=1.5,
        events=EVENTS,
        shard_events=100,
        workers=1,
        output=str(tmp_path / "out"),
    )


@pytest.fixture(scope="module")
def undisturbed(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> CampaignResult:
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    plain = Campaign(
        incidents=str(pool),
        model="library",
        mu=1.5,
        events=EVENTS,
        shard_events=100,
        workers=2,
        output=str(output),
    )
    return generate(plain, quiet)


@pytest.mark.parametrize(("workers", "cpus", "shard_events"), [(1, 1, 250), (3, 0.5, 100)])
def test_events_do_not_depend_on_workers_or_shard_size(
    campaign: Campaign, undisturbed: CampaignResult, workers: int, cpus: float, shard_events: int
) -> None:
    change = {"workers": workers, "cpus_per_worker": cpus, "shard_events": shard_events}
    outcome = generate(campaign.model_copy(update=change), quiet)
    assert outcome.content == undisturbed.content
    assert outcome.shards_made == EVENTS // shard_events


def test_an_interrupted_campaign_is_resumed_to_the_same_events(
    campaign: Campaign,
    undisturbed: CampaignResult,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ctrl-C arrives after the second commit; the same command then runs the rest alone."""
    commit = Ledger.commit

    def interrupted(ledger: Ledger, record: ShardRecord) -> Commit:
        done = commit(ledger, record)
        if len(ledger.ranges()) == 2:
            signal.raise_signal(signal.SIGINT)
        return done

    words = [f"{key}={value}" for key, value in campaign.model_dump(exclude_defaults=True).items()]
    path = Path(campaign.output).parent / "campaign.yaml"
    path.write_text("{}")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", interrupted)
        assert main(["generate", str(path), *words]) == INTERRUPTED
    assert len(Ledger(open_store(campaign.output)).ranges()) == 2
    assert "interrupted" in capsys.readouterr().err
    outcome = generate(campaign, quiet)
    assert outcome.shards_made == 3
    assert outcome.content == undisturbed.content


def test_a_finished_campaign_does_nothing_and_says_so(
    campaign: Campaign, undisturbed: CampaignResult
) -> None:
    records = sorted((Path(undisturbed.output) / COMMITS).iterdir())
    before = [path.stat().st_mtime_ns for path in records]
    said: list[str] = []
    again = campaign.model_copy(update={"output": str(undisturbed.output)})
    assert generate(again, said.append).shards_made == 0
    assert "nothing to do" in said[0]
    assert [path.stat().st_mtime_ns for path in records] == before


@pytest.mark.services
def test_a_campaign_that_grows_runs_the_rest_alone(campaign: Campaign, undisturbed: CampaignResult) -> None:
    generate(campaign.model_copy(update={"events": 230}), quiet)
    outcome = generate(campaign, quiet)
    assert outcome.shards_made == 3
    assert outcome.content == undisturbed.content


@pytest.mark.services
def test_sites_that_split_a_campaign_merge_to_the_same_events(
    campaign: Campaign, undisturbed: CampaignResult, tmp_path: Path
) -> None:
    for name, first, events in (("a", 0, 200), ("b", 200, 300)):
        part = {"first_event": first, "events": events, "output": str(tmp_path / name)}
        generate(campaign.model_copy(update=part), quiet)
    whole = tmp_path / "whole"
    assert main(["merge", str(whole), str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert read_manifest(open_store(whole))["content"] == undisturbed.content
    assert main(["verify", str(whole)]) == 0


def test_the_last_word_of_a_campaign_waits_for_storage_as_its_shards_do(tmp_path: Path) -> None:
    away = tmp_path / "away"
    back = Timer(0.3, away.mkdir)
    back.start()
    assert patiently(lambda: (away / "manifest").write_text("whole"), 60.0) == len("whole")
    back.join()
    with pytest.raises(FileNotFoundError):
        patiently((tmp_path / "gone" / "manifest").read_text, 0.0)


def test_one_event_alone_is_the_event_of_the_campaign(
    campaign: Campaign, undisturbed: CampaignResult
) -> None:
    (url,) = (
        file.url
        for record in Ledger(open_store(undisturbed.output)).records()
        for file in record.files
        if record.first == 300
    )
    shard = parquet.read(Path(undisturbed.output) / url)
    alone = generate(campaign.model_copy(update={"only": 342}), quiet)
    assert alone.content == content_hash([event_hashes(shard)[42]])
    assert parquet.read(Path(alone.output) / "events-000000000342-000000000342.parquet").event == [342]


def test_counts_add_up(undisturbed: CampaignResult) -> None:
    counts = read_manifest(open_store(undisturbed.output))["counts"]
    assert counts["events"] == EVENTS
    assert counts["particles"] == sum(n for name, n in counts.items() if name.startswith("status_"))
    assert counts["hits"] > counts["events"]
    assert counts["lost_neutrino"] > 0


def test_the_manifest_says_where_the_events_come_from(undisturbed: CampaignResult) -> None:
    manifest = read_manifest(open_store(undisturbed.output))
    assert manifest["identity"]["mu"] == 1.5
    assert manifest["incidents"]["source"] == "pythia"
    assert manifest["software"]["torch"].startswith("2.")
    assert manifest["geometry"]["sha256"] == manifest["identity"]["detector"]
    assert manifest["counts"]["saturated"] >= 0
    assert manifest["not_counted"] == {}


@pytest.mark.services
def test_an_output_of_a_release_that_stored_no_detector_gets_it(
    campaign: Campaign, undisturbed: CampaignResult
) -> None:
    outcome = generate(campaign, quiet)
    output = Path(outcome.output)
    record = next((output / COMMITS).iterdir())
    stored = json.loads(record.read_text())
    del stored["counts"]["saturated"]
    record.write_text(json.dumps(stored))
    wanted = {name: (output / name).read_bytes() for name in (DESCRIPTION, CELLS)}
    (output / DESCRIPTION).unlink()
    (output / CELLS).write_bytes(b"cut")
    assert generate(campaign, quiet).content == undisturbed.content
    assert {name: (output / name).read_bytes() for name in wanted} == wanted
    assert read_manifest(open_store(output))["not_counted"] == {"saturated": 1}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 2}, "seed"),
        ({"mu": 2.0}, "mu"),
        ({"shard_events": 50}, "shard_events"),
        ({"formats": ("root",)}, "formats"),
    ],
)
def test_another_campaign_may_not_write_here(
    campaign: Campaign, undisturbed: CampaignResult, change: dict[str, object], named: str
) -> None:
    other = campaign.model_copy(update={"output": str(undisturbed.output), **change})
    with pytest.raises(InputError, match=named):
        generate(other, quiet)


@pytest.mark.slow
def test_without_incidents_a_pool_is_made_once_and_is_the_campaigns(tmp_path: Path) -> None:
    """60 collisions without diffraction, which Pythia starts with in half a second."""
    asked = Campaign(
        mu=1.0,
        pythia=("SoftQCD:nonDiffractive = on",),
        pool_collisions=60,
        events=30,
        workers=1,
        output=str(tmp_path / "out"),
    )
    said: list[str] = []
    generate(asked, said.append)
    assert "making a pool of 60 collisions" in said[0]
    made = (tmp_path / "out" / POOL).stat().st_mtime_ns
    assert generate(asked, said.append).shards_made == 0
    assert (tmp_path / "out" / POOL).stat().st_mtime_ns == made
    with pytest.raises(InputError, match="pool_collisions = 60, not 70"):
        generate(asked.model_copy(update={"pool_collisions": 70}), quiet)
    with pytest.raises(InputError, match="polarity = 1, not -1"):
        generate(asked.model_copy(update={"polarity": -1}), quiet)


@pytest.mark.services
def test_overlaid_incidents_are_used_as_they_are_or_refused(
    campaign: Campaign, pool: Path, tmp_path: Path, undisturbed: CampaignResult
) -> None:
    """Overlaid by the campaign or beforehand: the same events, but for where they say they are from."""
    overlaid = tmp_path / "overlaid.parquet"
    words = [f"input={pool}", f"output={overlaid}", "mu=1.5", "events=40", "seed=1"]
    assert main(["incidents", "overlay", *words]) == 0
    ready = campaign.model_copy(update={"incidents": str(overlaid), "events": 40})
    with pytest.raises(InputError, match="mu=null"):
        generate(ready, quiet)
    outcome = generate(ready.model_copy(update={"mu": None, "output": str(tmp_path / "ready")}), quiet)
    made, whole = (
        parquet.read(Path(o.output) / "events" / name)
        for o, name in (
            (outcome, "events-000000000000-000000000039.parquet"),
            (undisturbed, "events-000000000000-000000000099.parquet"),
        )
    )
    assert event_hashes(made) == event_hashes(whole)[:40]


def test_more_workers_than_the_cluster_has_are_refused(campaign: Campaign) -> None:
    with pytest.raises(InputError, match="workers: 9"):
        generate(campaign.model_copy(update={"workers": 9}), quiet)


@pytest.mark.slow
def test_contributions_all_formats_and_a_profile_come_out_when_asked_for(campaign: Campaign) -> None:
    asked = campaign.model_copy(
        update={
            "events": 20,
            "contributions": True,
            "formats": ("parquet", "root", "ttree"),
            "profile": True,
            "hit_energy": False,
        }
    )
    said: list[str] = []
    output = generate(asked, said.append).output
    (record,) = Ledger(open_store(output)).records()
    for file in record.files:
        assert next(FORMATS[file.format].blocks(Path(output) / file.url)).contribution_energy_mev is not None
    (trace,) = (Path(output) / "_logs").glob("trace-*.json")
    spans = [span for span in json.loads(trace.read_text()) if span["ph"] == "X"]
    assert {span["name"] for span in spans} == {"shard", *record.seconds}
    (line,) = (line for line in said if "worker seconds" in line)
    assert line.endswith(shares(record.seconds))


@pytest.mark.slow
def test_one_bad_event_costs_that_event_alone(campaign: Campaign, tmp_path: Path, pool: Path) -> None:
    """A NaN energy in one event of a file of incidents: quarantined with the reason, the rest is made."""
    incidents = read_incidents(pool, 0, 59)
    write_incidents(tmp_path / "good.parquet", [incidents], source="test", settings={}, detector="lhcb-ecal")
    incidents.energy_mev[incidents.offsets[7]] = np.nan
    spoilt = int(incidents.event[incidents.event_of_particle[incidents.offsets[7]]])
    # written as another program may: monsoon's own writer refuses it
    metadata = pq.read_metadata(tmp_path / "good.parquet").metadata
    pq.write_table(to_table(incidents).replace_schema_metadata(metadata), tmp_path / "bad.parquet")
    here = campaign.model_copy(
        update={"incidents": str(tmp_path / "bad.parquet"), "mu": None, "events": 60, "shard_events": 30}
    )
    output = generate(here, quiet).output
    counts = read_manifest(open_store(output))["counts"]
    assert counts["quarantined"] == 1
    assert counts["events"] == 59
    (faults,) = (Path(output) / "_quarantine").iterdir()
    assert json.loads(faults.read_text()) == [
        {"event": spoilt, "reason": "energy_mev is not positive and finite"}
    ]
    assert main(["verify", str(output)]) == 0
