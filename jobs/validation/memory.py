"""Judgements of a validation that did not come to its end: the same one need not make them again."""

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
from monsoon.models.geometry.planar import Grid
from monsoon.models.metrics.classification import Judgement, judge
from monsoon.models.metrics.regions import Region

ARRAYS = ("log_weight", "log_weight_reference")


JUDGEMENTS = ".judgements"  # in the folder of the report


class Memory:
    """A hidden folder with a file for each judgement, named by all that determines it."""

    def __init__(self, folder: Path) -> None:
        """folder  of the report; it exists"""
        self._folder = folder / JUDGEMENTS
        self._folder.mkdir(exist_ok=True)

    def judge(
        self,
        name: str,
        generated: ShowerSet,
        reference: ShowerSet,
        grid: Grid,
        seed: int,
        repeats: int,
        **settings: int,
    ) -> Judgement:
        """See models.metrics.classifier.judge."""
        how = [software(), name, asdict(grid), seed, repeats, settings]
        digest = hashlib.sha256(json.dumps(how, sort_keys=True).encode())
        for showers in (generated, reference):
            c = showers.conditions
            for column in (c.pdg, c.energy_mev, c.direction, c.offset_mm, showers.weight):
                digest.update(column.contiguous().numpy().tobytes())
            digest.update(showers.showers.energy_mev.contiguous().numpy().tobytes())
        file = self._folder / f"{digest.hexdigest()}.npz"
        if not file.exists():
            write_whole(file, _packed(judge(name, generated, reference, grid, seed, repeats, **settings)))
        return _unpacked(file)

    def forget(self) -> None:
        """When the report is written."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _packed(judgement: Judgement) -> bytes:
    values = {f.name: getattr(judgement, f.name) for f in fields(judgement) if f.name not in ARRAYS}
    values["worst"] = [asdict(region) for region in judgement.worst]
    buffer = io.BytesIO()
    arrays = {name: getattr(judgement, name) for name in ARRAYS}
    np.savez(buffer, values=np.frombuffer(json.dumps(values).encode(), np.uint8), **arrays)
    return buffer.getvalue()


def _unpacked(file: Path) -> Judgement:
    with np.load(file) as content:
        values = json.loads(content["values"].tobytes())
        values["worst"] = [Region(**region) for region in values["worst"]]
        return Judgement(**values, **{name: content[name] for name in ARRAYS})
