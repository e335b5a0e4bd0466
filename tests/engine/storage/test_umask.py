"""What a server is asked for is what this process's umask leaves."""

from __future__ import annotations

import os

import pytest

server = pytest.importorskip("monsoon.engine.storage.xrootd_server", exc_type=Exception)


@pytest.mark.parametrize(
    ("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700), (0, 0o666, 0o777)]
)
def test_access_is_granted_as_the_umask_says(mask: int, file: int, folder: int) -> None:
    before = os.umask(mask)
    try:
        assert server.umask() == mask
        assert server.access(0o666) == sum(flag for bit, flag in server.MODES.items() if file & bit)
        assert server.access(0o777) == sum(flag for bit, flag in server.MODES.items() if folder & bit)
    finally:
        os.umask(before)
