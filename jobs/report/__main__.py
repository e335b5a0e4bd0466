"""`python -m jobs.report`: the verb `report`."""

from __future__ import annotations

import sys

from jobs.cli import main

sys.exit(main(["report", *sys.argv[1:]]))
