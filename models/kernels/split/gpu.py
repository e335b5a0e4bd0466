"""`split` in Triton: a program for a few showers, whose open nodes lie on a stack of its own.

It takes a block of nodes from the top, of any showers and depths, evaluates the network for all of them in
matrix products, and puts their children back. Nodes with hit pixels on one side alone never come there.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn import functional

from monsoon.models.kernels.counted import Counted
from monsoon.models.kernels.counted.gpu import arguments, uniform
from monsoon.models.kernels.launch import launch
from monsoon.models.kernels.spline.gpu import invert
from monsoon.models.kernels.split import LARGEST_SCALE, REACH, SplitNetwork

SHOWERS, BLOCK = 4, 32  # of a program; nodes that are worked out together
CHUNK = 16  # hidden units that are added up together
LEAST = 4  # of a part of the outputs: a matrix product wants 16 columns
BOUND: tl.constexpr = tl.constexpr(REACH)
FARTHEST: tl.constexpr = tl.constexpr(88.0)  # exp of more is infinite
LARGEST: tl.constexpr = tl.constexpr(LARGEST_SCALE)


@triton.jit
def _side(whole: tl.tensor, child: tl.tensor, leaf: tl.tensor) -> tl.tensor:
    """Sums below one child of every node, from what the nodes themselves have, or the leaf has."""
    return tl.where(child < 0, leaf, tl.gather(whole, tl.maximum(child, 0), 0))


@triton.jit
def _below(
    hit: tl.tensor,
    usual: tl.tensor,
    children: tl.tensor,
    count: tl.tensor,
    weight: tl.tensor,
    voxels: tl.tensor,
    nodes: tl.tensor,
    NODES: tl.constexpr,
) -> None:
    """Hit pixels below the children of every node, int32 [N, M, 2], and their usual energies.

    All nodes add up their children again and again, until nothing changes: as often as trees are deep.
    """
    n = tl.program_id(0).to(tl.int64)
    node = tl.arange(0, NODES)
    there = node < nodes
    left = tl.load(children + 2 * node, there, -1)
    right = tl.load(children + 2 * node + 1, there, -1)
    left_leaf, right_leaf = there & (left < 0), there & (right < 0)
    left_lit = tl.load(hit + n * voxels - 1 - left, left_leaf, 0).to(tl.int32)
    right_lit = tl.load(hit + n * voxels - 1 - right, right_leaf, 0).to(tl.int32)
    left_usual = tl.load(usual - 1 - left, left_leaf, 0.0) * left_lit.to(tl.float32)
    right_usual = tl.load(usual - 1 - right, right_leaf, 0.0) * right_lit.to(tl.float32)
    c, w = tl.zeros((NODES,), tl.int32), tl.zeros((NODES,), tl.float32)
    changed = 1
    while changed > 0:
        c_new = _side(c, left, left_lit) + _side(c, right, right_lit)
        w_new = _side(w, left, left_usual) + _side(w, right, right_usual)
        changed = tl.max(((c_new != c) | (w_new != w)).to(tl.int32), 0)
        c, w = c_new, w_new
    at = n * 2 * nodes + 2 * node
    tl.store(count + at, _side(c, left, left_lit), there)
    tl.store(count + at + 1, _side(c, right, right_lit), there)
    tl.store(weight + at, _side(w, left, left_usual), there)
    tl.store(weight + at + 1, _side(w, right, right_usual), there)


@triton.jit
def _settled(
    node: tl.tensor, n: tl.tensor, some: tl.tensor, children: tl.tensor, count: tl.tensor, nodes: tl.tensor
) -> tl.tensor:
    """Go down from nodes to where energy divides, or to a pixel."""
    moving = some & (node >= 0)
    while tl.max(moving.to(tl.int32), 0) > 0:
        at = (n * nodes + node) * 2
        first = tl.load(count + at, moving, 1)
        second = tl.load(count + at + 1, moving, 1)
        moving = moving & ((first == 0) | (second == 0))
        node = tl.where(moving, tl.load(children + 2 * node + (first == 0).to(tl.int32), moving, 0), node)
        moving = moving & (node >= 0)
    return node


@triton.jit
def _put(
    node: tl.tensor,
    n: tl.tensor,
    sector: tl.tensor,
    e: tl.tensor,
    some: tl.tensor,
    top: tl.tensor,
    stack_n: tl.tensor,
    stack_sector: tl.tensor,
    stack_node: tl.tensor,
    stack_energy: tl.tensor,
    image: tl.tensor,
    voxels: tl.tensor,
    children: tl.tensor,
    count: tl.tensor,
    nodes: tl.tensor,
) -> tl.tensor:
    """Give pixels their energy and put nodes on the stack; where its top is then."""
    some = some & (e > 0)
    node = _settled(node, n, some, children, count, nodes)
    tl.store(image + n * voxels + (-1 - node), e, some & (node < 0))
    open_ = some & (node >= 0)
    place = top + tl.cumsum(open_.to(tl.int32), 0) - 1
    tl.store(stack_n + place, n.to(tl.int32), open_)
    tl.store(stack_sector + place, sector, open_)
    tl.store(stack_node + place, node, open_)
    tl.store(stack_energy + place, e, open_)
    return top + tl.sum(open_.to(tl.int32), 0)


@triton.jit
def _split(
    energy: tl.tensor,
    roots: tl.tensor,
    children: tl.tensor,
    first: tl.tensor,
    of_node: tl.tensor,
    of_sector: tl.tensor,
    second: tl.tensor,
    second_bias: tl.tensor,
    last: tl.tensor,
    last_bias: tl.tensor,
    noise: tl.tensor,
    stride: tl.tensor,
    event: tl.tensor,
    index: tl.tensor,
    key: tl.tensor,
    stream: tl.tensor,
    number: tl.tensor,
    count: tl.tensor,
    weight: tl.tensor,
    stack_n: tl.tensor,
    stack_sector: tl.tensor,
    stack_node: tl.tensor,
    stack_energy: tl.tensor,
    image: tl.tensor,
    showers: tl.tensor,
    voxels: tl.tensor,
    nodes: tl.tensor,
    sectors: tl.tensor,
    SHOWERS: tl.constexpr,
    HIDDEN: tl.constexpr,
    CHUNK: tl.constexpr,
    BINS: tl.constexpr,
    K: tl.constexpr,
    BLOCK: tl.constexpr,
    COUNTED: tl.constexpr,
) -> None:
    own = tl.program_id(0).to(tl.int64) * SHOWERS
    bottom = own * nodes
    top = bottom
    lane = tl.arange(0, BLOCK)
    unit, k = tl.arange(0, HIDDEN), tl.arange(0, K)
    start = 0
    while start < SHOWERS * sectors:
        root = start + lane
        n = own + root // sectors
        sector = root % sectors
        some = (root < SHOWERS * sectors) & (n < showers)
        e = tl.load(energy + n * sectors + sector, some, 0.0)
        node = tl.load(roots + sector, some, 0)
        top = _put(
            node,
            n,
            sector,
            e,
            some,
            top,
            stack_n,
            stack_sector,
            stack_node,
            stack_energy,
            image,
            voxels,
            children,
            count,
            nodes,
        )
        start += BLOCK
    tl.debug_barrier()  # what one thread puts another one takes
    while top > bottom:
        low = tl.maximum(top - BLOCK, bottom)
        place = low + lane
        some = place < top
        n = tl.load(stack_n + place, some, 0).to(tl.int64)
        sector = tl.load(stack_sector + place, some, 0)
        node = tl.load(stack_node + place, some, 0)
        e = tl.load(stack_energy + place, some, 1.0)
        at = (n * nodes + node) * 2
        log_0 = tl.log(tl.load(count + at, some, 1).to(tl.float32))
        log_1 = tl.log(tl.load(count + at + 1, some, 1).to(tl.float32))
        prior = tl.log(tl.load(weight + at, some, 1.0)) - tl.log(tl.load(weight + at + 1, some, 1.0))
        log_e = tl.log(e)
        inner = tl.zeros((BLOCK, HIDDEN), tl.float32)
        for chunk in tl.range(0, HIDDEN, CHUNK, num_stages=1):
            i = chunk + tl.arange(0, CHUNK)
            x = tl.load(of_node + node[:, None] * HIDDEN + i[None, :])
            x += tl.load(of_sector + (n * sectors + sector)[:, None] * HIDDEN + i[None, :])
            x += log_e[:, None] * tl.load(first + i)[None, :]
            x += log_0[:, None] * tl.load(first + HIDDEN + i)[None, :]
            x += log_1[:, None] * tl.load(first + 2 * HIDDEN + i)[None, :]
            x += prior[:, None] * tl.load(first + 3 * HIDDEN + i)[None, :]
            matrix = tl.load(second + i[:, None] * HIDDEN + unit[None, :])
            inner = tl.dot(tl.maximum(x, 0.0), matrix, inner, input_precision="tf32x3")
        inner = tl.maximum(inner + tl.load(second_bias + unit)[None, :], 0.0)
        columns = tl.arange(0, 4 * K)
        out = tl.dot(
            inner, tl.load(last + unit[:, None] * (4 * K) + columns[None, :]), input_precision="tf32x3"
        )
        out += tl.load(last_bias + columns)[None, :]
        # four parts of K columns each: [B, 2, 2, K] with the last two axes first
        parts = tl.permute(tl.reshape(out, (BLOCK, 2, 2, K)), (0, 3, 2, 1))
        sizes, others = tl.split(parts)
        widths, heights = tl.split(sizes)
        slopes, moves = tl.split(others)
        shift = tl.sum(tl.where(k[None, :] == 0, moves, 0.0), 1)
        scale = tl.sum(tl.where(k[None, :] == 1, moves, 0.0), 1)
        scale = tl.exp(tl.minimum(tl.maximum(scale, -LARGEST), LARGEST))
        u = uniform(noise, stride, event, index, key, stream, number, n, node, some, COUNTED)
        y = tl.log(u / (1 - u))[:, None]
        drawn = tl.sum(invert(y, widths, heights, slopes, k[None, :], BOUND, BINS), 1)
        part = e / (1 + tl.exp(tl.minimum(-(prior + shift + scale * drawn), FARTHEST)))
        tl.debug_barrier()  # all have taken theirs before any is put
        top = low
        for side in tl.static_range(2):
            child = tl.load(children + 2 * node + side, some, 0)
            top = _put(
                child,
                n,
                sector,
                part if side == 0 else e - part,
                some,
                top,
                stack_n,
                stack_sector,
                stack_node,
                stack_energy,
                image,
                voxels,
                children,
                count,
                nodes,
            )
        tl.debug_barrier()


def _padded(network: SplitNetwork, width: int, bins: int, block: int) -> SplitNetwork:
    """The network with `width` hidden units, and outputs in four parts of `block` columns.

    The parts are widths, heights, slopes, and shift and scale; what is added is zero.
    """
    more = width - network.node.shape[1]
    first, node, sector = (functional.pad(part, (0, more)) for part in network[:3])
    second, second_bias = (
        functional.pad(network.second, (0, more, 0, more)),
        functional.pad(network[4], (0, more)),
    )
    last = functional.pad(network.last, (0, 0, 0, more))
    moves, *parts = torch.split(torch.cat([last, network.last_bias[None]]), [2, bins, bins, bins - 1], 1)
    out = torch.cat([functional.pad(part, (0, block - part.shape[1])) for part in (*parts, moves)], 1)
    return SplitNetwork(first, node, sector, second, second_bias, out[:-1], out[-1])


def split(
    energy: Tensor,
    hit: Tensor,
    usual: Tensor,
    roots: Tensor,
    children: Tensor,
    network: SplitNetwork,
    noise: Tensor | Counted,
) -> Tensor:
    """Divide the energy of N showers' sectors among their hit pixels; see the reference.

    Counted noise is made as it is used.
    """
    device, (showers, voxels) = energy.device, hit.shape
    nodes, hidden = network.node.shape
    bins = (len(network.last_bias) - 1) // 3
    block, width = triton.next_power_of_2(bins), max(triton.next_power_of_2(hidden), CHUNK)
    padded = _padded(network, width, bins, max(block, LEAST))
    image = torch.zeros(showers, voxels, device=device)
    count = torch.empty(showers, nodes, 2, dtype=torch.int32, device=device)
    weight = torch.empty(showers, nodes, 2, device=device)
    leaves = (hit.to(torch.int8).contiguous(), usual.contiguous(), children.contiguous())
    sizes = (voxels, nodes)
    launch(_below, showers, *leaves, count, weight, *sizes, NODES=triton.next_power_of_2(nodes))
    programs = -(-showers // SHOWERS)
    room = programs * SHOWERS * nodes
    stack = [torch.empty(room, dtype=torch.int32, device=device) for _ in range(3)]
    launch(
        _split,
        programs,
        *(part.detach().contiguous() for part in (energy, roots, children, *padded)),
        *arguments(noise),
        count,
        weight,
        *stack,
        torch.empty(room, device=device),
        image,
        showers,
        voxels,
        nodes,
        len(roots),
        SHOWERS=SHOWERS,
        HIDDEN=width,
        CHUNK=CHUNK,
        BINS=bins,
        K=max(block, LEAST),
        BLOCK=BLOCK,
        COUNTED=isinstance(noise, Counted),
    )
    return image
