"""bash completes what `monsoon completion` prints; tests/services presses Tab in this and other shells."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from monsoon.jobs.cli import DONE, UNUSABLE, app, main
from monsoon.jobs.completion import script
from monsoon.models.store.shipped import shipped_names

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
    ("monsoon submit gen", {"generate "}, set()),
    ("monsoon submit train accept", {"accept-reject-egamma "}, set()),
    ("monsoon study co", {"coverage "}, {"toy "}),
    ("monsoon schema man", {"manifest "}, set()),
    (
        "monsoon generate run3 model=flow-e",
        {"model=flow-egamma "},
        {"model=best "},
    ),  # where = splits no words
)


def offered() -> list[set[str]]:
    """What the function offers for each of the lines."""
    program = [script("bash", COMMANDS)]
    for line, _, _ in LINES:
        words = line.split(" ")
        quoted = " ".join(f"'{word}'" for word in words)
        program.append(f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _monsoon")
        program.append('printf "%s|" "${COMPREPLY[@]}"; echo')
    done = subprocess.run(["bash", "-c", "\n".join(program)], capture_output=True, text=True, check=True)
    assert not done.stderr
    return [set(line.split("|")) - {""} for line in done.stdout.splitlines()]


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_offers_verbs_keys_and_names() -> None:
    for (line, some, none), found in zip(LINES, offered(), strict=True):
        assert some <= found, line
        assert not none & found, line
        assert all(word.strip("= ").startswith(line.split(" ")[-1]) for word in found), line


def test_the_command_prints_it_and_names_the_shells_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == DONE
    assert capsys.readouterr().out == f"{script('zsh', COMMANDS)}\n"
    assert main(["completion", "csh"]) == UNUSABLE
    assert "there are bash, zsh, fish" in capsys.readouterr().err
