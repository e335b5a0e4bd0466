"""Shells complete what `monsoon completion` prints: verbs, options, keys, names."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from monsoon.jobs.cli import DONE, UNUSABLE, app, main
from monsoon.jobs.completion import script
from monsoon.models.store.suite import shipped_names

COMMANDS = {(info.name or info.callback.__name__): info.callback for info in app.registered_commands}
# words as bash splits them: at spaces and at =; what must be offered; what must not
LINES = (
    ("monsoon sta", {"status "}, {"schema "}),
    ("monsoon generate ru", {"run3 "}, {"hl-lhc "}),
    ("monsoon generate run3 ev", {"events="}, set()),
    ("monsoon generate run3 model = fl", {"flow-egamma ", "flow-hadrons "}, {"best "}),
    ("monsoon generate run3 detector = ", {"lhcb-ecal "}, set()),
    ("monsoon generate run3 output = ", set(), {"run3 ", "events="}),  # the shell's own: files
    ("monsoon sample --model ", {f"{name} " for name in shipped_names()}, set()),
    ("monsoon verify --q", {"--quick "}, set()),
    ("monsoon incidents gun en", {"energy_mev="}, set()),
    ("monsoon help incid", {"incidents "}, set()),
)


def offered(shell: str) -> list[set[str]]:
    """What the shell's function offers for each of the lines."""
    program = [script(shell, COMMANDS)]
    for line, _, _ in LINES:
        words = line.split(" ")
        quoted = " ".join(f"'{word}'" for word in words)
        program.append(f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _monsoon")
        program.append('printf "%s|" "${COMPREPLY[@]}"; echo')
    if shell == "zsh":  # as its bashcompinit calls functions of bash
        body = "\n".join(program[1:])
        program[1:] = [f"run() {{ emulate -L sh; setopt kshglob braceexpand\n{body}\n}}", "run"]
    done = subprocess.run([shell, "-c", "\n".join(program)], capture_output=True, text=True, check=True)
    assert not done.stderr
    return [set(line.split("|")) - {""} for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_offers_verbs_keys_and_names(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    for (line, some, none), found in zip(LINES, offered(shell), strict=True):
        assert some <= found, line
        assert not none & found, line
        assert all(word.strip("= ").startswith(line.split(" ")[-1]) for word in found), line


def test_the_command_prints_it_and_names_the_shells_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == DONE
    assert capsys.readouterr().out == f"{script('zsh', COMMANDS)}\n"
    assert main(["completion", "fish"]) == UNUSABLE
    assert "there are bash, zsh" in capsys.readouterr().err
