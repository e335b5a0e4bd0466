"""`monsoon train`, `sample`, `validate` and `models` of tables, on the rows that ship."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

import monsoon
from monsoon.jobs.cli import DONE, UNUSABLE, VERDICT_FAILED, main
from monsoon.models.store.checkpoint import read_card
from monsoon.models.store.shipped import SAMPLES

HELDOUT = str(SAMPLES / "rich-heldout.parquet")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe's flow after a few steps."""
    output = tmp_path_factory.mktemp("trained") / "flow"
    settings = ["steps=20", "batch=512", "validate_every=10", "checkpoint_every=10", "rows=5000"]
    small = "options={couplings: 2, hidden: 16, bins: 4, knots: 4}"
    assert main(["train", "flow-rich", *settings, small, f"output={output}", "--local"]) == DONE
    return output


def test_a_trained_flow_has_a_card_that_names_its_columns(trained: Path) -> None:
    card = read_card(trained)
    assert card["config"]["schema"]["features"][0]["name"] == "RichDLLe"
    assert "of tables: RichDLLe, RichDLLmu" in (trained / "README.md").read_text()
    assert card["config"]["patterns"]["codes"]


def test_the_same_command_finds_the_model_finished(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["steps=20", "batch=512", "validate_every=10", "checkpoint_every=10", "rows=5000"]
    small = "options={couplings: 2, hidden: 16, bins: 4, knots: 4}"
    assert main(["train", "flow-rich", *settings, small, f"output={trained}", "--local"]) == DONE
    assert "finished before" in capsys.readouterr().out
    assert (
        main(["train", "flow-rich", *settings, small, "rows=6000", f"output={trained}", "--local"])
        == UNUSABLE
    )
    assert "rows" in capsys.readouterr().err


def test_a_tree_of_a_root_file_is_trained_on_and_sampled_for(tmp_path: Path) -> None:
    rows = pq.read_table(HELDOUT).to_pydict()
    for name, part in (("train", slice(0, 3000)), ("other", slice(3000, 4000))):
        columns = {key: np.asarray(column)[part] for key, column in rows.items()}
        with uproot.recreate(tmp_path / f"{name}.root") as file:
            for tree in ("tracks", "more"):
                file.mktree(tree, {key: column.dtype for key, column in columns.items()}).extend(columns)
    train, other = (f"{tmp_path}/{name}.root:tracks" for name in ("train", "other"))
    words = ["train", "library-rich", f"train=[{train}]", f"validation=[{other}]", f"output={tmp_path}/out"]
    assert main([*words, "--local"]) == DONE
    out = tmp_path / "s.parquet"
    assert main(["sample", "--model", f"{tmp_path}/out", "--conditions", other, "--out", str(out)]) == DONE
    assert pq.read_metadata(out).num_rows == 1000


@pytest.mark.parametrize("model", ["best-rich", "library-rich"])
def test_a_sample_has_the_conditions_and_exact_ties(model: str, tmp_path: Path) -> None:
    out = tmp_path / "s.parquet"
    assert (
        main(["sample", "--model", model, "--conditions", HELDOUT, "--out", str(out), "--seed", "3"]) == DONE
    )
    made, asked = pq.read_table(out), pq.read_table(HELDOUT)
    for name in ("pdg", "P_mev", "eta", "nTracks"):
        assert made[name].to_pylist() == asked[name].to_pylist()
    k, p = made["RichDLLk"].to_numpy(), made["RichDLLp"].to_numpy()
    real_k, real_p = asked["RichDLLk"].to_numpy(), asked["RichDLLp"].to_numpy()
    assert (k == p).mean() == pytest.approx((real_k == real_p).mean(), abs=0.02)
    assert (k == 0).mean() == pytest.approx((real_k == 0).mean(), abs=0.02)
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]


def test_what_was_never_seen_together_is_told_by_name_with_what_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pq.read_table(HELDOUT)
    unseen = (rows["P_mev"].to_numpy() > 2e4) & (rows["nTracks"].to_numpy() > 100)
    pq.write_table(rows.filter(~unseen).slice(0, 9000), tmp_path / "train.parquet")
    pq.write_table(rows.filter(~unseen).slice(9000, 500), tmp_path / "other.parquet")
    files = [
        f"{name}=[{tmp_path}/{file}.parquet]" for name, file in (("train", "train"), ("validation", "other"))
    ]
    assert main(["train", "library-rich", *files, f"output={tmp_path}/out", "--local"]) == DONE
    pair = r"P_mev above (1\d{4}|2\d{4}|2e\+04)[\d.]* with nTracks above (9\d|100)"
    assert re.search(f"Not seen in training:\n\n- {pair}", (tmp_path / "out" / "README.md").read_text())
    pq.write_table(rows.filter(unseen).slice(0, 50), tmp_path / "asked.parquet")
    out = str(tmp_path / "s.parquet")
    words = [
        "sample",
        "--model",
        f"{tmp_path}/out",
        "--conditions",
        f"{tmp_path}/asked.parquet",
        "--out",
        out,
    ]
    capsys.readouterr()
    assert main(words) == DONE
    told = capsys.readouterr().err
    found = re.search(r"monsoon: (\d+) of 50 rows lie outside the training domain", told)
    assert found is not None
    assert int(found[1]) >= 48
    assert re.search(f"the nearest training rows are drawn: {pair}", told)
    assert pq.read_schema(out).metadata[b"outside"].decode() in told


