"""Finds the facts of a certificate: a candidate that no fact excludes yet, why it is not what was asked for, and how
little of it that needs.

Each fact is as general as a greedy search makes it: edges and paths are left away as long as the verifier's own judge
(:class:`membar_check.explain.verify_fact.Judge`) still finds it true.  No engine takes part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

from membar_check.cat import syntax as s
from membar_check.diagnostics import Inconclusive
from membar_check.explain import ways
from membar_check.explain.verify_cat import Interpreter
from membar_check.explain.verify_cover import Cover
from membar_check.explain.verify_execution import MOST_ORDERS, consistent, orders
from membar_check.explain.verify_fact import Candidate, Fact, Judge, ended, holds, impossible, passes, shows
from membar_check.explain.verify_terms import Event, Term, Undecided
from membar_check.explain.verify_values import ends_early
from membar_check.explain.verify_world import Edge, SetBounds, World
from membar_check.records import dataclass, replace

MOST_FACTS = 2000
MOST_TRIES = (400, 24)
"""How often it is tried to make a fact one for more paths of a thread, where not all can be left open: facts on values,
and facts that the model must be run for."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Found:
    """Either a candidate with the outcome, or facts that exclude all of them."""

    witness: Candidate | None
    facts: tuple[Fact, ...]


class Search:
    """Looks for a candidate with the outcome until there is none left.

    Raises Inconclusive after ``seconds``, after too many facts, and where a model has too much to choose from.
    """

    def __init__(self, judge: Judge, cover: Cover, seconds: float) -> None:
        self.judge = judge
        self.cover = cover
        self.end = time.monotonic() + seconds
        self.facts: list[Fact] = []

    def run(self) -> Found:
        while True:
            self._in_time()
            candidate = self.cover.remaining()
            if candidate is None:
                return Found(None, self._needed())
            fact = self.reason(candidate)
            if isinstance(fact, Candidate):
                return Found(fact, ())
            fact = self.generalise(fact)
            self.facts.append(fact)
            self.cover.exclude(fact)
            if len(self.facts) > MOST_FACTS:
                raise Inconclusive("engine", f"more than {MOST_FACTS} facts are needed for a certificate")

    def _needed(self) -> tuple[Fact, ...]:
        """The facts without those that the later ones make superfluous."""
        enough = self.cover.enough(self.facts)

        def good(kept: Sequence[int]) -> bool:
            self._in_time()
            return enough(kept) is not None

        core = enough(range(len(self.facts)))
        if core is None:
            raise Inconclusive("time-out", "the solver did not answer again that the facts cover every candidate")
        return tuple(self.facts[i] for i in shrink(core, good))

    def _in_time(self) -> None:
        left = self.end - time.monotonic()
        if left <= 0:
            raise Inconclusive("time-out", f"no certificate in time; {len(self.facts)} facts were found")
        self.cover.limit(left)

    # --- why a candidate does not count ---
    def reason(self, candidate: Candidate) -> Fact | Candidate:
        """A fact about this candidate alone; itself, with what the model chooses, if it is an execution with the
        outcome."""
        paths = {t: frozenset((i,)) for t, i in enumerate(candidate.paths)}
        whole = Fact("outcome", paths, candidate.rf, candidate.co)
        world = self.judge.world(whole)
        assert world is not None
        if ended(world):
            return replace(whole, kind="ended", rf=(), co=())
        if self.judge.misses(world):
            return whole
        if impossible(world):
            return replace(whole, kind="values", co=())
        return self._broken(whole, world) or self._chosen(candidate, whole, world)

    def _chosen(self, candidate: Candidate, whole: Fact, world: World) -> Fact | Candidate:
        """Where no check fails for certain: whether one fails for everything that the model may choose."""
        if orders(world) > MOST_ORDERS and passes(self.judge.model, world):
            return candidate
        choices = consistent(self.judge.model, world, {})
        return replace(whole, kind="choices") if choices is None else replace(candidate, choices=choices)

    def _broken(self, whole: Fact, world: World) -> Fact | None:
        interpreter = Interpreter(self.judge.model, world)
        with suppress(Undecided):
            for checked in interpreter.checks():
                value = checked.value.force(interpreter)
                negated = checked.check.negated
                if holds(checked, value, interpreter, upper=negated) == negated:
                    cycle = () if negated else self._cycle(checked.check, value, interpreter)
                    return replace(whole, kind="axiom", axiom=checked.name, cycle=cycle)
            if interpreter.no_order():
                return replace(whole, kind="order")
        return None

    @staticmethod
    def _cycle(check: s.Check, value: Term, interpreter: Interpreter) -> tuple[int, ...]:
        """What breaks a check in the lower bound: a cycle, a pair or an event."""
        test = check.test
        if isinstance(value, SetBounds | Event):
            return (min(interpreter.events(value, check.span).low),)
        low = sorted(interpreter.pairs(value, check.span).low)
        if test == "empty":
            return low[0]
        if test == "irreflexive":
            return (next(a for a, b in low if a == b),)
        return shortest_cycle(low)

    # --- making it general ---
    def generalise(self, fact: Fact) -> Fact:
        """A fact that covers more candidates for the same reason."""
        if fact.kind == "ended":
            return self._all_ended(fact)
        if fact.kind == "choices":
            return fact
        edges: list[tuple[str, Edge]] = [("rf", e) for e in fact.rf] + [("co", e) for e in fact.co]

        def with_edges(kept: Sequence[tuple[str, Edge]]) -> Fact:
            rf, co = tuple(e for k, e in kept if k == "rf"), tuple(e for k, e in kept if k == "co")
            return replace(fact, rf=rf, co=co)

        least = shrink(edges, lambda kept: self._proven(with_edges(kept)) is not None)
        fact = self._proven(with_edges(least)) or fact
        for thread in sorted(fact.paths):
            fact = self._widen(fact, thread)
        return fact

    def _all_ended(self, fact: Fact) -> Fact:
        """All paths of a thread that are no whole execution of it, together."""
        structure = self.judge.scenes.structure
        for thread, numbers in sorted(fact.paths.items()):
            paths = structure.paths[thread]
            if all(ends_early(paths[i]) for i in numbers):
                early = frozenset(i for i, path in enumerate(paths) if ends_early(path))
                return replace(fact, paths={thread: early})
        return fact

    def _widen(self, fact: Fact, thread: int) -> Fact:
        """The fact for as many paths of a thread as it is found to be true for."""
        others = {t: numbers for t, numbers in fact.paths.items() if t != thread}
        wide = self._proven(replace(fact, paths=others))
        if wide is not None:
            return wide
        every = frozenset(range(len(self.judge.scenes.structure.paths[thread])))

        def good(left_out: Sequence[int]) -> bool:
            nonlocal fact
            wide = self._proven(replace(fact, paths={**others, thread: every - frozenset(left_out)}))
            fact = wide or fact
            return wide is not None

        shrink(sorted(every - fact.paths[thread]), good, MOST_TRIES[fact.kind in ("axiom", "order")])
        return fact

    def _proven(self, fact: Fact) -> Fact | None:
        """The fact if it is true, perhaps with another cycle; None if the judge does not find that."""
        self._in_time()
        if fact.kind != "axiom":
            return None if self.judge.doubt(fact) else fact
        world = self.judge.world(fact)
        if world is None:
            return fact
        interpreter = Interpreter(self.judge.model, world)
        with suppress(Undecided):
            for checked in interpreter.checks():
                if checked.name == fact.axiom:
                    value = checked.value.force(interpreter)
                    if shows(checked, value, fact.cycle, interpreter):
                        return fact
                    if not checked.check.negated and not holds(checked, value, interpreter, upper=False):
                        return replace(fact, cycle=self._cycle(checked.check, value, interpreter))
        return None


def shrink(items: list[_T], good: Callable[[Sequence[_T]], bool], tries: int | None = None) -> list[_T]:
    """A part of ``items`` that is still good; nothing can be left away from it alone, unless ``tries`` ran out.

    ``items`` as a whole are good, and what is good stays so with more items.
    """
    size = max(1, len(items) // 2)
    while items:
        start = 0
        while start < len(items):
            if tries is not None:
                if tries == 0:
                    return items
                tries -= 1
            rest = items[:start] + items[start + size :]
            if good(rest):
                items = rest
            else:
                start += size
        if size == 1:
            break
        size = max(1, size // 2)
    return items


def shortest_cycle(pairs: Iterable[Edge]) -> tuple[int, ...]:
    """The events of a shortest cycle of a relation that has one."""
    return tuple(a for a, _ in ways.shortest_cycle(ways.graph_of(pairs)))
