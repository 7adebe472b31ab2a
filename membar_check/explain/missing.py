"""Why two events are not in a relation of the model: what is missing, the nearest way first."""

from __future__ import annotations

from membar_check.cat.dag import Node
from membar_check.cat.traced import sequence, text_of
from membar_check.explain.derivation import Deriver
from membar_check.explain.lacking import DEPENDENCIES, GIVEN, HOPELESS, Facts
from membar_check.explain.plans import bare, is_base, is_filter, universal
from membar_check.explain.rounds import NOWHERE, Key, State
from membar_check.records import dataclass, field, replace

DEEPEST = 8  # levels of an answer
WIDEST = 8  # parts at each level
MOST = 96  # parts of an answer, if it is cut to fewer levels
MOST_LINKS = 3  # pairs of events tried for a step of a sequence
LONGEST = 80  # characters of a list of alternatives

@dataclass(frozen=True, slots=True)
class Missing:
    """``relation`` in the model's own names, or the text of an expression; ``reason`` what keeps the pair out of it;
    ``parts`` more exactly: the alternatives that would do, or the conditions that fail, the most promising first.
    ``score``: how promising it is to supply what is missing, 0 where no edit and no other execution does."""

    relation: str
    source: int
    target: int
    reason: str
    parts: tuple[Missing, ...] = ()
    score: float = HOPELESS


@dataclass(frozen=True, slots=True)
class _Found:
    """``score``: how promising it is to supply what is missing, from 0 to 1; ``named``: the relation has a name of the
    model; ``ways``: the alternatives of a union; ``lacks``: the reasons at the ends."""

    missing: Missing
    score: float
    named: bool = False
    ways: tuple[_Found, ...] = ()
    lacks: frozenset[str] = field(default=frozenset())


def _size(missing: Missing, levels: int) -> int:
    return 1 + sum(_size(p, levels - 1) for p in missing.parts) if levels else 1


def _cut(missing: Missing, levels: int) -> Missing:
    return replace(missing, parts=tuple(_cut(p, levels - 1) for p in missing.parts) if levels else ())


