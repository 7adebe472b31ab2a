"""Executions as a reader sees them, made by hand from a few words an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from membar_check.explain.explanation import EventView, ExecutionView, NoteView, Pair, Place
from membar_check.verdict import State

FILE = "test.litmus"


def place(where: str, text: str = "") -> Place:
    """``12`` in the test's own file, ``sched.h:12`` in another."""
    file, _, line = where.rpartition(":")
    return Place(file or FILE, int(line), text)


def event(thread: int, words: str) -> EventView:
    """``6 R y 0 Acquire``, ``7 F smp_wmb() Wmb`` or ``8 - takes s``: line, kind, variable and value, the text or what
    is done to a lock, annotations."""
    where, kind, *rest = words.split()
    if kind in "RW":
        variable, value, *tags = rest
        verb = "reads" if kind == "R" else "writes"
        action, text = f"{verb} {variable} = {value}", f"{kind} {variable} {value}"
    elif kind == "-":
        verb, variable, *tags = rest
        value, text, action = "", verb, f"{verb} the lock {variable}"
    else:
        variable = value = ""
        (text, *tags), action = rest, rest[0]
    return EventView("", thread, kind, variable, value, tuple(sorted(tags)), action, place(where, text))


def view(
    threads: Sequence[Sequence[str]],
    co: Mapping[str, str] | None = None,
    state: State = (),
    notes: Iterable[NoteView] = (),
    **dependencies: Sequence[Pair],
) -> ExecutionView:
    """The execution: variables start with 0, a read takes from the write with its value; one lock, taken in the order
    of the text.

    ``co``: the values of a variable in coherence order, ``"1 2"``; by default in the order of the text;
    ``dependencies``: pairs by relation, by the events' numbers in the view.
    """
    own = [[event(t, words) for words in texts] for t, texts in enumerate(threads)]
    variables = sorted({e.variable for events in own for e in events if e.kind in "RW"})
    initial = [EventView("", -1, "W", v, "0", (), f"{v} = 0 from the start", Place("", 0, "")) for v in variables]
    events = (*initial, *(e for chain in own for e in chain))
    write = {(e.variable, e.value): i for i, e in enumerate(events) if e.kind == "W"}
    order: list[Pair] = []
    rf: list[Pair] = []
    for v in variables:
        values = (co or {}).get(v, "").split() or [e.value for e in events if e.kind == "W" and e.variable == v][1:]
        order += pairwise([write[v, value] for value in ("0", *values)])
    for i, e in enumerate(events):
        if e.kind == "R":
            rf.append((write[e.variable, e.value], i))
    after = dict(order)
    po = [(i, i + 1) for i in range(len(events) - 1) if events[i].thread == events[i + 1].thread >= 0]
    takes = [i for i, e in enumerate(events) if e.action.startswith("takes ")]
    order += pairwise(takes)
    relations = {"po": po, "rf": rf, "co": order, "fr": [(r, after[w]) for w, r in rf if w in after], **dependencies}
    found = {name: tuple(pairs) for name, pairs in relations.items() if pairs}
    return ExecutionView(events, found, tuple(found), tuple(notes), state, True)


def numbers(found: ExecutionView, *lines: int) -> list[int]:
    """The first events on lines of the test's own file."""
    return [next(i for i, e in enumerate(found.events) if e.place == place(str(n), e.place.text)) for n in lines]


def ordered(found: ExecutionView, *pairs: tuple[int, int]) -> frozenset[Pair]:
    """Pairs of events by their lines."""
    return frozenset((a, b) for first, second in pairs for a, b in [tuple(numbers(found, first, second))])
