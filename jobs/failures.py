"""Errors that reached the command line: which of them a person can mend, and the line that says how."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from monsoon.engine.errors import InputError

REMEDIES = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room within the quota",
    errno.EACCES: "give a place that you may use",
    errno.EPERM: "give a place that you may use",
    errno.EROFS: "give a place that can be written",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files",
    errno.ENAMETOOLONG: "give a shorter name",
}
AGAIN = "look whether it is there and can be used, and run the same command again"
# What fails in these is input, a machine or a service. Anything else that arrives here is a bug of Monsoon's.
LIBRARIES = {
    "aiohttp": "look whether the storage answers, and run the same command again",
    "botocore": "look whether the storage answers, and run the same command again",
    "lzma": "a compressed input is damaged; get it again",
    "pyarrow": "an input is damaged or of another kind; give another",
    "ray": "look at the Ray cluster, and run the same command again",
    "torch": "take a smaller batch, or device=cpu",
    "yaml": "write one `key: value` a line",
    "zipfile": "a compressed input is damaged; get it again",
    "zlib": "a compressed input is damaged; get it again",
}


def remedy_of(error: BaseException) -> str | None:
    """One line about an error that is not a bug: what, where, and the remedy; None for a bug.

    Parameters
    ----------
    error
        What a command raised: an InputError says its line itself; failures of the machine (OSError,
        MemoryError), of the depth of an input (RecursionError), of a package that is not installed, and
        those of the libraries that read input or talk to services get one here.
    """
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            "out of memory; give this machine less at a time (smaller files, fewer workers), or more memory"
        )
    if isinstance(error, RecursionError):
        return "the input is nested too deeply; write it flat"
    if isinstance(error, ModuleNotFoundError) and (error.name or "monsoon").split(".")[0] != "monsoon":
        return f"{error.name} is not installed; pip install it, or leave out what needs it"
    library = next((name for name in map(_package, type(error).__mro__) if name in LIBRARIES), None)
    if library is not None:
        return f"{library}: {_line(error)}; {LIBRARIES[library]}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror or _line(error)}; {REMEDIES.get(error.errno or 0, AGAIN)}"
    return None


def bug_line(error: BaseException) -> str:
    """One line about a bug: the error and the place of Monsoon's own code that it came through last."""
    root = Path(__file__).parents[1]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename, root)]
    at = f" at {Path(frames[-1].filename).relative_to(root)}:{frames[-1].lineno}" if frames else ""
    return f"a bug: {type(error).__name__}: {_line(error)}{at}; --debug shows the traceback, please report it"


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _line(error: BaseException) -> str:
    """The first line of what an error says, or its name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _is_own(file: str, root: Path) -> bool:
    path = Path(file)
    return path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts
