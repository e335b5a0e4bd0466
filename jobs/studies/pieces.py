"""The pieces of a study: each result is kept in a file of its own, and not made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from monsoon.engine.errors import InputError
from monsoon.jobs.parts import begin
from monsoon.jobs.progress.bar import JobProgress
from monsoon.jobs.work import worked
from monsoon.models.files import read_object, write_whole

Argument = TypeVar("Argument")
Shared = TypeVar("Shared")
Result = dict[str, Any]
LARGEST = 64_000_000  # bytes of a result


class StudyConfig(BaseModel):
    """What all studies have."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    free: ClassVar[frozenset[str]] = frozenset({"output", "ray_address", "workers"})

    output: Annotated[str, Field(min_length=1)]
    """Folder for page, plots, figures and the results of finished pieces."""
    seed: Annotated[int, Field(ge=0, lt=2**62)] = 1
    """Number that all random draws follow from."""
    ray_address: str | None = None
    """A running cluster, HEAD:PORT; absent: the one of RAY_ADDRESS, else a Ray of its own on this machine."""
    workers: Annotated[int, Field(gt=0)] | None = None
    """Processes on Ray, of one CPU each; absent: as many as there are CPUs."""


def results_of(
    config: StudyConfig,
    pieces: Mapping[str, Argument],
    make: Callable[[Shared, Argument], Result],
    shared: Shared,
    local: bool,
    depends: Mapping[str, str] | None = None,
) -> dict[str, Result]:
    """The results of all pieces: those that are kept, and the others made now, on Ray or in this process.

    Parameters
    ----------
    config
        Of the study.
    pieces
        By name, which is a file's.
    make
        A module's function of what all pieces share and of one piece; it has no side effects.
    shared
        What all pieces share.
    local
        Without Ray.
    depends
        What the results depend on besides the config, by name: checksums of files.

    Returns
    -------
    dict
        In the order of the pieces.

    Raises
    ------
    InputError
        Where the folder cannot be used, was begun with other settings, or as `make` does.
    """
    output = Path(config.output)
    folder = output / "pieces"
    identity = config.model_dump(mode="json", exclude=set(config.free))
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"output {output}: {error.strerror}; give a folder to write in") from error
    begin(folder, output, {**{key: json.dumps(value) for key, value in identity.items()}, **(depends or {})})
    missing = {name: piece for name, piece in pieces.items() if not (folder / f"{name}.json").exists()}
    with JobProgress("pieces", len(pieces), len(pieces) - len(missing)) as progress:
        work = worked(
            make, shared, missing, local=local, workers=config.workers, ray_address=config.ray_address
        )
        with closing(work):
            for name, result in work:
                try:
                    write_whole(folder / f"{name}.json", json.dumps(result).encode())
                except OSError as error:
                    raise InputError(
                        f"{folder}: cannot be written ({error.strerror}); free some space"
                    ) from error
                progress.advance(1)
    return {name: _kept(folder / f"{name}.json") for name in pieces}


def _kept(file: Path) -> Result:
    try:
        return read_object(file, LARGEST)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file}: cannot be read ({error}); remove it, and run the same command again"
        ) from error
