"""Where numba keeps what it has compiled, also where neither the installation nor the home can be written."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
PACKAGE = Path(__file__).parents[1]


def keep_compiled() -> None:
    """Name a folder of this user's own to numba, where it would find none and refuse to compile.

    numba keeps compiled kernels beside their sources, or below the user's home. On a shared installation and
    a batch node neither may be writable. Then a folder among the temporary files takes their place, for this
    process and those that it starts. A choice in the environment (NUMBA_CACHE_DIR) holds.
    """
    if VARIABLE in os.environ or _writable(PACKAGE / "models" / "kernels") or _writable(_user_cache()):
        return
    import tempfile  # imported here: usually it is not needed, and `import monsoon` is to be quick

    folder = Path(tempfile.gettempdir()) / f"monsoon-numba-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        # what lies there is run: it must not be somebody else's, or a link
        private = status.st_uid == os.getuid() and status.st_mode & 0o170077 == 0o040000
    except OSError:
        private = False
    with suppress(OSError):  # no place at all: numba will say so
        os.environ[VARIABLE] = str(folder) if private else tempfile.mkdtemp(prefix="monsoon-numba-")


def _user_cache() -> Path:
    """The folder below the home that numba would take."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path(os.path.expanduser("~/.cache"))) / "numba"


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself where it is missing."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)
