"""The input's batches are the same for any number of workers and any start, and hold every row as it was."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from monsoon.models.data.batches import Batch, mirrored
from monsoon.models.data.shower_files import ShowerSet, read_conditions, read_showers
from monsoon.models.data.shower_rows import ShowerRows
from monsoon.models.data.streaming import BLOCK_ROWS, BUFFER_BLOCKS, LANES, RowFiles, RowStream
from monsoon.models.errors import InputError
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.planar import Planar
from monsoon.models.store.shipped import SAMPLES

SHIPPED = [SAMPLES / "egamma-heldout.h5", SAMPLES / "hadrons-heldout.h5"]
VOXELS = 4


def write(path: Path, rows: int, first: int = 0, **changed: Any) -> Path:
    """A small file whose row i has the energy first + i + 1, which names it, everywhere."""
    name = np.arange(first + 1, first + rows + 1, dtype=np.float32)
    columns: dict[str, Any] = {
        "incident_energies": name[:, None],
        "showers": np.repeat(name[:, None], VOXELS, 1),
        "incident_pdg": np.full(rows, 22),
    } | changed
    with h5py.File(path, "w") as file:
        for key, column in columns.items():
            if column is not None:
                file.create_dataset(key, data=column)
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Seven files of different lengths, 50 300 rows, every row of another energy."""
    folder, first, files = tmp_path_factory.mktemp("many"), 0, []
    for number, rows in enumerate([9_000, 100, 20_000, 1, 13_700, 7_000, 499]):
        files.append(write(folder / f"{number}.h5", rows, first))
        first += rows
    return files


def stream(
    files: Sequence[Path], batch: int = 256, seed: int = 1, geometry: Geometry | None = None, **more: Any
) -> RowStream[ShowerSet]:
    return RowStream(files, ShowerRows(geometry), batch, seed=seed, **more)


def steps(of: RowStream[ShowerSet], count: int, first: int = 0) -> list[Batch[ShowerSet]]:
    return list(islice(of.batches(first), count))


def names(batches: Sequence[Batch[ShowerSet]]) -> list[float]:
    return torch.cat([batch.rows.conditions.energy_mev for batch in batches]).tolist()


def columns(batch: Batch[ShowerSet]) -> Tensor:
    """All that a step has of each row, noise too, the rows in the order of their seeds."""
    c = batch.rows.conditions
    noise = Batch(batch.rows, batch.weight, batch.seeds, batch.symmetry).normal(3)
    known = [c.pdg[:, None], c.energy_mev[:, None], c.direction, c.offset_mm, batch.weight[:, None]]
    table = torch.cat([*known, batch.rows.showers.energy_mev, noise], 1)
    return table[torch.argsort(batch.seeds)]


def equal(a: Sequence[Batch[ShowerSet]], b: Sequence[Batch[ShowerSet]]) -> bool:
    return all(torch.equal(columns(x), columns(y)) for x, y in zip(a, b, strict=True))


def equal_to_parts(whole: Batch[ShowerSet], parts: Sequence[Batch[ShowerSet]]) -> bool:
    """Whether several workers' parts make up a global batch."""
    table = torch.cat([columns(part) for part in parts])
    order = torch.argsort(torch.cat([part.seeds.sort().values for part in parts]))
    return torch.equal(columns(whole), table[order])


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_a_step_has_the_same_rows_symmetries_and_noise_for_any_number_of_workers(workers: int) -> None:
    alone = steps(stream(SHIPPED, geometry=Planar()), 3, first=100)
    assert [len(batch) for batch in alone] == [256] * 3
    shared = [
        steps(stream(SHIPPED, geometry=Planar(), rank=rank, workers=workers), 3, first=100)
        for rank in range(workers)
    ]
    for whole, *parts in zip(alone, *shared, strict=True):
        assert equal_to_parts(whole, parts)


@pytest.mark.parametrize("first", [1, 57, 200])
def test_a_stream_that_starts_at_a_step_goes_on_as_one_that_came_there(many: list[Path], first: int) -> None:
    """Within a buffer, in a later one, and in the second epoch."""
    files = stream(many)
    assert files.steps_per_epoch < 200
    assert equal(steps(files, first + 3)[first:], steps(files, 3, first))


def test_an_epoch_has_every_row_once_but_for_less_than_a_batch(many: list[Path]) -> None:
    files = stream(many, batch=512)
    for epoch in range(2):
        seen = names(steps(files, files.steps_per_epoch, epoch * files.steps_per_epoch))
        assert len(set(seen)) == len(seen)
        assert set(seen) <= set(range(1, files.rows + 1))
        assert files.rows - len(seen) < 512 + LANES


def test_rows_that_one_epoch_leaves_out_are_in_the_next_ones(many: list[Path]) -> None:
    files = stream(many, batch=8 * 1000)
    seen = [set(names(steps(files, files.steps_per_epoch, e * files.steps_per_epoch))) for e in range(4)]
    assert all(len(epoch) == 48_000 for epoch in seen)
    assert len(set.union(*seen)) > 50_290


