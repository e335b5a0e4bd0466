"""Compile what the kernels' wrappers launch, and read what the machine code needs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from monsoon.models.kernels.launch import Launch

ARCHITECTURES = (80, 90)  # A100; H100 and H200
TYPES = {
    torch.float32: "fp32",
    torch.float64: "fp64",
    torch.int8: "i8",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.uint8: "u8",
    torch.uint32: "u32",
    torch.bool: "i1",
}
USAGE = re.compile(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)")


class Needs(NamedTuple):
    """What a compiled kernel needs.

    Attributes
    ----------
    name : str
        Of the kernel.
    architecture : int
        80 is sm_80.
    warps : int
        Of a program.
    registers : int
        Of a thread.
    shared : int
        Bytes of shared memory of a program.
    stack : int
        Bytes of a thread's stack frame, spilled registers among them.
    """

    name: str
    architecture: int
    warps: int
    registers: int
    shared: int
    stack: int


def name_of(kernel: Any) -> str:
    """Its room and name, such as `place._place`."""
    return f"{kernel.fn.__module__.split('.')[-2]}.{kernel.fn.__name__}"


def compiled(launch: Launch, architecture: int) -> Needs:
    """Compile one launch for an architecture, with the types that its arguments have.

    Parameters
    ----------
    launch
        Of a kernel that is not interpreted.
    architecture
        80 for sm_80.
    """
    names = launch.kernel.arg_names
    given = dict(zip(names, launch.arguments, strict=False))
    signature = {name: _type(given[name]) if name in given else "constexpr" for name in names}
    aligned = [i for i, name in enumerate(names) if isinstance(given.get(name), Tensor)]
    attributes = {(i,): [["tt.divisibility", 16]] for i in aligned}
    source = ASTSource(launch.kernel, signature, launch.constants, attributes)
    target = GPUTarget("cuda", architecture, 32)
    built = triton.compile(source, target=target, options={"num_warps": launch.warps})
    registers, stack, _, local = _usage(built.asm["cubin"])
    shared = built.metadata.shared
    return Needs(name_of(launch.kernel), architecture, launch.warps, registers, shared, stack + local)


def needs(launches: Iterable[Launch]) -> list[Needs]:
    """Compile each different launch for all architectures, by name."""
    once = {(name_of(one.kernel), str(one.constants)): one for one in launches}
    work = [(one, architecture) for one in once.values() for architecture in ARCHITECTURES]
    return sorted(compiled(*one) for one in work)


def _type(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"*{TYPES[value.dtype]}"
    if isinstance(value, float):
        return "fp32"
    return "i32" if -(1 << 31) <= value < 1 << 31 else "i64"


def _usage(cubin: bytes) -> tuple[int, ...]:
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        words = [str(tool), "--dump-resource-usage", str(path)]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found = USAGE.search(said)
    assert found, said
    return tuple(int(word) for word in found.groups())
