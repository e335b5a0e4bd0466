"""Bad JSON and safetensors: models, trainings' states, campaigns' outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from monsoon.models.files import sha256_of_json
from tests.fuzz.corpus.case import Case, Make, made, wholes


def edited(*path: str | int, to: object = None) -> Make:
    """The good JSON with another value at this path."""

    def make(content: bytes) -> bytes:
        tree = json.loads(content)
        holder = tree
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = to
        return json.dumps(tree).encode()

    return make


def without(*path: str) -> Make:
    """The good JSON without this key."""

    def make(content: bytes) -> bytes:
        tree = json.loads(content)
        holder = tree
        for key in path[:-1]:
            holder = holder[key]
        del holder[path[-1]]
        return json.dumps(tree).encode()

    return make


def summed(change: Callable[[dict[str, Any]], object]) -> Make:
    """A state with other content, and a checksum that fits."""

    def make(content: bytes) -> bytes:
        inner = json.loads(content)["content"]
        change(inner)
        return json.dumps({"content": inner, "sha256": sha256_of_json(inner)}).encode()

    return make


def no_json(named: str) -> dict[str, Case]:
    """What is no JSON object, whatever the file is for."""
    return wholes(
        (b"", named),
        (b"{", named),
        (b"null", named),
        (b"[]", named),
        (b"\xff\xff", named),
        (b'{"a": 1', named),
        (b"[" * 5000 + b"]" * 5000, named),
    )


def header(change: Callable[[dict[str, Any]], object]) -> Make:
    """Safetensors with another header before the same data."""

    def make(content: bytes) -> bytes:
        size = int.from_bytes(content[:8], "little")
        tree = json.loads(content[8 : 8 + size])
        change(tree)
        text = json.dumps(tree).encode()
        return len(text).to_bytes(8, "little") + text + content[8 + size :]

    return make


def _first(tree: dict[str, Any]) -> dict[str, Any]:
    return next(value for name, value in tree.items() if name != "__metadata__")


NOT_JSON = {name: case for name, case in no_json("model.json").items() if "[[[" not in name}
MODEL = {
    **NOT_JSON,
    **made(
        [
            *(
                (f"no {key}", without(key), "not a model of Monsoon")
                for key in ("format", "family", "config", "weights")
            ),
            ("format 1", edited("format", to=1), "format 1"),
            ("format of text", edited("format", to="2"), "not a model of Monsoon"),
            ("unknown family", edited("family", to="gan"), "family gan"),
            ("another checksum", edited("weights", "sha256", to="0" * 64), "checksum"),
            ("a coupling more", edited("config", "couplings", to=3), "does not fit the family"),
            ("another species", edited("config", "species", to=[22]), "does not fit the family"),
            ("no grid", without("config", "grid"), "does not fit the family"),
            ("a hidden layer less", edited("config", "hidden", to=4), "does not fit the family"),
        ]
    ),
}
WEIGHTS = made(
    [
        ("empty", lambda _: b"", "does not fit the family"),
        ("cut", lambda good: good[:-10], "does not fit the family"),
        ("no header", lambda good: bytes(8) + good[8:], "does not fit the family"),
        (
            "a header of 2^60",
            lambda good: (1 << 60).to_bytes(8, "little") + good[8:],
            "does not fit the family",
        ),
        ("a tensor less", header(lambda t: t.pop(next(iter(t)))), "does not fit the family"),
        ("another shape", header(lambda t: _first(t).update(shape=[1])), "does not fit the family"),
        ("another type", header(lambda t: _first(t).update(dtype="F128")), "does not fit the family"),
        (
            "offsets beyond",
            header(lambda t: _first(t).update(data_offsets=[0, 1 << 40])),
            "does not fit the family",
        ),
    ]
)
TRAINING = {
    **no_json("training.json: cannot be read"),
    **made(
        [
            ("another seed", edited("seed", to=5), "was begun with seed = 5"),
            ("seed a list", edited("seed", to=[0]), "was begun with seed = [0]"),
            ("no files", without("files"), "was begun with files = None"),
            ("larger than any", lambda good: good[:-1] + b" " * (1 << 24) + b"}", "larger than"),
        ]
    ),
}
NETWORK = {
    **no_json("network.json: cannot be used"),
    **made(
        [
            ("a coupling more", edited("couplings", to=3), "network.json: cannot be used"),
            ("many couplings", edited("couplings", to=10**9), "network.json: cannot be used"),
            ("large layers", edited("hidden", to=10**6), "network.json: cannot be used"),
            ("hidden of text", edited("hidden", to="8"), "network.json: cannot be used"),
            ("no grid", without("grid"), "network.json: cannot be used"),
            ("larger than any", lambda good: good[:-1] + b" " * (1 << 24) + b"}", "larger than"),
        ]
    ),
}
FAILED = no_json("failed.json: cannot be read")
STATE = {
    **no_json("damaged"),
    **made(
        [
            ("no content", without("content"), "damaged"),
            ("content a list", edited("content", to=[1]), "damaged"),
            ("content null", edited("content", to=None), "damaged"),
            ("no checksum", without("sha256"), "checksum does not match"),
            ("another step", edited("content", "step", to=3), "checksum does not match"),
            ("no sum of the tensors", summed(lambda c: c.pop("tensors_sha256")), "checksum does not match"),
            ("a number for it", summed(lambda c: c.update(tensors_sha256=3)), "checksum does not match"),
        ]
    ),
}
CAMPAIGN = {
    **no_json("campaign.json: damaged"),
    **made(
        [
            *((f"no {key}", without(key), key) for key in ("identity", "layout", "events")),
            ("no events", edited("events", to=0), "events"),
            ("events of text", edited("events", to="many"), "events"),
            ("more events than int64", edited("events", to=1 << 63), "events"),
            ("an unknown key", edited("colour", to="red"), "colour"),
            ("identity a list", edited("identity", to=[]), "identity"),
            ("layout null", edited("layout", to=None), "layout"),
            ("no shard_events", without("layout", "shard_events"), "shard_events"),
            ("shard_events 0", edited("layout", "shard_events", to=0), "shard_events"),
            ("shard_events of text", edited("layout", "shard_events", to="4"), "shard_events"),
            ("first_event negative", edited("layout", "first_event", to=-1), "first_event"),
            ("formats a word", edited("layout", "formats", to="parquet"), "formats"),
            ("sites a word", edited("sites", to="elsewhere"), "sites"),
        ]
    ),
}
RECORD = {
    **no_json("damaged commit record"),
    **made(
        [
            *(
                (f"no {key}", without(key), "damaged commit record")
                for key in ("first", "files", "content", "counts")
            ),
            ("first behind last", edited("first", to=100), "damaged commit record"),
            ("negative", edited("first", to=-4), "damaged commit record"),
            ("content of text", edited("content", to="what"), "damaged commit record"),
            ("seconds infinite", edited("seconds", "write", to=1e400), "damaged commit record"),
            ("an unknown key", edited("colour", to=1), "damaged commit record"),
            ("a file elsewhere", edited("files", 0, "url", to="events/../../precious.txt"), "precious.txt"),
            ("a file of a site", edited("files", 0, "url", to="s3://bucket/events/x.parquet"), "s3://bucket"),
            ("a file of no format", edited("files", 0, "format", to="csv"), "csv"),
        ]
    ),
}
MANIFEST = {
    **no_json("no readable manifest.json"),
    **made(
        [
            ("no counts", without("counts"), "no readable manifest.json"),
            ("counts a list", edited("counts", to=[]), "no readable manifest.json"),
            ("negative shards", edited("shards", to=-1), "no readable manifest.json"),
            ("no model", edited("model", to=None), "names no model"),
            ("no detector", edited("detector", to=None), "names no detector"),
            ("a model that is not there", edited("model", to="no-such"), "no-such"),
            ("a model that is a path", edited("model", to="best,/dev/zero"), "only where you name it"),
            (
                "a model elsewhere",
                edited("model", to="http://127.0.0.1:1/m"),
                "only where you name it",
            ),
            ("models above", edited("outside", to=".."), "only where you name it"),
            ("a detector that is not there", edited("detector", to="no-such"), "no-such"),
            (
                "a detector that is a path",
                edited("detector", to="/dev/zero"),
                "only where you name it",
            ),
        ]
    ),
}
