"""The command line: arguments to configs, errors to exit codes. Nothing else happens here."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from monsoon.engine.errors import InputError

DONE, UNUSABLE, VERDICT_FAILED, INTERRUPTED = 0, 2, 3, 130

app = typer.Typer(
    help="Distributed production of simulated LHC calorimeter events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# ClickException, wherever this version of typer keeps it
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]

Settings = Annotated[list[str] | None, typer.Argument(metavar="[key=value]...")]
CampaignName = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="a YAML file, or a preset: run3, hl-lhc")
]


@app.command()
def incidents(
    source: Annotated[str, typer.Argument(help="pythia, hepmc, lhe, gun, table or overlay")],
    settings: Settings = None,
) -> None:
    """Write a Parquet file of the particles that reach the calorimeter's face."""
    from monsoon.engine.config import parse_overrides, validate
    from monsoon.jobs.incidents import SOURCES

    if source not in SOURCES:
        raise InputError(f"incidents {source}: no such source; choose from {', '.join(SOURCES)}")
    config, run = SOURCES[source]
    run(validate(config, parse_overrides(settings or []), f"incidents {source}"))


@app.command()
def plan(campaign: CampaignName, settings: Settings = None) -> None:
    """Say what a campaign will take, before it runs."""
    from monsoon.engine.config import load_campaign
    from monsoon.jobs.plan import say_plan

    say_plan(load_campaign(campaign, settings or []))


@app.command()
def generate(campaign: CampaignName, settings: Settings = None) -> None:
    """Run a campaign, or what is missing of it."""
    from monsoon.engine.config import load_campaign
    from monsoon.jobs.generate import generate as run

    asked = load_campaign(campaign, settings or [])
    outcome = run(asked)
    if asked.only is None:
        print(f"events: {outcome.output}")


@app.command()
def status(url: str) -> None:
    """Say how a campaign stands, while it runs and after."""
    from monsoon.jobs.status import status as run

    run(url)


@app.command()
def verify(
    url: str,
    quick: Annotated[bool, typer.Option("--quick", help="files' sizes only, not their content")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="remove files that no record names")] = False,
) -> None:
    """Re-read all that a campaign has written; exit 3 where something is wrong."""
    from monsoon.jobs.verify import verify as run

    if not run(url, quick=quick, clean=clean).good:
        raise typer.Exit(VERDICT_FAILED)


@app.command()
def merge(
    output: str,
    sites: Annotated[list[str], typer.Argument(metavar="SITE...", help="outputs of the parts")],
) -> None:
    """Make one campaign of several sites' parts: records alone, the files stay where they are."""
    from monsoon.jobs.merge import merge as run

    print(f"events: {run(output, sites)}")


@app.command()
def report(
    url: str,
    page: Annotated[
        str | None, typer.Option("--page", help="where to; absent: report.html in the output")
    ] = None,
) -> None:
    """Write the page that shows what a campaign has made."""
    from monsoon.jobs.report.page import write_report

    print(f"report: {write_report(url, page)}")


@app.command()
def train(
    config: Annotated[str, typer.Argument(help="a YAML file, or the name of a shipped recipe")],
    settings: Settings = None,
    local: Annotated[
        bool, typer.Option("--local", help="without Ray: in this process, or under torchrun")
    ] = False,
) -> None:
    """Train a generator, or go on with it; exit 3 where the training failed."""
    from monsoon.jobs.train import train as run
    from monsoon.jobs.training_config import load_training

    outcome = run(load_training(config, settings or []), local=local)
    if outcome.failed:
        raise typer.Exit(VERDICT_FAILED)
    print(f"model: {outcome.output}")


@app.command()
def sample(
    model: Annotated[str, typer.Option("--model", help="a shipped name, a folder, or shower files")],
    conditions: Annotated[str, typer.Option("--conditions", help="HDF5, with or without showers")],
    out: Annotated[str, typer.Option("--out", help="HDF5, CaloChallenge layout")],
    seed: Annotated[int, typer.Option("--seed")] = 0,
) -> None:
    """Write one shower for each row of a conditions file."""
    from monsoon.jobs.sample import sample as run

    run(model, conditions, out, seed)
    print(f"showers: {out}")


@app.command()
def validate(
    reference: Annotated[str, typer.Option("--reference", help="Geant4 showers nobody trained on")],
    model: Annotated[list[str] | None, typer.Option("--model", help="a model; repeat to compare")] = None,
    generated: Annotated[list[str] | None, typer.Option("--generated", help="a file of showers")] = None,
    floor: Annotated[str | None, typer.Option("--floor", help="more Geant4 showers, as many")] = None,
    requirements: Annotated[str | None, typer.Option("--requirements", help="YAML")] = None,
    out: Annotated[str, typer.Option("--out", help="folder of the report")] = "out/validation",
    seed: Annotated[int, typer.Option("--seed")] = 0,
    limit: Annotated[int | None, typer.Option("--limit", help="showers of each sample at most")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="fewer repetitions")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="cannot tell is a failure too")] = False,
    into_card: Annotated[bool, typer.Option("--into-card", help="keep the numbers in the model")] = False,
) -> None:
    """Judge generated showers against Geant4's; exit 3 where a requirement is not met."""
    from monsoon.jobs.validate import validate as run

    done = run(
        model or (),
        generated or (),
        reference=reference,
        floor=floor,
        requirements=requirements,
        out=out,
        seed=seed,
        quick=quick,
        limit=limit,
        into_card=into_card,
    )
    if done.unclear and not strict:
        print("monsoon: not every requirement can be told at this sample size", file=sys.stderr)
    print(f"report: {done.page}")
    if done.fails(strict):
        raise typer.Exit(VERDICT_FAILED)


@app.command()
def models(
    write: Annotated[str | None, typer.Option("--write", help="a Markdown file with the markers")] = None,
    time: Annotated[bool, typer.Option("--time", help="measure the time per shower now")] = False,
) -> None:
    """Print the table of the shipped generators: quality, with floors, and speed."""
    from monsoon.jobs.models import models as run

    run(write, time)


@app.command()
def demo(
    output: Annotated[str, typer.Argument(help="where the events and the report go")] = "out/demo",
) -> None:
    """Make 2 000 Run 3 events on this machine, and a report of them."""
    from monsoon.engine.storage import local_path
    from monsoon.jobs.demo import demo as run

    run(local_path(output))


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="smaller sizes, under two minutes")] = False,
    check: Annotated[bool, typer.Option("--check", help="a line per bar; exit 3 on a miss")] = False,
    csv: Annotated[str | None, typer.Option("--csv", help="where the rows are appended")] = None,
) -> None:
    """Time each stage and the whole against named peers, equality first."""
    from monsoon.engine.storage import local_path
    from monsoon.jobs.bench.run import bench as run

    raise typer.Exit(run(quick=quick, check=check, csv=local_path(csv) if csv else None))


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns 0 done, 2 unusable input, 3 a verdict failed, or 130 interrupted."""
    try:
        code = app(list(arguments), standalone_mode=False)
    except InputError as error:
        print(f"monsoon: {error}", file=sys.stderr)
        return UNUSABLE
    except USAGE_ERROR as error:
        print(f"monsoon: {error}; see `monsoon --help`", file=sys.stderr)
        return UNUSABLE
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:  # typer makes an exit code of Ctrl-C on its own
        print("monsoon: interrupted; run the same command again to go on", file=sys.stderr)
    return int(code or DONE)


def run() -> None:
    """The console script. SIGTERM, as batch systems send it, ends as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
