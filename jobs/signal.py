"""The signal of a campaign: found, or prepared in the campaign's output."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.fits import refuse_other_incidents
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.hepmc.file import HepmcFile
from monsoon.engine.incidents.lhe import HEAD_BYTES, LheFile, is_lhe
from monsoon.engine.incidents.parquet import read_header, write_incidents
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.signal import (
    CHUNK,
    Signal,
    SignalChunks,
    signal_chunks,
    signal_file,
    signal_seed,
)
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.records import Incidents
from monsoon.engine.storage import Store, fetch, split_url, storage_answers
from monsoon.jobs.progress.bar import JobProgress
from monsoon.jobs.progress.collisions import make_signal
from monsoon.models.files import sha256_of

FOLDER = "_incidents/signal.parts"  # chunks made by Pythia
CONVERTED = "_incidents/signal.parquet"  # events of a HepMC or Les Houches file, transported to the face
PARQUET = b"PAR1"


def find_signal(
    campaign: Campaign, store: Store, detector: Detector, say: Callable[[str], None]
) -> Signal | None:
    """Find the signal of a campaign. A HepMC or Les Houches file is first transported to the face.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    store : Store
        Its output.
    detector : Detector
        Its detector, with the face.
    say : callable
        Prints a line.

    Returns
    -------
    Signal or None
        None if the campaign has no signal. Events of Pythia are made later, by `complete_signal`.

    Raises
    ------
    InputError
        Where the signal cannot be used, or has fewer events than the campaign.
    """
    if campaign.signal is None:
        return None
    if not isinstance(campaign.signal, str):
        return signal_chunks(f"{store.url}/{FOLDER}", _settings(campaign, detector))
    folder, name = split_url(campaign.signal)
    url = f"{folder.url}/{name}"
    kind, path = _kind_of(url, folder, name)
    if kind != "incidents":
        url = _converted(campaign, url, kind, path, store, detector, say)
    wanted = EventRange(campaign.first_event, campaign.first_event + campaign.events - 1)
    found = signal_file(url, wanted)
    refuse_other_incidents(url, found.header.detector, found.header.settings, detector)
    return found


def is_found(campaign: Campaign, store: Store) -> bool:
    """Whether `find_signal` has nothing to write.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    store : Store
        Its output.

    Raises
    ------
    InputError
        Where the signal, or the storage, cannot be read.
    """
    if not isinstance(campaign.signal, str):
        return True
    folder, name = split_url(campaign.signal)
    with storage_answers(store):
        return _kind_of(f"{folder.url}/{name}", folder, name)[0] == "incidents" or store.exists(CONVERTED)


def complete_signal(
    campaign: Campaign, signal: Signal | None, detector: Detector, missing: Sequence[EventRange]
) -> None:
    """Make the missing events of a signal from Pythia; no effect for other signals.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    signal : Signal or None
        Its signal.
    detector : Detector
        Its detector.
    missing : sequence of EventRange
        The events that the campaign still has to make.

    Raises
    ------
    InputError
        Where Pythia refuses the cards, or storage or Ray fail.
    """
    if isinstance(signal, SignalChunks):
        make_signal(signal, _settings(campaign, detector), missing, ray_address=campaign.ray_address)


def _settings(campaign: Campaign, detector: Detector) -> PoolSettings:
    cards = campaign.signal if isinstance(campaign.signal, tuple) else ()
    return PoolSettings(
        cards, signal_seed(campaign.seed), _way(campaign), detector, chunk=CHUNK, mothers=True
    )


def _way(campaign: Campaign) -> Transport:
    return Transport(polarity=campaign.polarity, threshold_mev=campaign.threshold_mev)


def _kind_of(url: str, folder: Store, name: str) -> tuple[str, Path]:
    """The kind of a file, by its first bytes, and the local path of a file that has to be converted."""
    try:
        with folder.open(name) as file:
            if file.read(len(PARQUET)) == PARQUET:
                return "incidents", Path()
    except OSError as error:
        raise InputError(
            f"signal {url}: cannot be read ({error.strerror or error}); give an existing file, or cards"
        ) from error
    path = Path(fetch(url))
    try:
        with gzip.open(path) as file:
            head = file.read(HEAD_BYTES)
    except (OSError, EOFError):  # not compressed
        with path.open("rb") as plain:
            head = plain.read(HEAD_BYTES)
    return ("lhe" if is_lhe(head) else "hepmc"), path


def _converted(
    campaign: Campaign,
    url: str,
    kind: str,
    path: Path,
    store: Store,
    detector: Detector,
    say: Callable[[str], None],
) -> str:
    """The URL of the file's events, transported to the face; made at the campaign's first run."""
    way, seed = _way(campaign), signal_seed(campaign.seed)
    settings: dict[str, Any] = {
        "input": url,
        "input_sha256": sha256_of(path),
        **way.model_dump(mode="json"),
        "detector": detector.description.model_dump(mode="json"),
        **({"seed": seed} if kind == "lhe" else {}),
    }
    output = f"{store.url}/{CONVERTED}"
    with storage_answers(store):
        there = store.exists(CONVERTED)
    if there:
        stored = read_header(output).settings
        changed = [key for key in settings if key != "input" and stored.get(key) != settings[key]]
        if changed:
            raise InputError(
                f"{output}: this campaign's signal was made with another {changed[0]}; use the same or "
                "another output"
            )
        return output
    say(f"transporting the signal events of {url} to the face")
    file: LheFile | HepmcFile = LheFile(path, seed=seed) if kind == "lhe" else HepmcFile(path)

    def parts() -> Iterator[Incidents]:
        total = file.events if isinstance(file, LheFile) else file.size_bytes
        with JobProgress("signal events" if kind == "lhe" else "signal bytes", total) as progress:
            passed = 0
            for particles in file:
                yield transport(particles, detector, way, mothers=True)
                now = passed + len(particles.event) if isinstance(file, LheFile) else file.read_bytes
                progress.advance(now - passed)
                passed = now

    header = write_incidents(
        output,
        parts(),
        source=kind,
        settings=settings,
        detector=detector.description.name,
        losses=lambda: _losses(file, url),
    )
    for loss in header.losses:
        say(f"loss: {loss}")
    return output


def _losses(file: LheFile | HepmcFile, url: str) -> list[str]:
    if isinstance(file, LheFile):
        return file.losses
    return (
        []
        if file.truncated is None
        else [f"{url}: {file.truncated}; the {file.events} events before are kept"]
    )
