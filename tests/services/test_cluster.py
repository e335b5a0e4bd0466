"""A Ray of our own: guarded by a token of its own, of which nothing remains."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import os, ray
from monsoon.engine.remote.cluster import connected

names = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN")
tokens = []
for _ in range(2):
    with connected(None):
        assert os.environ["RAY_AUTH_MODE"] == "token"
        tokens.append(os.environ["RAY_AUTH_TOKEN"])
        task = ray.remote(lambda: 3)
        assert ray.get(task.options(num_cpus=1).remote()) == 3
    assert not set(names) & set(os.environ)
assert len(set(tokens)) == 2 and all(len(token) == 64 for token in tokens)
"""


def test_each_ray_of_one_process_has_a_token_and_leaves_none_in_the_environment() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_AUTH")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
