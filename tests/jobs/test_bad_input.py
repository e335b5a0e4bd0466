"""Unusable input: one clear line on stderr, exit code 2, and nothing left behind, not even a folder."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monsoon.engine.detector import detector
from monsoon.jobs.cli import DONE, UNUSABLE, main
from monsoon.models.store.shipped import SAMPLES

Words = Callable[["Here"], list[str]]


class Here(NamedTuple):
    """Where a case may write, and a good pool."""

    folder: Path
    pool: Path

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def output(self, name: str = "out") -> str:
        return f"output={self.folder / name}"

    def campaign(self, *words: str) -> list[str]:
        """A campaign that would run, but for these words."""
        return ["generate", "run3", f"incidents={self.pool}", "events=10", self.output(), *words]

    def yaml(self, text: str) -> list[str]:
        path = self.file("campaign.yaml", text.encode())
        return ["generate", str(path), f"incidents={self.pool}", "mu=1", "events=10", self.output()]


def hepmc(events: int = 3) -> bytes:
    lines = ["HepMC::Version 3.02.05", "HepMC::Asciiv3-START_EVENT_LISTING"]
    for number in range(events):
        lines += [
            f"E {number} 1 3",
            "U MEV MM",
            "P 1 0 2212 0 0 6800000 6800000 938 4",
            "V -1 0 [1] @ 0 0 0 0",
            "P 2 -1 22 500 200 9000 9016.0967 0 1",
            "P 3 -1 211 -300 100 8000 8007.47 139.57 1",
        ]
    return "\n".join([*lines, "HepMC::Asciiv3-END_EVENT_LISTING", ""]).encode()


def table(**changes: object) -> pa.Table:
    columns: dict[str, object] = {
        "event": [0, 0, 1],
        "pdg": [22, 11, 211],
        **{name: [100.0, 200.0, 300.0] for name in ("px_mev", "py_mev")},
        "pz_mev": [9000.0, 8000.0, 7000.0],
        **{name: [0.0, 0.0, 0.0] for name in ("x_mm", "y_mm", "z_mm")},
    }
    columns.update(changes)
    return pa.table({name: column for name, column in columns.items() if column is not None})


def tabled(here: Here, **changes: object) -> list[str]:
    pq.write_table(table(**changes), here.folder / "table.parquet")
    return ["incidents", "table", f"input={here.folder / 'table.parquet'}", here.output("x.parquet")]


def showers(here: Here, **changes: object) -> list[str]:
    columns: dict[str, object] = {
        "incident_energies": np.full((4, 1), 5000.0),
        "showers": np.ones((4, 900)),
        "incident_pdg": np.full(4, 22),
        "incident_position": np.zeros((4, 2)),
        "incident_theta": np.zeros(4),
        "incident_phi": np.zeros(4),
        **changes,
    }
    with h5py.File(here.folder / "mine.h5", "w") as file:
        for name, column in columns.items():
            if column is not None:
                file[name] = column
    return here.campaign(f"model={here.folder / 'mine.h5'}")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def gun(here: Here, *words: str) -> list[str]:
    given = {word.partition("=")[0] for word in words}
    good = ["pdg=22", "energy_mev=5000", "theta_rad=0.1", "events=5"]
    kept = [word for word in good if word.partition("=")[0] not in given]
    return ["incidents", "gun", *kept, here.output("x.parquet"), *words]


def training(here: Here, *words: str) -> list[str]:
    """A training of the shipped samples that would run, but for these words."""
    return ["train", "flow-egamma", "--local", "validation=[egamma-heldout.h5]", here.output(), *words]


def electrons(here: Here) -> Path:
    """Conditions of two electrons."""
    path = here.folder / "conditions.h5"
    with h5py.File(path, "w") as file:
        file["incident_energies"] = np.full((2, 1), 2e4)
        file["incident_pdg"] = np.full(2, 11)
    return path


def sampled(here: Here, model: str, conditions: Path) -> list[str]:
    out = str(here.folder / "out.h5")
    return ["sample", "--model", model, "--conditions", str(conditions), "--out", out]


def validation(here: Here, *words: str) -> list[str]:
    """A validation into a new folder; words given again stand for the ones before."""
    reference = str(SAMPLES / "egamma-heldout.h5")
    return ["validate", "--reference", reference, "--out", str(here.folder / "page"), *words]


def foreign(here: Here) -> str:
    pq.write_table(pa.table({"a": [1]}), here.folder / "foreign.parquet")
    return str(here.folder / "foreign.parquet")


def truncated(here: Here) -> str:
    return str(here.file("cut.parquet", here.pool.read_bytes()[:-500]))


def another_detector(old: bytes = b"name: lhcb-ecal", new: bytes = b"name: mine") -> bytes:
    shipped = (Path(detector.__file__).parent / "lhcb-ecal.yaml").read_bytes()
    assert old in shipped
    return shipped.replace(old, new)


def moved_face(here: Here) -> Path:
    return here.file("moved.yaml", another_detector(b"12520.0", b"12620.0"))


def odd_pixels(here: Here) -> Path:
    return here.file("odd.yaml", another_detector(b"pixel_mm: 20.2", b"pixel_mm: 10.00005"))


CASES: dict[str, tuple[Words, str]] = {
    # campaigns
    "no such campaign file": (lambda h: ["generate", str(h.folder / "no.yaml")], "no such file or preset"),
    "campaign is not YAML": (lambda h: h.yaml("a: [1"), "not a YAML file"),
    "campaign is binary": (lambda h: ["generate", str(h.file("x.yaml", b"\xff\xfe\x00"))], "not a YAML file"),
    "campaign is a list": (lambda h: h.yaml("- 1"), "not a mapping"),
    "unknown key": (lambda h: h.campaign("colour=red"), "colour: unknown key"),
    "unknown key in the file": (lambda h: h.yaml("colour: red"), "colour: unknown key"),
    "unknown preset": (lambda h: h.yaml("preset: run9"), "run9"),
    "wrong type": (lambda h: h.campaign("events=many"), "events"),
    "negative number": (lambda h: h.campaign("events=-3"), "events"),
    "no events": (lambda h: h.campaign("events=0"), "events"),
    "NaN": (lambda h: h.campaign("mu=.nan"), "mu"),
    "seed beyond 64 bits": (lambda h: h.campaign(f"seed={1 << 64}"), "seed"),
    "no output": (lambda h: ["generate", "run3", f"incidents={h.pool}"], "output"),
    "unknown format": (lambda h: h.campaign("formats=[csv]"), "formats"),
    "a format twice": (lambda h: h.campaign("formats=[root, root]"), "each format once"),
    "not key=value": (lambda h: h.campaign("events"), "key=value"),
    "value is not YAML": (lambda h: h.campaign("formats=[root"), "not YAML"),
    "only beyond the events": (lambda h: h.campaign("only=10"), "event 10"),
    "unknown detector": (lambda h: h.campaign("detector=cms"), "shipped: forward-siw, lhcb-ecal"),
    "damaged detector": (
        lambda h: h.campaign(f"detector={h.file('d.yaml', b'name: x')}"),
        "d.yaml: face_z_mm",
    ),
    "unknown model": (lambda h: h.campaign("model=no-such"), "model no-such: no such model"),
    "unknown policy": (lambda h: h.campaign("outside=drop"), "or choose nearest, clamp, scale or refuse"),
    "a particle that is refused": (lambda h: h.campaign("outside=refuse"), "GeV at"),
    # outputs
    "occupied output": (
        lambda h: [*h.campaign(), f"output={h.file('thesis.tex', b'').parent}"],
        "thesis.tex",
    ),
    "output is a file": (lambda h: h.campaign(f"output={h.file('x', b'')}"), "cannot be written"),
    "unwritable output": (lambda h: h.campaign("output=/proc/monsoon"), "cannot be written"),
    "unknown protocol": (lambda h: h.campaign("output=gopher://host/x"), "gopher"),
    # clusters
    "address does not answer": (
        lambda h: h.campaign(f"ray_address=127.0.0.1:{closed_port()}"),
        "does not answer",
    ),
    "address is none": (lambda h: h.campaign("ray_address=somewhere"), "not host:port"),
    "more workers than the cluster has": (lambda h: h.campaign("workers=400"), "workers: 400"),
    "a GPU": (lambda h: h.campaign("gpus_per_worker=1"), "gpus_per_worker: this release"),
    "a share of a GPU": (lambda h: h.campaign("pools=[{gpus: 0.5}]"), "pools: gpus: this release"),
    # incidents
    "no incidents": (lambda h: h.campaign(f"incidents={h.folder / 'no.parquet'}"), "no.parquet"),
    "foreign incidents": (lambda h: h.campaign(f"incidents={foreign(h)}"), "not of incidents"),
    "incidents of another detector": (
        lambda h: h.campaign(f"detector={h.file('mine.yaml', another_detector())}"),
        "made for detector lhcb-ecal, not mine",
    ),
    "incidents of a detector that has changed under its name": (
        lambda h: h.campaign(f"detector={moved_face(h)}"),
        "made for a detector lhcb-ecal with face_z_mm = 12520.0, not 12620.0",
    ),
    "a plan with incidents of a detector that has changed": (
        lambda h: ["plan", *h.campaign(f"detector={moved_face(h)}")[1:]],
        "face_z_mm = 12520.0, not 12620.0",
    ),
    "generators without the detector's layers": (
        lambda h: h.campaign("detector=forward-siw"),
        "its showers have 1 layer, detector forward-siw has 45 layers",
    ),
    "generators with layers that the detector has not": (
        lambda h: h.campaign("model=siw"),
        "model siw: its showers have 45 layers, detector lhcb-ecal has 1 layer",
    ),
    "a plan with pixels of no whole number of micrometres": (
        lambda h: ["plan", *h.campaign(f"detector={odd_pixels(h)}")[1:]],
        "pixel_mm = 10.00005 is not a whole number of micrometres",
    ),
    "truncated incidents": (lambda h: h.campaign(f"incidents={truncated(h)}"), "cut.parquet"),
    "too few incidents": (lambda h: [*h.yaml("{}"), "mu=null", "events=900"], "0 .. 899"),
    "neither incidents nor mu": (
        lambda h: ["generate", str(h.file("c.yaml", b"{}")), h.output()],
        "incidents",
    ),
    "bad pythia card": (
        lambda h: ["generate", "run3", "pythia=[NoSuch:thing = on]", h.output()],
        "NoSuch:thing",
    ),
    "a card that loads code": (
        lambda h: ["generate", "run3", "pythia=['Init:plugins = {/tmp/x.so::X}']", h.output()],
        "Init:plugins = {/tmp/x.so::X}': not allowed",
    ),
    "a card of a signal that writes a file": (
        lambda h: h.campaign("signal=['Top:all = on', 'MultipartonInteractions:reuseInit = 1']"),
        "MultipartonInteractions:reuseInit = 1': not allowed",
    ),
    "a card of a pool that includes others": (
        lambda h: [
            "incidents",
            "pythia",
            "collisions=9",
            "cards=['include = /tmp/cards']",
            h.output("x.parquet"),
        ],
        "include = /tmp/cards': not allowed",
    ),
    # showers
    "showers missing": (lambda h: showers(h, showers=None), "no dataset showers"),
    "showers of another grid": (lambda h: showers(h, showers=np.ones((4, 368))), "368 voxels"),
    "showers of another challenge": (lambda h: showers(h, showers=np.ones((4, 6480))), "6480 voxels"),
    "showers of another geometry, validated": (
        lambda h: [
            "validate",
            "--reference",
            showers(h, showers=np.ones((4, 368)))[-1][6:],
            "--model",
            "best",
        ],
        "368 voxels",
    ),
    "showers of another geometry, sampled from": (
        lambda h: [
            *("sample", "--model", showers(h, showers=np.ones((4, 368)))[-1][6:]),
            *("--conditions", str(h.folder / "mine.h5"), "--out", str(h.folder / "x.h5")),
        ],
        "368 voxels",
    ),
    "incident energies in GeV": (
        lambda h: showers(h, incident_energies=np.full((4, 1), 5.0)),
        "mine.h5: showers row 0 holds 900 MeV, its incident energy is 5 MeV",
    ),
    "angles in degrees": (
        lambda h: showers(h, incident_theta=np.full(4, 11.0)),
        "mine.h5: incident_theta row 0 is 11, beyond pi/2",
    ),
    "angles in degrees, sampled": (
        lambda h: [
            *("sample", "--model", "library", "--conditions"),
            *(showers(h, incident_theta=np.full(4, 11.0))[-1][6:], "--out", str(h.folder / "x.h5")),
        ],
        "angles are in rad",
    ),
    "showers of the wrong length": (lambda h: showers(h, showers=np.ones((3, 900))), "showers is"),
    "NaN in showers": (lambda h: showers(h, showers=np.full((4, 900), np.nan)), "not finite"),
    "negative showers": (lambda h: showers(h, showers=-np.ones((4, 900))), "negative energy"),
    "negative incident energy": (
        lambda h: showers(h, incident_energies=np.full((4, 1), -1.0)),
        "not positive",
    ),
    "showers are not HDF5": (lambda h: h.campaign(f"model={h.file('m.h5', b'x')}"), "HDF5"),
    # sources of incidents
    "unknown source": (lambda h: ["incidents", "sherpa", h.output("x.parquet")], "no such source"),
    "no HepMC file": (
        lambda h: ["incidents", "hepmc", f"input={h.folder / 'no.hepmc'}", h.output("x.parquet")],
        "no.hepmc",
    ),
    "foreign HepMC file": (
        lambda h: ["incidents", "hepmc", f"input={h.file('a.hepmc', b'PK')}", h.output("x.parquet")],
        "no HepMC file",
    ),
    "torn gzip": (
        lambda h: [
            *("incidents", "hepmc", f"input={h.file('a.hepmc.gz', gzip.compress(hepmc())[:20])}"),
            h.output("x.parquet"),
        ],
        "a.hepmc.gz",
    ),
    "HepMC cut in its first event": (
        lambda h: ["incidents", "hepmc", f"input={h.file('a.hepmc', hepmc()[:150])}", h.output("x.parquet")],
        "no events",
    ),
    "NaN in HepMC": (
        lambda h: [
            *("incidents", "hepmc", f"input={h.file('a.hepmc', hepmc().replace(b'9000', b'nan'))}"),
            h.output("x.parquet"),
        ],
        "not finite",
    ),
    "table without a column": (lambda h: tabled(h, pz_mev=None), "pz_mev is missing"),
    "table with text": (lambda h: tabled(h, pdg=["a", "b", "c"]), "pdg"),
    "table with NaN": (lambda h: tabled(h, px_mev=[1.0, float("nan"), 1.0]), "row 1: px_mev"),
    "table of unknown species": (lambda h: tabled(h, pdg=[22, 99999999, 22]), "99999999"),
    "gun of unknown species": (lambda h: gun(h, "pdg=99999999"), "99999999"),
    "gun of negative energy": (lambda h: gun(h, "energy_mev=-5"), "energy_mev"),
    "gun that does not aim": (lambda h: gun(h, "theta_rad=null"), "does not aim"),
    "occupied incidents": (lambda h: gun(h, f"output={h.file('taken', b'')}"), "already exists"),
    # trainings
    "no such recipe": (lambda h: ["train", "no-such", h.output()], "no such file or recipe"),
    "unknown key of a training": (lambda h: training(h, "stepz=3"), "did you mean steps?"),
    "no showers to train on": (lambda h: training(h, "train=[no.h5]"), "no.h5: no such file"),
    "unknown option of the family": (lambda h: training(h, "options={depht: 3}"), "depht"),
    "training without an output": (lambda h: ["train", "flow-egamma", "output="], "output"),
    # showers and verdicts on them
    "sample an unknown model": (
        lambda h: sampled(h, "no-such", electrons(h)),
        "model no-such: no such model",
    ),
    "sample no conditions": (lambda h: sampled(h, "library", h.folder / "no.h5"), "no.h5"),
    "sample to a folder that is missing": (
        lambda h: [*sampled(h, "library", electrons(h))[:-1], str(h.folder / "no" / "out.h5")],
        "cannot be written",
    ),
    "validate nothing": (lambda h: validation(h), "nothing to validate"),
    "validate an unknown model": (lambda h: validation(h, "--model", "no-such"), "no-such"),
    "validate without a reference": (
        lambda h: validation(h, "--model", "library", "--reference", str(h.folder / "no.h5")),
        "no.h5",
    ),
    "validate into a file": (
        lambda h: validation(h, "--model", "library", "--out", str(h.file("taken", b""))),
        "taken",
    ),
    # others
    "demo into a file": (lambda h: ["demo", str(h.file("taken", b""))], "cannot be written"),
    "demo elsewhere": (lambda h: ["demo", "s3://bucket/demo"], "must be on this machine"),
    "merge of nothing": (lambda h: ["merge", str(h.folder / "m"), str(h.folder / "no")], "no campaign here"),
    "status of nothing": (lambda h: ["status", str(h.folder / "no")], "no campaign here"),
    "help on nothing": (lambda h: ["help", "destroy"], "no such command"),
    "help on no source": (lambda h: ["help", "incidents", "sherpa"], "there are pythia"),
    # verdicts and reports
    "verify nothing": (lambda h: ["verify", str(h.folder / "no")], "no campaign here"),
    "report on nothing": (lambda h: ["report", str(h.folder / "no")], "no"),
    "plan of nothing": (lambda h: ["plan", str(h.folder / "no.yaml")], "no such file or preset"),
    "unknown verb": (lambda h: ["destroy"], "destroy"),
}


def listing(folder: Path) -> set[str]:
    return {os.fspath(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("case", CASES)
def test_unusable_input_is_one_line_and_exit_code_2_and_leaves_nothing_behind(
    case: str, pool: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words, named = CASES[case]
    arguments = words(Here(tmp_path, pool))
    before = listing(tmp_path)
    assert main(arguments) == UNUSABLE
    said = capfd.readouterr().err.strip().splitlines()
    lines = [line for line in said if line.startswith("monsoon: ")]
    assert len(lines) == 1
    assert named in lines[0]
    assert not any("Traceback" in line for line in said)
    assert listing(tmp_path) == before


def test_good_events_before_a_cut_are_kept_and_the_loss_is_reported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here = Here(tmp_path, tmp_path)
    path = here.file("a.hepmc", hepmc(5)[:-120])
    assert main(["incidents", "hepmc", f"input={path}", here.output("x.parquet")]) == DONE
    out = capfd.readouterr().out.splitlines()
    assert any(line.startswith("loss: ") and "4 events before are kept" in line for line in out)
    assert out[-1] == f"incidents: {tmp_path / 'x.parquet'}"
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 4


@pytest.mark.parametrize(
    ("words", "warning"),
    [
        (
            lambda h: tabled(h, pz_mev=[90.0, 80.0, 70.0], px_mev=[1.0] * 3, py_mev=[2.0] * 3),
            "every particle is lost",
        ),
        (lambda h: gun(h, "energy_mev=50"), "energy_mev: the greatest is 50 MeV; if GeV are meant"),
    ],
    ids=["table", "gun"],
)
def test_particles_whose_energies_look_like_gev_are_warned_of_once(
    words: Words, warning: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words(Here(tmp_path, tmp_path))) == DONE
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("monsoon: ")]
    assert len(lines) == 1
    assert lines[0].startswith("monsoon: warning: ")
    assert warning in lines[0]


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_campaign_of_showers_that_look_like_gev_is_warned_once_and_made(
    pool: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The driver says it; its workers, which read the same file, do not say it again."""
    here = Here(tmp_path, pool)
    words = showers(here, incident_energies=np.full((4, 1), 5.0), showers=np.full((4, 900), 1e-3))
    assert main([*words, "workers=2", "shard_events=5"]) == DONE
    said = capfd.readouterr().err
    assert said.count("incident_energies row 0 is 5 MeV") == 1
    assert "monsoon: warning: " in said
