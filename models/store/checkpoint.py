"""A trained model as a folder: weights (safetensors), facts (JSON), its card (Markdown).

    weights.safetensors   the tensors
    model.json            family, configuration with grid and domain, checksum, the card's content
    README.md             the card, written from model.json

Of a model whose stages are those of a shipped one the weights may lack these (models/store/stages.py).

Nothing is ever unpickled, and weights whose checksum does not fit are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of
from torch import nn

from monsoon.models.errors import UNUSABLE, InputError
from monsoon.models.families.table import FAMILIES
from monsoon.models.files import read_small, write_whole
from monsoon.models.store.card import markdown
from monsoon.models.store.outline import fits
from monsoon.models.store.stages import taken_tensors

MODEL, WEIGHTS = TRAINED = ("model.json", "weights.safetensors")  # what is read of a model's folder
CARD = "README.md"
MOST_GIVERS = 2  # shipped models that have the weights of one, one after the other
GIVER = "stages"  # entry of model.json: the shipped model that has weights which are not there
CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
FORMAT = 2
LARGEST_CARD, LARGEST_WEIGHTS = 1 << 24, 1 << 32  # bytes


@dataclass(frozen=True)
class Checkpoint:
    """A model that can sample, and the content of its card."""

    model: Any
    card: dict[str, Any]


def save(folder: str | Path, network: nn.Module, card: Mapping[str, Any]) -> None:
    """Write a model's folder; `model.json` comes last: with it the model exists.

    Parameters are rounded to half precision, in the network too: half the size, and a change of 1 in 2 000.

    Parameters
    ----------
    folder
        Made where it is not there.
    network
        The trained network.
    card
        JSON; models/store/card.py says what its page shows. `family`, `parameters`, `species`, `config` and
        `weights` are filled in here.

    Raises
    ------
    ValueError
        If a weight is too large for half precision.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            tensors[name] = parameter.cpu().half()
            if not tensors[name].isfinite().all():
                raise ValueError(f"{name} has weights beyond half precision")
            parameter.copy_(tensors[name])
    data = bytes_of(tensors)
    family = next(name for name, kind in FAMILIES.items() if isinstance(network, kind))
    whole = {
        **card,
        "format": FORMAT,
        "family": family,
        **({"species": list(species)} if (species := getattr(network, "species", None)) else {}),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "config": network.config,
        "weights": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)},
    }
    write_whole(folder / WEIGHTS, data)
    write_card(folder, whole)


def share(folder: str | Path, giver: str) -> None:
    """Take out of a model's folder the weights that a shipped model has, and name that one in its card.

    Parameters
    ----------
    folder
        Of a model that took its stages from the shipped one.
    giver
        Name of the shipped model.

    Raises
    ------
    ValueError
        If a weight differs.
    """
    folder = Path(folder)
    card, tensors = read_card(folder), tensors_of((folder / WEIGHTS).read_bytes())
    for name, value in taken_tensors(card["config"], load(CHECKPOINTS / giver).model).items():
        if not torch.equal(tensors.pop(name).to(value.dtype), value):
            raise ValueError(f"{name} is not that of {giver}")
    data = bytes_of(tensors)
    weights = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    write_whole(folder / WEIGHTS, data)
    write_card(folder, {**card, GIVER: giver, "weights": weights})


def load(folder: str | Path) -> Checkpoint:
    """Load a model as it was saved, on the CPU, ready to sample.

    Raises
    ------
    InputError
        If the folder is not a whole model.
    """
    folder = Path(folder)
    card = read_card(folder)
    path = folder / WEIGHTS
    try:
        data = read_small(path, LARGEST_WEIGHTS)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)}); copy the whole folder again") from error
    if hashlib.sha256(data).hexdigest() != card["weights"]["sha256"]:
        raise InputError(f"{path}: not the weights that {MODEL} names (checksum); copy the folder again")
    restore = FAMILIES[card["family"]].restore
    try:
        tensors = tensors_of(data)
        if GIVER in card:
            tensors |= taken_tensors(card["config"], _shipped(card[GIVER]))
        if not fits(restore, card["config"], tensors):  # before memory is taken for the network
            raise ValueError("the shapes of the tensors are others")
        network = restore(card["config"])
        fixed = {name: value.clone() for name, value in network.named_buffers() if _is_mask(name)}
        network.load_state_dict(tensors)
        if not _is_sound(network):
            raise InputError(f"{path}: has weights that are not finite; train the model again")
        if not all(torch.equal(value, network.get_buffer(name)) for name, value in fixed.items()):
            raise ValueError("its masks are of another network")
    except (SafetensorError, *UNUSABLE) as error:
        raise InputError(f"{path}: does not fit the family {card['family']} of this release") from error
    network.requires_grad_(False)
    network.eval()
    return Checkpoint(network, card)


def _shipped(name: str) -> Any:
    """A shipped model that has its weights itself, or from one that has. Raises ValueError for others."""
    shipped = {path.name for path in CHECKPOINTS.iterdir()}
    of = name
    for _ in range(MOST_GIVERS):
        if of not in shipped:
            raise ValueError("its weights are those of no shipped model")
        card = read_card(CHECKPOINTS / of)
        if GIVER not in card:
            return load(CHECKPOINTS / name).model
        of = card[GIVER]
    raise ValueError("its weights are those of too many shipped models")


def makes_rows(card: Mapping[str, Any]) -> bool:
    """Whether a card is of a generator of table rows; it is one of showers otherwise."""
    return "schema" in card["config"]


def _is_sound(network: nn.Module) -> bool:
    """Whether parameters are finite and buffers have no NaN; a range without an end is an infinite buffer."""
    finite = all(bool(parameter.isfinite().all()) for parameter in network.parameters())
    return finite and not any(bool(buffer.isnan().any()) for buffer in network.buffers())


def _is_mask(buffer: str) -> bool:
    """Whether a buffer says which coordinates move: part of the architecture, stored with the weights."""
    return buffer.rpartition(".")[2] in ("moved", "kept")


def read_card(folder: str | Path) -> dict[str, Any]:
    """Read the content of a model's card.

    Raises
    ------
    InputError
        If `model.json` cannot be used.
    """
    path = Path(folder) / MODEL
    try:
        content = read_small(path, LARGEST_CARD)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)}); name a model's folder") from error
    try:
        card = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON; copy the model's folder again") from error
    needed = {"format": int, "family": str, "config": dict, "weights": dict}
    if not isinstance(card, dict) or not all(isinstance(card.get(key), kind) for key, kind in needed.items()):
        raise InputError(f"{path}: not a model of Monsoon; one has {', '.join(needed)}")
    if not isinstance(card["weights"].get("sha256"), str):
        raise InputError(f"{path}: names no checksum of its weights; copy the model's folder again")
    if card["format"] != FORMAT or card["family"] not in FAMILIES:
        raise InputError(
            f"{path}: format {card['format']}, family {card['family']}; this release reads format {FORMAT} "
            f"of {', '.join(FAMILIES)}"
        )
    try:
        markdown(card)
    except UNUSABLE as error:
        raise InputError(
            f"{path}: its card cannot be shown ({error}); copy the model's folder again"
        ) from error
    return card


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def write_card(folder: str | Path, card: Mapping[str, Any]) -> None:
    """Replace the content of a model's card, and its page."""
    folder = Path(folder)
    write_whole(folder / CARD, markdown(card).encode())
    write_whole(folder / MODEL, (json.dumps(card, indent=1) + "\n").encode())
