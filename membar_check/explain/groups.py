"""Forbidden executions, sorted by what rules them out: the check that fails and the cycle that breaks it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from membar_check.cat.dag import CheckNode
from membar_check.diagnostics import Span
from membar_check.engine.evaluate import Evaluator
from membar_check.events.valuation import Valuation
from membar_check.explain.case import Case, Part, breaking
from membar_check.explain.explanation import Pair
from membar_check.explain.ways import shortest_cycle
from membar_check.records import dataclass
from membar_check.relation import bits


@dataclass(frozen=True, slots=True)
class Excluded:
    """``executions`` candidates are ruled out by ``check`` with this cycle (for ``empty`` the pair that should not be;
    for a negated check nothing), by lines the same; the ``number``-th of ``part`` is one."""

    check: CheckNode
    cycle: tuple[Pair, ...]
    executions: int
    part: Part
    number: int


def excluded(case: Case, parts: Sequence[Part], deadline: float) -> tuple[list[Excluded], bool]:
    """The groups, the largest first, and whether all candidates are in one.  Stops at the deadline."""
    found: dict[tuple[object, ...], Excluded] = {}
    complete = True
    for part in parts:
        evaluator = Evaluator(case.compiled, part.chunk, Valuation(part.chunk), part.choices)
        left = part.mask
        while left:
            if time.process_time() > deadline:
                complete = False
                break
            number = next(bits(left))
            check, cycle, mask = _reason(case, evaluator, number, left)
            key = (check.span, _signature(case, cycle))
            old = found.get(key)
            size = mask.bit_count() + (old.executions if old else 0)
            first = old or Excluded(check, cycle, 0, part, number)
            found[key] = Excluded(check, first.cycle, size, first.part, first.number)
            left &= ~mask
    return sorted(found.values(), key=lambda g: (-g.executions, len(g.cycle), g.check.span.line)), complete


def _reason(case: Case, evaluator: Evaluator, number: int, left: int) -> tuple[CheckNode, tuple[Pair, ...], int]:
    """The check of the shortest cycle that rules the candidate ``number`` out, the cycle, and who else of ``left`` has
    it."""
    bit = 1 << number
    best: tuple[int, CheckNode, tuple[Pair, ...], int] | None = None
    for check in case.compiled.checks:
        if check.prefix != "":
            continue
        bad = breaking(evaluator, check, left)
        if not bad & bit:
            continue
        cycle: tuple[Pair, ...] = ()
        mask = bad
        if not check.negated and check.node.kind == "R":
            cycle, mask = _cycle(evaluator, check, bit, left)
        if best is None or len(cycle) < best[0]:
            best = (len(cycle), check, cycle, mask)
    assert best is not None, "the candidate breaks no check"
    return best[1], best[2], best[3]


def _cycle(evaluator: Evaluator, check: CheckNode, bit: int, left: int) -> tuple[tuple[Pair, ...], int]:
    relation = evaluator.relation(check.node)
    edges = {a: [b for b, m in row.items() if m & bit] for a, row in sorted(relation.items())}
    if check.test == "empty":
        pairs = [(a, b) for a, row in edges.items() for b in sorted(row)]
        cycle: tuple[Pair, ...] = (pairs[0],)
    elif check.test == "irreflexive":
        cycle = (next((a, a) for a, row in edges.items() if a in row),)
    else:
        cycle = shortest_cycle(edges)
    mask = left
    for a, b in cycle:
        mask &= relation[a][b]
    return cycle, mask


def _signature(case: Case, cycle: Iterable[Pair]) -> tuple[object, ...]:
    """The cycle by threads and source places, wherever it begins."""
    events = case.structure.events
    steps = [(events[a].thread, _key(events[a].span)) for a, _ in cycle]
    turns = [tuple(steps[i:] + steps[:i]) for i in range(len(steps))]
    return min(turns, key=str, default=())


def _key(span: Span | None) -> tuple[str, int]:
    return ("", 0) if span is None else (span.source.name, span.start)


def distinct(parts: Sequence[Part], limit: int) -> Iterator[tuple[Part, int]]:
    """Single candidates, ``limit`` at most, in order."""
    for part in parts:
        for number in bits(part.mask):
            if limit <= 0:
                return
            yield part, number
            limit -= 1
