"""One skeleton of a test (one path for each thread) as clauses: its choices, values and the model's checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from membar_check.cat.dag import CheckNode, CompiledModel, Node, PickChoice
from membar_check.engine.bounds import bounds
from membar_check.engine.choices import Choices
from membar_check.engine.cnf import FALSE, TRUE, Cnf
from membar_check.engine.contents import Contents
from membar_check.engine.encode import BOTH, DOWN, UP, Encoder
from membar_check.engine.outcome import Observed, RawState
from membar_check.events.executions import Execution
from membar_check.events.orders import Edge
from membar_check.events.structure import Path, Structure
from membar_check.litmus.condition import looked_at
from membar_check.litmus.syntax import GlobalRef, Prop
from membar_check.relation import Relation

Ordering = tuple[frozenset[int], frozenset[Edge]]


class Leaves:
    """The literals of what the model does not define."""

    def __init__(self, choices: Choices, contents: Contents, structure: Structure) -> None:
        self.rf = choices.rf
        self.choices: dict[str, dict[Edge, int]] = {}
        self._choices = choices
        self._contents = contents
        self._structure = structure
        self._differ: dict[Edge, int] = {}
        self._finals: dict[int, int] | None = None

    @property
    def finals(self) -> dict[int, int]:
        """``FW``, as the masks engine has it: the last ordinary write of each observed location, or the initial one."""
        if self._finals is None:
            program = self._structure.program
            places = looked_at(program.condition, program.locations, program.filter)
            observed = {p.name for p in places if isinstance(p, GlobalRef)}
            self._finals = {}
            for at in self._choices.locations:
                if at.place.name in observed:
                    ordinary = [e for e in at.order[1:] if self._structure.events[e].is_write]
                    for e in ordinary:
                        self._finals[e] = self._choices.last(e)
                    later = self._choices.cnf.disj(self._finals[e] for e in ordinary)
                    self._finals[at.initial] = -later
        return self._finals

    def differ(self, a: int, b: int) -> int:
        """Whether two events have different values; so do events without one."""
        key = (a, b) if a < b else (b, a)
        found = self._differ.get(key)
        if found is None:
            cnf, one, two = self._choices.cnf, self._contents.of_event(key[0]), self._contents.of_event(key[1])
            both = ((x, two[v]) for v, x in one.items() if v is not None and v in two) if one and two else ()
            found = self._differ[key] = -cnf.disj(cnf.conj(pair) for pair in both)
        return found


class SkeletonEncoding:
    """Raises Impossible where the paths do not fit together."""

    def __init__(
        self,
        model: CompiledModel,
        structure: Structure,
        paths: tuple[Path, ...],
        ordering: Ordering,
        observed: Observed,
    ) -> None:
        self.cnf = Cnf()
        self.model = model
        self.structure = structure
        self.observed = observed
        self.choices = Choices(self.cnf, structure, paths, ordering, model.coherent, model.atomic)
        self.contents = Contents(self.cnf, self.choices)
        self.leaves = Leaves(self.choices, self.contents, structure)
        rf = self.leaves.rf
        self.upper, self.lower = bounds(model, structure, paths, _possible(rf), _certain(rf))
        if model.graph.find("prim", "FW") is not None:
            finals = self.leaves.finals
            self.upper.finals = {e: 1 for e, x in finals.items() if x != FALSE}
            self.lower.finals = {e: 1 for e, x in finals.items() if x == TRUE}
        self.upper.differing = lambda a, b: int(self.leaves.differ(a, b) != FALSE)
        self.lower.differing = lambda a, b: int(self.leaves.differ(a, b) == TRUE)
        self.encoder = Encoder(self.cnf, model, self.upper, self.lower, self.leaves)
        self._picks: dict[str, dict[Edge, int]] = {}
        for choice in model.choices:
            if isinstance(choice, PickChoice):
                self._picks[choice.result.name] = self._pick(choice)
        for name, literals in self._picks.items():
            self._offer(name, literals)
        if model.order is not None:
            self._offer(model.order.result.name, self.choices.co)

    # --- the model's choices ---
    def _offer(self, name: str, literals: dict[Edge, int]) -> None:
        self.leaves.choices[name] = literals
        self.upper.choices[name] = _possible(literals)
        self.lower.choices[name] = _certain(literals)

    def _pick(self, choice: PickChoice) -> dict[Edge, int]:
        """For each target exactly one of the pairs that lead to it."""
        encoder, cnf = self.encoder, self.cnf
        out: dict[Edge, int] = {}
        pairs = self.upper.relation(choice.pairs)
        for e in self.upper.set_of(choice.targets):
            target = encoder.member(choice.targets, e, BOTH)
            options = [(a, e) for a, row in pairs.items() if e in row]
            possible = [encoder.relation(choice.pairs, a, b, DOWN) for a, b in options]
            sole = len(options) == 1 and target == possible[0] == TRUE
            for edge, here in zip(options, possible, strict=True):
                out[edge] = TRUE if sole else cnf.variable()
                cnf.add((-out[edge], here))
                cnf.add((-out[edge], target))
            cnf.add([-target, *(out[edge] for edge in options)])
            cnf.at_most_one([out[edge] for edge in options])
        encoder.settle()
        return out

    # --- what an execution has to satisfy ---
    def demand_filter(self, prop: Prop) -> None:
        self.cnf.add((self.proposition(prop),))

    def proposition(self, prop: Prop) -> int:
        """The literal of a proposition about the final state."""
        return self.contents.holds(prop, self.observed)

    def demand_base(self, parts: tuple[Node, ...]) -> None:
        """Coherence includes these relations."""
        co = self.choices.co
        for part in parts:
            for a, row in self.upper.pairs(part).items():
                for b in row:
                    self.cnf.add((-self.encoder.relation(part, a, b, UP), co.get((a, b), FALSE)))
        self.encoder.settle()

    def demand_check(self, check: CheckNode) -> None:
        """The check holds."""
        if check.negated:
            self.cnf.add((self.encoder.violate(check),))
        else:
            self.encoder.demand(check)

    def situation(self, check: CheckNode, holds: bool) -> int:
        """A literal that can hold only where the check does (``holds``), or only where it does not."""
        if holds == check.negated:
            return self.encoder.violate(check)
        x = self.cnf.variable()
        self.encoder.demand(check, (-x,))
        return x

    # --- reading executions ---
    def variables(self) -> list[int]:
        """The variables that say which execution it is and in which state it ends."""
        found = dict.fromkeys(self.choices.decisions())
        found.update(dict.fromkeys(x for literals in self._picks.values() for x in literals.values()))
        for literals in self.state_literals():
            found.update(dict.fromkeys(abs(x) for x in literals))
        return [x for x in found if x != TRUE]

    def state_literals(self) -> Iterator[list[int]]:
        """For each observed cell that is not known beforehand, the literals of its values."""
        for place in self.observed.places:
            for cell in self.observed.cells(place):
                literals = self.contents.cell(cell)
                if len(literals) > 1:
                    yield list(literals.values())

    def state_identity(self, raw: RawState) -> list[int] | None:
        """Literals that together hold in the executions that end in a state only; None if there are none."""
        out = []
        for place, value in zip(self.observed.places, raw, strict=True):
            cells = self.observed.cells(place)
            values: tuple[Any, ...] = (value,) if len(cells) == 1 else tuple(value)  # type: ignore[arg-type]
            for cell, v in zip(cells, values, strict=True):
                x = self.contents.cell(cell).get(v, FALSE)
                if x == FALSE:
                    return None
                if x != TRUE:
                    out.append(x)
        return out

    def identity(self, values: dict[int, bool]) -> list[int]:
        """Literals that together hold in this execution only."""
        rf = [x for x in self.choices.rf.values() if x != TRUE and values[x]]
        co = [x if values[x] else -x for x in dict.fromkeys(self.choices.co.values()) if x > 1]
        return rf + co + [x for p in self._picks.values() for x in p.values() if x != TRUE and values[x]]

    def execution(self, values: dict[int, bool]) -> Execution:
        """The execution that a model of the clauses describes."""
        orders = []
        for at in self.choices.locations:
            place = {e: sum(is_true(self.choices.co[x, e], values) for x in at.order if x != e) for e in at.order}
            orders.append(tuple(sorted(at.order, key=place.__getitem__)))
        rf = tuple(edge for edge, x in self.choices.rf.items() if is_true(x, values))
        picks = tuple((n, tuple(e for e, x in p.items() if is_true(x, values))) for n, p in self._picks.items())
        return Execution(rf, tuple(orders), picks)


def is_true(literal: int, values: dict[int, bool]) -> bool:
    """Whether a literal holds, given the values of its variables."""
    if literal in (TRUE, FALSE):
        return literal == TRUE
    return values[literal] if literal > 0 else not values[-literal]


def _possible(literals: dict[Edge, int]) -> Relation:
    out: Relation = {}
    for (a, b), x in literals.items():
        if x != FALSE:
            out.setdefault(a, {})[b] = 1
    return out


def _certain(literals: dict[Edge, int]) -> Relation:
    return _possible({edge: x for edge, x in literals.items() if x == TRUE})
