"""Why two events are not in a base relation, an event not in a set; and what could be done about it."""

from __future__ import annotations

from membar_check.cat.dag import Node
from membar_check.cat.traced import text_of
from membar_check.explain.derivation import Deriver
from membar_check.explain.words import informative

# How promising it is to supply what is missing: a fence, an annotation, a dependency; communication is as it is.
FENCE, ANNOTATION, DEPENDENCY, RARE, GIVEN, HOPELESS = 0.8, 0.7, 0.6, 0.3, 0.1, 0.0
READS_ONLY = frozenset({"R", "A", "Q", "Acquire", "Acq", "ACQUIRE"})
WRITES_ONLY = frozenset({"W", "L", "Release", "Rel", "RELEASE"})
UNUSUAL = ("rcu", "lock", "atomic", "UL", "LK", "RMW", "gp", "Memb")
DEPENDENCIES = {
    "addr": "the address of the second does not depend on the first",
    "data": "what the second writes does not depend on the first",
    "ctrl": "no branch before the second depends on the first",
    "rmw": "they are not the two halves of one read-modify-write",
}


class Facts:
    """Reasons in words, each with how promising it is to change what it says, from 0 to 1."""

    def __init__(self, deriver: Deriver) -> None:
        self.d = deriver
        self.words = deriver.words
        self.events = deriver.evaluator.events

    def between(self, item: Node) -> tuple[str, float]:
        """No event of a set lies between two events."""
        score = RARE if _unusual(_positive(item)) else FENCE if informative(item) else GIVEN
        return f"no {text_of(item)} between", score

    def outside(self, item: Node, e: int) -> tuple[str, float]:
        """An event is not in a set."""
        return f"{self.words.event(e)} is not in {text_of(item)}", self._could_be(item, e)

    def _could_be(self, item: Node, e: int) -> float:
        """Whether an annotation would put the event into the set."""
        names = _positive(item)
        event = self.events[e]
        if not informative(item) or not event.is_access or event.thread < 0:
            return HOPELESS
        if (event.is_read and names <= WRITES_ONLY) or (event.is_write and names <= READS_ONLY):
            return HOPELESS
        return RARE if _unusual(names) else ANNOTATION

    def pair(self, n: Node, a: int, b: int) -> tuple[str, float]:
        """A pair is not in a base relation."""
        name, inside = n.name, self.events[a].thread == self.events[b].thread >= 0
        if n.op == "var":
            return f"it is not in {text_of(n)}", 0.1
        if name in ("po", "po-loc"):
            if not inside:
                return "they are in different threads", HOPELESS
            if not self._in_order(a, b):
                return f"{self.words.event(a)} does not come before {self.words.event(b)} in program order", 0.1
            return self._places(a, b), 0.2
        if name == "loc":
            return self._places(a, b), 0.2
        if name in ("int", "ext"):
            return ("they are in different threads" if name == "int" else "they are in one thread"), 0.0
        if name[:2] in ("rf", "co", "fr") and (name in ("rf", "co", "fr") or name[2:] in ("e", "i")):
            return self._communication(name, a, b)
        if name in DEPENDENCIES:
            later = inside and self._in_order(a, b)
            possible = later and self.events[a].is_read and (name == "addr" or self.events[b].is_write)
            return DEPENDENCIES[name], HOPELESS if not possible else RARE if name == "rmw" else DEPENDENCY
        if n.op == "prod":
            return self._product(n, a, b), 0.1
        if n.op == "id":
            return ("they are not the same event" if a != b else f"{self.words.event(a)} is not in {text_of(n)}"), 0.0
        if n.op == "minus":
            return f"it is in {text_of(n.args[1])}, which is taken out" if n.args[1] is not None else "", 0.2
        return f"it is not in {text_of(n)}", 0.1

    def _product(self, n: Node, a: int, b: int) -> str:
        for side, e in zip(n.args, (a, b), strict=True):
            if side is not None and e not in self.d.evaluator.set_of(side):
                return f"{self.words.event(e)} is not in {text_of(side)}"
        return f"it is not in {text_of(n)}"

    def _places(self, a: int, b: int) -> str:
        first, second = self.words.place(a), self.words.place(b)
        for e, place in ((a, first), (b, second)):
            if not place:
                return f"{self.words.event(e)} accesses no location"
        lines = [f" (line {line})" if (line := self.words.line(e)) else "" for e in (a, b)]
        return f"{first}{lines[0]} and {second}{lines[1]} are different locations"

    def _communication(self, name: str, a: int, b: int) -> tuple[str, float]:
        """Reads-from, coherence, from-reads, and their parts inside and between threads."""
        kinds = {"rf": ("is_write", "is_read"), "co": ("is_write", "is_write"), "fr": ("is_read", "is_write")}[name[:2]]
        whole = self.d.node(name[:2])
        if self.d.values.has(whole, a, b):
            return ("they are in one thread" if name[2:] == "e" else "they are in different threads"), 0.2
        for side, (e, kind) in enumerate(zip((a, b), kinds, strict=True)):
            if not getattr(self.events[e], kind) and not any(e == pair[side] for pair in self.d.pairs_of(whole)):
                return f"{self.words.event(e)} is no {kind[3:]}", 0.0
        if not self.d.evaluator.loc(a, b):
            return self._places(a, b), 0.0
        if name[:2] == "co":
            return f"{self.words.event(a)} does not come before {self.words.event(b)} in coherence", 0.3
        read, write = (b, a) if name[:2] == "rf" else (a, b)
        source = next((w for w, row in self.d.evaluator.relation(self.d.node("rf")).items() if read in row), None)
        seen = self.words.event(source) if source is not None else "nothing"
        if name[:2] == "rf":
            return f"{self.words.event(read)} takes {seen}", 0.3
        return f"{self.words.event(read)} takes {seen}, which {self.words.event(write)} does not overwrite", 0.3

    def _in_order(self, a: int, b: int) -> bool:
        return self.d.values.has(self.d.node("po"), a, b)


def _positive(n: Node) -> frozenset[str]:
    """The names of sets that an event can be in to be in this one."""
    if n.op == "prim" or (n.op == "alias" and n.name in READS_ONLY | WRITES_ONLY):
        return frozenset({n.name})
    if n.op in ("alias", "minus") and n.args[0] is not None:
        return _positive(n.args[0])
    names = [_positive(x) for x in n.args if x is not None and x.kind == "S"]
    if n.op == "and" and (limits := [x for x in names if x <= READS_ONLY or x <= WRITES_ONLY]):
        return limits[0]
    return frozenset().union(*names)


def _unusual(names: frozenset[str]) -> bool:
    """Whether the sets are those of particular primitives, not of fences and annotations in general."""
    return bool(names) and all(any(u in name for u in UNUSUAL) for name in names)
