"""What becomes of particles outside the training domain, from a campaign's key to the counts of a shard."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from monsoon.engine.campaign import (
    ResolvedCampaign,
    ShardMaker,
    as_begun,
    refuse_outside,
    refuse_unvalidated,
    resolve,
)
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.parquet import write_incidents
from monsoon.engine.incidents.schema import to_table
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.manifest import write_manifest
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.shards import content_of
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.loading import load
from monsoon.engine.records import Incidents
from monsoon.engine.storage import open_store
from monsoon.models.data.shower_files import read_showers, write_showers
from monsoon.models.families.fingerprint import ARITHMETIC
from monsoon.models.records import Status
from monsoon.models.store.checkpoint import CHECKPOINTS
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import Suite, load_suite

MakeIncidents = Callable[..., Incidents]
HADRONS = SAMPLES / "hadrons-heldout.h5"
OTHER = f"{SAMPLES / 'egamma-heldout.h5'},{HADRONS}"
EVENTS = 12
POLICIES = {
    "nearest": {Status.OUTSIDE_NEAREST},
    "clamp": {Status.OUTSIDE_CLAMPED},
    OTHER: {Status.OUTSIDE_OTHER, Status.OUTSIDE_NEAREST},  # outside the other's domain too: the nearest
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library of photons and electrons below 20 GeV, and of hadrons and muons of all energies."""
    showers = read_showers(SAMPLES / "egamma-heldout.h5")
    path = tmp_path_factory.mktemp("model") / "soft.h5"
    write_showers(path, showers[showers.conditions.energy_mev < 20_000], {})
    return f"{path},{HADRONS}"


