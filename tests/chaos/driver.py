"""`python -m tests.chaos.driver FOLDER`: runs `monsoon` commands of a folder in forks of itself.

It has imported what they import: starting anew would cost each of them seconds. They obey orders, as workers.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import monsoon.engine.remote.loop
import monsoon.jobs.generate
import monsoon.jobs.verify
from monsoon.jobs.cli import run
from tests.chaos.commands import serve
from tests.chaos.hook import install

LOADED = (monsoon.engine.remote.loop, monsoon.jobs.generate, monsoon.jobs.verify)  # before hooks go in

if __name__ == "__main__":
    words = serve(Path(sys.argv[1]))
    if words:  # in a fork
        sys.argv = ["monsoon", *words]
        # whatever a shell starts in its background ignores Ctrl-C, and so would its forks
        signal.signal(signal.SIGINT, signal.default_int_handler)
        install()
        run()
