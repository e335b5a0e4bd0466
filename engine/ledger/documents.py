"""The JSON schemas of what an output holds, from the models that read it; versions of all that is stored."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from monsoon.engine.formats.schema import SCHEMA_VERSION
from monsoon.engine.incidents.header import VERSION as INCIDENTS_VERSION
from monsoon.engine.ledger.catalog import CatalogEntry
from monsoon.engine.ledger.manifest import Manifest
from monsoon.engine.ledger.provenance import Provenance
from monsoon.engine.ledger.status import DriverStatus
from monsoon.engine.ledger.stored import Count, Layout, Sha256, ShardRecord, StoredCampaign

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Numerics(BaseModel):
    """What of a machine the events depend on.

    Attributes
    ----------
    device : str
        Kind of device, such as cpu.
    instruction_set : str
        Machine and instruction set.
    threads : int
        Threads of a worker.
    """

    model_config = ConfigDict(extra="allow")

    device: str
    instruction_set: str
    threads: Count


class Identity(BaseModel):
    """What the events of a campaign depend on, as `monsoon generate` writes it.

    Attributes
    ----------
    seed : int
        Number that all random draws follow from.
    incidents, model, detector : str
        Content hashes.
    mu : float or None
        Mean number of collisions overlaid to an event.
    numerics : Numerics
        What of a machine the events depend on.
    content_version : int
        Raised when the same input gives other events.
    outside : str
        What becomes of particles outside the training domain, unless it is the default.
    signal : dict
        What identifies the signal, of campaigns that have one.
    replicas : dict
        How many events have replicas, and by which generators, of campaigns that have them.
    arithmetic : int
        Version of the kernels by which networks sample; absent for libraries.
    out_of_time : list of int
        The other crossings whose collisions are overlaid, of campaigns that have such.
    """

    model_config = ConfigDict(extra="allow")

    seed: int
    incidents: Sha256
    mu: float | None
    model: Sha256
    detector: Sha256
    numerics: Numerics
    content_version: int
    outside: str = "nearest"
    signal: dict[str, Any] = {}
    replicas: dict[str, Any] = {}
    arithmetic: int = 1
    out_of_time: list[int] = []


class WrittenManifest(Manifest):
    """manifest.json as this release writes it: what readers rely on, and the provenance.

    Attributes
    ----------
    model, outside, detector : str
        As the last run named them.
    replicas : int, str or list of str
        Of the generators, as the last run named them; absent where there are none.
    geometry : dict
        Checksums of detector.json and cells.parquet.
    incidents, signal : dict
        Headers of the files of incidents and of the signal.
    software : dict
        Versions of Python and of the packages that events depend on.
    """

    not_counted: dict[str, Count]
    model: str
    outside: str
    detector: str
    replicas: int | str | list[str] = 0
    geometry: dict[str, Any] = {}  # noqa: RUF012
    incidents: dict[str, Any]
    signal: dict[str, Any] = {}  # noqa: RUF012
    software: dict[str, str]


DOCUMENTS: dict[str, type[BaseModel]] = {
    "campaign": StoredCampaign,  # campaign.json
    "manifest": WrittenManifest,  # manifest.json
    "record": ShardRecord,  # _commits/*.json
    "driver": DriverStatus,  # _drivers/*.json
    "catalog": CatalogEntry,  # monsoon campaigns --json
    "provenance": Provenance,  # monsoon provenance --json
}


def schema_of(name: str) -> dict[str, Any]:
    """The JSON schema of one of DOCUMENTS, with the identity and layout of a campaign spelt out.

    Parameters
    ----------
    name : str
        A key of DOCUMENTS.
    """
    document = DOCUMENTS[name]
    schema = document.model_json_schema()
    if issubclass(document, StoredCampaign | Manifest):
        for key, part in (("identity", Identity), ("layout", Layout)):
            inner = part.model_json_schema()
            schema["$defs"] = {**schema.get("$defs", {}), **inner.pop("$defs", {}), part.__name__: inner}
            schema["properties"][key] = {"$ref": f"#/$defs/{part.__name__}"}
    return {"$schema": DIALECT, **schema}


class Stored(NamedTuple):
    """A kind of file that one release writes and a later one reads.

    Attributes
    ----------
    files : str
        Which files.
    written : str
        The version that this release writes.
    read : str
        What this release reads: versions, or how files of former releases differ.
    reader : str
        The function or class that reads it, by its module below `monsoon`.
    """

    files: str
    written: str
    read: str
    reader: str


WITHOUT = "no number: keys are added, with defaults"
VERSIONS = f"{SCHEMA_VERSION} (uint32), 3 (without `hit_energy_mev`)"
STORED = (
    Stored(
        "events/*.parquet",
        VERSIONS,
        f"1 (`hit_cell` uint16), {VERSIONS}",
        "engine.formats.parquet:blocks",
    ),
    Stored(
        "events/*.root",
        VERSIONS,
        f"1 (`hit_cell` uint16), {VERSIONS}",
        "engine.formats.root:blocks",
    ),
    Stored(
        "events/*.edm4hep.root",
        "EDM4hep's schema 4, Monsoon's columns beside it",
        "as written",
        "engine.formats.edm4hep:blocks",
    ),
    Stored(
        "incidents (Parquet)",
        str(INCIDENTS_VERSION),
        "1, without `mother_pdg` too",
        "engine.incidents.parquet:read_incidents",
    ),
    Stored(
        "campaign.json",
        WITHOUT,
        "without `sites` (outputs merged by former releases); an identity without `outside`, `signal`",
        "engine.ledger.stored:StoredCampaign",
    ),
    Stored(
        "_commits/*.json",
        WITHOUT,
        "without `merkle_root`, the count `saturated`, `worker` and `made`",
        "engine.ledger.stored:ShardRecord",
    ),
    Stored(
        "manifest.json", WITHOUT, "without `not_counted` and `merkle_root`", "engine.ledger.manifest:Manifest"
    ),
    Stored(
        "detector.json, cells.parquet",
        WITHOUT,
        "absent; `cells.parquet` of schema 1 without `z_mm`",
        "engine.ledger.geometry:geometry_flaws",
    ),
    Stored("_drivers/*.json", WITHOUT, "unknown keys are ignored", "engine.ledger.status:DriverStatus"),
    Stored("_quarantine/*.json", "no number", "as it is", "engine.ledger.quarantine:parse_faults"),
    Stored(
        "showers (HDF5)",
        WITHOUT,
        "without the attribute `geometry` (30 x 30 pixels)",
        "models.data.shower_files:read_showers",
    ),
    Stored("checkpoints", WITHOUT, "all that shipped", "models.store.checkpoint:load"),
)
