"""Why the checks of a model let an execution pass: how far each goes along the cycle that an interleaving could not
have."""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.explain import phrases
from membar_check.explain.critical import REORDERED, Step, critical_cycle
from membar_check.explain.explanation import AxiomView, ExecutionView, Pair
from membar_check.explain.gaps import gaps
from membar_check.explain.ways import graph_of
from membar_check.litmus.text import counted


def axioms(
    view: ExecutionView,
    checks: Sequence[tuple[str, str, str, frozenset[Pair]]],
    ordered: frozenset[Pair] = frozenset(),
) -> tuple[AxiomView, ...]:
    """Why each check does not object to a consistent execution.

    ``checks``: of each the name, the test (acyclic, irreflexive, empty), where it is defined, and the pairs of the
    tested relation in this execution; ``ordered`` as for :func:`gaps.gaps`.
    """
    cycle = critical_cycle(view, ordered)
    open_steps = frozenset((g.source, g.target) for g in gaps(view, ordered) if g.kind == REORDERED)
    return tuple(
        AxiomView(name, test, where, _text(view, test, pairs, cycle, open_steps)) for name, test, where, pairs in checks
    )


def _text(
    view: ExecutionView, test: str, pairs: frozenset[Pair], cycle: Sequence[Step], open_steps: frozenset[Pair]
) -> str:
    if not pairs:
        return "its relation is empty in this execution"
    if test == "empty":
        return f"its relation has {counted(len(pairs), 'pair')}, though it should be empty"
    if test == "irreflexive":
        return f"none of the {counted(len(pairs), 'pair')} of its relation leads from an event to itself"
    if not cycle:
        agree = "agrees" if len(pairs) == 1 else "agree"
        return f"the {counted(len(pairs), 'pair')} of its relation {agree} with the order of the interleaving: no cycle"
    return _along(view, closure(pairs), [s.source for s in cycle], open_steps)


def _along(
    view: ExecutionView, reach: dict[int, frozenset[int]], cycle: Sequence[int], open_steps: frozenset[Pair]
) -> str:
    """How far a relation leads along the cycle of events, and the step that it lacks."""
    size, main = len(cycle), phrases.main_file(view)
    best = (0, 0, 0)  # events of the cycle that it leads over, minus where it starts, where it ends
    for i in range(size):
        length = max((n for n in range(1, size) if cycle[(i + n) % size] in reach.get(cycle[i], ())), default=0)
        best = max(best, (length, -i, (i + length) % size))
    length, start, end = best[0], -best[1], best[2]
    if not length:
        around = " -> ".join(phrases.at(view.events[e], main) for e in (*cycle, cycle[0]))
        return f"it orders no step of the cycle {around}"
    stops = [i % size for i in range(start, start + length + 1) if i == start or cycle[i % size] in reach[cycle[start]]]
    chain = " before ".join(_name(view, cycle[i], main) for i in stops)
    after = (end + 1) % size
    text = f"it puts {chain}, but not that before {_name(view, cycle[after], main)}"
    if not _same_thread(view, cycle[end], cycle[after]):
        text += _missing(view, cycle, open_steps)
    return f"{text}: no cycle"


def _missing(view: ExecutionView, cycle: Sequence[int], open_steps: frozenset[Pair]) -> str:
    """The program order of the cycle that no check orders, where that is what makes the execution possible."""
    main = phrases.main_file(view)
    lacks = [
        f"{phrases.at(view.events[a], main)} before {phrases.say(view.events[b].place, main)}"
        for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True)
        if (a, b) in open_steps
    ]
    return f", and nothing orders {' or '.join(lacks)}" if lacks else ""


def _same_thread(view: ExecutionView, a: int, b: int) -> bool:
    return view.events[a].thread == view.events[b].thread


def _name(view: ExecutionView, e: int, main: str) -> str:
    event = view.events[e]
    return f"{phrases.at(event, main)} ({event.action})"


def closure(pairs: frozenset[Pair]) -> dict[int, frozenset[int]]:
    """The transitive closure: of each event those that it leads to."""
    after = graph_of(pairs)
    out: dict[int, frozenset[int]] = {}
    for first in after:
        seen: set[int] = set()
        stack = [first]
        while stack:
            for b in after.get(stack.pop(), ()):
                if b not in seen:
                    seen.add(b)
                    stack.append(b)
        out[first] = frozenset(seen)
    return out
