"""Values of the nodes of a traced model in one execution, also inside recursive definitions, round by round.

A recursive definition is computed from the empty relation in rounds.  A pair is explained by the round in which it
came: its reasons are pairs of earlier rounds, so that no explanation goes in a circle.
"""

from __future__ import annotations

from membar_check.cat.dag import Node
from membar_check.cat.traced import TracedGraph
from membar_check.diagnostics import InputError
from membar_check.engine.evaluate import Evaluated, Evaluator
from membar_check.records import dataclass
from membar_check.relation import Relation


@dataclass(frozen=True, slots=True)
class Rounds:
    """What the names of a recursive group are after each round; ``values[0]``: nothing.  ``outer``: what the names of
    the definitions around it are."""

    number: int
    group: str
    variables: tuple[Node, ...]
    bodies: tuple[Node, ...]
    values: tuple[tuple[Evaluated, ...], ...]
    outer: State

    def state(self, turn: int, index: int) -> State:
        """What the names are when, in round ``turn``, the definition number ``index`` is evaluated."""
        mine = {v.name: (self, turn if j < index else turn - 1, j) for j, v in enumerate(self.variables)}
        return {**self.outer, **mine}

    def came(self, a: int, b: int, turn: int, index: int) -> int:
        """The round from which on, up to ``turn``, the pair is in the relation."""
        while turn > 1 and b in self.values[turn - 1][index].get(a, {}):  # type: ignore[operator]
            turn -= 1
        return turn


State = dict[str, tuple[Rounds, int, int]]
"""For each name of a recursive definition that is being evaluated: its group, the round it is taken from, its index."""

Key = tuple[object, ...]
NOWHERE: State = {}


class Values:
    """Evaluates nodes of a traced graph on a chunk with one candidate."""

    def __init__(self, graph: TracedGraph, evaluator: Evaluator) -> None:
        self.graph = graph
        self.evaluator = evaluator
        self._bound: dict[Key, Evaluated] = {}
        self._rounds: dict[Key, Rounds] = {}

    def key(self, n: Node, state: State) -> Key:
        """Two states with the same key give ``n`` the same value and the same derivations."""
        if not n.variables:
            return (n.id,)
        bound = ((v, *state[v]) for v in sorted(n.variables) if v in state)
        return (n.id, *((v, rounds.number, turn) for v, rounds, turn, _ in bound))

    def relation(self, n: Node, state: State = NOWHERE) -> Relation:
        if not n.variables:
            return self.evaluator.relation(n)
        return self._value(n, state)  # type: ignore[return-value]

    def members(self, n: Node, state: State = NOWHERE) -> dict[int, int]:
        if not n.variables:
            return self.evaluator.set_of(n)
        return self._value(n, state)  # type: ignore[return-value]

    def has(self, n: Node, a: int, b: int, state: State = NOWHERE) -> bool:
        return b in self.relation(n, state).get(a, ())

    def _value(self, n: Node, state: State) -> Evaluated:
        key = self.key(n, state)
        found = self._bound.get(key)
        if found is None:
            bound = {v: rounds.values[turn][index] for v, (rounds, turn, index) in state.items()}
            found = self._bound[key] = self.evaluator.under(n, bound)
        return found

    def rounds(self, n: Node, state: State) -> tuple[Rounds, int]:
        """The rounds of the group of which ``n`` is a member, and which member it is."""
        name, index = n.name.split("/")
        key = (name, *self.key(n, state)[1:])
        found = self._rounds.get(key)
        if found is None:
            found = self._rounds[key] = self._iterate(name, state)
        return found, int(index)

    def _iterate(self, name: str, outer: State) -> Rounds:
        group = self.graph.groups[name]
        values: list[tuple[Evaluated, ...]] = [tuple({} for _ in group.bodies)]
        while True:
            new: list[Evaluated] = []
            bound = {v: rounds.values[turn][index] for v, (rounds, turn, index) in outer.items()}
            bound |= {v.name: old for v, old in zip(group.variables, values[-1], strict=True)}
            for v, body in zip(group.variables, group.bodies, strict=True):
                bound[v.name] = self.evaluator.under(body, bound)
                new.append(bound[v.name])
            if tuple(new) == values[-1]:
                number = len(self._rounds)
                return Rounds(number, name, group.variables, group.bodies, tuple(values), outer)
            if tuple(new) in values:
                raise InputError("this recursion has no end: its values come back", group.span)
            values.append(tuple(new))
