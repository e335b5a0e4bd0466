"""Where a campaign under test lives: its output, on a small file system of its own where that is allowed."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

PAGE = 4096
EBUSY = "busy"


class Arena:
    """Output, log, orders; and what can happen to the file system of the output."""

    def __init__(self, folder: Path, mebibytes: int = 64) -> None:
        """A tmpfs is mounted where root may do so; `mounted` says whether that went well."""
        self.folder = folder
        self._volume, self._ballast = folder / "volume", folder / "volume" / "ballast"
        self.output, self._away = self._volume / "out", self._volume / "away"
        self.log, self.config = folder / "driver.jsonl", folder / "campaign.yaml"
        self._volume.mkdir(parents=True)
        self.refusal = _run(
            "mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=700", "tmpfs", self._volume
        )

    @property
    def mounted(self) -> bool:
        return not self.refusal

    def close(self) -> None:
        """Unmount; the folder itself is the caller's."""
        if self.mounted:
            _run("umount", "--lazy", self._volume)

    # Outages: each comes with what ends it

    def fill(self) -> None:
        """Leave no page free; asked again it takes what has become free since."""
        with self._ballast.open("ab") as file:
            status = os.statvfs(self._volume)
            free, have = status.f_bavail * status.f_frsize, file.tell()
            with suppress(OSError):  # somebody else was faster: the next time
                if free >= PAGE:
                    os.posix_fallocate(file.fileno(), have, free)

    def free(self) -> None:
        self._ballast.unlink()

    def forbid(self) -> bool:
        """No writing any more; False where somebody is just writing."""
        problem = _run("mount", "-o", "remount,ro", self._volume)
        if problem and EBUSY not in problem:
            raise RuntimeError(problem)
        return not problem

    def allow(self) -> None:
        if problem := _run("mount", "-o", "remount,rw", self._volume):
            raise RuntimeError(problem)

    def take_away(self) -> None:
        """The output is not there any more."""
        self.output.rename(self._away)

    def bring_back(self) -> None:
        assert not self.output.exists(), "somebody has made the output anew"
        self._away.rename(self.output)


def _run(*words: str | Path) -> str:
    """What a command complains of; nothing where it does its work."""
    try:
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{words[0]}: {error.strerror}"
    return (done.stderr.strip() or f"{words[0]}: exit code {done.returncode}") if done.returncode else ""
