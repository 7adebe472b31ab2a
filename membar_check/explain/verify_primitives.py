"""What a cat model finds already defined, as bounds of one world.

The names are those of :mod:`membar_check.cat.primitives`; what they mean is the herdtools7 manual's ("Language of cat",
primitives).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from membar_check.cat import syntax as s
from membar_check.cat.primitives import (
    EMPTY_FUNCTIONS,
    EMPTY_RELATIONS,
    EMPTY_SETS,
    IDENTITY_RELATIONS,
    MEMBERWISE,
    NOWHERE,
    RELATIONS,
    known_sets,
    tag_set_name,
)
from membar_check.diagnostics import InputError, Span
from membar_check.engine.concrete_relations import closure, compose
from membar_check.explain.verify_terms import (
    EMPTY,
    Empty,
    Members,
    Native,
    Orders,
    Partition,
    Tag,
    Term,
    Tuple,
    Undecided,
    Universe,
)
from membar_check.explain.verify_values import Values
from membar_check.explain.verify_world import (
    NO_EVENTS,
    NO_PAIRS,
    Pairs,
    RelationBounds,
    SetBounds,
    World,
    between,
)

if TYPE_CHECKING:
    from membar_check.explain.verify_cat import Interpreter

MOVING = frozenset({"rf", "FW", "pco"})
"""The primitives that depend on more than the paths."""


def declared_tags(statements: Sequence[s.Stmt]) -> frozenset[str]:
    """The tags of all enums."""
    return frozenset(tag for st in statements if isinstance(st, s.Enum) for tag in st.tags)


class Primitives:
    """The primitives of one world, for a dialect and the tags that the model declares."""

    def __init__(self, world: World, dialect: str, tags: frozenset[str]) -> None:
        self.world = world
        self.scene = world.scene
        self.dialect = dialect
        self.sets = known_sets(dialect, tags)
        self._values: Values | None = None

    @property
    def values(self) -> Values:
        if self._values is None:
            self._values = Values(self.world)
        return self._values

    def lookup(self, name: str) -> Term | None:
        """A primitive set, relation or function; None for a name that is none."""
        if name in ("M", "Exp"):
            return self.scene.members(lambda e: self.world.structure.events[e].is_access)
        if name == "X" and self.dialect == "C":
            return self.scene.tagged("RMW")
        if name == "FW":
            return self.world.final_writes()
        if name == "pco":
            return self._known_of_coherence()
        if name in RELATIONS or name in IDENTITY_RELATIONS:
            return self.relation("id" if name in IDENTITY_RELATIONS else name)
        if name in self.sets:
            return self.scene.tagged(name)
        if name in NOWHERE or name in EMPTY_SETS.get(self.dialect, ()):
            return NO_EVENTS
        if name in EMPTY_RELATIONS and name not in EMPTY_FUNCTIONS:
            return NO_PAIRS
        function = _FUNCTIONS.get(name)
        if function is not None:
            return Native(function)
        if name in EMPTY_FUNCTIONS:
            return Native(lambda i, v, p: EMPTY)
        if name in MEMBERWISE:
            raise Undecided(f"`{name}`")
        return None

    def relation(self, name: str) -> RelationBounds:
        events = self.world.structure.events
        match name:
            case "rf":
                return self.world.rf
            case "loc":
                return self.scene.loc
            case "int":
                return self.scene.pairs(lambda a, b: events[a].thread == events[b].thread >= 0)
            case "ext":
                return self.scene.pairs(lambda a, b: events[a].thread != events[b].thread)
            case "id":
                return self.scene.pairs(lambda a, b: a == b)
            case "same-instance":
                return self.scene.pairs(lambda a, b: events[a].instance == events[b].instance)
        return self.scene.static(name)


    def _known_of_coherence(self) -> RelationBounds:
        """``pco``: what program order and reads-from say of coherence ("Herding cats", TOPLAS 2014, on SC per
        location), with initial writes first and final ones last."""
        final = self.world.final_writes()
        sets = {name: self.scene.tagged(name) for name in ("R", "W", "IW")}
        rf, po, loc = self.world.rf, self.relation("po"), self.scene.loc

        def bound(side: Callable[[Any], frozenset[Any]], no_final: frozenset[int]) -> Pairs:
            r, w, start = (side(sets[name]) for name in ("R", "W", "IW"))
            reads, here = side(rf), side(loc)
            later = side(po) & here
            back = frozenset((b, a) for a, b in reads)
            first = {(a, b) for a, b in here if a in start and b in w and b not in start}
            last = {(a, b) for a, b in here if b in side(final) and a in w and a not in no_final}
            to_write = frozenset((a, b) for a, b in later if b in w)
            to_read = frozenset((a, b) for a, b in later if b in r)
            own = {(a, b) for a, b in to_write if a in w}
            read_first = compose(reads, frozenset((a, b) for a, b in to_write if a in r))
            read_later = compose(frozenset((a, b) for a, b in to_read if a in w), back)
            two_reads = compose(compose(reads, frozenset((a, b) for a, b in to_read if a in r)), back)
            apart = {(a, b) for a, b in read_later | two_reads if a != b}
            return frozenset(first | last | own | read_first | apart)

        return between(bound(lambda x: x.low, final.high), bound(lambda x: x.high, final.low))


# --- functions -------------------------------------------------------------------------------------------------------
def _domain(i: Interpreter, value: Term, span: Span) -> Term:
    if isinstance(value, Empty | Universe):
        return value
    r = i.pairs(value, span)
    return SetBounds(frozenset(a for a, _ in r.low), frozenset(a for a, _ in r.high))


def _range(i: Interpreter, value: Term, span: Span) -> Term:
    if isinstance(value, Empty | Universe):
        return value
    r = i.pairs(value, span)
    return SetBounds(frozenset(b for _, b in r.low), frozenset(b for _, b in r.high))


def _around(i: Interpreter, middle: SetBounds) -> Term:
    """From what is before one of these events to what is after it."""
    po = i.primitives.relation("po")

    def through(pairs: frozenset[tuple[int, int]], events: frozenset[int]) -> frozenset[tuple[int, int]]:
        return compose(frozenset((a, b) for a, b in pairs if b in events), pairs)

    return RelationBounds(through(po.low, middle.low), through(po.high, middle.high))


def _fromto(i: Interpreter, value: Term, span: Span) -> Term:
    members, fences = i.events(value, span), i.scene.tagged("F")
    return _around(i, SetBounds(members.low & fences.low, members.high & fences.high))


def _tag2events(i: Interpreter, value: Term, span: Span) -> Term:
    if not isinstance(value, Tag):
        raise InputError("a tag was expected here", span)
    found = i.primitives.lookup(tag_set_name(value.name))
    if not isinstance(found, SetBounds):
        raise InputError(f"there is no event set {tag_set_name(value.name)}", span)
    return found


def _tag2fenced(i: Interpreter, value: Term, span: Span) -> Term:
    return _around(i, i.events(_tag2events(i, value, span), span))


def _partition(i: Interpreter, value: Term, span: Span) -> Term:
    members = i.events(value, span)
    placed = frozenset(i.scene.places)
    return Partition(SetBounds(members.low & placed, members.high & placed))


def _different_values(i: Interpreter, value: Term, span: Span) -> Term:
    i.touch()
    values = i.primitives.values
    r = i.pairs(value, span)

    def differ(a: int, b: int) -> bool | None:
        mine, other = values.event(a), values.event(b)
        if not mine or not other:
            return None
        if not mine & other:
            return True
        return False if len(mine) == 1 == len(other) else None

    return RelationBounds(
        frozenset(p for p in r.low if differ(*p) is True), frozenset(p for p in r.high if differ(*p) is not False)
    )


def _as_transitive(i: Interpreter, value: Term, span: Span) -> Term:
    if isinstance(value, Empty | Universe):
        return value
    r = i.pairs(value, span)
    return RelationBounds(closure(r.low), closure(r.high))


def _inter_transitive(i: Interpreter, value: Term, span: Span) -> Term:
    if not isinstance(value, Tuple) or len(value.items) != 2:
        raise InputError("two arguments were expected here", span)
    steps, within = i.pairs(value.items[0], span), i.pairs(value.items[1], span)
    return RelationBounds(closure(steps.low) & within.low, closure(steps.high) & within.high)


def _fail(i: Interpreter, value: Term, span: Span) -> Term:
    raise InputError("the model gives up", span)


def _cross(i: Interpreter, value: Term, span: Span) -> Term:
    """Every union of one member of each of some sets (``cross`` of the library)."""
    if isinstance(value, Orders):
        return Orders(value.members, value.known, united=True)
    if isinstance(value, Empty):
        return Members((NO_PAIRS,))
    if isinstance(value, Members):
        return Members(value.items, cross=True)
    raise Undecided("a choice from a set that is not known exactly")


def _orders(i: Interpreter, value: Term, span: Span) -> Term:
    """The total orders at each location (``co_locs`` of the library)."""
    if isinstance(value, Tuple) and len(value.items) == 2 and isinstance(value.items[1], Partition):
        return Orders(value.items[1].members, i.pairs(value.items[0], span))
    raise Undecided("orders of a set that is not one of events by location")


def _undecided(i: Interpreter, value: Term, span: Span) -> Term:
    raise Undecided("a function that looks at single members")


LIBRARY = {"cross": Native(_cross), "co_locs": Native(_orders)}
"""Functions of the library that recurse over sets which bounds do not list, by what their definitions are known as."""

_FUNCTIONS: dict[str, Callable[[Interpreter, Term, Span], Term]] = {
    "domain": _domain,
    "range": _range,
    "fromto": _fromto,
    "tag2events": _tag2events,
    "tag2fenced": _tag2fenced,
    "classes-loc": _partition,
    "different-values": _different_values,
    "as_transitive": _as_transitive,
    "inter_transitive": _inter_transitive,
    "fail": _fail,
    **dict.fromkeys(MEMBERWISE | {"classes", "deliftinter", "bisimulation"} - {"tag2fenced"}, _undecided),
}
