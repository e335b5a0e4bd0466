"""Changes of trees of lists and mappings, written as JSON or YAML; and trees that hypothesis draws."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.mutation.octets import mutated_bytes, mutated_text

# What a serialiser would refuse stands in the text for these words
RAW = {
    "@deep-list": "[" * 3000 + "]" * 3000,
    "@deep-map": '{"a":' * 3000 + "1" + "}" * 3000,
    "@shallow": "[" * 60 + "]" * 60,
    "@long": "9" * 6000,
    "@large": "1e400",
    "@twice": '{"first": 1, "first": 2}',
}
LEAVES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        1.5,
        -0.5,
        1e-320,
        1e39,
        1e308,
        float("nan"),
        float("inf"),
        float("-inf"),
    ),
    *((1 << 31), (1 << 32), (1 << 53) + 1, (1 << 63) - 1, 1 << 63, 1 << 64, -(1 << 63) - 1, 10**30, 10**400),
    *("", " ", "x", "null", "1", "nan", "é\u202e\n", "\x00", "\x1b[31m", "\ud800", "a" * 3000, "a.b", "%s{}"),
    *("../../../precious.txt", "/dev/zero", "/", "file:///etc/hostname", "s3://u:secret@x/y?sig=1", "~"),
    *([], {}, [[]], [None], [1, 2], ["a"], {"a": 1}, {"": None}, [{}], [0] * 1000, *RAW),
)
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(list(RAW)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
YAML_ONLY = (
    *(
        "2001-01-01",
        "2001-99-99",
        "2001-01-01T25:00:00Z",
        "1:60:60",
        "0b2",
        "0o9",
        "!!binary x",
        "!!binary aGk=",
        "~",
    ),
    *(
        "!!set {a, b}",
        "!!omap [a: 1]",
        "!!python/object:os.system x",
        "!foo 1",
        "&a [*a]",
        "*nowhere",
        "? [a]\n: 1",
    ),
    *(
        "<<: 1",
        "{<<: {a: 1}}",
        "{[a]: 1}",
        "{{}: 1}",
        "{2001-99-99: 1}",
        "!!int x",
        "!!float y",
        "!!null x",
        "!!timestamp x",
    ),
    *(
        "&a [1,1,1,1,1,1,1,1,1]",
        "'unclosed",
        '"\\x"',
        "@at",
        "`tick",
        "%TAG",
        "--- 1\n--- 2",
        "|\n  text",
        "= ",
        "\t- 1",
    ),
    f"[&a [{'x,' * 9}], &b [{'*a,' * 9}], &c [{'*b,' * 9}], &d [{'*c,' * 9}], [{'*d,' * 9}]]",
)


def mutated_json(content: bytes, random: Random) -> bytes:
    """A JSON file with another tree, or with another text."""
    kind = random.random()
    if kind < 0.15:
        return mutated_bytes(content, random)
    tree = mutated_tree(json.loads(content), random)
    text = _raw(json.dumps(tree, indent=random.choice((None, 1))))
    return mutated_text(text, random) if kind < 0.25 else text


def mutated_yaml(content: bytes, random: Random) -> bytes:
    """A YAML file with another tree, or with another text."""
    kind = random.random()
    if kind < 0.15:
        return mutated_text(content, random)
    if kind < 0.35:
        return _with_yaml(content, random)
    tree = mutated_tree(yaml.safe_load(content), random)
    try:
        text = json.dumps(tree) if kind < 0.6 else yaml.safe_dump(tree, allow_unicode=random.random() < 0.5)
    except (yaml.YAMLError, ValueError):
        text = json.dumps(tree)
    return _raw(text)


def mutated_tree(tree: Any, random: Random) -> Any:
    """The tree with one to four changes; one in ten has a part that hypothesis drew."""
    tree = json.loads(json.dumps(tree))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        places = list(_places(tree))
        if not places:
            return deepcopy(random.choice(LEAVES))
        holder, key = random.choice(places)
        if isinstance(holder, dict):
            _change_mapping(holder, key, random)
        else:
            _change_list(holder, key, random)
    return tree if random.random() > 0.03 else random.choice(LEAVES)


def drawn(strategy: st.SearchStrategy[Any], random: Random, examples: int = 6) -> Any:
    """What hypothesis draws last of so many examples: the first ones are the simplest."""
    found: list[Any] = []

    @seed(random.getrandbits(64))
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def keep(value: Any) -> None:
        found.append(value)

    keep()
    return found[-1]


def value(random: Random) -> Any:
    """A leaf or a small tree that is probably not what stood there."""
    return drawn(TREES, random) if random.random() < 0.1 else deepcopy(random.choice(LEAVES))


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every mapping or list in the tree with each of its keys or indices."""
    waiting = [tree]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, dict):
            keys: Any = list(holder)
        elif isinstance(holder, list):
            keys = range(len(holder))
        else:
            continue
        for key in keys:
            yield holder, key
            waiting.append(holder[key])


def _change_mapping(holder: dict[str, Any], key: str, random: Random) -> None:
    kind = random.randrange(7)
    if kind < 3:
        holder[key] = value(random)
    elif kind == 3:
        del holder[key]
    elif kind == 4:
        holder[random.choice(("", "x", f"{key} ", key.upper(), "a" * 300, "\x1b[0m", "é"))] = deepcopy(
            holder[key]
        )
    elif kind == 5:
        other = random.choice(list(holder))
        holder[key], holder[other] = holder[other], holder[key]
    else:
        holder[key] = random.choice(
            ([holder[key]], {key: holder[key]}, str(holder[key]), [holder[key], deepcopy(holder[key])])
        )


def _change_list(holder: list[Any], key: int, random: Random) -> None:
    kind = random.randrange(6)
    if kind < 2:
        holder[key] = value(random)
    elif kind == 2:
        del holder[key]
    elif kind == 3:
        holder.insert(key, deepcopy(holder[key]))
    elif kind == 4:
        holder.insert(key, value(random))
    else:
        other = random.randrange(len(holder))
        holder[key], holder[other] = holder[other], holder[key]


def _with_yaml(content: bytes, random: Random) -> bytes:
    """A value, or the whole, in one of the forms that YAML alone has."""
    lines = content.split(b"\n")
    places = [i for i, line in enumerate(lines) if b":" in line and not line.lstrip().startswith(b"#")]
    odd = random.choice(YAML_ONLY).encode()
    if not places or random.random() < 0.1:
        return odd
    at = random.choice(places)
    lines[at] = lines[at].partition(b":")[0] + b": " + odd
    return b"\n".join(lines)


def _raw(text: str) -> bytes:
    for word, raw in RAW.items():
        for quoted in (f'"{word}"', f"'{word}'", word):
            text = text.replace(quoted, raw)
    return text.encode("utf-8", "surrogatepass")
