"""Errors that reach the command line: which of them the user can fix, and the line that says how."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from monsoon.engine.errors import InputError

REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space within the quota",
    errno.EACCES: "choose a place that you have access to",
    errno.EPERM: "choose a place that you have access to",
    errno.EROFS: "choose a place that is writable",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files",
    errno.ENAMETOOLONG: "give a shorter name",
}
AGAIN = "check that it exists and is usable, and run the same command again"
# Exceptions of these libraries are failures of input, machine or services. All others are bugs of Monsoon.
LIBRARIES = {
    "aiohttp": "check that the storage answers, and run the same command again",
    "botocore": "check that the storage answers, and run the same command again",
    "lzma": "a compressed input is damaged; get it again",
    "pyarrow": "an input is damaged or of another kind; give another file",
    "ray": "check the Ray cluster, and run the same command again",
    "torch": "use a smaller batch, or device=cpu",
    "yaml": "write one `key: value` per line",
    "zipfile": "a compressed input is damaged; get it again",
    "zlib": "a compressed input is damaged; get it again",
}
NO_CACHE = "no locator available"  # numba, where it finds no folder that can be written


def remedy_of(error: BaseException) -> str | None:
    """The message for an error that is not a bug.

    An InputError has its own message. Failures of the machine (OSError, MemoryError), inputs that are nested
    too deeply (RecursionError), missing packages, and exceptions of the libraries that read input or use
    services get one here.

    Parameters
    ----------
    error : BaseException
        What a command raised.

    Returns
    -------
    str or None
        One line: file or field, problem and remedy. None for a bug.
    """
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; use smaller files or fewer workers, or a machine with more memory"
    if isinstance(error, RecursionError):
        return "the input is nested too deeply; reduce the nesting"
    if isinstance(error, ModuleNotFoundError) and (error.name or "monsoon").split(".")[0] != "monsoon":
        return f"{error.name} is not installed; pip install it, or leave out the option that needs it"
    if isinstance(error, RuntimeError) and NO_CACHE in str(error):
        return "compiled code can be kept nowhere; set NUMBA_CACHE_DIR to a folder that can be written"
    if isinstance(error, ValueError) and _while_numba_is_imported(error):
        return f"numba: {_line(error)}; correct the variables NUMBA_... of the environment"
    library = next((name for name in map(_package, type(error).__mro__) if name in LIBRARIES), None)
    if library is not None:
        return f"{library}: {_line(error)}; {LIBRARIES[library]}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror or _line(error)}; {REMEDIES.get(error.errno or 0, AGAIN)}"
    return None


def bug_line(error: BaseException) -> str:
    """The message for a bug: one line with the error and the last line of Monsoon's code in its traceback."""
    root = Path(__file__).parents[1]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename, root)]
    at = f" at {Path(frames[-1].filename).relative_to(root)}:{frames[-1].lineno}" if frames else ""
    return f"a bug: {type(error).__name__}: {_line(error)}{at}; --debug shows the traceback, please report it"


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _line(error: BaseException) -> str:
    """The first line of an error's message, or its name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _while_numba_is_imported(error: BaseException) -> bool:
    """Whether numba itself raised it while it was imported, which it does for settings in the environment."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.name == "<module>" and "numba" in Path(frame.filename).parts for frame in frames)


def _is_own(file: str, root: Path) -> bool:
    path = Path(file)
    return path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts
