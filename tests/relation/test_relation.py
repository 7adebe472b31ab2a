"""Every operation of the mask algebra against plain sets of pairs, one candidate at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membar_check import relation as rel
from membar_check.relation import EventSet, Relation
from support.properties import QUICK

CANDIDATES = 8
EVENTS = 6
FULL = (1 << CANDIDATES) - 1
Pairs = frozenset[tuple[int, int]]
Members = frozenset[int]

events = st.integers(0, EVENTS - 1)
masks = st.integers(1, FULL)
wide_masks = st.sampled_from([FULL, FULL, 1, 0b10101010]) | masks  # many edges hold everywhere
sets: st.SearchStrategy[EventSet] = st.dictionaries(events, wide_masks, max_size=EVENTS)
relations: st.SearchStrategy[Relation] = st.dictionaries(
    events, st.dictionaries(events, wide_masks, min_size=1, max_size=EVENTS), max_size=EVENTS
)


def members(s: EventSet, candidate: int) -> Members:
    return frozenset(e for e, m in s.items() if m >> candidate & 1)


def pairs(r: Relation, candidate: int) -> Pairs:
    return frozenset((a, b) for a, row in r.items() for b, m in row.items() if m >> candidate & 1)


def well_formed(value: EventSet | Relation) -> bool:
    """No zero masks, no empty rows."""
    return all(all(v.values()) and bool(v) if isinstance(v, dict) else v > 0 for v in value.values())


class Unchanged:
    """Checks on leaving that the arguments are as they were."""

    def __init__(self, *values: object) -> None:
        self.values = values

    def __enter__(self) -> None:
        self.before = deepcopy(self.values)

    def __exit__(self, *_: object) -> None:
        assert self.values == self.before


def transitive(p: Pairs) -> Pairs:
    out = set(p)
    while True:
        more = {(a, d) for a, b in out for c, d in out if b == c} - out
        if not more:
            return frozenset(out)
        out |= more


def composed(p: Pairs, q: Pairs) -> Pairs:
    return frozenset((a, d) for a, b in p for c, d in q if b == c)


def by_candidate() -> Iterator[int]:
    return iter(range(CANDIDATES))


# --- event sets ------------------------------------------------------------------------------------------------------
@QUICK
@given(st.lists(sets, max_size=4))
def test_union_of_sets(parts: list[EventSet]) -> None:
    with Unchanged(parts):
        out = rel.union_sets(parts)
    assert well_formed(out)
    for c in by_candidate():
        assert members(out, c) == frozenset().union(*(members(p, c) for p in parts))


@pytest.mark.parametrize(
    ("operation", "naive"),
    [
        (rel.intersect_sets, lambda a, b: a & b),
        (rel.subtract_sets, lambda a, b: a - b),
    ],
)
@QUICK
@given(a=sets, b=sets)
def test_two_sets(
    operation: Callable[[EventSet, EventSet], EventSet],
    naive: Callable[[Members, Members], Members],
    a: EventSet,
    b: EventSet,
) -> None:
    with Unchanged(a, b):
        out = operation(a, b)
    assert well_formed(out)
    for c in by_candidate():
        assert members(out, c) == naive(members(a, c), members(b, c))


@QUICK
@given(sets)
def test_any_in_set(a: EventSet) -> None:
    out = rel.any_in_set(a)
    assert out == sum(1 << c for c in by_candidate() if members(a, c))


# --- relations -------------------------------------------------------------------------------------------------------
@QUICK
@given(st.lists(relations, max_size=4))
def test_union(parts: list[Relation]) -> None:
    with Unchanged(parts):
        out = rel.union(parts)
    assert well_formed(out)
    for c in by_candidate():
        assert pairs(out, c) == frozenset().union(*(pairs(p, c) for p in parts))


@pytest.mark.parametrize(
    ("operation", "naive"),
    [
        (rel.intersect, lambda p, q: p & q),
        (rel.subtract, lambda p, q: p - q),
        (rel.compose, composed),
    ],
)
@QUICK
@given(r=relations, s=relations)
def test_two_relations(
    operation: Callable[[Relation, Relation], Relation],
    naive: Callable[[Pairs, Pairs], Pairs],
    r: Relation,
    s: Relation,
) -> None:
    with Unchanged(r, s):
        out = operation(r, s)
    assert well_formed(out)
    for c in by_candidate():
        assert pairs(out, c) == naive(pairs(r, c), pairs(s, c))


@pytest.mark.parametrize(
    ("operation", "naive"),
    [
        (rel.inverse, lambda p: frozenset((b, a) for a, b in p)),
        (rel.closure, transitive),
    ],
)
@QUICK
@given(r=relations)
def test_one_relation(
    operation: Callable[[Relation], Relation], naive: Callable[[Pairs], Pairs], r: Relation
) -> None:
    with Unchanged(r):
        out = operation(r)
    assert well_formed(out)
    for c in by_candidate():
        assert pairs(out, c) == naive(pairs(r, c))


@QUICK
@given(st.none() | sets, relations, st.none() | sets)
def test_restrict(a: EventSet | None, r: Relation, b: EventSet | None) -> None:
    with Unchanged(a, r, b):
        out = rel.restrict(a, r, b)
    assert well_formed(out)
    for c in by_candidate():
        left, right = (None if s is None else members(s, c) for s in (a, b))
        kept = {(x, y) for x, y in pairs(r, c) if (left is None or x in left) and (right is None or y in right)}
        assert pairs(out, c) == kept


@QUICK
@given(relations, relations)
def test_filter_and_drop(r: Relation, wanted: Relation) -> None:
    with Unchanged(r):
        kept = rel.filter_pairs(r, lambda a, b: wanted.get(a, {}).get(b, 0))
        left = rel.drop_pairs(r, lambda a, b: wanted.get(a, {}).get(b, 0))
    assert well_formed(kept) and well_formed(left)
    for c in by_candidate():
        assert pairs(kept, c) == pairs(r, c) & pairs(wanted, c)
        assert pairs(left, c) == pairs(r, c) - pairs(wanted, c)


@QUICK
@given(sets, sets)
def test_identity_and_product(a: EventSet, b: EventSet) -> None:
    with Unchanged(a, b):
        same, every = rel.identity(a), rel.product(a, b)
    assert well_formed(same) and well_formed(every)
    for c in by_candidate():
        assert pairs(same, c) == {(e, e) for e in members(a, c)}
        assert pairs(every, c) == {(x, y) for x in members(a, c) for y in members(b, c)}


@QUICK
@given(relations)
def test_domain_and_codomain(r: Relation) -> None:
    with Unchanged(r):
        sources, targets = rel.domain(r), rel.codomain(r)
    assert well_formed(sources) and well_formed(targets)
    for c in by_candidate():
        assert members(sources, c) == {a for a, _ in pairs(r, c)}
        assert members(targets, c) == {b for _, b in pairs(r, c)}


# --- tests of relations ----------------------------------------------------------------------------------------------
@QUICK
@given(relations, st.just(-1) | masks)
def test_tests(r: Relation, within: int) -> None:
    with Unchanged(r):
        cyclic = rel.cyclic(r, within)
        some, loops = rel.nonempty(r), rel.reflexive(r)
    closed = [transitive(pairs(r, c)) for c in by_candidate()]
    assert cyclic == sum(1 << c for c in by_candidate() if within >> c & 1 and any(a == b for a, b in closed[c]))
    assert some == sum(1 << c for c in by_candidate() if closed[c])
    assert loops == sum(1 << c for c in by_candidate() if any(a == b for a, b in pairs(r, c)))


@QUICK
@given(st.permutations(range(EVENTS)), st.integers(2, EVENTS), masks)
def test_one_long_cycle(order: list[int], length: int, mask: int) -> None:
    """Cycles through many events, whose edges are there in all candidates but one edge's."""
    ring = order[:length]
    r = {a: {b: FULL} for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)}
    r[ring[0]] = {ring[1]: mask}
    assert rel.cyclic(r) == mask
    assert rel.reflexive(rel.closure(r)) == mask


@QUICK
@given(st.lists(relations, min_size=1, max_size=3), relations)
def test_results_can_be_used_again(parts: list[Relation], other: Relation) -> None:
    """Rows are shared between results: working on a result must not change what it was made from."""
    first = rel.union([*parts, other])
    with Unchanged(parts, other, first):
        second = rel.union([first, other])
        rel.closure(second)
        rel.cyclic(second)
        rel.inverse(rel.subtract(second, {}))
        rel.union([rel.restrict(None, second, None), other])


def test_nothing_is_cyclic_in_nothing() -> None:
    assert rel.cyclic({}) == rel.nonempty({}) == rel.reflexive({}) == rel.any_in_set({}) == 0
    assert rel.closure({}) == rel.union([]) == rel.inverse({}) == rel.domain({}) == rel.codomain({}) == {}
