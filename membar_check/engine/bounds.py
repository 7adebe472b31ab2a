"""What may hold and what must hold in the executions of a skeleton, before anything is chosen.

The evaluator of the masks engine runs twice on a single pretended candidate: once with everything that may be, once
with only what must be; where the model takes something away, each uses the other's answer.
"""

from __future__ import annotations

from typing import Any

from membar_check.cat.dag import CompiledModel, Node
from membar_check.engine.evaluate import Evaluated, Evaluator
from membar_check.events.space import Chunk
from membar_check.events.structure import Path, Structure
from membar_check.events.valuation import Valuation
from membar_check.relation import EventSet, Predicate, Relation, drop_pairs, filter_pairs, subtract, subtract_sets


class NotMonotone(Exception):
    """A recursive definition takes away what it defines: it has no bounds."""


class Bound(Evaluator):
    """``other`` is the opposite bound; ``finals`` the final writes, ``differing`` says whether two events' values (may,
    must) differ.  Relations of choices are added to ``choices`` as they become known."""

    def __init__(self, model: CompiledModel, structure: Structure, paths: tuple[Path, ...], rf: Relation) -> None:
        chunk = Chunk.of_paths(structure, [paths])
        chunk.rf = rf
        super().__init__(model, chunk, Valuation(chunk), {})
        self.other: Bound = self
        self.is_lower = False
        self.finals: EventSet = {}
        self.differing: Predicate = lambda a, b: 0
        self._predicates: dict[int, Predicate] = {}
        self._settled: dict[int, Evaluated] = {}
        self._rows: dict[int, Relation] = {}

    # --- what is the same in both bounds ---
    def set_of(self, n: Node) -> EventSet:
        if n.static and not n.variables and self.is_lower:
            return self.other.set_of(n)
        return super().set_of(n)

    def relation(self, n: Node) -> Relation:
        if n.static and not n.variables and self.is_lower:
            return self.other.relation(n)
        return super().relation(n)

    # --- what differs ---
    def _final_writes(self) -> EventSet:
        return self.finals

    def _make_set(self, n: Node) -> EventSet:
        if n.op == "minus":
            left, right = n.args
            assert left is not None and right is not None
            if right.variables:
                raise NotMonotone
            found = self.set_of(left)
            return subtract_sets(found, self.other.set_of(right)) if found else found
        return super()._make_set(n)

    def _r_minus(self, n: Node) -> Relation:
        left, right = n.args
        assert left is not None and right is not None
        if right.variables:
            raise NotMonotone
        found = self.relation(left)
        if not found:
            return found
        if self._is_filter(right) or right.op == "id":
            return drop_pairs(found, self.other.predicate(right))
        return subtract(found, self.other.relation(right))

    def _r_differ(self, n: Node) -> Relation:
        inner = n.args[0]
        assert inner is not None
        return filter_pairs(self.relation(inner), self.differing)

    def _predicate(self, n: Node) -> Predicate:
        if n.op == "minus":
            right = n.args[1]
            assert right is not None
            if right.variables:
                raise NotMonotone
            if self._is_filter(right) or right.op == "id":
                within = self.other.predicate(right)
                return lambda a, b: 1 & ~within(a, b)
            outside = self.other.relation(right)
            return lambda a, b: 1 & ~outside.get(a, {}).get(b, 0)
        return super()._predicate(n)

    # --- recursion: the last values of the variables stay, so that parts of the definitions can be looked up ---
    def _fixpoint(self, n: Node) -> Evaluated:
        if n.static:  # nothing to bound, and then the recursion need not be monotone
            exact = Evaluator(self.model, self.chunk, self.valuation, {})
            return exact.set_of(n) if n.kind == "S" else exact.relation(n)
        name, index = n.name.split("/")
        group = self.model.graph.groups[name]
        values: list[Evaluated] = [{} for _ in group.bodies]
        while True:
            for v, value in zip(group.variables, values, strict=True):
                self._variables[v.name] = value
            self._settled.clear()
            self._rows.clear()
            new: list[Evaluated] = []
            for v, body in zip(group.variables, group.bodies, strict=True):
                is_set = v.kind == "S" and body.op != "empty"
                new.append(self.set_of(body) if is_set else self.relation(body))
            if new == values:
                break
            values = new
        for i, value in enumerate(values):
            node = self._member(n, name, i)
            if node is not None and not node.variables:
                known: dict[int, Any] = self._sets if node.kind == "S" else self._relations
                known[node.id] = value
        return values[int(index)]

    # --- looking up ---
    def predicate(self, n: Node) -> Predicate:
        """For filters and identities: whether a pair is in."""
        found = self._predicates.get(n.id)
        if found is None:
            found = self._predicate(n)
            if not n.variables:
                self._predicates[n.id] = found
        return found

    def pairs(self, n: Node) -> Relation:
        """The relation of a node, also of one inside a recursive definition that was evaluated before."""
        if not n.variables:
            return self.relation(n)
        found = self._settled.get(n.id)
        if found is None:
            found = self._settled[n.id] = self.relation(n)
        return found  # type: ignore[return-value]

    def members(self, n: Node) -> EventSet:
        """As :meth:`pairs`, for sets."""
        if not n.variables:
            return self.set_of(n)
        found = self._settled.get(n.id)
        if found is None:
            found = self._settled[n.id] = self.set_of(n)
        return found  # type: ignore[return-value]

    def has(self, n: Node, a: int, b: int) -> bool:
        """Whether a pair is in a relation."""
        rows = self._rows.get(n.id)
        if rows is None:
            if self._is_filter(n):
                return bool(self.predicate(n)(a, b))
            rows = self._rows[n.id] = self.pairs(n)
        row = rows.get(a)
        return row is not None and b in row

    def contains(self, n: Node, e: int) -> bool:
        """Whether an event is in a set."""
        return e in self.members(n)


def bounds(
    model: CompiledModel, structure: Structure, paths: tuple[Path, ...], may: Relation, must: Relation
) -> tuple[Bound, Bound]:
    """The upper and the lower bound, given those of rf."""
    upper, lower = Bound(model, structure, paths, may), Bound(model, structure, paths, must)
    upper.other, lower.other = lower, upper
    lower.is_lower = True
    return upper, lower
