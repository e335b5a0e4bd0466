"""Shells, with a person's keys: what stands on the line once Tab was pressed is what the command is given."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import time
from pathlib import Path

import pytest

from monsoon.jobs.cli import app
from monsoon.jobs.completion import SHELLS, script

COMMANDS = {(info.name or info.callback.__name__): info.callback for info in app.registered_commands}
STARTS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "--private", "-i"],
}
# the command that notes the words it is given
NOTES = {
    "bash": "monsoon() { (IFS='|'; echo \"$*\" >> given); }",
    "zsh": "monsoon() { (IFS='|'; echo \"$*\" >> given); }",
    "fish": "function monsoon\n  string join '|' -- $argv >> given\nend",
}
TYPED = {  # the keys, and the words that come of them
    "monsoon sta\t": "status",
    "monsoon generate hl-lhc-s\t": "generate|hl-lhc-siw",
    "monsoon generate run3 even\t7": "generate|run3|events=7",
    "monsoon generate run3 model=flow-e\t": "generate|run3|model=flow-egamma",
    "monsoon generate run3 detector=lhcb-e\t": "generate|run3|detector=lhcb-ecal",
    "monsoon generate run3 output=thi\t": "generate|run3|output=thisfile",
    "monsoon sample --model flow-e\t": "sample|--model|flow-egamma",
    "monsoon verify --q\t": "verify|--quick",
    "monsoon verify thi\t": "verify|thisfile",
    "monsoon incidents gun energy_m\t5": "incidents|gun|energy_mev=5",
}
SECONDS = 120.0


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_in_a_real_shell(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    (tmp_path / "thisfile").touch()
    (tmp_path / "program").write_text(f"{script(shell, COMMANDS)}\n{NOTES[shell]}\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.environ.update(HOME=str(tmp_path), TERM="xterm")
        os.execvp(STARTS[shell][0], STARTS[shell])
    try:
        said = typed(terminal, "source program; monsoon ready", tmp_path, 1)
        for number, line in enumerate(TYPED):
            said += typed(terminal, line, tmp_path, number + 2)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    words = (tmp_path / "given").read_text().splitlines() if (tmp_path / "given").exists() else []
    assert words == ["ready", *TYPED.values()], said.decode(errors="replace")


def typed(terminal: int, line: str, folder: Path, lines: int) -> bytes:
    """Type a line and Enter, and read the screen until as many commands have noted their words."""
    os.write(terminal, f"{line}\r".encode())
    said, end, given = b"", time.monotonic() + SECONDS, folder / "given"
    while not (given.exists() and given.read_text().count("\n") >= lines) and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 1 << 16)
    return said
