"""Explanations for tests of the page: those of :mod:`support.explanations` with sources, states and hostile text."""

from __future__ import annotations

from collections.abc import Callable

from membar_check.explain.explanation import (
    Core,
    CoreElement,
    EditView,
    Effect,
    EventView,
    ExecutionView,
    Explanation,
    Gap,
    Place,
    SourceText,
)
from membar_check.records import replace
from support import explanations
from support.results import state

HOSTILE = """</script><script>window.broken=1</script><!-- <img src=x onerror="window.broken=2"> & 'quotes' {{ 7*7 }}"""


def _listing(explanation: Explanation, name: str, lines: int) -> SourceText:
    """A file of that many lines with every place that some execution names in its line."""
    text = {number: f"\t/* line {number} */" for number in range(1, lines + 1)}
    views = [explanation.execution, *(group.example for group in explanation.groups), *explanation.others]
    for view in views:
        for place in [e.place for e in view.events] + [n.place for n in view.notes] if view else []:
            if place.file == name and place.line:
                text[place.line] = f"\t{place.text}"
    return SourceText(name, "".join(f"{line}\n" for line in text.values()))


def allowed() -> Explanation:
    """Store buffering with its whole source and an execution of another state."""
    sb = explanations.store_buffering()
    source = "X86 SB\n{ x=0; y=0; }\n P0          | P1          ;\n MOV [x],$1  | MOV [y],$1  ;\n"
    source += " MOV EAX,[y] | MOV EAX,[x] ;\nexists (0:EAX=0 /\\ 1:EAX=0)\n"
    assert sb.execution is not None
    relations = {**sb.execution.relations, "rf": ((2, 5), (4, 3)), "fr": ()}
    other = replace(sb.execution, relations=relations, state=state(P0_EAX=1, P1_EAX=1))
    fence, locked = sb.edits
    return replace(
        sb,
        sources=(SourceText(sb.file, source),),
        edits=(fence, replace(locked, text="use xchg instead of mov at line 4")),
        others=(other,),
        matrix=(*sb.matrix, ("power", "Sometimes")),
        definitions={"ppo": "x86-tso.cat:12"},
    )


def forbidden() -> Explanation:
    """Message passing with its source; a core element with an edit that was checked."""
    mp = explanations.message_passing()
    return replace(mp, sources=(_listing(mp, mp.file, 17),), matrix=(("lkmm", "Never"), ("sc", "Never")))


def kernel() -> Explanation:
    """Kernel C with a long header, most of whose lines do not matter."""
    kernel = explanations.kernel()
    header = next(e.place.file for e in kernel.execution.events if e.place.file not in ("", kernel.file))  # type: ignore[union-attr]
    unused = SourceText("runtime/unused.h", "int unused;\n")
    return replace(
        kernel, sources=(_listing(kernel, kernel.file, 60), _listing(kernel, header, 900), unused),
        story=("P2 reads mm.state = 0 at line 47, and kernel.h:412 sends the interrupt.",),
    )  # fmt: skip


def crowd() -> Explanation:
    """Four threads, forty events, edges of every kind, a cycle over all threads."""
    crowd = explanations.crowd()
    return replace(crowd, sources=(_listing(crowd, crowd.file, 70),))


def hostile() -> Explanation:
    """Markup and scripts in every text."""
    place = Place(HOSTILE, 1, HOSTILE)
    events = (
        EventView("a", 0, "W", HOSTILE, "1", (HOSTILE,), HOSTILE, place),
        EventView("b", 1, "R", HOSTILE, "1", (), HOSTILE, place),
    )
    relations = {"rf": ((0, 1),), HOSTILE: ((0, 1), (1, 1))}
    view = ExecutionView(events, relations, ("po", "rf"), (), ((HOSTILE, HOSTILE),), True)
    edit = EditView(HOSTILE, HOSTILE, 1.0, place, f"@@ -1 +1 @@\n-{HOSTILE}\n+{HOSTILE}\n",
                    (Effect(HOSTILE, "forbids", HOSTILE),))  # fmt: skip
    return Explanation(
        HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, True,
        (SourceText(HOSTILE, HOSTILE),), (((HOSTILE, HOSTILE),),), (HOSTILE,), view, story=(HOSTILE,),
        gaps=(Gap("reordered", 0, 1, HOSTILE),), edits=(edit,),
        core=Core((CoreElement("fence", HOSTILE, place, True, view, edit),), (HOSTILE,), True),
        matrix=((HOSTILE, HOSTILE),), limits=(HOSTILE,), definitions={HOSTILE: HOSTILE},
    )  # fmt: skip


def bare() -> Explanation:
    """Nothing but a verdict: no execution, no story, no source."""
    return Explanation("bare", "bare.litmus", "C", "sc", "", "", "Never", "x=1", False, (), ())


MAKERS: dict[str, Callable[[], Explanation]] = {
    "allowed": allowed, "forbidden": forbidden, "kernel": kernel, "crowd": crowd, "hostile": hostile, "bare": bare,
}  # fmt: skip
