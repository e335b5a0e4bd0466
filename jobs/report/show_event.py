"""What `monsoon show` does: read one event, print it, and write it as a picture or a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.geometry import stored_detector
from monsoon.engine.ledger.provenance import provenance as find
from monsoon.engine.storage import open_store, storage_answers
from monsoon.jobs.report.event import lines
from monsoon.jobs.report.sample import read_event
from monsoon.models.files import write_whole
from monsoon.models.said import tell

SUFFIXES = (".html", ".png")


def show_event(
    url: str, event: int, *, rows: int, out: str | None, say: Callable[[str], None] = tell
) -> None:
    """Print an event, and write it to a file where one is named.

    Parameters
    ----------
    url : str
        The campaign's output.
    event : int
        The event's number.
    rows : int
        How many particles and hits are printed at most, those with the largest energy.
    out : str, optional
        A local file: `.html` for a page with the interactive display, `.png` for a picture.
    say : callable
        Prints a line.

    Raises
    ------
    InputError
        Where the event cannot be read, is not made yet or set aside, or the file cannot be written.
    """
    if out is not None and Path(out).suffix not in SUFFIXES:
        raise InputError(f"--out {out}: a file that ends in {' or '.join(SUFFIXES)}")
    store = open_store(url)
    with storage_answers(store):
        found = find(Ledger(store), event)
        if found.state == "quarantined":
            raise InputError(f"{store.url}: event {event} was set aside: {found.reason}")
        read = read_event(store, event)
        detector = stored_detector(store, found.identity)
    for line in lines(read, detector, found, rows):
        say(line)
    if out is None:
        return
    from monsoon.jobs.report.event_page import page, picture  # matplotlib takes longer than all the rest

    content = picture(read, detector) if out.endswith(".png") else page(read, detector, found)
    try:
        write_whole(Path(out), content)
    except OSError as error:
        raise InputError(f"--out {out}: {error.strerror}; name a file that can be written") from error
    say(f"written: {out}")
