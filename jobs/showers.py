"""`monsoon showers`: calorimeter hits of EDM4hep files as showers; `monsoon train` reads them so too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from monsoon.jobs.training_config import TrainConfig
    from monsoon.models.data.calorimeter_hits import HitReader

MADE = "showers"  # the folder of a training's output that has them


def showers(
    hits: Annotated[list[str], typer.Argument(metavar="FILE...", help="EDM4hep files, a TTree events")],
    cells: Annotated[
        str, typer.Option("--cells", help="table (Parquet, CSV): cell, x_mm, y_mm, size_mm; z_mm, layer")
    ],
    out: Annotated[str, typer.Option("--out", help="file of showers (HDF5)")],
    collection: Annotated[str, typer.Option("--hits", help="collection of hits")] = "ECalHits",
    particles: Annotated[str, typer.Option("--particles", help="collection of particles")] = "MCParticles",
    geometry: Annotated[
        str | None,
        typer.Option("--geometry", help="voxels; absent: 30 x 30 pixels, each as large as a cell"),
    ] = None,
    face_z: Annotated[
        float | None, typer.Option("--face-z", help="the face [mm]; absent: the foremost cells")
    ] = None,
    scale: Annotated[float, typer.Option("--scale", help="factor on energies, to visible ones")] = 1.0,
) -> None:
    """Turn events of one particle each, with calorimeter hits, into a file of showers to train on."""
    from monsoon.engine.storage import local_path

    reader = reader_of(cells, geometry, collection, particles, face_z, scale)
    write(hits, reader, Path(local_path(out)), print)


def reader_of(
    cells: str,
    geometry: str | None = None,
    hits: str = "ECalHits",
    particles: str = "MCParticles",
    face_z_mm: float | None = None,
    scale: float = 1.0,
) -> HitReader:
    """What reads hits with this table of cells. Raises InputError where they do not fit the geometry."""
    from monsoon.engine.errors import InputError
    from monsoon.models.data.calorimeter_hits import HitReader
    from monsoon.models.data.cells import read_cells
    from monsoon.models.geometry.stored import read_geometry

    if not 0 < scale < 1e6:
        raise InputError(f"scale: {scale:g} is not a positive factor")
    table = read_cells(cells)
    try:
        voxels = table.image() if geometry is None else read_geometry(geometry)
        face = float(table.z_mm.min()) if face_z_mm is None else face_z_mm
        return HitReader(table, voxels, hits, particles, face, scale)
    except ValueError as error:
        raise InputError(f"{cells}: {error}; give another geometry, or table") from error


def write(files: Sequence[str], reader: HitReader, out: Path, say: Callable[[str], None]) -> None:
    """Write the showers of some files, and say what of them was read.

    Raises InputError where a file cannot be used, or no event is a shower; then there is no file.
    """
    from monsoon.engine.errors import InputError
    from monsoon.models.data.shower_files import shower_writer
    from monsoon.models.data.shower_geometry import named

    said = {**named(reader.geometry), "producer": "monsoon, of EDM4hep hits"}
    with shower_writer(out, reader.geometry.voxels, said) as writer:
        for file in files:
            for part in reader.showers(file):
                if len(part):
                    writer.append(part)
        if not writer.rows:
            why = ", ".join(f"{count} {reason}" for reason, count in reader.left_out.items() if count)
            raise InputError(f"{files[0]}: no event is a shower ({why or 'there are none'}); give others")
    say(f"showers: {out}, {writer.rows} of {reader.geometry.label}")
    for reason, count in reader.left_out.items():
        if count:
            say(f"left out: {count} events {reason}")
    beyond = reader.energy_mev["outside"] / max(reader.energy_mev["all"], 1e-9)
    say(f"outside: {100 * beyond:.3g} % of the energy, beyond the voxels")


def hits_as_showers(config: TrainConfig, say: Callable[[str], None]) -> TrainConfig:
    """The same training with showers in place of its files of hits: they are in its output.

    They are made once; whoever goes on with the training finds them. Raises InputError as `write` does.
    """
    from monsoon.models.files import sha256_of

    assert config.cells is not None
    folder = Path(config.output).absolute() / MADE
    folder.mkdir(parents=True, exist_ok=True)

    def of(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(str(made(name)) if name.endswith(".root") else name for name in names)

    def made(name: str) -> Path:
        assert config.cells is not None
        reader = reader_of(config.cells, config.geometry, config.hits)
        sums = "".join(sha256_of(path)[:8] for path in (config.cells, name) if Path(path).is_file())
        words = f"{config.hits}-{reader.geometry.voxels}"
        path = folder / f"{Path(name).stem}-{words}-{sums}.h5"
        if not path.exists():
            write([name], reader, path, say)
        return path

    return config.model_copy(update={"train": of(config.train), "validation": of(config.validation)})
