"""`python -m tests.chaos.driver generate ...`: `monsoon generate ...`, obeying orders as its workers do."""

from __future__ import annotations

from jobs.cli import run
from tests.chaos.hook import install

if __name__ == "__main__":
    install()
    run()
