"""`monsoon provenance`: where one event comes from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from json import dumps

from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.provenance import Provenance
from monsoon.engine.ledger.provenance import provenance as find
from monsoon.engine.storage import open_store, storage_answers
from monsoon.models.said import tell


def provenance(url: str, event: int, *, json: bool = False, say: Callable[[str], None] = tell) -> Provenance:
    """Print where an event comes from, in plain lines or as one JSON object.

    Parameters
    ----------
    url : str
        The campaign's output.
    event : int
        The event's number.
    json : bool
        Print a JSON object.
    say : callable
        Prints a line.

    Raises
    ------
    InputError
        Where there is no campaign, the event is not of it, its record is damaged, or the storage fails.
    """
    ledger = Ledger(open_store(url))
    with storage_answers(ledger.store):
        found = find(ledger, event)
    if json:
        print(found.model_dump_json(indent=1))
    else:
        for line in lines(found):
            say(line)
    return found


def lines(found: Provenance) -> list[str]:
    """The plain lines."""
    said = [f"event: {found.event} of {found.url}", f"state: {found.state}"]
    if found.reason:
        said.append(f"reason: {found.reason}")
    if found.shard:
        said.append(f"shard: {found.shard}, content {found.content}")
    said += [f"file: {file.url} ({file.bytes} bytes, sha256 {file.sha256})" for file in found.files]
    if found.shard:
        when = f" at {_clock(found.made)}" if found.made is not None else ""
        said.append(f"made: by {found.worker}{when}" if found.worker else "made: by a former release")
    for trouble in found.failed:
        said.append(
            f"failed before: {_clock(trouble.time)} {trouble.shard}: {trouble.failure}: {trouble.reason} "
            f"[{trouble.node}]"
        )
    for key in ("model", "outside", "detector"):
        if name := getattr(found, key):
            digest = found.identity.get(key)
            said.append(f"{key}: {name}" + (f" ({digest})" if digest else ""))
    for key in ("incidents", "signal"):
        if source := getattr(found, key):
            said.append(f"{key}: {dumps(source, sort_keys=True)}")
    if found.collisions is not None:
        said.append(f"collisions: {len(found.collisions)}, rows {found.collisions} of the incidents")
    for crossing, rows in (found.out_of_time or {}).items():
        said.append(f"collisions of crossing {crossing:+d}: {len(rows)}, rows {rows} of the incidents")
    said.append(f"identity: {found.identity_hash}: {dumps(found.identity, sort_keys=True)}")
    return said


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
