"""Which workers go to which nodes: within their resources, spread, up to what is asked for."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from monsoon.engine.config import WorkerKind
from monsoon.engine.remote.nodes import Node
from monsoon.engine.remote.placement import Slot, free_slots, shortage


def node(name: str, cpus: float, gpus: float = 0, draining: bool = False) -> Node:
    return Node(name, name, cpus, gpus, draining)


NODES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.booleans()), max_size=4).map(
    lambda sizes: [node(f"n{i}", *size) for i, size in enumerate(sizes)]
)
KINDS = st.lists(
    st.builds(
        WorkerKind,
        workers=st.none() | st.integers(1, 5),
        cpus=st.sampled_from([0.1, 0.5, 1, 2]),
        gpus=st.sampled_from([0, 0, 0.25, 1]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)


@given(KINDS, NODES)
def test_no_node_is_given_more_than_it_has_and_no_room_is_left(
    kinds: tuple[WorkerKind, ...], nodes: list[Node]
) -> None:
    slots = free_slots(kinds, nodes, {})
    left = {}
    for place in nodes:
        here = [kinds[slot.kind] for slot in slots if slot.node == place.id]
        left[place.id] = place.cpus - sum(k.cpus for k in here), place.gpus - sum(k.gpus for k in here)
        assert min(left[place.id]) > -1e-6
        assert not (place.draining and here)
    have = Counter(slot.kind for slot in slots)
    for number, kind in enumerate(kinds):
        assert kind.workers is None or have[number] <= kind.workers
        if kind.workers is None or have[number] < kind.workers:
            for place in nodes:
                cpus, gpus = left[place.id]
                assert place.draining or cpus < kind.cpus - 1e-9 or gpus < kind.gpus - 1e-9


@given(KINDS, NODES)
def test_a_full_staff_leaves_nothing_to_fill(kinds: tuple[WorkerKind, ...], nodes: list[Node]) -> None:
    assert free_slots(kinds, nodes, Counter(free_slots(kinds, nodes, {}))) == []


def test_workers_are_spread_and_cpu_workers_leave_gpus_alone() -> None:
    nodes = [node("gpu", 4, 1), node("a", 2), node("b", 2)]
    cpu = free_slots((WorkerKind(workers=4),), nodes, {})
    assert Counter(slot.node for slot in cpu) == {"a": 2, "b": 2}
    mixed = free_slots((WorkerKind(workers=2), WorkerKind(workers=4, cpus=0.5, gpus=0.25)), nodes, {})
    assert Counter(mixed) == {Slot("a", 0): 1, Slot("b", 0): 1, Slot("gpu", 1): 4}


def test_what_does_not_fit_is_said_with_what_would() -> None:
    said = shortage((WorkerKind(workers=3, cpus=2),), [node("a", 3), node("b", 3)])
    assert said is not None
    assert "workers: 3 of 2 CPUs" in said
    assert "at most 2" in said  # six CPUs, but no node has room for two
    assert shortage((WorkerKind(workers=2, cpus=2),), [node("a", 3), node("b", 3)]) is None
