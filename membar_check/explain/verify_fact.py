"""The facts of a certificate, and whether they are true."""

from __future__ import annotations

from membar_check.diagnostics import InputError
from membar_check.engine.concrete_relations import is_acyclic, is_irreflexive
from membar_check.explain.verify_cat import Checked, Interpreter, Model
from membar_check.explain.verify_execution import Choices, consistent, whole
from membar_check.explain.verify_terms import Event, Term, Undecided
from membar_check.explain.verify_values import Values, ends_early
from membar_check.explain.verify_world import Edge, Scenes, SetBounds, World
from membar_check.litmus.syntax import Prop
from membar_check.records import dataclass, field

KINDS = ("axiom", "order", "values", "outcome", "ended", "choices")
"""What rules out the candidates of a fact: a check of the model; that coherence cannot be as the model demands; that
no execution takes these paths with these values; that the final state is another one; that a path is no whole
execution; that of one candidate, whatever else the model may choose breaks some check."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One complete choice: ``paths`` the number of each thread's path, all edges of reads-from and coherence;
    ``choices``: what else the model chooses, by name."""

    paths: tuple[int, ...]
    rf: tuple[Edge, ...]
    co: tuple[Edge, ...]
    choices: Choices = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """No candidate with one of these ``paths`` (of threads that are not named: any) and these edges is an execution
    with the outcome.  ``axiom``: the check that fails, and ``cycle`` the events of what breaks it."""

    kind: str
    paths: dict[int, frozenset[int]]
    rf: tuple[Edge, ...]
    co: tuple[Edge, ...]
    axiom: str = ""
    cycle: tuple[int, ...] = ()


class Judge:
    """Decides on facts about one test, one model and one outcome."""

    def __init__(self, scenes: Scenes, model: Model, outcome: Prop) -> None:
        self.scenes = scenes
        self.model = model
        self.outcome = outcome
        self.filter = scenes.structure.program.filter

    def world(self, fact: Fact) -> World | None:
        """What all candidates of a fact have in common; None if there are none."""
        named = {e for edge in (*fact.rf, *fact.co) for e in edge}
        scene = self.scenes.scene(fact.paths, named)
        return None if scene is None else World(scene, fact.rf, fact.co)

    def doubt(self, fact: Fact) -> str:
        """Why a fact is not shown to be true; "" if it is."""
        world = self.world(fact)
        if world is None:
            return ""
        if fact.kind == "ended":
            return "" if ended(world) else "the paths run to their end"
        if fact.kind == "values":
            return "" if impossible(world) else "the values agree with the paths"
        if fact.kind == "outcome":
            return "" if self.misses(world) else "the final state may be the one that is asked about"
        if fact.kind == "choices":
            return self._choices(world)
        interpreter = Interpreter(self.model, world)
        try:
            if fact.kind == "order":
                list(interpreter.checks())
                return "" if interpreter.no_order() else "the writes can be ordered as the model demands"
            return self._axiom(fact, interpreter)
        except Undecided as what:
            return f"it depends on what the fact does not say: {what}"

    def _axiom(self, fact: Fact, interpreter: Interpreter) -> str:
        found = False
        for checked in interpreter.checks():
            if checked.name == fact.axiom:
                found = True
                if shows(checked, checked.value.force(interpreter), fact.cycle, interpreter):
                    return ""
        if not found:
            return f"the model has no check `{fact.axiom}`"
        return f"the events {list(fact.cycle)} do not break `{fact.axiom}` in every candidate that has these edges"

    def _choices(self, world: World) -> str:
        if not whole(world):
            return "it speaks of choices of the model, but not of one candidate alone"
        return "" if consistent(self.model, world, {}) is None else "some choice of the model breaks no check"

    def misses(self, world: World) -> bool:
        """Whether the final state is never one that the filter and the outcome accept."""
        values = Values(world)
        if self.filter is not None and values.holds(self.filter) is False:
            return True
        return values.holds(self.outcome) is False


def ended(world: World) -> bool:
    """Whether some thread has only paths that are no whole execution of it."""
    return any(all(ends_early(p) for p in thread) for thread in world.scene.paths)


def impossible(world: World) -> bool:
    """Whether some thread has only paths that no execution takes with these values."""
    values = Values(world)
    return any(all(values.impossible(p) for p in thread) for thread in world.scene.paths)


def shows(checked: Checked, value: Term, cycle: tuple[int, ...], interpreter: Interpreter) -> bool:
    """Whether the events break the check for certain: a cycle, a pair or an event of the lower bound."""
    check = checked.check
    if check.negated:
        return not cycle and holds(checked, value, interpreter, upper=True)
    if not cycle:
        return False
    if isinstance(value, SetBounds | Event):
        members = interpreter.events(value, check.expr.span)
        return check.test == "empty" and len(cycle) == 1 and cycle[0] in members.low
    low = interpreter.pairs(value, check.expr.span).low
    if check.test == "empty":
        return len(cycle) == 2 and (cycle[0], cycle[1]) in low
    if check.test == "irreflexive":
        return len(cycle) == 1 and (cycle[0], cycle[0]) in low
    return all((a, b) in low for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True))


def holds(checked: Checked, value: Term, interpreter: Interpreter, upper: bool) -> bool:
    """Whether the test, without a ``~`` before it, holds on the upper (else the lower) bound of the value."""
    check = checked.check
    if isinstance(value, SetBounds | Event):
        if check.test != "empty":
            raise InputError("a relation was expected here", check.expr.span)
        members = interpreter.events(value, check.expr.span)
        return not (members.high if upper else members.low)
    bounds = interpreter.pairs(value, check.expr.span)
    pairs = bounds.high if upper else bounds.low
    if check.test == "empty":
        return not pairs
    return is_irreflexive(pairs) if check.test == "irreflexive" else is_acyclic(pairs)


def passes(model: Model, world: World) -> bool:
    """Whether every check holds for certain, whatever the model may choose; of one whole candidate."""
    interpreter = Interpreter(model, world)
    try:
        for checked in interpreter.checks():
            value = checked.value.force(interpreter)
            if holds(checked, value, interpreter, upper=not checked.check.negated) == checked.check.negated:
                return False
    except Undecided:
        return False
    return not interpreter.no_order()
