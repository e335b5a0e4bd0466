"""One input given to its reader, and what came of it."""

from __future__ import annotations

import traceback
import warnings
from pathlib import Path
from random import Random
from typing import NamedTuple

from monsoon.engine.errors import InputError, SuspiciousInput
from tests.fuzz.reader import Broken, Reader

ROOT = Path(__file__).parents[2]
READ, REFUSED, FOUND = "read", "refused", "found"
LONGEST_LINE = 3000


class Outcome(NamedTuple):
    """What came of an input: `kind` tells findings of one cause from others, `detail` is for people."""

    came: str
    kind: str = ""
    detail: str = ""


def mutated(reader: Reader, name: str, folder: Path, seed: int, case: int) -> bytes:
    """The input of a case: the same for the same seed, wherever it is made."""
    random = Random(f"{seed}/{name}/{case}")
    good = random.choice(reader.good(folder))
    return reader.mutate(good.read_bytes(), random)


def attempt(reader: Reader, path: Path, folder: Path, scratch: Path) -> Outcome:
    """Read an input: it is read, or refused in one line, or a finding."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # a person would see it beside the one line
            warnings.simplefilter("ignore", SuspiciousInput)
            reader.read(path, folder, scratch)
    except InputError as error:
        return _refused(error)
    except Exception as error:
        return Outcome(FOUND, f"{type(error).__name__} at {_place(error)}", traceback.format_exc())
    return Outcome(READ)


def _refused(error: InputError) -> Outcome:
    line, cause = str(error), error.__cause__
    while cause is not None:
        if isinstance(cause, MemoryError):  # refused, but only after it had asked for all that there is
            return Outcome(
                FOUND, f"out of memory at {_place(error)}", "".join(traceback.format_exception(error))
            )
        cause = cause.__cause__ or cause.__context__
    if not line.strip() or "\n" in line or len(line) > LONGEST_LINE:
        return Outcome(FOUND, f"not one line at {_place(error)}", line)
    return Outcome(REFUSED)


def _place(error: BaseException) -> str:
    """The last of Monsoon's own lines that an error came through, or else of the fuzzer's."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)]
    own = [frame for frame in frames if not Path(frame.filename).is_relative_to(ROOT / "tests")] or frames
    if isinstance(error, Broken):
        return str(error)[:100]
    return f"{Path(own[-1].filename).relative_to(ROOT)}:{own[-1].lineno}" if own else "?"


def _is_own(file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(ROOT) and ".venv" not in path.relative_to(ROOT).parts
