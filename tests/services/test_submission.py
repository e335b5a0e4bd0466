"""`monsoon submit` on a cluster of several nodes, each a machine of its own, that asks for a token.

The nodes have what Monsoon needs, and no Monsoon: what runs there is what was sent.
"""

from __future__ import annotations

import json
import os
import re
import signal
import site
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monsoon.engine.incidents.parquet import write_incidents
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.records import Incidents
from monsoon.engine.storage import open_store
from monsoon.jobs.cli import DONE, INTERRUPTED, UNUSABLE, main
from monsoon.jobs.submission.wheel import build
from monsoon.jobs.verify import verify
from monsoon.models.store.checkpoint import load
from tests.services.namespaces import Machine, machines
from tests.services.prometheus import prometheus
from tests.services.test_ray_job import ENVIRONMENT, started, token_file

SECONDS = 400.0  # for anything to happen, on a machine that does other things too
ROOT = Path(__file__).parents[2]
MANY, GROUP = 600_000, 5_000  # events: more than there will be time for
pytestmark = pytest.mark.timeout(1500)  # Ray starts several times in a test


class RayCluster(NamedTuple):
    """A head without CPUs, two nodes of one CPU, and who uses them."""

    address: str  # of the job server
    nodes: tuple[Machine, ...]
    client: Machine
    environment: dict[str, str]  # of who may use it
    wheel: Path
    discovery: Path  # where Ray says what Prometheus is to scrape

    def popen(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """`monsoon` on the client."""
        return subprocess.Popen(
            self.client.command(sys.executable, "-m", "monsoon", *words, "--cluster", self.address),
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def monsoon(self, *words: str, **variables: str) -> tuple[int, str]:
        """Its exit code, and what it says."""
        with self.popen(*words, **variables) as process:
            said, _ = process.communicate(timeout=SECONDS)
            return process.returncode, said

    def submit(self, *words: str, **variables: str) -> tuple[int, str]:
        return self.monsoon("submit", *words, "--wheel", str(self.wheel), **variables)


def node(machine: Machine, folder: Path, environment: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    """A node of Ray, once it runs."""
    common = [f"--node-ip-address={machine.address}", "--metrics-export-port=8080", "--block"]
    command = machine.command(str(Path(sys.executable).with_name("ray")), "start", *common, *words)
    return started(command, environment, folder / f"{machine.name}.log")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """Made and removed by these tests."""
    pytest.importorskip("ray.dashboard.dashboard", reason="ray[default] is not installed")
    folder = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        # socket paths must be short
        short = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp"))
        names = ["head", "one", "two", "client"]
        head, one, two, client = stack.enter_context(machines(folder, names))
        given = {**ENVIRONMENT, "RAY_AUTH_TOKEN_PATH": str(token_file(Path(short)))}
        there = {
            name: value for name, value in given.items() if name not in ("PYTHONPATH", "RAY_ADDRESS")
        } | {"RAY_metrics_report_interval_ms": "1000", "RAY_worker_niceness": "5"}  # workers are never idle
        for machine in (head, one, two):
            for path in installed():
                machine.hide(path, folder)
        (Path(short) / "r").mkdir()
        for machine in (one, two):  # its own disk: where nodes share it, one removes what another works in
            machine.hide(Path(short) / "r", folder)
        first = ["--head", "--num-cpus=0", f"--temp-dir={short}/r", "--dashboard-host=0.0.0.0"]
        for machine, words in ((head, first), (one, NODE), (two, NODE)):
            process = node(machine, folder, there, *words)
            stack.enter_context(process)
            stack.callback(process.terminate)
        discovery = Path(short) / "r" / "prom_metrics_service_discovery.json"
        yield RayCluster(f"http://{head.address}:8265", (one, two), client, given, build(folder), discovery)


NODE = ("--address=10.77.0.1:6379", "--num-cpus=1")


def installed() -> list[Path]:
    """By what Monsoon is found where it is installed, the checkout or a copy."""
    folders = [Path(folder) for folder in site.getsitepackages()]
    found = [path for folder in folders for path in folder.glob("__editable__*monsoon*.pth")]
    return found or [folder / "monsoon" for folder in folders if (folder / "monsoon").is_dir()]


def spoilt(folder: Path, make_incidents: Callable[..., Incidents]) -> Path:
    """Incidents, of which one event of a thousand has no energy: written as another program may."""
    good, bad = folder / "good.parquet", folder / "bad.parquet"
    groups = (make_incidents([1] * GROUP, first_event=first) for first in range(0, MANY, GROUP))
    write_incidents(good, groups, source="test", settings={}, detector="lhcb-ecal")
    with pq.ParquetFile(good) as source:
        table, metadata = source.read(), source.metadata.metadata
    energies = table.column("energy_mev").combine_chunks()
    values = energies.values.to_numpy().copy()
    values[::1000] = np.nan
    column = pa.ListArray.from_arrays(energies.offsets, pa.array(values), type=energies.type)
    place = table.schema.get_field_index("energy_mev")
    table = table.set_column(place, table.schema.field(place), column)
    pq.write_table(table.replace_schema_metadata(metadata), bad, row_group_size=GROUP)
    return bad


def kill_a_worker(cluster: RayCluster) -> bool:
    """One that makes events, for which another one is started; whether there was one."""
    for pid in cluster.nodes[0].processes():
        with suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_text().startswith("ray::WorkerActor"):
                os.kill(pid, signal.SIGKILL)
                return True
    return False


def until(happened: Callable[[], bool], said: Callable[[], str] = str) -> None:
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, said()
        time.sleep(0.2)


def records(output: Path) -> list[ShardRecord]:
    return list(Ledger(open_store(output)).records()) if (output / "_commits").exists() else []


def test_a_long_job_is_listed_scraped_seen_from_another_terminal_and_stopped_cleanly(
    cluster: RayCluster,
    tmp_path: Path,
    make_incidents: Callable[..., Incidents],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its workers are killed and some of its events are bad, so that the dashboard has something to show."""
    output, config = tmp_path / "out", tmp_path / "mine.yaml"
    config.write_text(f"model: library\nevents: {MANY}\nshard_events: 500\n")
    incidents = spoilt(tmp_path, make_incidents)
    code, said = cluster.submit(
        "generate", str(config), f"incidents={incidents}", f"output={output}", "--detach"
    )
    assert code == DONE, said
    (job,) = re.fullmatch(r"job: (generate-\d{8}-\d{6}-[0-9a-f]{4})\n", said).groups()  # type: ignore[union-attr]
    until(lambda: len({record.worker.rpartition("-")[0] for record in records(output)}) == 2)

    code, listed = cluster.monsoon("jobs", "--json")
    assert code == DONE, listed
    (facts,) = (facts for facts in map(json.loads, listed.splitlines()) if facts["job"] == job)
    assert facts["state"] == "RUNNING"
    stands = ""

    def workers_are_seen() -> bool:  # from the driver's next sign of life on
        nonlocal stands
        assert main(["status", str(output)]) == DONE
        stands = capsys.readouterr().out
        return re.search(r"driver: head-\d+.*, running, [12] workers on 3 nodes", stands) is not None

    until(workers_are_seen, lambda: stands)
    assert re.search(rf"events: \d+ of {MANY} committed", stands)
    assert re.search(r"rate: \d+\.\d events/s, done in \d+:\d\d:\d\d", stands)
    assert facts["command"].startswith("generate ./mine.yaml incidents=")

    dashboard = json.loads((ROOT / "cluster" / "grafana" / "monsoon.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    failures = "sum(ray_monsoon_failures_total)"
    found: dict[str, list[float]] = {query: [] for query in queries}

    def have_data() -> bool:
        found.update(ask(queries))
        return all(any(value > 0 for value in values) for values in found.values())

    with prometheus(cluster.client, tmp_path, cluster.discovery) as ask:
        for kills in (1.0, 2.0):  # so that Prometheus sees the number grow
            until(lambda: kill_a_worker(cluster))
            until(partial(lambda kills: ask([failures])[failures] >= [kills], kills))
        until(have_data, lambda: f"{found}")

    lines: list[str] = []
    with cluster.popen("attach", job) as attached:
        for line in attached.stdout or ():
            lines.append(line)
            if re.match(rf"events: \d+ of {MANY}, \S+/s, .* left", line):
                break
        attached.send_signal(signal.SIGINT)
        lines += list(attached.stdout or ())
        assert attached.wait(SECONDS) == INTERRUPTED
    assert lines[-1].startswith(f"monsoon: the job goes on; see it again with `monsoon attach {job}")
    code, said = cluster.monsoon("stop", job)
    assert (code, said) == (DONE, f"stopped: {job}\n")
    code, said = cluster.monsoon("jobs")
    assert re.search(rf"^{job} +STOPPED ", said, re.MULTILINE)
    code, said = cluster.monsoon("attach", job)
    assert code == INTERRUPTED
    assert said.startswith("".join(lines[:3]))  # from the first line on
    assert said.endswith("monsoon: interrupted; run the same command again to continue\n")
    assert main(["status", str(output)]) == DONE
    assert "no driver is working on it" in capsys.readouterr().out
    left = verify(str(output), lambda line: None)
    assert (left.corrupt, left.duplicate) == (0, 0)


def few_showers(folder: Path) -> Path:
    """Five showers of Geant4."""
    few = folder / "few.h5"
    with h5py.File(ROOT / "models" / "samples" / "egamma-heldout.h5") as source, h5py.File(few, "w") as file:
        for name, values in source.items():
            file[name] = values[:5]
        file.attrs.update(source.attrs)
    return few


def test_other_verbs_run_as_jobs_and_exit_codes_are_theirs(cluster: RayCluster, tmp_path: Path) -> None:
    few, out = few_showers(tmp_path), tmp_path / "out.h5"
    code, said = cluster.submit("sample", "--model", "library", "--conditions", str(few), "--out", str(out))
    assert code == DONE, said
    assert f"showers: {out}" in said
    with h5py.File(out) as file:
        assert file["showers"].shape == (5, 900)
    code, said = cluster.submit(
        "validate", "--reference", "/none.h5", "--model=library", f"--out={tmp_path}/v"
    )
    assert code == UNUSABLE, said
    assert "monsoon: /none.h5" in said


def test_a_training_and_a_sweep_work_on_all_nodes(cluster: RayCluster, tmp_path: Path) -> None:
    """Two workers train one network, each on its node; then each node trains one of two."""
    small = {"steps": 4, "batch": 64, "rows": 1000, "warm_up": 0, "validate_every": 2, "checkpoint_every": 2}
    words = [f"{key}={value}" for key, value in small.items()]
    model = tmp_path / "vae"
    code, said = cluster.submit("train", "vae-rich", *words, "workers=2", f"output={model}")
    assert code == DONE, said
    assert f"model: {model}" in said
    assert load(model).card["training"]["workers"] == 2

    file, output = tmp_path / "mine.yaml", tmp_path / "sweep"
    asked = {"verb": "train", "base": "vae-rich", "settings": small, "axes": {"seed": [1, 2]}}
    file.write_text(json.dumps({**asked, "output": str(output)}))
    code, said = cluster.submit("sweep", str(file))
    assert code == DONE, said
    assert pq.read_table(output / "results.parquet").column("state").to_pylist() == ["done", "done"]
    best = json.loads((output / "best.json").read_text())
    assert f"best: {output}/trials/{best['trial']}" in said
    logs = (output / "trials").rglob("events.out.tfevents.*")
    assert {log.name.split(".")[4] for log in logs} == {node.name for node in cluster.nodes}


def marked(folder: Path) -> Path:
    """A wheel whose package notes each start of Python, in a folder of wheels."""
    folder.mkdir()
    note = f"import os, sys; open({str(folder / 'starts')!r}, 'a').write(' '.join(sys.orig_argv) + chr(10))"
    content = {"marker.pth": f"{note}\n"}
    metadata = {
        "METADATA": "Metadata-Version: 2.1\nName: marker\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content |= {f"marker-1.0.dist-info/{name}": text for name, text in metadata.items()}
    content["marker-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in content)
    with zipfile.ZipFile(folder / "marker-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in content.items():
            wheel.writestr(name, text)
    return folder


@pytest.mark.long  # Ray copies the environment of Python, some gigabytes, for each set of requirements
def test_a_node_installs_what_a_file_says_first(cluster: RayCluster, tmp_path: Path) -> None:
    wheels, out = marked(tmp_path / "wheels"), tmp_path / "out.h5"
    lock, none = tmp_path / "lock.txt", tmp_path / "none.txt"
    lock.write_text(f"--no-index\n--find-links {wheels}\nmarker==1.0\n")
    none.write_text(f"--no-index\n--find-links {wheels}\nmarker==2.0\n")
    words = ["sample", "--model", "library", "--conditions", str(few_showers(tmp_path)), "--out", str(out)]
    code, said = cluster.submit(*words, "--install", str(lock))
    assert code == DONE, said
    assert out.exists()
    assert "-m monsoon.jobs.submission.entry sample" in (wheels / "starts").read_text()
    code, said = cluster.submit(*words, "--install", str(none))
    assert code == UNUSABLE, said
    assert "marker==2.0" in said.splitlines()[-1], said


def test_the_example_scans_pile_up_from_python(cluster: RayCluster, pool: Path, tmp_path: Path) -> None:
    example = ["-m", "monsoon.jobs.examples.submission", cluster.address, str(tmp_path / "scan")]
    words = [f"incidents={pool}", "model=library", "--mu=5.2", "--events=20", f"--wheel={cluster.wheel}"]
    done = subprocess.run(
        cluster.client.command(sys.executable, *example, *words),
        env=cluster.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^mu=(\S+): exit code (\d)$", done.stdout, re.MULTILINE) == [("5.2", "0")], done.stdout
    assert verify(str(tmp_path / "scan" / "mu-5.2"), lambda line: None).good


def test_who_has_another_token_is_refused_in_one_line(cluster: RayCluster, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("another" * 8)
    code, said = cluster.monsoon("jobs", RAY_AUTH_TOKEN_PATH=str(tmp_path / "token"))
    assert code == UNUSABLE
    (line,) = said.splitlines()
    assert re.match(rf"monsoon: cluster {cluster.address}: Authentication .*RAY_AUTH_TOKEN_PATH", line)
