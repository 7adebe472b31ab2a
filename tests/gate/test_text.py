"""The report for people."""

from __future__ import annotations

import io
from collections.abc import Callable

from membar_check.gate.report_data import Distinguished, GateItem, GateReport, Kind, ModelChange, Position, Record
from membar_check.records import replace
from membar_check.report.gate.text import summary_line, write
from membar_check.verdict import Status

RECORD = Record("SB", kind="Allowed", word="Ok", observation="Sometimes")
LATE = Record("MP", failure="time-out", message="no answer: time-out after 3 s", hint="give it more with --timeout")
REPORT = GateReport(
    items=(
        GateItem("a/LB.litmus", "sc", Kind.SAME, Status.AS_EXPECTED, expected="Never", new=RECORD, cached=True),
        GateItem("a/MP.litmus", "sc", Kind.INCONCLUSIVE, Status.INCONCLUSIVE, LATE.message, new=LATE),
        GateItem("a/R.litmus", "sc", Kind.ERROR, Status.ERROR, "no such thing", place=Position("a/R.litmus", 3)),
        GateItem(
            "a/SB.litmus", "x86-tso", Kind.BROKEN, Status.DIFFERS, "Never before, Sometimes now", old=RECORD,
            new=RECORD, seconds=0.25,
        ),
        GateItem("a/W.litmus", "sc", Kind.MISSING, Status.DIFFERS, "there is no such test", place=Position("base", 7)),
    ),
    compare=("verdict",),
    model_changes=(
        ModelChange("x86-tso", "axiom", "atomicity", "removed", Position("models/x86-tso.cat", 1)),
        ModelChange("x86-tso", "axiom", "tso", "affected", Position("models/x86-tso.cat", 27)),
        ModelChange("x86-tso", "definition", "ppo", "changed", Position("models/x86-tso.cat", 20)),
        ModelChange("x86-tso", "definition", "old", "added"),
        ModelChange("sc", "model", "", "added"),
    ),
    distinguished=(
        Distinguished("x86-tso", file="a/SB.litmus", text="Never before, Sometimes now"),
        Distinguished("x86-tso", litmus="X86 t\n{}\n", text="now allowed, forbidden before", axiom="atomicity"),
        Distinguished("sc", bound="none of up to 3 accesses does"),
    ),
    notes=("the cache was corrupt",),
    baseline="base",
    seconds=1.5,
)  # fmt: skip


def text(report: GateReport, **how: bool) -> str:
    out = io.StringIO()
    write(report, out, **how)
    return out.getvalue()


def test_the_report(golden: Callable[[str, str], None]) -> None:
    golden("report/gate.txt", text(REPORT))
    golden("report/gate-verbose.txt", text(REPORT, verbose=True, times=True))


def test_without_times_nothing_depends_on_them() -> None:
    items = tuple(replace(item, seconds=None, cached=not item.cached) for item in REPORT.items)
    assert text(replace(REPORT, items=items, seconds=None)) == text(REPORT)


def test_what_was_recorded_is_not_listed() -> None:
    items = (GateItem("a.litmus", "sc", Kind.NEW, Status.AS_EXPECTED, "the baseline has no such test", new=RECORD),)
    assert text(GateReport(items, (), baseline="b", updated=True)) == "1 check: 0 same, 1 new; recorded in b\n"
    assert text(GateReport((), ())) == "0 checks: 0 same\n"


def test_the_gravest_gives_the_exit_status() -> None:
    assert REPORT.status == 2
    assert replace(REPORT, items=REPORT.items[3:]).status == 1
    assert replace(REPORT, items=REPORT.items[:2]).status == 3
    assert replace(REPORT, items=REPORT.items[:1]).status == 0
    assert summary_line(REPORT).startswith("5 checks: 1 same, 1 broken, 1 missing, 1 inconclusive, 1 error")
