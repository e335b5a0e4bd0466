"""The campaign's books: what was made, what became of every particle, where the time went, and from what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from monsoon.engine.detector.description import Description
from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.pdg import named
from monsoon.engine.records import Events, Loss
from monsoon.jobs.report import markup
from monsoon.jobs.report.sample import remapped
from monsoon.models.records import Status

STATUS_TEXT = {
    Status.SIMULATED: "simulated as its own species",
    Status.REMAPPED: "remapped: a neighbouring species stood in",
    Status.OUTSIDE_NEAREST: "outside the training domain; policy: nearest shower",
    Status.NO_GENERATOR: "no generator for the species: left no energy",
    Status.OUTSIDE_CLAMPED: "outside the training domain; policy: moved to the nearest condition inside",
    Status.OUTSIDE_OTHER: "outside the training domain; policy: another model",
}
LOSS_TEXT = {
    Loss.NEUTRINO: "neutrino",
    Loss.BEHIND_FACE: "produced behind the face",
    Loss.OUTSIDE_ACCEPTANCE: "flies away from the face, or beside it",
    Loss.BEAM_HOLE: "in the beam hole",
    Loss.BELOW_THRESHOLD: "below the energy threshold on the face",
}


def generated(manifest: Mapping[str, Any], detector: Detector) -> str:
    """What the campaign holds, and for which detector, in one table."""
    counts = manifest["counts"]
    events = counts["events"]
    rows = [
        ("detector", _detector(manifest, detector.description)),
        ("events", number(events) + _missing(manifest)),
        ("collisions per event", f"{per(counts['collisions'], events)} (mean)"),
        ("visible collisions", _visible(manifest["incidents"])),
        (
            "particles on the face per event",
            f"{per(counts['particles'], events)} (mean), {number(counts['particles'])} in all",
        ),
        ("hits per event", f"{per(counts['hits'], events)} (mean), {number(counts['hits'])} in all"),
        ("saturated hits", _saturated(manifest)),
        ("shards", f"{manifest['shards']} of up to {number(manifest['layout']['shard_events'])} events"),
        *(
            (f"size as {name}", f"{size / 1e6:,.1f} MB, {size / max(events, 1) / 1e3:,.2f} kB an event")
            for name, size in sorted(manifest["bytes"].items())
        ),
        ("events quarantined", number(counts.get("quarantined", 0))),
        ("content hash", manifest["content"]),
    ]
    return markup.facts(rows)


def saturation(manifest: Mapping[str, Any], detector: Detector) -> str:
    """What a saturated hit is, and where in each zone the scale of a cell ends."""
    ceiling = detector.description.electronics.ceiling
    rows = [
        (zone, f"{low / 1e3:.0f}", f"{high / 1e3:.0f}")
        for zone, (low, high) in detector.full_scale_mev.items()
    ]
    return "\n".join(
        [
            markup.subtitle("Saturation"),
            markup.paragraph(
                f"Saturated hits: {_saturated(manifest)}. A saturated hit has the last ADC count, {ceiling}: "
                "its cell received at least the energy at which its scale ends, and what is beyond is lost "
                "without a trace. A photon or electron in the middle of a cell leaves most of its energy "
                "there: its hit saturates soon above the energies below, and at a few times as much half of "
                "its energy is lost. Select such hits by their count; their energies are lower limits."
            ),
            markup.table(
                ("zone", "lowest end of scale [GeV]", "highest [GeV]"),
                rows,
                "calibrated energy of one cell at the last ADC count: it falls with the distance from the "
                "beam, as counts are of transverse energy",
            ),
        ]
    )


def statuses(manifest: Mapping[str, Any], events: Events) -> str:
    """How generators treated the particles on the face, and who stood in for whom."""
    counts = manifest["counts"]
    rows = [(STATUS_TEXT[s], counts.get(f"status_{s.name.lower()}", 0)) for s in Status]
    return "\n".join(
        [
            markup.subtitle("Particles on the face, by treatment"),
            _books(rows, counts["particles"], "particles on the face"),
            _stand_ins(events),
        ]
    )


def losses(manifest: Mapping[str, Any]) -> str:
    """Particles of the collisions that are no rows, and the sum with those that are."""
    counts = manifest["counts"]
    lost = [(LOSS_TEXT[loss], counts.get(f"lost_{loss.name.lower()}", 0)) for loss in Loss]
    everything = counts["particles"] + sum(count for _, count in lost)
    return "\n".join(
        [
            markup.subtitle("All particles of the collisions, by fate"),
            _books(
                [("reach the face, are generated", counts["particles"]), *lost], everything, "all particles"
            ),
        ]
    )


def stages(manifest: Mapping[str, Any]) -> str:
    """Seconds in each stage, summed over the workers."""
    seconds = manifest["seconds"]
    whole = sum(seconds.values())
    rows = [(name, time, f"{time:,.2f}") for name, time in sorted(seconds.items(), key=lambda item: -item[1])]
    rate = manifest["counts"]["events"] / whole if whole else 0.0
    return "\n".join(
        [
            markup.bars(("stage", "seconds"), rows, f"{whole:,.2f}"),
            markup.paragraph(
                f"Summed over all workers: {rate:,.0f} events per second of one worker. Stages: incidents "
                "are read or overlaid, localise makes conditions of them, sample asks the generators, "
                "compose places, digitises and compacts, hash and write end a shard. The start of the "
                "workers is not counted."
            ),
        ]
    )


def provenance(manifest: Mapping[str, Any]) -> str:
    """Identity, layout, incidents and software, as they are stored."""
    return "\n".join(
        [
            markup.subtitle("Identity: every event follows from these"),
            markup.facts(_flat(manifest["identity"])),
            markup.subtitle("Layout"),
            markup.facts(_flat(manifest["layout"])),
            markup.subtitle("Incidents: what their file says of itself"),
            markup.facts(_flat(manifest["incidents"])),
            markup.subtitle("Software"),
            markup.facts(_flat(manifest["software"])),
        ]
    )


def number(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")  # a narrow space that does not break, as units are written


def per(total: int, events: int) -> str:
    return f"{total / events:,.1f}" if events else "-"


def _visible(incidents: Mapping[str, Any]) -> str:
    """Which of the collisions that mu counts leave anything."""
    visible, everything = incidents["visible"], incidents["events"]
    return f"{visible / everything:.1%} of the incidents' events have a particle on the face"


def _detector(manifest: Mapping[str, Any], description: Description) -> str:
    stored = manifest.get("geometry")
    where = f"; described in {stored['description']}, its cells in {stored['cells']}" if stored else ""
    return f"{description.label}{where}"


def _saturated(manifest: Mapping[str, Any]) -> str:
    """Hits at the last ADC count, of how many, and in how many shards they were not counted."""
    missing, shards = manifest.get("not_counted", {}).get("saturated", 0), manifest["shards"]
    found = manifest["counts"].get("saturated")
    if found is None or missing == shards > 0:
        return "not counted: a former release made these events"
    text = f"{number(found)} of {number(manifest['counts']['hits'])} hits"
    return f"{text}; not counted in {missing} shards of a former release" if missing else text


def _missing(manifest: Mapping[str, Any]) -> str:
    wanted, counts = manifest["events_wanted"], manifest["counts"]
    missing = wanted - counts["events"] - counts.get("quarantined", 0)
    return f" of {number(wanted)} wanted; {number(missing)} are not committed" if missing else ""


def _books(rows: Sequence[tuple[str, int]], total: int, name: str) -> str:
    """A table whose rows must add up to a total that was counted elsewhere; says so where they do not."""
    added = sum(count for _, count in rows)
    table = markup.bars(
        (name, "count"), [(text, count, number(count)) for text, count in rows], number(added)
    )
    if added != total:
        table += markup.paragraph(f"These do not add up: {number(total)} {name} were counted.", "wrong")
    return table


def _stand_ins(events: Events) -> str:
    found = remapped(events)
    if not found:
        return markup.paragraph(f"No particle of the {number(len(events))} events read was remapped.")
    rows = [(named(pdg), named(known), number(count)) for pdg, known, count in found]
    return "\n".join(
        [
            markup.subtitle("Species that have no sample of their own"),
            markup.table(
                ("species", "stand-in", "particles"),
                rows,
                f"in the first {number(len(events))} events; particles outside the training domain are "
                "counted there instead",
            ),
        ]
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as rows `a.b: value`."""
    rows = []
    for key, value in sorted(values.items()):
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append(
                (f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            )
    return rows
