"""`monsoon completion`: what a shell needs to complete verbs, options, keys and names of models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from monsoon.engine.errors import InputError

SHELLS = ("bash", "zsh")
# A word that ends in = gets no space after it; after model= and the like the shell splits the word at =
SCRIPT = r"""_monsoon() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words="" one
  COMPREPLY=()
  if [[ $before == = || $word == = ]]; then
    [[ $word == = ]] && word="" || before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  case $before in
VALUES
    *)
      if [[ ${COMP_WORDS[COMP_CWORD-1]} == = || ${COMP_WORDS[COMP_CWORD]} == = ]]; then return; fi
      if (( COMP_CWORD == 1 )); then words="VERBS"
      else
        case ${COMP_WORDS[1]} in
WORDS
        esac
      fi ;;
  esac
  for one in $(compgen -W "$words" -- "$word"); do
    [[ $one == *= ]] && COMPREPLY+=("$one") || COMPREPLY+=("$one ")
  done
}
complete -o default -o nospace -F _monsoon monsoon"""
ZSH = "autoload -Uz compinit bashcompinit && compinit -u && bashcompinit\n"


def completion(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash or zsh")],
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
    verbs = [f"        {verb}) words={_quoted(words_of(verb, commands))} ;;" for verb in commands]
    values = [f"    {'|'.join(keys)}) words={_quoted(names)} ;;" for keys, names in _values()]
    text = SCRIPT.replace("VALUES", "\n".join(values)).replace("WORDS\n", "\n".join(verbs) + "\n")
    return (ZSH if shell == "zsh" else "") + text.replace(
        '"VERBS"', _quoted([*commands, "--help", "--debug"])
    )


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
    from monsoon.jobs.incidents import SOURCES
    from monsoon.jobs.training_config import recipes

    if verb in ("generate", "plan", "doctor"):
        return list(PRESETS)
    there_are = {"train": recipes(), "incidents": list(SOURCES), "completion": SHELLS, "help": list(verbs)}
    return there_are.get(verb, ())


def _values() -> Iterable[tuple[Sequence[str], Sequence[str]]]:
    from monsoon.engine.detector.detector import shipped_detectors
    from monsoon.engine.ledger.shards import FORMATS
    from monsoon.models.store.suite import shipped_names

    yield ("model", "--model", "outside", "--outside"), shipped_names()
    yield ("detector", "--detector"), list(shipped_detectors())
    yield ("formats",), list(FORMATS)


def _quoted(words: Iterable[str]) -> str:
    return f'"{" ".join(words)}"'
