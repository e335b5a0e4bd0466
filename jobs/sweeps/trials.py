"""What came of a trial: one record, in a training's folder a file that makes the trial done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from monsoon.engine.errors import InputError
from monsoon.jobs.progress.training import LOSSES
from monsoon.models.files import read_small, write_whole

TRIAL = "trial.json"
ROOM = "tune"  # folder below the output for the files that Ray Tune itself writes
LARGEST = 1 << 20  # bytes
LONGEST_LOG = 1 << 28
LONGEST_REASON = 300  # letters
State = Literal["done", "stopped", "failed", "waiting"]


class Trial(BaseModel):
    """What came of one trial.

    Attributes
    ----------
    name : str
        That of its point.
    state : str
        done; stopped (early, by the scheduler); failed (see `reason`); waiting (not run, or not to its end).
    metrics : dict of float
        Columns of the table: of a stopped trial those of its last validation.
    reason : str
        Why it failed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    state: State
    metrics: dict[str, float] = {}
    reason: str = ""


def keep(folder: Path, trial: Trial) -> None:
    """Store what came of a training in its folder. Raises InputError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / TRIAL, trial.model_dump_json(indent=1).encode())
    except OSError as error:
        raise InputError(f"output {folder}: {error.strerror or error}; give a folder to write in") from error


def kept(folder: Path, name: str) -> Trial:
    """What came of a training before; waiting where it has not ended. Raises InputError."""
    file = folder / TRIAL
    try:
        return Trial.model_validate_json(read_small(file, LARGEST))
    except FileNotFoundError:
        return Trial(name=name, state="waiting")
    except (OSError, ValidationError, ValueError) as error:
        raise InputError(
            f"{file}: cannot be read as a trial; remove it, and the trial is run again"
        ) from error


def validations(folder: Path) -> Iterator[dict[str, Any]]:
    """The validations in a training's log, in order: step, score and score_error of each."""
    log = folder / LOSSES
    if not log.exists():
        return
    for line in read_small(log, LONGEST_LOG).splitlines():
        try:
            found = json.loads(line)
            if found["what"] == "validation":
                score = found["score"]
                yield {"step": found["step"], "score": score["mean"], "score_error": score["error"]}
        except (ValueError, KeyError, TypeError):
            continue  # a line that was cut when its writer died
