"""What a pair of events lacks to be in a relation of the model, in one execution: the nearest ways first.

A way costs little where an edit of the source could supply what is missing (a fence, an annotation, a dependency),
more where another execution would, most where no execution can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from membar_check.cat.dag import Node
from membar_check.cat.traced import sequence, text_of
from membar_check.explain.derivation import Deriver
from membar_check.explain.plans import is_base
from membar_check.explain.rounds import NOWHERE, State
from membar_check.explore.facts import NEVER, Facts, Way
from membar_check.records import replace

MOST = 8  # ways kept of each relation
PAIRS = 12  # pairs tried for a step that is missing
BUDGET = 4000  # relations and pairs looked into


def missing(deriver: Deriver, name: str, a: int, b: int, say: Callable[[int], str]) -> list[Way] | None:
    """The ways into the relation that are nearest; None if the pair is in it.  Raises InputError for no such name."""
    node = deriver.node(name)
    if node.kind == "S":
        facts = Facts(deriver, say)
        if a != b:
            return [facts.impossible(f"{name} is a set of events, and these are two")]
        return None if a in deriver.members(name) else [facts.not_in(node, a)]
    if deriver.values.has(node, a, b):
        return None
    return _Search(deriver, say).ways(node, a, b, NOWHERE)


class _Search:
    def __init__(self, deriver: Deriver, say: Callable[[int], str]) -> None:
        self.values = deriver.values
        self.facts = Facts(deriver, say)
        self.say = say
        self.left = BUDGET
        self._known: dict[tuple[object, int, int], list[Way]] = {}
        self._open: set[tuple[object, int, int]] = set()

    def ways(self, n: Node, a: int, b: int, state: State) -> list[Way]:
        """Sorted, the nearest first; not empty."""
        key = (self.values.key(n, state), a, b)
        if key in self._known:
            return self._known[key]
        if key in self._open or self.left <= 0:
            return [self.facts.impossible(f"{text_of(n)} does not lead from {self.say(a)} to {self.say(b)}")]
        self.left -= 1
        self._open.add(key)
        found = self._known[key] = _nearest(self._make(n, a, b, state))
        self._open.discard(key)
        return found

    def _make(self, n: Node, a: int, b: int, state: State) -> list[Way]:
        args = [x for x in n.args if x is not None]
        if is_base(n):
            return [self.facts.leaf(n, a, b)]
        if n.op == "alias":
            return [replace(w, chain=(n.name, *w.chain)) for w in self.ways(args[0], a, b, state)]
        if n.op == "or":
            return [w for x in args for w in self.ways(x, a, b, state)]
        if n.op == "and":
            return [self._all(x for x in args if not self.values.has(x, a, b, state))(a, b, state)]
        if n.op == "minus":
            return self._minus(n, args, a, b, state)
        if n.op == "differ":
            if self.values.has(args[0], a, b, state):
                return [Way(5, (), f"{self.say(a)} and {self.say(b)} have the same value")]
            return self.ways(args[0], a, b, state)
        if n.op == "inv":
            return self.ways(args[0], b, a, state)
        if n.op in ("var", "fix"):
            return self._recursive(n, a, b, state)
        if n.op == "plus":
            return self._chain(args[0], a, b, state)
        if n.op in ("seq", "restrict"):
            return self._sequence(sequence(n), a, b, state)
        return [self.facts.leaf(n, a, b)]

    def _all(self, parts: Iterable[Node]) -> Callable[[int, int, State], Way]:
        """What several relations lack together."""
        lacking = list(parts)

        def together(a: int, b: int, state: State) -> Way:
            best = [self.ways(x, a, b, state)[0] for x in lacking]
            if len(best) == 1:
                return best[0]
            return Way(sum(w.cost for w in best), (), "; and ".join(dict.fromkeys(w.said for w in best)))

        return together

    def _minus(self, n: Node, args: Sequence[Node], a: int, b: int, state: State) -> list[Way]:
        if self.values.has(args[0], a, b, state):
            return [Way(5, (), f"{text_of(args[0])} leads from {self.say(a)} to {self.say(b)}, but so does "
                               f"{text_of(args[1])}, which is taken away")]  # fmt: skip
        return self.ways(args[0], a, b, state)

    def _recursive(self, n: Node, a: int, b: int, state: State) -> list[Way]:
        """Through the definition, with all names of the group as they are in the end."""
        if n.op == "var":
            rounds, _, index = state[n.name]
        else:
            rounds, index = self.values.rounds(n, state)
        last = len(rounds.values) - 1
        inner = {**rounds.outer, **{v.name: (rounds, last, j) for j, v in enumerate(rounds.variables)}}
        name = text_of(rounds.variables[index])
        return [replace(w, chain=_under(name, w.chain)) for w in self.ways(rounds.bodies[index], a, b, inner)]

    # --- sequences ---
    def _sequence(self, items: tuple[Node, ...], a: int, b: int, state: State) -> list[Way]:
        """One step of the sequence is missing, the others are there; where no single one is, where it breaks off."""
        forward, backward = [{a}], [{b}]
        for item in items:
            forward.append(self._after(item, forward[-1], state))
        for item in reversed(items):
            backward.insert(0, self._before(item, backward[0], state))
        found: list[Way] = []
        for i, item in enumerate(items):
            here, there = forward[i], backward[i + 1]
            if item.kind == "S" and 0 < i < len(items) - 1 and _is_po(items[i - 1]) and _is_po(items[i + 1]):
                found += self._fence(item, forward[i - 1], backward[i + 2])
            elif here and there:
                found += self._gap(item, here, there, a, b, state)
        return found or [self._stuck(items, forward, backward, a, b)]

    def _fence(self, item: Node, here: set[int], there: set[int]) -> list[Way]:
        """What is missing between events of a thread."""
        po = self.facts.deriver.node("po")
        pairs = sorted((e, f) for e in here for f in there if self.values.has(po, e, f))
        return [self.facts.between(item, e, f) for e, f in pairs[:PAIRS]]

    def _gap(self, item: Node, here: set[int], there: set[int], a: int, b: int, state: State) -> list[Way]:
        if item.kind == "S":
            both = here & there
            return [self.facts.filter(item, both, a, b)] if both else []
        pairs = [(e, f) for e in here for f in there if not self.values.has(item, e, f, state)]
        pairs.sort(key=lambda p: ((p[0] != a) + (p[1] != b), p))
        return [w for e, f in pairs[:PAIRS] for w in self.ways(item, e, f, state)]

    def _stuck(
        self, items: tuple[Node, ...], forward: list[set[int]], backward: list[set[int]], a: int, b: int
    ) -> Way:
        first = next((i for i, events in enumerate(forward[1:]) if not events), -1)
        last = max((i for i, events in enumerate(backward[:-1]) if not events), default=-1)
        if first < 0 or last < 0:  # filters only
            return self.facts.impossible(f"{self.say(a)} and {self.say(b)} are not the same event")
        if items[first].kind == "S" and forward[first] == {a}:
            start = self.facts.not_in(items[first], a)
        else:
            start = self.facts.impossible(f"no {text_of(items[first])} leads on from {self.say(a)}")
        if items[last].kind == "S" and backward[last + 1] == {b}:
            end = self.facts.not_in(items[last], b)
        else:
            end = self.facts.impossible(f"no {text_of(items[last])} leads to {self.say(b)}")
        accesses = self.facts.events[a].is_access and self.facts.events[b].is_access
        return Way(start.cost + end.cost + (0 if accesses else NEVER), (), f"{start.text}; and {end.text}")

    def _chain(self, item: Node, a: int, b: int, state: State) -> list[Way]:
        """One step of a chain is missing."""
        here = self._closure({a}, lambda events: self._after(item, events, state))
        there = self._closure({b}, lambda events: self._before(item, events, state))
        return self._gap(item, here, there, a, b, state)

    @staticmethod
    def _closure(start: set[int], step: Callable[[set[int]], set[int]]) -> set[int]:
        seen = set(start)
        front = start
        while front:
            front = step(front) - seen
            seen |= front
        return seen

    def _after(self, item: Node, events: set[int], state: State) -> set[int]:
        if item.kind == "S":
            return events & set(self.values.members(item, state))
        relation = self.values.relation(item, state)
        return {f for e in events for f in relation.get(e, ())}

    def _before(self, item: Node, events: set[int], state: State) -> set[int]:
        if item.kind == "S":
            return events & set(self.values.members(item, state))
        return {e for e, row in self.values.relation(item, state).items() if not events.isdisjoint(row)}


def _is_po(n: Node) -> bool:
    return n.op == "prim" and n.name == "po"


def _under(name: str, chain: tuple[str, ...]) -> tuple[str, ...]:
    return chain if chain and chain[0] == name else (name, *chain)


def _nearest(ways: Iterable[Way]) -> list[Way]:
    """Of ways that lack the same the one with the least to say, and of these the nearest."""
    best: dict[str, Way] = {}
    for way in ways:
        old = best.get(way.text)
        if old is None or (way.cost, len(way.chain)) < (old.cost, len(old.chain)):
            best[way.text] = way
    return sorted(best.values(), key=lambda w: w.cost)[:MOST]
