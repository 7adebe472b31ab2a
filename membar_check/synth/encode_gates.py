"""Boolean circuits of hash-consed conjunctions, and the clauses for those parts of them that a question needs.

A literal is a nonzero integer, as in :mod:`membar_check.engine.cnf`; 1 is true.  Equal formulas are equal literals, so
that two models share whatever they have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from membar_check.engine.cnf import FALSE, TRUE, Cnf

Rows = dict[int, dict[int, int]]  # source -> target -> literal, false ones left out
Members = dict[int, int]  # event -> literal


class Gates:
    """Makes literals.  ``clauses``: what holds of the variables beside the definitions of gates."""

    def __init__(self) -> None:
        self.top = 1
        self.clauses: list[list[int]] = []
        self._known: dict[tuple[int, ...], int] = {}
        self._parts: dict[int, tuple[int, ...]] = {}

    def variable(self) -> int:
        """A literal that is free."""
        self.top += 1
        return self.top

    def conj(self, *literals: int) -> int:
        """The conjunction."""
        return self.all(literals)

    def all(self, literals: Iterable[int]) -> int:
        """The conjunction of all."""
        parts = set(literals)
        if FALSE in parts:
            return FALSE
        parts.discard(TRUE)
        if len(parts) < 2:
            return parts.pop() if parts else TRUE
        key = tuple(sorted(parts))
        found = self._known.get(key)
        if found is None:
            if any(-x in parts for x in key):
                found = FALSE
            else:
                found = self.variable()
                self._parts[found] = key
            self._known[key] = found
        return found

    def disj(self, *literals: int) -> int:
        """The disjunction."""
        return self.any(literals)

    def any(self, literals: Iterable[int]) -> int:
        """The disjunction of all."""
        return -self.all([-x for x in literals])

    def demand(self, *literals: int) -> None:
        """One of the literals holds, in every solution."""
        if TRUE not in literals:
            self.clauses.append([x for x in literals if x != FALSE])

    def at_most_one(self, literals: Sequence[int]) -> None:
        for i, a in enumerate(literals):
            for b in literals[i + 1 :]:
                self.demand(-a, -b)

    def exactly_one(self, literals: Sequence[int]) -> None:
        self.demand(*literals)
        self.at_most_one(literals)

    def at_least(self, literals: Sequence[int], most: int) -> list[int]:
        """Literals that hold if at least 1, 2 ... ``most`` of the given ones do."""
        counts = [FALSE] * most
        for x in literals:
            for k in range(most - 1, -1, -1):
                below = TRUE if k == 0 else counts[k - 1]
                counts[k] = self.disj(counts[k], self.conj(below, x))
        return counts

    def cnf(self, asked: Sequence[int]) -> Cnf:
        """The clauses, with the definitions that make each of ``asked`` mean what it says when it is assumed."""
        out = Cnf()
        out.top = self.top
        flat = out.flat
        seen: set[int] = set()
        todo: list[int] = []

        def need(x: int) -> None:
            if x not in seen and abs(x) in self._parts:
                seen.add(x)
                todo.append(x)

        for x in asked:
            need(x)
        for clause in self.clauses:
            if not clause:
                out.impossible = True
                clause = [FALSE]
            flat += clause
            flat.append(0)
            for x in clause:
                need(x)
        while todo:
            x = todo.pop()
            parts = self._parts[abs(x)]
            if x > 0:
                for p in parts:
                    flat += (-x, p, 0)
                    need(p)
            else:
                flat.append(-x)
                for p in parts:
                    flat.append(-p)
                    need(-p)
                flat.append(0)
        return out

    def holds(self, x: int, known: dict[int, bool]) -> bool:
        """Whether a literal holds, given the values of all variables that are no gates; ``known`` gets the others."""
        todo = [abs(x)]
        while todo:
            v = todo[-1]
            parts = self._parts.get(v, ())
            missing = [abs(p) for p in parts if abs(p) not in known and abs(p) in self._parts]
            if v in known or not missing:
                if v not in known:
                    known[v] = v == TRUE or (bool(parts) and all(known.get(abs(p), False) == (p > 0) for p in parts))
                todo.pop()
            else:
                todo += missing
        return known[abs(x)] == (x > 0)

    # --- relations ---
    def join(self, parts: Iterable[Rows]) -> Rows:
        """The union of relations."""
        collected: dict[int, dict[int, list[int]]] = {}
        for part in parts:
            for a, row in part.items():
                mine = collected.setdefault(a, {})
                for b, x in row.items():
                    mine.setdefault(b, []).append(x)
        return {
            a: {b: xs[0] if len(xs) == 1 else self.any(xs) for b, xs in row.items()} for a, row in collected.items()
        }

    def meet(self, r: Rows, s: Rows) -> Rows:
        """The intersection of two relations."""
        out: Rows = {}
        for a, row in r.items():
            other = s.get(a)
            if other:
                kept = {b: z for b, x in row.items() if b in other and (z := self.conj(x, other[b])) != FALSE}
                if kept:
                    out[a] = kept
        return out

    def without(self, r: Rows, s: Rows) -> Rows:
        """What is in the first relation and not in the second."""
        out: Rows = {}
        for a, row in r.items():
            other = s.get(a, {})
            kept = {b: z for b, x in row.items() if (z := self.conj(x, -other.get(b, FALSE))) != FALSE}
            if kept:
                out[a] = kept
        return out

    def compose(self, r: Rows, s: Rows) -> Rows:
        """The sequence of two relations."""
        out: Rows = {}
        for a, row in r.items():
            collected: dict[int, list[int]] = {}
            for m, x in row.items():
                for b, y in s.get(m, {}).items():
                    z = self.conj(x, y)
                    if z != FALSE:
                        collected.setdefault(b, []).append(z)
            if collected:
                out[a] = {b: xs[0] if len(xs) == 1 else self.any(xs) for b, xs in collected.items()}
        return out

    def narrow(self, left: Members | None, r: Rows, right: Members | None) -> Rows:
        """``[left]; r; [right]``."""
        out: Rows = {}
        for a, row in r.items():
            x = TRUE if left is None else left.get(a, FALSE)
            if x == FALSE:
                continue
            kept = {}
            for b, y in row.items():
                z = self.conj(x, y, TRUE if right is None else right.get(b, FALSE))
                if z != FALSE:
                    kept[b] = z
            if kept:
                out[a] = kept
        return out

    def closure(self, r: Rows) -> Rows:
        """The transitive closure (Warshall, J. ACM 9(1), 1962)."""
        out: Rows = {a: dict(row) for a, row in r.items()}
        for k in sorted(out):
            through = out[k]
            for a in sorted(out):
                x = out[a].get(k)
                if x is None or a == k:
                    continue
                row = out[a]
                for b, y in list(through.items()):
                    if b != k:
                        z = self.conj(x, y)
                        if z != FALSE:
                            row[b] = self.disj(row.get(b, FALSE), z)
        return out

    def acyclic(self, r: Rows) -> int:
        """Whether a relation has no cycle: event after event is taken out, its paths become edges."""
        out: Rows = {}
        for a, row in r.items():
            for b, x in row.items():
                out.setdefault(a, {})[b] = x
                out.setdefault(b, {})
        into: Rows = {v: {} for v in out}
        for a, row in out.items():
            for b, x in row.items():
                into[b][a] = x
        loops: list[int] = []
        while out:
            v = min(out, key=lambda e: (len(out[e]) * len(into[e]), e))
            after, before = out.pop(v), into.pop(v)
            loops.append(after.pop(v, FALSE))
            before.pop(v, None)
            for b in after:
                del into[b][v]
            for a, p in before.items():
                row = out[a]
                del row[v]
                for b, q in after.items():
                    z = self.conj(p, q)
                    if z != FALSE:
                        row[b] = into[b][a] = self.disj(row.get(b, FALSE), z)
        return self.all([-x for x in loops])
