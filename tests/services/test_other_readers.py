"""Event files in ROOT and jsroot: the same hits as in Parquet. Skipped where they are not installed.

`ROOT_PYTHON` names a Python that has ROOT (`pip install --pre root`), `JSROOT` the folder of npm's package
with what it depends on (`npm install jsroot`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.ledger.shards import FORMATS
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events, Incidents
from monsoon.models.store.suite import Suite

BRANCHES = {
    "root": ("hit_energy_mev", 1.0),
    "ttree": ("hit_energy_mev", 1.0),
    "edm4hep": ("ECalHits.energy", 1000.0),
}
IN_ROOT = """
import json, sys
import ROOT
found = {}
for name, (branch, _) in json.loads(sys.argv[2]).items():
    frame = ROOT.RDataFrame("events", f"{sys.argv[1]}/{name}.root").Alias("energy", branch)
    per_event = frame.Define("hits", "(double) energy.size()").Define("sum", "Sum(energy)")
    sums = [per_event.Sum(of).GetValue() for of in ("hits", "sum")]
    found[name] = [per_event.Count().GetValue(), *sums]
print(json.dumps(found))
"""
IN_JSROOT = """
const { openFile } = await import(`${process.argv[3]}/modules/io.mjs`);
const { treeProcess, TSelector } = await import(`${process.argv[3]}/modules/tree.mjs`);
const found = {};
for (const [name, [branch]] of Object.entries(JSON.parse(process.argv[4]))) {
  const tree = await (await openFile(`${process.argv[2]}/${name}.root`)).readObject('events');
  const selector = new TSelector();
  selector.addBranch(tree.fBranches.arr.find((one) => one.fName === branch), 'energy');
  const sums = [0, 0, 0];
  selector.Process = () => {
    const energy = selector.tgtobj.energy;
    sums[0] += 1;
    sums[1] += energy.length;
    for (const value of energy) sums[2] += value;
  };
  await treeProcess(tree, selector);
  found[name] = sums;
}
console.log(JSON.stringify(found));
process.exit(0);
"""


@pytest.fixture(scope="module")
def events(suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents]) -> Events:
    return generate(make_incidents([30, 0, 80, 1]), suite, placing, 1, contributions=True)


@pytest.fixture(scope="module")
def folder(events: Events, detector: Detector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("events")
    metadata = {"detector": detector.description.canonical.decode()}
    for name in BRANCHES:
        with FORMATS[name].writer(folder / f"{name}.root", True, metadata, ()) as append:
            append(events)
    return folder


def check(found: dict[str, list[float]], events: Events) -> None:
    for name, (count, hits, energy) in found.items():
        assert (count, hits) == (len(events), len(events.hit_cell)), name
        assert energy * BRANCHES[name][1] == pytest.approx(
            float(events.hit_energy_mev.sum(dtype="f8")), rel=1e-5
        )


def test_root_reads_the_same_hits(folder: Path, events: Events) -> None:
    python = os.environ.get("ROOT_PYTHON", sys.executable)
    plain = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if subprocess.run(
        [python, "-W", "ignore", "-c", "import ROOT"], env=plain, capture_output=True
    ).returncode:
        pytest.skip("no ROOT: name a Python that has it in ROOT_PYTHON")
    run = subprocess.run(
        [python, "-W", "ignore", "-c", IN_ROOT, str(folder), json.dumps(BRANCHES)],
        **{"env": plain, "stdout": subprocess.PIPE, "text": True, "check": True},
    )
    check(json.loads(run.stdout.splitlines()[-1]), events)


def test_jsroot_reads_the_same_hits(folder: Path, events: Events, tmp_path: Path) -> None:
    package, node = os.environ.get("JSROOT"), shutil.which("node")
    if package is None or node is None:
        pytest.skip("no jsroot: name its folder in JSROOT")
    program = tmp_path / "read.mjs"
    program.write_text(IN_JSROOT)
    trees = {name: of for name, of in BRANCHES.items() if name != "root"}  # an RNTuple is no tree
    run = subprocess.run(
        [node, str(program), str(folder), str(Path(package).absolute()), json.dumps(trees)],
        **{"stdout": subprocess.PIPE, "text": True, "check": True},
    )
    check(json.loads(run.stdout.splitlines()[-1]), events)
