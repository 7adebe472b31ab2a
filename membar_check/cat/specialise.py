"""Folds away what a test does not have: no locks, no RCU, no atomics, ...

Most of a model's graph is about features that a given test does not use.  With the primitives that are empty on the
test replaced by the empty set or relation, the constructors of the graph make most nodes vanish.  Tests with the same
features share the result.
"""

from __future__ import annotations

from collections.abc import Callable

from membar_check.cat.coherence import order_base
from membar_check.cat.dag import CheckNode, CompiledModel, Graph, Node, OrderChoice, PickChoice

ALWAYS = frozenset({"po", "rf", "loc", "int", "ext", "id", "same-instance", "R", "W", "IW", "FW"})


def specialise(model: CompiledModel, present: frozenset[str]) -> CompiledModel:
    """The model for tests in which, of all primitive sets and relations, only ``present`` are not empty."""
    found = model.specialised.get(present)
    if found is None:
        found = model.specialised[present] = _Rebuild(model, present).model()
    return found


class _Rebuild:
    def __init__(self, model: CompiledModel, present: frozenset[str]) -> None:
        self.source = model
        self.present = present | ALWAYS
        self.graph = Graph()
        self.done: dict[int, Node] = {}
        self.order: Node | None = None
        self.picked: dict[str, bool] = {}
        self.groups: dict[str, list[Node]] = {}
        self.bound: dict[str, Node] = {}

    def model(self) -> CompiledModel:
        m = self.source
        choices: list[OrderChoice | PickChoice] = []
        for c in m.choices:
            if isinstance(c, PickChoice):
                targets, pairs = self.of(c.targets), self.of(c.pairs)
                if targets.op == "empty":
                    self.done[c.result.id] = self.graph.empty
                else:
                    choices.append(PickChoice(self.of(c.result), targets, pairs))
            else:
                self.order = self.of(c.result)
                choices.append(OrderChoice(self.order, self.of(c.members), self.of(c.base)))
        checks = [CheckNode(k.prefix, k.negated, k.test, self.of(k.node), k.name, k.span) for k in m.checks]
        kept = tuple(k for k in checks if not self._idle(k))
        order = next((c for c in choices if isinstance(c, OrderChoice)), None)
        return CompiledModel(
            m.name, m.title, self.graph, kept, tuple(choices), {}, m.coherent, m.atomic, m.registers, (),
            order_base(self.graph, order, m.coherent),
        )  # fmt: skip

    @staticmethod
    def _idle(k: CheckNode) -> bool:
        """Whether the check can be left out: it holds of the empty relation, or is a flag that cannot be raised."""
        if k.node.op != "empty" or k.prefix == "assert":
            return False
        return k.negated if k.prefix == "flag" else not k.negated

    def of(self, n: Node) -> Node:
        found = self.done.get(n.id)
        if found is None:
            found = self._build(n)
            if not n.variables:
                self.done[n.id] = found
        return found

    def _build(self, n: Node) -> Node:
        g = self.graph
        if n.op == "prim":
            if n.name not in self.present:
                return g.empty_set if n.kind == "S" else g.empty
            return g.prim(n.name, n.kind)
        if n.op == "choice":
            return g.choice(int(n.name))
        if n.op == "var":
            return self.bound.get(n.name) or g.variable(n.name, n.kind)
        if n.op == "fix":
            return self._fix(n)
        if n.op == "all":
            return g.all
        if n.op == "empty":
            return g.empty_set if n.kind == "S" else g.empty
        if n.op == "restrict":
            a, r, b = n.args
            assert r is not None
            return g.restrict(self._maybe(a), self.of(r), self._maybe(b))
        return self._apply(n, [self.of(a) for a in n.args if a is not None])

    def _maybe(self, n: Node | None) -> Node | None:
        return None if n is None else self.of(n)

    def _apply(self, n: Node, a: list[Node]) -> Node:
        g = self.graph
        if n.op == "or":
            return g.union(a)
        if n.op == "and":
            out = a[0]
            for x in a[1:]:
                out = g.intersect(out, x)
            return out
        one: dict[str, Callable[[Node], Node]] = {
            "domain": g.domain, "range": g.codomain, "id": g.identity, "inv": g.inverse, "differ": g.differ,
        }  # fmt: skip
        if n.op in one:
            return one[n.op](a[0])
        if n.op == "plus":
            return a[0] if a[0] is self.order else g.plus(a[0])
        two: dict[str, Callable[[Node, Node], Node]] = {"minus": g.minus, "prod": g.product, "seq": g.seq}
        return two[n.op](a[0], a[1])

    def _fix(self, n: Node) -> Node:
        name, index = n.name.split("/")
        if n.variables:  # inside another recursive definition: another group for each value of its names
            return self._group(name)[int(index)]
        if name not in self.groups:
            self.groups[name] = self._group(name)
        return self.groups[name][int(index)]

    def _group(self, name: str) -> list[Node]:
        group = self.source.graph.groups[name]
        for v in group.variables:
            self.bound[v.name] = self.graph.empty_set if v.kind == "S" else self.graph.empty
        if all(self.of(b).op == "empty" for b in group.bodies):
            return [self.bound[v.name] for v in group.variables]
        for v in group.variables:
            self.bound[v.name] = self.graph.variable(v.name, v.kind)
        bodies = [self.of(b) for b in group.bodies]
        return self.graph.fix(name, [self.bound[v.name] for v in group.variables], bodies, group.span)
