"""The command `monsoon validate`: its options, and what is printed at the end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from monsoon.engine.errors import InputError
from monsoon.jobs.words import VERDICT_FAILED, GeometryName, Seed, SpeciesName


def validate(
    reference: Annotated[
        str | None, typer.Option("--reference", help="Geant4 showers not used in training; or real rows")
    ] = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="a model; repeat to compare")] = None,
    generated: Annotated[list[str] | None, typer.Option("--generated", help="a file of showers")] = None,
    floor: Annotated[
        str | None,
        typer.Option("--floor", help="as many other Geant4 showers; absent: half of the reference"),
    ] = None,
    requirements: Annotated[
        str | None, typer.Option("--requirements", help="YAML file; absent: the shipped ones")
    ] = None,
    out: Annotated[str, typer.Option("--out", help="folder of the report")] = "out/validation",
    seed: Seed = 0,
    limit: Annotated[
        int | None, typer.Option("--limit", help="largest number of showers of each sample")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="fewer repetitions")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="exit code 3 also if the sample is too small to tell")
    ] = False,
    into_card: Annotated[
        bool, typer.Option("--into-card", help="store the numbers in the model's card")
    ] = False,
    cut: Annotated[
        list[str] | None, typer.Option("--cut", help="of tables: FEATURE > VALUE, its efficiency; repeat")
    ] = None,
    steps: Annotated[
        list[int] | None,
        typer.Option("--steps", help="of denoisers of tables: sampling steps to try too; repeat"),
    ] = None,
    geometry: GeometryName = None,
    species: SpeciesName = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="an output, all of whose events are looked at, instead")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="of --campaign: another output; absent: its own halves")
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="of --campaign: relative difference of means")
    ] = 0.01,
    local: Annotated[bool, typer.Option("--local", help="of --campaign: without Ray")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="of --campaign: processes; absent: as many as CPUs")
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option("--ray-address", help="of --campaign: a running cluster, HEAD:PORT")
    ] = None,
) -> None:
    """Compare showers, rows or whole campaigns; exit code 3 if a requirement is not met."""
    if campaign is not None:
        given = {"reference": reference, "model": model, "generated": generated, "floor": floor, "cut": cut}
        _of_campaign(campaign, against, out, tolerance, seed, strict, local, workers, ray_address, given)
        return
    if reference is None:
        raise InputError("validate: compares with nothing; give --reference FILE, or --campaign URL")
    if against is not None:
        raise InputError("against: is of campaigns; give --campaign too")
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
        cuts=cut or (),
        steps=steps or (),
        geometry=geometry,
        species=species,
    )
    if done.unclear and not strict:
        print("monsoon: this sample is too small to decide every requirement", file=sys.stderr)
    print(f"report: {done.page}")
    print(f"verdict: {done.summary(strict)}")
    if done.fails(strict):
        raise typer.Exit(VERDICT_FAILED)


def _of_campaign(
    campaign: str,
    against: str | None,
    out: str,
    tolerance: float,
    seed: int,
    strict: bool,
    local: bool,
    workers: int | None,
    ray_address: str | None,
    given: Mapping[str, object],
) -> None:
    from monsoon.engine.storage import local_path
    from monsoon.jobs.validation.campaigns.validating import find, write_findings

    for name, value in given.items():
        if value:
            raise InputError(f"{name}: is of showers and tables, and not of --campaign; leave it out")
    folder = str(local_path(out))
    found = find(
        campaign,
        against,
        out=folder,
        tolerance=tolerance,
        seed=seed,
        local=local,
        workers=workers,
        ray_address=ray_address,
    )
    done = write_findings(found, folder, tolerance)
    if done.unclear and not strict:
        print("monsoon: too few events to decide everything", file=sys.stderr)
    print(f"report: {done.page}")
    print(f"verdict: {done.summary}")
    if done.failed or (strict and done.unclear):
        raise typer.Exit(VERDICT_FAILED)
