"""The verbs about what a campaign has written. Every command line is read through them: imports are light."""

from __future__ import annotations

from typing import Annotated

import typer

from monsoon.jobs.show import show
from monsoon.jobs.words import VERDICT_FAILED, GeometryName, SpeciesName

Output = Annotated[str, typer.Argument(metavar="URL", help="the campaign's output")]
NAMED = "absent: as the manifest says, if that is shipped"


def status(url: Output) -> None:
    """Show the state of a campaign, while it runs and afterwards."""
    from monsoon.jobs.status import status as run

    run(url)


def campaigns(
    root: Annotated[str, typer.Argument(metavar="ROOT", help="a folder's path or URL")],
    search: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD=VALUE]...", help="what to list: state=finished model=best* 'mu>=5'"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="a JSON object a line, with every field")] = False,
    depth: Annotated[int, typer.Option("--depth", min=0, help="levels of folders to descend")] = 5,
) -> None:
    """List and search the campaigns below a folder. No event file is opened."""
    from monsoon.jobs.campaigns import list_campaigns

    list_campaigns(root, search or (), json=json, depth=depth)


def provenance(
    url: Output,
    event: Annotated[int, typer.Argument(metavar="EVENT", help="an event's number")],
    json: Annotated[bool, typer.Option("--json", help="a JSON object")] = False,
) -> None:
    """Say where an event comes from: shard, files, worker, failed attempts, model, incidents, software."""
    from monsoon.jobs.provenance import provenance as run

    run(url, event, json=json)


def schema(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="campaign, manifest, record, driver, catalog or provenance"),
    ] = None,
    write: Annotated[
        str | None,
        typer.Option("--write", help="a folder for all schemas, or a Markdown file for the table"),
    ] = None,
) -> None:
    """Print the JSON schema of an output's file; without a name, the versions of all that is stored."""
    from monsoon.jobs.schema import schema as run

    run(name, write)


def verify(
    url: Output,
    quick: Annotated[bool, typer.Option("--quick", help="files' sizes only, not their content")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="remove files that no record names")] = False,
    merkle_root: Annotated[
        str | None, typer.Option("--merkle-root", help="that of its manifest, as it was published")
    ] = None,
) -> None:
    """Check everything that a campaign has written; exit code 3 if something is wrong."""
    from monsoon.jobs.verify import verify as run

    if not run(url, quick=quick, clean=clean, merkle_root=merkle_root).good:
        raise typer.Exit(VERDICT_FAILED)


def merge(
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="output of the merged campaign")],
    sites: Annotated[list[str], typer.Argument(metavar="SITE...", help="outputs of the parts")],
) -> None:
    """Merge the parts of a campaign from several sites. Only records are written; event files stay."""
    from monsoon.jobs.merge import merge as run

    print(f"events: {run(output, sites)}")


def report(
    url: Output,
    page: Annotated[
        str | None, typer.Option("--page", help="file or URL of the page; absent: report.html in the output")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help=f"the campaign's; {NAMED}")] = None,
    outside: Annotated[str | None, typer.Option("--outside", help=f"the campaign's; {NAMED}")] = None,
    detector: Annotated[str | None, typer.Option("--detector", help=f"the campaign's; {NAMED}")] = None,
    geometry: GeometryName = None,
    species: SpeciesName = None,
) -> None:
    """Write a page about the events of a campaign."""
    from monsoon.jobs.report.page import write_report

    words = {"model": model, "outside": outside, "detector": detector}
    print(f"report: {write_report(url, page, **words, geometry=geometry, species=species)}")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for verb in (status, campaigns, provenance, show, schema, verify, merge, report):
        app.command()(verb)
