"""The command line: arguments become configs, errors become exit codes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from monsoon.engine.errors import InputError
from monsoon.jobs import outputs
from monsoon.jobs.completion import completion
from monsoon.jobs.export import export
from monsoon.jobs.failures import bug_line, remedy_of
from monsoon.jobs.requests.command import request
from monsoon.jobs.showers import showers
from monsoon.jobs.streams import lasting_streams, reader_has_gone
from monsoon.jobs.studies.command import study
from monsoon.jobs.submission import commands
from monsoon.jobs.suspicions import suspicions_on_stderr
from monsoon.jobs.sweeps.command import sweep
from monsoon.jobs.usage import epilog_of
from monsoon.jobs.validation.command import validate
from monsoon.jobs.words import (
    BUG,
    DONE,
    INTERRUPTED,
    UNUSABLE,
    VERDICT_FAILED,
    GeometryName,
    Seed,
    Settings,
    SpeciesName,
)

app = typer.Typer(
    help="Distributed production of simulated LHC calorimeter events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# click's ClickException, wherever this release of typer keeps it
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]

CampaignName = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="a YAML file, or a preset: run3 (mu=5.2), hl-lhc (40), ...")
]


@app.callback()
def monsoon(
    debug: Annotated[
        bool, typer.Option("--debug", help="show the traceback of an error; anywhere on the line")
    ] = False,
) -> None:
    """Distributed production of simulated LHC calorimeter events."""  # main() handles --debug


@app.command("help")
def help_(
    verb: Annotated[str | None, typer.Argument(metavar="VERB", help="a command")] = None,
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="of incidents: pythia, gun ...; of study: toy ...")
    ] = None,
) -> None:
    """List every key and option of a command: type, unit, default and meaning."""
    from monsoon.jobs.help import choices_of, config_of, keys_of, options_of, print_keys

    commands = _commands()
    if verb is None:
        print(f"usage: monsoon help VERB, or monsoon VERB --help; verbs: {', '.join(commands)}")
        return
    if verb not in commands:
        raise InputError(f"help {verb}: no such command; there are {', '.join(commands)}")
    config = config_of(verb, source)
    print(" ".join((commands[verb].__doc__ or "").split()))
    print_keys([*options_of(commands[verb]), *(keys_of(config) if config else ())])
    for line in choices_of(verb, source):
        print(line)


@app.command()
def incidents(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="pythia, hepmc, lhe, gun, table or overlay")
    ],
    settings: Settings = None,
) -> None:
    """Write a Parquet file of the particles that reach the calorimeter's face."""
    from monsoon.engine.config import parse_overrides, validate
    from monsoon.jobs.incidents import SOURCES
    from monsoon.jobs.refusals import nothing_left_of_a_file

    if source not in SOURCES:
        raise InputError(f"incidents {source}: no such source; choose from {', '.join(SOURCES)}")
    config, run = SOURCES[source]
    job: Any = validate(config, parse_overrides(settings or [], config), f"incidents {source}")
    with nothing_left_of_a_file(job.output):
        run(job)


@app.command()
def plan(campaign: CampaignName, settings: Settings = None) -> None:
    """Estimate the size and the time of a campaign before it runs."""
    from monsoon.engine.config import load_campaign

    asked = load_campaign(campaign, settings or [])  # refused before the rest takes seconds to import
    from monsoon.jobs.plan import say_plan

    say_plan(asked)


@app.command()
def doctor(
    campaign: CampaignName,
    settings: Settings = None,
    json: Annotated[bool, typer.Option("--json", help="a JSON object")] = False,
) -> None:
    """Say what of this machine, cluster and store would keep a campaign from running; exit code 2 if any."""
    from monsoon.engine.config import load_campaign
    from monsoon.jobs.doctor import doctor as run

    if not run(load_campaign(campaign, settings or []), json=json).could_run:
        raise typer.Exit(UNUSABLE)


@app.command()
def scale(
    write: Annotated[
        str | None,
        typer.Option("--write", help="a Markdown file with markers, in which to replace the table"),
    ] = None,
) -> None:
    """Print what 10^9 Run 3 and 10^8 HL-LHC events take by generator and by Geant4, from measured numbers."""
    from monsoon.jobs.scale import scale as run

    run(write)


@app.command()
def generate(campaign: CampaignName, settings: Settings = None) -> None:
    """Run a campaign, or continue it."""
    from monsoon.engine.config import load_campaign

    asked = load_campaign(campaign, settings or [])  # as in `plan`
    from monsoon.jobs.generate import generate as run

    result = run(asked)
    if asked.only is None:
        print(f"events: {result.output}")


commands.register(app)


outputs.register(app)


@app.command()
def train(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="a YAML file, or the name of a shipped recipe")
    ],
    settings: Settings = None,
    local: Annotated[
        bool, typer.Option("--local", help="without Ray: in this process, or under torchrun")
    ] = False,
) -> None:
    """Train a generator, or continue its training; exit code 3 if the training failed."""
    from monsoon.jobs.replicas import train as run
    from monsoon.jobs.training_config import load_training

    result = run(load_training(config, settings or []), local=local)
    if result.failed:
        raise typer.Exit(VERDICT_FAILED)
    print(f"model: {result.output}")


app.command()(sweep)
app.command()(request)


