"""Files are written whole, under names that nobody can wait for."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from monsoon.models.files import temporary_beside, write_whole


def test_a_file_is_there_whole_and_alone(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        write_whole(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert os.listdir(tmp_path) == ["file"]


def test_a_planted_link_is_not_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if somebody guessed the name."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    monkeypatch.setattr(secrets, "token_hex", lambda size: "00" * size)
    temporary_beside(tmp_path / "file").symlink_to(precious)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"other")
    assert precious.read_bytes() == b"precious"


def test_names_do_not_repeat(tmp_path: Path) -> None:
    assert len({temporary_beside(tmp_path / "file") for _ in range(100)}) == 100


def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(tmp_path / "file", b"content")
    assert os.listdir(tmp_path) == []