@pytest.fixture(scope="module")
def incidents(make_incidents: MakeIncidents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Particles of 0.8 to 150 GeV: some are outside every domain, as the first is."""
    made = make_incidents([9] * EVENTS)
    made.pdg[0], made.energy_mev[0] = 22, 900.0
    return written(made, tmp_path_factory.mktemp("incidents"))


def written(incidents: Incidents, folder: Path) -> Path:
    path = folder / "incidents.parquet"
    write_incidents(path, [incidents], source="test", settings={}, detector="lhcb-ecal")
    return path


class Made(NamedTuple):
    """One shard, which is all of its campaign."""

    resolved: ResolvedCampaign
    ledger: Ledger
    record: ShardRecord


def resolve_in(output: Path, incidents: Path, model: str, outside: str) -> ResolvedCampaign:
    campaign = Campaign(
        incidents=str(incidents), model=model, outside=outside, events=EVENTS, output=str(output)
    )
    suite, detector = load(**campaign.named)
    resolved = resolve(campaign, str(output), str(incidents), suite, detector)
    refuse_outside(resolved, suite)
    return resolved


def make_in(output: Path, incidents: Path, model: str, outside: str) -> Made:
    resolved = resolve_in(output, incidents, model, outside)
    store = open_store(output)
    store.probe()
    ledger = Ledger(store)
    ledger.open(resolved.identity, resolved.campaign.layout(), EVENTS)
    maker = ShardMaker(resolved)
    maker.warm_up()
    record = maker.make(EventRange(0, EVENTS - 1))
    ledger.commit(record)
    return Made(resolved, ledger, record)


@pytest.fixture(scope="module")
def made(incidents: Path, model: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """A campaign of each policy."""
    folder = tmp_path_factory.mktemp("outside")
    outputs = zip(POLICIES, ("nearest", "clamp", "other"), strict=True)
    return {outside: make_in(folder / name, incidents, model, outside) for outside, name in outputs}


def count(record: ShardRecord, status: Status) -> int:
    return record.counts[f"status_{status.name.lower()}"]


def test_each_policy_makes_its_events_and_is_counted(made: dict[str, Made]) -> None:
    for outside, expected in POLICIES.items():
        record = made[outside].record
        assert record.counts["events"] == EVENTS
        assert sum(count(record, status) for status in Status) == record.counts["particles"]
        found = {status for status in Status if count(record, status)}
        assert found - {Status.SIMULATED, Status.REMAPPED, Status.NO_GENERATOR} == expected
        manifest = write_manifest(made[outside].ledger, made[outside].resolved.campaign, {})
        assert manifest["outside"] == outside
        assert manifest["counts"] == record.counts
    outside_of_each = {sum(count(made[name].record, s) for s in POLICIES[name]) for name in POLICIES}
    assert len(outside_of_each) == 1
    assert len({one.record.content for one in made.values()}) == len(POLICIES)


def test_campaigns_of_different_policies_are_different_campaigns(made: dict[str, Made]) -> None:
    assert len({one.resolved.identity_hash for one in made.values()}) == len(POLICIES)
    assert "outside" not in made["nearest"].resolved.identity  # campaigns from before the choice go on
    clamp = made["clamp"].resolved
    with pytest.raises(InputError, match="started with identity"):
        made["nearest"].ledger.open(clamp.identity, clamp.campaign.layout(), EVENTS)


def test_refuse_names_the_particle_before_anything_is_made(
    incidents: Path, model: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as raised:
        resolve_in(tmp_path, incidents, model, "refuse")
    assert "event 0: species 22 of 0.9 GeV at " in str(raised.value)
    assert "set outside to nearest, clamp, scale or another model" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_of_a_pool_any_collision_may_be_drawn(incidents: Path, model: str, detector: Detector) -> None:
    suite = Suite(load_suite(model).models, "refuse")
    campaign = Campaign(incidents=str(incidents), mu=1.0, events=1, output="out", outside="refuse")
    resolved = ResolvedCampaign(campaign, "out", str(incidents), {})
    with pytest.raises(InputError, match="event 0: species 22"):
        refuse_outside(resolved, suite)


def test_refuse_lets_campaigns_through_that_stay_inside(
    make_incidents: MakeIncidents, tmp_path: Path
) -> None:
    particles = make_incidents([4] * EVENTS)
    particles.energy_mev[:] = np.linspace(5_000, 50_000, len(particles.pdg))
    particles.position_mm[:, :2] *= 0.3
    away = np.linalg.norm(particles.position_mm, axis=1, keepdims=True)
    particles.direction[:] = particles.position_mm / away
    path = written(particles, tmp_path)
    particles.energy_mev[particles.offsets[7]] = np.nan  # its event goes to quarantine, and is not judged
    # written as another program may: monsoon's own writer refuses it
    pq.write_table(to_table(particles).replace_schema_metadata(pq.read_metadata(path).metadata), path)
    record = make_in(tmp_path / "out", path, OTHER, "refuse").record
    assert record.counts["events"] == EVENTS - 1
    assert record.counts["quarantined"] == 1
    assert not any(count(record, status) for status in Status if status.name.startswith("OUTSIDE"))


def test_a_campaign_that_wants_a_report_refuses_models_without_and_particles_beyond(
    make_incidents: MakeIncidents, tmp_path: Path
) -> None:
    photons = make_incidents([4] * EVENTS)
    photons.pdg[:] = 22
    photons.energy_mev[:] = np.linspace(5_000, 50_000, len(photons.pdg))
    photons.position_mm[:, :2] *= 0.3
    photons.direction[:] = photons.position_mm / np.linalg.norm(photons.position_mm, axis=1, keepdims=True)
    asked = Campaign(
        incidents=str(written(photons, tmp_path)),
        **{"model": OTHER, "require_report": True, "events": EVENTS, "output": str(tmp_path / "out")},
    )
    with pytest.raises(InputError, match=r"egamma-heldout.h5 has no report for egamma; train a model"):
        refuse_unvalidated(asked, load_suite(OTHER))
    folder, shipped = tmp_path / "mine", CHECKPOINTS / "flow-egamma"
    folder.mkdir()
    (folder / "weights.safetensors").symlink_to(shipped / "weights.safetensors")
    card = json.loads((shipped / "model.json").read_text())
    asked = asked.model_copy(update={"model": str(folder)})
    for highest_mev, line in ((50_000.0, ""), (40_000.0, "event 9: species 22 of .* beyond what the model")):
        report = {
            "outcome": "pass",
            "quick": False,
            "generators": load_suite("flow-egamma").models[0].fingerprint,
        }
        domain = {"pdg": [22], "energy_mev": [[5_000.0, highest_mev]], "cosine": [0.95], "holes": []}
        card["metrics"]["egamma validation"] = {**report, "domain": domain}
        (folder / "model.json").write_text(json.dumps(card))
        suite, detector = load(**asked.named)
        resolved = resolve(asked, str(tmp_path / "out"), str(asked.incidents), suite, detector)
        plain = asked.model_copy(update={"require_report": False})
        assert (
            resolve(plain, resolved.output, resolved.incidents, suite, detector).identity == resolved.identity
        )
        with pytest.raises(InputError, match=line) if line else nullcontext():
            refuse_outside(resolved, suite, reports=refuse_unvalidated(asked, suite))
        assert resolved.identity["arithmetic"] == ARITHMETIC


def test_a_shard_with_the_names_of_edm4hep_has_the_events_of_parquet(
    incidents: Path, model: str, tmp_path: Path
) -> None:
    asked = Campaign(
        incidents=str(incidents),
        **{"model": model, "events": EVENTS, "output": str(tmp_path / "out")},
        **{"formats": ("parquet", "edm4hep"), "contributions": True, "hit_energy": False},
    )
    suite, detector = load(**asked.named)
    store = open_store(asked.output)
    store.probe()
    resolved = resolve(asked, asked.output, str(incidents), suite, detector)
    Ledger(store).open(resolved.identity, asked.layout(), EVENTS)
    record = ShardMaker(resolved).make(EventRange(0, EVENTS - 1))
    assert [Path(file.url).suffixes for file in record.files] == [[".parquet"], [".edm4hep", ".root"]]
    for file in record.files:
        with store.local(file.url) as path:
            found = content_of(file.format, path)
        assert found is not None
        assert found.total == record.content


def test_models_keep_their_names_and_files_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As workers elsewhere need them; a folder called as something shipped does not take its place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "library").mkdir()
    (tmp_path / "net").mkdir()
    (tmp_path / "mine.h5").touch()
    asked = Campaign(output="out", mu=1, model="net,mine.h5", outside="library")
    assert asked.anchored().model == f"{tmp_path}/net,{tmp_path}/mine.h5"
    assert asked.anchored().outside == "library"
    (tmp_path / "clamp").mkdir()
    assert Campaign(output="out", mu=1, outside="clamp").anchored().outside == "clamp"
    long = "x" * 5000  # more than a file system takes
    asked = Campaign(output="out", mu=1, model=long, outside=long, detector=long, geometry=long)
    assert asked.anchored() == asked


def test_a_campaign_that_was_begun_with_the_former_default_goes_on_with_it(tmp_path: Path) -> None:
    """Where a model is named it is that one, whatever the output holds: the ledger then refuses it."""
    asked = Campaign(output=str(tmp_path), mu=1)
    ledger = Ledger(open_store(tmp_path))
    assert as_begun(asked, ledger) == asked
    layout = {"first_event": 0, "shard_events": 2, "formats": ["parquet"], "contributions": False}
    ledger.open({"model": load_suite("library").fingerprint}, layout, 2)
    assert as_begun(asked, ledger).model == "library"
    named = asked.model_copy(update={"model": asked.model})
    assert as_begun(named, ledger).model == asked.model != "library"


def test_a_campaign_of_networks_of_another_arithmetic_is_for_its_release(tmp_path: Path) -> None:
    ledger = Ledger(open_store(tmp_path))
    layout = {"first_event": 0, "shard_events": 2, "formats": ["parquet"], "contributions": False}
    ledger.open({"model": "same"}, layout, 2)
    with pytest.raises(InputError, match="identity arithmetic = None, not 2; use the release that began it"):
        ledger.open({"model": "same", "arithmetic": 2}, layout, 2)
