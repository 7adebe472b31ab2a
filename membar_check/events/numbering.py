"""The numbers of events: the same occurrence of an operation is the same event on all paths."""

from __future__ import annotations

from collections.abc import Iterable

from membar_check.diagnostics import Span
from membar_check.events.faults import Place
from membar_check.events.structure import Event
from membar_check.program import ir


def instance_of(thread: int, key: tuple[object, ...]) -> int:
    """What the events of one execution of an instruction share; ``key`` begins with its place and the visit."""
    return hash((thread, key[:2]))


class Numbering:
    """Gives the events of all paths their numbers: the same occurrence of an operation is the same event."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._known: dict[tuple[int, tuple[object, ...], frozenset[str]], int] = {}

    def event(
        self,
        thread: int,
        sets: frozenset[str],
        key: tuple[object, ...],
        span: Span | None,
        bits: int,
        lane: ir.Lane = (),
    ) -> int:
        full = (thread, key, sets)
        number = self._known.get(full)
        if number is None:
            number = len(self.events)
            self._known[full] = number
            instance = instance_of(thread, key) if thread >= 0 else number
            self.events.append(Event(number, thread, sets, number, instance, span, bits, lane))
        return number

    def places(self, events: Iterable[int]) -> frozenset[Place]:
        """Where in the program events of threads are made."""
        wanted = frozenset(events)
        out = set()
        for (thread, key, _), number in self._known.items():
            if number in wanted:
                pc, _, before = key
                assert isinstance(pc, int) and isinstance(before, int)
                out.add(Place(thread, pc, before))
        return frozenset(out)
