"""Showers as few bytes: hits voxel by voxel, and energies in 256 logarithmic steps, by LZMA.

Where a shower has hundreds of hits in layers, each may be off by a few per cent: sums of them are not.
Showers that follow each other in energy have alike hits in a voxel, which LZMA finds; they take about half of
what `packing` makes of them. Inside its step an energy is put at random, always at the same place, so that
spectra have no gaps. Bytes from elsewhere are not trusted.
"""

from __future__ import annotations

import lzma
import struct

import numpy as np
import torch
from torch import Tensor

from monsoon.models.kernels.gather import Images
from monsoon.models.kernels.splitmix import GAMMA, mixed, uniform

HEADER = struct.Struct("<ff")  # ln(energy / MeV) at the lower end of code 0, and the step
CODES = 256
LARGEST_STEP = 0.5
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 4, "lp": 0, "pb": 0}]
MEMORY = 1 << 27  # bytes that LZMA may take to unpack


def compact(images: Images, voxels: int, step: float) -> Tensor:
    """Pack sparse images; see `loose`.

    Parameters
    ----------
    images
        L images, no energy negative or zero; alike ones should follow each other.
    voxels
        Of an image, V.
    step
        Of the logarithm of the energy, up to LARGEST_STEP. Energies that lie more than 256 steps below the
        largest are raised to that.

    Returns
    -------
    Tensor
        uint8 [B].
    """
    count = len(images.offsets) - 1
    image = np.repeat(np.arange(count), np.diff(images.offsets.numpy()))
    logs = np.log(images.energy.numpy().astype(np.float64))
    low = 0.0
    if len(logs):
        low = float(np.float32(max(logs.min(), logs.max() - (CODES - 1) * step)))
    code = np.clip((logs - low) / float(np.float32(step)), 0, CODES - 1).astype(np.uint8)
    order = np.lexsort((image, images.voxel.numpy()))
    hit = np.zeros((voxels, count), np.bool_)
    hit[images.voxel.numpy(), image] = True
    content = HEADER.pack(low, step) + np.packbits(hit, axis=1).tobytes() + code[order].tobytes()
    packed = lzma.compress(content, lzma.FORMAT_XZ, filters=FILTERS)
    return torch.frombuffer(bytearray(packed), dtype=torch.uint8)


def loose(packed: Tensor, count: int, voxels: int) -> Images:
    """Unpack what `compact` made of `count` images.

    Raises
    ------
    ValueError
        If the bytes are not those of so many images of so many voxels.
    """
    mask = HEADER.size + -(-count // 8) * voxels
    try:
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)
        content = decompressor.decompress(packed.numpy().tobytes(), mask + voxels * count + 1)
    except lzma.LZMAError as error:
        raise ValueError(f"the packed showers are damaged: {error}") from error
    if len(content) < mask or not decompressor.eof:
        raise ValueError("the packed showers are fewer or more than there should be")
    low, step = HEADER.unpack_from(content)
    if not (0 < step <= LARGEST_STEP and -100 < low < 88 - CODES * step):
        raise ValueError("the packed showers have energies that are none")
    whole = np.frombuffer(content, np.uint8)
    bits = np.unpackbits(whole[HEADER.size : mask].reshape(voxels, -(-count // 8)), axis=1)
    voxel, image = np.nonzero(bits)
    if (image >= count).any() or len(content) != mask + len(image):
        raise ValueError("the packed showers do not have the energies of their hits")
    order = np.lexsort((voxel, image))
    code = torch.from_numpy(whole[mask:][order].astype(np.float64))
    inside = uniform(mixed(torch.arange(len(code)) * GAMMA)).double()
    offsets = np.zeros(count + 1, np.int64)
    offsets[1:] = np.cumsum(np.bincount(image, minlength=count))
    return Images(
        torch.from_numpy(offsets),
        torch.from_numpy(voxel[order].astype(np.int32)),
        torch.exp(low + step * (code + inside)).float(),
    )