@app.command()
def sample(
    model: Annotated[str, typer.Option("--model", help="a shipped name, a folder, or shower files")],
    conditions: Annotated[
        str, typer.Option("--conditions", help="HDF5 file, with or without showers; or a table")
    ],
    out: Annotated[str, typer.Option("--out", help="file for the showers (HDF5), or rows (Parquet)")],
    seed: Seed = 0,
    geometry: GeometryName = None,
    species: SpeciesName = None,
) -> None:
    """Generate one shower, or row, for each row of a file of conditions."""
    from monsoon.jobs.sample import sample as run
    from monsoon.models.data.tables.files import is_table

    run(model, conditions, out, seed, geometry, species)
    print(f"{'rows' if is_table(conditions) else 'showers'}: {out}")


app.command()(validate)
app.command()(study)


@app.command()
def models(
    write: Annotated[
        str | None,
        typer.Option("--write", help="a Markdown file with markers, in which to replace the table"),
    ] = None,
    time: Annotated[bool, typer.Option("--time", help="measure the time per shower now")] = False,
    outside: Annotated[
        bool, typer.Option("--outside", help="measure showers above the training energies now, for the cards")
    ] = False,
    picture: Annotated[
        str | None, typer.Option("--picture", help="a PNG file, for a plot of quality against speed")
    ] = None,
) -> None:
    """Print a table of the shipped generators: quality, with floors, and speed."""
    from monsoon.jobs.models import models as run

    run(write, time, outside, picture)


@app.command()
def demo(
    output: Annotated[
        str, typer.Argument(metavar="OUTPUT", help="folder for the events and the report")
    ] = "out/demo",
) -> None:
    """Make 2 000 Run 3 events on this machine, and a report about them."""
    from monsoon.engine.storage import local_path
    from monsoon.jobs.demo import demo as run

    run(local_path(output))


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="smaller sizes, below ten minutes")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="compare with the required speed; exit code 3 if it is missed")
    ] = False,
    csv: Annotated[str | None, typer.Option("--csv", help="file that the rows are appended to")] = None,
    page: Annotated[
        str | None, typer.Option("--page", help="an HTML file: results, history, roofline")
    ] = None,
) -> None:
    """Time each stage and the whole against other tools, after comparing their results."""
    from monsoon.engine.storage import local_path
    from monsoon.jobs.bench.run import bench as run

    files = (local_path(name) if name else None for name in (csv, page))
    raise typer.Exit(run(quick, check, *files))


for _verb in (export, completion, showers):
    app.command()(_verb)
for _info in app.registered_commands:
    _info.epilog = epilog_of(_info.name or _info.callback.__name__) or _info.epilog  # type: ignore[union-attr]


def _commands() -> dict[str, Any]:
    """The functions of the commands by name."""
    found: list[Any] = app.registered_commands
    return {(info.name or info.callback.__name__): info.callback for info in found}


def main(arguments: Sequence[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str
        The words after `monsoon`. `--debug` may be anywhere among them.

    Returns
    -------
    int
        The exit code: 0 for success; 1 for a bug; 2 for unusable input or a failure of the machine, with one
        line that gives the remedy; 3 for a failed verdict; 130 if interrupted.
    """
    words = [word for word in arguments if word != "--debug"]
    with lasting_streams() as out:
        code = _code(words, debug=len(words) < len(arguments))
        out.flush()
        if code == DONE and out.error is not None and not reader_has_gone(out.error):
            print(
                f"monsoon: stdout: {out.error.strerror}; the work is done but its output is lost: "
                "free some space",
                file=sys.stderr,
            )
            return UNUSABLE
    return code


def _code(words: list[str], debug: bool) -> int:
    """Run one command; prints the line about an error on stderr and returns the exit code."""
    try:
        _expect_folder()
        with suspicions_on_stderr():
            code = app(words, standalone_mode=False)
    except USAGE_ERROR as error:
        if str(error):  # without a command typer has printed the help
            print(f"monsoon: {error}; {_usage(words, error)}", file=sys.stderr)
        return UNUSABLE
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except (Exception, SystemExit) as error:
        return _failed(error, debug)
    if code == INTERRUPTED:  # typer turns Ctrl-C into this exit code too
        print("monsoon: interrupted; run the same command again to continue", file=sys.stderr)
    return int(code or DONE)


def _usage(words: list[str], error: Exception) -> str:
    """The remedy for words that typer does not take."""
    verb = next((word for word in words if not word.startswith("-")), "")
    option = getattr(error, "option_name", None)  # of an option that there is not
    command = _commands().get(verb)
    if command is None:
        return "see `monsoon --help`"
    see = f"see `monsoon help {verb}`"
    if option and "settings" in command.__annotations__:
        return f"keys are given as {option.lstrip('-')}=VALUE, {see}"
    return see


def _expect_folder() -> None:
    """Raise InputError where the working folder has been removed: libraries fail there, some natively."""
    try:
        os.getcwd()
    except OSError as error:
        raise InputError(f"the working folder: {error.strerror}; change to one that exists") from error


def _failed(error: BaseException, debug: bool) -> int:
    if isinstance(error, SystemExit):  # typer turns a broken pipe into one
        if not isinstance(error.__context__, OSError):
            raise error
        error = error.__context__
    if debug:
        traceback.print_exception(error)
    remedy = remedy_of(error)
    print(f"monsoon: {remedy or bug_line(error)}", file=sys.stderr)
    return BUG if remedy is None else UNUSABLE


def run() -> None:
    """The console script. SIGTERM, which batch systems send, has the effect of Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = main(sys.argv[1:])
    gc.freeze()  # else Python looks for circles in all that torch made before it ends: a second of a core
    sys.exit(code)
