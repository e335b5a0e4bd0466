"""Campaigns of one signal event under the pile-up of each event: H -> gamma gamma, and Z -> e e of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monsoon.engine.config import Campaign, load_campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import content_hash, event_hashes
from monsoon.engine.incidents.parquet import read_incidents, write_incidents
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.schema import to_table
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.manifest import read_manifest
from monsoon.engine.ledger.shards import FORMATS
from monsoon.engine.records import Events, Origin, concatenate
from monsoon.engine.storage import open_store
from monsoon.jobs import signal
from monsoon.jobs.cli import main
from monsoon.jobs.collisions import POOL
from monsoon.jobs.generate import CampaignResult, generate
from monsoon.jobs.plan import plan
from monsoon.jobs.progress.collisions import make_pool
from monsoon.jobs.report.accounts import provenance
from tests.engine.incidents.les_houches import z_events
from tests.jobs.pages.fragments import fragment

HIGGS = ("HiggsSM:gg2H = on", "25:onMode = off", "25:onIfMatch = 22 22", "PartonLevel:MPI = off")
EVENTS = 20
pytestmark = [pytest.mark.usefixtures("cluster"), pytest.mark.services]


def quiet(line: str) -> None:
    """The plain lines are not looked at here."""


@pytest.fixture(scope="module", autouse=True)
def small_chunks() -> Iterator[None]:
    """So that several are made in seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "CHUNK", 10)
        yield


def higgs_campaign(pool: Path, output: Path, workers: int) -> Campaign:
    return Campaign(
        incidents=str(pool),
        model="library",
        signal=HIGGS,
        mu=2.0,
        events=EVENTS,
        shard_events=10,
        workers=workers,
        output=str(output),
    )


@pytest.fixture
def campaign(pool: Path, tmp_path: Path) -> Campaign:
    return higgs_campaign(pool, tmp_path / "out", workers=1)


