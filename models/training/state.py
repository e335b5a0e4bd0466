"""The states of a training on disk, to resume from exactly: safetensors and JSON, no pickle.

    step-000000000200.safetensors   weights, averaged weights, states of the optimisers
    step-000000000200.json          progress, and checksums of both; written last, it makes the state exist
    best-000000000150.safetensors   averaged weights with the best validation score, with a JSON file too

This file knows nothing of the meaning of the numbers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from monsoon.models.errors import InputError
from monsoon.models.files import read_object, read_small, sha256_of_json, write_whole

KEPT = 2
LARGEST_PROGRESS, LARGEST_TENSORS = 1 << 28, 1 << 34  # bytes
STATE, BEST = "step", "best"


@dataclass(frozen=True)
class State:
    """Everything that a training needs to continue.

    Attributes
    ----------
    step : int
        Steps made so far.
    tensors : dict of Tensor
        Weights and states of the optimisers.
    progress : dict
        The rest, as plain types for JSON.
    """

    step: int
    tensors: dict[str, Tensor]
    progress: dict[str, Any]


class StateFolder:
    """The folder with the states of one training.

    Parameters
    ----------
    folder : str or Path
        The folder. It is created when the first state is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def write(self, state: State, best: int | None) -> None:
        """Add a state. Of all states, the last two are kept, with the best weights that they name.

        Parameters
        ----------
        state : State
            The state to add.
        best : int or None
            Step of the best weights so far; None if there are none.
        """
        self._put(STATE, State(state.step, state.tensors, {**state.progress, "best": best}))
        steps = self.steps()
        for step in steps[:-KEPT]:
            self._remove(STATE, step)
        named = [self._json(STATE, step)["content"].get("best") for step in steps[-KEPT:]]
        for step in self._numbers(BEST):
            if step not in named:
                self._remove(BEST, step)

    def write_best(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Store the best weights so far.

        Parameters
        ----------
        step : int
            Their step.
        tensors : mapping of str to Tensor
            The averaged weights.
        """
        self._put(BEST, State(step, dict(tensors), {}))

    def best(self, step: int) -> dict[str, Tensor]:
        """Read the best weights, by their step.

        Raises
        ------
        InputError
            If they are damaged.
        """
        return self._get(BEST, step).tensors

    def steps(self) -> list[int]:
        """Steps of all states, oldest first."""
        return self._numbers(STATE)

    def newest(self) -> int | None:
        """The step of the newest state that is not damaged; None if there is no state.

        Raises
        ------
        InputError
            If there are states and all are damaged.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                self.read(step)
            except InputError:
                continue
            return step
        if steps:
            raise InputError(
                f"{self.folder}: every state of the training is damaged; remove the folder to start again"
            )
        return None

    def read(self, step: int) -> State:
        """Read a state, by its step.

        Raises
        ------
        InputError
            If it is damaged.
        """
        return self._get(STATE, step)

    def _put(self, kind: str, state: State) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # copies: safetensors refuses tensors that share memory, such as tied weights
        data = save(
            {name: value.detach().cpu().clone().contiguous() for name, value in state.tensors.items()}
        )
        content = {
            "step": state.step,
            **state.progress,
            "tensors_sha256": hashlib.sha256(data).hexdigest(),
        }
        text = json.dumps({"content": content, "sha256": sha256_of_json(content)}, indent=1)
        write_whole(self._path(kind, state.step, "safetensors"), data)
        write_whole(self._path(kind, state.step, "json"), text.encode())

    def _get(self, kind: str, step: int) -> State:
        path = self._path(kind, step, "safetensors")
        found = self._json(kind, step)
        content = found["content"]
        try:
            data = read_small(path, LARGEST_TENSORS)
            if found.get("sha256") != sha256_of_json(content):
                raise InputError(f"{path.with_suffix('.json')}: damaged; its checksum does not match")
            if content.get("tensors_sha256") != hashlib.sha256(data).hexdigest():
                raise InputError(f"{path}: damaged; its checksum does not match")
            tensors = load(data)
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(f"{path}: cannot be read ({error})") from error
        return State(step, tensors, content)

    def _json(self, kind: str, step: int) -> dict[str, Any]:
        path = self._path(kind, step, "json")
        try:
            found = read_object(path, LARGEST_PROGRESS)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: damaged; not readable as an object in JSON") from error
        if not isinstance(found.get("content"), dict):
            raise InputError(f"{path}: damaged; not the state of a training")
        return found

    def _numbers(self, kind: str) -> list[int]:
        found = (
            re.fullmatch(rf"{kind}-(\d{{12,}})\.json", path.name, re.ASCII) for path in self.folder.glob("*")
        )
        return sorted(int(name[1]) for name in found if name)

    def _path(self, kind: str, step: int, suffix: str) -> Path:
        return self.folder / f"{kind}-{step:012d}.{suffix}"

    def _remove(self, kind: str, step: int) -> None:
        for suffix in ("json", "safetensors"):
            self._path(kind, step, suffix).unlink(missing_ok=True)
