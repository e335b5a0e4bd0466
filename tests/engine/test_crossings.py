"""Other bunch crossings in events: what they leave, in files, counts, tallies and words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml

from monsoon.engine import campaign as campaigns
from monsoon.engine import pipeline
from monsoon.engine.campaign import ShardMaker, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.counts import counts_of
from monsoon.engine.crossings import OUT_OF_TIME, of_triggered_crossing
from monsoon.engine.detector.detector import Detector, shipped_detectors
from monsoon.engine.detector.placing import Placing
from monsoon.engine.errors import InputError
from monsoon.engine.formats import parquet
from monsoon.engine.formats.edm4hep_members import OVERLAY, PARTICLES, collections_of
from monsoon.engine.formats.schema import combine, event_hashes
from monsoon.engine.incidents.overlay import draw
from monsoon.engine.incidents.parquet import read_metadata, write_incidents
from monsoon.engine.kernels.place import UNITS_PER_MEV
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.manifest import write_manifest
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.provenance import Provenance, provenance
from monsoon.engine.ledger.shards import FORMATS
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.pipeline import generate
from monsoon.engine.records import CROSSING, HIT_TIME, Events, Incidents
from monsoon.engine.storage import open_store
from monsoon.jobs.cli import UNUSABLE, main
from monsoon.jobs.plan import plan
from monsoon.jobs.report import accounts
from monsoon.jobs.report.event import lines
from monsoon.jobs.report.sample import read_sample
from monsoon.jobs.validation.campaigns.tally import Cells, Tally
from monsoon.models.kernels.operation import Operation
from monsoon.models.store.suite import Suite
from tests.engine.contributed import contributed
from tests.on_gpu import DEVICE, NEEDS_TRITON

Make = Callable[..., Incidents]
SPILL_OVER = {-1: 0.25, 1: 0.5}
QUIET = {
    **{"noise_incoherent_counts": 0.0, "noise_coherent_counts": 0.0, "photoelectrons_per_mev": 0.0},
    **{"threshold_counts": 1, "bits": 16, "count_constant_mev": 0.05, "count_sine_mev": 0.0},
}


def described(detector: Detector, **electronics: Any) -> Detector:
    changed = detector.description.electronics.model_copy(update={"spill_over": SPILL_OVER, **electronics})
    return Detector.of(detector.description.model_copy(update={"electronics": changed}))


@pytest.fixture(scope="module")
def spilling(detector: Detector) -> Detector:
    return described(detector)


@pytest.fixture(scope="module")
def mixed(make_incidents: Make) -> Incidents:
    """Three events of 40, 0 and 60 particles; the last of each are of other crossings."""
    plain = make_incidents([40, 0, 60], first_event=4)
    within = np.arange(100) - plain.offsets[plain.event_of_particle]
    crossing = np.select([within >= 30, within >= 20], [1, -1], 0).astype(np.int8)
    return replace(
        plain,
        crossing=crossing,
        time_ns=(plain.time_ns + 25 * crossing).astype(np.float32),
        collision=np.where(crossing == 0, plain.collision, 5 + plain.collision).astype(np.int32),
    )


@pytest.fixture(scope="module")
def events(mixed: Incidents, suite: Suite, spilling: Detector) -> Events:
    return generate(mixed, suite, Placing(suite.grid, spilling), 1, contributions=True, hit_times=True)


def pool_of(make_incidents: Make) -> Incidents:
    """40 collisions of 6 particles."""
    made = replace(make_incidents([6] * 40), collisions=np.ones(40, np.int32))
    made.collision[:] = 0
    return made


@pytest.fixture(scope="module")
def pool_file(make_incidents: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pool") / "pool.parquet"
    write_incidents(path, [pool_of(make_incidents)], source="test", settings={}, detector="lhcb-ecal")
    return path


def test_a_particle_of_another_crossing_leaves_its_fraction(
    make_incidents: Make, suite: Suite, detector: Detector
) -> None:
    """Half of the energy, to the rounding of each pixel to 1/256 MeV visible; the shower is the same."""
    placing = Placing(suite.grid, described(detector, **QUIET))
    photon = make_incidents([1])
    photon.pdg[:], photon.energy_mev[:] = 22, 30_000.0
    photon.position_mm[:, :2] = 1000.0, 700.0
    photon.direction[:] = photon.position_mm / np.linalg.norm(photon.position_mm)
    whole, half = (
        generate(
            replace(photon, crossing=np.full(1, crossing, np.int8)), suite, placing, 1, contributions=True
        )
        for crossing in (0, 1)
    )
    assert whole.contribution_energy_mev is not None
    assert half.contribution_energy_mev is not None
    deposits = [float(one.contribution_energy_mev.sum()) for one in (whole, half)]
    unit_mev = 1 / (UNITS_PER_MEV * 0.167)
    assert deposits[0] > 20_000
    assert abs(deposits[1] - deposits[0] / 2) < 900 * unit_mev / 2
    sums = [float(one.hit_energy_mev.sum()) for one in (whole, half)]
    assert sums[1] / sums[0] == pytest.approx(0.5, abs=0.01)
    plain = generate(photon, suite, placing, 1, contributions=True)
    assert np.array_equal(plain.hit_adc, whole.hit_adc)


def test_noise_and_photostatistics_come_after_the_sum(
    mixed: Incidents, suite: Suite, spilling: Detector
) -> None:
    """A crossing of which nothing is there leaves the event as it is alone."""
    placing = Placing(suite.grid, spilling)
    alone = mixed.select(np.arange(3))
    rows = mixed.crossing == 0
    alone = replace(
        alone,
        offsets=np.array([0, 20, 20, 40]),
        **{name: getattr(mixed, name)[rows] for name in mixed.per_particle},
    )
    with_column, without = (
        generate(one, suite, placing, 1) for one in (alone, replace(alone, crossing=None))
    )
    assert with_column.particle_crossing is not None
    assert without.particle_crossing is None
    for field in fields(without):
        if field.name != "particle_crossing":
            one, other = getattr(with_column, field.name), getattr(without, field.name)
            assert np.array_equal(one, other), field.name


def test_an_event_depends_on_itself_alone(
    mixed: Incidents, suite: Suite, spilling: Detector, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    placing = Placing(suite.grid, spilling)
    monkeypatch.setattr(pipeline, "BATCH_VOXELS", 30 * 900)
    again = generate(mixed, suite, placing, 1, contributions=True, hit_times=True)
    assert event_hashes(again) == event_hashes(events)
    last = generate(mixed[2:3], suite, placing, 1, contributions=True, hit_times=True)
    assert event_hashes(last) == event_hashes(events)[2:]


def test_the_time_of_a_hit_is_of_what_each_crossing_leaves_in_it(events: Events, mixed: Incidents) -> None:
    assert events.hit_time_ns is not None
    _, deposit, moment = contributed(events, mixed)
    real = deposit > 0
    assert np.allclose(events.hit_time_ns[real], moment[real] / deposit[real], atol=2e-3)
    assert events.hit_time_ns[real].min() < 20
    assert events.hit_time_ns[real].max() > 60


@NEEDS_TRITON
def test_a_device_has_the_same_events(
    mixed: Incidents, suite: Suite, spilling: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = mixed[1:3]
    few = replace(few, offsets=np.array([0, 0, 12]), **{n: getattr(few, n)[-12:] for n in few.per_particle})
    placing = Placing(suite.grid, spilling)
    expected = generate(few, suite, placing, 1, contributions=True)
    if DEVICE == "cpu":
        by = Operation.by
        monkeypatch.setattr(Operation, "on", lambda self, device: by(self, "cuda"))
        monkeypatch.setattr(Operation, "by", lambda self, provider: by(self, "cuda"))
    found = generate(few, suite, placing, 1, contributions=True, device=DEVICE)
    assert event_hashes(found) == event_hashes(expected)


@pytest.mark.parametrize("name", FORMATS)
def test_files_keep_crossings(events: Events, name: str, tmp_path: Path, spilling: Detector) -> None:
    metadata = {"detector": spilling.description.canonical.decode()}  # which edm4hep needs
    with FORMATS[name].writer(tmp_path / "x", True, metadata, (CROSSING, HIT_TIME)) as append:
        append(events)
    (found,) = FORMATS[name].blocks(tmp_path / "x")
    assert found.particle_crossing is not None
    assert found.particle_crossing.dtype == np.int8
    assert np.array_equal(found.particle_crossing, events.particle_crossing)
    assert event_hashes(found) == event_hashes(events)
    assert event_hashes(replace(found, particle_crossing=None)) != event_hashes(events)


def test_others_see_particles_of_other_crossings_as_overlaid(events: Events, spilling: Detector) -> None:
    status = collections_of(events, spilling)[PARTICLES][1]["simulatorStatus"]
    assert ((status == OVERLAY) == (events.particle_crossing != 0)).all()


def test_particles_of_other_crossings_are_none_of_the_event(events: Events, spilling: Detector) -> None:
    own = of_triggered_crossing(events)
    assert np.diff(own.particle_offsets).tolist() == [20, 0, 20]
    assert own.particle_crossing is None
    assert own.contribution_particle is not None
    assert events.contribution_particle is not None
    assert own.contribution_offsets is not None
    assert events.contribution_offsets is not None
    which = np.repeat(np.arange(3), np.diff(events.contribution_offsets))
    kept = events.contribution_particle < 20
    assert np.array_equal(own.contribution_particle, events.contribution_particle[kept])
    assert np.array_equal(np.diff(own.contribution_offsets), np.bincount(which[kept], minlength=3))
    assert np.array_equal(own.hit_adc, events.hit_adc)
    counts = counts_of(events, spilling)
    assert (counts["particles"], counts[OUT_OF_TIME]) == (40, 60)
    assert sum(number for name, number in counts.items() if name.startswith("status_")) == 40
    assert OUT_OF_TIME not in counts_of(own, spilling)
    tallies = [Tally(Cells.of(spilling)) for _ in range(2)]
    for tally, of in zip(tallies, (events, own), strict=True):
        tally.add(of)
    assert np.array_equal(tallies[0].sums, tallies[1].sums)


def test_contributions_of_no_particle_are_a_line(events: Events) -> None:
    assert events.contribution_particle is not None
    for number in (-1, 60):
        forged = replace(events, contribution_particle=np.full_like(events.contribution_particle, number))
        with pytest.raises(InputError, match="event 4: a deposit of nothing"):
            of_triggered_crossing(forged)


def test_particles_in_any_order_are_found(events: Events) -> None:
    """As a file by others may have them."""
    turned = replace(events, particle_crossing=events.particle_crossing[::-1].copy())
    own = of_triggered_crossing(turned)
    assert own.contribution_particle is not None
    assert own.contribution_offsets is not None
    owner = np.repeat(np.arange(3), np.diff(own.contribution_offsets))
    assert (own.contribution_particle >= 0).all()
    assert (own.contribution_particle < np.diff(own.particle_offsets)[owner]).all()


def test_show_names_the_crossing_that_a_hit_is_from(
    events: Events, spilling: Detector, tmp_path: Path
) -> None:
    found = Provenance(url="out", event=4, state="committed", identity_hash="0", identity={})
    parquet.write(events, tmp_path / "x", {})
    one = next(parquet.blocks(tmp_path / "x", 1))
    said = lines(one, spilling, found, 1000)
    assert "20 particles with" in said[0]
    assert "20 of other crossings" in said[0]
    assert "particles, 20 of 20 by energy:" in said
    assert any("crossing +1" in line for line in said)
    assert not any("crossing" in line for line in lines(of_triggered_crossing(one), spilling, found, 1000))


def asked(pool: Path, output: Path, **settings: Any) -> Campaign:
    layout = {"events": 24, "shard_events": 8}
    return Campaign(incidents=str(pool), model="library", mu=1.5, output=str(output), **layout, **settings)


def maker_of(campaign: Campaign, suite: Suite, detector: Detector) -> ShardMaker:
    store = open_store(campaign.output)
    store.probe()
    resolved = resolve(campaign, campaign.output, str(campaign.incidents), suite, detector)
    Ledger(store).open(resolved.identity, campaign.layout(), campaign.events)
    return ShardMaker(resolved)


class Made(NamedTuple):
    """A campaign of one shard with other crossings."""

    campaign: Campaign
    detector: Detector
    record: ShardRecord

    def elsewhere(self, output: Path, **changes: Any) -> Campaign:
        return self.campaign.model_copy(update={"output": str(output), **changes})


@pytest.fixture(scope="module")
def made(make_incidents: Make, suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    content = yaml.safe_load(shipped_detectors()["lhcb-ecal"].read_text())
    content["name"], content["electronics"]["spill_over"] = "mine", SPILL_OVER
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))
    mine = Detector.load(str(folder / "mine.yaml"))
    settings = {"detector": mine.description.model_dump(mode="json")}
    pool = [pool_of(make_incidents)]
    write_incidents(folder / "pool", pool, source="test", settings=settings, detector="mine")
    campaign = asked(folder / "pool", folder / "out", out_of_time=True, detector=str(folder / "mine.yaml"))
    maker = maker_of(campaign, suite, mine)
    record = maker.make(EventRange(0, 23))
    ledger = Ledger(maker.store)
    ledger.commit(record)
    write_manifest(ledger, campaign, read_metadata(folder / "pool"))
    return Made(campaign, mine, record)


def test_a_campaign_has_the_same_content_in_any_shards_and_blocks(
    made: Made, suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaigns, "BLOCK_EVENTS", 3)
    maker = maker_of(made.elsewhere(tmp_path / "other"), suite, made.detector)
    assert maker.resolved.identity["out_of_time"] == [-1, 1]
    records = [maker.make(EventRange(first, first + 7)) for first in (0, 8, 16)]
    assert combine([record.content for record in records]) == made.record.content
    assert sum(record.counts[OUT_OF_TIME] for record in records) == made.record.counts[OUT_OF_TIME] > 100
    off = maker_of(made.elsewhere(tmp_path / "off", out_of_time=False), suite, made.detector)
    assert off.make(EventRange(0, 23)).content != made.record.content


def test_provenance_has_the_collisions_of_each_crossing(made: Made) -> None:
    found = provenance(Ledger(open_store(made.campaign.output)), 5)
    assert found.out_of_time == {k: draw(40, 1.5, 1, np.array([5]), k)[1].tolist() for k in (-1, 1)}
    assert found.collisions == draw(40, 1.5, 1, np.array([5]))[1].tolist()


def test_a_report_reads_particles_of_the_triggered_crossing(made: Made) -> None:
    sample = read_sample(open_store(made.campaign.output))
    assert len(sample.events.particle_pdg) == made.record.counts["particles"]
    facts = dict(accounts.generated(sample.manifest, made.detector).rows)
    assert str(facts["particles of other crossings per event"]).endswith("(mean), of crossings -1, +1")


def test_a_plan_counts_particles_of_other_crossings(made: Made, tmp_path: Path) -> None:
    assert plan(made.campaign).out_of_time_per_event == made.record.counts[OUT_OF_TIME] / 24  # what is there
    new, off = plan(made.elsewhere(tmp_path)), plan(made.elsewhere(tmp_path, out_of_time=False))
    assert (new.particles_per_event, new.out_of_time_per_event) == pytest.approx((9.0, 18.0))
    assert (off.particles_per_event, off.out_of_time_per_event) == pytest.approx((9.0, 0.0))
    assert new.bytes - off.bytes == pytest.approx(24 * 18 * 22.2)


def test_identity_and_events_are_what_they_were_where_it_is_off(
    pool_file: Path, suite: Suite, detector: Detector, tmp_path: Path
) -> None:
    maker = maker_of(asked(pool_file, tmp_path / "out"), suite, detector)
    assert sorted(maker.resolved.identity) == [
        *("content_version", "detector", "incidents", "model", "mu", "numerics", "seed"),
    ]
    assert CROSSING not in maker.resolved.origins
    made = maker.events(maker.incidents(EventRange(0, 3)))
    assert made.particle_crossing is None


def test_a_campaign_that_cannot_have_it_is_refused_in_a_line(
    pool_file: Path, suite: Suite, detector: Detector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=r"lhcb-ecal has no electronics\.spill_over"):
        maker_of(asked(pool_file, tmp_path / "out", out_of_time=True), suite, detector)
    words = ["run3", "model=library", "out_of_time=true", f"output={tmp_path / 'new'}"]
    for verb in ("generate", "plan"):
        assert main([verb, *words]) == UNUSABLE
        (line,) = capsys.readouterr().err.splitlines()
        assert "out_of_time: detector lhcb-ecal has no electronics.spill_over" in line
        assert main([verb, *words, "mu=null", f"incidents={pool_file}"]) == UNUSABLE
        (line,) = capsys.readouterr().err.splitlines()
        assert "out_of_time: mu is missing" in line
    assert not (tmp_path / "new").exists()
