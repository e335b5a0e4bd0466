"""`python -m jobs.bench`: the same as `monsoon bench`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.errors import InputError
from jobs.bench.run import bench


def main() -> int:
    """Exit code: 0 done, 2 unusable input, 3 a peer disagrees or a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m jobs.bench", description="Stages against their peers.")
    parser.add_argument("--quick", action="store_true", help="smaller inputs: under two minutes")
    parser.add_argument("--check", action="store_true", help="print a line for every bar; exit 3 on a miss")
    parser.add_argument("--csv", type=Path, help="append the rows here, not to the repository's history")
    arguments = parser.parse_args()
    try:
        return bench(arguments.quick, arguments.check, arguments.csv)
    except InputError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
