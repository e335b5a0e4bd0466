"""`python -m jobs.bench`: the verb `bench`."""

from __future__ import annotations

import sys

from jobs.cli import main

sys.exit(main(["bench", *sys.argv[1:]]))
