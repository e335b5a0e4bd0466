"""Showers as bytes: which voxels are hit, and their energies in 16 bits, deflated.

A library of showers is part of a model, and half the size of their shower file so. Energies keep eight
bits of their mantissa: they are rounded by 0.2 % at most. Bytes from elsewhere are not trusted.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import Tensor

from monsoon.models.kernels.gather import Images

DROPPED = 15  # bits of a float32 that are not kept, of 23 of the mantissa; its sign is not either
LEVEL = 6  # of deflate


def pack(images: Images, voxels: int) -> Tensor:
    """Pack sparse images.

    Parameters
    ----------
    images
        L images, no energy negative or zero.
    voxels
        Of an image, V.

    Returns
    -------
    Tensor
        uint8 [B].

    Examples
    --------
    >>> images = Images(torch.tensor([0, 1, 1]), torch.tensor([2], dtype=torch.int32), torch.tensor([0.7]))
    >>> unpack(pack(images, 3), 2, 3).energy
    tensor([0.6992])
    """
    count = len(images.offsets) - 1
    hit = np.zeros((count, voxels), np.bool_)
    hit[np.repeat(np.arange(count), np.diff(images.offsets.numpy())), images.voxel.numpy()] = True
    bits = images.energy.numpy().view(np.uint32).astype(np.uint64)
    code = np.maximum((bits + (1 << (DROPPED - 1))) >> DROPPED, 1).astype(np.uint16)  # a hit stays one
    # exponents and mantissas apart: the former deflate to a half, the latter not at all
    parts = [np.packbits(hit, axis=1), (code >> 8).astype(np.uint8), (code & 255).astype(np.uint8)]
    packed = zlib.compress(b"".join(part.tobytes() for part in parts), LEVEL)
    return torch.frombuffer(bytearray(packed), dtype=torch.uint8)


def unpack(packed: Tensor, count: int, voxels: int) -> Images:
    """Unpack what `pack` made of `count` images.

    Raises
    ------
    ValueError
        If the bytes are not those of so many images of so many voxels.
    """
    mask = -(-voxels // 8) * count
    largest = mask + 2 * voxels * count
    try:
        content = zlib.decompressobj().decompress(packed.numpy().tobytes(), largest + 1)
    except zlib.error as error:
        raise ValueError(f"the packed showers are damaged: {error}") from error
    if len(content) < mask:
        raise ValueError("the packed showers are fewer than there should be")
    whole = np.frombuffer(content, np.uint8)
    bits = np.unpackbits(whole[:mask]).view(np.bool_)  # nonzero of truths is ten times that of numbers
    image, voxel = np.divmod(np.flatnonzero(bits), max(-(-voxels // 8) * 8, 1))
    hits = len(image)
    if (voxel >= voxels).any() or len(content) != mask + 2 * hits:
        raise ValueError("the packed showers do not have the energies of their hits")
    high, low = whole[mask : mask + hits], whole[mask + hits :]
    code = (high.astype(np.uint32) << 8) | low
    energy = (code << DROPPED).view(np.float32)
    if not (np.isfinite(energy) & (energy > 0)).all():
        raise ValueError("the packed showers have energies that are none")
    offsets = np.zeros(count + 1, np.int64)
    offsets[1:] = np.cumsum(np.bincount(image, minlength=count))
    return Images(
        torch.from_numpy(offsets), torch.from_numpy(voxel.astype(np.int32)), torch.from_numpy(energy)
    )
