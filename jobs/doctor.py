"""`monsoon doctor`: what of this machine, cluster and store would keep a campaign from running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from json import dumps

from monsoon.engine.config import Campaign
from monsoon.jobs.checks import machine
from monsoon.jobs.checks.check import Check, Look, Subject, checked
from monsoon.models.said import tell


@dataclass(frozen=True)
class Diagnosis:
    """The checks of a campaign.

    Attributes
    ----------
    checks : tuple of Check
        In the order in which they were made.
    """

    checks: tuple[Check, ...]

    @property
    def could_run(self) -> bool:
        """Whether none failed."""
        return not self._count("fail")

    def __str__(self) -> str:
        fails, warns = self._count("fail"), self._count("warn")
        verdict = "this campaign could run" if self.could_run else "this campaign could not run"
        counts = [f"{count} {word}" for count, word in ((fails, "to mend"), (warns, "to know")) if count]
        return f"{verdict}{': ' if counts else ''}{', '.join(counts)}"

    def _count(self, state: str) -> int:
        return sum(check.state == state for check in self.checks)


def doctor(campaign: Campaign, *, json: bool = False, say: Callable[[str], None] = tell) -> Diagnosis:
    """Check what a campaign needs, and print a line for each check. Nothing is left behind.

    Files are created and removed again in the output, in the folder for a private Ray, and, on a cluster, by
    each node in the output.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    json : bool
        Print a JSON object instead of lines.
    say : callable
        Prints a line.

    Returns
    -------
    Diagnosis
    """
    found: list[Check] = []
    subject = Subject(campaign)
    for name, look in LOOKS.items():
        fresh = checked(name, look, subject)
        found += fresh
        if not json:
            for check in fresh:
                say(str(check))
    diagnosis = Diagnosis(tuple(found))
    if json:
        checks = [asdict(check) for check in found]
        print(dumps({"could_run": diagnosis.could_run, "checks": checks}, indent=1))
    else:
        say(f"verdict: {diagnosis}")
    return diagnosis


def _later(module: str, name: str) -> Look:
    """A check that is imported when it is made: what is not installed fails it, and the others are made."""

    def look(subject: Subject) -> Iterator[Check]:
        yield from getattr(import_module(f"monsoon.jobs.checks.{module}"), name)(subject)

    return look


# By the name of the check that failed where one of them cannot be made
LOOKS: dict[str, Look] = {
    "packages": machine.installed,
    "open files": machine.open_files,
    "compiled code": machine.compiled,
    "model": _later("inputs", "model"),
    "incidents": _later("inputs", "incidents"),
    "plan": _later("inputs", "rest"),
    "cluster": _later("cluster", "rays"),
    "Ray's folder": _later("private", "folders"),
    "shared memory": _later("private", "shared_memory"),
    "output": _later("store", "probed"),
    "space": _later("store", "space"),
    "campaign": _later("store", "begun"),
    "shards": _later("store", "readable"),
}
