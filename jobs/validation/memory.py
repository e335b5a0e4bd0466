"""Classifications of a validation that was interrupted: the same validation need not make them again."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from monsoon.jobs.validation.result import software
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.files import write_whole
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.calochallenge import LEVELS, area
from monsoon.models.metrics.classification import Classification, classify
from monsoon.models.metrics.regions import Region

ARRAYS = ("log_weight", "log_weight_reference")


CLASSIFICATIONS = ".classifications"  # in the folder of the report


class Memory:
    """A hidden folder with a file for each classification, named by a hash of all that determines it."""

    def __init__(self, folder: Path) -> None:
        """Remember in the folder of the report, which exists."""
        self._folder = folder / CLASSIFICATIONS
        self._folder.mkdir(exist_ok=True)

    def classify(
        self,
        name: str,
        generated: ShowerSet,
        reference: ShowerSet,
        grid: Geometry,
        seed: int,
        repeats: int,
        **settings: int,
    ) -> Classification:
        """As `models.metrics.classification.classify`, which is called where the answer is not known yet."""
        file = self._file([name, grid.as_json(), seed, repeats, settings], generated, reference)
        if not file.exists():
            write_whole(file, _packed(classify(name, generated, reference, grid, seed, repeats, **settings)))
        return _unpacked(file)

    def areas(
        self, generated: ShowerSet, reference: ShowerSet, grid: Geometry, seed: int, epochs: int
    ) -> dict[str, tuple[float, float]]:
        """As `models.metrics.calochallenge.areas`, each level of which is asked where it is not known yet."""
        found = {}
        for level in LEVELS:
            how = [f"calochallenge-{level}", grid.as_json(), seed, epochs]
            file = self._file(how, generated, reference).with_suffix(".json")
            if not file.exists():
                write_whole(file, json.dumps(area(level, generated, reference, grid, seed, epochs)).encode())
            value, error = json.loads(file.read_bytes())
            found[level] = value, error
        return found

    def _file(self, how: list[object], generated: ShowerSet, reference: ShowerSet) -> Path:
        """Where an answer is, or will be."""
        digest = hashlib.sha256(json.dumps([software(), *how], sort_keys=True).encode())
        for showers in (generated, reference):
            c = showers.conditions
            for column in (c.pdg, c.energy_mev, c.direction, c.offset_mm, showers.weight):
                digest.update(column.contiguous().numpy().tobytes())
            digest.update(showers.showers.energy_mev.contiguous().numpy().tobytes())
        return self._folder / f"{digest.hexdigest()}.npz"

    def forget(self) -> None:
        """Remove all answers, once the report is written."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _packed(classification: Classification) -> bytes:
    values = {f.name: getattr(classification, f.name) for f in fields(classification) if f.name not in ARRAYS}
    values["worst"] = [asdict(region) for region in classification.worst]
    buffer = io.BytesIO()
    arrays = {name: getattr(classification, name) for name in ARRAYS}
    np.savez(buffer, values=np.frombuffer(json.dumps(values).encode(), np.uint8), **arrays)
    return buffer.getvalue()


def _unpacked(file: Path) -> Classification:
    with np.load(file) as content:
        values = json.loads(content["values"].tobytes())
        values["worst"] = [Region(**region) for region in values["worst"]]
        return Classification(**values, **{name: content[name] for name in ARRAYS})
