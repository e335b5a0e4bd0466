"""Peers of networks give what ours give."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from monsoon.jobs.bench import convolutions, couplings
from monsoon.jobs.bench.benchmark import ABSENT, OURS, measure
from monsoon.jobs.bench.couplings import COUPLINGS, PEERS, PRODUCTS, Asked, asked, near, sampled
from monsoon.models.data.shower_files import read_showers
from monsoon.models.store.shipped import LIBRARY


@pytest.fixture(scope="module")
def given() -> Asked:
    return asked(9)


def test_couplings_are_timed_beside_their_products(given: Asked) -> None:
    rows = {row.provider: row for row in measure(couplings.benchmark(given, 1))}
    assert rows[OURS].n == rows[PRODUCTS].n == 9
    assert rows[PRODUCTS].check == "-"
    assert rows[PRODUCTS].p50
    assert all(row.check == "ok" for name, row in rows.items() if name not in (OURS, PRODUCTS))


def test_contexts_are_those_of_sampling(given: Asked) -> None:
    assert given.context.shape[0] == given.noise.shape[0] == 9
    assert len(torch.unique(given.context, dim=0)) == 9


def test_the_products_are_all_of_the_conditioners(given: Asked) -> None:
    maps = couplings.linear_maps(given.couplings)
    assert len(maps) == 3 * len(given.couplings)
    assert couplings.products(given)().shape == (9, maps[-1].out_features)


@pytest.mark.parametrize("name", PEERS)
def test_libraries_of_flows_give_our_coordinates(name: str, given: Asked) -> None:
    pytest.importorskip(name)
    from importlib import import_module

    peer = import_module(f"monsoon.jobs.bench.peers.{name}_couplings")
    ours = sampled(given.couplings, given.noise, given.context)
    for draw in peer.samplers(given.couplings).values():
        with torch.no_grad():
            theirs = draw(given.noise, given.context)
        assert near(ours, theirs)
        assert not near(ours, theirs + 0.01)


def test_packages_that_are_not_installed_have_rows(given: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couplings, "find_spec", lambda name: None if name in PEERS else find_spec(name))
    monkeypatch.setattr(couplings, "asked", lambda rows: given)
    (rows,) = couplings.benchmarks(quick=True)
    absent = {row.provider for row in rows if row.check == ABSENT}
    assert absent == set(PEERS)
    assert {row.stage for row in rows} == {COUPLINGS}


@pytest.mark.slow
def test_a_convolutional_generator_gives_the_same_images_however_it_is_run(tmp_path: Path) -> None:
    sample = read_showers(LIBRARY[0])[slice(0, 200)]
    model = convolutions.with_weights(sample, width=16)
    assert all(parameter.any() for parameter in model.parameters())
    rows = measure(convolutions.benchmark(model, sample.conditions[:4], tmp_path, 1))
    names = [row.provider for row in rows]
    assert names[:3] == [OURS, convolutions.HALF, f"{convolutions.EAGER}, batches of 4"]
    assert {row.check for row in rows} == {"ok"}


def test_other_images_are_noticed() -> None:
    images = torch.rand(3, 900)
    assert convolutions.near(images, images)
    assert not convolutions.near(images, images.roll(1, 1))
