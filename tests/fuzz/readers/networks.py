"""Readers of trained models and of trainings' states: JSON and safetensors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from random import Random

import torch

from monsoon.models.families.flow.flow import Flow
from monsoon.models.files import sha256_of_json
from monsoon.models.geometry.planar import Planar
from monsoon.models.store.card import markdown
from monsoon.models.store.checkpoint import MODEL, WEIGHTS, load, save
from monsoon.models.training.state import State, StateFolder
from tests.fuzz.mutation.octets import mutated_bytes
from tests.fuzz.mutation.trees import mutated_json
from tests.fuzz.reader import Reader, check, check_finite
from tests.fuzz.readers.showers import made_showers
from tests.models.toys import SMALL_FLOW

STEPS = (100, 200)


def read_model(path: Path, folder: Path, scratch: Path) -> None:
    """A model.json beside the good weights; showers come out of it."""
    _link(folder / WEIGHTS, scratch / WEIGHTS)
    (scratch / MODEL).write_bytes(path.read_bytes())
    _sampled(scratch)


def read_weights(path: Path, folder: Path, scratch: Path) -> None:
    """Weights with a checksum that fits, as their maker would write it."""
    data = path.read_bytes()
    card = json.loads((folder / MODEL).read_bytes())
    card["weights"] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (scratch / MODEL).write_text(json.dumps(card))
    (scratch / WEIGHTS).write_bytes(data)
    _sampled(scratch)


def read_state(path: Path, folder: Path, scratch: Path) -> None:
    """The newest of two states, of which this is the last one's JSON."""
    states = states_of(folder, scratch)
    (states / f"step-{STEPS[-1]:012d}.json").write_bytes(path.read_bytes())
    found = StateFolder(states)
    step = found.newest()
    check(step in STEPS, f"step {step}")
    check(step is None or found.read(step).step == step, "another state than was asked for")


def read_state_weights(path: Path, folder: Path, scratch: Path) -> None:
    """The last state's tensors, with a checksum that fits."""
    states, data = states_of(folder, scratch), path.read_bytes()
    file = states / f"step-{STEPS[-1]:012d}.json"
    content = json.loads(file.read_bytes())["content"]
    content["tensors_sha256"] = hashlib.sha256(data).hexdigest()
    file.unlink()
    file.write_text(json.dumps({"content": content, "sha256": sha256_of_json(content)}))
    file.with_suffix(".safetensors").unlink()
    file.with_suffix(".safetensors").write_bytes(data)
    found = StateFolder(states)
    check(found.newest() in STEPS, "no state")


def _sampled(folder: Path) -> None:
    checkpoint = load(folder)
    check(markdown(checkpoint.card), "an empty card")
    model = checkpoint.model
    conditions = made_showers(4).conditions
    model.inside(conditions)
    asked = conditions.with_pdg(torch.full((4,), model.species[0], dtype=torch.int32))
    showers = model.sample(asked, torch.full((4, model.noise_dimensions), 0.5)).energy_mev
    check_finite("a sampled shower", showers)
    check((showers >= 0).all(), "a negative energy")


def states_of(folder: Path, scratch: Path) -> Path:
    states = scratch / "states"
    states.mkdir()
    for file in (folder / "states").iterdir():
        _link(file, states / file.name)
        if file.name == f"step-{STEPS[-1]:012d}.json":
            (states / file.name).unlink()
            (states / file.name).write_bytes(file.read_bytes())
    return states


def _link(file: Path, name: Path) -> None:
    name.unlink(missing_ok=True)
    name.hardlink_to(file)


def _prepare_model(folder: Path) -> None:
    network = Flow.prepare(SMALL_FLOW, made_showers(64), Planar())
    card = {"training": {"steps": 10, "seconds": 1.5, "device": "cpu", "recipe": {"steps": 10}}}
    save(
        folder,
        network,
        {**card, "data": {"files": [{"name": "a", "use": "train", "rows": 2, "sha256": "0"}]}},
    )
    (folder / "good-0.json").write_bytes((folder / MODEL).read_bytes())
    (folder / "good-0.safetensors").write_bytes((folder / WEIGHTS).read_bytes())


def _prepare_states(folder: Path) -> None:
    states = StateFolder(folder / "states")
    tensors = {"model.a": torch.ones(3, 4), "optimiser.b": torch.zeros(2, dtype=torch.float64)}
    states.write_best(STEPS[0], tensors)
    for step in STEPS:
        states.write(State(step, tensors, {"seconds": 1.5, "scores": [[step, 0.5]]}), STEPS[0])
    last = folder / "states" / f"step-{STEPS[-1]:012d}.json"
    (folder / "good-0.json").write_bytes(last.read_bytes())
    (folder / "good-0.safetensors").write_bytes(last.with_suffix(".safetensors").read_bytes())


def _mutated_state(content: bytes, random: Random) -> bytes:
    """Changed JSON; half of it with a checksum that fits."""
    found = mutated_json(content, random)
    try:
        tree = json.loads(found)
        if random.random() < 0.5:
            tree["sha256"] = sha256_of_json(tree["content"])
            return json.dumps(tree).encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return found


def _mutated_tensors(content: bytes, random: Random) -> bytes:
    """Safetensors with another header, or other bytes."""
    if random.random() < 0.4:
        return mutated_bytes(content, random)
    size = int.from_bytes(content[:8], "little")
    header = mutated_json(content[8 : 8 + size], random)
    claimed = (
        len(header) if random.random() < 0.9 else random.choice((0, 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1))
    )
    return claimed.to_bytes(8, "little") + header + content[8 + size :]


NETWORKS = {
    "model-json": Reader(".json", _prepare_model, mutated_json, read_model),
    "model-weights": Reader(".safetensors", _prepare_model, _mutated_tensors, read_weights),
    "state-json": Reader(".json", _prepare_states, _mutated_state, read_state),
    "state-weights": Reader(".safetensors", _prepare_states, _mutated_tensors, read_state_weights),
}
