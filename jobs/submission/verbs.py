"""The verbs that may run as jobs, and how their words are looked at before anything is sent."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from monsoon.engine.config import load_campaign
from monsoon.engine.errors import InputError
from monsoon.jobs.requests.config import load_request
from monsoon.jobs.sweeps.config import load_sweep


class LongVerb(NamedTuple):
    """A verb that runs long.

    Attributes
    ----------
    output : callable
        Where its words say that the results go; raises InputError for words that the verb refuses.
    has_config : bool
        Whether its first word may be a YAML file, which is sent with the job.
    cpus : float
        CPU cores of its own process, beside those of its workers.
    """

    output: Callable[[Sequence[str]], str]
    has_config: bool
    cpus: float


def _of_campaign(words: Sequence[str]) -> str:
    return load_campaign(words[0], words[1:]).output


def _of_training(words: Sequence[str]) -> str:
    from monsoon.jobs.training_config import load_training  # and torch

    return load_training(words[0], [word for word in words[1:] if word != "--local"]).output


def _of_sweep(words: Sequence[str]) -> str:
    return load_sweep(words[0], words[1:]).output


def _of_request(words: Sequence[str]) -> str:
    return load_request(words[0], words[1:]).output


def _of_option(words: Sequence[str]) -> str:
    """The value of --out."""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word == "--out" and after:
            return after
        if word.startswith("--out="):
            return word.removeprefix("--out=")
    raise InputError("--out: is missing; give an absolute path or a URL that the cluster sees")


# a verb that runs long is one line here
LONG = {
    "generate": LongVerb(_of_campaign, has_config=True, cpus=0),
    "train": LongVerb(_of_training, has_config=True, cpus=0),
    "sweep": LongVerb(_of_sweep, has_config=True, cpus=0),
    "request": LongVerb(_of_request, has_config=True, cpus=0),
    "sample": LongVerb(_of_option, has_config=False, cpus=1),
    "validate": LongVerb(_of_option, has_config=False, cpus=1),
}


def expect_long(words: Sequence[str]) -> LongVerb:
    """The verb of a command, once it is known that a cluster could run it.

    Parameters
    ----------
    words : sequence of str
        The words after `monsoon`.

    Raises
    ------
    InputError
        Where the verb does not run as a job, refuses its words, or would write to a folder of this machine.
    """
    verb, *rest = words or ("",)
    if verb not in LONG:
        raise InputError(f"submit {verb}: runs not as a job; there are {', '.join(LONG)}")
    if LONG[verb].has_config and not rest:
        raise InputError(f"submit {verb}: its config is missing; see `monsoon help {verb}`")
    output = LONG[verb].output(rest)
    if not (os.path.isabs(output) or re.match(r"\w+://", output)):
        raise InputError(
            f"output {output}: is relative to a folder of this machine; give an absolute path or a URL "
            "that all nodes of the cluster see"
        )
    return LONG[verb]
