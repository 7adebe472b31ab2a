"""The simplest reason for a pair to be in a relation: which alternative of a union, which events of a sequence."""

from __future__ import annotations

from heapq import heappop, heappush

from membar_check.cat.dag import FILTER_PRIMS, Node
from membar_check.cat.traced import sequence
from membar_check.explain.rounds import Key, State, Values
from membar_check.records import dataclass

LEAF = 10  # the cost of a base relation; a name costs 1, the same event nothing

# Names that need no unfolding for a reader, however the model builds them.
COMMUNICATION = frozenset({"rf", "rfi", "rfe", "co", "coi", "coe", "fr", "fri", "fre"})
BASE_NAMES = COMMUNICATION | {"po-loc"}
FILTERS = FILTER_PRIMS


@dataclass(frozen=True, slots=True)
class Plan:
    """``choice``: the number of the alternative of a union; the events of a sequence or of a chain."""

    cost: int
    choice: int = 0
    events: tuple[int, ...] = ()


def is_base(n: Node) -> bool:
    """Whether the node is not unfolded."""
    return n.op in ("prim", "choice", "prod", "id", "empty", "all") or (n.op == "alias" and n.name in BASE_NAMES)


def bare(n: Node) -> Node:
    """What an alias stands for."""
    while n.op == "alias" and n.args[0] is not None:
        n = n.args[0]
    return n


def universal(n: Node | None) -> bool:
    return n is not None and n.op == "prod" and all(a is not None and a.op == "all" for a in n.args)


def is_filter(n: Node) -> bool:
    """Whether the node only says which pairs of another relation count: of one thread, of two, not in ..."""
    n = bare(n)
    return (n.op == "prim" and n.name in FILTERS) or n.op == "prod" or (n.op == "minus" and universal(n.args[0]))