class Search:
    """Looks for what is missing in the execution of ``deriver``."""

    def __init__(self, deriver: Deriver) -> None:
        self.d = deriver
        self.values = deriver.values
        self.words = deriver.words
        self.facts = Facts(deriver)
        self._found: dict[tuple[Key, int, int], _Found] = {}

    def why_not(self, relation: str | Node, a: int, b: int) -> Missing | None:
        """What keeps a pair out of a relation, or (``a`` twice) an event out of a set; None if it is in.

        Raises InputError for names that the model does not have.
        """
        node = self.d.node(relation) if isinstance(relation, str) else relation
        if node.kind == "S":
            inside = a in self.d.evaluator.set_of(node)
            if inside:
                return None
            reason, score = self.facts.outside(node, a)
            return Missing(text_of(node), a, a, reason, (), score)
        if self.values.has(node, a, b):
            return None
        found = self.look(node, a, b, NOWHERE).missing
        levels = DEEPEST
        while levels > 2 and _size(found, levels) > MOST:
            levels -= 1
        return _cut(found, levels)

    def look(self, n: Node, a: int, b: int, state: State) -> _Found:
        """Why the pair, which is not in the relation, is not."""
        key = (self.values.key(n, state), a, b)
        found = self._found.get(key)
        if found is None:
            found = self._look(n, a, b, state)
            found = self._found[key] = replace(found, missing=replace(found.missing, score=found.score))
        return found

    @staticmethod
    def _simple(relation: str, a: int, b: int, why: tuple[str, float], named: bool = False) -> _Found:
        reason, score = why
        return _Found(Missing(relation, a, b, reason, (), score), score, named, lacks=frozenset({reason}))

    def _look(self, n: Node, a: int, b: int, state: State) -> _Found:
        args = [x for x in n.args if x is not None]
        dependency = n.op == "alias" and n.name in DEPENDENCIES
        if is_base(n) or dependency or n.op == "var":
            return self._simple(text_of(n), a, b, self.facts.pair(n, a, b), True)
        if n.op == "alias":
            return self._under_name(n.name, self.look(args[0], a, b, state), a, b)
        if n.op == "or":
            return self._alternatives(n, [self.look(x, a, b, state) for x in args if x.op != "id"], a, b)
        if n.op == "and":
            return self._conditions(n, args, a, b, state)
        if n.op == "minus":
            return self._difference(n, args, a, b, state)
        if n.op in ("seq", "restrict"):
            return self._sequence(n, a, b, state)
        if n.op in ("inv", "plus"):
            ends = (b, a) if n.op == "inv" else (a, b)
            return replace(self.look(args[0], *ends, state), ways=())
        if n.op == "fix":
            rounds, index = self.values.rounds(n, state)
            inner = rounds.state(len(rounds.values) - 1, index)
            return self.look(rounds.bodies[index], a, b, inner)
        return self._simple(text_of(n), a, b, self.facts.pair(n, a, b))

    @staticmethod
    def _under_name(name: str, found: _Found, a: int, b: int) -> _Found:
        inner = found.missing
        parts = (inner,) if found.named and inner.relation != name else inner.parts
        return _Found(Missing(name, a, b, inner.reason, parts), found.score, True, lacks=found.lacks)

    # --- operators ---
    @staticmethod
    def _alternatives(n: Node, found: list[_Found], a: int, b: int) -> _Found:
        ways = sorted((w for f in found for w in f.ways or (f,)), key=lambda way: -way.score)
        if len(ways) == 1:
            return ways[0]
        least = ways[0].score / 2
        shown = _telling([w for w in ways if w.score >= least])[: WIDEST if least else 2]
        if len(shown) == 1:
            return replace(shown[0], ways=tuple(ways))
        names = ", ".join(dict.fromkeys(w.missing.relation for w in shown))
        reason = f"none of {names}" if len(names) <= LONGEST else f"none of its {len(ways)} alternatives"
        parts = tuple(w.missing for w in shown)
        lacks = frozenset(r for w in shown for r in w.lacks)
        return _Found(Missing(text_of(n), a, b, reason, parts), ways[0].score, ways=tuple(ways), lacks=lacks)

    def _conditions(self, n: Node, args: list[Node], a: int, b: int, state: State) -> _Found:
        failing = [self._condition(x, a, b, state) for x in args if not self._holds(x, a, b, state)]
        return self._all_of(n, a, b, failing)

    def _condition(self, n: Node, a: int, b: int, state: State) -> _Found:
        if not is_filter(n):
            return self.look(n, a, b, state)
        return self._simple(text_of(n), a, b, self.facts.pair(bare(n), a, b), True)

    @staticmethod
    def _all_of(n: Node, a: int, b: int, failing: list[_Found]) -> _Found:
        """Several things are missing, or only one: then it stands for the whole."""
        if len(failing) == 1:
            return replace(failing[0], ways=())
        failing = sorted(failing, key=lambda found: found.score)
        score = failing[0].score * 0.8 ** (len(failing) - 1)
        if score == HOPELESS:
            failing = [f for f in failing if f.score == HOPELESS]
        reason = "; ".join(dict.fromkeys(f.missing.reason for f in failing))
        parts = tuple(f.missing for f in failing[:WIDEST] if f.missing.parts)
        lacks = frozenset(r for f in failing for r in f.lacks)
        return _Found(Missing(text_of(n), a, b, reason, parts), score, lacks=lacks)

    def _holds(self, n: Node, a: int, b: int, state: State) -> bool:
        return self.values.has(n, a, b, state)

    def _difference(self, n: Node, args: list[Node], a: int, b: int, state: State) -> _Found:
        left, right = args
        if not universal(left) and not self._holds(left, a, b, state):
            return self.look(left, a, b, state)
        same = bare(right).op == "id"
        reason = "they are the same event" if same else f"it is in {text_of(right)}, which is taken out"
        return self._simple(text_of(n), a, b, (reason, GIVEN))

    # --- sequences ---
    def _sequence(self, n: Node, a: int, b: int, state: State) -> _Found:
        items = [x for item in sequence(n) for x in _spelled(item)]
        problems: list[_Found] = []
        while items and items[0].kind == "S":
            problems += self._outside(items.pop(0), a, state)
        while items and items[-1].kind == "S":
            problems += self._outside(items.pop(), b, state)
        if not items and a != b:
            problems.append(self._simple(text_of(n), a, b, ("they are not the same event", HOPELESS)))
        elif items and not self._connected(tuple(items), a, b, state):
            problems.append(self._gap(n, tuple(items), a, b, state))
        return self._all_of(n, a, b, problems)

    def _outside(self, item: Node, e: int, state: State) -> list[_Found]:
        if e in self.values.members(item, state):
            return []
        return [self._simple(f"[{text_of(item)}]", e, e, self.facts.outside(item, e))]

    def _connected(self, items: tuple[Node, ...], a: int, b: int, state: State) -> bool:
        front = {a}
        for item in items:
            front = self.d.plans.step(item, front, state)
        return b in front

    def _gap(self, n: Node, items: tuple[Node, ...], a: int, b: int, state: State) -> _Found:
        """The one thing whose absence breaks a sequence: an event of some kind on the way, or one of its steps."""
        for i, item in enumerate(items):
            if item.kind == "S" and self._connected(_without(items, i), a, b, state):
                return self._simple(f"[{text_of(item)}]", a, b, self.facts.between(item))
        best: _Found | None = None
        forward, back = self._forward(items, a, state), self._backward(items, b, state)
        for i, item in enumerate(items):
            links = [] if item.kind == "S" else self._links(forward[i], back[i + 1], a, b)
            for p, q in links:
                found = self.look(item, p, q, state)
                if best is None or found.score > best.score:
                    best = found
        if best is not None:
            return replace(best, ways=())
        stuck = next((i for i in range(len(items)) if not forward[i + 1]), len(items) - 1)
        reason = f"no {text_of(items[stuck])} from {self.words.event(min(forward[stuck]))}"
        return self._simple(text_of(n), a, b, (reason, GIVEN / 2))

    def _links(self, sources: set[int], targets: set[int], a: int, b: int) -> list[tuple[int, int]]:
        """Some pairs of events to try, those nearest to the ends of the sequence first."""
        pairs = [(p, q) for p in sources for q in targets if p != q]
        return sorted(pairs, key=lambda pair: (pair[0] != a, pair[1] != b, pair))[:MOST_LINKS]

    def _forward(self, items: tuple[Node, ...], a: int, state: State) -> list[set[int]]:
        out = [{a}]
        for item in items:
            out.append(self.d.plans.step(item, out[-1], state))
        return out

    def _backward(self, items: tuple[Node, ...], b: int, state: State) -> list[set[int]]:
        out = [{b}]
        for item in reversed(items):
            after = out[-1]
            if item.kind == "S":
                out.append(after & self.values.members(item, state).keys())
            else:
                relation = self.values.relation(item, state)
                out.append({e for e, row in relation.items() if not after.isdisjoint(row)})
        return out[::-1]


def _telling(ways: list[_Found]) -> list[_Found]:
    """The ways without those that lack nothing but what others before them lack."""
    known: set[str] = set()
    out = []
    for way in ways:
        if not way.lacks <= known:
            out.append(way)
            known |= way.lacks
    return out


def _spelled(item: Node) -> tuple[Node, ...]:
    """``r & (S * T)`` as the sequence ``[S]; r; [T]``."""
    args = [x for x in item.args if x is not None]
    products = [x for x in args if bare(x).op == "prod"]
    if item.op != "and" or len(products) != 1 or len(args) != 2 or is_filter(rest := args[args[0] is products[0]]):
        return (item,)
    before, after = bare(products[0]).args
    assert before is not None and after is not None
    return (*((before,) if before.op != "all" else ()), rest, *((after,) if after.op != "all" else ()))


def _without(items: tuple[Node, ...], i: int) -> tuple[Node, ...]:
    """A sequence without the demand that an event of some set lies on the way: ``po; [S]; po`` is ``po`` then."""
    after = i + 1 < len(items) and i and bare(items[i - 1]).name == bare(items[i + 1]).name == "po"
    return items[:i] + items[i + 2 if after else i + 1 :]
