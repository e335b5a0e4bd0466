"""`monsoon validate`: are a generator's showers Geant4's, as far as these samples can tell?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from monsoon.engine.errors import InputError
from monsoon.engine.storage import local_path
from monsoon.jobs.models import card_of, store
from monsoon.jobs.validation.card import card_metrics
from monsoon.jobs.validation.gallery import Gallery
from monsoon.jobs.validation.memory import Memory
from monsoon.jobs.validation.page import document
from monsoon.jobs.validation.result import Result, record, verdicts_on
from monsoon.jobs.validation.samples import Candidate, contests, file_generator, model_generator, read_file
from monsoon.models.geometry.planar import Grid
from monsoon.models.metrics.findings import QUICK, Effort, cost, find
from monsoon.models.metrics.requirements import SHIPPED, read_requirements
from monsoon.models.metrics.verdicts import Outcome, worst

PAGE, RECORD = "report.html", "report.json"
FIGURES_COST = 3


@dataclass(frozen=True)
class Validated:
    """Where the report is, and what it says of each generator."""

    page: Path
    result: Result

    @property
    def outcome(self) -> Outcome:
        return worst([self.result.outcome(who) for who in self.result.verdicts])

    @property
    def unclear(self) -> bool:
        """Whether there is a requirement on which these showers do not tell."""
        verdicts = (verdict for found in self.result.verdicts.values() for verdict in found)
        return any(verdict.outcome is Outcome.CANNOT_TELL for verdict in verdicts)

    def fails(self, strict: bool = False) -> bool:
        """Whether the command ends with exit code 3."""
        return self.outcome is Outcome.FAIL or (strict and self.unclear)


def validate(
    models: Sequence[str] = (),
    generated: Sequence[str] = (),
    *,
    reference: str,
    floor: str | None = None,
    requirements: str | None = None,
    out: str = "out/validation",
    seed: int = 0,
    quick: bool = False,
    limit: int | None = None,
    into_card: bool = False,
    effort: Effort | None = None,
    say: Callable[[str], None] = print,
) -> Validated:
    """Judge models and files of showers of the reference's conditions, side by side; writes page and record.

    Interrupted, it leaves the judgements it has beside them, and the same call goes on.

    floor      a second Geant4 file; absent: the reference is halved
    limit      showers of each sample and group of species, at most
    into_card  store what was found in the folder of each model that is one
    effort     instead of the usual one, or of that of `quick`

    Raises InputError where something cannot be used.
    """
    started = perf_counter()
    if not models and not generated:
        raise InputError("nothing to validate; give --model NAME or --generated FILE.h5")
    if not 0 <= seed < 1 << 64:
        raise InputError(f"seed: {seed} is not in 0 .. 2^64 - 1")
    if limit is not None and limit < 1:
        raise InputError(f"limit: {limit} is not positive")
    cards = {name: card_of(name) for name in models} if into_card else {}
    wanted = read_requirements(local_path(requirements) if requirements else SHIPPED).requirements
    folder = local_path(out)
    gallery, memory = Gallery(folder), Memory(folder)
    effort = effort or (QUICK if quick else Effort())
    grid = Grid()
    console = Console(stderr=True)
    with console.status("reading the samples"):
        real, real_origin = read_file(reference, grid)
        other, other_origin = read_file(floor, grid) if floor else (None, None)
    with console.status("loading the generators"):
        generators = [model_generator(name) for name in models]
        generators += [file_generator(path, real, grid) for path in generated]
        _check_names(generators)
    with console.status("generating showers"):
        found = contests(generators, real, other, seed, limit, grid)
    with _progress(console, sum(cost(c, effort) + FIGURES_COST for c in found)) as advance:
        findings = [find(contest, effort, advance, memory.judge) for contest in found]
        verdicts = {g.name: verdicts_on(g.name, wanted, findings, effort) for g in generators}
        samples = {"reference": real_origin, **({"floor": other_origin} if other_origin else {})}
        origins = {"samples": samples, "generators": {g.name: dict(g.origin) for g in generators}}
        result = Result(findings, verdicts, origins, effort, seed, quick, perf_counter() - started)
        advance("figures", 0)
        page = document(result, gallery)
        advance("figures", FIGURES_COST * len(found))
    recorded = record(result)
    _write(folder / RECORD, json.dumps(recorded, indent=1, allow_nan=False) + "\n")
    _write(folder / PAGE, page)
    for name, card in cards.items():
        who = next(g.name for g in generators if g.origin.get("model") == name)
        store(name, {**card, "metrics": {**card.get("metrics", {}), **card_metrics(recorded, who)}})
    memory.forget()
    _say(result, say)
    return Validated(folder / PAGE, result)


def _say(result: Result, say: Callable[[str], None]) -> None:
    """A line a verdict."""
    for who, found in result.verdicts.items():
        for verdict in found:
            what = verdict.requirement
            if verdict.skipped:
                say(f"{who}: skipped: {what.name}: {verdict.skipped}")
            else:
                parts = [part for part in verdict.parts if part.outcome is verdict.outcome and part.reason]
                why = f" ({parts[0].comparison.what}: {parts[0].reason})" if parts else ""
                say(f"{who}: {verdict.outcome}: {what.name}, {what.tolerance.words}{why}")


def _check_names(generators: list[Candidate]) -> None:
    names = [generator.name for generator in generators]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name}: two generators have this name; rename a file, or name each once")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --out") from error


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar on stderr; what it is given says what comes next, and how much is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, redirect_stdout=False) as progress:
        task = progress.add_task("", total=total)

        def advance(what: str, done: int) -> None:
            if what:
                progress.update(task, description=what)
            progress.advance(task, done)

        yield advance
