"""What is read of a campaign."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.formats.parquet import read
from monsoon.engine.ledger.commits import COMMITS
from monsoon.engine.ledger.manifest import MANIFEST
from monsoon.engine.storage import open_store
from monsoon.jobs.report.sample import (
    KINDS,
    kind_of,
    particles_per_event,
    read_sample,
    remapped,
    typical_event,
)
from monsoon.models.records import Status


def test_the_first_events_are_those_of_the_shards(campaign: Path) -> None:
    whole = read_sample(open_store(campaign)).events
    first = read(campaign / "events" / "events-000000000000-000000000019.parquet")
    assert whole.event.tolist() == list(range(40))
    assert whole.hit_energy_mev[: len(first.hit_energy_mev)].tolist() == first.hit_energy_mev.tolist()


@pytest.mark.parametrize("wanted", [1, 20, 27])
def test_only_as_many_events_are_kept_as_are_wanted(campaign: Path, wanted: int) -> None:
    whole, part = read_sample(open_store(campaign)).events, read_sample(open_store(campaign), wanted).events
    assert len(part) == wanted
    for group, lengths in (
        ("hit", "hit_cell"),
        ("particle", "particle_pdg"),
        ("contribution", "contribution_hit"),
    ):
        offsets = getattr(part, f"{group}_offsets")
        assert offsets.tolist() == getattr(whole, f"{group}_offsets")[: wanted + 1].tolist()
        assert len(getattr(part, lengths)) == offsets[-1]


def test_every_particle_is_of_one_kind(campaign: Path) -> None:
    events = read_sample(open_store(campaign)).events
    assert particles_per_event(events).sum(1).tolist() == np.diff(events.particle_offsets).tolist()


def test_kinds_go_by_species_and_charge() -> None:
    codes = np.array([22, 11, -11, 13, -13, 211, -2212, 321, 130, 2112, 3122])
    names = [KINDS[kind] for kind in kind_of(codes)]
    assert names == [
        "photons",
        *["electrons"] * 2,
        *["muons"] * 2,
        *["charged hadrons"] * 3,
        *["neutral hadrons"] * 3,
    ]


def test_remapped_species_add_up_and_name_their_stand_in(campaign: Path) -> None:
    events = read_sample(open_store(campaign)).events
    rows = remapped(events)
    assert sum(count for _, _, count in rows) == (events.particle_status == Status.REMAPPED).sum() > 0
    assert (3122, 2112) in {(pdg, known) for pdg, known, _ in rows}
    assert (-11, 11) in {(pdg, known) for pdg, known, _ in rows}


def test_the_typical_event_has_about_the_median_number_of_hits(campaign: Path) -> None:
    events = read_sample(open_store(campaign)).events
    hits = np.diff(events.hit_offsets)
    distance = np.abs(hits - np.median(hits))
    assert distance[typical_event(events)] <= np.sort(distance)[2]


@pytest.mark.parametrize("broken", ["no manifest", "manifest cut", "no events", "shard cut"])
def test_what_cannot_be_read_is_named(campaign: Path, tmp_path: Path, broken: str) -> None:
    copy = Path(shutil.copytree(campaign, tmp_path / "copy"))
    shard = copy / "events" / "events-000000000000-000000000019.parquet"
    if broken == "no manifest":
        (copy / MANIFEST).unlink()
    elif broken == "manifest cut":
        (copy / MANIFEST).write_text("{")
    elif broken == "no events":
        shutil.rmtree(copy / COMMITS)
    else:
        shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(InputError, match=shard.name if broken == "shard cut" else "copy"):
        read_sample(open_store(copy))
