"""How a report names events, lines and relations: by the user's source, never by an event's number."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from membar_check.explain.explanation import Derivation, EventView, ExecutionView, Place
from membar_check.verdict import State

EFFECTS = {
    "forbids": "forbids it",
    "allows": "still allows it",
    "worsens": "forbids it, at a price",
    "breaks": "no test any more",
    "inconclusive": "no answer",
}
KINDS = {"R": "a read", "W": "a write", "F": "a fence"}


def line_of(place: Place, main: str) -> str:
    """``line 14``; ``kernel.h:120`` for a line of another file than ``main``."""
    return f"line {place.line}" if place.file in ("", main) else f"{os.path.basename(place.file)}:{place.line}"


def state_text(state: State) -> str:
    """``0:r1=0; [x]=1``"""
    return "; ".join(f"{name}={value}" for name, value in state)


class Names:
    """Names of the events of one execution; ``main`` is the file whose lines need no file name.

    ``where``: ``P0 line 6``; ``full``: ``P0 line 6 (W y = 1)``, with the event's letter where two would read alike.
    """

    def __init__(self, execution: ExecutionView, main: str) -> None:
        self.events = execution.events
        self.main = main
        plain = [self._plain(event) for event in self.events]
        self._full = [
            f"{text[:-1]}, {event.name})" if plain.count(text) > 1 and text.endswith(")") else text
            for text, event in zip(plain, self.events, strict=True)
        ]

    def where(self, event: int) -> str:
        return self._where(self.events[event])

    def full(self, event: int) -> str:
        return self._full[event]

    def _where(self, event: EventView) -> str:
        if event.thread < 0:
            return f"the initial {event.variable}" if event.variable else "the initial state"
        return f"P{event.thread} {line_of(event.place, self.main)}"

    def _plain(self, event: EventView) -> str:
        if event.thread < 0:
            return f"the initial state ({event.variable} = {event.value})"
        return f"{self._where(event)} ({effect_of(event)})"


def effect_of(event: EventView) -> str:
    """``W y = 1`` for plain reads and writes, else the event's action (``frees p``)."""
    usual = not event.action or event.action.startswith(("reads ", "writes "))
    if event.kind in ("R", "W") and event.variable and usual:
        value = f" = {event.value}" if event.value else ""
        return f"{event.kind} {event.variable}{value}"
    return event.action or " ".join((event.kind, *event.tags))


def events_of(derivations: Sequence[Derivation]) -> frozenset[int]:
    """The events that edges lead through, those of their reasons as well."""
    found: set[int] = set()
    for derivation in derivations:
        found |= {derivation.source, derivation.target, *events_of(derivation.because)}
    return frozenset(found)


def with_fences(events: frozenset[int], execution: ExecutionView) -> tuple[int, ...]:
    """Events of threads, and the fences between them in program order, in the order of the execution."""
    reach: dict[int, list[int]] = {}
    for index in sorted(events):
        reach.setdefault(execution.events[index].thread, []).append(index)
    return tuple(
        index
        for index, event in enumerate(execution.events)
        if event.thread >= 0
        and (span := reach.get(event.thread))
        and (index in events or (event.kind == "F" and span[0] < index < span[-1]))
    )


def named_relations(derivations: Sequence[Derivation]) -> Iterator[str]:
    """All names of relations in derivations, outermost first, with repetitions."""
    for derivation in derivations:
        yield derivation.relation
        yield from named_relations(derivation.because)


def reads_of(execution: ExecutionView, main: str) -> tuple[str, ...]:
    """How an execution gets its values: ``P1 line 12 reads y = 1 from P0 line 6``, in the order of the events."""
    names = Names(execution, main)
    sources = {target: source for source, target in execution.relations.get("rf", ())}
    told = []
    for index, event in enumerate(execution.events):
        if event.kind == "R" and event.variable:
            text = f"{names.where(index)} reads {event.variable} = {event.value}"
            source = sources.get(index)
            if source is not None:
                initial = execution.events[source].thread < 0
                text += " from the initial state" if initial else f" from {names.where(source)}"
            told.append(text)
    return tuple(told)
