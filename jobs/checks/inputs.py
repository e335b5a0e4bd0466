"""The configuration: generators and detector, incidents, signal, and what the rest of the campaign takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from monsoon.engine.campaign import as_begun, refuse_outside, refuse_unvalidated, resolve
from monsoon.engine.detector.fits import refuse_other_incidents
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.parquet import read_header
from monsoon.engine.incidents.pythia import check_cards
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange, gaps
from monsoon.engine.loading import load, load_replicas
from monsoon.engine.storage import open_store, storage_answers
from monsoon.jobs.campaigns import in_bytes
from monsoon.jobs.checks.check import Check, Subject
from monsoon.jobs.collisions import find_collisions
from monsoon.jobs.generate import unserved
from monsoon.jobs.plan import forecast_of
from monsoon.jobs.signal import find_signal, is_found


def model(subject: Subject) -> Iterator[Check]:
    """The generators and the detector load, and fit each other."""
    store = open_store(subject.campaign.output)
    with suppress(InputError), storage_answers(store):  # what is stored is looked at later
        subject.campaign = as_begun(subject.campaign, Ledger(store))
    subject.campaign = asked = subject.campaign.anchored()
    subject.suite, subject.detector = load(**asked.named)
    subject.replicas = load_replicas(asked, subject.suite)
    if missing := subject.suite.unserved:
        line, _, remedy = unserved(asked.model, missing).rpartition("; ")
        yield Check("model", "warn", line.removeprefix("model "), remedy)
    count = len(subject.suite.models)
    subject.reports = refuse_unvalidated(asked, subject.suite)
    if subject.reports is not None:
        yield Check("report", "ok", f"{asked.model}: all of its generators have a passing report")
    yield Check("model", "ok", f"{asked.model}: {count} generators, in detector {asked.detector}")


def incidents(subject: Subject) -> Iterator[Check]:
    """The incidents, or the settings of the pool that would be made; then the campaign is resolved."""
    asked, suite, detector = subject.campaign, subject.suite, subject.detector
    if suite is None or detector is None:
        yield Check("incidents", "warn", "not looked at without generators", "mend these first")
        return
    store = open_store(asked.output)
    found = is_found(asked, store)
    signal = find_signal(asked, store, detector, lambda line: None) if found else None
    if not found:
        yield Check("signal", "ok", f"{asked.signal} can be read, and would be moved to the face first")
    there = find_collisions(asked, store, detector)
    if there.warning:
        line, _, remedy = there.warning.rpartition("; ")
        yield Check("incidents", "warn", line, remedy)
    if there.pool is not None:
        check_cards(asked.pythia)
        subject.incidents = True
        yield Check("incidents", "ok", f"a pool of {asked.pool_collisions} collisions would be made first")
        return
    url = there.url
    if found:
        resolved = resolve(asked, store.url, url, suite, detector, signal, subject.replicas)
        made_later = isinstance(asked.signal, tuple)
        missing = () if made_later else _missing(subject)
        refuse_outside(resolved, suite, missing, subject.reports)
        for one in subject.replicas:
            refuse_outside(resolved, one, missing)
        subject.resolved = resolved
    else:
        header = read_header(url)
        refuse_other_incidents(url, header.detector, header.settings, detector)
    subject.incidents = True
    yield Check("incidents", "ok", f"{url} can be read, and has what is asked for")


def _missing(subject: Subject) -> list[EventRange]:
    asked, store = subject.campaign, open_store(subject.campaign.output)
    wanted = EventRange(asked.first_event, asked.first_event + asked.events - 1)
    with storage_answers(store):
        return list(gaps(wanted, Ledger(store).ranges()))


def rest(subject: Subject) -> Iterator[Check]:
    """What is missing of the campaign, as `monsoon plan` says."""
    asked, suite, detector = subject.campaign, subject.suite, subject.detector
    if suite is None or detector is None or not subject.incidents:
        yield Check("plan", "warn", "not made without generators and incidents", "mend these first")
        return
    store = open_store(asked.output)
    with storage_answers(store):
        subject.forecast = forecast = forecast_of(asked, store, suite, detector)
    hours = forecast.core_hours + forecast.pool_core_hours
    missing = f"{forecast.events} events in {forecast.shards} shards are missing"
    yield Check("plan", "ok", f"{missing}: {in_bytes(forecast.bytes)}, {hours:.3g} core hours")
