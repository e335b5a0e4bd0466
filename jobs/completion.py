"""`monsoon completion`: what a shell needs to complete verbs, options, keys and names of models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from monsoon.engine.errors import InputError

SHELLS = ("bash", "zsh", "fish")
# A word that ends in = gets no space after it; bash splits words at =, zsh does not
BASH = r"""_monsoon() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words="" one key="" given=""
  COMPREPLY=()
  if [[ $before == = ]]; then
    given=1 before=${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $word == = ]]; then
    given=1 word=""
  elif [[ $word == *=* ]]; then
    given=1 key=${word%%=*}= before=${word%%=*} word=${word#*=}
  fi
  case $before in
VALUES
    *)
      if [[ $given ]]; then
        if [[ $key ]]; then  # files, which the shell completes by itself where it splits words at =
          for one in "$word"*; do [[ -e $one ]] && COMPREPLY+=("$key$one"); done
        fi
        return
      fi
      if (( COMP_CWORD == 1 )); then words="VERBS"
      else
        case ${COMP_WORDS[1]} in
WORDS
        esac
      fi ;;
  esac
  for one in $(compgen -W "$words" -- "$word"); do
    [[ $one == *= ]] && COMPREPLY+=("$one") || COMPREPLY+=("$key$one ")
  done
}
complete -o default -o nospace -F _monsoon monsoon"""
ZSH = "autoload -Uz compinit bashcompinit && compinit -u && bashcompinit\n"
# fish itself adds the space, or none after =, and completes files
FISH = r"""function _monsoon
  set -l given (commandline -opc)
  set -l word (commandline -ct)
  set -l key (string match -r '^[^=]*=' -- $word; or echo)
  set -l before (string trim -r -c = -- $key)
  test -n "$key"; or set before $given[-1]
  switch $before
VALUES
  end
  test -n "$key"; and return
  if test (count $given) -eq 1
    string split ' ' -- "VERBS"
    return
  end
  switch $given[2]
WORDS
  end
end
complete -c monsoon -a '(_monsoon)'
complete -c monsoon -n 'test (count (commandline -opc)) -eq 1' -f"""


def completion(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish")],
) -> None:
    """Print what a shell reads to complete the words of monsoon: verbs, options, keys, names."""
    commands: Any = context.find_root().command
    print(script(shell, {name: command.callback for name, command in commands.commands.items()}))


def script(shell: str, commands: Mapping[str, Callable[..., None]]) -> str:
    """The shell's program. It runs no Python: all words are in it, as of this release.

    Parameters
    ----------
    shell : str
        One of SHELLS.
    commands : mapping
        The functions of the verbs.

    Raises
    ------
    InputError
        For another shell.
    """
    if shell not in SHELLS:
        raise InputError(f"completion {shell}: no such shell; there are {', '.join(SHELLS)}")
    words = {verb: _quoted(words_of(verb, commands)) for verb in commands}
    values = [(keys, _quoted(names)) for keys, names in _values()]
    if shell == "fish":
        program = FISH
        cases = [
            f"    case {' '.join(keys)}\n      printf '%s\\n' $key(string split ' ' -- {names})\n      return"
            for keys, names in values
        ]
        verbs = [f"    case {verb}\n      string split ' ' -- {found}" for verb, found in words.items()]
    else:
        program = (ZSH if shell == "zsh" else "") + BASH
        cases = [f"    {'|'.join(keys)}) words={names} ;;" for keys, names in values]
        verbs = [f"        {verb}) words={found} ;;" for verb, found in words.items()]
    text = program.replace("VALUES", "\n".join(cases)).replace("WORDS\n", "\n".join(verbs) + "\n")
    return text.replace('"VERBS"', _quoted([*commands, "--help", "--debug"]))


def words_of(verb: str, commands: Mapping[str, Callable[..., None]]) -> list[str]:
    """What may stand after a verb: names to choose from, options, and keys with their =."""
    from monsoon.jobs.help import config_of, keys_of, options_of
    from monsoon.jobs.incidents import SOURCES

    config = config_of(verb)
    configs = [config] if config else [one for one, _ in SOURCES.values()] if verb == "incidents" else []
    keys = {f"{key.name}=": None for one in configs for key in keys_of(one) if ".N." not in key.name}
    options = [key.name for key in options_of(commands[verb]) if key.name.startswith("-")]
    return [*_choices(verb, commands), *options, "--help", *keys]


def _choices(verb: str, verbs: Iterable[str]) -> Sequence[str]:
    from monsoon.engine.config import PRESETS
    from monsoon.engine.ledger.documents import DOCUMENTS
    from monsoon.jobs.incidents import SOURCES
    from monsoon.jobs.studies.command import STUDIES
    from monsoon.jobs.submission.verbs import LONG
    from monsoon.jobs.training_config import recipes

    if verb in ("generate", "plan", "doctor"):
        return list(PRESETS)
    there_are = {
        "train": recipes(),
        "incidents": list(SOURCES),
        "completion": SHELLS,
        "help": list(verbs),
        "submit": [*LONG, *PRESETS, *recipes()],
        "study": list(STUDIES),
        "schema": list(DOCUMENTS),
    }
    return there_are.get(verb, ())


def _values() -> Iterable[tuple[Sequence[str], Sequence[str]]]:
    from monsoon.engine.detector.detector import shipped_detectors
    from monsoon.engine.ledger.shards import FORMATS
    from monsoon.models.store.shipped import shipped_names

    yield ("model", "--model", "outside", "--outside"), shipped_names()
    yield ("detector", "--detector"), list(shipped_detectors())
    yield ("formats",), list(FORMATS)


def _quoted(words: Iterable[str]) -> str:
    return f'"{" ".join(words)}"'
