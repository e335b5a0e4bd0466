"""Readers of event files: Parquet, RNTuple, TTree."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import uproot

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.errors import InputError
from monsoon.engine.formats.schema import event_hashes, schema_of, values_of
from monsoon.engine.incidents.gun import Gun, shoot
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.ledger.shards import FORMATS, content_of
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events, Incidents, concatenate
from monsoon.models.store.suite import load_suite
from tests.fuzz.mutation.arrow import mutated_parquet
from tests.fuzz.mutation.octets import mutated_bytes
from tests.fuzz.reader import Reader, check, check_offsets


@cache
def made_incidents(events: int) -> Incidents:
    """Some photons and pions on the face."""
    detector = Detector.load("lhcb-ecal")
    gun = Gun(pdg=(22, 211), energy_mev=(2e3, 5e4), theta_rad=(0.02, 0.2), particles=3)
    return transport(shoot(gun, detector, 0, events), detector, Transport(threshold_mev=0))


@cache
def made_events() -> Events:
    """Six events."""
    suite = load_suite("library")
    placing = Placing(suite.grid, Detector.load("lhcb-ecal"))
    return generate(made_incidents(6), suite, placing, 1, contributions=True)


def check_events(events: Events) -> None:
    """Raise Broken unless columns and offsets fit each other."""
    for column in schema_of(events):
        rows = len(values_of(events, column))
        if column.group == "event":
            check(rows == len(events), f"{column.name} has another length")
        else:
            check_offsets(column.name, getattr(events, f"{column.group}_offsets"), len(events), rows)
    check(len(event_hashes(events)) == len(events), "an event has no hash")


def _read(format_name: str) -> Callable[[Path, Path, Path], None]:
    def read(path: Path, folder: Path, scratch: Path) -> None:
        """Whatever the library raises, `content_of` makes "not this content" of it."""
        content = content_of(format_name, path)
        if content is None:
            raise InputError(f"{path}: not this content")
        check_events(concatenate(FORMATS[format_name].blocks(path)))

    return read


def _prepare(format_name: str) -> Callable[[Path], None]:
    kind = FORMATS[format_name]

    def prepare(folder: Path) -> None:
        for number, contributions in enumerate((True, False)):
            events = made_events() if contributions else _without_contributions(made_events())
            path = folder / f"good-{number}{kind.suffix}"
            with kind.writer(path, contributions, {"producer": "monsoon"}) as append:
                append(events)
                append(events)

    return prepare


def _without_contributions(events: Events) -> Events:
    names = ("offsets", "hit", "particle", "energy_mev")
    return Events(**{**vars(events), **{f"contribution_{name}": None for name in names}})


def _mutated_tree(content: bytes, random: Random) -> bytes:
    """Changed bytes; one in five is another TTree or RNTuple of the same name."""
    if random.random() > 0.2:
        return mutated_bytes(content, random)
    events = made_events()
    columns = {c.name: values_of(events, c) for c in schema_of(events) if c.group == "event"}
    name = random.choice(list(columns))
    columns[name] = columns[name].astype(random.choice(("f4", "i1", "u8", "?", "f8")))
    if random.random() < 0.5:
        del columns[random.choice(list(columns))]
    return _written(columns, random.choice(("events", "Events")), ntuple=random.random() < 0.5)


def _written(columns: dict[str, np.ndarray], name: str, *, ntuple: bool) -> bytes:
    with tempfile.NamedTemporaryFile(suffix=".root") as held:
        with uproot.recreate(held.name) as file:
            if ntuple:
                file.mkrntuple(name, columns)
            else:
                file.mktree(name, {key: values.dtype for key, values in columns.items()}).extend(columns)
        return Path(held.name).read_bytes()


SHARDS = {
    "shard-parquet": Reader(".parquet", _prepare("parquet"), mutated_parquet, _read("parquet")),
    "shard-rntuple": Reader(".root", _prepare("root"), _mutated_tree, _read("root")),
    "shard-ttree": Reader(".ttree.root", _prepare("ttree"), _mutated_tree, _read("ttree")),
}
