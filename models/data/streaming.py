"""Training input: shower files, partly in memory, in batches that do not depend on the number of workers.

A step's batch comes from a fixed number of lanes; every worker reads some of them. In each epoch the blocks
of all files are put in a random order, laid end to end, and cut into lanes of equal length. A lane goes
through its blocks in shuffle buffers of a few blocks each. All this follows from (seed, epoch, lane) alone:
any number of workers has the same batches, and to find those of a step no more than their buffers are read.
At most 2 * BUFFER_BLOCKS blocks of a lane are in memory: the buffer in use, and the next one, which a thread
reads ahead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.data.batches import GAMMA, Batch, mirrored_batch, mixed
from monsoon.models.data.joining import joined
from monsoon.models.data.shower_files import ShowerSet, extent, read_conditions, read_rows
from monsoon.models.errors import InputError
from monsoon.models.geometry.geometry import Geometry

LANES = 8
BLOCK_ROWS = 1000  # or the file's own chunk of rows, where that is larger
BUFFER_BLOCKS = 3
HASHED_BYTES = 1 << 24
ORDER, SHUFFLE, NOISE = 1, 2, 3  # what random numbers are for


class ShowerFiles:
    """Shower files laid end to end, read in parts.

    Parameters
    ----------
    files
        At least one; all have the same voxels.
    pdg
        The species, where a file has none.

    Attributes
    ----------
    rows : int
        Of all files.
    voxels : int
        Of every shower.
    has_weights : bool
        Whether any file has weights; in the others a row counts 1.
    blocks : ndarray
        int64 [B, 2], first row and end of the parts that are read together.

    Raises
    ------
    InputError
        Naming the file, if one cannot be used or they do not fit together.
    """

    def __init__(self, files: Sequence[str | Path], pdg: int | None = None) -> None:
        self._pdg = pdg
        if not files:
            raise InputError("no shower files; name at least one")
        self.files = tuple(Path(file) for file in files)
        extents = [extent(file) for file in self.files]
        for file, found in zip(self.files, extents, strict=True):
            if found.voxels is None:
                raise InputError(f"{file}: no dataset showers; give files with showers to train on")
            if found.voxels != extents[0].voxels:
                raise InputError(
                    f"{file}: showers has {found.voxels} voxels, {self.files[0]} has {extents[0].voxels}; "
                    "give files of one geometry"
                )
        self.voxels = int(extents[0].voxels or 0)
        self.has_weights = any(found.weighted for found in extents)
        self._ends = np.cumsum([found.rows for found in extents])
        self.rows = int(self._ends[-1])
        blocks = []
        for end, found in zip(self._ends, extents, strict=True):
            whole_chunks = max(BLOCK_ROWS // found.together, 1) * found.together
            edges = np.append(np.arange(end - found.rows, end, whole_chunks), end)
            blocks.append(np.stack([edges[:-1], edges[1:]], 1))
        self.blocks = np.concatenate(blocks)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over the bytes of all files, one after the other."""
        digest = hashlib.sha256()
        for path in self.files:
            with path.open("rb") as file:
                while piece := file.read(HASHED_BYTES):
                    digest.update(piece)
        return digest.hexdigest()

    @cached_property
    def species(self) -> tuple[int, ...]:
        """All PDG codes in the files, increasing."""
        found: set[int] = set()
        for path in self.files:
            found.update(torch.unique(read_conditions(path, pdg=self._pdg).pdg).tolist())
        return tuple(sorted(found))

    def read(self, start: int, stop: int) -> ShowerSet:
        """Read rows out of the files.

        Parameters
        ----------
        start, stop
            First row and end, counted over all files.

        Raises
        ------
        InputError
            If they cannot be used.
        """
        parts = []
        while start < stop:
            number = int(np.searchsorted(self._ends, start, side="right"))
            first = int(self._ends[number - 1]) if number else 0
            end = min(stop, int(self._ends[number]))
            parts.append(read_rows(self.files[number], start - first, end - first, self._pdg))
            start = end
        return joined(parts)

    def in_order(self, size: int, rank: int = 0, workers: int = 1) -> Iterator[Batch[ShowerSet]]:
        """Iterate over every row once, in batches.

        Nothing is mirrored, and a row's noise is the same every time: this is for validation.

        Parameters
        ----------
        size
            Rows of a batch; the last one may have fewer.
        rank, workers
            This worker has every `workers`-th batch, from number `rank` on.

        Raises
        ------
        InputError
            If rows cannot be used.
        """
        starts = range(rank * size, self.rows, workers * size)
        spans = [(start, min(start + size, self.rows)) for start in starts]
        with _Reader() as reader:
            read = reader.ahead(partial(self.read, *span) for span in spans)
            for (start, stop), rows in zip(spans, read, strict=True):
                yield Batch.of(rows, mixed(torch.arange(start, stop) * GAMMA))


