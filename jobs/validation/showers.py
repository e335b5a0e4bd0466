"""`monsoon validate` of showers: are a generator's showers Geant4's, as far as these samples can tell?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from monsoon.engine.errors import InputError
from monsoon.engine.storage import fetch, local_path
from monsoon.jobs.pages.render import render
from monsoon.jobs.plots.overlay import FLOOR, REFERENCE
from monsoon.jobs.progress.bar import CalibratedRemainingColumn
from monsoon.jobs.validation.card import card_metrics
from monsoon.jobs.validation.gallery import PLOTS, Gallery
from monsoon.jobs.validation.memory import CLASSIFICATIONS, Memory
from monsoon.jobs.validation.page import figures_of, report
from monsoon.jobs.validation.requirements import SHIPPED, read_requirements
from monsoon.jobs.validation.result import Result, record, shifts, verdicts_on
from monsoon.jobs.validation.samples import Candidate, contests, file_generator, model_generator, read_file
from monsoon.models.data.shower_geometry import shower_geometry
from monsoon.models.geometry.stored import read_geometry
from monsoon.models.metrics.cost import FIGURE
from monsoon.models.metrics.effort import QUICK, Effort
from monsoon.models.metrics.findings import find, seconds_of
from monsoon.models.metrics.verdicts import Outcome, worst
from monsoon.models.species import species_of
from monsoon.models.store.card_files import card_of, store_card

PAGE, RECORD = "report.html", "report.json"
# What a validation makes in its folder, and what of it is worth keeping where it is refused
MADE = (PAGE, RECORD, PLOTS, CLASSIFICATIONS)
KEPT = (f"{CLASSIFICATIONS}/*",)


@dataclass(frozen=True)
class Validated:
    """Where the report is, and what it says of each generator."""

    page: Path
    result: Result

    @property
    def outcome(self) -> Outcome:
        """The worst over all generators."""
        return worst([self.result.outcome(who) for who in self.result.verdicts])

    @property
    def unclear(self) -> bool:
        """Whether there is a requirement on which these showers do not tell."""
        verdicts = (verdict for found in self.result.verdicts.values() for verdict in found)
        return any(verdict.outcome is Outcome.CANNOT_TELL for verdict in verdicts)

    def fails(self, strict: bool = False) -> bool:
        """Whether the command ends with exit code 3."""
        return self.outcome is Outcome.FAIL or (strict and self.unclear)

    def summary(self, strict: bool = False) -> str:
        """One line, for example `fail (2 of 4 requirements)`.

        With several generators each has its count; what is counted is what decided: the requirements that
        fail, else those that cannot be told, else those that pass.
        """
        outcome = self.outcome
        counts = {
            who: Counter(verdict.outcome for verdict in found if verdict.outcome)
            for who, found in self.result.verdicts.items()
        }
        said = [f"{of[outcome]} of {of.total()} requirements" for of in counts.values()]
        if len(said) > 1:
            said = [f"{who}: {text}" for who, text in zip(counts, said, strict=True)]
        if self.fails(strict) and outcome is not Outcome.FAIL:
            return f"fail ({outcome}; {'; '.join(said)})"
        return f"{outcome} ({'; '.join(said)})"


def validate_showers(
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
    geometry: str | None = None,
    species: str | None = None,
    effort: Effort | None = None,
    say: Callable[[str], None] = print,
) -> Validated:
    """Compare models and files of showers with Geant4, side by side; writes a page and a record.

    A file may have the conditions of the reference row by row, or be an independent sample with conditions of
    its own and another number of showers. Interrupted, the classifications so far are kept beside the page,
    and the same call goes on.

    Parameters
    ----------
    models
        Names or folders of models; they are asked for showers of the reference's conditions.
    generated
        Files of showers.
    reference
        A file of Geant4 showers that no generator was trained on.
    floor
        A second Geant4 file; None: the reference is halved.
    requirements
        A YAML file; None: the shipped one.
    out
        Folder of the page.
    seed
        Of every random choice, and of the models' showers.
    quick
        Less effort: to look at, not to quote.
    limit
        Largest number of showers of each sample and group of species.
    into_card
        Store the numbers in the cards of the models.
    geometry, species
        Of files that say nothing of it: see `read_geometry`, `species_of`.
    effort
        In place of the usual one, or of that of `quick`.
    say
        Prints one line for each verdict.

    Raises
    ------
    InputError
        Where something cannot be used.
    """
    started = perf_counter()
    if not models and not generated:
        raise InputError("nothing to validate; give --model NAME or --generated FILE.h5")
    if not 0 <= seed < 1 << 64:
        raise InputError(f"seed: {seed} is not in 0 .. 2^64 - 1")
    if limit is not None and limit < 1:
        raise InputError(f"limit: {limit} is not positive")
    cards = {name: card_of(name) for name in models} if into_card else {}
    wanted = read_requirements(local_path(requirements) if requirements else SHIPPED)
    folder = local_path(out)
    effort = effort or (QUICK if quick else Effort())
    said = None if geometry is None else read_geometry(geometry)
    pdg = None if species is None else species_of(species)
    console = Console(stderr=True)
    with console.status("reading the samples"):
        grid = shower_geometry(fetch(reference), said)
        real, real_origin = read_file(reference, grid, said, pdg)
        other, other_origin = read_file(floor, grid, said, pdg) if floor else (None, None)
    with console.status("loading the generators"):
        generators = [model_generator(name, grid, said, pdg) for name in models]
        generators += [file_generator(path, real, grid, said, pdg) for path in generated]
        _check_names(generators)
    with console.status("generating showers"):
        found = contests(generators, real, other, seed, limit, grid)
    for text in shifts(found):
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"monsoon: {text}")
    figures = {contest.group: figures_of(contest, effort) for contest in found}
    whole = sum(seconds_of(contest, effort) for contest in found) + FIGURE * sum(figures.values())
    with _progress(console, whole) as advance:
        gallery = Gallery(folder, lambda name: advance(f"figure {name}", FIGURE))
        memory = Memory(folder)
        findings = [find(contest, effort, advance, memory.classify, memory.areas) for contest in found]
        verdicts = {g.name: verdicts_on(g.name, wanted, findings, effort) for g in generators}
        samples = {"reference": real_origin, **({"floor": other_origin} if other_origin else {})}
        origins = {"samples": samples, "generators": {g.name: dict(g.origin) for g in generators}}
        result = Result(findings, verdicts, origins, effort, seed, quick, perf_counter() - started)
        page = render(report(result, gallery))
    recorded = record(result)
    _write(folder / RECORD, json.dumps(recorded, indent=1, allow_nan=False).encode() + b"\n")
    _write(folder / PAGE, page)
    for name, card in cards.items():
        who = next(g.name for g in generators if g.origin.get("model") == name)
        store_card(name, {**card, "metrics": {**card.get("metrics", {}), **card_metrics(recorded, who)}})
    memory.forget()
    _say(result, say)
    return Validated(folder / PAGE, result)


def _say(result: Result, say: Callable[[str], None]) -> None:
    """One line for each verdict."""
    for who, found in result.verdicts.items():
        for verdict in found:
            what = verdict.requirement
            if verdict.skipped:
                say(f"{who}: skipped: {what.name}: {verdict.skipped}")
            else:
                parts = [part for part in verdict.parts if part.outcome is verdict.outcome and part.reason]
                why = f" ({parts[0].check.what}: {parts[0].reason})" if parts else ""
                say(f"{who}: {verdict.outcome}: {what.name}, {what.tolerance.words}{why}")


def _check_names(generators: list[Candidate]) -> None:
    names = [generator.name for generator in generators]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name}: two generators have this name; rename a file, or name each once")
        if name in (REFERENCE, FLOOR):
            raise InputError(f"{name}: plots call the Geant4 samples so; rename the file")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --out") from error


@contextmanager
def _progress(console: Console, seconds: float) -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr, in the seconds of `Cost`; it is told what comes next and how much is done."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        CalibratedRemainingColumn(),
    )
    with Progress(*columns, console=console, redirect_stdout=False) as progress:
        task = progress.add_task("", total=seconds)

        def advance(what: str, done: float) -> None:
            if what:
                progress.update(task, description=what)
            progress.advance(task, done)

        yield advance
