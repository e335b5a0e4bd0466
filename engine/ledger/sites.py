"""Where the event files of a campaign may be: in its output, or at the sites that were merged into it."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import EVENTS, Ledger
from monsoon.engine.ledger.stored import StoredCampaign
from monsoon.engine.storage import Store, open_store
from monsoon.engine.storage.posix import PosixStore

# a file name of one component, not hidden, and therefore not `..`
_FILE = re.compile(rf"(?:(?P<site>.+)/)?{EVENTS}/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{{0,199}})")


class UnknownSite(InputError):
    """A record names a file that is at none of the campaign's sites."""


class Sites:
    """The stores in which the records of one output may name files.

    A record names `events/FILE`, in the output itself, or `SITE/events/FILE`. `monsoon merge` writes the list
    of sites into campaign.json. Outputs that were merged by former releases have no such list. For them, a
    SITE is accepted if it is a folder of a file system, or on the output's own server or bucket, and its own
    campaign.json is of the same campaign. A record alone never decides that another server is contacted
    with the reader's credentials.

    Parameters
    ----------
    store : Store
        The output.
    campaign : StoredCampaign
        Its campaign.json.
    """

    def __init__(self, store: Store, campaign: StoredCampaign) -> None:
        self._store, self._campaign = store, campaign
        self._found: dict[str, Store | None] = {}  # None: not a site of this campaign

    def locate(self, url: str) -> tuple[Store, str]:
        """Find the file that a record names.

        Parameters
        ----------
        url : str
            `[SITE/]events/FILE`, from the record.

        Returns
        -------
        store : Store
            The store that holds it.
        name : str
            Its name in the store.

        Raises
        ------
        UnknownSite
            Where it is at none of the sites. `monsoon merge` adds sites.
        InputError
            Where it does not have this form.
        """
        match = _FILE.fullmatch(url)
        if match is None:
            raise InputError(f"{url}: not a file of a campaign; these are named [SITE/]{EVENTS}/FILE")
        site, name = match["site"], f"{EVENTS}/{match['name']}"
        return (self._store if site is None else self._site(site)), name

    def _site(self, site: str) -> Store:
        if site not in self._found:
            stated = site in self._campaign.sites
            self._found[site] = site_store(self._store, site) if stated else self._unstated(site)
        store = self._found[site]
        if store is None:
            raise UnknownSite(
                f"{site}: not a site of this campaign; `monsoon merge {self._store.url} SITE...` adds sites"
            )
        return store

    def _unstated(self, site: str) -> Store | None:
        """The store of a site that campaign.json does not name, if it is accepted; None otherwise."""
        try:
            store = site_store(self._store, site)
            if not (isinstance(store, PosixStore) or same_server(store, self._store)):
                return None
            campaign = Ledger(store).campaign()
        except (InputError, OSError):
            return None
        return store if campaign.identity_hash == self._campaign.identity_hash else None


def site_store(store: Store, site: str) -> Store:
    """Open the store of a site.

    Parameters
    ----------
    store : Store
        The output.
    site : str
        The site as the output names it: a URL, an absolute path, or a path relative to the output.

    Raises
    ------
    InputError
        For unknown protocols, and for relative paths that leave the server of a remote output.
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
    """Whether two stores have the same protocol and the same server or bucket."""
    return _server(one.url) == _server(other.url)


def _server(url: str) -> tuple[str, str]:
    """The protocol, and the server or bucket."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


@lru_cache(maxsize=64)
def _opened(url: str) -> Store:
    """Open a store; the last 64 are kept, so that the files of a folder share one client."""
    return open_store(url)
