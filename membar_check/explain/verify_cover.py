"""The candidates of a test as a propositional formula: one path a thread, a source for each read, orders of writes.

Variables: ``path t i`` (thread t takes its path i), ``rf w r``, ``co a b``.  The formula comes from the event structure
alone.  With the negations of a certificate's facts it has no solution exactly if they exclude every candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from membar_check.diagnostics import Inconclusive
from membar_check.events.structure import Structure, unordered
from membar_check.explain.verify_fact import Candidate, Fact
from membar_check.explain.verify_world import Edge, Scenes
from membar_check.values import Address

MOST_COMBINATIONS = 4096


class Cover:
    """The formula, in a solver.

    Raises Inconclusive where more than :data:`MOST_COMBINATIONS` combinations of paths fit together and have to be
    listed, and where the solver gives up.
    """

    def __init__(self, scenes: Scenes) -> None:
        import z3

        self.z3: Any = z3
        self.structure: Structure = scenes.structure
        self.members = scenes.ordered | frozenset(self.structure.initial.values())
        self.solver = z3.Solver()
        self.path = [[z3.Bool(f"path {t} {i}") for i in range(len(p))] for t, p in enumerate(self.structure.paths)]
        self.rf: dict[Edge, Any] = {}
        self.co: dict[Edge, Any] = {}
        self._at = self._places()
        self._paths()
        self._sources()
        self._orders(scenes.initial_first)
        self.solver.push()

    # --- the candidates ---
    def _places(self) -> dict[int, dict[Address, Any]]:
        """For each event that accesses memory where it does, and the formula for that."""
        found: dict[int, dict[Address, list[Any]]] = {}
        for t, thread in enumerate(self.structure.paths):
            for i, path in enumerate(thread):
                for e, place in path.address.items():
                    found.setdefault(e, {}).setdefault(place, []).append(self.path[t][i])
        out = {e: {place: self.z3.Or(terms) for place, terms in at.items()} for e, at in found.items()}
        out.update({e: {place: self.z3.BoolVal(True)} for place, e in self.structure.initial.items()})
        return out

    def _together(self, a: int, b: int) -> Any | None:
        """The formula for two events at one location; None where that cannot be."""
        common = [place for place in self._at[a] if place in self._at[b]]
        if not common:
            return None
        return self.z3.Or([self.z3.And(self._at[a][place], self._at[b][place]) for place in common])

    def _one(self, terms: list[Any]) -> Any:
        return self.z3.PbEq([(term, 1) for term in terms], 1) if terms else self.z3.BoolVal(False)

    def _paths(self) -> None:
        for terms in self.path:
            self.solver.add(self._one(terms))
        if self.structure.program.kernel is None:
            return
        number = [{id(p): i for i, p in enumerate(thread)} for thread in self.structure.paths]
        fitting = list(islice(self.structure.combinations(), MOST_COMBINATIONS + 1))
        if len(fitting) > MOST_COMBINATIONS:
            what = f"more than {MOST_COMBINATIONS} combinations of paths are too many for a certificate"
            raise Inconclusive("engine", what)
        self.solver.add(
            self.z3.Or(
                [self.z3.And([self.path[t][number[t][id(p)]] for t, p in enumerate(paths)]) for paths in fitting]
            )
        )

    def _sources(self) -> None:
        z3, events = self.z3, self.structure.events
        writes = [e for e in sorted(self._at) if events[e].is_write]
        for r in sorted(self._at):
            if not events[r].is_read:
                continue
            terms = []
            for w in writes:
                together = self._together(w, r)
                if together is not None:
                    self.rf[w, r] = z3.Bool(f"rf {w} {r}")
                    self.solver.add(z3.Implies(self.rf[w, r], together))
                    terms.append(self.rf[w, r])
            present = z3.Or(list(self._at[r].values()))
            self.solver.add(z3.Implies(present, self._one(terms)))
        for t, thread in enumerate(self.structure.paths):  # nothing reads what its own thread writes later
            for i, path in enumerate(thread):
                for k, r in enumerate(path.events):
                    for w in path.events[k:]:
                        if (w, r) in self.rf and (w == r or not unordered(events[w], events[r])):
                            self.solver.add(z3.Implies(self.path[t][i], z3.Not(self.rf[w, r])))

    def _orders(self, initial_first: bool) -> None:
        z3 = self.z3
        members = sorted(e for e in self.members if e in self._at)
        starts = frozenset(self.structure.initial.values())
        for k, a in enumerate(members):
            for b in members[k + 1 :]:
                together = self._together(a, b)
                if together is not None:
                    forth, back = self.co.setdefault((a, b), z3.Bool(f"co {a} {b}")), z3.Bool(f"co {b} {a}")
                    self.co[b, a] = back
                    self.solver.add(z3.If(together, z3.Xor(forth, back), z3.Not(z3.Or(forth, back))))
                    if initial_first and (a in starts or b in starts):
                        self.solver.add(z3.Not(back if a in starts else forth))
        after: dict[int, list[int]] = {}
        for a, b in self.co:
            after.setdefault(a, []).append(b)
        for (a, b), first in self.co.items():
            for c in after[b]:
                if c != a and (a, c) in self.co:
                    self.solver.add(z3.Implies(z3.And(first, self.co[b, c]), self.co[a, c]))

    # --- facts and candidates ---
    def unknown(self, fact: Fact) -> str:
        """What a fact names although no candidate has it: "" if nothing."""
        for t, numbers in fact.paths.items():
            if not 0 <= t < len(self.path) or not numbers or not all(0 <= i < len(self.path[t]) for i in numbers):
                return f"paths {sorted(numbers)} of thread {t}"
        for name, edges, known in (("rf", fact.rf, self.rf), ("co", fact.co, self.co)):
            for edge in edges:
                if edge not in known:
                    return f"{name} from {edge[0]} to {edge[1]}"
        return ""

    def _formula(self, paths: dict[int, frozenset[int]], rf: Iterable[Edge], co: Iterable[Edge]) -> list[Any]:
        chosen = [self.z3.Or([self.path[t][i] for i in sorted(numbers)]) for t, numbers in sorted(paths.items())]
        return chosen + [self.rf[e] for e in rf] + [self.co[e] for e in co]

    def exclude(self, fact: Fact) -> None:
        """Leaves the candidates of a fact out."""
        self.solver.add(self.z3.Not(self.z3.And(self._formula(fact.paths, fact.rf, fact.co))))

    def enough(self, facts: Sequence[Fact]) -> Callable[[Sequence[int]], list[int] | None]:
        """A function from the numbers of some of the facts to those of them that cover every candidate; None if they
        do not.  What was left out before counts no more."""
        self.solver.pop()
        self.solver.push()
        guards = [self.z3.Bool(f"fact {i}") for i in range(len(facts))]
        for guard, fact in zip(guards, facts, strict=True):
            excluded = self.z3.Not(self.z3.And(self._formula(fact.paths, fact.rf, fact.co)))
            self.solver.add(self.z3.Implies(guard, excluded))
        number = {str(guard): i for i, guard in enumerate(guards)}

        def core(kept: Sequence[int]) -> list[int] | None:
            if self.solver.check(*[guards[i] for i in kept]) != self.z3.unsat:
                return None
            return sorted(number[str(term)] for term in self.solver.unsat_core())

        return core

    def limit(self, seconds: float) -> None:
        """How long the solver may take for one answer."""
        self.solver.set("timeout", max(1, int(seconds * 1000)))

    def remaining(self) -> Candidate | None:
        """A candidate that no fact has left out; None if there is none."""
        answer = self.solver.check()
        if answer == self.z3.unsat:
            return None
        if answer != self.z3.sat:
            raise Inconclusive("time-out", "the solver did not answer whether the facts cover every candidate")
        model = self.solver.model()

        def on(term: Any) -> bool:
            return bool(self.z3.is_true(model.eval(term, model_completion=True)))

        return Candidate(
            tuple(next(i for i, term in enumerate(terms) if on(term)) for terms in self.path),
            tuple(e for e, term in self.rf.items() if on(term)),
            tuple(e for e, term in self.co.items() if on(term)),
        )

    def admits(self, candidate: Candidate) -> bool:
        """Whether the edges are those of a candidate along these paths: every read has its source, and so on."""
        if len(candidate.paths) != len(self.path) or not set(candidate.rf) <= self.rf.keys():
            return False
        if not set(candidate.co) <= self.co.keys():
            return False
        if not all(0 <= i < len(terms) for i, terms in zip(candidate.paths, self.path, strict=True)):
            return False
        wanted = [terms[i] for i, terms in zip(candidate.paths, self.path, strict=True)]
        for edges, table in ((candidate.rf, self.rf), (candidate.co, self.co)):
            wanted += [term if e in edges else self.z3.Not(term) for e, term in table.items()]
        return bool(self.solver.check(*wanted) == self.z3.sat)
