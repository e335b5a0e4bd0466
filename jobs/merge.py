"""`monsoon merge`: the campaigns of several sites, which differ in `first_event`, become one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.geometry import DESCRIPTION, find_geometry, geometry_record, store_geometry
from monsoon.engine.ledger.manifest import MANIFEST, read_manifest, summarise
from monsoon.engine.ledger.merging import Site, begin, merged, refuse_overlaps, same_place, take_over
from monsoon.engine.ledger.plan import gaps
from monsoon.engine.storage import Store, open_store, storage_answers
from monsoon.jobs.progress.bar import JobProgress


def merge(url: str, sites: Sequence[str], say: Callable[[str], None] = print) -> str:
    """Give the output a record for each of the sites' records; returns the output's URL.

    Files stay where they are. The same call again goes on after an interruption, and changes nothing
    after success; a call with further sites adds them. What the sites lack is said, and `generate` can
    make it in the output. Raises InputError, and has written nothing, where the sites are not parts of
    one campaign.
    """
    output = Ledger(open_store(url))
    with storage_answers(output.store):
        _merge(output, sites, say)
    return output.store.url


def _merge(output: Ledger, sites: Sequence[str], say: Callable[[str], None]) -> None:
    parts = _open_sites(output.store, sites)
    # what is there counts as a part: it has to be the same campaign, and may be larger
    standing = [Site(output, output.campaign())] if output.store.exists(CAMPAIGN) else []
    campaign = merged([*standing, *parts])
    output.refuse_strangers()
    refuse_overlaps(output, parts)
    begin(output, campaign)
    _take_geometry(output, [site.ledger.store for site in parts], campaign.identity, say)
    for number, site in enumerate(parts, 1):
        ranges = site.ledger.ranges()
        with JobProgress(f"site {number} of {len(parts)}", len(ranges)) as progress:
            for shard in ranges:
                if flaw := take_over(output, site, shard):
                    say(f"left out: {site.url}/{flaw}")
                progress.advance(1)
    for gap in gaps(campaign.range, output.ranges()):
        say(f"missing: events {gap.first} .. {gap.last} are at none of the sites")
    if not _write_manifest(output, [*standing, *parts]):
        say(f"no {MANIFEST}: no site has one; `monsoon generate` into {output.store.url} writes it")


def _open_sites(output: Store, urls: Sequence[str]) -> list[Site]:
    """Each site once. Raises InputError where one has no campaign, or is the output itself."""
    parts: list[Site] = []
    for url in urls:
        ledger = Ledger(open_store(url))
        if same_place(ledger.store, output):
            raise InputError(f"{url}: is the output too; name sites and output apart")
        if not any(same_place(ledger.store, part.ledger.store) for part in parts):
            parts.append(Site(ledger, ledger.campaign()))
    if not parts:
        raise InputError(f"{output.url}: nothing to merge; name at least one site")
    return parts


def _take_geometry(
    output: Ledger, sites: Sequence[Store], identity: Mapping[str, Any], say: Callable[[str], None]
) -> None:
    """Write what the sites' events were made for; sites of former releases may not hold it."""
    detector = find_geometry([output.store, *sites], str(identity.get("detector")))
    if detector is None:
        say(f"no {DESCRIPTION}: no site has one; `monsoon generate` into {output.store.url} writes it")
    else:
        store_geometry(output.store, detector)


def _write_manifest(output: Ledger, sites: Sequence[Site]) -> bool:
    """The first manifest there is, with the sums and the extent of all; False where there is none."""
    for site in sites:
        try:
            found: dict[str, Any] = read_manifest(site.ledger.store)
        except (OSError, ValueError):
            continue  # not finished, or another site's will do
        campaign = output.campaign()
        manifest = {
            **found,
            **summarise(output.records()),
            "events_wanted": campaign.events,
            "layout": campaign.layout,
            "geometry": geometry_record(output.store),
        }
        output.store.replace(MANIFEST, (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode())
        return True
    return False
