"""Replaces a bound event by the set it ranges over: one edge for each event becomes one relation for all of them."""

from __future__ import annotations

from collections.abc import Callable

from membar_check.cat.dag import CannotCompile, Graph, Node


class Substitution:
    """Replaces a bound element by the whole set it ranges over."""

    def __init__(self, graph: Graph, element: Node, members: Node) -> None:
        self.graph = graph
        self.element = element
        self.members = members
        self.done: dict[int, Node] = {element.id: members}

    def of(self, n: Node) -> Node:
        if n.id in self.done:
            return self.done[n.id]
        if self.element.name not in n.variables:
            return n
        g = self.graph
        a = [self.of(x) if x is not None else None for x in n.args]
        solid = [x for x in a if x is not None]
        builders: dict[str, Callable[[], Node]] = {
            "or": lambda: g.union(solid),
            "and": lambda: g.intersect(solid[0], g.intersect(solid[1], solid[2]) if len(solid) > 2 else solid[1]),
            "restrict": lambda: g.restrict(a[0], solid[-1] if a[2] is None else solid[-2], a[2]),
            "prod": lambda: g.product(solid[0], solid[1]),
            "id": lambda: g.identity(solid[0]),
        }
        if n.op == "minus" and a[0] is not None and a[1] is n.args[1]:
            out = g.minus(a[0], a[1])
        elif n.op in builders:
            out = builders[n.op]()
        else:
            raise CannotCompile("a choice of edges of a form that is not understood", None)
        self.done[n.id] = out
        return out