def test_order_differs_from_epoch_to_epoch_and_seed_to_seed(many: list[Path]) -> None:
    files = stream(many)
    first = names(steps(files, 1))
    assert first != names(steps(files, 1, files.steps_per_epoch))
    assert first != names(steps(stream(many, seed=2), 1))
    assert first == names(steps(stream(many), 1))


def test_a_batch_is_from_all_over_the_files(many: list[Path]) -> None:
    blocks = {int(name - 1) // BLOCK_ROWS for name in names(steps(stream(many), 1))}
    assert len(blocks) >= LANES * (BUFFER_BLOCKS - 1)


def test_every_row_keeps_its_conditions_and_image_and_goes_through_one_symmetry() -> None:
    files, known = [SAMPLES / "egamma-heldout.h5"], read_showers(SAMPLES / "egamma-heldout.h5")
    row_of = {energy: row for row, energy in enumerate(known.conditions.energy_mev.tolist())}
    batch = next(stream(files, geometry=Planar()).batches())
    rows = known[torch.tensor([row_of[energy] for energy in names([batch])])]
    fits = []
    for g in range(8):
        moved = mirrored(rows, torch.full((256,), g), Planar())
        same = (moved.showers.energy_mev == batch.rows.showers.energy_mev).all(1)
        same &= (moved.conditions.offset_mm == batch.rows.conditions.offset_mm).all(1)
        fits.append(same & (moved.conditions.direction == batch.rows.conditions.direction).all(1))
    fit = torch.stack(fits)
    assert (fit.sum(0) == 1).all()
    assert (fit.sum(1) > 10).all()  # all eight, 32 of each on average
    assert torch.equal(fit.int().argmax(0), batch.symmetry)
    assert torch.equal(rows.conditions.pdg, batch.rows.conditions.pdg)


def test_weights_reach_the_batch_and_are_one_where_a_file_has_none(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.h5", 1000)
    weights = -np.arange(1001, 2001, dtype=np.float64)
    weighted = write(tmp_path / "weighted.h5", 1000, 1000, weights=weights)
    files = stream([plain, weighted])
    assert files.has_weights
    assert not stream([plain]).has_weights
    for batch in steps(files, 3):
        name = batch.rows.conditions.energy_mev
        assert torch.equal(batch.weight, torch.where(name > 1000, -name, 1.0))


def test_nothing_before_a_step_is_read_to_start_there(many: list[Path], tmp_path: Path) -> None:
    """A row that cannot be used stops who needs it, is named, and disturbs nobody else."""
    files = stream(many)
    bad_name = int(names(steps(files, 1))[0])
    number = int(np.searchsorted(np.cumsum([9_000, 100, 20_000, 1, 13_700, 7_000]), bad_name - 1, "right"))
    first = int(read_conditions(many[number]).energy_mev[0])
    spoilt = list(many)
    rows = RowFiles([many[number]], ShowerRows()).rows
    image = np.repeat(np.arange(first, first + rows, dtype=np.float32)[:, None], VOXELS, 1)
    image[bad_name - first, 2] = np.nan
    spoilt[number] = write(tmp_path / "spoilt.h5", rows, first - 1, showers=image)
    with pytest.raises(InputError, match=rf"spoilt.h5: showers row {bad_name - first} is not finite"):
        steps(stream(spoilt), 1)
    later = files.steps_per_epoch - 2
    assert equal(steps(stream(spoilt), 2, later), steps(files, 2, later))


def test_validation_reads_every_row_in_order_shared_by_workers(many: list[Path]) -> None:
    files = RowFiles(many, ShowerRows())
    alone = list(files.in_order(700))
    assert names(alone) == list(range(1, files.rows + 1))
    assert {len(batch) for batch in alone[:-1]} == {700}
    for workers in (2, 3):
        shared = [list(files.in_order(700, rank, workers)) for rank in range(workers)]
        assert equal(alone, [shared[number % workers][number // workers] for number in range(len(alone))])
    assert list(files.in_order(100_000, rank=1, workers=2)) == []


def test_blocks_are_whole_chunks_of_the_files(tmp_path: Path) -> None:
    with h5py.File(write(tmp_path / "x.h5", 5000, showers=None), "a") as file:
        file.create_dataset("showers", data=np.ones((5000, VOXELS)), chunks=(300, 2))
    blocks = RowFiles([tmp_path / "x.h5", SAMPLES / "egamma-heldout.h5"][:1], ShowerRows()).blocks
    assert blocks[:, 0].tolist() == [0, 900, 1800, 2700, 3600, 4500]
    assert blocks[:, 1].tolist() == [900, 1800, 2700, 3600, 4500, 5000]


def test_a_part_of_the_rows_is_what_is_trained_on(many: list[Path]) -> None:
    whole, part = set(names(list(RowFiles(many, ShowerRows()).in_order(1000)))), stream(many, part=10_000)
    seen = names(steps(part, part.steps_per_epoch))
    assert len(set(seen)) == len(seen) == part.steps_per_epoch * 256
    assert set(seen) <= set(names(list(part.in_order(1000)))) < whole
    assert len(names(list(part.in_order(1000)))) == 10_000
    assert (
        names(list(stream(many, part=10_000, rank=1, workers=2).in_order(1000)))[:9]
        == names(list(part.in_order(1000)))[:9]
    )


BAD: list[tuple[str, Callable[[Path], Any], str]] = [
    ("no file", lambda _: stream([]), "no files"),
    ("absent", lambda at: stream([at / "absent.h5"]), "absent.h5: no such file"),
    (
        "voxels",
        lambda at: stream([write(at / "a.h5", 500), write(at / "b.h5", 9, showers=np.ones((9, 5)))]),
        "b.h5: showers has 5 voxels, .*a.h5 has 4",
    ),
    ("no showers", lambda at: stream([write(at / "a.h5", 500, showers=None)]), "a.h5: no dataset showers"),
    ("grid", lambda at: stream([write(at / "a.h5", 500)], geometry=Planar()), "a.h5: showers has 4 voxels"),
    ("part", lambda at: stream([write(at / "a.h5", 500)], part=501), "rows: 501 of 500 that there are"),
    ("batch", lambda at: stream([write(at / "a.h5", 500)], batch=100), "batch: 100 is not a multiple of 8"),
    ("workers", lambda at: stream([write(at / "a.h5", 500)], workers=9), "workers: 9 are more than the 8"),
    (
        "hardly a row",
        lambda at: stream([write(at / "a.h5", 7)], batch=8),
        "train: 7 rows to train on; give at",
    ),
    ("few rows", lambda at: stream([write(at / "a.h5", 500)], batch=504), "batch: 504 is more than the 500"),
    (
        "species",
        lambda at: steps(stream([write(at / "a.h5", 500, incident_pdg=None)]), 1),
        "a.h5: no dataset incident_pdg",
    ),
]


@pytest.mark.parametrize(("use", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_files_that_do_not_fit_are_named(tmp_path: Path, use: Callable[[Path], Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        use(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_memory_does_not_follow_the_size_of_the_files(tmp_path: Path) -> None:
    """7 GB of showers without energy, 7 MB on the disk: each chunk is the same compressed zeros."""
    rows, voxels = 2_000_000, 900
    with h5py.File(tmp_path / "large.h5", "w") as file:
        for name, shape, fill in (
            ("incident_energies", (rows, 1), 1000.0),
            ("showers", (rows, voxels), 0.0),
            ("incident_pdg", (rows,), 22),
        ):
            chunk = np.full((1000, *shape[1:]), fill, "f4")
            dataset = file.create_dataset(name, shape, "f4", chunks=chunk.shape, compression="gzip")
            packed = zlib.compress(chunk.tobytes(), 4)
            for first in range(0, rows, len(chunk)):
                dataset.id.write_direct_chunk((first, *[0] * (len(shape) - 1)), packed)
    program = (
        "import re, sys\n"
        "from monsoon.models.data.shower_rows import ShowerRows\n"
        "from monsoon.models.data.streaming import RowStream\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024\n"
        "before = peak()\n"
        "batches = RowStream([sys.argv[1]], ShowerRows(), 8000, seed=1).batches(100)\n"
        "for _ in range(4): next(batches)\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "large.h5")],
        capture_output=True,
        text=True,
        check=True,
    )
    buffers = 2 * BUFFER_BLOCKS * LANES * BLOCK_ROWS * voxels * 4 / 2**20  # 165 MiB
    assert buffers / 2 < int(done.stdout) < 3 * buffers


def test_a_replica_has_as_many_rows_drawn_again_in_their_blocks_by_its_number(many: list[Path]) -> None:
    """In an epoch each as often as it was drawn, for any number of workers, and again when all are read."""
    files = stream(many, batch=512, bootstrap=3)
    drawn = sorted(names(list(files.in_order(4096))))
    assert len(drawn) == files.rows
    assert 0.62 < len(set(drawn)) / len(drawn) < 0.645  # 1 - 1/e
    epoch = names(steps(files, files.steps_per_epoch))
    left = Counter(drawn)
    left.subtract(epoch)
    assert min(left.values()) >= 0
    assert sum(left.values()) < 512 + LANES
    parts = [steps(stream(many, batch=512, bootstrap=3, rank=rank, workers=2), 1)[0] for rank in (0, 1)]
    assert equal_to_parts(steps(files, 1)[0], parts)
    assert sorted(names(list(stream(many, batch=512, bootstrap=4).in_order(4096)))) != drawn
