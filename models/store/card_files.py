"""Cards of models on disk: those of trained models in their folders, the library's beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from monsoon.models.errors import InputError
from monsoon.models.files import write_whole
from monsoon.models.store.checkpoint import CHECKPOINTS, read_card, write_card
from monsoon.models.store.shipped import folder_of

LIBRARY, LIBRARY_CARD = "library", "library.json"


def card_of(model: str) -> dict[str, Any]:
    """Read what is known of a model.

    Parameters
    ----------
    model
        `library`, the name of a shipped model, or a model's folder.

    Raises
    ------
    InputError
        Where the model has no card.
    """
    if model != LIBRARY:
        return read_card(folder_of(model))
    try:
        known: dict[str, Any] = json.loads((CHECKPOINTS / LIBRARY_CARD).read_text())
    except FileNotFoundError:
        known = {}
    return {"family": LIBRARY, **known}


def store_card(model: str, card: Mapping[str, Any], beside: Mapping[str, bytes] | None = None) -> None:
    """Replace a model's card.

    Parameters
    ----------
    model
        See `card_of`.
    card
        What `card_of` is to return; see `models.store.card` for what its page shows.
    beside
        Pictures of the page, by name.

    Raises
    ------
    InputError
        Where the card cannot be written.
    """
    try:
        if model == LIBRARY:
            CHECKPOINTS.mkdir(exist_ok=True)
            (CHECKPOINTS / LIBRARY_CARD).write_text(json.dumps(card, indent=1) + "\n")
        else:
            for name, content in (beside or {}).items():
                write_whole(folder_of(model) / name, content)
            write_card(folder_of(model), card)
    except OSError as error:
        raise InputError(
            f"the card of {model} cannot be written ({error.strerror}); copy the model"
        ) from error
