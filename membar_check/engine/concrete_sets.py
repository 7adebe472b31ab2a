"""The polymorphic set operations of cat on the reference interpreter's values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NoReturn

from membar_check.diagnostics import InputError, Span
from membar_check.engine.concrete_values import (
    EMPTY,
    UNIVERSE,
    CatValue,
    ClassRelation,
    Empty,
    Event,
    EventSet,
    Pair,
    Relation,
    TupleValue,
    Type,
    Universe,
    ValueSet,
    common_type,
    describe,
    key,
    lift_tag,
    show_type,
    type_of,
    value_set,
)


def wrong(wanted: str, found: CatValue, span: Span) -> NoReturn:
    """Raise the error for a value of the wrong type."""
    raise InputError(f"{wanted} was expected here, found: {describe(found)}", span)


def hashable(value: CatValue, span: Span) -> Hashable:
    """The key of a value; raises InputError where it can be neither compared nor put into a set."""
    try:
        return key(value)
    except ValueError as problem:
        raise InputError(str(problem), span) from None


def joint_type(kind: Type, value: CatValue, span: Span) -> Type:
    """The type that covers ``kind`` and that of ``value``; raises InputError where there is none."""
    joint = common_type(kind, type_of(value))
    if joint is None:
        raise InputError(f"types do not fit: {show_type(kind)} and {describe(value)}", span)
    return joint


def members(value: CatValue, span: Span) -> frozenset[Hashable]:
    """The members of any set, as keys; raises InputError for what is none."""
    match value:
        case Empty():
            return frozenset()
        case EventSet(events):
            return events
        case Relation(pairs):
            return pairs
        case ClassRelation(class_pairs):
            return class_pairs
        case ValueSet(_, contents):
            return frozenset(contents)
    return wrong("a set or relation", value, span)


def literal(values: Sequence[tuple[CatValue, Span]]) -> CatValue:
    """``{a, b, ...}``: events make a set of events, pairs a relation."""
    if not values:
        return EMPTY
    kind = type_of(values[0][0])
    for value, span in values:
        kind = joint_type(kind, value, span)
        hashable(value, span)
    events = [value.event for value, _ in values if isinstance(value, Event)]
    pairs = [(value.first, value.second) for value, _ in values if isinstance(value, Pair)]
    if events:
        return EventSet(frozenset(events))
    if pairs:
        return Relation(frozenset(pairs))
    return value_set(kind, [value for value, _ in values])


def union(parts: Sequence[tuple[CatValue, Span]]) -> CatValue:
    """``a | b | ...``."""
    lifted = [(lift_tag(value), span) for value, span in parts if not isinstance(value, Empty)]
    if any(isinstance(value, Universe) for value, _ in lifted):
        return UNIVERSE
    if not lifted:
        return EMPTY
    kind = type_of(lifted[0][0])
    for value, span in lifted:
        kind = joint_type(kind, value, span)
    values = [value for value, _ in lifted]
    match values[0]:
        case EventSet():
            return EventSet(frozenset().union(*(v.members for v in values if isinstance(v, EventSet))))
        case Relation():
            return Relation(frozenset().union(*(v.pairs for v in values if isinstance(v, Relation))))
        case ClassRelation():
            return ClassRelation(frozenset().union(*(v.pairs for v in values if isinstance(v, ClassRelation))))
        case ValueSet():
            contents: dict[Hashable, CatValue] = {}
            for value in values:
                if isinstance(value, ValueSet):
                    contents.update(value.members)
            assert isinstance(kind, tuple)
            return ValueSet(kind[1], contents)  # type: ignore[arg-type]
    return wrong("a set or relation", *lifted[0])


def intersection(left: CatValue, right: CatValue, span: Span) -> CatValue:
    """``a & b``."""
    left, right = lift_tag(left), lift_tag(right)
    match left, right:
        case (Universe(), other) | (other, Universe()):
            return other
        case (Empty(), _) | (_, Empty()):
            return EMPTY
        case EventSet(), EventSet():
            return EventSet(left.members & right.members)
        case Relation(), Relation():
            return Relation(left.pairs & right.pairs)
        case ClassRelation(), ClassRelation():
            return ClassRelation(left.pairs & right.pairs)
        case ValueSet(), ValueSet():
            joint_type(type_of(left), right, span)
            return ValueSet(left.element, {k: v for k, v in left.members.items() if k in right.members})
    raise InputError(f"no intersection of a {describe(left)} and a {describe(right)}", span)


def difference(left: CatValue, right: CatValue, span: Span, everything: CatValue | None) -> CatValue:
    """``a \\ b``; ``everything`` is the universe for members of ``right``, None where it has none."""
    left, right = lift_tag(left), lift_tag(right)
    if isinstance(left, Universe) and not isinstance(right, Empty | Universe):
        if everything is None:
            raise InputError(f"there is no universe for a {describe(right)}", span)
        left = everything
    match left, right:
        case Universe(), Empty():
            return UNIVERSE
        case (Empty() | Universe() | EventSet() | Relation() | ClassRelation() | ValueSet(), Universe()):
            return EMPTY
        case (Empty(), Empty() | EventSet() | Relation() | ClassRelation() | ValueSet()):
            return EMPTY
        case (EventSet() | Relation() | ClassRelation() | ValueSet(), Empty()):
            return left
        case EventSet(), EventSet():
            return EventSet(left.members - right.members)
        case Relation(), Relation():
            return Relation(left.pairs - right.pairs)
        case ClassRelation(), ClassRelation():
            return ClassRelation(left.pairs - right.pairs)
        case ValueSet(), ValueSet():
            joint_type(type_of(left), right, span)
            return ValueSet(left.element, {k: v for k, v in left.members.items() if k not in right.members})
    raise InputError(f"no difference of a {describe(left)} and a {describe(right)}", span)


def add_member(element: CatValue, rest: CatValue, element_span: Span, rest_span: Span) -> CatValue:
    """``x ++ S``: the set with one more member."""
    if isinstance(element, Universe):
        wrong("a member for a set", element, element_span)
    match element, rest:
        case _, Universe():
            return UNIVERSE
        case Event(event), Empty():
            return EventSet(frozenset({event}))
        case Event(event), EventSet(events):
            return EventSet(events | {event})
        case Pair(first, second), Empty():
            return Relation(frozenset({(first, second)}))
        case (Pair(first, second) | TupleValue((Event(first), Event(second))), Relation(pairs)):
            return Relation(pairs | {(first, second)})
        case _, Empty():
            return ValueSet(type_of(element), {hashable(element, element_span): element})
        case _, ValueSet(kind, contents):
            joint = joint_type(kind, element, element_span)
            return ValueSet(joint, {**contents, hashable(element, element_span): element})
        case _, EventSet():
            wrong("an event", element, element_span)
        case _, Relation():
            wrong("a pair of events", element, element_span)
    return wrong("a set", rest, rest_span)


def elements(value: CatValue, span: Span) -> list[CatValue]:
    """The members of any set, in a fixed order; raises InputError for what is none."""
    match value:
        case Empty():
            return []
        case EventSet(events):
            return [Event(event) for event in sorted(events)]
        case Relation(pairs):
            return [Pair(first, second) for first, second in sorted(pairs)]
        case ValueSet(_, contents):
            return list(contents.values())
    return wrong("a set", value, span)


def take(value: CatValue, halve: bool, span: Span) -> tuple[CatValue, CatValue, CatValue] | None:
    """A member of a set, the members before it and those after it; None for an empty set.

    ``halve``: take one from the middle; otherwise none is before it.
    """
    inside = elements(value, span)
    if not inside:
        return None
    middle = len(inside) // 2 if halve else 0
    return _like(value, inside[:middle]), inside[middle], _like(value, inside[middle + 1 :])


def _like(value: CatValue, parts: Sequence[CatValue]) -> CatValue:
    """The set of ``parts``, of the type of ``value``."""
    if isinstance(value, ValueSet):
        return value_set(value.element, parts)
    if isinstance(value, EventSet):
        return EventSet(frozenset(element.event for element in parts if isinstance(element, Event)))
    return Relation(frozenset((e.first, e.second) for e in parts if isinstance(e, Pair)))
