"""`make ahead`: compile every Triton kernel for sm_80 and sm_90, and write the table of what they need.

The exit code is 3 where one has a stack frame, as spilled registers make it.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import triton

import monsoon
from tests.ahead.compiling import Needs, name_of, needs
from tests.ahead.launches import all_launches

ROOT = Path(monsoon.__file__).parent
TABLE = Path(__file__).parent / "TABLE.md"
HEAD = """# Triton kernels, compiled ahead of time

Written by `make ahead` with triton {version}, of sources {digest}.
Registers are of a thread, shared memory is of a program, in bytes. Spilled registers lie on a thread's stack:
more than none fails.

| kernel | sm | warps | registers | shared | stack |
|---|---|---|---|---|---|
"""


def digest() -> str:
    """Of the sources of all Triton kernels, and of what they are launched on."""
    sources = sorted([*ROOT.glob("*/kernels/*/gpu.py"), ROOT / "tests" / "ahead" / "launches.py"])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def line(need: Needs) -> str:
    """Its line of Markdown."""
    columns = (need.name, need.architecture, need.warps, need.registers, need.shared, need.stack)
    return f"| {' | '.join(map(str, columns))} |\n"


def main() -> int:
    """Compile, write the table, and say which kernels have a stack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="kernels whose names begin so; the table is not written")
    only = parser.parse_args().only
    found = needs(one for one in all_launches() if name_of(one.kernel).startswith(only))
    lines = "".join(map(line, found))
    print(lines, end="")
    if not only:
        TABLE.write_text(HEAD.format(version=triton.__version__, digest=digest()) + lines)
    bad = [need for need in found if need.stack]
    for need in bad:
        print(f"{need.name}: {need.stack} bytes of stack on sm_{need.architecture}")
    return 3 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
