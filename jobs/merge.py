"""`monsoon merge`: combine the parts of a campaign from several sites, which differ in `first_event`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.geometry import DESCRIPTION, find_geometry, geometry_record, store_geometry
from monsoon.engine.ledger.manifest import MANIFEST, Summary, read_manifest
from monsoon.engine.ledger.merging import Site, begin, merged, refuse_overlaps, same_folder, take_over
from monsoon.engine.ledger.plan import gaps
from monsoon.engine.storage import Store, open_store, storage_answers
from monsoon.jobs.progress.bar import JobProgress
from monsoon.models.said import said, tell


def merge(url: str, sites: Sequence[str], say: Callable[[str], None] = tell) -> str:
    """Copy the commit records of several sites into one output.

    Event files stay where they are. The output's campaign.json lists the sites, and its records may only name
    files there. The same call continues after an interruption, and changes nothing after success. A call
    with further sites adds them. Events that no site has are reported; `generate` can make them afterwards.

    Parameters
    ----------
    url : str
        The output.
    sites : sequence of str
        Outputs of the parts.
    say : callable
        Prints a line.

    Returns
    -------
    str
        The output's URL.

    Raises
    ------
    InputError
        Where the sites are not parts of one campaign. Nothing is written in this case.
    """
    output = Ledger(open_store(url))
    with storage_answers(output.store):
        _merge(output, sites, say)
    return output.store.url


def _merge(output: Ledger, sites: Sequence[str], say: Callable[[str], None]) -> None:
    parts = _open_sites(output.store, sites)
    # an existing output counts as a part: it must be of the same campaign, and may have more events
    standing = [Site(output, output.campaign())] if output.store.exists(CAMPAIGN) else []
    campaign = merged(output.store, standing, parts)
    output.refuse_strangers()
    refuse_overlaps(output, parts)
    begin(output, campaign)
    _take_geometry(output, [site.ledger.store for site in parts], campaign.identity, say)
    whole = Site(output, campaign)
    for number, site in enumerate(parts, 1):
        ranges = site.ledger.ranges()
        with JobProgress(f"site {number} of {len(parts)}", len(ranges)) as progress:
            for shard in ranges:
                if flaw := take_over(whole, site, shard):
                    say(f"left out: {site.url}/{flaw}")
                progress.advance(1)
    for gap in gaps(campaign.range, output.ranges()):
        say(f"missing: events {gap.first} .. {gap.last} are at none of the sites")
    if not _write_manifest(whole, standing, parts, say):
        say(f"no {MANIFEST}: no site has one; `monsoon generate` into {output.store.url} writes it")


def _open_sites(output: Store, urls: Sequence[str]) -> list[Site]:
    """Open each site once. Raises InputError if one has no campaign or is the output itself."""
    parts: list[Site] = []
    for url in urls:
        ledger = Ledger(open_store(url))
        if same_folder(ledger.store, output):
            raise InputError(f"{url}: is also the output; give different folders for output and sites")
        if not any(same_folder(ledger.store, part.ledger.store) for part in parts):
            parts.append(Site(ledger, ledger.campaign()))
    if not parts:
        raise InputError(f"{output.url}: nothing to merge; give at least one site")
    return parts


def _take_geometry(
    output: Ledger, sites: Sequence[Store], identity: Mapping[str, Any], say: Callable[[str], None]
) -> None:
    """Write the detector's description and cells, unless all sites are of former releases without them."""
    detector = find_geometry([output.store, *sites], str(identity.get("detector")))
    if detector is None:
        say(f"no {DESCRIPTION}: no site has one; `monsoon generate` into {output.store.url} writes it")
    else:
        store_geometry(output.store, detector)


def _write_manifest(
    output: Site, standing: Sequence[Site], parts: Sequence[Site], say: Callable[[str], None]
) -> bool:
    """Write the first manifest found, with the sums and the range of all parts; False if there is none."""
    for site in [*standing, *parts]:
        try:
            found = read_manifest(site.ledger.store)
        except (OSError, ValueError):
            continue  # this site is not finished: another one may have a manifest
        manifest = {
            **(found if site in standing else _without_paths(found, site.url, output.url, say)),
            **Summary(output.ledger.records()).content(),
            "events_wanted": output.campaign.events,
            "identity": output.campaign.identity,
            "layout": output.campaign.layout,
            "geometry": geometry_record(output.ledger.store),
        }
        content = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
        output.ledger.store.replace(MANIFEST, content.encode())
        return True
    return False


def _without_paths(
    found: dict[str, Any], site: str, output: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """A site's manifest with shipped names only, because `report` loads the files that paths name."""
    from monsoon.jobs.shipped import SHIPPED  # imports torch, which merging rarely needs

    kept = dict(found)
    for key, is_shipped in SHIPPED.items():
        word = found.get(key)
        if word is not None and not (isinstance(word, str) and is_shipped(word)):
            kept[key] = None
            say(
                f"{key}: {said(word)} of {site} is left out, because it is not a shipped one; "
                f"`monsoon generate` into {output} with {key}=... writes it"
            )
    return kept
