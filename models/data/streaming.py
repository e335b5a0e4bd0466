"""Training input: files of rows, partly in memory, in batches that do not depend on the number of workers.

A step's batch comes from a fixed number of lanes; every worker reads some of them. In each epoch the blocks
of all files are put in a random order, laid end to end, and cut into lanes of equal length. A lane goes
through its blocks in shuffle buffers of a few blocks each. All this follows from (seed, epoch, lane) alone:
any number of workers has the same batches, and to find those of a step no more than their buffers are read.
At most 2 * BUFFER_BLOCKS blocks of a lane are in memory: the buffer in use, and the next one, which a thread
reads ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.data.batches import Batch, R
from monsoon.models.data.extent import Extent
from monsoon.models.errors import InputError
from monsoon.models.kernels.splitmix import GAMMA, mixed

T = TypeVar("T")
LANES = 8
BLOCK_ROWS = 1000  # or the file's own chunk of rows, where that is larger
BUFFER_BLOCKS = 3
ORDER, SHUFFLE, NOISE, PART, BOOTSTRAP = 1, 2, 3, 4, 5  # what random numbers are for


class Kind(Protocol[R]):
    """How files of one kind are read, and what becomes of their rows in a training."""

    def extents(self, files: Sequence[Path]) -> list[Extent]:
        """How large files are. Raises InputError where one cannot be used, or they do not fit together."""
        ...

    def read(self, path: Path, start: int, stop: int) -> R:
        """Rows of one file. Raises InputError where they cannot be used."""
        ...

    def joined(self, parts: Sequence[R]) -> R:
        """The rows of all parts, end to end."""
        ...

    def batch(self, rows: R, seeds: Tensor) -> Batch[R]:
        """Training rows as they are seen: int64 [N] seeds determine what is random about it."""
        ...


class RowFiles(Generic[R]):
    """Files of rows laid end to end, read in parts.

    Parameters
    ----------
    files
        At least one.
    kind
        How they are read.

    Attributes
    ----------
    rows : int
        Of all files.
    has_weights : bool
        Whether any file has weights; in the others a row counts 1.
    blocks : ndarray
        int64 [B, 2], first row and end of the parts that are read together.

    Raises
    ------
    InputError
        Naming the file, if one cannot be used or they do not fit together.
    """

    def __init__(self, files: Sequence[str | Path], kind: Kind[R]) -> None:
        if not files:
            raise InputError("no files; name at least one")
        self.files, self.kind = tuple(Path(file) for file in files), kind
        extents = kind.extents(self.files)
        self.has_weights = any(found.weighted for found in extents)
        self._ends = np.cumsum([found.rows for found in extents])
        self.rows = int(self._ends[-1])
        blocks = []
        for end, found in zip(self._ends, extents, strict=True):
            whole_chunks = max(BLOCK_ROWS // found.together, 1) * found.together
            edges = np.append(np.arange(end - found.rows, end, whole_chunks), end)
            blocks.append(np.stack([edges[:-1], edges[1:]], 1))
        self.blocks = np.concatenate(blocks)

    def read(self, start: int, stop: int) -> R:
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
            parts.append(self.kind.read(self.files[number], start - first, end - first))
            start = end
        return self.kind.joined(parts)

    def in_order(self, size: int, rank: int = 0, workers: int = 1) -> Iterator[Batch[R]]:
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
            read = reader.ahead(partial(self._span, *span) for span in spans)
            for (start, stop), rows in zip(spans, read, strict=True):
                yield Batch.of(rows, mixed(torch.arange(start, stop) * GAMMA))

    def _span(self, start: int, stop: int) -> R:
        """Rows by their place in the blocks, which are all rows of the files or a part of them."""
        ends = np.cumsum(self.blocks[:, 1] - self.blocks[:, 0])
        parts = []
        while start < stop:
            number = int(np.searchsorted(ends, start, side="right"))
            end = min(stop, int(ends[number]))
            shift = int(self.blocks[number, 1] - ends[number])
            parts.append(self.read(start + shift, end + shift))
            start = end
        return self.kind.joined(parts)


class RowStream(RowFiles[R]):
    """The batches of a training, without end; see the top of this file.

    An epoch has `steps_per_epoch` steps. Less than `batch + lanes` rows are left over, others in each epoch.

    Parameters
    ----------
    files
        At least one.
    kind
        How they are read, and what becomes of their rows.
    batch
        Rows of a step over all workers, a multiple of `lanes`.
    seed
        Of order, noise and whatever `kind` draws.
    rank
        This worker's number out of `workers`.
    workers
        At most one a lane.
    lanes
        How many independent sequences of rows a step is made of.
    part
        Rows that the training has: blocks drawn at random, whole but for the last; None: all.
    bootstrap
        Number of a replica, whose rows are drawn again with replacement, block by block; None: each row once.

    Raises
    ------
    InputError
        If the files or the numbers do not fit together.
    """

    def __init__(
        self,
        files: Sequence[str | Path],
        kind: Kind[R],
        batch: int,
        *,
        seed: int,
        rank: int = 0,
        workers: int = 1,
        lanes: int = LANES,
        part: int | None = None,
        bootstrap: int | None = None,
    ) -> None:
        super().__init__(files, kind)
        self._bootstrap = bootstrap
        if part is not None:
            self._keep(part, seed)
        if self.rows < lanes:
            raise InputError(f"train: {self.rows} rows to train on; give at least {lanes}")
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

    def batches(self, first_step: int = 0) -> Iterator[Batch[R]]:
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
                _Lane(
                    self.kind,
                    reader.ahead(partial(self._fill, buffer) for buffer in self._buffers(lane, first_step)),
                )
                for lane in self._own
            ]
            step = first_step
            while True:
                rows = self.kind.joined([lane.take(self._share) for lane in lanes])
                seeds = torch.cat([self._row_seeds(step, lane) for lane in self._own])
                yield self.kind.batch(rows, seeds)
                step += 1

    def read(self, start: int, stop: int) -> R:
        """Read rows of one block: of a bootstrap replica those that were drawn in their place."""
        if self._bootstrap is None:
            return super().read(start, stop)
        inside = (self.blocks[:, 0] <= start) & (start < self.blocks[:, 1])
        first, end = self.blocks[int(inside.argmax())].tolist()
        rng = np.random.default_rng([self._bootstrap, BOOTSTRAP, first])
        drawn = rng.integers(0, end - first, end - first)[start - first : stop - first]
        return super().read(first, end)[torch.from_numpy(drawn)]

    def _keep(self, part: int, seed: int) -> None:
        """Make the training one of fewer rows. Raises InputError where there are not so many."""
        if not 0 < part <= self.rows:
            raise InputError(f"rows: {part} of {self.rows} that there are; give at least 1 and at most all")
        order = np.random.default_rng([seed, PART]).permutation(len(self.blocks))
        ends = np.cumsum(np.diff(self.blocks[order])[:, 0])
        kept = order[: int(np.searchsorted(ends, part)) + 1]
        self.blocks = self.blocks[kept]
        self.blocks[-1, 1] -= ends[len(kept) - 1] - part
        self.rows = part

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

    def _fill(self, buffer: _ShuffleBuffer) -> R:
        """A buffer's rows, shuffled."""
        rows = self.kind.joined([self.read(int(start), int(stop)) for start, stop in buffer.parts])
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


