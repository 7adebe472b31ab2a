"""One whole candidate as the reference interpreter sees it, and its judgement.

This is the single-execution evaluator (:mod:`membar_check.engine.concrete`): it goes through all that the model
chooses, coherence included, and keeps the choices that are those of the candidate.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from math import factorial

from membar_check.diagnostics import Inconclusive
from membar_check.engine.concrete import judge_statements
from membar_check.engine.concrete_values import CatValue, EventSet
from membar_check.engine.concrete_values import Relation as PairSet
from membar_check.explain.verify_cat import Interpreter, Model
from membar_check.explain.verify_primitives import Primitives
from membar_check.explain.verify_terms import Undecided
from membar_check.explain.verify_world import Edge, RelationBounds, SetBounds, World
from membar_check.values import Address

Choices = Mapping[str, tuple[Edge, ...]]
MOST_ORDERS = 5000  # orders of all writes up to which the reference interpreter is asked to go through them


class OneExecution:
    """What a candidate offers to a model (:class:`membar_check.engine.concrete_environment.Environment`)."""

    def __init__(self, model: Model, world: World) -> None:
        self.world = world
        self.primitives = Primitives(world, model.dialect, model.tags)
        self.universe = world.scene.universe.low
        self.variants = model.variants

    def lookup(self, name: str) -> CatValue | None:
        """A primitive set or relation; the interpreter has functions of its own."""
        try:
            found = self.primitives.lookup(name)
        except Undecided:
            return None
        if isinstance(found, SetBounds):
            return EventSet(found.low)
        return PairSet(found.low) if isinstance(found, RelationBounds) else None

    def names(self) -> Iterable[str]:
        """The names that errors suggest."""
        return self.primitives.sets

    def location_of(self, event: int) -> Hashable | None:
        places = self.world.scene.places.get(event)
        return None if places is None else next(iter(places))

    def value_of(self, event: int) -> Hashable | None:
        found = self.primitives.values.event(event)
        return next(iter(found)) if found is not None and len(found) == 1 else None


def whole(world: World) -> bool:
    """Whether a world is that of one candidate: nothing is left open."""
    single = all(len(thread) == 1 for thread in world.scene.paths)
    return single and world.rf.low == world.rf.high and world.co.low == world.co.high


def consistent(model: Model, world: World, choices: Choices) -> Choices | None:
    """What the model may choose so that the candidate is consistent, and agrees with ``choices``; None if nothing.

    Raises Inconclusive where the model has too much to choose from.
    """
    if orders(world) > MOST_ORDERS:
        raise Inconclusive("engine", f"more than {MOST_ORDERS} orders of the writes for the reference interpreter")
    interpreter = Interpreter(model, world)
    with suppress(Undecided):
        list(interpreter.checks())
    name = interpreter.order_name if world.scene.settled is not None else ""
    for judgement in judge_statements(model.statements, OneExecution(model, world), ()):
        if not judgement.consistent:
            continue
        chosen = {n: tuple(sorted(v.pairs)) for n, v in judgement.choices.items() if isinstance(v, PairSet)}
        if name and frozenset(chosen.pop(name, ())) != world.co.low:
            continue
        if all(chosen.get(n, ()) == tuple(sorted(pairs)) for n, pairs in choices.items()):
            return {n: pairs for n, pairs in chosen.items() if pairs}
    return None


def orders(world: World) -> int:
    """How many orders of the writes there are, at all locations together."""
    count: dict[Address, int] = {}
    for e in world.scene.ordered & world.scene.universe.low:
        for place in world.scene.places[e]:
            count[place] = count.get(place, 0) + 1
    out = 1
    for n in count.values():
        out *= factorial(n)
    return out
