"""A report of a gate with an item of every kind, and texts that break careless formats."""

from __future__ import annotations

from membar_check.records import replace
from membar_check.report.gate.data import Distinguished, GateItem, GateReport, Kind, ModelChange, Position, Record
from membar_check.verdict import Status

HOSTILE = 'it % says: "<b>", & \\ #1\r\n::error::no\x1b[31m\x00 ]]> </script> é \ud7ff'
SB = Record(
    test="SB", kind="Allowed", word="Ok", observation="Sometimes",
    states=("0:r0=0; 1:r0=0;", "0:r0=0; 1:r0=1;", "0:r0=1; 1:r0=0;", "0:r0=1; 1:r0=1;"),
    positive=1, negative=3, reached=True, counter_reached=True, condition="exists (0:r0=0 /\\ 1:r0=0)",
)  # fmt: skip
SB_NEVER = replace(SB, word="No", observation="Never", states=SB.states[1:], positive=0, reached=False)
KERNEL = Record(
    test="lost", classes=("lost",), findings=(("lost", "an update is lost", Position("drv/a.c", 7, 3)),), word="Ok"
)
WRONG = Record(
    test="bad", failure="error", message="instruction `MOVE` of X86 is not supported", hint="write MOV",
    place=Position("t/bad.litmus", 8, 15),
)  # fmt: skip
LATE = Record(test="slow", failure="time-out", message="no answer: time-out after 5 s", hint="give it more")


def report() -> GateReport:
    """One item of every kind, a changed model with a test that tells it from what it was, and a note."""
    items = (
        GateItem("t/bad.litmus", "x86-tso", Kind.ERROR, Status.ERROR, WRONG.message, new=WRONG, place=WRONG.place),
        GateItem(
            "t/fixed.litmus", "lkmm", Kind.FIXED, Status.AS_EXPECTED, "Never, was Sometimes", source="baseline",
            expected="Never", old=SB, new=SB_NEVER,
        ),
        GateItem(
            "t/gone.litmus", "lkmm", Kind.MISSING, Status.DIFFERS, "recorded, but there is no such test",
            source="baseline", expected="Sometimes", old=SB, place=Position("base.txt", 12),
        ),
        GateItem(
            "t/kernel/lost.litmus", "lkmm", Kind.CHANGED, Status.DIFFERS, "expected clean, found lost",
            ("class lost came",), "expected", "clean", new=KERNEL, place=Position("drv/a.c", 7, 3), seconds=1.5,
        ),
        GateItem("t/new.litmus", "lkmm", Kind.NEW, Status.AS_EXPECTED, "not in the baseline", new=SB, seconds=0.001),
        GateItem("t/same.litmus", "lkmm", Kind.SAME, Status.AS_EXPECTED, source="baseline", expected="Sometimes",
                 old=SB, new=SB, cached=True),
        GateItem("t/SB+mbs.litmus", "lkmm", Kind.BROKEN, Status.DIFFERS, "expected Never, observed Sometimes",
                 ("verdict: Never, now Sometimes", "1 state came"), "baseline", "Never", SB_NEVER, SB,
                 Position("t/SB+mbs.litmus", 18, 1), 0.0123),
        GateItem("t/slow.litmus", "lkmm", Kind.INCONCLUSIVE, Status.INCONCLUSIVE, LATE.message, source="condition",
                 new=LATE),
    )  # fmt: skip
    return GateReport(
        items,
        ("verdict", "states"),
        (
            ModelChange("lkmm", "axiom", "propagation", "removed", Position("models/lkmm.cat", 78, 1)),
            ModelChange("sc", "model", "", "changed"),
        ),
        (
            Distinguished("lkmm", litmus="C MP\n{}\nexists (0:r0=1)\n", text="allowed now, forbidden before",
                          axiom="propagation"),
            Distinguished("sc", bound="none of up to 4 accesses"),
        ),
        ("the cache t.db was damaged and is set aside",),
        "base.txt",
    )  # fmt: skip


def hostile() -> GateReport:
    """Every text that comes from files is one that breaks careless formats."""
    record = replace(SB, states=(HOSTILE,), condition=HOSTILE, flags=(HOSTILE,))
    failure = Record(test=HOSTILE, failure="engine", message=HOSTILE, hint=HOSTILE)
    place = Position(f"d,:%/{HOSTILE}.litmus", 3, 2)
    name = f"a b#c,:%/{HOSTILE}.litmus"
    return GateReport(
        (
            GateItem(name, HOSTILE, Kind.BROKEN, Status.DIFFERS, HOSTILE, (HOSTILE,), HOSTILE, HOSTILE, SB, record,
                     place),
            GateItem(name, HOSTILE, Kind.INCONCLUSIVE, Status.INCONCLUSIVE, HOSTILE, new=failure, place=place),
        ),
        ("verdict",),
        (ModelChange(HOSTILE, "axiom", HOSTILE, "changed", place),),
        (Distinguished(HOSTILE, name, HOSTILE, HOSTILE, HOSTILE, ""),),
        (HOSTILE,),
        HOSTILE,
    )  # fmt: skip


def empty() -> GateReport:
    """Nothing was checked."""
    return GateReport((), ("verdict",))


REPORTS = {"every": report, "hostile": hostile, "empty": empty}
