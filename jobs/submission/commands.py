"""`monsoon submit`, `jobs`, `attach` and `stop`: verbs as jobs of a Ray cluster."""

from __future__ import annotations

import json as json_
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monsoon.jobs.columns import aligned
from monsoon.jobs.words import INTERRUPTED
from monsoon.models.said import said

if TYPE_CHECKING:
    from monsoon.jobs.submission.server import Job

Address = Annotated[
    str,
    typer.Option("--cluster", envvar="RAY_API_SERVER_ADDRESS", help="the head's dashboard, http://HEAD:8265"),
]
Name = Annotated[str, typer.Argument(metavar="JOB", help="its name, as `monsoon jobs` lists it")]
EXAMPLE = "Example: monsoon submit generate run3 events=100000 output=/shared/run3 --cluster http://HEAD:8265"


def submit(
    context: typer.Context,
    verb: Annotated[
        str, typer.Argument(metavar="VERB", help="one that runs long, such as generate, train or sweep")
    ],
    cluster: Address,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[CONFIG] [WORD]...", help="its config, keys and options")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="return once it is submitted")] = False,
    wheel: Annotated[
        str | None, typer.Option("--wheel", help="the wheel to send; absent: one of this Monsoon")
    ] = None,
    install: Annotated[
        str | None,
        typer.Option("--install", help="requirements that every node installs first; absent: what it has"),
    ] = None,
    cpus: Annotated[
        float | None,
        typer.Option("--cpus", help="CPU cores of the verb's own process; absent: 0 with workers"),
    ] = None,
    gpus: Annotated[float, typer.Option("--gpus", help="GPUs of the verb's own process")] = 0,
) -> None:
    """Run a verb on a Ray cluster, with the code of this Monsoon, and show what it says."""
    from monsoon.jobs.submission.server import JobServer
    from monsoon.jobs.submission.verbs import expect_long

    every = [verb, *(words or ())]
    expect_long(every)
    group: Any = context.find_root().command
    group.commands[verb].make_context(verb, every[1:])  # refused here as it would be there
    job = JobServer(cluster, wheel, install).submit(*every, cpus=cpus, gpus=gpus)
    print(f"job: {job.name}", flush=True)
    if not detach:
        _follow(job)


def jobs(
    cluster: Address,
    json: Annotated[bool, typer.Option("--json", help="a JSON object a line, with every field")] = False,
) -> None:
    """List the jobs of a Ray cluster, oldest first."""
    from monsoon.jobs.submission.server import JobServer

    found = JobServer(cluster).jobs()
    if json:
        for facts in found:
            print(json_.dumps(facts))
        return
    if not found:
        print("no job was submitted to this cluster")
    for row in _table(found):
        print(row)


def attach(cluster: Address, job: Name) -> None:
    """Show what a job has said and says, from any terminal; ends with the job, and with its exit code."""
    from monsoon.jobs.submission.server import JobServer

    _follow(JobServer(cluster).job(job))


def stop(cluster: Address, job: Name) -> None:
    """End a job as Ctrl-C would: what is committed stays, and the same submission goes on."""
    from monsoon.jobs.submission.server import JobServer

    found = JobServer(cluster).job(job)
    if found.stop():
        print(f"stopped: {job}")
    else:
        print(f"ended before: {job}, {found.facts()['state']}")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    others = {"ignore_unknown_options": True}  # of the verb itself
    app.command(context_settings=others, epilog=EXAMPLE)(submit)
    app.command(epilog="Example: monsoon jobs --cluster http://HEAD:8265")(jobs)
    app.command(epilog="Example: monsoon attach JOB --cluster http://HEAD:8265")(attach)
    app.command(epilog="Example: monsoon stop JOB --cluster http://HEAD:8265")(stop)


def _follow(job: Job) -> None:
    """Print what a job says, and end as it ends. Ctrl-C leaves the job alone."""
    try:
        for text in job.said():
            sys.stdout.write(text)
            sys.stdout.flush()
        code = job.code()
    except KeyboardInterrupt:
        where = f"{job.name} --cluster {job.server.address}"
        print(
            f"\nmonsoon: the job goes on; see it again with `monsoon attach {where}`, end it with "
            f"`monsoon stop {where}`",
            file=sys.stderr,
        )
        raise SystemExit(INTERRUPTED) from None
    if code == INTERRUPTED:  # it was stopped, and has said how it goes on
        raise SystemExit(code)
    if code:
        raise typer.Exit(code)


def _table(found: Sequence[dict[str, Any]]) -> list[str]:
    """A line a job, in columns."""
    rows = [("job", "state", "started", "minutes", "code", "command")]
    for facts in found:
        start, end = facts["started"], facts["ended"] or time.time()
        clock = time.strftime("%Y-%m-%d %H:%M", time.localtime(start)) if start else "-"
        minutes = f"{(end - start) / 60:.1f}" if start else "-"
        code = "-" if facts["code"] is None else str(facts["code"])
        rows.append((said(facts["job"]), facts["state"], clock, minutes, code, said(facts["command"], 500)))
    return aligned(rows)
