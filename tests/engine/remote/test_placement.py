"""Which workers go to which nodes: within their resources, spread, up to what is asked for."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from monsoon.engine.config import Pool
from monsoon.engine.remote.nodes import Node
from monsoon.engine.remote.placement import Post, shortage, vacancies


def node(name: str, cpus: float, gpus: float = 0, draining: bool = False) -> Node:
    return Node(name, name, cpus, gpus, draining)


NODES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.booleans()), max_size=4).map(
    lambda sizes: [node(f"n{i}", *size) for i, size in enumerate(sizes)]
)
KINDS = st.lists(
    st.builds(
        Pool,
        workers=st.none() | st.integers(1, 5),
        cpus=st.sampled_from([0.1, 0.5, 1, 2]),
        gpus=st.sampled_from([0, 0, 0.25, 1]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)


@given(KINDS, NODES)
def test_no_node_is_given_more_than_it_has_and_no_room_is_left(
    kinds: tuple[Pool, ...], nodes: list[Node]
) -> None:
    posts = vacancies(kinds, nodes, {})
    left = {}
    for place in nodes:
        here = [kinds[post.kind] for post in posts if post.node == place.id]
        left[place.id] = place.cpus - sum(k.cpus for k in here), place.gpus - sum(k.gpus for k in here)
        assert min(left[place.id]) > -1e-6
        assert not (place.draining and here)
    have = Counter(post.kind for post in posts)
    for number, kind in enumerate(kinds):
        assert kind.workers is None or have[number] <= kind.workers
        if kind.workers is None or have[number] < kind.workers:
            for place in nodes:
                cpus, gpus = left[place.id]
                assert place.draining or cpus < kind.cpus - 1e-9 or gpus < kind.gpus - 1e-9


@given(KINDS, NODES)
def test_a_full_staff_leaves_nothing_to_fill(kinds: tuple[Pool, ...], nodes: list[Node]) -> None:
    assert vacancies(kinds, nodes, Counter(vacancies(kinds, nodes, {}))) == []


def test_workers_are_spread_and_cpu_workers_leave_gpus_alone() -> None:
    nodes = [node("gpu", 4, 1), node("a", 2), node("b", 2)]
    cpu = vacancies((Pool(workers=4),), nodes, {})
    assert Counter(post.node for post in cpu) == {"a": 2, "b": 2}
    mixed = vacancies((Pool(workers=2), Pool(workers=4, cpus=0.5, gpus=0.25)), nodes, {})
    assert Counter(mixed) == {Post("a", 0): 1, Post("b", 0): 1, Post("gpu", 1): 4}


def test_what_does_not_fit_is_said_with_what_would() -> None:
    said = shortage((Pool(workers=3, cpus=2),), [node("a", 3), node("b", 3)])
    assert said is not None
    assert "workers: 3 of 2 CPUs" in said
    assert "at most 2" in said  # six CPUs, but no node has room for two
    assert shortage((Pool(workers=2, cpus=2),), [node("a", 3), node("b", 3)]) is None
