"""Campaigns of the calorimeter that has layers keep all that campaigns promise, on a real Ray."""

from __future__ import annotations

import signal
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import content_hash, event_hashes
from monsoon.engine.ledger.commits import Commit, Ledger
from monsoon.engine.ledger.geometry import CELLS
from monsoon.engine.ledger.shards import FORMATS
from monsoon.engine.records import Events, concatenate
from monsoon.engine.storage import open_store
from monsoon.jobs.cli import INTERRUPTED, main
from monsoon.jobs.generate import CampaignResult, generate
from monsoon.jobs.report.page import write_report
from monsoon.jobs.verify import verify
from monsoon.models.data.shower_files import read_rows, shower_writer
from monsoon.models.data.shower_geometry import named
from monsoon.models.geometry.stored import SHIPPED
from monsoon.models.records import Status
from monsoon.models.store.shipped import SIW

EVENTS = 60
pytestmark = [pytest.mark.usefixtures("cluster"), pytest.mark.services]


def quiet(line: str) -> None:
    """The plain lines are not looked at here."""


def asked(pool: Path, output: Path) -> Campaign:
    return Campaign(
        incidents=str(pool),
        mu=2.0,
        detector="forward-siw",
        model="siw",
        contributions=True,
        events=EVENTS,
        shard_events=20,
        workers=1,
        output=str(output),
    )


@pytest.fixture
def campaign(layered_pool: Path, tmp_path: Path) -> Campaign:
    return asked(layered_pool, tmp_path / "out")


@pytest.fixture(scope="module")
def undisturbed(layered_pool: Path, tmp_path_factory: pytest.TempPathFactory) -> CampaignResult:
    return generate(asked(layered_pool, tmp_path_factory.mktemp("undisturbed") / "out"), quiet)


@pytest.fixture(scope="module")
def events(undisturbed: CampaignResult) -> Events:
    files = sorted((Path(undisturbed.output) / "events").glob("*.parquet"))
    return concatenate([parquet.read(path) for path in files])


def test_events_do_not_depend_on_workers_shards_or_formats(
    campaign: Campaign, undisturbed: CampaignResult
) -> None:
    change = {"workers": 2, "cpus_per_worker": 0.5, "shard_events": 15, "formats": tuple(FORMATS)}
    outcome = generate(campaign.model_copy(update=change), quiet)
    assert outcome.content == undisturbed.content
    assert verify(outcome.output, quiet).good


def test_an_interrupted_campaign_is_resumed_to_the_same_events(
    campaign: Campaign, undisturbed: CampaignResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Ledger.commit

    def interrupted(ledger: Ledger, record: object) -> Commit:
        done = commit(ledger, record)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)
        return done

    words = [f"{key}={value}" for key, value in campaign.model_dump(exclude_defaults=True).items()]
    path = Path(campaign.output).parent / "campaign.yaml"
    path.write_text("{}")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", interrupted)
        assert main(["generate", str(path), *words]) == INTERRUPTED
    assert 0 < len(Ledger(open_store(campaign.output)).ranges()) < 3
    assert generate(campaign, quiet).content == undisturbed.content


def test_species_without_a_generator_are_told_before_the_work(campaign: Campaign) -> None:
    lines: list[str] = []
    generate(campaign, lines.append)
    assert lines[0].startswith("warning: model siw: has no generator for pion, pi-, K+, K-, K0L, proton")
    assert "muon" in lines[0]
    assert "electron" not in lines[0]


