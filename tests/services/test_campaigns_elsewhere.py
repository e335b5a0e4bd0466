"""Whole campaigns whose inputs and output are on servers: the same commands, the same events."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from monsoon.engine.campaign import ShardMaker, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.formats.schema import content_hash, event_hashes
from monsoon.engine.incidents.parquet import read_incidents
from monsoon.engine.ledger.commits import CAMPAIGN, COMMITS, EVENTS, Ledger
from monsoon.engine.ledger.manifest import read_manifest
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.loading import load
from monsoon.engine.storage import Store, open_store
from monsoon.jobs.cli import DONE, UNUSABLE, VERDICT_FAILED, main
from monsoon.jobs.generate import KEPT_IN_STORE, MADE_IN_STORE
from monsoon.jobs.sample import sample
from monsoon.models.data.shower_files import read_showers
from monsoon.models.store.checkpoint import CHECKPOINTS, TRAINED
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import load_suite
from tests.conftest import ray_for_tests
from tests.fuzz.corpus.tables import column, first_particle


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[None]:
    """A Ray that has the servers' addresses and keys from its environment."""
    for server in ("s3_server", "xrootd_server"):
        with suppress(pytest.skip.Exception):  # not installed: the tests that need it are skipped
            request.getfixturevalue(server)
    with ray_for_tests():
        yield


def upload(path: Path, url: str, name: str) -> str:
    store = open_store(url)
    store.probe()
    with store.attempt(name) as attempt:
        attempt.write_bytes(path.read_bytes())
        store.publish_over(attempt, name)
    return f"{store.url}/{name}"


@pytest.mark.usefixtures("cluster")
def test_a_campaign_on_a_server_is_the_campaign_here(
    url: str, pool: Path, tmp_path: Path, detector: Detector, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made, grown, damaged, mended and reported; the detector and the incidents come from there too."""
    shipped = Path(sys.modules[Detector.__module__].__file__ or "").parent / "lhcb-ecal.yaml"
    there = {
        "incidents": upload(pool, url, "pool.parquet"),
        "detector": upload(shipped, url, "detector.yaml"),
        "output": f"{url}/out",
        "model": "library",
    }
    words = [f"{key}={value}" for key, value in there.items()]
    words += ["mu=1.5", "shard_events=20", "workers=1", "formats=[parquet, root]"]
    assert main(["generate", "run3", "events=40", *words]) == DONE
    assert capsys.readouterr().out.endswith(f"events: {there['output']}\n")
    assert main(["generate", "run3", "events=60", *words]) == DONE
    store = open_store(there["output"])
    assert Ledger(store).ranges() == [EventRange(first, first + 19) for first in (0, 20, 40)]

    campaign = Campaign(
        incidents=str(pool), model="library", mu=1.5, events=60, output=str(tmp_path / "here")
    )
    maker = ShardMaker(
        resolve(campaign, str(tmp_path / "here"), str(pool), load_suite(campaign.model), detector)
    )
    here = content_hash(event_hashes(maker.events(maker.incidents(EventRange(0, 59)))))
    assert read_manifest(store)["content"] == here
    assert main(["verify", store.url]) == DONE

    damaged = next(file.url for file in Ledger(store).record(EventRange(20, 39)).files)
    store.replace(damaged, b"torn")
    assert main(["verify", store.url]) == VERDICT_FAILED
    assert main(["generate", "run3", "events=60", *words, "repair=true"]) == DONE
    assert main(["verify", "--clean", store.url]) == DONE
    assert read_manifest(store)["content"] == here
    assert len(list(store.list(EVENTS))) == 6
    assert len(list(store.list(COMMITS))) == 3
    assert main(["report", store.url, "--detector", there["detector"]]) == DONE
    assert store.read("report.html").startswith(b"<!DOCTYPE html>")


def test_a_model_on_a_server_is_the_model_here(url: str, tmp_path: Path) -> None:
    """A library and a trained one, in one suite; the conditions come from there too."""
    for name in TRAINED:
        upload(CHECKPOINTS / "flow-hadrons" / name, f"{url}/flow", name)
    showers = SAMPLES / "egamma-heldout.h5"
    library = upload(showers, url, "library.h5")
    out = {"there": tmp_path / "there.h5", "here": tmp_path / "here.h5"}
    sample(f"{library},{url}/flow", library, str(out["there"]))
    sample(f"{showers},{CHECKPOINTS / 'flow-hadrons'}", str(showers), str(out["here"]))
    there, here = (read_showers(path).showers.energy_mev for path in out.values())
    assert torch.equal(there, here)
    suite, _ = load(f"{library},{url}/flow", "clamp", "lhcb-ecal")
    assert {22, 211} <= set(suite.species)
    with pytest.raises(InputError, match=r"flow/model\.json: cannot be read"):
        sample(f"{url}/absent/flow", library, str(tmp_path / "x.h5"))


def held(store: Store) -> dict[str, bytes]:
    """Every file of a campaign's output, with its content."""
    folders = ("", *(name.rstrip("/") for name in (*MADE_IN_STORE, *KEPT_IN_STORE) if name.endswith("/")))
    names = {f"{folder}/{entry.name}".lstrip("/") for folder in folders for entry in store.list(folder)}
    return {name: store.read(name) for name in names}


def test_a_refused_campaign_leaves_a_server_as_it_was(url: str, pool: Path, tmp_path: Path) -> None:
    """Refused once the ledger is open, as the event asked for has a particle of negative energy."""
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(column("energy_mev", first_particle(-1.0))(pool.read_bytes()))
    event = int(read_incidents(bad, strict=False).event_of_particle[0])
    words = ["generate", "run3", "model=library", "mu=null", "events=40", f"output={url}/out"]
    alone = [*words, f"incidents={bad}", f"only={event}"]
    assert main(alone) == UNUSABLE
    store = open_store(f"{url}/out")
    assert held(store) == {}
    assert main([*alone[:-1], f"only={event + 1}"]) == DONE
    before = held(store)
    assert CAMPAIGN in before
    assert main(alone) == UNUSABLE  # what was made before stays
    assert main([*words, f"incidents={pool}", "seed=5"]) == UNUSABLE  # another campaign
    assert held(store) == before


def test_a_server_that_is_not_there_is_one_line(
    dead_port: int, tmp_path: Path, pool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for output in (f"root://127.0.0.1:{dead_port}//out", "s3://", "gs://bucket/out", "zip::s3://bucket/out"):
        words = [f"incidents={pool}", "mu=1.5", f"output={output}"]
        assert main(["generate", "run3", *words]) == UNUSABLE
        assert capsys.readouterr().err.count("\n") == 1
