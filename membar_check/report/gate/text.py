"""The report of a gate for people, and for what continuous integration prints: what is not as before, then counts."""

from __future__ import annotations

from typing import TextIO

from membar_check.diagnostics import one_line
from membar_check.report.gate.data import Distinguished, GateItem, GateReport, Kind, ModelChange, Position
from membar_check.report.gate.words import ACCEPT, local, meaning_of
from membar_check.verdict import Status

GOOD = Status.AS_EXPECTED

ORDER = (
    Kind.BROKEN, Kind.CHANGED, Kind.FIXED, Kind.NEW, Kind.MISSING, Kind.INCONCLUSIVE, Kind.ERROR, Kind.SAME,
)  # fmt: skip


def write(report: GateReport, out: TextIO, verbose: bool = False, times: bool = False) -> None:
    """Writes the report.  ``verbose``: the lines of checks that are as before, too; ``times``: how long they took."""
    for note in report.notes:
        out.write(f"note: {one_line(note)}\n")
    affected = [change for change in report.model_changes if change.how == "affected"]
    for change in report.model_changes:
        if change.how != "affected":
            out.write(f"{_change(change)}\n")
    for model in dict.fromkeys(change.model for change in affected):
        names = [change.name for change in affected if change.model == model]
        verb = "the axiom {} is" if len(names) == 1 else "the axioms {} are"
        out.write(f"{model}: {verb.format(', '.join(names))} affected\n")
    plain = (Kind.SAME, Kind.NEW) if report.updated else (Kind.SAME,)
    shown = [item for item in report.items if verbose or item.kind not in plain or item.status is not GOOD]
    rows = [(item.kind.value, one_line(item.file), item.model) for item in shown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for item, row in zip(shown, rows, strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.write(f"{cells}  {one_line(_about(item, times))}".rstrip() + "\n")
        if item.new is not None and item.new.failure and item.new.hint:
            out.write(f"    hint: {item.new.hint}\n")
    for found in report.distinguished:
        out.write(_distinguished(found))
    for model in (*report.stopped, *report.undecided, *report.accepted):
        out.write(f"{model}: {meaning_of(model, report)}\n")
    if report.stopped or report.undecided:
        out.write(f"    hint: {ACCEPT}\n")
    out.write(summary_line(report, times) + "\n")
    out.flush()


def summary_line(report: GateReport, times: bool = False) -> str:
    """``12 checks: 10 same, 1 broken, 1 inconclusive``, and what was done with the baseline."""
    total = len(report.items)
    counted = [(kind, report.count(kind)) for kind in (Kind.SAME, *ORDER[:-1])]
    parts = [f"{number} {kind.value}" for kind, number in counted if number or kind is Kind.SAME]
    line = f"{total} {'check' if total == 1 else 'checks'}: {', '.join(parts)}"
    if report.updated:
        line += f"; recorded in {report.baseline}"
    if times and report.seconds is not None:
        line += f"; {report.seconds:.2f} s, {sum(item.cached for item in report.items)} from the cache"
    return line


def _about(item: GateItem, times: bool) -> str:
    reason = item.reason
    if item.place is not None and (item.kind in (Kind.ERROR, Kind.MISSING)):
        where = f"line {item.place.line}" if item.place.file == item.file else place(item.place)
        reason = f"{where}: {reason}"
    elif item.kind is Kind.SAME:
        reason = item.expected
    if times and item.seconds is not None:
        reason = f"{reason} [{item.seconds:.2f} s]"
    return reason


def place(position: Position) -> str:
    """``file:line``, as tools know it."""
    return f"{one_line(local(position.file))}:{position.line}"


def _change(change: ModelChange) -> str:
    return f"{change.text} ({place(change.place)})" if change.place is not None else change.text


def _distinguished(found: Distinguished) -> str:
    by = f", by the axiom {found.axiom}" if found.axiom else ""
    if found.bound:
        return f"{found.model}: no test was found by search that tells it from what it was: {found.bound}\n"
    if found.file:
        name = one_line(found.file)
        return f"{found.model}: the smallest test that tells it from what it was is {name}: {found.text}{by}\n"
    text = "".join(f"    {line}\n" for line in found.litmus.splitlines())
    return f"{found.model}: a minimal test that tells it from what it was: {found.text}{by}\n{text}"
