"""`python -m monsoon VERB`: the command line, wherever the console script is not on the path."""

from monsoon.jobs.cli import run

run()
