"""A pool of collisions that several campaigns draw from, in place of one in each campaign's output."""

from __future__ import annotations

from collections.abc import Callable

from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.signal import hard_pile_up
from monsoon.engine.storage import fetch
from monsoon.jobs.collisions import pool_settings
from monsoon.jobs.progress.collisions import pool_at
from monsoon.models.files import sha256_of_json


def with_shared_pool(campaign: Campaign, folder: str, say: Callable[[str], None]) -> Campaign:
    """The campaign with its collisions in a folder of pools; made there if no campaign needed them before.

    Its events are those that it would have with a pool of its own.

    Parameters
    ----------
    campaign : Campaign
        One that names incidents is left as it is.
    folder : str
        URL of the folder. The name of a pool follows from all that its collisions depend on.
    say : callable
        Prints a line.

    Raises
    ------
    InputError
        Where Pythia refuses the cards, the process is a hard one, or the pool cannot be written.
    """
    if campaign.incidents is not None:
        return campaign
    assert campaign.mu is not None
    if line := hard_pile_up(campaign.pythia, campaign.mu):
        raise InputError(line)
    settings = pool_settings(campaign, Detector.load(fetch(campaign.detector)))
    collisions = campaign.pool_collisions
    name = sha256_of_json({**settings.stored(), "pool_collisions": collisions})[:10]
    url = f"{folder}/{name}.parquet"
    making = f"making a pool of {collisions} collisions for all campaigns that draw from it"
    pool_at(url, settings, collisions, ray_address=campaign.ray_address, first=lambda: say(making))
    return campaign.model_copy(update={"incidents": url})
