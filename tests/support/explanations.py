"""Explanations made by hand, for tests of their reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from membar_check.explain.explanation import (
    AxiomView,
    Core,
    CoreElement,
    CycleView,
    Derivation,
    EditView,
    Effect,
    EventView,
    ExecutionView,
    Explanation,
    Gap,
    Group,
    NoteView,
    Pair,
    Place,
    Row,
    SourceText,
    event_name,
)  # fmt: skip
from membar_check.verdict import State
from support.results import state

BASE = ("po", "rf", "co", "fr", "addr", "data", "ctrl", "rmw")


def event(
    position: int, thread: int, kind: str, variable: str, value: str, place: Place, tags: tuple[str, ...] = ()
) -> EventView:
    """The event at a position, with the usual words."""
    does = {"R": f"reads {variable} = {value}", "W": f"writes {variable} = {value}"}.get(kind, place.text.rstrip(";"))
    if thread < 0:
        does = f"{variable} = {value} from the start"
    return EventView(event_name(position), thread, kind, variable, value, tags, does, place)


def execution(
    events: Sequence[EventView],
    relations: Mapping[str, Sequence[Pair]],
    ends: State,
    *,
    notes: tuple[NoteView, ...] = (),
    broken: tuple[CycleView, ...] = (),
) -> ExecutionView:
    """An execution with the program order of its events added."""
    order = [
        (i, i + 1) for i, (a, b) in enumerate(pairwise(events)) if a.thread == b.thread >= 0
    ]
    found = {"po": tuple(order), **{name: tuple(pairs) for name, pairs in relations.items()}}
    legend = tuple(name for name in BASE if found.get(name))
    return ExecutionView(tuple(events), found, legend, notes, ends, not broken, broken)


def base(relation: str, source: int, target: int, note: str = "") -> Derivation:
    return Derivation(relation, source, target, "base", (), "", note)


def why(relation: str, rule: str, *because: Derivation, defined: str = "", note: str = "") -> Derivation:
    """A derived edge from the first to the last end of its reasons."""
    return Derivation(relation, because[0].source, because[-1].target, rule, because, defined, note)


# --- store buffering, allowed ---
SB = "litmus/x86/SB.litmus"
SB_TEXT = "X86 SB\n{ x=0; y=0; }\n P0          | P1          ;\n MOV [x],$1  | MOV [y],$1  ;\n"
NOWHERE = Place("", 0, "")


def store_buffering() -> Explanation:
    """Allowed, with everything that an allowed outcome can have."""
    x1, y0 = Place(SB, 4, "MOV [x],$1"), Place(SB, 5, "MOV EAX,[y]")
    y1, x0 = Place(SB, 4, "MOV [y],$1"), Place(SB, 5, "MOV EAX,[x]")
    events = (
        event(0, -1, "W", "x", "0", NOWHERE),
        event(1, -1, "W", "y", "0", NOWHERE),
        event(2, 0, "W", "x", "1", x1),
        event(3, 0, "R", "y", "0", y0),
        event(4, 1, "W", "y", "1", y1),
        event(5, 1, "R", "x", "0", x0),
    )
    found = {"rf": ((0, 5), (1, 3)), "co": ((0, 2), (1, 4)), "fr": ((3, 4), (5, 2)), "ppo": ((4, 5),)}
    ends = state(P0_EAX=0, P1_EAX=0)
    fence = EditView(
        "add mfence after 4 in P0",
        "a full fence between the write of x and the read of y",
        4.0,
        x1,
        "--- SB.litmus\n+++ SB.litmus\n@@ -4,0 +5 @@\n+ MFENCE      |             ;\n",
        (Effect("x86-tso", "forbids", "Never"), Effect("sc", "forbids", ""), Effect("power", "allows", "Sometimes")),
    )
    locked = EditView(
        "strengthen 4 to xchg", "", 5.5, x1, "", (Effect("x86-tso", "inconclusive", "time-out after 3 s"),)
    )
    return Explanation(
        test="SB",
        file=SB,
        arch="X86",
        model="x86-tso",
        title="Store buffering",
        condition="exists (0:EAX=0 /\\ 1:EAX=0)",
        verdict="Sometimes",
        outcome="0:EAX=0 /\\ 1:EAX=0",
        allowed=True,
        sources=(SourceText(SB, SB_TEXT),),
        states=tuple(state(P0_EAX=a, P1_EAX=b) for a in (0, 1) for b in (0, 1)),
        execution=execution(events, found, ends),
        timeline=(
            Row(-1, NOWHERE, "x = 0", (0,)),
            Row(-1, NOWHERE, "y = 0", (1,)),
            Row(0, y0, "reads y = 0 from the initial state, before its own write of line 4 can be seen", (3,)),
            Row(1, y1, "writes y = 1", (4,)),
            Row(1, x0, "reads x = 0 from the initial state", (5,)),
            Row(0, x1, "writes x = 1", (2,)),
        ),
        story=(
            "P0 reads y = 0 at line 5 although its own write x = 1 (line 4) stands before it in the program: the write "
            "waits in the store buffer.",
            "P1 writes y = 1 at line 4.",
            "P1 reads x = 0 at line 5.",
        ),
        gaps=(Gap("reordered", 2, 3, "a write may wait in the store buffer while a later read takes its value"),
              Gap("propagation", 4, 3, "y = 1 (P1 line 4) has not reached P0 yet when line 5 reads y = 0")),
        axioms=(AxiomView("tso", "acyclic", "x86-tso.cat:20", "a total order exists: y = 0, y = 1, x = 0, x = 1"),
                AxiomView("rmw", "empty", "", "there is no atomic read-modify-write")),
        edits=(fence, locked),
        matrix=(("sc", "Never"), ("x86-tso", "Sometimes")),
        limits=("Edits under power were not tried: the time ended.",),
    )  # fmt: skip


# --- message passing, forbidden ---
MP = "litmus/c/MP+wmb+rmb.litmus"
MP_LINES = {
    4: "WRITE_ONCE(*x, 1);", 5: "smp_wmb();", 6: "WRITE_ONCE(*y, 1);", 12: "r0 = READ_ONCE(*y);", 13: "smp_rmb();",
    14: "r1 = READ_ONCE(*x);",
}  # fmt: skip


def _mp_place(line: int) -> Place:
    return Place(MP, line, MP_LINES[line])


def _mp_execution(ends: State, *, y: str = "1", fences: bool = True) -> ExecutionView:
    events = [event(0, -1, "W", "x", "0", NOWHERE), event(1, 0, "W", "x", "1", _mp_place(4), ("Once",))]
    rows = [(0, "F", "", "", 5, ("Wmb",)), (0, "W", "y", "1", 6, ("Once",)), (1, "R", "y", y, 12, ("Once",)),
            (1, "F", "", "", 13, ("Rmb",)), (1, "R", "x", "0", 14, ("Once",))]  # fmt: skip
    for thread, kind, variable, value, line, tags in rows:
        if fences or kind != "F":
            events.append(event(len(events), thread, kind, variable, value, _mp_place(line), tags))
    number = {item.place.line: index for index, item in enumerate(events)}
    found = {
        "rf": ((0, number[14]), (number[6], number[12])),
        "co": ((0, 1),),
        "fr": ((number[14], 1),),
        "hb": ((1, number[6]), (number[6], number[12]), (number[12], number[14])),
    }
    return execution(events, found, ends)


def mp_cycle() -> CycleView:
    """Over the events of the forbidden execution: x0 Wx wmb Wy Ry rmb Rx."""
    wmb = why(
        "wmb", "in sequence", base("[W]", 1, 1), base("po", 1, 2), base("[Wmb]", 2, 2), base("po", 2, 3),
        base("[W]", 3, 3), note="smp_wmb() in line 5",
    )  # fmt: skip
    first = why("cumul-fence", "is one of", why("fence", "is one of", wmb, defined="lkmm.cat:60"))
    rmb = why("rmb", "in sequence", base("[R]", 4, 4), base("po", 4, 5), base("[Rmb]", 5, 5), base("po", 5, 6))
    ppo = why("ppo", "is one of", why("fence", "is one of", rmb, defined="lkmm.cat:60"), defined="lkmm.cat:80")
    rfe = why("rfe", "both", base("rf", 3, 4), base("ext", 3, 4))
    prop = why(
        "prop", "in sequence", why("overwrite & ext", "both", base("fr", 6, 1, "not in coherence"), base("ext", 6, 1)),
        why("cumul-fence*", "a chain of", first), rfe,
    )  # fmt: skip
    hb = why("hb", "is one of", why("((prop \\ id) & int)", "both", prop, base("int", 6, 4)), defined="lkmm.cat:100")
    back = why("hb", "is one of", ppo, defined="lkmm.cat:100")
    return CycleView("happens-before", "acyclic", (back, hb), "lkmm.cat:101")


def message_passing() -> Explanation:
    """Forbidden, with nested derivations and a core."""
    ends = state(P1_r0=1, P1_r1=0)
    without = EditView("drop smp_wmb@5", "leave out smp_wmb() in line 5", 0.0, _mp_place(5), "")
    weaker = EditView("drop smp_rmb@13", "leave out smp_rmb() in line 13", 0.0, _mp_place(13), "")
    appears = _mp_execution(ends, fences=False)
    return Explanation(
        test="MP+wmb+rmb",
        file=MP,
        arch="C",
        model="lkmm",
        title="Message passing",
        condition="exists (1:r0=1 /\\ 1:r1=0)",
        verdict="Never",
        outcome="1:r0=1 /\\ 1:r1=0",
        allowed=False,
        sources=(SourceText(MP, "C MP+wmb+rmb\n"),),
        states=(state(P1_r0=0, P1_r1=0), state(P1_r0=0, P1_r1=1), state(P1_r0=1, P1_r1=1)),
        groups=(Group(mp_cycle(), 1, _mp_execution(ends)),),
        core=Core(
            (
                CoreElement("axiom", "happens-before", None, True, appears),
                CoreElement("fence", "smp_wmb() in P0 line 5", _mp_place(5), True, appears, without),
                CoreElement("fence", "smp_rmb()", _mp_place(13), False, appears, weaker),
            ),
            ("the axiom propagation",),
            True,
        ),
        others=(_mp_execution(state(P1_r0=0, P1_r1=0), y="0"),),
        definitions={"hb": "lkmm.cat:100", "own-name": "lkmm.cat:7"},
    )


# --- kernel C ---
KERNEL = "litmus/kernel-c/missed.litmus"
HEADER = "runtime/kernel.h"


def kernel() -> Explanation:
    """Allowed, in kernel C: an interrupt, a failed allocation, lines of a header, three CPUs."""
    places = {
        "flag": Place(KERNEL, 21, "WRITE_ONCE(mm->state, MEMBARRIER_STATE_PRIVATE_EXPEDITED);"),
        "ipi": Place(HEADER, 412, "__atomic_store(&cpu_pending[target]);"),
        "handler": Place(KERNEL, 33, "static void ipi_mb(void *info)"),
        "mb": Place(KERNEL, 34, "smp_mb();"),
        "read": Place(KERNEL, 47, "state = READ_ONCE(next->mm->state);"),
    }
    events = (
        event(0, -1, "W", "mm.state", "0", NOWHERE),
        event(1, 0, "W", "mm.state", "8", places["flag"], ("Once",)),
        event(2, 0, "W", "cpu_pending[1]", "1", places["ipi"], ("Release",)),
        event(3, 1, "R", "cpu_pending[1]", "1", places["ipi"], ("Acquire",)),
        event(4, 1, "F", "", "", places["mb"], ("Mb",)),
        event(5, 2, "R", "mm.state", "0", places["read"], ("Once",)),
    )
    notes = (
        NoteView(1, "interrupt of P0 lands here: ipi_mb(NULL) runs to its end before user code goes on", 3,
                 places["handler"]),
        NoteView(2, "kmalloc() fails", 6, Place(HEADER, 77, "return NULL;")),
    )  # fmt: skip
    return Explanation(
        test="missed",
        file=KERNEL,
        arch="Kernel",
        model="lkmm",
        title="",
        condition="missed-barrier",
        verdict="Flagged",
        outcome="missed-barrier",
        allowed=True,
        sources=(SourceText(KERNEL, ""), SourceText(HEADER, "")),
        states=(),
        classes=("missed-barrier",),
        execution=execution(events, {"rf": ((0, 5), (2, 3)), "co": ((0, 1),), "fr": ((5, 1),)}, (), notes=notes),
        timeline=(
            Row(2, places["read"], "reads mm.state = 0 from the initial state", (5,)),
            Row(2, Place(HEADER, 77, "return NULL;"), "kmalloc() fails", (), True),
            Row(0, places["flag"], "writes mm.state = 8", (1,)),
            Row(0, places["ipi"], "writes cpu_pending[1] = 1", (2,)),
            Row(1, places["handler"], "interrupt of P0 lands here", (), True),
            Row(1, places["mb"], "smp_mb", (4,)),
        ),
        story=("P2 reads mm.state = 0 at line 47.",),
        gaps=(Gap("propagation", 1, 5, "mm.state = 8 (P0 line 21) has not reached P2 yet"),),
    )


# --- a crowd ---
def crowd() -> Explanation:
    """Forbidden: four threads of ten events with edges of all kinds, and a cycle over all threads."""
    file = "litmus/c/crowd.litmus"
    kinds = ("W", "R", "F", "R", "W")
    lines = ("WRITE_ONCE(*x, 1);", "r1 = smp_load_acquire(&some_variable);", "smp_mb();", "r2 = READ_ONCE(*z);",
             "smp_store_release(&y, 2);")  # fmt: skip
    tags = (("Once",), ("Acquire",), ("Mb",), ("Once",), ("Release",))
    events = [event(i, -1, "W", name, "0", NOWHERE) for i, name in enumerate("xyz")]
    for thread in range(4):
        for row in range(10):
            turn = (row + thread) % 5
            place = Place(file, 10 + 14 * thread + row, lines[turn])
            variable = "" if turn == 2 else "xy_zy"[turn]
            events.append(event(len(events), thread, kinds[turn], variable, "1" if variable else "", place, tags[turn]))

    def at(thread: int, row: int) -> int:
        return 3 + thread * 10 + row

    relations = {
        "rf": ((0, at(3, 0)), (1, at(1, 0)), (2, at(0, 3)), (at(0, 4), at(1, 5)), (at(1, 4), at(2, 4)),
               (at(2, 3), at(3, 3)), (at(0, 5), at(3, 5)), (at(3, 7), at(0, 8)), (at(0, 4), at(0, 6))),
        "co": ((at(0, 4), at(1, 3)), (at(1, 3), at(3, 6)), (at(2, 8), at(1, 9))),
        "fr": ((at(2, 1), at(0, 4)), (at(3, 0), at(2, 2)), (at(1, 7), at(0, 0)), (at(2, 9), at(3, 7))),
        "addr": ((at(0, 1), at(0, 3)), (at(3, 3), at(3, 5))),
        "data": ((at(1, 2), at(1, 4)), (at(2, 4), at(2, 7))),
        "ctrl": ((at(1, 0), at(1, 8)), (at(3, 5), at(3, 6))),
        "rmw": ((at(2, 6), at(2, 7)),),
        "hb": tuple((at(t, 0), at(t, 9)) for t in range(4)),
    }  # fmt: skip
    steps = (
        why("pb", "in sequence", base("po", at(0, 4), at(0, 7)), base("po", at(0, 7), at(0, 9))),
        base("rfe", at(0, 9), at(1, 5)),
        why("hb", "is one of", base("po", at(1, 5), at(1, 8))),
        why("prop", "is one of", base("fre", at(1, 8), at(3, 7))),
        base("coe", at(3, 7), at(2, 7)),
        why("hb", "is one of", base("po", at(2, 7), at(2, 1))),
        base("fre", at(2, 1), at(0, 4)),
    )
    cycle = CycleView("propagation", "acyclic", steps, "lkmm.cat:120")
    ends = state(P0_r1=1, P1_r1=1, P2_r1=1, P3_r1=1, x=1, y=2)
    return Explanation(
        test="crowd",
        file=file,
        arch="C",
        model="lkmm",
        title="",
        condition="exists (x=1 /\\ y=2)",
        verdict="Never",
        outcome="x=1 /\\ y=2",
        allowed=False,
        sources=(SourceText(file, ""),),
        states=(),
        groups=(Group(cycle, 12, execution(events, relations, ends, broken=(cycle,))),
                Group(mp_cycle(), 3, _mp_execution(state(P1_r0=1, P1_r1=0)))),
        limits=("Only 2 of 5 groups were looked at.",),
    )  # fmt: skip


ALL = {"sb": store_buffering(), "mp": message_passing(), "kernel": kernel(), "crowd": crowd()}
