"""What is the case at each moment of an execution that is told in a given order, and the words for it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from membar_check.explain import phrases
from membar_check.explain.critical import PROPAGATION, Orders
from membar_check.explain.explanation import ExecutionView, Gap

_HANDSHAKE = {
    ("ipi_", "sent", "W"): "sends the interrupt",
    ("ipi_", "sent", "R"): "sees the interrupt of {}",
    ("ipi_", "done", "W"): "has handled the interrupt of {}",
    ("ipi_", "done", "R"): "sees that the interrupt is handled",
    ("task@", "", "W"): "hands the task over",
    ("task@", "", "R"): "takes the task of {} over",
}
_SHARED = re.compile(r"(ipi_|task@)(P\d+)[\d.]*(?:\.(sent|done))?")  # how views name what a sender shares


class Moments:
    """An execution and the order in which it is told: ``time`` of an event is its place therein."""

    def __init__(self, view: ExecutionView, order: Sequence[int], gaps: Sequence[Gap] = ()) -> None:
        self.view = view
        self.order = tuple(order)
        self.orders = Orders(view)
        self.main = phrases.main_file(view)
        self.time = {e: i for i, e in enumerate(self.order)}
        self.late = {g.source: g.target for g in gaps if g.kind == PROPAGATION}
        self.gaps = {(g.source, g.target) for g in gaps}
        self.before = {later[0]: w for w, later in self.orders.later.items() if later}

    # --- what is out of order ---
    def overtaken(self, e: int) -> list[int]:
        """The accesses before ``e`` in program order that come later in the telling."""
        chain = self.orders.threads[self.orders.thread(e)][: self.orders.rank[e]]
        return [a for a in chain if self.view.events[a].kind in ("R", "W") and self.time[a] > self.time[e]]

    def overtakers(self, e: int) -> list[int]:
        """The accesses after ``e`` in program order that come earlier in the telling."""
        chain = self.orders.threads[self.orders.thread(e)][self.orders.rank[e] + 1 :]
        return [a for a in chain if self.view.events[a].kind in ("R", "W") and self.time[a] < self.time[e]]

    def passed(self, e: int) -> list[int]:
        """Of the accesses that ``e`` overtakes those to speak of: of one kind, those of gaps, else the first."""
        overtaken = self.overtaken(e)
        chosen = [a for a in overtaken if (a, e) in self.gaps] or overtaken[:1]
        return [a for a in chosen if self.view.events[a].kind == self.view.events[chosen[0]].kind]

    def delayed(self, e: int) -> bool:
        """Whether the access is told as coming late (not if it overtakes others itself)."""
        return not self.overtaken(e) and any(e in self.passed(a) for a in self.overtakers(e))

    def missed(self, read: int) -> int | None:
        """The newest write that has happened in the telling and that the read does not see."""
        newer = [w for w in self.orders.newer(read) if self.time[w] < self.time[read]]
        return self.late[read] if self.late.get(read) in newer else newer[-1] if newer else None

    def waiting(self, read: int) -> int | None:
        """A write of another thread that the read does not see since it is delayed: its thread is past it."""
        for w in self.orders.newer(read):
            to_come = self.orders.thread(w) != self.orders.thread(read) and self.time[w] > self.time[read]
            if to_come and any(self.time[a] < self.time[read] for a in self.overtakers(w)):
                return w
        return None

    def hidden(self, read: int) -> bool:
        """Whether the read takes from a write of its own thread that no other sees yet."""
        source = self.orders.source.get(read)
        return source is not None and self.time[source] > self.time[read] and source in self.overtaken(read)

    def outlived(self, write: int) -> int | None:
        """A write that comes earlier in the telling and overwrites this one all the same."""
        return next((w for w in self.orders.later.get(write, ()) if self.time[w] < self.time[write]), None)

    def readers(self, write: int, read: int) -> list[int]:
        """Threads other than those of the two that have seen the write before the read happens."""
        own = {self.orders.thread(write), self.orders.thread(read)}
        found = {self.orders.thread(r) for r, w in self.orders.source.items() if self._seen(w, r, write, read)}
        return sorted(found - own)

    def _seen(self, source: int, reader: int, write: int, read: int) -> bool:
        return source == write and self.time[reader] < self.time[read]

    # --- words ---
    def at(self, e: int) -> str:
        return phrases.at(self.view.events[e], self.main)

    def place(self, e: int) -> str:
        return phrases.say(self.view.events[e].place, self.main)

    def owned(self, e: int, inside: bool = False) -> str:
        """``P0's x = 1 (line 6)``; ``inside`` a parenthesis ``P0's x = 1 of line 6``."""
        event = self.view.events[e]
        if event.thread < 0:
            return f"the initial {phrases.content(event)}"
        where = self.of_line(e) if inside else f"({self.place(e)})"
        if self.frees(e):
            return f"P{event.thread}'s freeing of {event.variable} {where}"
        return f"P{event.thread}'s {phrases.content(event)} {where}"

    def of_line(self, e: int) -> str:
        """``of line 6``, ``in line 33 of sched.h``."""
        place = self.place(e)
        return f"in {place}" if " of " in place else f"of {place}"

    def action(self, e: int) -> str:
        """``reads x = 1``, ``writes y = 2``, ``has handled the interrupt``; a read of freed memory without value."""
        event = self.view.events[e]
        if self.handshake(e):
            what, sender, part = self._shared(e)
            return _HANDSHAKE[what, part, event.kind].format(sender)
        if event.kind == "R" and self.freed(e):
            return f"reads {event.variable}"
        return event.action

    def handshake(self, e: int) -> bool:
        """Whether the access belongs to the sending of an interrupt or of a task, or to its acknowledgement."""
        what, _, part = self._shared(e)
        return (what, part, self.view.events[e].kind) in _HANDSHAKE

    def _shared(self, e: int) -> tuple[str, str, str]:
        """Of what an interrupt or a task shares with its sender: which of them, the sender, the part; else blanks."""
        found = _SHARED.fullmatch(self.view.events[e].variable)
        return ("", "", "") if found is None else (found[1], found[2], found[3] or "")

    def announced(self, e: int) -> bool:
        """Whether a note already tells what the access does: that an interrupt or a task is sent or taken."""
        return self.handshake(e) and self._shared(e)[2] != "done" and bool(self.view.notes)

    def frees(self, e: int) -> bool:
        return self.view.events[e].action.startswith("frees ")

    def freed(self, access: int) -> str:
        """``after P1 line 90 of sched.h has freed it``: of an access to freed memory; else ""."""
        kind = self.view.events[access].kind
        before = self.orders.source.get(access) if kind == "R" else self.before.get(access)
        if before is None or not self.frees(before) or self.time[before] > self.time[access]:
            return ""
        return f"after {self.at(before)} has freed it"

    def origin(self, read: int) -> str:
        """Where a read gets its value: ``the initial value``, ``from P0 line 6``; "" if that is not known."""
        source = self.orders.source.get(read)
        if source is None or self.handshake(read) or self.freed(read):
            return ""
        thread = self.orders.thread(source)
        if thread < 0:
            return "the initial value"
        if thread != self.orders.thread(read):
            return f"from {self.at(source)}"
        unseen = ", which no other thread sees yet" if self.hidden(read) else ""
        return f"from its own {self.place(source)}{unseen}"

    def overwritten(self, write: int, inside: bool = False) -> str:
        """``P2's y = 2 (line 9)``: what the write overwrites, if that is another thread's and comes earlier."""
        w = self.before.get(write)
        if w is None or self.orders.thread(w) in (-1, self.orders.thread(write)) or self.time[w] > self.time[write]:
            return ""
        return "" if self.frees(w) else self.owned(w, inside)
