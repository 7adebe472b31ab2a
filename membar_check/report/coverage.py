"""What tests exercise of a model, and of kernel C: a summary with what is missed, listings with marks, JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from membar_check.report.coverage_data import Clause, ClauseCoverage, Coverage, FileCoverage

FORMATS = ("text", "listing", "json")
MISSED = "#####"
MARGIN = 9


def render(coverage: Coverage, form: str) -> str:
    """The report in one of :data:`FORMATS`; ends with a newline.

    ``text``: what is missed, and counts; ``listing``: the texts of the model and of kernel C, each line with a mark as
    gcov prints them; ``json``: everything.
    """
    if form == "json":
        import json

        return json.dumps(as_json(coverage), indent=2, ensure_ascii=False) + "\n"
    return "".join(f"{line}\n" for line in (_listings(coverage) if form == "listing" else _text(coverage)))


# --- text ------------------------------------------------------------------------------------------------------------
def _text(coverage: Coverage) -> Iterator[str]:
    for one in coverage.clauses:
        if not one.exercised and not one.reason:
            clause = one.clause
            missed = "not exercised" if coverage.tests else "not checked"
            yield f"{clause.file}:{clause.line}:{clause.column}: {clause.kind} {missed}: {clause.name}"
    for file in coverage.kernel:
        yield from _missed_code(file)
    yield from summary(coverage)


def _missed_code(file: FileCoverage) -> Iterator[str]:
    for begin, end in _ranges([line for line, taken in file.lines.items() if not taken], file.lines):
        lines = f"line {begin}" if begin == end else f"lines {begin}-{end}"
        yield f"{file.file}:{begin}: no execution takes {lines}"
    for arm in file.arms:
        if not arm.taken:
            yield f"{file.file}:{arm.line}:{arm.column}: no execution takes {arm.text}"


def _ranges(missed: Sequence[int], known: dict[int, bool]) -> Iterator[tuple[int, int]]:
    """Runs of missed lines; lines without code in between do not end one."""
    waiting: list[int] = []
    for line in sorted(known):
        if line in missed:
            waiting.append(line)
        elif waiting:
            yield waiting[0], waiting[-1]
            waiting = []
    if waiting:
        yield waiting[0], waiting[-1]


def summary(coverage: Coverage) -> Iterator[str]:
    """The last lines of the text: what has no answer, and how much is exercised."""
    for one in coverage.clauses:
        if one.reason:
            yield f"{one.clause.file}:{one.clause.line}: not judged: {one.clause.name}: {one.reason}"
    for file, reason in coverage.unanswered:
        yield f"{file}: no answer: {reason}"
    for reason in coverage.left_out:
        yield f"left out: {reason}"
    tests = f"{coverage.tests} test{'' if coverage.tests == 1 else 's'}"
    judged = coverage.judged
    if not coverage.tests:
        yield f"{coverage.model}: no test was checked, nothing is known of its {len(judged)} clauses"
        return
    if coverage.blank:
        yield "inconclusive: executions of every test were cut at the unrolling bound, --unroll raises it"
    elif coverage.cut:
        yield f"executions of {coverage.cut} of {tests} were cut at the unrolling bound"
    yield f"{coverage.model}, {tests}: {_share([c.exercised for c in judged])} of the clauses exercised"
    for kind in dict.fromkeys(c.clause.kind for c in judged):
        yield f"    {kind}: {_share([c.exercised for c in judged if c.clause.kind == kind])}"
    for code in coverage.kernel:
        lines, branches = list(code.lines.values()), [arm.taken for arm in code.arms]
        yield f"{code.file}: {_share(lines)} of the lines, {_share(branches)} of the branches taken"


def _share(flags: Sequence[bool]) -> str:
    if not flags:
        return "0 of 0"
    return f"{sum(flags)} of {len(flags)} ({100.0 * sum(flags) / len(flags):.1f}%)"


# --- listings --------------------------------------------------------------------------------------------------------
def _listings(coverage: Coverage) -> Iterator[str]:
    for file, text in coverage.texts.items():
        own = [c for c in coverage.clauses if c.clause.file == file]
        yield from _model_listing(file, text, own, coverage.tests > 0)
    for code in coverage.kernel:
        yield from _code_listing(code)
    yield from summary(coverage)


def _model_listing(file: str, text: str, clauses: Sequence[ClauseCoverage], checked: bool) -> Iterator[str]:
    """Each line with how many of its clauses are exercised, those that are not marked below; ``?`` unless checked."""
    yield _line("-", 0, f"Source:{file}")
    for number, line in enumerate(text.splitlines(), 1):
        own = [c for c in clauses if c.clause.line == number and not c.reason]
        hit = sum(c.exercised for c in own)
        mark = "-" if not own else f"{hit}/{len(own)}" if hit else MISSED if checked else "?"
        yield _line(mark, number, line)
        missed = [c for c in own if checked and not c.exercised]
        for one in sorted(missed, key=lambda c: (c.clause.column, c.clause.name)):
            yield _line("", 0, f"{' ' * (one.clause.column - 1)}{'^' * _width(one.clause, line)} {one.clause.name}")


def _width(clause: Clause, line: str) -> int:
    return max(1, min(len(clause.text.split("\n", 1)[0]), len(line) - clause.column + 1))


def _code_listing(file: FileCoverage) -> Iterator[str]:
    """Each line with ``+`` (taken), ``#####`` (not) or ``-`` (no code), and the ways out of its branches below it."""
    yield _line("-", 0, f"Source:{file.file}")
    for number, line in enumerate(file.text.splitlines(), 1):
        taken = file.lines.get(number)
        yield _line("-" if taken is None else "+" if taken else MISSED, number, line)
        for arm in file.arms:
            if arm.line == number:
                yield _line("", 0, f"branch {'taken' if arm.taken else 'NOT taken'}: {arm.text}")


def _line(mark: str, number: int, text: str) -> str:
    shown = f"{number:5}" if number or mark else " " * 5
    return f"{mark:>{MARGIN}}:{shown}:{text}".rstrip()


# --- JSON ------------------------------------------------------------------------------------------------------------
def as_json(coverage: Coverage) -> dict[str, Any]:
    """The report as plain data."""
    judged = coverage.judged
    return {
        "model": coverage.model,
        "dialects": list(coverage.dialects),
        "tests": coverage.tests,
        "cut": coverage.cut,
        "exercised": sum(c.exercised for c in judged),
        "judged": len(judged),
        "clauses": [_clause(c) for c in coverage.clauses],
        "kernel": [_file(f) for f in coverage.kernel],
        "unanswered": [{"file": file, "reason": reason} for file, reason in coverage.unanswered],
        "left_out": list(coverage.left_out),
    }


def _clause(one: ClauseCoverage) -> dict[str, Any]:
    clause = one.clause
    out: dict[str, Any] = {
        "kind": clause.kind, "name": clause.name, "file": clause.file, "line": clause.line, "column": clause.column,
        "text": clause.text, "exercised": one.exercised,
    }  # fmt: skip
    if one.exercised:
        out |= {"test": one.test, "change": one.change}
    if one.reason:
        out["not_judged"] = one.reason
    return out


def _file(file: FileCoverage) -> dict[str, Any]:
    arms = [{"line": a.line, "column": a.column, "text": a.text, "taken": a.taken} for a in file.arms]
    lines = {str(line): taken for line, taken in file.lines.items()}
    return {"file": os.path.normpath(file.file), "lines": lines, "branches": arms, "functions": file.functions}
