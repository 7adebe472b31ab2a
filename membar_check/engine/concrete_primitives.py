"""The functions that cat models find already defined, for the reference interpreter.

The list is that of the herdtools7 manual ("Language of cat", primitives); functions on features that the checker does
not model (page tables) answer as they do for tests without them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import islice, product

from membar_check.cat.primitives import tag_set_name
from membar_check.diagnostics import Inconclusive
from membar_check.engine.concrete_environment import Environment, PrimitiveError
from membar_check.engine.concrete_relations import bisimulation, closure, connected_classes, total_orders
from membar_check.engine.concrete_values import (
    EMPTY,
    CatValue,
    ClassRelation,
    Empty,
    Events,
    EventSet,
    Pairs,
    Primitive,
    Relation,
    TagValue,
    TupleValue,
    Universe,
    ValueSet,
    describe,
    value_set,
)

_MOST_ORDERS = 50_000  # of one set: eight events in any order


class Primitives:
    """The predefined functions on one execution; ``table`` holds them by name.

    ``predefined`` looks up the sets and relations that exist before the model starts.
    """

    def __init__(self, env: Environment, predefined: Callable[[str], CatValue | None]) -> None:
        self.env = env
        self.predefined = predefined
        functions: dict[str, Callable[[CatValue], CatValue]] = {
            "domain": self.domain,
            "range": self.range,
            "fromto": self.fromto,
            "classes": self.classes,
            "classes-loc": self.classes_loc,
            "lift": self.lift,
            "delift": self.delift,
            "deliftinter": self.deliftinter,
            "linearisations": self.linearisations,
            "bisimulation": self.bisimulation,
            "tag2events": self.tag2events,
            "tag2scope": self.tag2relation,
            "tag2level": self.tag2relation,
            "tag2fenced": self.tag2fenced,
            "loc2events": self.loc2events,
            "different-values": self.different_values,
            "same-oa": self.no_page_tables,
            "oa-changes": self.no_page_tables,
            "at-least-one-writable": self.no_page_tables,
            "inter_transitive": self.inter_transitive,
            "as_transitive": self.as_transitive,
            "fail": self.fail,
        }
        self.table = {name: Primitive(name, function) for name, function in functions.items()}

    # --- arguments ---------------------------------------------------------------------------------------------------
    def pairs(self, value: CatValue) -> Pairs:
        match value:
            case Relation(pairs):
                return pairs
            case Empty():
                return frozenset()
            case Universe():
                return frozenset(product(self.env.universe, self.env.universe))
        raise PrimitiveError(f"a relation was expected, found: {describe(value)}")

    def events(self, value: CatValue) -> Events:
        match value:
            case EventSet(events):
                return events
            case Empty():
                return frozenset()
            case Universe():
                return self.env.universe
        raise PrimitiveError(f"a set of events was expected, found: {describe(value)}")

    def two(self, value: CatValue) -> tuple[CatValue, CatValue]:
        if isinstance(value, TupleValue) and len(value.items) == 2:
            return value.items[0], value.items[1]
        raise PrimitiveError(f"two arguments were expected, found: {describe(value)}")

    def tag(self, value: CatValue) -> str:
        if isinstance(value, TagValue):
            return value.name
        raise PrimitiveError(f"a tag was expected, found: {describe(value)}")

    # --- sets and relations ------------------------------------------------------------------------------------------
    def domain(self, value: CatValue) -> CatValue:
        if isinstance(value, Empty | Universe):
            return value
        return EventSet(frozenset(first for first, _ in self.pairs(value)))

    def range(self, value: CatValue) -> CatValue:
        if isinstance(value, Empty | Universe):
            return value
        return EventSet(frozenset(second for _, second in self.pairs(value)))

    def fromto(self, value: CatValue) -> CatValue:
        """From what is before a fence of the set to what is after it."""
        fences = self.predefined("F")
        return self._around(self.events(value) & (self.events(fences) if fences else frozenset()))

    def _around(self, middle: Events) -> Relation:
        po = self.pairs(self.predefined("po") or EMPTY)
        before: dict[int, list[int]] = {}
        for first, second in po:
            if second in middle:
                before.setdefault(second, []).append(first)
        return Relation(frozenset((a, c) for b, c in po for a in before.get(b, ())))

    def classes(self, value: CatValue) -> CatValue:
        return value_set("set of events", [EventSet(group) for group in connected_classes(self.pairs(value))])

    def classes_loc(self, value: CatValue) -> CatValue:
        groups: dict[Hashable, set[int]] = {}
        for event in sorted(self.events(value)):
            location = self.env.location_of(event)
            if location is not None:
                groups.setdefault(location, set()).add(event)
        return value_set("set of events", [EventSet(frozenset(group)) for group in groups.values()])

    def different_values(self, value: CatValue) -> CatValue:
        def same(first: int, second: int) -> bool:
            one, other = self.env.value_of(first), self.env.value_of(second)
            return one is not None and one == other

        return Relation(frozenset(pair for pair in self.pairs(value) if not same(*pair)))

    def no_page_tables(self, value: CatValue) -> CatValue:
        """What selects events or pairs by their page-table entries finds none."""
        return EMPTY

    def inter_transitive(self, value: CatValue) -> CatValue:
        steps, relation = self.two(value)
        return Relation(closure(self.pairs(steps)) & self.pairs(relation))

    def as_transitive(self, value: CatValue) -> CatValue:
        return value if isinstance(value, Empty | Universe) else Relation(closure(self.pairs(value)))

    def loc2events(self, value: CatValue) -> CatValue:
        name = self.tag(value)
        return EventSet(frozenset(e for e in self.env.universe if str(self.env.location_of(e) or "") == name))

    def fail(self, value: CatValue) -> CatValue:
        raise PrimitiveError(f"the model gives up on a {describe(value)}")

    # --- tags --------------------------------------------------------------------------------------------------------
    def tag2events(self, value: CatValue) -> CatValue:
        name = tag_set_name(self.tag(value))
        found = self.predefined(name)
        if isinstance(found, EventSet | Empty | Universe):
            return found
        raise PrimitiveError(f"there is no event set {name}" if found is None else f"{name} is no set of events")

    def tag2relation(self, value: CatValue) -> CatValue:
        name = self.tag(value)
        found = self.predefined(name)
        if isinstance(found, Relation | Empty | Universe):
            return found
        raise PrimitiveError(
            f"the test declares no scope or level '{name}" if found is None else f"{name} is no relation"
        )

    def tag2fenced(self, value: CatValue) -> CatValue:
        return self._around(self.events(self.tag2events(value)))

    # --- classes and orders ------------------------------------------------------------------------------------------
    def _sets(self, value: CatValue) -> list[Events]:
        if isinstance(value, Empty):
            return []
        if isinstance(value, ValueSet):
            return [self.events(member) for member in value.members.values()]
        raise PrimitiveError(f"a set of sets of events was expected, found: {describe(value)}")

    def lift(self, value: CatValue) -> CatValue:
        sets, relation = self.two(value)
        class_of = {event: group for group in self._sets(sets) for event in group}
        return ClassRelation(
            frozenset((class_of[a], class_of[b]) for a, b in self.pairs(relation) if a in class_of and b in class_of)
        )

    def _class_pairs(self, value: CatValue) -> frozenset[tuple[Events, Events]]:
        if isinstance(value, Empty):
            return frozenset()
        if isinstance(value, ClassRelation):
            return value.pairs
        raise PrimitiveError(f"a relation between sets was expected, found: {describe(value)}")

    def delift(self, value: CatValue) -> CatValue:
        return Relation(frozenset(pair for left, right in self._class_pairs(value) for pair in product(left, right)))

    def deliftinter(self, value: CatValue) -> CatValue:
        within, lifted = self.two(value)
        full = self.delift(lifted)
        assert isinstance(full, Relation)
        return Relation(full.pairs & self.pairs(within))

    def linearisations(self, value: CatValue) -> CatValue:
        """All total orders of a set that extend a relation; none where that is cyclic on the set."""
        nodes, known = self.two(value)
        orders: list[CatValue]
        if isinstance(known, ClassRelation):
            groups = frozenset(self._sets(nodes))
            found = total_orders(groups, known.pairs, lambda group: tuple(sorted(group)))
            orders = [ClassRelation(order) for order in islice(found, _MOST_ORDERS + 1)]
        else:
            plain = total_orders(self.events(nodes), self.pairs(known), lambda event: (event,))
            orders = [Relation(order) for order in islice(plain, _MOST_ORDERS + 1)]
        if len(orders) > _MOST_ORDERS:
            raise Inconclusive("memory", f"one set has more than {_MOST_ORDERS} orders")
        return value_set("relation between sets" if isinstance(known, ClassRelation) else "relation", orders)

    def bisimulation(self, value: CatValue) -> CatValue:
        steps, start = self.two(value)
        if isinstance(steps, ClassRelation) or isinstance(start, ClassRelation):
            return ClassRelation(bisimulation(self._class_pairs(steps), self._class_pairs(start)))
        return Relation(bisimulation(self.pairs(steps), self.pairs(start)))
