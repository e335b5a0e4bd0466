"""The tally of a campaign: its shards in pieces, here or on Ray; finished pieces are not read again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from monsoon.engine.config import MOST_REPLICAS
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.geometry import stored_detector
from monsoon.engine.ledger.sites import Sites
from monsoon.engine.ledger.stored import ShardRecord, StoredCampaign
from monsoon.engine.storage import open_store, storage_answers
from monsoon.jobs.progress.bar import JobProgress
from monsoon.jobs.report.sample import events_of
from monsoon.jobs.validation.campaigns.tally import Cells, Quantity, Tally
from monsoon.jobs.work import worked
from monsoon.models.files import write_whole

PIECE_EVENTS = 20_000  # of a piece, about
PIECES = "pieces"


class Piece(NamedTuple):
    """Consecutive shards of a campaign.

    Attributes
    ----------
    url : str
        The campaign's output.
    records : tuple of str
        Of the shards, as JSON.
    """

    url: str
    records: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the piece's file: it follows from the shards' content."""
        return hashlib.sha256("\n".join(self.records).encode()).hexdigest()[:24]


class Tallied(NamedTuple):
    """A campaign that was read.

    Attributes
    ----------
    url : str
        Its output.
    tally : Tally
        Of all its events.
    detector : Detector
        That it is of.
    identity : dict
        What its events depend on.
    asked : int
        Events that it was begun for.
    """

    url: str
    tally: Tally
    detector: Detector
    identity: dict[str, object]
    asked: int

    @property
    def quantities(self) -> dict[str, Quantity]:
        """What was counted, by name."""
        return Cells.of(self.detector).quantities


def tally_campaign(
    url: str, folder: Path, local: bool, workers: int | None = None, ray_address: str | None = None
) -> Tallied:
    """Read all committed events of a campaign.

    Parameters
    ----------
    url
        Its output.
    folder
        In which finished pieces are kept.
    local
        In this process, without Ray.
    workers, ray_address
        On Ray: processes, and the cluster.

    Raises
    ------
    InputError
        Where the campaign has no events, or something cannot be read or written.
    """
    store = open_store(url)
    with storage_answers(store):
        ledger = Ledger(store)
        stored = ledger.campaign()
        detector = stored_detector(store, stored.identity)
        pieces = {piece.name: piece for piece in _pieces(store.url, ledger)}
    if not pieces:
        raise InputError(f"{store.url}: no events are committed; run `monsoon generate` first")
    cells = Cells.of(detector, *_replicas(stored))
    kept = folder / PIECES
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}; choose another --out") from error
    missing = {name: piece for name, piece in pieces.items() if not (kept / f"{name}.npz").exists()}
    with JobProgress("shards", _shards(pieces), _shards(pieces) - _shards(missing)) as progress:
        work = worked(tally_piece, cells, missing, local=local, workers=workers, ray_address=ray_address)
        with closing(work):
            for name, tally in work:
                try:
                    write_whole(kept / f"{name}.npz", tally)
                except OSError as error:
                    raise InputError(f"{kept}: {error.strerror}; free some space") from error
                progress.advance(len(missing[name].records))
    total = Tally(cells)
    for name in pieces:
        file = kept / f"{name}.npz"
        try:
            total.merge(Tally.from_bytes(cells, file.read_bytes()))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{file}: cannot be read; remove it and run the same command again") from error
    return Tallied(store.url, total, detector, dict(stored.identity), stored.events)


def tally_piece(cells: Cells, piece: Piece) -> bytes:
    """The tally of some shards, as it is stored; one block of events is in memory at a time."""
    tally, store = Tally(cells), open_store(piece.url)
    with storage_answers(store):
        sites = Sites(store, Ledger(store).campaign())
        for record in map(ShardRecord.model_validate_json, piece.records):
            if record.files:  # otherwise all of it is in quarantine
                for block in events_of(store, sites, record):
                    try:
                        tally.add(block)
                    except ValueError as error:
                        raise InputError(
                            f"{piece.url}: {record.range.stem}: {error}; run `monsoon verify`"
                        ) from error
    return tally.to_bytes()


def _replicas(stored: StoredCampaign) -> tuple[int, int]:
    """How many replicas a campaign has, and of one event in how many."""
    found = stored.identity.get("replicas")
    if not isinstance(found, dict):
        return 0, 1
    models, every = found.get("models"), found.get("every")
    if not isinstance(models, list) or not 0 < len(models) <= MOST_REPLICAS or not isinstance(every, int):
        raise InputError("campaign.json: damaged (identity replicas); restore it")
    return len(models), max(every, 1)


def _pieces(url: str, ledger: Ledger) -> Iterator[Piece]:
    records: list[str] = []
    events = 0
    for record in ledger.records():
        # what says what the events are, and not who made them when
        bare = record.model_copy(update={"worker": None, "made": None, "seconds": {}})
        records.append(bare.model_dump_json())
        events += record.last - record.first + 1
        if events >= PIECE_EVENTS:
            yield Piece(url, tuple(records))
            records, events = [], 0
    if records:
        yield Piece(url, tuple(records))


def _shards(pieces: dict[str, Piece]) -> int:
    return sum(len(piece.records) for piece in pieces.values())
