"""What a campaign counted: events, fates of particles, time of the stages; and its provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from monsoon.engine.crossings import OUT_OF_TIME
from monsoon.engine.detector.description import Description
from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.pdg import named
from monsoon.engine.records import Events, Loss
from monsoon.jobs.pages.blocks import Bar, Bars, Block, Facts, Paragraph, Subtitle, Table
from monsoon.jobs.report.format import number, per_event
from monsoon.jobs.report.sample import remapped
from monsoon.models.records import Status

STATUS_TEXT = {
    Status.SIMULATED: "simulated as its own species",
    Status.REMAPPED: "remapped: a neighbouring species stood in",
    Status.OUTSIDE_NEAREST: "outside the training domain; policy: nearest shower",
    Status.NO_GENERATOR: "no generator for the species: left no energy",
    Status.OUTSIDE_CLAMPED: "outside the training domain; policy: moved to the nearest condition inside",
    Status.OUTSIDE_OTHER: "outside the training domain; policy: another model",
    Status.OUTSIDE_SCALED: "above the training energies; policy: scaled by the laws of showers",
}
FALLING = ": it falls with the distance from the beam, as counts are of transverse energy"
LOSS_TEXT = {
    Loss.NEUTRINO: "neutrino",
    Loss.BEHIND_FACE: "produced behind the face",
    Loss.OUTSIDE_ACCEPTANCE: "flies away from the face, or beside it",
    Loss.BEAM_HOLE: "in the beam hole",
    Loss.BELOW_THRESHOLD: "below the energy threshold on the face",
}


def generated(manifest: Mapping[str, Any], detector: Detector) -> Facts:
    """What the campaign holds, and for which detector."""
    counts = manifest["counts"]
    events = counts["events"]
    particles, hits = counts["particles"], counts["hits"]
    return Facts(
        [
            ("detector", _detector(manifest, detector.description)),
            ("events", number(events) + _missing(manifest)),
            ("collisions per event", f"{per_event(counts['collisions'], events)} (mean)"),
            ("visible collisions", _visible(manifest["incidents"])),
            (
                "particles on the face per event",
                f"{per_event(particles, events)} (mean), {number(particles)} in all",
            ),
            *_out_of_time(manifest),
            ("hits per event", f"{per_event(hits, events)} (mean), {number(hits)} in all"),
            ("saturated hits", _saturated(manifest)),
            ("shards", f"{manifest['shards']} of up to {number(manifest['layout']['shard_events'])} events"),
            *(
                (f"size as {name}", f"{size / 1e6:,.1f} MB, {size / max(events, 1) / 1e3:,.2f} kB per event")
                for name, size in sorted(manifest["bytes"].items())
            ),
            ("events in quarantine", number(counts.get("quarantined", 0))),
            ("content hash", manifest["content"]),
        ]
    )


def saturation(manifest: Mapping[str, Any], detector: Detector) -> list[Block]:
    """What a saturated hit is, and where in each zone the scale of a cell ends."""
    ceiling = detector.description.electronics.ceiling
    rows = [
        (zone, f"{low / 1e3:.0f}", f"{high / 1e3:.0f}")
        for zone, (low, high) in detector.full_scale_mev.items()
    ]
    return [
        Subtitle("Saturation"),
        Paragraph(
            f"Saturated hits: {_saturated(manifest)}. A saturated hit has the last ADC count, {ceiling}: its "
            "cell received at least the energy at which its scale ends, and what is beyond is lost. A photon "
            "or electron in the middle of a cell leaves most of its energy there: its hit saturates soon "
            "above the energies below, and at a few times as much half of its energy is lost. Select such "
            "hits by their count; their energies are lower limits."
        ),
        Table(
            ("zone", "lowest end of scale [GeV]", "highest [GeV]"),
            rows,
            "calibrated energy of one cell at the last ADC count"
            + (FALLING if detector.description.electronics.count_constant_mev else ""),
        ),
    ]


def statuses(manifest: Mapping[str, Any], events: Events) -> list[Block]:
    """How the particles on the face were generated, and which species stood in for which.

    Parameters
    ----------
    manifest
        Of the campaign; its counts are of all events.
    events
        The events that were read: stand-ins are counted in these.
    """
    counts = manifest["counts"]
    rows = [(STATUS_TEXT[s], counts.get(f"status_{s.name.lower()}", 0)) for s in Status]
    return [
        Subtitle("Particles on the face, by how they were generated"),
        *_adding_up(rows, counts["particles"], "particles on the face"),
        *_stand_ins(events),
    ]


def losses(manifest: Mapping[str, Any]) -> list[Block]:
    """Particles of the collisions that are not kept, by reason, and the sum with those that are."""
    counts = manifest["counts"]
    lost = [(LOSS_TEXT[loss], counts.get(f"lost_{loss.name.lower()}", 0)) for loss in Loss]
    everything = counts["particles"] + sum(count for _, count in lost)
    rows = [("reach the face, are generated", counts["particles"]), *lost]
    return [
        Subtitle("All particles of the collisions, by fate"),
        *_adding_up(rows, everything, "all particles"),
    ]


def stages(manifest: Mapping[str, Any]) -> list[Block]:
    """Seconds in each stage, summed over the workers, the longest first."""
    seconds = manifest["seconds"]
    whole = sum(seconds.values())
    rows = [Bar(name, time, f"{time:,.2f}") for name, time in sorted(seconds.items(), key=lambda s: -s[1])]
    rate = manifest["counts"]["events"] / whole if whole else 0.0
    return [
        Bars("stage", "seconds", rows, f"{whole:,.2f}"),
        Paragraph(
            f"Summed over all workers: {rate:,.0f} events per second and worker. Incidents are read or "
            "overlaid; localise turns them into conditions; sample runs the generators; compose places, "
            "digitises and compacts; hash, write and publish finish a shard. The start of the workers is not "
            "counted."
        ),
    ]


def provenance(manifest: Mapping[str, Any]) -> list[Block]:
    """Identity, layout, incidents, signal and software, as they are stored."""
    signal = manifest.get("signal")
    shown: list[Block] = [Subtitle("Signal"), Facts(_flat(signal))] if signal else []
    return [
        Subtitle("Identity: all that the events depend on"),
        Facts(_flat(manifest["identity"])),
        Subtitle("Layout"),
        Facts(_flat(manifest["layout"])),
        Subtitle("Incidents: what their file says of itself"),
        Facts(_flat(manifest["incidents"])),
        *shown,
        Subtitle("Software"),
        Facts(_flat(manifest["software"])),
    ]


def _out_of_time(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The crossings before and after, of campaigns that have their collisions in the hits."""
    crossings = manifest["identity"].get("out_of_time")
    if not crossings:
        return []
    counts = manifest["counts"]
    particles = per_event(counts.get(OUT_OF_TIME, 0), counts["events"])
    named = ", ".join(f"{crossing:+d}" for crossing in crossings)
    return [("particles of other crossings per event", f"{particles} (mean), of crossings {named}")]


def _visible(incidents: Mapping[str, Any]) -> str:
    """Which of the collisions that mu counts have particles on the face."""
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


def _adding_up(rows: Sequence[tuple[str, int]], total: int, name: str) -> list[Block]:
    """Rows that must add up to a total that was counted elsewhere; a warning where they do not."""
    added = sum(count for _, count in rows)
    bars = Bars(name, "count", [Bar(text, count, number(count)) for text, count in rows], number(added))
    if added == total:
        return [bars]
    return [bars, Paragraph(f"These do not add up: {number(total)} {name} were counted.", warning=True)]


def _stand_ins(events: Events) -> list[Block]:
    found = remapped(events)
    if not found:
        return [Paragraph(f"No particle of the {number(len(events))} events read was remapped.")]
    return [
        Subtitle("Species that have no generator of their own"),
        Table(
            ("species", "stand-in", "particles"),
            [(named(pdg), named(known), number(count)) for pdg, known, count in found],
            f"In the first {number(len(events))} events. Particles outside the training domain are counted "
            "there instead.",
            text_columns=(1,),
        ),
    ]


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
