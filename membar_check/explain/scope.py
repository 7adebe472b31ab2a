"""Where an edit can matter: the lines that some execution with an outcome comes by."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from membar_check.diagnostics import Inconclusive, Span, Unsupported
from membar_check.engine.api import CheckOptions
from membar_check.explain.case import Case
from membar_check.explain.edits.sites import find_places
from membar_check.explain.edits.table import Table
from membar_check.explain.outcome import Outcome
from membar_check.explain.target import Target
from membar_check.litmus.syntax import LitmusTest
from membar_check.program.ir import Thread
from membar_check.records import replace

Line = tuple[str, int]  # a file as spans name it, and a line


def executed_lines(
    test: LitmusTest, options: CheckOptions, target: Target, models: Iterable[str]
) -> frozenset[Line] | None:
    """Of kernel C, the lines that executions with the outcome under one of the models execute; None where they are too
    many to be looked at, and for other tests, which are short.

    An edit elsewhere leaves all these executions as they are.
    """
    if test.kernel is None:
        return None
    lines: set[Line] = set()
    for model in models:
        try:
            case = Case(target.asked(test), replace(options, model=model))
            for outcome in _outcomes(case, target):
                lines |= _shown_lines(case, outcome)
        except (Inconclusive, Unsupported):
            return None
    return frozenset(lines)


def _outcomes(case: Case, target: Target) -> list[Outcome]:
    """What the target asks about, as outcomes of the case of the test that it asks."""
    if not target.names:
        return [Outcome("condition", target.text, case.program.condition)]
    return [found for name in sorted(target.names) if (found := case.find(name)) is not None]


def visited_lines(test: LitmusTest, options: CheckOptions, models: Iterable[str]) -> frozenset[Line] | None:
    """Of kernel C, the lines that some execution under one of the models executes; None for other tests."""
    if test.kernel is None:
        return None
    lines: set[Line] = set()
    for model in models:
        case = Case(test, replace(options, model=model))
        for thread in case.program.threads:
            lines |= _lines(case, thread, case.tally.visited)
    return frozenset(lines)


def _shown_lines(case: Case, outcome: Outcome) -> set[Line]:
    found: set[Line] = set()
    for part in case.survey(outcome, wide=False).shown:
        for path, mask in part.chunk.paths:
            if mask & part.mask and path.activity is not None:
                found |= _lines(case, case.program.threads[path.thread], path.activity.visited)
    return found


def _lines(case: Case, thread: Thread, visited: Collection[int]) -> set[Line]:
    """The lines of the instructions ``visited`` of a thread's code, and of the heads of functions, as an empty one has
    nothing else."""
    assert case.program.kernel is not None
    spans = [thread.code[pc].span for pc in visited if pc < len(thread.code)]
    for function in case.program.kernel.functions.values():
        if thread.labels.get(function.entry) in visited:
            brace = function.span.source.text.find("{", function.span.start)
            spans.append(Span(function.span.source, function.span.start, max(function.span.end, brace + 1)))
    return {(s.source.name, n) for s in spans for n in range(s.line, s.line + s.text.count("\n") + 1)}


def threads_of(test: LitmusTest, table: Table) -> dict[str, int]:
    """The thread whose own code a place is in, by the places' keys; -1 for code that several may run."""
    places = find_places(test, table)
    threads = {site.key: site.thread for site in places.sites}
    return threads | {point.key: point.thread for point in places.points}
