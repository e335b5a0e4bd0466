"""`monsoon verify`: re-read everything that a campaign has written and compare it with its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.audit import Flaw, check_all
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.geometry import geometry_flaws
from monsoon.engine.ledger.manifest import MANIFEST, Manifest, Summary, disagreements, read_manifest
from monsoon.engine.ledger.orphans import Names, Orphan, orphans
from monsoon.engine.ledger.plan import EventRange, gaps, overlaps
from monsoon.engine.ledger.quarantine import quarantine_name
from monsoon.engine.ledger.shards import is_own
from monsoon.engine.ledger.status import running
from monsoon.engine.ledger.stored import ShardRecord, StoredCampaign
from monsoon.engine.storage import Store, open_store, storage_answers
from monsoon.jobs.progress.bar import JobProgress
from monsoon.models.said import tell


@dataclass
class Verdict:
    """The result of `verify`. The lines that it prints are not stored.

    Attributes
    ----------
    events, shards : int
        Committed events and shards.
    missing, duplicate, quarantined : int
        Events that are not committed, are in two shards, or are in quarantine.
    corrupt : int
        Damaged files: event files, lists of quarantined events, commit records, files about the detector.
    orphans : int
        Files that no record names. They are harmless.
    findings : int
        Lines about problems.
    damaged : list of EventRange
        Shards that must be made again.
    given_up : list of EventRange
        Shards with all events in quarantine.
    spoilt : list of str
        Damaged files of the damaged shards.
    """

    events: int = 0
    shards: int = 0
    missing: int = 0
    duplicate: int = 0
    corrupt: int = 0
    quarantined: int = 0
    orphans: int = 0
    findings: int = 0
    damaged: list[EventRange] = field(default_factory=list)
    given_up: list[EventRange] = field(default_factory=list)
    spoilt: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
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
    """Check every file of every committed shard, and print a line for every problem.

    Parameters
    ----------
    url : str
        The campaign's output.
    say : callable
        Prints a line. The last line is a summary.
    quick : bool
        Check only the sizes of event files.
    clean : bool
        Remove orphans, which are otherwise only listed and counted.
    merkle_root : str, optional
        The `merkle_root` of the manifest, as it was published. Records, files and manifest could be forged
        together; this is noticed if the root is known from elsewhere.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        Where there is no campaign, a folder of the output is a link, or `clean` is asked for while a driver
        works on the campaign.
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
    unsure: set[EventRange] = set()  # shards with problems: their records may have named other files
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
        wrong(f"corrupt: {name}: {problem}; the same `monsoon generate` command writes it again")
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
    if not (verdict.missing or verdict.duplicate or verdict.corrupt):  # otherwise a repair rewrites it
        for problem in _manifest_problems(ledger.store, campaign, summary):
            wrong(f"{MANIFEST}: {problem}; the same `monsoon generate` or `merge` writes it again")
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
    """Remove shards from the ledger that are damaged, overlap others, or are in quarantine as a whole.

    The next run makes their events again. A shard's record is removed before its files, so that an
    interruption leaves no record of missing files. Only files in the output itself whose names can only
    belong to the shard are removed.

    Parameters
    ----------
    ledger : Ledger
        The campaign's records.
    say : callable
        Prints a line.

    Returns
    -------
    int
        Number of shards removed.

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
    """The ranges to remove so that no two overlap: of two that do, the smaller, or else the later one.

    Two good shards have the same events where they overlap, and keeping the larger one saves work.

    Parameters
    ----------
    ordered : iterable of EventRange
        Ranges in order.

    Yields
    ------
    EventRange
        A range to remove.
    """
    kept = None
    for part in ordered:
        if kept is None or part.first > kept.last:
            kept = part
        elif part.events > kept.events:
            yield kept  # all ranges kept before end before `kept` starts, so they do not overlap `part`
            kept = part
        else:
            yield part


def _geometry(store: Store, campaign: StoredCampaign) -> dict[str, str]:
    """What is wrong with the stored detector."""
    try:
        promised = bool(read_manifest(store).get("geometry"))
    except (OSError, ValueError):
        promised = False  # no manifest yet; an unreadable one is reported elsewhere
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
    """What is wrong with the manifest of a complete campaign. An output may have no manifest."""
    try:
        manifest = Manifest.model_validate(read_manifest(store))
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        yield "cannot be read as a manifest"
        return
    yield from disagreements(manifest, campaign, summary)


def _remove(left: Iterable[Orphan], store: Store, say: Callable[[str], None]) -> None:
    found = list(left)  # complete the listing before files are removed
    _refuse_drivers(store)
    for orphan in found:
        store.remove(orphan.name)
        say(f"removed: {orphan.name} ({orphan.bytes} bytes)")


def _refuse_drivers(store: Store) -> None:
    driver = running(store)
    if driver is not None:
        raise InputError(f"{store.url}: {driver} is working on this campaign; clean after it has ended")
