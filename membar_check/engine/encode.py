"""Encodes a compiled model as clauses, pair by pair, on demand.

A literal stands for "this pair is in this relation" (or "this event is in this set").  What is asked of it decides
which clauses it gets: *up*, if the pair is in, the literal holds, for relations that only forbid; *down*, if the
literal holds, the pair is in, where a pair is needed or takes something away.  Only pairs that the bounds leave open
get a literal of their own.  Least fixpoints and closures asked downwards get ranks where pairs could otherwise support
each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from membar_check.cat.dag import CheckNode, CompiledModel, FixGroup, Node
from membar_check.engine.bounds import Bound
from membar_check.engine.cnf import FALSE, TRUE, Cnf
from membar_check.engine.cycles import cyclic_part, forbid_cycles
from membar_check.engine.ranks import Supports
from membar_check.events.orders import Edge
from membar_check.relation import cyclic

UP, DOWN = 1, 2
BOTH = UP | DOWN
Pair = tuple[Node, int, int]  # a set's member has its event twice


class Leaves(Protocol):
    """The literals of what the model does not define: rf, the model's choices by number, final writes, and whether the
    values of two events differ."""

    @property
    def rf(self) -> dict[Edge, int]: ...
    @property
    def choices(self) -> dict[str, dict[Edge, int]]: ...
    @property
    def finals(self) -> dict[int, int]: ...
    def differ(self, a: int, b: int) -> int: ...


class Encoder:
    """``upper`` and ``lower`` bound every node; both must know all choices before a node that uses them is asked."""

    def __init__(self, cnf: Cnf, model: CompiledModel, upper: Bound, lower: Bound, leaves: Leaves) -> None:
        self.cnf = cnf
        self.model = model
        self.upper = upper
        self.lower = lower
        self.leaves = leaves
        self._resolved: dict[tuple[int, int, int], Pair | int] = {}
        self._known: dict[tuple[int, int, int], int] = {}
        self._asked: dict[tuple[int, int, int], int] = {}
        self._todo: list[tuple[Pair, int, int]] = []
        self._supports = Supports(cnf)
        self._bodies: dict[str, Node] = {}
        self._closures: dict[int, Node] = {}
        for group in model.graph.groups.values():
            self._name_bodies(group)

    def _name_bodies(self, group: FixGroup) -> None:
        for v, body in zip(group.variables, group.bodies, strict=True):
            self._bodies[v.name] = body

    # --- asking ---
    def relation(self, n: Node, a: int, b: int, direction: int) -> int:
        """The literal of a pair, with the clauses for ``direction`` (made by :meth:`settle`)."""
        key = (n.id, a, b)
        found = self._resolved.get(key)
        if found is None:
            found = self._resolved[key] = self._resolve(n, a, b)
        if isinstance(found, int):
            return found
        n, a, b = found
        if n.op == "prim":
            return self.leaves.rf[a, b]
        if n.op == "choice":
            return self.leaves.choices[n.name][a, b]
        if n.op == "id":
            return self.member(_arg(n, 0), a, direction)
        if n.op == "differ":
            inner = self.relation(_arg(n, 0), a, b, direction)
            return inner if self.lower.differing(a, b) else self._ask(n, a, b, direction)
        return self._ask(n, a, b, direction)

    def _resolve(self, n: Node, a: int, b: int) -> Pair | int:
        """The pair whose literal serves for this one, or the constant that it is."""
        may, must = self.upper.has, self.lower.has
        while True:
            if not may(n, a, b):
                return FALSE
            if must(n, a, b):
                return TRUE
            other = self._alias(n, a, b)
            if other is None:
                return n, a, b
            n, a, b = other

    def _alias(self, n: Node, a: int, b: int) -> Pair | None:
        """An open pair of another node that is in exactly if this one is."""
        op = n.op
        if op == "inv":
            return _arg(n, 0), b, a
        if op == "or":
            return self._only((p, a, b) for p in n.args if p is not None and self.upper.has(p, a, b))
        if op == "and":
            return self._only((p, a, b) for p in n.args if p is not None and not self.lower.has(p, a, b))
        if op == "minus":
            return None if self.upper.has(_arg(n, 1), a, b) else (_arg(n, 0), a, b)
        if op == "restrict":
            left, inner, right = n.args
            if (left is None or self.lower.contains(left, a)) and (right is None or self.lower.contains(right, b)):
                assert inner is not None
                return inner, a, b
        elif op in ("var", "fix"):
            return self._body(n), a, b
        elif op == "seq":
            r, s = _arg(n, 0), _arg(n, 1)
            middle = self._middle(r, s, a, b)
            if len(middle) == 1:
                if self.lower.has(r, a, middle[0]):
                    return s, middle[0], b
                if self.lower.has(s, middle[0], b):
                    return r, a, middle[0]
        return None

    @staticmethod
    def _only(parts: Iterator[Pair]) -> Pair | None:
        found = list(parts)
        return found[0] if len(found) == 1 else None

    def _body(self, n: Node) -> Node:
        """The definition of a recursive variable, or of a member of a recursive group."""
        if n.op == "var":
            return self._bodies[n.name]
        group, index = n.name.split("/")
        return self.model.graph.groups[group].bodies[int(index)]

    def _middle(self, r: Node, s: Node, a: int, b: int) -> list[int]:
        row = self.upper.pairs(r).get(a, {})
        after = self.upper.pairs(s)
        return [m for m in row if b in after.get(m, ())]

    def member(self, n: Node, e: int, direction: int) -> int:
        """The literal of "the event is in the set"."""
        while True:
            if not self.upper.contains(n, e):
                return FALSE
            if self.lower.contains(n, e):
                return TRUE
            if n.op not in ("var", "fix"):
                break
            n = self._body(n)
        if n.op == "prim":
            return self.leaves.finals[e]
        return self._ask(n, e, e, direction)

    def _ask(self, n: Node, a: int, b: int, direction: int) -> int:
        key = (n.id, a, b)
        x = self._known.get(key)
        if x is None:
            x = self._known[key] = self.cnf.variable()
            self._asked[key] = 0
        missing = direction & ~self._asked[key]
        if missing:
            self._asked[key] |= missing
            self._todo.append(((n, a, b), x, missing))
        return x

    # --- defining ---
    def settle(self) -> None:
        """Makes the clauses of all literals asked for, and of those that they need in turn."""
        while self._todo:
            (n, a, b), x, direction = self._todo.pop()
            alternatives = self._set_alternatives if n.kind == "S" and n.op != "empty" else self._alternatives
            for one in (UP, DOWN):
                if direction & one:
                    self._define(x, alternatives(n, a, b, one), one, bool(n.variables) or n.op == "plus")
        self._supports.settle()

    def _define(self, x: int, alternatives: list[list[int]], direction: int, recursive: bool) -> None:
        """``x`` is the disjunction of conjunctions."""
        add = self.cnf.add
        if direction == UP:
            for parts in alternatives:
                add([*(-p for p in parts), x])
            return
        if recursive:
            self._supports.record(x, alternatives)
            return
        if len(alternatives) == 1:
            for p in alternatives[0]:
                add((-x, p))
            return
        heads = []
        for parts in alternatives:
            open_parts = [p for p in parts if p != TRUE]
            if FALSE in open_parts:
                continue
            if len(open_parts) == 1:
                heads.append(open_parts[0])
                continue
            head = self.cnf.variable()
            for p in open_parts:
                add((-head, p))
            heads.append(head)
        add([-x, *heads])

    def _alternatives(self, n: Node, a: int, b: int, d: int) -> list[list[int]]:
        """The ways in which a pair is in a relation, each the literals that it takes."""
        op, rel = n.op, self.relation
        if op == "or":
            return [[rel(p, a, b, d)] for p in n.args if p is not None and self.upper.has(p, a, b)]
        if op == "and":
            return [[rel(p, a, b, d) for p in n.args if p is not None]]
        if op == "minus":
            return [[rel(_arg(n, 0), a, b, d), -rel(_arg(n, 1), a, b, BOTH ^ d)]]
        if op == "seq":
            r, s = _arg(n, 0), _arg(n, 1)
            return [[rel(r, a, m, d), rel(s, m, b, d)] for m in self._middle(r, s, a, b)]
        if op == "restrict":
            left, inner, right = n.args
            assert inner is not None
            parts = [rel(inner, a, b, d)]
            if left is not None:
                parts.append(self.member(left, a, d))
            if right is not None:
                parts.append(self.member(right, b, d))
            return [parts]
        if op == "prod":
            return [[self.member(_arg(n, 0), a, d), self.member(_arg(n, 1), b, d)]]
        if op == "plus":
            r = _arg(n, 0)
            out = [[rel(r, a, b, d)]] if self.upper.has(r, a, b) else []
            return out + [[rel(r, a, m, d), rel(n, m, b, d)] for m in self._middle(r, n, a, b) if m != a]
        if op == "differ":
            return [[rel(_arg(n, 0), a, b, d), self.leaves.differ(a, b)]]
        raise AssertionError(f"relation operation {op}")

    def _set_alternatives(self, n: Node, e: int, _: int, d: int) -> list[list[int]]:
        op = n.op
        if op == "or":
            return [[self.member(p, e, d)] for p in n.args if p is not None]
        if op == "and":
            return [[self.member(p, e, d) for p in n.args if p is not None]]
        if op == "minus":
            return [[self.member(_arg(n, 0), e, d), -self.member(_arg(n, 1), e, BOTH ^ d)]]
        r = _arg(n, 0)
        if op == "domain":
            return [[self.relation(r, e, b, d)] for b in self.upper.pairs(r).get(e, ())]
        if op == "range":
            return [[self.relation(r, a, e, d)] for a, row in self.upper.pairs(r).items() if e in row]
        raise AssertionError(f"set operation {op}")

    # --- checks ---
    def demand(self, check: CheckNode, guard: Sequence[int] = ()) -> None:
        """The test of a check (not negated) holds, or one of ``guard`` does."""
        n = check.node
        if check.test == "acyclic":
            may = self.upper.pairs(n)
            if cyclic(may):
                edges = [(a, b, self.relation(n, a, b, UP)) for a, b in cyclic_part(may)]
                self.settle()
                forbid_cycles(self.cnf, edges, guard)
            return
        for x in self._offenders(check, UP):
            self.cnf.add((-x, *guard))
        self.settle()

    def violate(self, check: CheckNode) -> int:
        """A literal that can hold only if the test of a check (not negated) does not."""
        offenders = self._offenders(check, DOWN)
        out = FALSE
        if offenders:
            out = self.cnf.variable()
            self.cnf.add([-out, *offenders])
        self.settle()
        return out

    def _offenders(self, check: CheckNode, direction: int) -> list[int]:
        """Literals one of which holds if the test does not (those of a cycle: with ``direction`` DOWN only)."""
        n = check.node
        if check.test == "empty":
            if n.kind == "S" and n.op != "empty":
                return [self.member(n, e, direction) for e in self.upper.members(n)]
            return [self.relation(n, a, b, direction) for a, row in self.upper.pairs(n).items() for b in row]
        if check.test == "acyclic" and n.op != "plus":
            n = self._closure(n)
        return [self.relation(n, a, a, direction) for a, row in self.upper.pairs(n).items() if a in row]

    def _closure(self, n: Node) -> Node:
        found = self._closures.get(n.id)
        if found is None:
            found = self._closures[n.id] = Node(-1 - n.id, "plus", "R", "", (n,), False)
        return found


def _arg(n: Node, index: int) -> Node:
    found = n.args[index]
    assert found is not None
    return found