class _Lane(Generic[R]):
    """The rows of one lane, out of its shuffle buffers."""

    def __init__(self, kind: Kind[R], buffers: Iterator[R]) -> None:
        self._kind, self._buffers = kind, buffers
        self._left: list[R] = []

    def take(self, count: int) -> R:
        """The next rows."""
        taken = []
        while count:
            rows = self._left.pop() if self._left else next(self._buffers)
            taken.append(rows[:count])
            if len(rows) > count:
                self._left.append(rows[count:])
            count -= len(taken[-1])
        return self._kind.joined(taken)


class _Reader:
    """A thread that reads ahead."""

    def __enter__(self) -> _Reader:
        self._thread = ThreadPoolExecutor(1)
        return self

    def __exit__(self, *_: Any) -> None:
        self._thread.shutdown(cancel_futures=True)

    def ahead(self, tasks: Iterable[Callable[[], T]]) -> Iterator[T]:
        """The tasks' results in order; one task more than was asked for is under way or done."""
        submitted: Iterator[Future[T]] = (self._thread.submit(task) for task in tasks)
        return _one_ahead(submitted, next(submitted, None))


def _one_ahead(submitted: Iterator[Future[T]], following: Future[T] | None) -> Iterator[T]:
    while following is not None:
        rows = following.result()
        following = next(submitted, None)
        yield rows
