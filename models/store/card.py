"""A model's card as a page of Markdown: what a person should know before using the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from monsoon.models.domain.columns import ColumnDomain
from monsoon.models.families.table import FAMILIES

Card = Mapping[str, Any]
STEPS_PICTURE = "steps.png"  # beside the card of a model whose sampling steps were tried


def markdown(card: Card) -> str:
    """The page of a model's card as Markdown.

    Parameters
    ----------
    card
        Any of these entries; what is not known is left out: name, family, parameters, species,
        weights {sha256, bytes}, stages, config {domain, ...},
        training {steps, seconds, device, recipe, findings},
        data {files: [{name, use, rows, sha256}]}, curve [...],
        metrics {name: {value, error, floor, floor_error}},
        acceptance {mean, acceptance, effective, cut, asked, last_resort, candidates, cap, showers, closure
        {showers, ms_per_shower, auc: {classifier: {before, after, floor: [area, error]}}}},
        outside {name: {policy: [bins of `beyond`]}},
        by_steps {sampling steps: {auc, error, floor, us_per_row}}.
    """
    parts = [f"# {card.get('name', 'model')}\n", _facts(card)]
    if "metrics" in card:
        parts += ["## Judged\n", _metrics(card["metrics"])]
    if "acceptance" in card:
        parts += ["## Accepted and rejected\n", _acceptance(card["acceptance"])]
    if "by_steps" in card:
        parts += ["## Sampling steps\n", _by_steps(card["by_steps"])]
    if "outside" in card:
        parts += ["## Above the training energies\n", _outside(card["outside"])]
    if "data" in card:
        parts += ["## Data\n", _data(card["data"])]
    if "training" in card:
        parts += ["## Training\n", _training(card)]
    parts += ["## Domain\n", _domain(card)]
    return "\n".join(parts)


def _facts(card: Card) -> str:
    weights, giver = card["weights"], card.get("stages")
    taken = "All but the classifier" if "model" in card["config"] else "Energy, hits and divisions"
    of = f" {taken} are those of {giver}, whose weights have them." if giver else ""
    return (
        f"Family {card['family']}, {card['parameters']:,} parameters, {weights['bytes'] / 1e6:.1f} MB, "
        f"{_layout(card)}.\n\nWeights: SHA-256 `{weights['sha256']}`.{of}\n"
    )


def _layout(card: Card) -> str:
    """What a row is: showers of some species, or a table's columns."""
    if schema := card["config"].get("schema"):
        columns = {
            key: ", ".join(
                f"{column['name']} [{column['unit']}]" if column.get("unit") else column["name"]
                for column in schema[key]
            )
            for key in ("features", "conditions")
        }
        return f"of tables: {columns['features']}, given {columns['conditions'] or 'nothing'}"
    return f"for species (PDG) {', '.join(str(pdg) for pdg in card['species'])}"


def _metrics(metrics: Card) -> str:
    """A row a metric; the floor is the same metric between two Geant4 samples of the same sizes."""
    rows = ["| metric | value | floor |", "|---|---|---|"]
    notes = []
    for name, found in metrics.items():
        if isinstance(found, Mapping) and "value" in found:
            floor = _number(found.get("floor"), found.get("floor_error"))
            rows.append(f"| {name} | {_number(found['value'], found.get('error'))} | {floor} |")
        else:
            notes.append(f"- {name}: {found if isinstance(found, str) else json.dumps(found)}")
    return "\n".join([*rows, "", *notes, ""])


def _number(value: float | None, error: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if error is None else f"{value:.4g} +- {error:.2g}"


def _acceptance(found: Card) -> str:
    """What accepting costs, and the closure: classifiers before and after."""
    parts = [
        f"A shower is the first of {found['candidates']} candidates whose uniform number is below its weight "
        f"over {found['cap']:g}. Of {found['showers']} conditions: acceptance {found['acceptance']:.3f}, "
        f"{found['asked']:.2f} candidates a shower, last resort {found['last_resort']:.4f}. Weights of all "
        f"candidates: mean {found['mean']:.3f}, effective sample size {found['effective']:.3f} of their "
        f"number, {found['cut']:.4f} at the cap.\n"
    ]
    closure = found.get("closure")
    if closure and closure["auc"]:
        took = closure["ms_per_shower"]
        parts += [
            f"Closure on {closure['showers']} Geant4 showers that chose nothing; ms of CPU a shower "
            f"{took['before']:.3g} before, {took['after']:.3g} after.\n",
            "| AUC | before | after | floor |\n|---|---|---|---|",
        ]
        for name, of in closure["auc"].items():
            areas = " | ".join(_number(*of[who]) for who in ("before", "after", "floor"))
            parts.append(f"| {name} | {areas} |")
    return "\n".join([*parts, ""])


def _by_steps(found: Card) -> str:
    """A row a number of steps: quality against time."""
    rows = ["| steps | joint AUC | floor | us per row |", "|---|---|---|---|"]
    rows += [
        f"| {count} | {_number(of['auc'], of['error'])} | {of['floor']:.4g} | {of['us_per_row']:.0f} |"
        for count, of in found.items()
    ]
    return "\n".join([*rows, "", f"![quality against sampling steps]({STEPS_PICTURE})", ""])


def _outside(outside: Card) -> str:
    """A row a policy and bin of energy: the means over those of Geant4, less one."""
    entries = [(name, policy, entry) for name, of in outside.items() for policy in of for entry in of[policy]]
    known = ("energy_gev", "showers")
    quantities = [key for key in entries[0][2] if key not in known] if entries else []
    rows = [
        "Relative to Geant4 at the same conditions, less one.\n",
        f"| model | `outside=` | GeV | showers | {' | '.join(quantities)} |",
        "|" + "---|" * (4 + len(quantities)),
    ]
    for name, policy, entry in entries:
        low, high = entry["energy_gev"]
        found = " | ".join(f"{entry[key][0]:+.3f} +- {entry[key][1]:.3f}" for key in quantities)
        rows.append(f"| {name} | {policy} | {low:g}-{high:g} | {entry['showers']} | {found} |")
    return "\n".join([*rows, ""])


def _data(data: Card) -> str:
    rows = ["| file | for | rows | SHA-256 |", "|---|---|---|---|"]
    rows += [
        f"| {file['name']} | {file['use']} | {file['rows']:,} | `{file['sha256']}` |"
        for file in data.get("files", [])
    ]
    return "\n".join([*rows, ""])


def _training(card: Card) -> str:
    training = card["training"]
    said = ", ".join(
        f"{key} {value}" for key, value in training.items() if isinstance(value, str | int | float)
    )
    lines = [f"{said}.\n"]
    if "recipe" in training:
        lines.append(f"    {json.dumps(training['recipe'])}\n")
    lines += [f"- {finding}" for finding in training.get("findings", [])]
    return "\n".join(lines) + "\n"


def _domain(card: Card) -> str:
    """The stored domain; of a table also what of it was never seen together, in words."""
    domain = card["config"].get("domain", {})
    if not domain:
        return "Not known.\n"
    lines = [f"    {json.dumps(domain)}\n"]
    if "schema" in card["config"]:
        of_table = ColumnDomain.from_json(domain)
        lines = [f"Rows asked for outside it: {FAMILIES[card['family']].beyond}.\n", *lines]
        if of_table.unseen:
            lines[1:1] = [
                "Not seen in training:\n",
                *(f"- {of_table.describe(one)}" for one in of_table.unseen),
                "",
            ]
    return "\n".join(lines)
