"""`monsoon verify`: re-read everything a campaign has written and hold it against its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.audit import Flaw, check_all
from monsoon.engine.ledger.commits import Ledger, ShardRecord, StoredCampaign
from monsoon.engine.ledger.geometry import geometry_flaws
from monsoon.engine.ledger.manifest import MANIFEST, Manifest, Summary, disagreements, read_manifest
from monsoon.engine.ledger.orphans import Names, Orphan, orphans
from monsoon.engine.ledger.plan import EventRange, gaps, overlaps
from monsoon.engine.ledger.quarantine import quarantine_name
from monsoon.engine.ledger.shards import is_own
from monsoon.engine.ledger.status import running
from monsoon.engine.storage import Store, open_store, storage_answers
from monsoon.jobs.progress.bar import JobProgress
from monsoon.models.said import tell


@dataclass
class Verdict:
    """What `verify` found; the lines themselves are said, not kept."""

    events: int = 0
    shards: int = 0
    missing: int = 0  # events
    duplicate: int = 0  # events
    corrupt: int = 0  # files: of events, of quarantine, commit records
    quarantined: int = 0  # events
    orphans: int = 0  # files that no record names, which is nothing wrong
    findings: int = 0  # lines for what is wrong
    damaged: list[EventRange] = field(default_factory=list)  # shards that have to be made again
    given_up: list[EventRange] = field(default_factory=list)  # shards that are in quarantine whole
    spoilt: list[str] = field(default_factory=list)  # those of their files that are no use

    @property
    def good(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        return (
            f"{self.events} events, {self.shards} shards, {self.missing} missing, "
            f"{self.duplicate} duplicate, {self.corrupt} corrupt, {self.quarantined} quarantined, "
            f"{self.orphans} orphans"
        )


def verify(
    url: str,
    say: Callable[[str], None] = tell,
    *,
    quick: bool = False,
    clean: bool = False,
    merkle_root: str | None = None,
) -> Verdict:
    """Read every file of every committed shard, and say a line for everything that is wrong.

    Parameters
    ----------
    url : str
        The campaign's output.
    say : callable
        Gets the lines; the last one sums up.
    quick : bool
        Look at the sizes of files alone.
    clean : bool
        Remove orphans, which are else said and counted.
    merkle_root : str, optional
        The Merkle root of the output as it was published, `merkle_root` of its manifest. Records, files and
        manifest can be forged together; against a root that was learned elsewhere that shows.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        Where there is no campaign, an output's folder is a link, or orphans cannot be told from work in
        progress.
    """
    ledger = Ledger(open_store(url))
    with storage_answers(ledger.store):
        return _verify(ledger, say, quick=quick, clean=clean, merkle_root=merkle_root)


def _verify(
    ledger: Ledger,
    say: Callable[[str], None],
    *,
    quick: bool = False,
    clean: bool = False,
    merkle_root: str | None = None,
) -> Verdict:
    campaign, verdict, named, summary = ledger.campaign(), Verdict(), Names(), Summary()
    unsure: set[EventRange] = set()  # shards whose records may have named other files than they do now
    if clean:
        _refuse_drivers(ledger.store)
    ranges = ledger.ranges()
    verdict.shards = len(ranges)

    def wrong(line: str) -> None:
        verdict.findings += 1
        say(line)

    for gap in gaps(campaign.range, ranges):
        verdict.missing += gap.events
        wrong(f"missing: events {gap.first} .. {gap.last} are not committed")
    for one, other in overlaps(ranges):
        shared = min(one.last, other.last) - other.first + 1
        verdict.duplicate += shared
        wrong(f"duplicate: {one.stem} and {other.stem} share {shared} events")
    for name, problem in _geometry(ledger.store, campaign).items():
        verdict.corrupt += 1
        wrong(f"corrupt: {name}: {problem}; `monsoon generate` with the same words writes it again")
    with JobProgress("shards", len(ranges)) as progress:
        for shard, record, flaws in check_all(ledger, campaign, ranges, quick=quick):
            if record:
                _count(record, verdict, named)
                summary.add(record)
            if flaws:
                unsure.add(shard)
            for flaw in flaws:
                verdict.corrupt += 1
                if flaw.damaged:
                    _to_repair(verdict, shard, flaw)
                wrong(f"corrupt: {flaw}")
            progress.advance(1)
    if not (verdict.missing or verdict.duplicate or verdict.corrupt):  # else it is to be written anew
        for problem in _manifest_problems(ledger.store, campaign, summary):
            wrong(f"{MANIFEST}: {problem}; the same `monsoon generate` or `merge` writes it anew")
    if merkle_root not in (None, summary.merkle_root):
        wrong(f"merkle root: {summary.merkle_root or 'not all shards have one'}, not {merkle_root}")
    left = orphans(ledger, named, unsure)
    if clean:
        _remove(left, ledger.store, say)
    else:
        for orphan in left:
            verdict.orphans += 1
            say(f"orphan: {orphan.name} ({orphan.bytes} bytes)")
    say(str(verdict))
    return verdict


def repair(ledger: Ledger, say: Callable[[str], None] = tell) -> int:
    """Take shards out of the ledger that are damaged, there twice, or in quarantine whole.

    The campaign then lacks their events, and the next run makes them again. A shard is forgotten before
    its files go: however this ends, no record is left that names less than before. Files go only where
    their names are those of the shard's own, in the output itself.

    Returns
    -------
    int
        How many shards.

    Raises
    ------
    InputError
        As `verify` does.
    """
    with storage_answers(ledger.store):
        verdict = _verify(ledger, say)
        for shard in [*verdict.damaged, *verdict.given_up]:
            ledger.forget(shard)
        for name in verdict.spoilt:
            ledger.store.remove(name)
        twice = list(superfluous(ledger.ranges())) if verdict.duplicate else []
        for shard in twice:
            files = [file.url for file in ledger.record(shard).files]
            ledger.forget(shard)
            for name in files:
                if is_own(shard, name):
                    ledger.store.remove(name)
        return len(verdict.damaged) + len(verdict.given_up) + len(twice)


def superfluous(ordered: Iterable[EventRange]) -> Iterator[EventRange]:
    """Ranges without which no two share an event: of two that do, the one of fewer events, or the later.

    Two sound shards agree in what they share; the larger one leaves less to be made again.
    """
    kept = None
    for part in ordered:
        if kept is None or part.first > kept.last:
            kept = part
        elif part.events > kept.events:
            yield kept  # whatever was kept before ends before this one's first event, so before part's
            kept = part
        else:
            yield part


def _geometry(store: Store, campaign: StoredCampaign) -> dict[str, str]:
    """What is wrong with the stored detector."""
    try:
        promised = bool(read_manifest(store).get("geometry"))
    except (OSError, ValueError):
        promised = False  # not finished; one that cannot be read is a finding of its own
    return geometry_flaws(store, str(campaign.identity.get("detector")), promised=promised)


def _count(record: ShardRecord, verdict: Verdict, named: Names) -> None:
    verdict.events += record.counts.get("events", 0)
    verdict.quarantined += record.counts.get("quarantined", 0)
    for file in record.files:
        named.add(file.url)
    if quarantined := record.counts.get("quarantined", 0):
        named.add(quarantine_name(record.range))
        if quarantined == record.range.events and not record.files:
            verdict.given_up.append(record.range)


def _to_repair(verdict: Verdict, shard: EventRange, flaw: Flaw) -> None:
    if not verdict.damaged or verdict.damaged[-1] != shard:
        verdict.damaged.append(shard)
    if is_own(shard, flaw.url):
        verdict.spoilt.append(flaw.url)


def _manifest_problems(store: Store, campaign: StoredCampaign, summary: Summary) -> Iterator[str]:
    """What is wrong with the manifest of a complete campaign; an output may have none."""
    try:
        manifest = Manifest.model_validate(read_manifest(store))
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        yield "not readable as a manifest"
        return
    yield from disagreements(manifest, campaign, summary)


def _remove(left: Iterable[Orphan], store: Store, say: Callable[[str], None]) -> None:
    found = list(left)  # a listing need not hold while files go
    _refuse_drivers(store)
    for orphan in found:
        store.remove(orphan.name)
        say(f"removed: {orphan.name} ({orphan.bytes} bytes)")


def _refuse_drivers(store: Store) -> None:
    driver = running(store)
    if driver is not None:
        raise InputError(f"{store.url}: {driver} works on this campaign; clean when it has ended")
