"""What breaks the checks of a model in one execution, as shortest cycles; and what its checks order."""

from __future__ import annotations

from collections.abc import Iterable

from membar_check.cat.dag import CheckNode, Node, OrderChoice
from membar_check.cat.traced import place, text_of
from membar_check.engine.evaluate import Evaluator
from membar_check.explain.derivation import BASE, CHAIN, SEQUENCE, Deriver
from membar_check.explain.explanation import CycleView, Derivation, Pair
from membar_check.explain.rounds import NOWHERE
from membar_check.explain.ways import Graph, shortest_way
from membar_check.relation import Relation, closure

MOST_CYCLES = 24  # cycles of the least length among which the one with the simplest edges is chosen
MOST_PAIRS = 64


def broken(deriver: Deriver) -> tuple[CycleView, ...]:
    """What breaks each check that the execution does not pass, in the order of the model: a shortest cycle with the
    simplest edges, or an event or pair that should not be.

    A check that demands a cycle or a pair (``~empty``) has no steps; its ``test`` begins with ``~``.  A coherence order
    that contradicts what the model demands of it is a cycle ``coherence order``.
    """
    views = [_order(deriver)]
    views += [_view(deriver, k) for k in deriver.traced.model.checks if k.prefix == ""]
    return tuple(v for v in views if v is not None)


def _view(deriver: Deriver, check: CheckNode) -> CycleView | None:
    fails = deriver.evaluator.failing(check.test, check.node, deriver.evaluator.full) != 0
    if fails == check.negated:
        return None
    name = check.name or f"{check.test} {text_of(check.node)}"
    if check.negated:
        return CycleView(name, f"~{check.test}", (), place(check.span))
    return CycleView(name, check.test, _steps(deriver, check), place(check.span))


def _steps(deriver: Deriver, check: CheckNode) -> tuple[Derivation, ...]:
    node = check.node
    if check.test == "empty":
        if node.kind == "S":
            e = min(deriver.evaluator.set_of(node))
            return (Derivation(text_of(node), e, e, BASE, note=deriver.words.source(e)),)
        return (_simplest(deriver, node, sorted(deriver.pairs_of(node))),)
    if check.test == "irreflexive":
        return _opened(deriver, _simplest(deriver, node, [p for p in sorted(deriver.pairs_of(node)) if p[0] == p[1]]))
    steps = _cycle(deriver, node)
    return _opened(deriver, steps[0]) if len(steps) == 1 else steps


def _opened(deriver: Deriver, step: Derivation) -> tuple[Derivation, ...]:
    """The steps by which an edge leads from an event to itself."""
    while len(step.because) == 1 and step.because[0].because:
        step = step.because[0]
    return _rotated(deriver, step.because) if step.rule in (SEQUENCE, CHAIN) and step.because else (step,)


def _simplest(deriver: Deriver, node: Node, pairs: list[Pair]) -> Derivation:
    """The derivation of the pair with the least to say."""
    a, b = min(pairs[:MOST_PAIRS], key=lambda pair: deriver.cost(node, *pair))
    found = deriver.why(node, a, b)
    assert found is not None
    return found


def _cycle(deriver: Deriver, node: Node) -> tuple[Derivation, ...]:
    """The edges of a shortest cycle of the relation."""
    relation = deriver.evaluator.relation(node)
    best: tuple[int, tuple[int, ...]] | None = None
    for start in _starts(relation):
        plan = deriver.plans.route((node,) * _girth(relation, start), start, start, NOWHERE)
        if best is None or plan.cost < best[0]:
            best = (plan.cost, plan.events)
    assert best is not None
    edges = (deriver.why(node, a, b) for a, b in zip(best[1], best[1][1:], strict=False))
    return _rotated(deriver, tuple(e for e in edges if e is not None))


def _starts(relation: Graph) -> list[int]:
    """The events that lie on a shortest cycle, or some of them."""
    lengths = {e: _girth(relation, e) for e in sorted(relation)}
    shortest = min(n for n in lengths.values() if n)
    return [e for e, n in lengths.items() if n == shortest][:MOST_CYCLES]


def _girth(relation: Graph, start: int) -> int:
    """The length of the shortest cycle through an event, 0 if there is none."""
    return max(0, len(shortest_way(relation, start, start)) - 1)


def _rotated(deriver: Deriver, steps: tuple[Derivation, ...]) -> tuple[Derivation, ...]:
    """The cycle from the first event of the first thread on it."""
    events = deriver.evaluator.events
    if not steps:
        return steps

    def rank(i: int) -> tuple[bool, int, int, int]:
        e = events[steps[i].source]
        return (e.thread < 0, e.thread, e.rank, e.number)

    first = min(range(len(steps)), key=rank)
    return steps[first:] + steps[:first]


def _order(deriver: Deriver) -> CycleView | None:
    """Where the coherence order is not one that the model admits."""
    for choice in deriver.traced.model.choices:
        if isinstance(choice, OrderChoice):
            members = deriver.evaluator.set_of(choice.members)
            given, order = deriver.evaluator.relation(choice.base), deriver.evaluator.relation(choice.result)
            against = [
                (a, b)
                for a, row in sorted(given.items())
                for b in sorted(row)
                if a in members and b in members and deriver.evaluator.loc(a, b) and b not in order.get(a, ())
            ]
            if against:
                step = _simplest(deriver, choice.base, against)
                back = Derivation("co", step.target, step.source, BASE)
                steps = (step,) if step.source == step.target else (step, back)
                return CycleView("coherence order", "acyclic", steps, "")
    return None


def ordered(evaluator: Evaluator, checks: Iterable[CheckNode]) -> frozenset[Pair]:
    """The pairs that checks put in an order, transitively: the closures of all that must be acyclic (or, if transitive
    already, irreflexive), but for checks that speak of single locations only.  ``checks``: those of the evaluator's
    model; events have the numbers of the event structure."""
    out: set[Pair] = set()
    for check in checks:
        if check.prefix or check.negated or not _orders(check):
            continue
        relation = evaluator.relation(check.node)
        if not _local(evaluator, relation):
            out |= {(a, b) for a, row in closure(relation).items() for b in row}
    return frozenset(out)


def _orders(check: CheckNode) -> bool:
    return check.test == "acyclic" or (check.test == "irreflexive" and check.node.op == "plus")


def _local(evaluator: Evaluator, relation: Relation) -> bool:
    return all(a == b or evaluator.loc(a, b) for a, row in relation.items() for b in row)
