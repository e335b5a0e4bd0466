"""Where the event files of a campaign may be: in its output, or at the sites that were merged into it."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import EVENTS, Ledger, StoredCampaign
from monsoon.engine.storage import Store, open_store
from monsoon.engine.storage.posix import PosixStore

# one component: no folder, nothing hidden, and so no `..`
_FILE = re.compile(rf"(?:(?P<site>.+)/)?{EVENTS}/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{{0,199}})")


class UnknownSite(InputError):
    """A file is named that is at none of the campaign's sites."""


class Sites:
    """The stores in which the records of one output may name files.

    A record names `events/FILE`, in the output itself, or `SITE/events/FILE`. `monsoon merge` writes what a
    SITE may be into campaign.json. Outputs that were merged before it did so name no sites. For them a SITE
    counts whose own campaign.json is of the same campaign, if it is a folder of a file system, or on the
    output's own server or bucket: nobody else's storage is asked, with the reader's credentials, because a
    record says so.

    Parameters
    ----------
    store : Store
        The output.
    campaign : StoredCampaign
        What its campaign.json says.
    """

    def __init__(self, store: Store, campaign: StoredCampaign) -> None:
        self._store, self._campaign = store, campaign
        self._found: dict[str, Store | None] = {}  # None: no site

    def locate(self, url: str) -> tuple[Store, str]:
        """The store of a file, and the file's name in it, from the URL that a record gives.

        Raises
        ------
        UnknownSite
            Where it is at none of the sites; merging again names them.
        InputError
            Where no record of Monsoon's names a file so.
        """
        match = _FILE.fullmatch(url)
        if match is None:
            raise InputError(f"{url}: not a file of a campaign, which is named [SITE/]{EVENTS}/FILE")
        site, name = match["site"], f"{EVENTS}/{match['name']}"
        return (self._store if site is None else self._site(site)), name

    def _site(self, site: str) -> Store:
        if site not in self._found:
            stated = site in self._campaign.sites
            self._found[site] = site_store(self._store, site) if stated else self._unstated(site)
        store = self._found[site]
        if store is None:
            raise UnknownSite(
                f"{site}: not a site of this campaign; `monsoon merge {self._store.url} SITE...` names them"
            )
        return store

    def _unstated(self, site: str) -> Store | None:
        """The store of a site that campaign.json does not name, where it may be asked and is one."""
        try:
            store = site_store(self._store, site)
            if not (isinstance(store, PosixStore) or same_server(store, self._store)):
                return None
            campaign = Ledger(store).campaign()
        except (InputError, OSError):
            return None
        return store if campaign.identity_hash == self._campaign.identity_hash else None


def site_store(store: Store, site: str) -> Store:
    """The store of a site as an output names it: a URL, an absolute path, or a path from the output.

    Raises
    ------
    InputError
        For protocols that are not known, and for paths that leave a remote store.
    """
    if "://" in site or site.startswith("/"):
        return _opened(site)
    if isinstance(store, PosixStore):
        return _opened(f"{store.url}/{site}")  # `..` is left to the system, which follows links first
    base, rest = store.url, site
    while rest.startswith("../"):  # remote stores know no `..`
        base, rest = base.rpartition("/")[0], rest.removeprefix("../")
    if _server(base) != _server(store.url) or ".." in rest.split("/"):
        raise InputError(f"{site}: leads out of {store.url}; name the site by its URL")
    return _opened(f"{base}/{rest}")


def same_server(one: Store, other: Store) -> bool:
    """Whether two stores have the same protocol, and the same server or bucket."""
    return _server(one.url) == _server(other.url)


def _server(url: str) -> tuple[str, str]:
    """Protocol, and server or bucket."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


@lru_cache(maxsize=64)
def _opened(url: str) -> Store:
    """One client for the many files of a folder."""
    return open_store(url)