@pytest.mark.slow
def test_the_shipped_flow_passes_and_a_flow_of_a_few_steps_fails(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["validate", "--reference", HELDOUT, "--quick", "--limit", "5000", "--cut", "RichDLLk > 0"]
    assert main([*words, "--model", "flow-rich", "--out", str(tmp_path / "good")]) == DONE
    assert "verdict: fail" not in capsys.readouterr().out
    assert main([*words, "--model", str(trained), "--out", str(tmp_path / "bad")]) == VERDICT_FAILED
    assert "joint classifier" in capsys.readouterr().out
    assert b"Efficiencies" in (tmp_path / "bad" / "report.html").read_bytes()


@pytest.mark.slow
def test_a_job_script_samples_and_validates_tables_with_the_same_functions(tmp_path: Path) -> None:
    out = tmp_path / "s.parquet"
    monsoon.sample("library-rich", HELDOUT, str(out), seed=3)
    assert pq.read_table(out)["P_mev"].to_pylist() == pq.read_table(HELDOUT)["P_mev"].to_pylist()
    lines: list[str] = []
    found = monsoon.validate(
        ["library-rich"], reference=HELDOUT, out=str(tmp_path / "v"), quick=True, limit=2000, say=lines.append
    )
    assert found.page.read_bytes().startswith(b"<!DOCTYPE html>")
    assert len(lines) == 1
    assert lines[0].startswith(f"{found.summary()} library-rich: ")
    assert found.fails() is (found.summary() == "fail")


def test_a_job_script_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(monsoon.InputError, match="no such model"):
        monsoon.validate(["nobody"], reference=HELDOUT, out=str(tmp_path / "v"))
    with pytest.raises(monsoon.InputError, match="200 showers"):
        monsoon.validate(
            ["library"], reference=str(SAMPLES / "egamma-heldout.h5"), out=str(tmp_path / "v"), limit=9
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["sample", "--model", "flow-egamma", "--conditions", HELDOUT, "--out", "s.parquet"],
            "generates showers",
        ),
        (["sample", "--model", "best", "--conditions", HELDOUT, "--out", "s.parquet"], "generates showers"),
        (["sample", "--model", "nobody", "--conditions", HELDOUT, "--out", "s.parquet"], "no such model"),
        (["sample", "--model", "flow-rich", "--conditions", HELDOUT, "--out", "s.csv"], ".parquet"),
        (["validate", "--model", "flow-rich", "--reference", HELDOUT, "--cut", "x"], "not FEATURE > VALUE"),
        (["validate", "--reference", HELDOUT], "no models"),
        (["validate", "--model", "flow-rich", "--reference", HELDOUT, "--limit", "0"], "is not positive"),
        (["validate", "--model", "flow-rich", "--reference", HELDOUT, "--seed", "-1"], "seed: -1"),
        (["validate", "--generated", "a.h5", "--reference", HELDOUT], "generated: is of showers"),
        (["validate", "--model", "flow-rich", "--reference", HELDOUT, "--species", "22"], "species: is of"),
        (["validate", "--model", "library", "--reference", "a.h5", "--cut", "x > 1"], "cut: is of tables"),
        (
            [
                "sample",
                "--model",
                "flow-rich",
                "--conditions",
                HELDOUT,
                "--out",
                "s.parquet",
                "--geometry",
                "planar",
            ],
            "geometry: is of showers",
        ),
        (["generate", "run3", "model=flow-rich", "output=o"], "generates rows of a table"),
        (["train", "flow-rich", "table=null", "output=o", "--local"], "table"),
        (["train", "flow-egamma", "table={features: [x]}", "output=o", "--local"], "table"),
        (["train", "flow-rich", "rows=10000000", "output=o", "--local"], "rows: 10000000 of"),
        (["train", "flow-rich", "options={lasers: 1}", "output=o", "--local"], "unknown option lasers"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == UNUSABLE
    line = capsys.readouterr().err.strip()
    assert said in line
    assert "\n" not in line
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_denoiser_is_tried_with_other_numbers_of_sampling_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, rows = str(tmp_path / "model"), ["rows=3000", "steps=4", "batch=256", "validate_every=4"]
    small = "options={width: 16, blocks: 1, known: 16, knots: 2}"
    assert main(["train", "matching-rich", *rows, small, f"output={model}", "--local"]) == DONE
    words = ["validate", "--reference", HELDOUT, "--out", str(tmp_path / "v"), "--quick", "--limit", "1000"]
    tried = ["--steps", "16", "--steps", "1"]
    assert main([*words, "--model", model, *tried, "--into-card"]) == VERDICT_FAILED
    said = capsys.readouterr().out
    assert f"fail {model}, 1 step: " in said
    assert f"fail {model}, 16 steps: " in said
    found = read_card(model)["by_steps"]
    assert list(found) == ["1", "16"]
    assert 0 < found["1"]["us_per_row"] < found["16"]["us_per_row"]
    assert "![quality against sampling steps](steps.png)" in (tmp_path / "model" / "README.md").read_text()
    assert (tmp_path / "model" / "steps.png").read_bytes().startswith(b"\x89PNG")
    assert main([*words, "--model", "flow-rich", *tried]) == UNUSABLE
    assert "flow-rich: has no sampling steps to choose" in capsys.readouterr().err
    assert main([*words, "--model", model, "--steps", "0"]) == UNUSABLE
    assert "steps: 0 is not positive" in capsys.readouterr().err
    showers = str(SAMPLES / "egamma-heldout.h5")
    assert main(["validate", "--reference", showers, "--model", "library", *tried]) == UNUSABLE
    assert "steps: is of tables" in capsys.readouterr().err
