"""What a validation says of one model, as its card keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MEASURED = ("value", "error", "floor", "floor_error")


def card_metrics(report: Mapping[str, Any], who: str | None = None) -> dict[str, Any]:
    """Select what a model's card keeps of a `report.json`.

    Areas under the curve of every classifier and of the CaloChallenge's, and those for Geant4 showers with
    the flaws that a classifier has to see (its power); FPD, KPD, the response and resolution bins farthest
    from one, and the fractions that requirements ask for. Names begin with the
    group of species, and so do the notes: outcome, sizes, seed, checksums.

    Parameters
    ----------
    report
        The content of `report.json`.
    who
        A generator of the report; None: the only one.

    Returns
    -------
    dict
        {name: {value, error, floor, floor_error}}, and notes.

    Raises
    ------
    ValueError
        Where the report is of several generators and none is named.
    """
    names = list(report["outcome"])
    if who is None:
        if len(names) != 1:
            raise ValueError(f"the report is of {', '.join(names)}: name one")
        who = names[0]
    found: dict[str, Any] = {}
    of_model = report["compared"].get("generators", {}).get(who, {})
    for group, of in report["groups"].items():
        if who not in of["classifiers"]:  # it has no generator for these species
            continue
        for classifier, area in of["classifiers"][who].items():
            floor = of["floor"][classifier]
            found[f"{group} auc/{classifier}"] = {
                "value": area["auc"], "error": area["error"],
                "floor": floor["auc"], "floor_error": floor["error"],
            }  # fmt: skip
        for classifier, floor in of["floor"].items():
            seen = of["power"].get(classifier, {"has_to_see": (), "flaws": {}})
            found |= {
                f"{group} power/{classifier}, {flaw}": {
                    "value": seen["flaws"][flaw]["auc"], "error": seen["flaws"][flaw]["error"],
                    "floor": floor["auc"], "floor_error": floor["error"],
                }
                for flaw in seen["has_to_see"] if flaw in seen["flaws"]
            }  # fmt: skip
        metrics = of["metrics"][who]
        chosen = [metrics.get("fpd"), metrics.get("kpd")]
        chosen += [m for name, m in metrics.items() if name.startswith("auc/calochallenge-")]
        for kind in ("response", "resolution"):
            bins = [m for name, m in metrics.items() if name.startswith(f"{kind}/")]
            chosen.append(max(bins, key=lambda m: abs(m["value"] - 1), default=None))
        for metric in chosen:
            if metric is not None:
                found[f"{group} {metric['name']}"] = {key: metric[key] for key in MEASURED}
        for verdict in report["verdicts"][who]:
            if verdict["requirement"]["region"]["species"] == group:
                found |= {
                    f"{group} {one['what']}{_of(verdict)}": {key: one[key] for key in MEASURED}
                    for one in verdict["comparisons"]
                    if one["what"].startswith("fraction/")
                }
        found[f"{group} validation"] = {
            "outcome": report["outcome"][who],
            "showers": of["showers"]["reference"],
            "seed": report["seed"],
            "quick": report["quick"],
            **({"generators": loaded} if (loaded := of_model.get("generators")) else {}),
            **({"domain": of["domain"]} if "domain" in of else {}),
            **{name: file["sha256"] for name, file in report["compared"]["samples"].items()},
        }
    return found


def _of(verdict: Mapping[str, Any]) -> str:
    """Which species a requirement is about, where it is not all of its group."""
    pdg = verdict["requirement"]["region"]["pdg"]
    return f" of {', '.join(map(str, pdg))}" if pdg else ""
