"""The cache folder of numba, also if neither the installation nor the home folder is writable."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
PACKAGE = Path(__file__).parents[1]


def keep_compiled() -> None:
    """Give numba a writable cache folder, without which it refuses to compile.

    numba stores compiled kernels beside their sources, or below the user's home. With a shared installation
    on a batch node neither may be writable. Then this function sets NUMBA_CACHE_DIR to a private temporary
    folder, for this process and its children. A value that the user has set is kept.
    """
    if VARIABLE in os.environ or _writable(PACKAGE / "models" / "kernels") or _writable(_user_cache()):
        return
    import tempfile  # imported here: usually not needed, and `import monsoon` has to be fast

    with suppress(OSError):  # without any writable place, numba reports it
        folder = Path(tempfile.gettempdir()) / f"monsoon-numba-{os.getuid()}"
        os.environ[VARIABLE] = str(folder) if _private(folder) else tempfile.mkdtemp(prefix="monsoon-numba-")


def _private(folder: Path) -> bool:
    """Whether a folder, which is made if it is missing, is this user's alone: code from there is executed."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    return status.st_uid == os.getuid() and status.st_mode & 0o170077 == 0o040000  # a folder, not a link


def _user_cache() -> Path:
    """The folder below the home folder that numba uses by default."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path(os.path.expanduser("~/.cache"))) / "numba"


def _writable(folder: Path) -> bool:
    """Whether files can be created in a folder, or the folder itself if it is missing."""
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
    except OSError:  # inside a folder of somebody else
        return False
    return os.access(folder, os.W_OK | os.X_OK)