class ShowerStream(ShowerFiles):
    """The batches of a training, without end; see the top of this file.

    An epoch has `steps_per_epoch` steps. Less than `batch + lanes` rows are left over, others in each epoch.

    Parameters
    ----------
    files
        Shower files.
    batch
        Rows of a step over all workers, a multiple of `lanes`.
    seed
        Of order, symmetries and noise.
    rank
        This worker's number out of `workers`.
    workers
        At most one a lane.
    lanes
        How many independent sequences of rows a step is made of.
    geometry
        The showers' voxels, if a random symmetry of theirs is to be applied to each row; None: rows stay as
        they are in the files.
    pdg
        The species, where a file has none.

    Raises
    ------
    InputError
        If the files or the numbers do not fit together.
    """

    def __init__(
        self,
        files: Sequence[str | Path],
        batch: int,
        *,
        seed: int,
        rank: int = 0,
        workers: int = 1,
        lanes: int = LANES,
        geometry: Geometry | None = None,
        pdg: int | None = None,
    ) -> None:
        super().__init__(files, pdg)
        self.geometry = geometry
        if geometry is not None and self.voxels != geometry.voxels:
            raise InputError(
                f"{self.files[0]}: showers has {self.voxels} voxels, {geometry.label} have "
                f"{geometry.voxels}; give showers of this geometry"
            )
        if batch < 1 or batch % lanes:
            raise InputError(f"batch: {batch} is not a multiple of {lanes}, the number of lanes")
        if workers > lanes:
            raise InputError(f"workers: {workers} are more than the {lanes} lanes of the input")
        if self.rows // lanes < batch // lanes:
            raise InputError(f"batch: {batch} is more than the {self.rows} rows there are to train on")
        self._seed, self._lanes = seed, lanes
        self._own = range(rank, lanes, workers)
        self._share = batch // lanes  # rows of a lane in a step
        self.steps_per_epoch = self.rows // lanes // self._share

    def batches(self, first_step: int = 0) -> Iterator[Batch[ShowerSet]]:
        """Iterate over this worker's part of each step's batch, without end.

        Parameters
        ----------
        first_step
            The step to begin with, from 0.

        Raises
        ------
        InputError
            If rows cannot be used.
        """
        with _Reader() as reader:
            lanes = [
                _Lane(reader.ahead(partial(self._fill, buffer) for buffer in self._buffers(lane, first_step)))
                for lane in self._own
            ]
            step = first_step
            while True:
                rows = joined([lane.take(self._share) for lane in lanes])
                seeds = torch.cat([self._row_seeds(step, lane) for lane in self._own])
                yield (
                    Batch.of(rows, seeds)
                    if self.geometry is None
                    else mirrored_batch(rows, seeds, self.geometry)
                )
                step += 1

    def _buffers(self, lane: int, step: int) -> Iterator[_ShuffleBuffer]:
        """A lane's shuffle buffers from a step on, without end."""
        epoch, within = divmod(step, self.steps_per_epoch)
        skipped = within * self._share
        while True:
            left = self.steps_per_epoch * self._share
            parts = self._parts(epoch, lane)
            for number, first in enumerate(range(0, len(parts), BUFFER_BLOCKS)):
                own = parts[first : first + BUFFER_BLOCKS]
                rows = min(left, int((own[:, 1] - own[:, 0]).sum()))
                if skipped < rows:
                    yield _ShuffleBuffer(own, (epoch, lane, number), skipped, rows)
                skipped = max(skipped - rows, 0)
                left -= rows
            epoch += 1

    def _parts(self, epoch: int, lane: int) -> NDArray[np.int64]:
        """First row and end of a lane's blocks, in order, int64 [P, 2]; the first and last may be cut."""
        blocks = self.blocks[self._random(ORDER, epoch).permutation(len(self.blocks))]
        ends = np.cumsum(blocks[:, 1] - blocks[:, 0])
        length = self.rows // self._lanes
        start, stop = lane * length, (lane + 1) * length
        first = int(np.searchsorted(ends, start, side="right"))
        last = int(np.searchsorted(ends, stop, side="left"))
        parts: NDArray[np.int64] = blocks[first : last + 1].copy()
        parts[-1, 1] -= ends[last] - stop
        parts[0, 0] = blocks[first, 1] - (ends[first] - start)
        return parts

    def _fill(self, buffer: _ShuffleBuffer) -> ShowerSet:
        """A buffer's rows, shuffled."""
        rows = joined([self.read(int(start), int(stop)) for start, stop in buffer.parts])
        order = torch.from_numpy(self._random(SHUFFLE, *buffer.key).permutation(len(rows)))
        return rows[order[buffer.skipped : buffer.rows]]

    def _row_seeds(self, step: int, lane: int) -> Tensor:
        first = int(self._random(NOISE, step, lane).integers(-(1 << 63), 1 << 63))
        return mixed(torch.arange(self._share) * GAMMA + first)

    def _random(self, *key: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, *key])


@dataclass(frozen=True)
class _ShuffleBuffer:
    """Blocks whose rows are shuffled together.

    Attributes
    ----------
    parts : ndarray
        int64 [P, 2], first row and end of each block.
    key : tuple of int
        Epoch, lane and number: they determine the shuffle.
    skipped : int
        The first of the shuffled rows that is used.
    rows : int
        The end of those that are used.
    """

    parts: NDArray[np.int64]
    key: tuple[int, int, int]
    skipped: int
    rows: int


class _Lane:
    """The rows of one lane, out of its shuffle buffers."""

    def __init__(self, buffers: Iterator[ShowerSet]) -> None:
        self._buffers = buffers
        self._left: list[ShowerSet] = []

    def take(self, count: int) -> ShowerSet:
        """The next rows."""
        taken = []
        while count:
            rows = self._left.pop() if self._left else next(self._buffers)
            taken.append(rows[:count])
            if len(rows) > count:
                self._left.append(rows[count:])
            count -= len(taken[-1])
        return joined(taken)


class _Reader:
    """A thread that reads ahead."""

    def __enter__(self) -> _Reader:
        self._thread = ThreadPoolExecutor(1)
        return self

    def __exit__(self, *_: Any) -> None:
        self._thread.shutdown(cancel_futures=True)

    def ahead(self, tasks: Iterable[Callable[[], ShowerSet]]) -> Iterator[ShowerSet]:
        """The tasks' results in order; one task more than was asked for is under way or done."""
        submitted: Iterator[Future[ShowerSet]] = (self._thread.submit(task) for task in tasks)
        return _one_ahead(submitted, next(submitted, None))


def _one_ahead(
    submitted: Iterator[Future[ShowerSet]], following: Future[ShowerSet] | None
) -> Iterator[ShowerSet]:
    while following is not None:
        rows = following.result()
        following = next(submitted, None)
        yield rows