def test_verify_finds_what_was_written_and_what_was_damaged(
    campaign: Campaign, undisturbed: CampaignResult
) -> None:
    generate(campaign, quiet)
    assert verify(campaign.output, quiet).good
    file = next((Path(campaign.output) / "events").glob("*.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert verify(campaign.output, quiet).corrupt == 1


def test_the_hash_of_the_files_is_that_of_the_campaign(undisturbed: CampaignResult, events: Events) -> None:
    assert content_hash(event_hashes(events)) == undisturbed.content


def test_hits_lie_in_the_layers_and_cells_of_the_table(
    undisturbed: CampaignResult, events: Events, layered: Detector
) -> None:
    cells = pq.read_table(Path(undisturbed.output) / CELLS)
    assert len(cells) == layered.cells == 45 * 6956
    layer = cells["layer"].to_numpy()[events.hit_cell]
    energy = events.hit_energy_mev.astype(np.float64)
    assert np.array_equal(cells["mev_per_count"].to_numpy()[events.hit_cell] * events.hit_adc, energy)
    of_layer = np.bincount(layer, energy, 45)
    assert 6 <= of_layer.argmax() <= 16  # the maximum of electromagnetic showers of some GeV
    assert (of_layer[5:20] > 10 * of_layer[44]).all()
    assert cells["z_mm"].to_numpy()[events.hit_cell].max() <= 7000 + 45 * 3.4


def test_photons_and_positrons_are_made_by_electrons_and_nothing_else_is_made(events: Events) -> None:
    pdg, status = events.particle_pdg, events.particle_status
    inside = events.particle_energy_mev < 99_000
    assert set(status[np.isin(pdg, (22, -11)) & inside]) == {Status.REMAPPED}
    assert set(status[(pdg == 11) & inside]) <= {Status.SIMULATED}
    hadrons = ~np.isin(pdg, (22, 11, -11))
    assert hadrons.sum() > 100
    assert set(status[hadrons]) == {Status.NO_GENERATOR}


def test_contributions_say_which_shower_gave_what(events: Events, layered: Detector) -> None:
    """Each hit is the sum of them, within noise; each comes from a particle that has a generator."""
    assert events.contribution_offsets is not None
    assert events.contribution_hit is not None
    assert events.contribution_particle is not None
    assert events.contribution_energy_mev is not None
    event = np.repeat(np.arange(EVENTS), np.diff(events.contribution_offsets))
    hit = events.contribution_hit + events.hit_offsets[event]
    particle = events.contribution_particle + events.particle_offsets[event]
    assert set(events.particle_status[particle]) <= {Status.SIMULATED, Status.REMAPPED, 2}
    deposit = np.bincount(hit, events.contribution_energy_mev, len(events.hit_adc))
    assert (deposit > 0).all()  # noise alone makes no hit
    counts = (events.hit_energy_mev - deposit) / layered.mev_per_count[events.hit_cell]
    assert np.abs(counts).max() < 5
    assert counts.std() == pytest.approx(np.hypot(0.8, 12**-0.5), rel=0.1)
    given = np.bincount(particle, events.contribution_energy_mev, len(events.particle_pdg))
    made = given > 0
    response = given[made].sum() / events.particle_energy_mev[made].sum()
    assert 0.85 < response < 1  # what leaves the pads at hole and edge, and below threshold, is missing


def test_the_report_shows_projections_and_layers(undisturbed: CampaignResult, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    write_report(undisturbed.output, str(page))
    content = page.read_text()
    assert "energy summed over layers, over columns, and in each layer" in content
    assert "45 of 6\u202f956 cells, 1.7 to 151.3 mm behind the face" in content
    assert "No held-out Geant4 showers of this geometry" in content


def test_a_library_of_a_file_that_names_nothing_makes_the_events_of_one_that_does(
    layered_pool: Path, tmp_path: Path
) -> None:
    """The campaign says voxels and species; a campaign of other ones is another campaign."""
    showers = read_rows(SIW[0], 0, 200)
    bare, whole = tmp_path / "bare.h5", tmp_path / "whole.h5"
    with h5py.File(bare, "w") as file:
        file["incident_energies"] = showers.conditions.energy_mev.numpy()[:, None]
        file["showers"] = showers.showers.energy_mev.numpy()
    grid = SHIPPED["calochallenge-2"]()
    with shower_writer(whole, grid.voxels, named(grid)) as writer:
        writer.append(showers)
    few = {"events": 20, "contributions": False}
    first = asked(layered_pool, tmp_path / "whole").model_copy(update={**few, "model": str(whole)})
    told = {**few, "model": str(bare), "species": "electron", "geometry": "calochallenge-2"}
    second = asked(layered_pool, tmp_path / "bare").model_copy(update=told)
    with pytest.raises(InputError, match=r"bare\.h5: names no geometry of its 6480 voxels"):
        generate(second.model_copy(update={"geometry": None}), quiet)
    made = generate(second, quiet)
    assert made.content == generate(first, quiet).content
    with pytest.raises(InputError, match="was started with identity model"):
        generate(second.model_copy(update={"species": "photon", "events": 40}), quiet)
    page = tmp_path / "report.html"
    write_report(made.output, str(page), model=str(bare), species="electron", geometry="calochallenge-2")
    assert "bare.h5" in page.read_text()
