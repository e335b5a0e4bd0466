"""The processes of a sample: their cross-sections, and their events mixed into one file of incidents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.fits import refuse_other_incidents
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.cross_sections import CrossSection, cross_section
from monsoon.engine.incidents.mixing import Ingredient, mix, processes_of
from monsoon.engine.incidents.parquet import read_header, write_incidents
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.signal import CHUNK
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.storage import fetch, open_store, split_url, storage_answers
from monsoon.jobs.progress.collisions import pool_at
from monsoon.jobs.requests.config import Process
from monsoon.models.files import sha256_of_json

BEAMS = "beams:"
MIXTURE = "mixture.parquet"


def with_beams(process: Process, campaign: Campaign) -> tuple[str, ...]:
    """The cards of a process, with the pile-up's cards of beams before them: its own come later and win."""
    beams = (card for card in campaign.pythia if card.strip().lower().startswith(BEAMS))
    return (*beams, *process.cards)


def cross_sections(
    processes: Sequence[Process], campaign: Campaign, folder: str
) -> list[CrossSection | None]:
    """The cross-section of each process: as given, or Pythia's, computed once and kept in the folder.

    Parameters
    ----------
    processes : sequence of Process
        The processes.
    campaign : Campaign
        Their campaign, with the beams.
    folder : str
        URL of the folder.

    Returns
    -------
    list of CrossSection or None
        None for a file without one.

    Raises
    ------
    InputError
        Where Pythia refuses the cards, or the folder cannot be used.
    """
    return [_cross_section(process, campaign, folder) for process in processes]


def mixture(
    processes: Sequence[Process],
    campaign: Campaign,
    folder: str,
    say: Callable[[str], None],
) -> str:
    """The URL of a file with the events of the processes, mixed by cross-section; made at the first run.

    Each event is one collision; `source_event` is process * 10^12 + the event's number in its process.

    Parameters
    ----------
    processes : sequence of Process
        At least one.
    campaign : Campaign
        Its seed, events, detector and transport.
    folder : str
        URL of a folder for the mixture and what it is made of.
    say : callable
        Prints a line.

    Raises
    ------
    InputError
        Where a process cannot be made, or the folder has the mixture of other processes or numbers of events.
    """
    detector = Detector.load(fetch(campaign.detector))
    sections = cross_sections(processes, campaign, folder)
    # a file alone need not say how likely it is
    mb = [1.0 if section is None else section.mb for section in sections]
    counts = np.bincount(
        processes_of(mb, campaign.seed, np.arange(campaign.events)), minlength=len(mb)
    ).tolist()
    url = f"{folder}/{MIXTURE}"
    settings = {
        "seed": campaign.seed,
        "events": campaign.events,
        "processes": [
            {"name": process.name, "events": count, **_source(process, campaign), "mb": value}
            for process, count, value in zip(processes, counts, mb, strict=True)
        ],
        "polarity": campaign.polarity,
        "threshold_mev": campaign.threshold_mev,
        "detector": detector.description.model_dump(mode="json"),
    }
    store, name = split_url(url)
    with storage_answers(store):
        there = store.exists(name)
    if there:
        stored = read_header(url).settings
        for key, value in settings.items():
            if stored.get(key) != json.loads(json.dumps(value)):
                raise InputError(
                    f"{url}: was mixed with another {key}; order the change as a sample of another name"
                )
        return url
    ingredients = []
    for process, count, value in zip(processes, counts, mb, strict=True):
        say(f"{process.name}: {count} of {campaign.events} events, {value:.4g} mb")
        found = process.file if process.file else _made(process, count, campaign, detector, folder)
        ingredients.append(Ingredient(found, value))
        if process.file and count:
            header = read_header(process.file)
            refuse_other_incidents(process.file, header.detector, header.settings, detector)
    parts = mix(ingredients, campaign.seed, campaign.events)
    write_incidents(url, parts, source="mixture", settings=settings, detector=detector.description.name)
    return url


def _source(process: Process, campaign: Campaign) -> dict[str, Any]:
    if process.file is None:
        return {"cards": list(with_beams(process, campaign)), "pythia8mc": version("pythia8mc")}
    return {"incidents": read_header(process.file).content_sha256}


def _made(process: Process, count: int, campaign: Campaign, detector: Detector, folder: str) -> str:
    """The URL of this many events of a process, made by Pythia."""
    word = f"monsoon process {campaign.seed} {process.name}"
    settings = PoolSettings(
        with_beams(process, campaign),
        int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big"),
        Transport(polarity=campaign.polarity, threshold_mev=campaign.threshold_mev),
        detector,
        chunk=CHUNK,
        mothers=True,
    )
    url = f"{folder}/{process.name}.parquet"
    pool_at(url, settings, count, ray_address=campaign.ray_address)
    return url


def _cross_section(process: Process, campaign: Campaign, folder: str) -> CrossSection | None:
    if process.cross_section_mb is not None:
        return CrossSection(process.cross_section_mb)
    if process.file is not None:
        return None
    cards = with_beams(process, campaign)
    made_of = {"cards": list(cards), "pythia8mc": version("pythia8mc")}
    store, name = open_store(folder), f"cross-section-{sha256_of_json(made_of)[:10]}.json"
    with storage_answers(store):
        try:
            stored = json.loads(store.read(name))
            return CrossSection(float(stored["mb"]), float(stored["error_mb"]))
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{store.url}/{name}: cannot be read; remove it, and it is made again"
            ) from error
    found = cross_section(cards)
    with storage_answers(store):
        store.probe()
        store.replace(name, (json.dumps({**made_of, **asdict(found)}, indent=1) + "\n").encode())
    return found
