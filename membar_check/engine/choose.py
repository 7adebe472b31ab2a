"""Chooses the engine for a test, and compares the two where that is asked for."""

from __future__ import annotations

from math import factorial, prod

from membar_check.cat.dag import CompiledModel
from membar_check.cat.specialise import specialise
from membar_check.diagnostics import Inconclusive
from membar_check.engine.masks import MasksEngine
from membar_check.engine.models import Model
from membar_check.engine.outcome import Observed
from membar_check.engine.tally import Goal, Tally
from membar_check.events.structure import Path, Structure
from membar_check.litmus.syntax import Quantifier
from membar_check.records import dataclass
from membar_check.values import Address

MASKS_LIMIT = 1 << 26  # candidates that the masks engine goes through before it gives up
SURE_LIMIT = 1 << 15  # candidates up to which ``auto`` takes the masks engine without further thought
AUTO_LIMIT = 1 << 21  # candidates up to which it takes the masks engine where z3 is not done soon
COUNT_EFFORT = 4_000_000  # work that z3 spends on counting: the variables that it reads, for all executions together
SHORT, THOROUGH = 600_000, 12_000_000  # the same before masks is taken instead, and where the two are compared
COUNTABLE = 1 << 15  # choices at a location up to which they are listed in order to count
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
    compiled = specialise(model.compiled, structure.features())
    if engine == "auto":
        return _auto(compiled, structure, goal)
    if engine == "masks":
        return _masks(compiled, structure, goal)
    if engine == "z3":
        return _symbolic(compiled, structure, goal)
    first, second = _masks(compiled, structure, goal), _symbolic(compiled, structure, goal, THOROUGH)
    difference = compare(first.tally, second.tally, structure.program.test.condition.quantifier, goal)
    if difference:
        raise Inconclusive("engine", f"the engines differ: {difference}", hint="this is a fault in the checker")
    return Answer(first.tally, "both", first.observed)


def _auto(model: CompiledModel, structure: Structure, goal: Goal) -> Answer:
    """Few candidates: masks.  More: a short try with z3, which is done at once where few of them are consistent, then
    masks, whose time depends on nothing else.  Too many for masks: z3."""
    if structure.program.kernel is not None:  # many combinations of paths, which z3 takes singly, with few candidates
        return _masks(model, structure, goal)
    if suits_masks(model, structure, REACH_LIMIT if goal.reach else SURE_LIMIT):
        return _masks(model, structure, goal)
    feasible = not goal.reach and suits_masks(model, structure, AUTO_LIMIT)
    try:
        answer = _symbolic(model, structure, goal, SHORT if feasible else COUNT_EFFORT, feasible)
    except Inconclusive as reason:
        if reason.reason != "engine":
            raise
        return _masks(model, structure, goal)
    return _masks(model, structure, goal) if feasible and not answer.tally.counted else answer


def _masks(model: CompiledModel, structure: Structure, goal: Goal) -> Answer:
    engine = MasksEngine(model, structure, MASKS_LIMIT)
    return Answer(engine.run(goal), "masks", engine.observed)


def _symbolic(
    model: CompiledModel, structure: Structure, goal: Goal, effort: int = COUNT_EFFORT, only_counting: bool = False
) -> Answer:
    from membar_check.engine.symbolic import SymbolicEngine

    engine = SymbolicEngine(model, structure, effort, only_counting)
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
    if first.counted and second.counted and first.incomplete != second.incomplete:
        return f"{first.incomplete} and {second.incomplete} executions that get stuck"
    found = [sorted({kind for kind, _, _ in t.findings}) for t in (first, second)]
    if first.findings.keys() != second.findings.keys():
        return f"findings: {found[0]} and {found[1]}, or not at the same places"
    exact = first.counted and second.counted
    for what, a, b in (("positive", first.positive, second.positive), ("negative", first.negative, second.negative)):
        if (a != b) if exact else (bool(a) != bool(b)):
            return f"{a} and {b} {what} executions"
    if (first.loop, first.undefined) != (second.loop, second.undefined):
        return "one of them cuts a loop or finds undefined behaviour"
    return ""


def suits_masks(model: CompiledModel, structure: Structure, limit: int) -> bool:
    """Whether there are at most ``limit`` candidates: by a quick bound, else, where that is cheap, by counting."""
    bounds = location_bounds(structure)
    total = prod(max(1, len(thread)) for thread in structure.paths) * prod(bounds)
    if total <= limit:
        return True
    if max(bounds, default=0) > COUNTABLE:
        return False
    count = 0
    for skeleton in MasksEngine(model, structure, limit).space.skeletons():
        count += skeleton.size
        if count > limit:
            return False
    return True


def location_bounds(structure: Structure) -> list[int]:
    """For each location an upper bound of the choices of reads-from and coherence.

    Takes from each thread the path with the most to choose; writes of one thread to one location are in order.
    """
    writes: dict[Address, list[int]] = {}
    reads: dict[Address, int] = {}
    for thread in structure.paths:
        most: dict[Address, tuple[int, int]] = {}
        for path in thread:
            for place, (r, w) in _accesses(structure, path).items():
                old = most.get(place, (0, 0))
                most[place] = (max(old[0], r), max(old[1], w))
        for place, (r, w) in most.items():
            writes.setdefault(place, []).append(w)
            reads[place] = reads.get(place, 0) + r
    out = []
    for place, counts in writes.items():
        orders = factorial(sum(counts)) // prod(factorial(c) for c in counts)
        out.append(orders * int((sum(counts) + 1) ** reads[place]))
    return out


def _accesses(structure: Structure, path: Path) -> dict[Address, tuple[int, int]]:
    """How many reads and ordered writes a path has at each location."""
    out: dict[Address, tuple[int, int]] = {}
    for e, place in path.address.items():
        event = structure.events[e]
        r, w = out.get(place, (0, 0))
        out[place] = (r + event.is_read, w + (event.is_write or "LKW" in event.sets))
    return out
