"""Support that does not go in a circle.

A literal of a least fixpoint that holds needs a reason, and reasons must be well-founded.  Literals that can support
each other in a circle get ranks, and each reason must have a lower one (Janhunen, Niemelä, "Compact translations of
non-disjunctive answer set programs to propositional clauses", 2011).
"""

from __future__ import annotations

from membar_check.engine.cnf import FALSE, TRUE, Cnf
from membar_check.engine.cycles import components


class Supports:
    """Collects the reasons of literals; :meth:`settle` turns them into clauses."""

    def __init__(self, cnf: Cnf) -> None:
        self.cnf = cnf
        self._reasons: dict[int, list[list[int]]] = {}
        self._settled: set[int] = set()
        self._ranks: dict[int, list[int]] = {}

    def record(self, x: int, reasons: list[list[int]]) -> None:
        """``x`` may hold only if all literals of one of ``reasons`` do."""
        self._reasons[x] = [[p for p in parts if p != TRUE] for parts in reasons if FALSE not in parts]

    def settle(self) -> None:
        """Makes the clauses of what was recorded since the last time."""
        new = {x: reasons for x, reasons in self._reasons.items() if x not in self._settled}
        if not new:
            return
        graph = {x: [p for parts in reasons for p in parts if p in new] for x, reasons in new.items()}
        home: dict[int, int] = {}
        size: dict[int, int] = {}
        for number, part in enumerate(components(graph)):
            for x in part:
                home[x] = number
                size[x] = len(part)
        for x, reasons in new.items():
            self._settled.add(x)
            heads = []
            for parts in reasons:
                inner = [p for p in parts if home.get(p) == home[x] and size[x] > 1]
                if len(parts) == 1 and not inner:
                    heads.append(parts[0])
                    continue
                head = self.cnf.variable()
                for p in parts:
                    self.cnf.add((-head, p))
                for p in inner:
                    self.cnf.add((-head, self._lower(p, x, size[x])))
                heads.append(head)
            self.cnf.add([-x, *heads])

    def _rank(self, x: int, count: int) -> list[int]:
        """The bits of a literal's rank, the highest first."""
        found = self._ranks.get(x)
        if found is None:
            found = self._ranks[x] = [self.cnf.variable() for _ in range((count - 1).bit_length())]
        return found

    def _lower(self, p: int, x: int, count: int) -> int:
        """A literal that can hold only if the rank of ``p`` is lower than that of ``x``."""
        below = FALSE
        for mine, other in reversed(list(zip(self._rank(p, count), self._rank(x, count), strict=True))):
            step = self.cnf.variable()
            self.cnf.add((-step, -mine, other))
            self.cnf.add((-step, mine, other, below))
            self.cnf.add((-step, -mine, -other, below))
            below = step
        return below
