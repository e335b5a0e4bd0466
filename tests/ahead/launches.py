"""Every operation's Triton kernels, launched on inputs of the shipped models' and detector's sizes."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.engine.kernels.digitise import Tables
from monsoon.engine.kernels.dispatch import ATTRIBUTE, DIGITISE, DIGITISE_DEPOSITS, PHILOX, PLACE
from monsoon.models.kernels.counted import Counted
from monsoon.models.kernels.dispatch import GATHER, HITS, INVERSE_SPLINE, SPLINE, SPLIT, TRANSPORT
from monsoon.models.kernels.gather import Images
from monsoon.models.kernels.hits import HitNetwork
from monsoon.models.kernels.launch import Launch, written_down
from monsoon.models.kernels.split import SplitNetwork
from monsoon.models.kernels.transport import Asked, Stored, Usual

N, VOXELS, CELLS, NODES, SECTORS, RANK, HITS_HIDDEN, SPLIT_HIDDEN, BINS = (
    4,
    900,
    6016,
    851,
    24,
    48,
    192,
    48,
    8,
)
LIBRARY = Images(torch.zeros(3, dtype=torch.int64), torch.zeros(1, dtype=torch.int32), torch.zeros(1))
PERMUTATIONS = torch.arange(VOXELS).repeat(8, 1)


def whole(*shape: int) -> Tensor:
    """Zeros, int64."""
    return torch.zeros(*shape, dtype=torch.int64)


def of_events() -> None:
    """Launch the kernels of events."""
    images = torch.zeros(N, 30, 30), whole(N), whole(N), whole(N), torch.zeros(376, 448, dtype=torch.uint32)
    PHILOX.by("cuda")(whole(N, 4), (1, 1 << 31))
    PLACE.by("cuda")(*images, 1, CELLS)
    ATTRIBUTE.by("cuda")(*images, torch.zeros(1, CELLS, dtype=torch.int32))
    tables = Tables(
        whole(CELLS),
        torch.zeros(CELLS),
        73_574,
        whole(456, 75),
        torch.zeros(4096, dtype=torch.int32),
        torch.zeros(2, 4096, dtype=torch.int32),
        1,
        1,
        4,
        4095,
        (2, 3, 4),
    )
    for light in (tables, tables._replace(photons_per_unit=0)):
        DIGITISE.by("cuda")(torch.zeros(1, CELLS, dtype=torch.int32), whole(1), (1, 1 << 31), light)
        DIGITISE_DEPOSITS.by("cuda")(whole(2), whole(0), whole(0), whole(1), (1, 1 << 31), light)


def of_generators() -> None:
    """Launch the kernels of generators."""
    GATHER.by("cuda")(LIBRARY, whole(N), PERMUTATIONS, whole(N), torch.zeros(N))
    raw = torch.zeros(N, 3 * BINS - 1, requires_grad=True)
    INVERSE_SPLINE.by("cuda")(torch.zeros(N), raw.detach(), 6.0)
    value, log_slope = SPLINE.by("cuda")(torch.zeros(N), raw, 6.0)
    (value.sum() + log_slope.sum()).backward()
    hidden, near = HITS_HIDDEN, torch.zeros(VOXELS, 33, dtype=torch.int32)
    weights = (torch.zeros(VOXELS, hidden), torch.zeros(VOXELS, hidden), near, torch.zeros(VOXELS, 33))
    network = HitNetwork(torch.zeros(N, VOXELS), torch.zeros(N, hidden), *weights)
    counted = Counted(1 << 62, whole(N), whole(N), 1 << 24, 2)
    HITS.by("cuda")(network, torch.zeros(N, VOXELS))
    HITS.by("cuda")(network, counted)
    hidden, out = SPLIT_HIDDEN, 3 * BINS + 1
    shapes = ((4, hidden), (NODES, hidden), (N, SECTORS, hidden), (hidden, hidden), (hidden,), (hidden, out))
    divided = SplitNetwork(*(torch.zeros(shape) for shape in shapes), torch.zeros(out))
    energies = torch.zeros(N, SECTORS), torch.zeros(N, VOXELS, dtype=torch.bool), torch.zeros(VOXELS)
    trees = torch.zeros(SECTORS, dtype=torch.int32), torch.zeros(NODES, 2, dtype=torch.int32)
    for noise in (torch.zeros(N, NODES), counted):
        SPLIT.by("cuda")(*energies, *trees, divided, noise)
    TRANSPORT.by("cuda")(
        Stored(LIBRARY, torch.zeros(1), torch.zeros(2), torch.zeros(2, RANK)),
        Asked(whole(N), whole(N), torch.zeros(N, RANK), torch.zeros(N, RANK), torch.zeros(N), whole(N)),
        PERMUTATIONS,
        torch.arange(VOXELS).repeat(8, 1) >= 59,
        Usual(*(torch.zeros(RANK, VOXELS), torch.zeros(VOXELS)) * 2, torch.zeros(8, 64)),
    )


def all_launches() -> list[Launch]:
    """What the wrappers of all operations launch."""
    with written_down() as launches:
        of_events()
        of_generators()
    return launches
