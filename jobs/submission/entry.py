"""What a job runs: `python -P -m monsoon.jobs.submission.entry VERB WORDS`, the verb once the pins hold."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence

from monsoon.jobs.submission.pins import PINS, flaws

UNUSABLE = 2
REMEDY = "install the same versions there, or submit with --install LOCK"


def main(words: Sequence[str]) -> int:
    """Run a verb where versions and code are those that were submitted; returns its exit code."""
    pins = json.loads(os.environ[PINS])
    code = pins.pop("code")
    found = flaws(pins)
    if not found:  # imported here: what is not installed is said in one line
        from monsoon.engine.remote.preflight import code_hash

        if code_hash() != code:
            found = ["another Monsoon is imported on the cluster than was sent"]
    if found:
        print(f"monsoon: {'; '.join(found)}; {REMEDY}", file=sys.stderr)
        return UNUSABLE
    from monsoon.jobs.cli import main as run

    return run(words)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what `monsoon stop` sends
    sys.exit(main(sys.argv[1:]))
