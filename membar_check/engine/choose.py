"""Chooses the engine for a test, and compares the two where that is asked for."""

from __future__ import annotations

from math import factorial

from membar_check.diagnostics import Inconclusive
from membar_check.engine.masks import MasksEngine
from membar_check.engine.models import Model
from membar_check.engine.outcome import Observed
from membar_check.engine.tally import Goal, Tally
from membar_check.events.structure import Structure
from membar_check.litmus.syntax import Quantifier
from membar_check.records import dataclass
from membar_check.values import Address

MASKS_LIMIT = 1 << 26  # candidates that the masks engine goes through before it gives up
AUTO_LIMIT = 1 << 21  # candidates up to which ``auto`` takes the masks engine
REACH_LIMIT = 1 << 14  # the same when only reachability is asked for


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine found, and which one."""

    tally: Tally
    engine: str
    observed: Observed


def run_engine(engine: str, model: Model, structure: Structure, goal: Goal) -> Answer:
    """Runs ``engine`` ("auto", "masks", "z3" or "both"); models that only the reference interpreter can run go there.

    Raises Inconclusive at the engines' limits, and where "both" differ.
    """
    if model.compiled is None:
        return _reference(model, structure, goal)
    if engine == "auto":
        limit = REACH_LIMIT if goal.reach else AUTO_LIMIT
        engine = "masks" if estimate(structure, limit) <= limit else "z3"
    if engine == "masks":
        return _masks(model, structure, goal)
    if engine == "z3":
        return _symbolic(model, structure, goal)
    first, second = _masks(model, structure, goal), _symbolic(model, structure, goal)
    difference = compare(first.tally, second.tally, structure.program.test.condition.quantifier, goal)
    if difference:
        raise Inconclusive("engine", f"the engines differ: {difference}", hint="this is a fault in the checker")
    return Answer(first.tally, "both", first.observed)


def _masks(model: Model, structure: Structure, goal: Goal) -> Answer:
    assert model.compiled is not None
    engine = MasksEngine(model.compiled, structure, MASKS_LIMIT)
    return Answer(engine.run(goal), "masks", engine.observed)


def _symbolic(model: Model, structure: Structure, goal: Goal) -> Answer:
    from membar_check.engine.symbolic import SymbolicEngine

    assert model.compiled is not None
    engine = SymbolicEngine(model.compiled, structure)
    return Answer(engine.run(goal), "z3", engine.observed)


def _reference(model: Model, structure: Structure, goal: Goal) -> Answer:
    from membar_check.engine.reference import ReferenceEngine

    loaded, bell = model.load()
    engine = ReferenceEngine(loaded, bell, structure, model.request.dialect, model.request.variants)
    return Answer(engine.run(goal), "reference", engine.observed)


def compare(first: Tally, second: Tally, quantifier: Quantifier, goal: Goal) -> str:
    """How two tallies of one test differ, in words; empty if they do not."""
    if goal.reach:
        same = goal.met(first, quantifier) == goal.met(second, quantifier)
        return "" if same else "one of them reaches the condition"
    pairs = [
        ("states", len(first.states - second.states), len(second.states - first.states)),
        ("flags", sorted(first.flags - second.flags), sorted(second.flags - first.flags)),
    ]
    for what, left, right in pairs:
        if left or right:
            return f"{what} of one engine only: {left}, of the other only: {right}"
    exact = first.counted and second.counted
    for what, a, b in (("positive", first.positive, second.positive), ("negative", first.negative, second.negative)):
        if (a != b) if exact else (bool(a) != bool(b)):
            return f"{a} and {b} {what} executions"
    if (first.loop, first.undefined) != (second.loop, second.undefined):
        return "one of them cuts a loop or finds undefined behaviour"
    return ""


def estimate(structure: Structure, limit: int) -> int:
    """An upper bound of the number of candidates; counting stops far beyond ``limit``.

    Takes the path of each thread with the most to choose; writes of one thread to one location are in order.
    """
    skeletons = 1
    for thread in structure.paths:
        skeletons *= max(1, len(thread))
    total: int = skeletons
    writes: dict[Address, list[int]] = {}
    reads: dict[Address, int] = {}
    for thread in structure.paths:
        most_writes: dict[Address, int] = {}
        most_reads: dict[Address, int] = {}
        for path in thread:
            here: dict[Address, list[int]] = {}
            for e, place in path.address.items():
                event = structure.events[e]
                pair = here.setdefault(place, [0, 0])
                pair[0 if event.is_read else 1] += 1
            for place, (r, w) in here.items():
                most_reads[place] = max(most_reads.get(place, 0), r)
                most_writes[place] = max(most_writes.get(place, 0), w)
        for place, count in most_writes.items():
            writes.setdefault(place, []).append(count)
        for place, count in most_reads.items():
            reads[place] = reads.get(place, 0) + count
    for place in structure.initial:
        counts = writes.get(place, [])
        orders = factorial(sum(counts))
        for count in counts:
            orders //= factorial(count)
        total *= orders * int((sum(counts) + 1) ** reads.get(place, 0))
        if total > limit * 1_000_000:
            return total
    return total
