"""Which checks can only get worse as reads-from and coherence grow.

If a check fails when rf and co are known at some locations only, and the relation that it tests is monotone in them,
it fails for every way to complete them.  A difference is monotone if its right side does not change.  A relation that
stays within one location (*local*) is complete as soon as that location is; it may stand on the right where the left
side is *settled*, has only pairs within locations that are complete.
"""

from __future__ import annotations

from membar_check.cat.dag import CheckNode, CompiledModel, Node


class Monotone:
    """Decides monotony for the nodes of one model."""

    def __init__(self, model: CompiledModel) -> None:
        self.graph = model.graph
        self.order = model.order
        self._monotone: dict[int, bool] = {}
        self._local: dict[int, bool] = {}
        self._settled: dict[int, bool] = {}
        self._loc = self.graph.prim("loc", "R")

    def checks(self, model: CompiledModel) -> tuple[CheckNode, ...]:
        """The model's checks that stay broken once they are."""
        return tuple(
            k for k in model.checks if k.prefix == "" and not k.negated and not k.node.static and self.monotone(k.node)
        )

    def monotone(self, n: Node) -> bool:
        """Whether the relation only grows when rf and co are completed at further locations."""
        known = self._monotone.get(n.id)
        if known is None:
            self._monotone[n.id] = True  # members of a recursive group are taken to be, their bodies decide
            known = self._monotone[n.id] = self._compute(n)
        return known

    def _compute(self, n: Node) -> bool:
        if n.static and not n.variables:
            return True
        args = [a for a in n.args if a is not None]
        if n.op == "prim":
            return n.name == "rf"
        if n.op == "choice":
            return True
        if n.op == "fix":
            return all(self.monotone(b) for b in self.graph.groups[n.name.split("/")[0]].bodies)
        if n.op == "minus":
            right = args[1]
            fixed = (right.static and not right.variables) or (self.local(right) and self.settled(args[0]))
            return self.monotone(args[0]) and fixed
        if n.op == "differ":
            return False
        return n.op == "var" or all(self.monotone(a) for a in args)

    def local(self, n: Node) -> bool:
        """Whether the relation only holds between events of one location, and depends on that location only."""
        known = self._local.get(n.id)
        if known is None:
            self._local[n.id] = False
            known = self._local[n.id] = self._is_local(n)
        return known

    def _is_local(self, n: Node) -> bool:
        args = [a for a in n.args if a is not None]
        if n.op == "prim":
            return n.name in ("rf", "loc")
        if n.op == "choice":
            return self.order is not None and n is self.order.result
        if n.op == "and":
            return any(self.local(a) for a in args) and all(
                self.local(a) or (a.static and not a.variables) for a in args
            )
        if n.op == "minus":
            right = args[1]
            return self.local(args[0]) and (self.local(right) or (right.static and not right.variables))
        if n.op == "restrict":
            sets = [n.args[0], n.args[2]]
            fixed = all(s is None or (s.static and not s.variables) for s in sets)
            return n.args[1] is not None and self.local(n.args[1]) and fixed
        if n.op in ("or", "seq", "plus", "inv"):
            return all(self.local(a) for a in args)
        return False

    def settled(self, n: Node) -> bool:
        """Whether the relation only holds between events of one location at which rf and co are known."""
        known = self._settled.get(n.id)
        if known is None:
            self._settled[n.id] = known = self._is_settled(n)
        return known

    def _is_settled(self, n: Node) -> bool:
        args = [a for a in n.args if a is not None]
        if n.op == "prim":
            return n.name == "rf"
        if n.op == "choice":
            return self.order is not None and n is self.order.result
        if n.op == "and":
            return any(self.settled(a) for a in args)
        if n.op == "minus":
            return self.settled(args[0])
        if n.op == "restrict":
            return n.args[1] is not None and self.settled(n.args[1])
        if n.op == "seq":
            return all(self.local(a) for a in args) and any(self.settled(a) for a in args)
        if n.op in ("or", "plus", "inv"):
            return all(self.settled(a) for a in args)
        return False
