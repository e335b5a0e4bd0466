"""A Prometheus that scrapes what Ray says is to be scraped, and is asked in its own language."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services.namespaces import Machine

Ask = Callable[[Sequence[str]], dict[str, list[float]]]
CONFIGURATION = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: ray
    file_sd_configs: [{{files: [{discovery}], refresh_interval: 1s}}]
"""
ASKS = """
import json, sys
from urllib.parse import urlencode
from urllib.request import urlopen

found = {}
for query in json.load(sys.stdin):
    answer = json.load(urlopen("http://127.0.0.1:9090/api/v1/query?" + urlencode({"query": query})))
    found[query] = [float(series["value"][1]) for series in answer["data"]["result"]]
print(json.dumps(found))
"""


@contextmanager
def prometheus(machine: Machine, folder: Path, discovery: Path) -> Iterator[Ask]:
    """Start one on a machine, and stop it at the end. Skips where it is not installed.

    Parameters
    ----------
    machine : Machine
        Where it runs; it must reach what it scrapes.
    folder : Path
        For its files.
    discovery : Path
        What Ray's head writes for it: where the metrics are.

    Yields
    ------
    callable
        Asks queries; the values that each of them has, one a series.
    """
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed; apt-get install prometheus")
    config, log = folder / "prometheus.yml", folder / "prometheus.log"
    config.write_text(CONFIGURATION.format(discovery=discovery))
    words = ["--config.file", str(config), "--storage.tsdb.path", str(folder / "series")]
    command = machine.command("prometheus", *words, "--web.listen-address=127.0.0.1:9090")

    def ask(queries: Sequence[str]) -> dict[str, list[float]]:
        done = subprocess.run(
            machine.command(sys.executable, "-I", "-S", "-c", ASKS),
            input=json.dumps(queries),
            capture_output=True,
            text=True,
            check=False,
        )
        if "Connection refused" in done.stderr:  # it starts
            return {query: [] for query in queries}
        assert done.returncode == 0, done.stderr + log.read_text()
        found: dict[str, list[float]] = json.loads(done.stdout)
        return found

    with log.open("w") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            yield ask
        finally:
            process.terminate()
