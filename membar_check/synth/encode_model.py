"""A compiled model over the literals of a space of tests: every relation is a matrix of literals."""

from __future__ import annotations

from membar_check.cat.dag import CheckNode, CompiledModel, Node
from membar_check.diagnostics import Unsupported
from membar_check.engine.cnf import FALSE, TRUE
from membar_check.records import dataclass
from membar_check.synth.encode_gates import Gates, Members, Rows

ROUNDS = 6  # of a recursive definition: a longer chain of its own steps does not fit into a small test


@dataclass(frozen=True, slots=True)
class World:
    """The primitives of the tests as one model sees them.  ``events``: literals of being there; ``relations`` has
    every primitive relation that is not empty, ``co`` the coherence order."""

    events: Members
    sets: dict[str, Members]
    relations: dict[str, Rows]
    co: Rows


class Matrices:
    """``model`` should be specialised to what the world has."""

    def __init__(self, gates: Gates, model: CompiledModel, world: World) -> None:
        self.gates = gates
        self.model = model
        self.world = world
        self._sets: dict[int, Members] = {}
        self._relations: dict[int, Rows] = {}
        self._variables: dict[str, Members | Rows] = {}
        self._passing: dict[int, Members | Rows] = {}
        self._order = {model.order.result.name} if model.order is not None else set()

    # --- checks ---
    def checks(self) -> tuple[tuple[str, int], ...]:
        """The names of the checks that make an execution consistent, with the literals of their being kept; first, with
        the name ``co``, the one that coherence extends what the model says of it beforehand."""
        kept = [(check.name or check.test, self.holds(check)) for check in self.model.checks if check.prefix == ""]
        return ("co", self._based()), *kept

    def flag(self, name: str) -> int:
        """The literal of a flag's being raised."""
        return self.gates.any(self.holds(k) for k in self.model.checks if k.prefix == "flag" and k.name == name)

    def holds(self, check: CheckNode) -> int:
        """The literal of a check's test."""
        n = check.node
        if check.test == "empty":
            rows = self.set_of(n) if _is_set(n) else None
            found = rows.values() if rows is not None else [x for r in self.relation(n).values() for x in r.values()]
            out = self.gates.all([-x for x in found])
        elif check.test == "irreflexive":
            out = self.gates.all([-row.get(a, FALSE) for a, row in self.relation(n).items()])
        else:
            out = self.gates.acyclic(self.relation(n))
        return -out if check.negated else out

    def _based(self) -> int:
        """Coherence extends what the model says of it beforehand."""
        order = self.model.order
        if order is None:
            return TRUE
        members, g = self.set_of(order.members), self.gates
        loc = self.world.relations["loc"]
        demands = []
        for node in (*self.model.base.static, *self.model.base.dynamic):
            inside = g.meet(g.narrow(members, self.relation(node), members), loc)
            for a, row in inside.items():
                demands += [-g.conj(x, -self.world.co.get(a, {}).get(b, FALSE)) for b, x in row.items()]
        return g.all(demands)

    # --- sets ---
    def set_of(self, n: Node) -> Members:
        known = self._passing if n.variables else self._sets
        found = known.get(n.id)
        if found is None:
            found = self._make_set(n)
            if n.op not in ("var", "fix"):
                known[n.id] = found
        return found  # type: ignore[return-value]

    def _make_set(self, n: Node) -> Members:
        op, g = n.op, self.gates
        args = [a for a in n.args if a is not None]
        if op == "prim":
            return self._finals() if n.name == "FW" else self.world.sets.get(n.name, {})
        if op == "all":
            return self.world.events
        if op == "or":
            return g.join([{0: self.set_of(a)} for a in args])[0] if args else {}
        if op == "and":
            out = self.set_of(args[0])
            for a in args[1:]:
                other = self.set_of(a)
                out = {e: z for e, x in out.items() if e in other and (z := g.conj(x, other[e])) != FALSE}
            return out
        if op == "minus":
            other = self.set_of(args[1])
            left = self.set_of(args[0])
            return {e: z for e, x in left.items() if (z := g.conj(x, -other.get(e, FALSE))) != FALSE}
        if op == "domain":
            return {a: g.any(row.values()) for a, row in self.relation(args[0]).items()}
        if op == "range":
            collected: dict[int, list[int]] = {}
            for row in self.relation(args[0]).values():
                for b, x in row.items():
                    collected.setdefault(b, []).append(x)
            return {b: g.any(xs) for b, xs in collected.items()}
        if op == "var":
            return self._variables[n.name]  # type: ignore[return-value]
        if op == "fix":
            return self._fixpoint(n)  # type: ignore[return-value]
        if op == "alias":
            return self.set_of(args[0])
        return {}

    def _finals(self) -> Members:
        co = self.world.co
        return {e: self.gates.all([x, *(-y for y in co.get(e, {}).values())]) for e, x in self.world.sets["W"].items()}

    # --- relations ---
    def relation(self, n: Node) -> Rows:
        known = self._passing if n.variables else self._relations
        found = known.get(n.id)
        if found is None:
            found = self._make_relation(n)
            if n.op not in ("var", "fix"):
                known[n.id] = found
        return found  # type: ignore[return-value]

    def _make_relation(self, n: Node) -> Rows:
        op, g = n.op, self.gates
        args = [a for a in n.args if a is not None]
        if op == "prim":
            return self.world.relations.get(n.name, {})
        if op == "choice":
            if n.name not in self._order:
                raise Unsupported(f"the model {self.model.name} chooses more than coherence: no tests can be searched")
            return self.world.co
        if op == "id":
            return {e: {e: x} for e, x in self.set_of(args[0]).items()}
        if op == "prod":
            right = self.set_of(args[1])
            left = self.set_of(args[0])
            return {a: {b: z for b, y in right.items() if (z := g.conj(x, y)) != FALSE} for a, x in left.items()}
        if op == "or":
            return g.join([self.relation(a) for a in args])
        if op == "and":
            out = self.relation(args[0])
            for a in args[1:]:
                out = g.meet(out, self.relation(a))
            return out
        if op == "minus":
            left_rows = self.relation(args[0])
            return g.without(left_rows, self.relation(args[1])) if left_rows else {}
        if op == "seq":
            first = self.relation(args[0])
            return g.compose(first, self.relation(args[1])) if first else {}
        if op == "plus":
            return g.closure(self.relation(args[0]))
        if op == "inv":
            out = {}
            for source, row in self.relation(args[0]).items():
                for target, x in row.items():
                    out.setdefault(target, {})[source] = x
            return out
        if op == "restrict":
            return self._restrict(n)
        if op == "var":
            return self._variables[n.name]  # type: ignore[return-value]
        if op == "fix":
            return self._fixpoint(n)  # type: ignore[return-value]
        if op == "alias":
            return self.relation(args[0])
        if op == "differ" and self.relation(args[0]):
            raise Unsupported(f"the model {self.model.name} compares values: no tests can be searched")
        return {}

    def _restrict(self, n: Node) -> Rows:
        left, inner, right = n.args
        assert inner is not None
        sources = None if left is None else self.set_of(left)
        return self.gates.narrow(sources, self.relation(inner), None if right is None else self.set_of(right))

    # --- recursion ---
    def _fixpoint(self, n: Node) -> Members | Rows:
        name, index = n.name.split("/")
        key = self.model.graph.find("fix", n.name)
        if key is not None and not n.variables:
            known = self._sets if n.kind == "S" else self._relations
            if n.id in known:
                return known[n.id]
        group = self.model.graph.groups[name]
        for v in group.variables:
            self._variables[v.name] = {}
        for _ in range(ROUNDS):
            changed = False
            for v, body in zip(group.variables, group.bodies, strict=True):
                self._passing.clear()
                new = self.set_of(body) if v.kind == "S" and body.op != "empty" else self.relation(body)
                changed = changed or new != self._variables[v.name]
                self._variables[v.name] = new
            if not changed:
                break
        self._passing.clear()
        values = [self._variables.pop(v.name) for v in group.variables]
        if not n.variables:
            for i, value in enumerate(values):
                node = self.model.graph.find("fix", f"{name}/{i}")
                if node is not None:
                    (self._sets if node.kind == "S" else self._relations)[node.id] = value  # type: ignore[assignment]
        return values[int(index)]


def _is_set(n: Node) -> bool:
    return n.kind == "S" and n.op != "empty"
