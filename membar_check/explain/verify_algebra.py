"""The algebra of cat's sets and relations on bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce

from membar_check.diagnostics import InputError, Span
from membar_check.engine.concrete_relations import cartesian, compose
from membar_check.explain.verify_terms import (
    EMPTY,
    UNIVERSE,
    Empty,
    Event,
    Members,
    Pair,
    Partition,
    Tag,
    Term,
    Undecided,
    Universe,
    same,
)
from membar_check.explain.verify_world import (
    NO_EVENTS,
    NO_PAIRS,
    Events,
    Pairs,
    RelationBounds,
    Scene,
    SetBounds,
    exact_relation,
    exact_set,
)
from membar_check.values import Address


class Algebra:
    """The operations of cat on the terms of one scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.universe = scene.universe

    def _by_place(self, members: frozenset[int]) -> Iterator[SetBounds]:
        """The classes of events at one location, by their smallest member."""
        groups: dict[frozenset[Address], list[int]] = {}
        for e in sorted(members):
            if len(self.scene.places[e]) != 1:
                raise Undecided("the location of an event")
            groups.setdefault(self.scene.places[e], []).append(e)
        return (exact_set(group) for group in groups.values())

    # --- conversions -------------------------------------------------------------------------------------------------
    def all_pairs(self) -> RelationBounds:
        low, high = self.universe.low, self.universe.high
        return RelationBounds(cartesian(low, low), cartesian(high, high))

    def pairs(self, value: Term, span: Span) -> RelationBounds:
        """A term as a relation."""
        match value:
            case RelationBounds():
                return value
            case Pair(first, second):
                return exact_relation([(first, second)])
            case Empty():
                return NO_PAIRS
            case Universe():
                return self.all_pairs()
        raise InputError("a relation was expected here", span)

    def events(self, value: Term, span: Span) -> SetBounds:
        """A term as a set of events."""
        match value:
            case SetBounds():
                return value
            case Event(event):
                return exact_set([event])
            case Empty():
                return NO_EVENTS
            case Universe():
                return self.universe
        raise InputError("a set of events was expected here", span)

    def elements(self, value: Term, span: Span) -> list[Term]:
        """The members of a set that is known exactly."""
        match value:
            case Empty():
                return []
            case Members(items):
                return list(items)
            case Tag():
                return [value]
            case Partition(members) if members.low == members.high:
                return list(self._by_place(members.low))
            case SetBounds(low, high) if low == high:
                return [Event(e) for e in sorted(low)]
            case RelationBounds(first, second) if first == second:
                return [Pair(a, b) for a, b in sorted(first)]
            case SetBounds() | RelationBounds() | Partition():
                raise Undecided("the members of a set that is not known exactly")
        raise InputError("a set was expected here", span)

    def complement(self, value: Term, span: Span) -> Term:
        match value:
            case Empty():
                return UNIVERSE
            case Universe():
                return EMPTY
            case SetBounds():
                return self.difference(self.universe, value, span)
            case RelationBounds():
                return self.difference(self.all_pairs(), value, span)
        raise Undecided("a complement of something else than events or pairs")

    def sequence(self, parts: list[tuple[Term, Span]]) -> Term:
        steps = [self.pairs(value, span) for value, span in parts]
        low = reduce(compose, [step.low for step in steps])
        high = low if all(step.low is step.high for step in steps) else reduce(compose, [step.high for step in steps])
        return RelationBounds(low, high)

    def union(self, parts: list[tuple[Term, Span]]) -> Term:
        values = [value for value, _ in parts]
        if any(isinstance(v, Universe) for v in values):
            return UNIVERSE
        first = next((v for v in values if not isinstance(v, Empty)), EMPTY)
        if isinstance(first, SetBounds | Event):
            sets = [self.events(v, span) for v, span in parts]
            return SetBounds(frozenset().union(*(v.low for v in sets)), frozenset().union(*(v.high for v in sets)))
        if isinstance(first, RelationBounds | Pair):
            relations = [self.pairs(v, span) for v, span in parts]
            low: frozenset[tuple[int, int]] = frozenset().union(*(v.low for v in relations))
            exact = all(v.low is v.high for v in relations)
            return RelationBounds(low, low if exact else frozenset().union(*(v.high for v in relations)))
        return self._members([item for value, span in parts for item in self.elements(value, span)])

    def intersection(self, left: Term, right: Term, span: Span) -> Term:
        if isinstance(left, Universe):
            return right
        if isinstance(right, Universe):
            return left
        if isinstance(left, Empty) or isinstance(right, Empty):
            return EMPTY
        if isinstance(left, SetBounds | Event):
            a, b = self.events(left, span), self.events(right, span)
            return SetBounds(a.low & b.low, a.high & b.high)
        if isinstance(left, RelationBounds | Pair):
            r, q = self.pairs(left, span), self.pairs(right, span)
            low = r.low & q.low
            return RelationBounds(low, low if r.low is r.high and q.low is q.high else r.high & q.high)
        others = self.elements(right, span)
        return self._members([item for item in self.elements(left, span) if any(same(item, o) for o in others)])

    def difference(self, left: Term, right: Term, span: Span) -> Term:
        if isinstance(right, Universe) or isinstance(left, Empty):
            return EMPTY
        if isinstance(right, Empty):
            return left
        if isinstance(left, Universe):
            return self.complement(right, span)
        if isinstance(left, SetBounds | Event):
            a, b = self.events(left, span), self.events(right, span)
            return SetBounds(a.low - b.high, a.high - b.low)
        if isinstance(left, RelationBounds | Pair):
            r, q = self.pairs(left, span), self.pairs(right, span)
            low = r.low - q.high
            return RelationBounds(low, low if r.low is r.high and q.low is q.high else r.high - q.low)
        others = self.elements(right, span)
        return self._members([item for item in self.elements(left, span) if not any(same(item, o) for o in others)])

    def add(self, element: Term, rest: Term, span: Span) -> Term:
        if isinstance(rest, Universe):
            return UNIVERSE
        if isinstance(element, Event) and isinstance(rest, Empty | SetBounds):
            return self.union([(element, span), (rest, span)])
        if isinstance(element, Pair) and isinstance(rest, RelationBounds):
            return self.union([(element, span), (rest, span)])
        return self._members([element, *self.elements(rest, span)])

    def literal(self, items: list[Term], span: Span) -> Term:
        if not items:
            return EMPTY
        if all(isinstance(item, Event) for item in items):
            return self.union([(item, span) for item in items])
        return self._members(items)

    @staticmethod
    def _members(items: Sequence[Term]) -> Term:
        kept: list[Term] = []
        for item in items:
            if not any(same(item, other) for other in kept):
                kept.append(item)
        return Members(tuple(kept)) if kept else EMPTY

    def collect(self, items: list[Term]) -> Term:
        if items and all(isinstance(item, Event) for item in items):
            return exact_set(item.event for item in items if isinstance(item, Event))
        if items and all(isinstance(item, Pair) for item in items):
            return exact_relation((item.first, item.second) for item in items if isinstance(item, Pair))
        return Members(tuple(items)) if items else EMPTY


def both(r: RelationBounds, function: Callable[[Pairs], Pairs]) -> RelationBounds:
    """A monotone function of both bounds."""
    low = function(r.low)
    return RelationBounds(low, low if r.low is r.high else function(r.high))


def inverse(pairs: Pairs) -> Pairs:
    return frozenset((b, a) for a, b in pairs)


def identity(events: Events) -> Pairs:
    return frozenset((e, e) for e in events)
