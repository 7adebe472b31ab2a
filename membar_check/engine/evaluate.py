"""Evaluates a compiled model on all candidates of a chunk at once.

Every node of the model's graph becomes a set or relation of masks (:mod:`membar_check.relation`).  Relations that hold
between very many pairs (``loc``, ``int``, ``ext``, products, complements) are used as filters and built only where
nothing else is there to be filtered.
"""

from __future__ import annotations

from collections.abc import Callable

from membar_check import relation as rel
from membar_check.cat.dag import FILTER_PRIMS, CompiledModel, Node
from membar_check.diagnostics import InputError
from membar_check.events.space import Chunk
from membar_check.events.structure import unordered
from membar_check.events.valuation import Valuation, Valued
from membar_check.litmus.condition import looked_at
from membar_check.litmus.syntax import GlobalRef
from membar_check.relation import EventSet, Predicate, Relation
from membar_check.values import Address

Evaluated = EventSet | Relation


class Evaluator:
    """``choices``: the relations of the model's choices by number, native coherence or picks."""

    def __init__(self, model: CompiledModel, chunk: Chunk, valuation: Valuation, choices: dict[str, Relation]) -> None:
        self.model = model
        self.chunk = chunk
        self.valuation = valuation
        self.choices = choices
        self.full = chunk.full
        self.events = chunk.structure.events
        self._sets: dict[int, EventSet] = {}
        self._relations: dict[int, Relation] = {}
        self._variables: dict[str, Evaluated] = {}
        self._loc: dict[tuple[int, int], int] = {}
        self._places = self._addresses()
        self._thread = [e.thread for e in self.events]

    # --- primitives ---
    def _addresses(self) -> dict[int, dict[Address, int]]:
        """Where each event accesses memory: event -> {address: mask}."""
        out: dict[int, dict[Address, int]] = {}
        for place, e in self.chunk.structure.initial.items():
            out[e] = {place: self.full}
        for path, mask in self.chunk.paths:
            for e, place in path.address.items():
                mine = out.setdefault(e, {})
                mine[place] = mine.get(place, 0) | mask
        return out

    def loc(self, a: int, b: int) -> int:
        """The candidates in which two events access the same location."""
        key = (a, b) if a < b else (b, a)
        found = self._loc.get(key)
        if found is None:
            found = 0
            first, second = self._places.get(a), self._places.get(b)
            if first and second:
                for place, m in first.items():
                    found |= m & second.get(place, 0)
            self._loc[key] = found
        return found

    def _prim_set(self, name: str) -> EventSet:
        present, events = self.chunk.present, self.events
        if name == "FW":
            return self._final_writes()
        return {e: m for e, m in present.items() if name in events[e].sets}

    def _final_writes(self) -> EventSet:
        """``FW``: the last ordinary write of each observed location (of one that only holds a lock: the initial one).

        herd7 has no final writes of locations that none of the condition, the filter and the list of locations names.
        """
        program, last = self.chunk.structure.program, self.chunk.last
        places = looked_at(program.condition, program.locations, program.filter)
        observed = {p.name for p in places if isinstance(p, GlobalRef)}
        here = {e for e, places in self._places.items() if any(p.name in observed for p in places)}
        out = {e: m for e, m in last.items() if e in here and self.events[e].is_write}
        covered: dict[Address, int] = {}
        for e, m in out.items():
            for place in self._places[e]:
                covered[place] = covered.get(place, 0) | m
        for place, e in self.chunk.structure.initial.items():
            rest = self.full & ~covered.get(place, 0)
            if rest and place.name in observed:
                out[e] = out.get(e, 0) | rest
        return out

    def _prim_relation(self, name: str) -> Relation:
        if name == "rf":
            return self.chunk.rf
        if name == "po":
            return self._program_order()
        if name == "loc":
            return self._at_one_place(self.chunk.present, self.chunk.present)
        if name in FILTER_PRIMS:
            return self._build_filter(self._predicate_of_prim(name))
        out: Relation = {}
        for path, mask in self.chunk.paths:
            for a, b in path.relations.get(name, ()):
                row = out.setdefault(a, {})
                row[b] = row.get(b, 0) | mask
        return out

    def _program_order(self) -> Relation:
        """Program order; in C also inside one statement, in assembly only between instructions, as herd7 has it."""
        out: Relation = {}
        events = self.events
        inside = self.chunk.structure.program.test.arch == "C"
        orders: dict[tuple[int, ...], int] = {}  # paths that differ in what they read often have the same events
        for path, mask in self.chunk.paths:
            orders[path.events] = orders.get(path.events, 0) | mask
        for order, mask in orders.items():
            for i, a in enumerate(order):
                rest = order[i + 1 :]
                instance = events[a].instance
                row = out.get(a)
                if row is None:
                    row = out[a] = {}
                for b in rest:
                    if events[b].instance != instance or (inside and not unordered(events[a], events[b])):
                        row[b] = row.get(b, 0) | mask
                if not row:
                    del out[a]
        return out

    def _predicate_of_prim(self, name: str) -> Predicate:
        thread, full = self._thread, self.full
        if name == "int":
            return lambda a, b: full if thread[a] == thread[b] >= 0 else 0
        if name == "ext":
            return lambda a, b: full if thread[a] != thread[b] else 0
        if name == "id":
            return lambda a, b: full if a == b else 0
        if name == "same-instance":
            events = self.events
            return lambda a, b: full if events[a].instance == events[b].instance else 0
        return self.loc

    def _at_one_place(self, sources: EventSet, targets: EventSet) -> Relation:
        """``[sources]; loc; [targets]``, by way of the events at each location."""
        at: dict[Address, list[tuple[int, int]]] = {}
        for b, n in targets.items():
            for place, m in self._places.get(b, {}).items():
                if both := m & n:
                    at.setdefault(place, []).append((b, both))
        out: Relation = {}
        for a, n in sources.items():
            row: dict[int, int] = {}
            for place, m in self._places.get(a, {}).items():
                here = m & n
                for b, k in at.get(place, ()) if here else ():
                    if both := here & k:
                        row[b] = row.get(b, 0) | both
            if row:
                out[a] = row
        return out

    def _build_filter(self, predicate: Predicate) -> Relation:
        present = self.chunk.present
        return rel.filter_pairs({a: {b: m & n for b, n in present.items()} for a, m in present.items()}, predicate)

    # --- sets ---
    def set_of(self, n: Node) -> EventSet:
        found = self._sets.get(n.id)
        if found is None:
            found = self._make_set(n)
            if not n.variables:
                self._sets[n.id] = found
        return found

    def _make_set(self, n: Node) -> EventSet:
        op, args = n.op, [a for a in n.args if a is not None]
        if op == "prim":
            return self._prim_set(n.name)
        if op == "all":
            return self.chunk.present
        if op == "or":
            return rel.union_sets(self.set_of(a) for a in args)
        if op == "and":
            out = self.set_of(args[0])
            for a in args[1:]:
                if not out:
                    break
                out = rel.intersect_sets(out, self.set_of(a))
            return out
        if op == "minus":
            left = self.set_of(args[0])
            return rel.subtract_sets(left, self.set_of(args[1])) if left else left
        if op == "domain":
            return rel.domain(self.relation(args[0]))
        if op == "range":
            return rel.codomain(self.relation(args[0]))
        if op == "var":
            value = self._variables[n.name]
            return value  # type: ignore[return-value]
        if op == "fix":
            return self._fixpoint(n)  # type: ignore[return-value]
        if op == "empty":
            return {}
        if op == "alias":
            return self.set_of(args[0])
        raise AssertionError(f"set operation {op}")

    # --- relations ---
    def relation(self, n: Node) -> Relation:
        found = self._relations.get(n.id)
        if found is None:
            found = self._make_relation(n)
            if not n.variables:
                self._relations[n.id] = found
        return found

    def _make_relation(self, n: Node) -> Relation:
        method: Callable[[Node], Relation] = getattr(self, "_r_" + n.op)
        return method(n)

    def _r_empty(self, n: Node) -> Relation:
        return {}

    def _r_prim(self, n: Node) -> Relation:
        return self._prim_relation(n.name)

    def _r_choice(self, n: Node) -> Relation:
        return self.choices[n.name]

    def _r_var(self, n: Node) -> Relation:
        return self._variables[n.name]  # type: ignore[return-value]

    def _r_fix(self, n: Node) -> Relation:
        return self._fixpoint(n)  # type: ignore[return-value]

    def _r_alias(self, n: Node) -> Relation:
        return self.relation(_first(n))

    def _r_id(self, n: Node) -> Relation:
        return rel.identity(self.set_of(_first(n)))

    def _r_prod(self, n: Node) -> Relation:
        a = self.set_of(_first(n))
        return rel.product(a, self.set_of(_second(n))) if a else {}

    def _r_or(self, n: Node) -> Relation:
        parts = [r for a in n.args if a is not None and (r := self.relation(a))]
        return parts[0] if len(parts) == 1 else rel.union(parts)

    def _r_and(self, n: Node) -> Relation:
        solid: list[Node] = []
        filters: list[Node] = []
        for a in n.args:
            if a is not None:
                (filters if self._is_filter(a) else solid).append(a)
        if not solid:
            solid = [self._smallest_filter(filters)]
            filters = [f for f in filters if f is not solid[0]]
        out = self.relation(solid[0])
        for a in solid[1:]:
            if not out:
                return {}
            out = rel.intersect(out, self.relation(a))
        for f in filters:
            if not out:
                return {}
            out = rel.filter_pairs(out, self._predicate(f))
        return out

    @staticmethod
    def _smallest_filter(filters: list[Node]) -> Node:
        for f in filters:
            if f.op == "prod":
                return f
        for f in filters:
            if f.name == "loc":
                return f
        return filters[0]

    @staticmethod
    def _is_filter(n: Node) -> bool:
        n = _unnamed(n)
        named = n.op == "prim" and n.name in FILTER_PRIMS
        return named or n.op == "prod" or (n.op == "minus" and _universal(n.args[0]))

    def _predicate(self, n: Node) -> Predicate:
        n = _unnamed(n)
        if n.op == "prim":
            return self._predicate_of_prim(n.name)
        if n.op == "prod":
            first, second = self.set_of(_first(n)), self.set_of(_second(n))
            return lambda a, b: first.get(a, 0) & second.get(b, 0)
        if n.op == "id":
            members = self.set_of(_first(n))
            return lambda a, b: members.get(a, 0) if a == b else 0
        if n.op == "restrict" and n.args[1] is not None and self._is_filter(n.args[1]):
            inner = self._predicate(n.args[1])
            left = None if n.args[0] is None else self.set_of(n.args[0])
            right = None if n.args[2] is None else self.set_of(n.args[2])
            return lambda a, b: (
                inner(a, b) & (-1 if left is None else left.get(a, 0)) & (-1 if right is None else right.get(b, 0))
            )
        if n.op == "minus" and _universal(n.args[0]):
            outside = self.relation(_second(n))
            return lambda a, b: self.full & ~outside.get(a, {}).get(b, 0)
        raise AssertionError(f"no filter {n.op}")

    def _r_minus(self, n: Node) -> Relation:
        left = self.relation(_first(n))
        if not left:
            return left
        right = _unnamed(_second(n))
        if self._is_filter(right) or right.op == "id":
            return rel.drop_pairs(left, self._predicate(right))
        return rel.subtract(left, self.relation(right))

    def _r_seq(self, n: Node) -> Relation:
        a = self.relation(_first(n))
        return rel.compose(a, self.relation(_second(n))) if a else a

    def _r_plus(self, n: Node) -> Relation:
        return rel.closure(self.relation(_first(n)))

    def _r_inv(self, n: Node) -> Relation:
        return rel.inverse(self.relation(_first(n)))

    def _r_restrict(self, n: Node) -> Relation:
        sources, inner, targets = n.args
        assert inner is not None
        a = None if sources is None else self.set_of(sources)
        if a is not None and not a:
            return {}
        b = None if targets is None else self.set_of(targets)
        if b is not None and not b:
            return {}
        if self._is_filter(inner) and inner.op == "prim":
            present = self.chunk.present
            if inner.name == "loc":
                return self._at_one_place(present if a is None else a, present if b is None else b)
            base = rel.product(present if a is None else a, present if b is None else b)
            return rel.filter_pairs(base, self._predicate(inner))
        return rel.restrict(a, self.relation(inner), b)

    def _r_differ(self, n: Node) -> Relation:
        """Pairs of accesses with different values."""
        return rel.filter_pairs(self.relation(_first(n)), self._different)

    def _different(self, a: int, b: int) -> int:
        same = 0
        mine, other = self.value(a), self.value(b)
        for v, m in mine.items():
            same |= m & other.get(v, 0)
        return self.full & ~same

    def value(self, e: int) -> Valued:
        """What an event reads, writes or carries."""
        event = self.events[e]
        if event.is_write:
            return self.valuation.write(e, self.full)
        if event.is_read:
            return self.valuation.read(e)
        out: Valued = {}
        for path, mask in self.chunk.paths:
            if e in path.loaded:
                for v, m in self.valuation.of(path.loaded[e], mask).items():
                    out[v] = out.get(v, 0) | m
        return out

    # --- recursion ---
    def _fixpoint(self, n: Node) -> Evaluated:
        """The members of a recursive group, by iteration from nothing.

        As in herd7 each body sees what the bodies before it have just become; that matters where the recursion is not
        monotone (the pairing of nested critical sections).  Raises InputError if the iteration goes in a circle.
        """
        name, index = n.name.split("/")
        group = self.model.graph.groups[name]
        values: list[Evaluated] = [{} for _ in group.bodies]
        earlier, rounds, keep_at = values, 0, 1
        for v, value in zip(group.variables, values, strict=True):
            self._variables[v.name] = value
        while True:
            new: list[Evaluated] = []
            for v, body in zip(group.variables, group.bodies, strict=True):
                value = self.set_of(body) if v.kind == "S" and body.op != "empty" else self.relation(body)
                self._variables[v.name] = value
                new.append(value)
            if new == values:
                break
            if new == earlier:
                raise InputError("this recursion has no end: its values come back", group.span)
            values = new
            rounds += 1
            if rounds == keep_at:
                earlier, keep_at = values, 2 * keep_at
        for v in group.variables:
            del self._variables[v.name]
        members: dict[int, EventSet] | dict[int, Relation]
        for i, value in enumerate(values):
            node = self._member(n, name, i)
            if node is not None and not node.variables:
                members = self._sets if node.kind == "S" else self._relations
                members[node.id] = value  # type: ignore[assignment]
        return values[int(index)]

    def _member(self, n: Node, group: str, index: int) -> Node | None:
        found = self.model.graph.find("fix", f"{group}/{index}")
        return found

    def under(self, n: Node, bound: dict[str, Evaluated]) -> Evaluated:
        """The set or relation ``n`` from the body of a recursive definition, whose names have the values ``bound``."""
        before, self._variables = self._variables, dict(bound)
        value = self.set_of(n) if n.kind == "S" and n.op != "empty" else self.relation(n)
        self._variables = before
        return value

    # --- checks ---
    def failing(self, test: str, node: Node, within: int) -> int:
        """The candidates of ``within`` in which ``test`` does not hold of ``node``."""
        if test == "empty":
            if node.kind == "S" and node.op != "empty":
                return rel.any_in_set(self.set_of(node)) & within
            return rel.nonempty(self.relation(node)) & within
        if test == "irreflexive":
            return rel.reflexive(self.relation(node)) & within
        return rel.cyclic(self.relation(node), within)


def _first(n: Node) -> Node:
    assert n.args[0] is not None
    return n.args[0]


def _second(n: Node) -> Node:
    assert n.args[1] is not None
    return n.args[1]


def _unnamed(n: Node) -> Node:
    """What an alias stands for."""
    while n.op == "alias":
        n = _first(n)
    return n


def _universal(n: Node | None) -> bool:
    return n is not None and n.op == "prod" and all(a is not None and a.op == "all" for a in n.args)
