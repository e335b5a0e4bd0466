"""Where a campaign's incidents come from: the file that it names, or a pool of collisions in its output."""

from __future__ import annotations

from typing import NamedTuple

from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import SETTINGS
from monsoon.engine.incidents.parquet import read_header
from monsoon.engine.incidents.pools import PoolSettings, expect_pool
from monsoon.engine.incidents.signal import hard_pile_up
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.storage import Store, split_url, storage_answers

POOL = "_incidents/pool.parquet"


class Collisions(NamedTuple):
    """The incidents of a campaign.

    Attributes
    ----------
    url : str
        Where they are, or are to be made.
    pool : PoolSettings or None
        Of the pool that has to be made there first; None where they are there.
    warning : str
        About hard processes that are used as pile-up all the same; empty where there are none.
    """

    url: str
    pool: PoolSettings | None
    warning: str


def find_collisions(campaign: Campaign, store: Store, detector: Detector) -> Collisions:
    """Decide where a campaign's incidents come from. Nothing is made.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    store : Store
        Its output.
    detector : Detector
        Its detector.

    Raises
    ------
    InputError
        Where the file cannot be read, the pool that is there is another one, or a pool of hard processes
        would be begun for pile-up; one that was begun by a release which took them is continued.
    """
    if campaign.incidents is not None:
        url = incidents_file(campaign.incidents)
        header = read_header(url)
        cards = header.settings.get("cards", ()) if header.source == "pythia" else ()
        line = None if campaign.mu is None else hard_pile_up(cards, campaign.mu)
        return Collisions(url, None, f"{url}: {line}" if line else "")
    url = f"{store.url}/{POOL}"
    settings = pool_settings(campaign, detector)
    with storage_answers(store):
        there = store.exists(POOL)
        begun = there or store.exists(f"{POOL}.parts/{SETTINGS}")
    line = None if campaign.mu is None else hard_pile_up(campaign.pythia, campaign.mu)
    if line and not begun:
        raise InputError(line)
    if there:
        expect_pool(url, settings, campaign.pool_collisions)
    return Collisions(url, None if there else settings, line or "")


def incidents_file(url: str) -> str:
    """The canonical URL of a file of incidents, which need not exist."""
    folder, name = split_url(url)
    return f"{folder.url}/{name}"


def pool_settings(campaign: Campaign, detector: Detector) -> PoolSettings:
    """The settings of the pool that a campaign without incidents makes.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    detector : Detector
        Its detector.
    """
    way = Transport(polarity=campaign.polarity, threshold_mev=campaign.threshold_mev)
    mothers = campaign.signal is not None  # without a signal, pools are as in former releases
    return PoolSettings(campaign.pythia, campaign.seed, way, detector, mothers=mothers)