class Plans:
    """Finds plans for pairs that are in a relation."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self._plans: dict[tuple[Key, int, int], Plan] = {}
        self._least: dict[int, int] = {}

    def plan(self, n: Node, a: int, b: int, state: State) -> Plan:
        """The plan of the pair, which must be in the relation."""
        key = (self.values.key(n, state), a, b)
        found = self._plans.get(key)
        if found is None:
            found = self._plans[key] = self._make(n, a, b, state)
        return found

    def _make(self, n: Node, a: int, b: int, state: State) -> Plan:
        args = [x for x in n.args if x is not None]
        if n.op == "id":
            return Plan(0)
        if is_base(n):
            return Plan(LEAF)
        if n.op == "alias":
            return Plan(1 + self.plan(args[0], a, b, state).cost)
        if n.op == "or":
            return self._cheapest(args, a, b, state)
        if n.op == "and":
            solid = [x for x in args if not is_filter(x)]
            return Plan(sum(self.plan(x, a, b, state).cost for x in solid) or LEAF)
        if n.op == "minus":
            return Plan(LEAF if universal(args[0]) else self.plan(args[0], a, b, state).cost)
        if n.op in ("seq", "restrict"):
            return self.route(sequence(n), a, b, state)
        if n.op == "plus":
            return self.route((args[0],) * self.hops(args[0], a, b, state), a, b, state)
        if n.op == "inv":
            return self.plan(args[0], b, a, state)
        if n.op == "differ":
            return self.plan(args[0], a, b, state)
        body, inner = self.behind(n, a, b, state)
        return Plan(1 + self.plan(body, a, b, inner).cost)

    def behind(self, n: Node, a: int, b: int, state: State) -> tuple[Node, State]:
        """For a name of a recursive definition: its body, in the round in which the pair came."""
        if n.op == "var":
            rounds, turn, index = state[n.name]
        else:
            rounds, index = self.values.rounds(n, state)
            turn = len(rounds.values) - 1
        turn = rounds.came(a, b, turn, index)
        return rounds.bodies[index], rounds.state(turn, index)

    def _cheapest(self, parts: list[Node], a: int, b: int, state: State) -> Plan:
        best = Plan(1 << 60)
        ways = [(self.least(part), i, part) for i, part in enumerate(parts) if self.values.has(part, a, b, state)]
        for least, i, part in sorted(ways, key=lambda way: way[:2]):
            if least < best.cost:
                cost = self.plan(part, a, b, state).cost
                if cost < best.cost:
                    best = Plan(cost, i)
        return best

    def least(self, n: Node) -> int:
        """What a pair of the relation costs at least, whatever the pair."""
        found = self._least.get(n.id)
        if found is None:
            found = self._least[n.id] = self._bound(n)
        return found

    def _bound(self, n: Node) -> int:
        args = [x for x in n.args if x is not None]
        if n.kind == "S" or n.op in ("id", "var", "fix"):
            return 0
        if is_base(n):
            return LEAF
        if n.op == "alias":
            return 1 + self.least(args[0])
        if n.op == "or":
            return min(self.least(x) for x in args)
        if n.op == "and":
            return sum(self.least(x) for x in args if not is_filter(x))
        if n.op in ("seq", "restrict"):
            return sum(self.least(x) for x in sequence(n))
        return self.least(args[0])

    # --- sequences ---
    def hops(self, n: Node, a: int, b: int, state: State) -> int:
        """The length of the shortest chain of the relation from one event to the other."""
        relation = self.values.relation(n, state)
        seen: set[int] = set()
        front = {a}
        length = 0
        while b not in seen:
            front = {y for x in front for y in relation.get(x, ())} - seen
            assert front, "the pair is not in the closure"
            seen |= front
            length += 1
        return length

    def layers(self, items: tuple[Node, ...], a: int, b: int, state: State) -> list[set[int]]:
        """For each place in a sequence the events through which it may lead from ``a`` to ``b``."""
        reach = [{a}]
        for item in items:
            reach.append(self.step(item, reach[-1], state))
        reach[-1] &= {b}
        for i in range(len(items) - 1, -1, -1):
            after = reach[i + 1]
            if items[i].kind == "S":
                reach[i] &= after
            else:
                relation = self.values.relation(items[i], state)
                reach[i] = {e for e in reach[i] if not after.isdisjoint(relation.get(e, ()))}
        return reach

    def step(self, item: Node, front: set[int], state: State) -> set[int]:
        """Where one item of a sequence leads from the events of ``front``."""
        if item.kind == "S":
            return front & self.values.members(item, state).keys()
        relation = self.values.relation(item, state)
        return {y for x in front for y in relation.get(x, ())}

    def route(self, items: tuple[Node, ...], a: int, b: int, state: State) -> Plan:
        """The cheapest way through a sequence.  Costs of steps are bounded from below, and computed when the bound
        promises to be among the cheapest."""
        layers = self.layers(items, a, b, state)
        rest = [0]
        for item in reversed(items):
            rest.append(rest[-1] + self.least(item))
        rest.reverse()
        # (bound, place, event, cost so far, the step's own cost is known, how it got there)
        heap: list[tuple[int, int, int, int, bool, tuple[int, ...]]] = [(rest[0], 0, a, 0, True, (a,))]
        done: set[tuple[int, int]] = set()
        while True:
            _, i, e, cost, known, way = heappop(heap)
            if (i, e) in done:
                continue
            if not known:
                cost += self.plan(items[i - 1], way[-2], e, state).cost
                heappush(heap, (cost + rest[i], i, e, cost, True, way))
                continue
            done.add((i, e))
            if i == len(items):
                return Plan(cost, 0, way)
            item = items[i]
            if item.kind == "S":
                heappush(heap, (cost + rest[i + 1], i + 1, e, cost, True, (*way, e)))
                continue
            for target in self.values.relation(item, state)[e]:
                if target in layers[i + 1] and (i + 1, target) not in done:
                    heappush(heap, (cost + rest[i], i + 1, target, cost, False, (*way, target)))