@pytest.fixture(scope="module")
def undisturbed(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> CampaignResult:
    return generate(higgs_campaign(pool, tmp_path_factory.mktemp("undisturbed") / "out", workers=2), quiet)


@pytest.fixture
def lhe(tmp_path: Path) -> Path:
    path = tmp_path / "z.lhe"
    path.write_text(z_events(EVENTS))
    return path


def events_of(output: str, name: str = "parquet") -> Events:
    """All events of a campaign."""
    ledger = Ledger(open_store(output))
    files = [file.url for record in ledger.records() for file in record.files if file.format == name]
    return concatenate(block for url in files for block in FORMATS[name].blocks(Path(output) / url))


def of_signal(events: Events, pdg: int, mother: int) -> list[int]:
    """How many particles of a species have this mother, event by event; all of them are the signal's."""
    assert events.particle_origin is not None
    assert events.particle_mother_pdg is not None
    found = (np.abs(events.particle_pdg) == pdg) & (events.particle_mother_pdg == mother)
    assert set(events.particle_origin[found].tolist()) <= {Origin.SIGNAL}
    assert set(events.particle_collision[found].tolist()) <= {0}
    event = np.repeat(np.arange(len(events)), np.diff(events.particle_offsets))
    counts: list[int] = np.bincount(event[found], minlength=len(events)).tolist()
    return counts


def test_each_event_has_one_higgs_boson_and_its_photons_are_told(undisturbed: CampaignResult) -> None:
    events = events_of(undisturbed.output)
    photons = of_signal(events, 22, 25)
    assert max(photons) == 2
    assert sum(photons) > 2  # most fly beside this face
    assert events.source_event.tolist() == list(range(EVENTS))
    assert (events.weight == 1).all()
    assert events.particle_origin is not None
    assert np.array_equal(events.particle_origin == Origin.SIGNAL, events.particle_collision == 0)
    assert (events.collisions - 1).mean() == pytest.approx(2.0, abs=0.8)
    assert main(["verify", undisturbed.output]) == 0


def test_each_event_has_one_z_boson_of_a_les_houches_file(campaign: Campaign, lhe: Path) -> None:
    asked = campaign.model_copy(update={"signal": str(lhe), "formats": ("parquet", "root", "ttree")})
    said: list[str] = []
    outcome = generate(asked, said.append)
    assert said[0] == f"transporting the signal events of {lhe} to the face"
    events = events_of(outcome.output)
    electrons = of_signal(events, 11, 23)
    assert max(electrons) == 2
    assert sum(electrons) > 10
    for name in ("root", "ttree"):
        assert event_hashes(events_of(outcome.output, name)) == event_hashes(events)
    assert generate(asked, said.append).shards_made == 0
    lhe.write_text(z_events(EVENTS + 1))
    with pytest.raises(InputError, match="signal was made with another input_sha256"):
        generate(asked, quiet)


def hepmc(events: int) -> str:
    """p p -> H -> gamma gamma, numbered from 100, of weight 0.5, in the middle of the face."""
    lines = ["HepMC::Version 3.02.05", "HepMC::Asciiv3-START_EVENT_LISTING", "W Weight"]
    for number in range(100, 100 + events):
        lines += [
            *(f"E {number} 2 4", "U MEV MM", "W 0.5", "P 1 0 2212 0 0 6800000 6800000 938 4"),
            *("V -1 0 [1] @ 0 0 0 0", "P 2 -1 25 0 0 60000 138700 125000 2", "V -2 0 [2]"),
            "P 3 -2 22 3000 3000 30000 30298.515 0 1",
            "P 4 -2 22 -3000 -3000 30000 30298.515 0 1",
        ]
    return "\n".join([*lines, "HepMC::Asciiv3-END_EVENT_LISTING", ""])


def test_events_of_a_hepmc_file_keep_weight_number_and_mother(campaign: Campaign, tmp_path: Path) -> None:
    (tmp_path / "h.hepmc").write_text(hepmc(6))
    asked = campaign.model_copy(update={"signal": str(tmp_path / "h.hepmc"), "events": 6})
    events = events_of(generate(asked, quiet).output)
    assert of_signal(events, 22, 25) == [2] * 6
    assert events.source_event.tolist() == list(range(100, 106))
    assert events.weight.tolist() == [0.5] * 6


@pytest.mark.parametrize(("workers", "shard_events"), [(1, 7), (2, EVENTS)])
def test_events_do_not_depend_on_workers_or_shard_size(
    campaign: Campaign, undisturbed: CampaignResult, workers: int, shard_events: int
) -> None:
    change = {"workers": workers, "shard_events": shard_events}
    assert generate(campaign.model_copy(update=change), quiet).content == undisturbed.content


def test_a_campaign_grows_to_the_events_of_a_larger_one(
    campaign: Campaign, undisturbed: CampaignResult
) -> None:
    generate(campaign.model_copy(update={"events": 10}), quiet)
    folder = Path(campaign.output) / signal.FOLDER
    assert len(list(folder.glob("*.parquet"))) == 1
    grown = generate(campaign, quiet)
    assert grown.shards_made == 1
    assert grown.content == undisturbed.content
    assert len(list(folder.glob("*.parquet"))) == 2


def test_one_event_alone_is_the_event_of_the_campaign(
    campaign: Campaign, undisturbed: CampaignResult
) -> None:
    """Also in an empty output: only the chunk with this event is made."""
    alone = generate(campaign.model_copy(update={"only": 17}), quiet)
    assert alone.content == content_hash([event_hashes(events_of(undisturbed.output))[17]])
    (chunk,) = (Path(campaign.output) / signal.FOLDER).glob("*.parquet")
    assert chunk.name == "collisions-000000000010-000000000019.parquet"


def test_the_parts_of_two_sites_merge_to_one_campaign(
    campaign: Campaign, undisturbed: CampaignResult, tmp_path: Path
) -> None:
    sites = [str(tmp_path / name) for name in "ab"]
    for site, first, events in zip(sites, (0, 10), (10, 10), strict=True):
        part = {"output": site, "first_event": first, "events": events}
        generate(campaign.model_copy(update=part), quiet)
    whole = str(tmp_path / "whole")
    assert main(["merge", whole, *sites]) == 0
    assert main(["verify", whole]) == 0
    manifest = read_manifest(open_store(whole))
    assert manifest["content"] == undisturbed.content
    assert manifest["signal"]["settings"]["cards"] == list(HIGGS)
    again = generate(campaign.model_copy(update={"output": whole}), quiet)
    assert (again.shards_made, again.content) == (0, undisturbed.content)


def test_a_bad_signal_event_costs_that_event_alone(
    campaign: Campaign, undisturbed: CampaignResult, tmp_path: Path
) -> None:
    folder = Path(undisturbed.output) / signal.FOLDER
    whole = concatenate(read_incidents(path) for path in sorted(folder.glob("*.parquet")))
    spoilt = int(whole.event_of_particle[whole.offsets[7]])
    write_incidents(tmp_path / "good", [whole], source="test", settings={}, detector="lhcb-ecal")
    whole.energy_mev[whole.offsets[7]] = np.nan
    # written as another program may: monsoon's own writer refuses it
    metadata = pq.read_metadata(tmp_path / "good").metadata
    pq.write_table(to_table(whole).replace_schema_metadata(metadata), tmp_path / "bad")
    output = generate(campaign.model_copy(update={"signal": str(tmp_path / "bad")}), quiet).output
    (faults,) = (Path(output) / "_quarantine").iterdir()
    assert [fault["event"] for fault in json.loads(faults.read_text())] == [spoilt]
    hashes = event_hashes(events_of(undisturbed.output))
    assert event_hashes(events_of(output)) == [h for i, h in enumerate(hashes) if i != spoilt]
    assert main(["verify", output]) == 0


def test_manifest_and_report_say_what_the_signal_is(undisturbed: CampaignResult) -> None:
    manifest = read_manifest(open_store(undisturbed.output))
    assert manifest["signal"]["source"] == "pythia"
    assert manifest["signal"]["settings"]["cards"] == list(HIGGS)
    assert "signal" in manifest["identity"]
    page = "".join(map(fragment, provenance(manifest)))
    assert "HiggsSM:gg2H = on" in page
    without = {key: value for key, value in manifest.items() if key != "signal"}
    assert "Signal" not in "".join(map(fragment, provenance(without)))


def test_without_a_signal_nothing_of_it_is_in_identity_manifest_or_files(campaign: Campaign) -> None:
    plain = campaign.model_copy(update={"signal": None, "events": 10})
    output = generate(plain, quiet).output
    manifest = read_manifest(open_store(output))
    assert "signal" not in manifest
    assert sorted(manifest["identity"]) == [
        *("content_version", "detector", "incidents", "model", "mu", "numerics", "seed"),
    ]
    (file,) = (Path(output) / "events").iterdir()
    assert not [name for name in pa.parquet.read_schema(file).names if "origin" in name or "mother" in name]


def test_too_few_signal_events_are_refused_before_anything_is_made(campaign: Campaign, lhe: Path) -> None:
    asked = campaign.model_copy(update={"signal": str(lhe), "events": EVENTS + 1, "incidents": None})
    with pytest.raises(InputError, match=rf"has signal events 0 \.\. {EVENTS - 1}, each is used once"):
        generate(asked, quiet)
    assert not (Path(campaign.output) / "campaign.json").exists()
    assert not (Path(campaign.output) / POOL).exists()


def test_a_hard_process_as_pile_up_is_refused_unless_the_campaign_has_begun(
    campaign: Campaign, detector: Detector
) -> None:
    cards = ("HardQCD:all = on", "PhaseSpace:pTHatMin = 20", "PartonLevel:MPI = off")
    change = {"signal": None, "incidents": None, "pythia": cards, "pool_collisions": 20, "events": 5}
    asked = campaign.model_copy(update=change)
    with pytest.raises(InputError, match="signal=") as caught:
        generate(asked, quiet)
    assert "\n" not in str(caught.value)
    assert not (Path(campaign.output) / POOL).exists()
    pool = f"{campaign.output}/{POOL}"
    make_pool(pool, PoolSettings(cards, 1, Transport(), detector), 20)  # as the release before began it
    said: list[str] = []
    assert generate(asked, said.append).shards_made == 1
    assert said[0].startswith("warning: pythia ['HardQCD:all = on'")
    used = campaign.model_copy(
        update={"signal": None, "incidents": pool, "events": 5, "output": f"{campaign.output}-2"}
    )
    generate(used, said.append)
    assert any(line.startswith(f"warning: {pool}: ") for line in said)


def test_a_pool_made_under_a_signal_names_mothers_too(campaign: Campaign) -> None:
    """Photons of the pile-up come from neutral pions."""
    change = {"incidents": None, "pythia": ("SoftQCD:nonDiffractive = on",), "pool_collisions": 30}
    events = events_of(generate(campaign.model_copy(update={**change, "events": 6}), quiet).output)
    assert events.particle_mother_pdg is not None
    pile_up = events.particle_origin == Origin.PILE_UP
    mothers = events.particle_mother_pdg[pile_up & (events.particle_pdg == 22)]
    assert np.mean(mothers == 111) > 0.8


def test_cards_may_be_a_list_on_the_command_line() -> None:
    word = "signal=[HiggsSM:gg2H = on, 25:onMode = off, 25:onIfMatch = 22 22]"
    campaign = load_campaign("run3", [word, "output=out"])
    assert campaign.signal == ("HiggsSM:gg2H = on", "25:onMode = off", "25:onIfMatch = 22 22")
    with pytest.raises(InputError, match="signal: mu is missing"):
        load_campaign("run3", [word, "output=out", "mu=null", "incidents=x"])


def test_a_plan_counts_the_signal(campaign: Campaign) -> None:
    without = plan(campaign.model_copy(update={"signal": None}))
    with_signal = plan(campaign)
    assert with_signal.particles_per_event > without.particles_per_event + 20
    assert with_signal.pool_core_hours > without.pool_core_hours == 0


@pytest.mark.parametrize(
    ("content", "message"), [(b"nothing of the kind", "HepMC"), (b"PAR1 and no more", "Parquet")]
)
def test_a_file_of_another_kind_is_refused(
    campaign: Campaign, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "signal").write_bytes(content)
    with pytest.raises(InputError, match=message):
        generate(campaign.model_copy(update={"signal": str(tmp_path / "signal")}), quiet)
    with pytest.raises(InputError, match=r"signal .*missing: cannot be read"):
        generate(campaign.model_copy(update={"signal": str(tmp_path / "missing")}), quiet)


def test_reading_back_keeps_the_columns(undisturbed: CampaignResult) -> None:
    path = next((Path(undisturbed.output) / "events").glob("*.parquet"))
    assert parquet.read(path).particle_mother_pdg is not None
