"""Why two events are in a relation of the model, in the model's own names, in one execution.

Events have the numbers of the event structure; :func:`renumber` maps them to others.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING

from membar_check.cat.dag import Node, OrderChoice
from membar_check.cat.traced import TracedModel, sequence, text_of
from membar_check.diagnostics import InputError
from membar_check.engine.evaluate import Evaluator
from membar_check.events.space import Chunk
from membar_check.events.valuation import Valuation
from membar_check.explain.explanation import CycleView, Derivation, Pair
from membar_check.explain.plans import Plans, bare, is_base, is_filter, universal
from membar_check.explain.rounds import NOWHERE, State, Values
from membar_check.explain.words import Words, informative, joined
from membar_check.records import dataclass, replace
from membar_check.relation import Relation
from membar_check.values import Address

if TYPE_CHECKING:
    from membar_check.explain.missing import Missing, Search

PRIMITIVE = ("po", "rf", "loc", "int", "ext", "addr", "data", "ctrl", "rmw")  # named even where a model does not

BASE = "base"
ONE_OF = "is one of"
SEQUENCE = "in sequence"
CHAIN = "a chain of"
BOTH = "both"
IS = "is"
INVERSE = "inverse of"


@dataclass(frozen=True, slots=True)
class _Part:
    """A derivation on its way up.  ``named``: it has a name of the model; ``via``: the rule that a name around it has;
    ``nothing``: it only relates an event to itself; ``marks``: events worth a word, and the word: fences passed on the
    way."""

    derivation: Derivation
    named: bool
    via: str = IS
    nothing: bool = False
    marks: tuple[tuple[int, str], ...] = ()

    def settled(self) -> _Part:
        """With the marks in a note; a named derivation gets a layer for them, which a name will fill."""
        note = joined(text for _, text in self.marks)
        return replace(self.noted(note), marks=()) if note else self

    def noted(self, note: str) -> _Part:
        """With a further note; a named derivation gets a layer for it, which a name will fill."""
        inner = self.derivation
        if not note:
            return self
        if not self.named:
            return replace(self, derivation=replace(inner, note=joined((inner.note, note))))
        layer = Derivation(inner.relation, inner.source, inner.target, BOTH, (inner,), note=note)
        return replace(self, derivation=layer, named=False, via=IS)


class Deriver:
    """Explains the relations of a model in the only candidate of ``chunk``; ``choices``: as of the evaluator, but for
    those that the test leaves nothing to choose.

    ``show``: how to name a location; ``say``: what to say of an event without location (``smp_wmb() in line 7``).
    Names that the model does not have raise InputError.
    """

    def __init__(
        self,
        traced: TracedModel,
        chunk: Chunk,
        choices: dict[str, Relation],
        show: Callable[[Address], str] = str,
        say: Callable[[int], str] | None = None,
    ) -> None:
        if chunk.count != 1:
            raise ValueError(f"a chunk of one candidate is explained, not of {chunk.count}")
        self.traced = traced
        self.chunk = chunk
        self.evaluator = Evaluator(traced.model, chunk, Valuation(chunk), _all_choices(traced, chunk, choices))
        self.values = Values(traced.graph, self.evaluator)
        self.plans = Plans(self.values)
        self.words = Words(self.evaluator, show, say)
        self._search: Search | None = None

    # --- what there is ---
    def names(self) -> tuple[str, ...]:
        """The names of the sets and relations of the model, in the order of their definition, primitive ones first."""
        return tuple(dict.fromkeys((*PRIMITIVE, *reversed(self.traced.model.named))))

    def node(self, name: str) -> Node:
        """What a name stands for, at the end of the model.  Raises InputError if it has no such name."""
        found = self.traced.model.named.get(name) or self.traced.graph.find("prim", name)
        if found is None and name in PRIMITIVE:
            found = self.traced.graph.prim(name, "R")
        if found is None and any(name in self.evaluator.events[e].sets for e in self.chunk.present):
            found = self.traced.graph.prim(name, "S")
        if found is None:
            close = difflib.get_close_matches(name, self.names(), n=1)
            hint = f"did you mean '{close[0]}'?" if close else ""
            raise InputError(f"the model {self.traced.model.name} has nothing called '{name}'", hint=hint)
        return found

    def is_set(self, name: str) -> bool:
        """Whether the name is that of a set of events."""
        return self.node(name).kind == "S"

    def pairs(self, name: str) -> frozenset[Pair]:
        """The pairs of a relation; those of a set are its events, each with itself."""
        node = self.node(name)
        if node.kind == "S":
            return frozenset((e, e) for e in self.evaluator.set_of(node))
        return self.pairs_of(node)

    def pairs_of(self, node: Node) -> frozenset[Pair]:
        """The pairs of a node of the traced graph."""
        return frozenset((a, b) for a, row in self.evaluator.relation(node).items() for b in row)

    def members(self, name: str) -> frozenset[int]:
        """The events of a set; of a relation those that have a part in it."""
        node = self.node(name)
        if node.kind == "S":
            return frozenset(self.evaluator.set_of(node))
        return frozenset(e for pair in self.pairs_of(node) for e in pair)

    # --- why ---
    def why(self, relation: str | Node, a: int, b: int) -> Derivation | None:
        """How the pair comes to be in the relation, down to base relations; None if it is not."""
        node = self.node(relation) if isinstance(relation, str) else relation
        if node.kind == "S":
            inside = a == b and a in self.evaluator.set_of(node)
            return self._leaf(node, a, b) if inside else None
        if not self.values.has(node, a, b):
            return None
        return self._build(node, a, b, NOWHERE).settled().derivation

    def why_not(self, relation: str | Node, a: int, b: int) -> Missing | None:
        """What keeps the pair out of the relation, or (``a`` twice) an event out of a set; None if it is in."""
        if self._search is None:
            from membar_check.explain.missing import Search

            self._search = Search(self)
        return self._search.why_not(relation, a, b)

    def cost(self, node: Node, a: int, b: int) -> int:
        """How much there is to say for a pair of the relation: 10 for each base relation and 1 for each name."""
        return self.plans.plan(node, a, b, NOWHERE).cost

    def _build(self, n: Node, a: int, b: int, state: State) -> _Part:
        if n.op == "alias" and not is_base(n):
            return self._alias(n, a, b, state)
        if is_base(n):
            return self._base(n, a, b)
        method: Callable[[Node, int, int, State], _Part] = getattr(self, "_" + n.op)
        return method(n, a, b, state)

    def _base(self, n: Node, a: int, b: int) -> _Part:
        if n.op == "id":
            inside = n.args[0]
            note = self.words.source(a) if inside is not None and informative(inside) else "the same event"
            return _Part(Derivation(text_of(n), a, b, BASE, note=note), False, nothing=True)
        return _Part(self._leaf(n, a, b), True)

    def _leaf(self, n: Node, a: int, b: int) -> Derivation:
        note = ""
        if n.op == "alias" and n.name.startswith("fr"):
            note = self._read_from(a)
        elif n.op == "prim" and n.name == "loc":
            note = f"both access {self.words.place(a)}"
        return Derivation(text_of(n), a, b, BASE, defined=self.traced.graph.defined(n), note=note)

    def _read_from(self, read: int) -> str:
        """What a read takes its value from."""
        for w, row in self.evaluator.relation(self.node("rf")).items():
            if read in row:
                return f"reads from {self.words.event(w)}" if self._thread(w) >= 0 else "reads the initial value"
        return ""

    def _thread(self, e: int) -> int:
        return self.evaluator.events[e].thread

    def _alias(self, n: Node, a: int, b: int, state: State) -> _Part:
        body = n.args[0]
        assert body is not None
        return self._under_name(n.name, self.traced.graph.defined(n), body, self._build(body, a, b, state).settled())

    @staticmethod
    def _under_name(name: str, defined: str, body: Node, part: _Part) -> _Part:
        """A derivation under a name of the model: in place of the text of an expression, or as a layer of its own."""
        inner = part.derivation
        if not part.named:
            return _Part(replace(inner, relation=name, defined=defined), True, IS, part.nothing)
        if inner.relation == name:
            return _Part(inner, True, IS, part.nothing)
        if body.op == "alias" and inner.because:
            return _Part(replace(inner, relation=name, defined=defined), True, IS, part.nothing)
        note = inner.note if part.nothing else ""
        layer = Derivation(name, inner.source, inner.target, part.via, (inner,), defined, note)
        return _Part(layer, True, IS, part.nothing)

    def _or(self, n: Node, a: int, b: int, state: State) -> _Part:
        chosen = n.args[self.plans.plan(n, a, b, state).choice]
        assert chosen is not None
        part = self._build(chosen, a, b, state)
        return replace(part, via=ONE_OF)

    def _and(self, n: Node, a: int, b: int, state: State) -> _Part:
        args = [x for x in n.args if x is not None]
        solid = [x for x in args if not is_filter(x)]
        note = joined(self._condition(x, a) for x in args if is_filter(x))
        marks = tuple(m for x in args for m in self._marks(x, a, b))
        parts = [self._build(x, a, b, state) for x in solid]
        if len(parts) == 1:
            return replace(parts[0], marks=parts[0].marks + marks).noted(note)
        because = tuple(p.settled().derivation for p in parts)
        return _Part(Derivation(text_of(n), a, b, BOTH if because else BASE, because, note=note), False, marks=marks)

    def _marks(self, n: Node, a: int, b: int) -> tuple[tuple[int, str], ...]:
        """What there is to say of the events of a pair that is in a product of sets."""
        n = bare(n)
        if n.op != "prod":
            return ()
        sides = zip(n.args, (a, b), strict=True)
        return tuple((e, self.words.source(e)) for s, e in sides if s is not None and self._worth_saying(s, e))

    def _condition(self, n: Node, a: int) -> str:
        """What a filter says of a pair, where it says more than the threads do."""
        n = bare(n)
        if n.op == "prim":
            return f"both access {self.words.place(a)}" if n.name == "loc" else ""
        if n.op == "minus" and n.args[1] is not None:
            return f"not in {text_of(n.args[1])}"
        return ""

    def _minus(self, n: Node, a: int, b: int, state: State) -> _Part:
        left, right = n.args
        assert left is not None and right is not None
        if universal(left):
            return _Part(Derivation(text_of(n), a, b, BASE), False)
        note = "" if bare(right).op == "id" else f"not in {text_of(right)}"
        return self._build(left, a, b, state).noted(note)

    def _differ(self, n: Node, a: int, b: int, state: State) -> _Part:
        assert n.args[0] is not None
        return self._build(n.args[0], a, b, state).noted("the values differ")

    def _inv(self, n: Node, a: int, b: int, state: State) -> _Part:
        assert n.args[0] is not None
        part = self._build(n.args[0], b, a, state).settled()
        inner = part.derivation
        if inner.rule == BASE:
            return _Part(Derivation(f"{inner.relation}^-1", a, b, BASE, note=inner.note), True)
        return _Part(Derivation(text_of(n), a, b, INVERSE, (inner,)), False)

    # --- recursive definitions ---
    def _var(self, n: Node, a: int, b: int, state: State) -> _Part:
        body, inner = self.plans.behind(n, a, b, state)
        part = self._build(body, a, b, inner).settled()
        return self._under_name(text_of(n), self.traced.graph.defined(n), body, part)

    def _fix(self, n: Node, a: int, b: int, state: State) -> _Part:
        body, inner = self.plans.behind(n, a, b, state)
        return self._build(body, a, b, inner)

    # --- sequences ---
    def _seq(self, n: Node, a: int, b: int, state: State) -> _Part:
        items = sequence(n)
        return self._route(n, items, self.plans.plan(n, a, b, state).events, state, SEQUENCE)

    _restrict = _seq

    def _plus(self, n: Node, a: int, b: int, state: State) -> _Part:
        events = self.plans.plan(n, a, b, state).events
        assert n.args[0] is not None
        return self._route(n, (n.args[0],) * (len(events) - 1), events, state, CHAIN)

    def _route(
        self, n: Node, items: tuple[Node, ...], events: tuple[int, ...], state: State, rule: str
    ) -> _Part:
        """The steps of a sequence or chain; a step without a name that is itself a sequence gives its steps."""
        steps: list[Derivation] = []
        notes: list[tuple[int, str]] = []
        single: _Part | None = None
        for item, a, b in zip(items, events, events[1:], strict=False):
            if item.kind == "S":
                notes.append((a, self.words.source(a) if self._worth_saying(item, a) else ""))
                continue
            part = self._build(item, a, b, state)
            inner = part.derivation
            notes += part.marks
            if part.nothing:
                notes.append((a, "" if inner.note == "the same event" else inner.note))
            elif not part.named and inner.rule in (SEQUENCE, CHAIN):
                steps += inner.because
                notes.append((-1, inner.note))
                single = None
            else:
                steps.append(inner)
                single = part
        steps = self._merged(steps)
        shown = {e for s in steps for e in (s.source, s.target) if not self.evaluator.events[e].is_access}
        note = joined(text for e, text in notes if e not in shown)
        first, last = events[0], events[-1]
        if not steps:
            return _Part(Derivation(text_of(n), first, last, BASE, note=note or "the same event"), False, nothing=True)
        if len(steps) == 1 and not note:
            if single is not None and single.derivation is steps[0]:
                return replace(single, marks=())
            return _Part(steps[0], True)
        return _Part(Derivation(text_of(n), first, last, rule, tuple(steps), note=note), False)

    def _worth_saying(self, item: Node, e: int) -> bool:
        event = self.evaluator.events[e]
        return event.thread >= 0 and bare(item).op != "all" and (not event.is_access or informative(item))

    def _merged(self, steps: list[Derivation]) -> list[Derivation]:
        """Steps of program order that follow each other are one."""
        out: list[Derivation] = []
        for step in steps:
            if out and out[-1].relation == step.relation == "po" and self._in_order(out[-1].source, step.target):
                out[-1] = replace(out[-1], target=step.target)
            else:
                out.append(step)
        return out

    def _in_order(self, a: int, b: int) -> bool:
        return self.values.has(self.node("po"), a, b)


def _all_choices(traced: TracedModel, chunk: Chunk, choices: dict[str, Relation]) -> dict[str, Relation]:
    native: dict[str, Relation] = {c.result.name: chunk.co for c in traced.model.choices if isinstance(c, OrderChoice)}
    return {c.result.name: {} for c in traced.model.choices} | native | choices


def renumber(derivation: Derivation, mapping: Callable[[int], int]) -> Derivation:
    """The same with every event ``e`` called ``mapping(e)``."""
    return replace(
        derivation,
        source=mapping(derivation.source),
        target=mapping(derivation.target),
        because=tuple(renumber(d, mapping) for d in derivation.because),
    )


def renumber_cycle(cycle: CycleView, mapping: Callable[[int], int]) -> CycleView:
    """The same with every event ``e`` called ``mapping(e)``."""
    return replace(cycle, steps=tuple(renumber(d, mapping) for d in cycle.steps))


def leaves(derivation: Derivation) -> tuple[Derivation, ...]:
    """The base relations that a derivation ends in, from left to right."""
    if not derivation.because:
        return (derivation,)
    return tuple(leaf for d in derivation.because for leaf in leaves(d))
