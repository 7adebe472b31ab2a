"""Events, places and sets of one execution in the user's words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from membar_check.cat.dag import Node
from membar_check.diagnostics import Span
from membar_check.engine.evaluate import Evaluator
from membar_check.values import Address

# Sets that say nothing about an event beyond what a reader sees.
GENERIC = frozenset(
    {
        "R", "W", "M", "F", "B", "IW", "FW", "Exp", "Marked", "Plain", "ONCE", "Returned", "Racy", "ADDR", "DATA",
        "Rreg", "Wreg", "I",
    }
)  # fmt: skip


class Words:
    """``show``: how an address is called, where not by its own name; ``say``: what stands where an event is
    (``smp_wmb() in line 7``), where not its own text."""

    def __init__(
        self,
        evaluator: Evaluator,
        show: Callable[[Address], str] = str,
        say: Callable[[int], str] | None = None,
    ) -> None:
        self.events = evaluator.events
        self._show = show
        self._say = say
        self._file = evaluator.chunk.structure.program.test.source.name
        self._address: dict[int, Address] = {e: p for p, e in evaluator.chunk.structure.initial.items()}
        for path, _ in evaluator.chunk.paths:
            self._address.update(path.address)

    def address(self, e: int) -> Address | None:
        """The location that an event accesses."""
        return self._address.get(e)

    def place(self, e: int) -> str:
        """The location that an event accesses, "" if none."""
        address = self._address.get(e)
        return self._show(address) if address is not None else ""

    def line(self, e: int) -> int:
        span = self.events[e].span
        return span.line if span is not None else 0

    def source(self, e: int) -> str:
        """``smp_wmb() in line 7``: what stands there."""
        event = self.events[e]
        if event.thread < 0:
            return f"the initial value of {self.place(e)}"
        if self._say is not None:
            return self._say(e)
        if event.span is None:
            return "an event without a line"
        return f"{' '.join(event.span.text.split()).rstrip(';')} {self._where(event.span)}"

    def _where(self, span: Span) -> str:
        """``in line 7``, with the file if it is not the test."""
        if span.source.name == self._file:
            return f"in line {span.line}"
        return f"in line {span.line} of {os.path.basename(span.source.name)}"

    def event(self, e: int) -> str:
        """``the read of x in line 7``."""
        event = self.events[e]
        if event.thread < 0:
            return f"the initial value of {self.place(e)}"
        what = "read" if event.is_read else "write" if event.is_write else ""
        if what and event.span is not None and (place := self.place(e)):
            return f"the {what} of {place} {self._where(event.span)}"
        return self.source(e)


def informative(n: Node) -> bool:
    """Whether it tells a reader something that an event is in this set: an annotation, a kind of fence."""
    if n.name in GENERIC and n.op in ("prim", "alias"):
        return False
    if n.op == "prim":
        return n.kind == "S"
    if n.op == "minus":
        return n.args[0] is not None and informative(n.args[0])
    return any(informative(a) for a in n.args if a is not None)


def joined(notes: Iterable[str]) -> str:
    """The notes that say something, each once."""
    return "; ".join(dict.fromkeys(n for n in notes if n))
