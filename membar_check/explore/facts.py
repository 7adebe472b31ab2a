"""Why a base relation does not hold between two events, or an event is not in a set: in words, and how far away that
is."""

from __future__ import annotations

from collections.abc import Callable

from membar_check.cat.dag import Node
from membar_check.cat.traced import text_of
from membar_check.explain.derivation import Deriver
from membar_check.records import dataclass

EDIT, ELSEWHERE, NEVER = 2, 10, 50
"""An edit could supply it; another execution would; nothing does."""

_DEPENDENCIES = {"addr": "an address dependency", "data": "a data dependency", "ctrl": "a control dependency"}
_OF_READS = frozenset({"A", "Q", "Acquire", "ACQUIRE", "Acq", "AcqRel", "Sc"})  # annotations, by what can have them
_OF_WRITES = frozenset({"L", "Release", "RELEASE", "Rel", "AcqRel", "Sc"})
_OF_ACCESSES = frozenset({"Marked", "Once", "ONCE", "Plain"})
_OF_BOTH = frozenset({"Mb", "MB"})
_FIXED = frozenset({"R", "W", "M", "F", "IW", "FW", "B", "RMW", "_", "I"})  # what no annotation changes


@dataclass(frozen=True, slots=True)
class Way:
    """``text``: what is missing; ``chain``: the relations that would follow from it, outermost first."""

    cost: int
    chain: tuple[str, ...]
    text: str

    @property
    def said(self) -> str:
        """``ppo, fence, mb: ...``"""
        return f"{', '.join(self.chain)}: {self.text}" if self.chain else self.text


class Facts:
    """``say``: how events are named."""

    def __init__(self, deriver: Deriver, say: Callable[[int], str]) -> None:
        self.deriver = deriver
        self.events = deriver.evaluator.events
        self.say = say

    def impossible(self, text: str) -> Way:
        return Way(NEVER, (), text)

    # --- sets ---
    def not_in(self, s: Node, e: int) -> Way:
        """Why an event is outside of a set."""
        if s.op == "and":
            parts = [x for x in s.args if x is not None and e not in self.deriver.values.members(x)]
            ways = [self.not_in(x, e) for x in parts]
            return max(ways, key=lambda w: w.cost)
        name = text_of(s)
        cost = EDIT if self._editable(name, e) else NEVER
        if s.op == "minus" and s.args[1] is not None and e in self.deriver.values.members(s.args[1]):
            return Way(cost, (), f"{self.say(e)} is in {text_of(s.args[1])}")
        return Way(cost, (), f"{self.say(e)} is not in {name}")

    def _editable(self, name: str, e: int) -> bool:
        """Whether another way to write the access, or another fence, could be in the set."""
        if name in _FIXED or name.startswith("~"):
            return False
        event = self.events[e]
        if not event.is_access:
            return "F" in event.sets
        for part in name.split(" | "):
            if part in _OF_ACCESSES or (part in (_OF_READS if event.is_read else _OF_WRITES)):
                return True
            if part in _OF_BOTH and "RMW" in event.sets:
                return True
        return False

    def filter(self, s: Node, events: set[int], a: int, b: int) -> Way:
        """Why none of the events at this place of a sequence is in the set."""
        if events <= {a, b} and len(events) == 1:
            return self.not_in(s, min(events))
        return self.between(s, a, b)

    def between(self, s: Node, a: int, b: int) -> Way:
        """No event of the set lies between two."""
        cost = NEVER if text_of(s) in _FIXED else EDIT - 1
        return Way(cost, (), f"nothing in {text_of(s)} stands between {self.say(a)} and {self.say(b)}")

    # --- relations ---
    def leaf(self, n: Node, a: int, b: int) -> Way:
        """Why a relation that is not unfolded does not lead from ``a`` to ``b``."""
        name = text_of(n)
        if n.op == "id":
            return self._identity(n, a, b)
        if n.op == "prod":
            return self._product(n, a, b)
        method: Callable[[str, int, int], Way] | None = getattr(self, "_" + name.replace("-", "_"), None)
        if method is None and name in _DEPENDENCIES:
            method = self._dependency
        if method is None and name[:2] in ("rf", "co", "fr") and name[2:] in ("i", "e", ""):
            method = self._communication
        if method is not None:
            return method(name, a, b)
        if n.op == "empty":
            return self.impossible("nothing of this test is in it")
        return Way(ELSEWHERE * 2, (), f"no {name} leads from {self.say(a)} to {self.say(b)}")

    def _identity(self, n: Node, a: int, b: int) -> Way:
        if a != b:
            return self.impossible(f"{self.say(a)} and {self.say(b)} are not the same event")
        assert n.args[0] is not None
        return self.not_in(n.args[0], a)

    def _product(self, n: Node, a: int, b: int) -> Way:
        sides = [(s, e) for s, e in zip(n.args, (a, b), strict=True) if s is not None]
        ways = [self.not_in(s, e) for s, e in sides if e not in self.deriver.values.members(s)]
        return Way(sum(w.cost for w in ways), (), "; and ".join(w.text for w in ways))

    def _thread(self, e: int) -> int:
        return self.events[e].thread

    def _same_thread(self, a: int, b: int) -> bool:
        return self._thread(a) == self._thread(b)

    def _apart(self, a: int, b: int) -> str:
        return f"{self.say(a)} and {self.say(b)}"

    def _po(self, name: str, a: int, b: int) -> Way:
        if not self._same_thread(a, b) or self._thread(a) < 0:
            return self.impossible(f"{self._apart(a, b)} are not of one thread")
        return self.impossible(f"{self.say(a)} does not come before {self.say(b)} in program order")

    def _po_loc(self, name: str, a: int, b: int) -> Way:
        if not self._same_thread(a, b):
            return self._po("po", a, b)
        return self._loc(name, a, b) if not self._loc_equal(a, b) else self._po("po", a, b)

    def _int(self, name: str, a: int, b: int) -> Way:
        return self.impossible(f"{self._apart(a, b)} are not of one thread")

    def _ext(self, name: str, a: int, b: int) -> Way:
        return self.impossible(f"{self._apart(a, b)} are of one thread")

    def _loc(self, name: str, a: int, b: int) -> Way:
        words = self.deriver.words
        first, second = words.place(a), words.place(b)
        if not first or not second:
            return self.impossible(f"{self.say(a if not first else b)} accesses no variable")
        return self.impossible(f"{self.say(a)} accesses {first} and {self.say(b)} accesses {second}")

    def _loc_equal(self, a: int, b: int) -> bool:
        place = self.deriver.words.place
        return bool(place(a)) and place(a) == place(b)

    def _rmw(self, name: str, a: int, b: int) -> Way:
        return Way(ELSEWHERE * 2, (), f"{self._apart(a, b)} are not the halves of one read-modify-write")

    def _dependency(self, name: str, a: int, b: int) -> Way:
        if not self._same_thread(a, b) or self._thread(a) < 0:
            return self._int(name, a, b)
        if not self.events[a].is_read:
            return self.impossible(f"{self.say(a)} is no read")
        return Way(EDIT + 1, (), f"{_DEPENDENCIES[name]} from {self.say(a)} to {self.say(b)} is not there")

    # --- communication ---
    def _communication(self, name: str, a: int, b: int) -> Way:
        kinds = {"rf": ("W", "R"), "co": ("W", "W"), "fr": ("R", "W")}[name[:2]]
        for e, kind in zip((a, b), kinds, strict=True):
            if not (self.events[e].is_read if kind == "R" else self.events[e].is_write):
                return self.impossible(f"{self.say(e)} is no {'read' if kind == 'R' else 'write'}")
        if not self._loc_equal(a, b):
            return self._loc(name, a, b)
        if name[2:] == "e" and self._same_thread(a, b):
            return self._ext(name, a, b)
        if name[2:] == "i" and not self._same_thread(a, b):
            return self._int(name, a, b)
        return Way(ELSEWHERE, (), self._instead(name[:2], a, b))

    def _instead(self, name: str, a: int, b: int) -> str:
        if name == "rf":
            return f"{self.say(b)} reads from {self._source(b)}"
        if name == "co":
            return f"{self.say(a)} does not come before {self.say(b)} in coherence order"
        source = self._source(a)
        return f"{self.say(a)} reads from {source}, which does not come before {self.say(b)} in coherence order"

    def _source(self, read: int) -> str:
        rf = self.deriver.evaluator.relation(self.deriver.node("rf"))
        return next((self.say(w) for w, row in rf.items() if read in row), "no write")
