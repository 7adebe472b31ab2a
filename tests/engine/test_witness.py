"""Witnesses: the events, the edges and the final state of one execution."""

from __future__ import annotations

import pytest

from membar_check.verdict import Witness
from support.inline import assembly, check, kernel


def witness(text: str, model: str | None = None) -> Witness:
    found = check(text, model, witness=True).witness
    assert found is not None
    return found


def edges(found: Witness, *names: str) -> set[tuple[str, str, str]]:
    return {
        (e.relation, found.events[e.source].label, found.events[e.target].label)
        for e in found.edges
        if not names or e.relation in names
    }


def test_store_buffering() -> None:
    text = assembly(
        "X86", "", ["MOV [x],$1; MFENCE; MOV EAX,[y]", "MOV [y],$1; MOV EAX,[x]"], "exists (0:EAX=0 /\\ 1:EAX=0)"
    )
    found = witness(text)
    assert [(e.thread, e.label, e.text, e.line) for e in found.events] == [
        (-1, "W x=0", "", 0),
        (-1, "W y=0", "", 0),
        (0, "W x=1", "MOV [x],$1", 4),
        (0, "R y=0", "MOV EAX,[y]", 6),
        (1, "W y=1", "MOV [y],$1", 4),
        (1, "R x=0", "MOV EAX,[x]", 5),
    ]
    assert edges(found) == {
        ("rf", "W x=0", "R x=0"),
        ("rf", "W y=0", "R y=0"),
        ("co", "W x=0", "W x=1"),
        ("co", "W y=0", "W y=1"),
        ("fr", "R x=0", "W x=1"),
        ("fr", "R y=0", "W y=1"),
        ("MFENCE", "W x=1", "R y=0"),
    }
    assert found.state == (("0:EAX", "0"), ("1:EAX", "0"))


def test_dependencies_and_pairs() -> None:
    threads = [
        "int r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0 + 1);",
        "int r0 = xchg_relaxed(y, 2); if (r0) WRITE_ONCE(*x, 1);",
    ]
    found = witness(kernel("", threads, "exists (0:r0=0 /\\ 1:r0=1)"))
    assert edges(found, "data", "rmw", "ctrl") == {
        ("data", "R[ONCE] x=0", "W[ONCE] y=1"),
        ("rmw", "R[ONCE] y=1", "W[ONCE] y=2"),
        ("ctrl", "R[ONCE] y=1", "W[ONCE] x=1"),
    }
    assert edges(found, "rf") == {("rf", "W x=0", "R[ONCE] x=0"), ("rf", "W[ONCE] y=1", "R[ONCE] y=1")}
    assert ("co", "W[ONCE] y=1", "W[ONCE] y=2") in edges(found, "co")
    assert all(e.text for e in found.events if e.thread >= 0)


def test_addresses() -> None:
    init = "p=x; x=1; y=2; 0:X1=p; 1:X1=p; 1:X2=y"
    text = assembly("AArch64", init, ["LDR X0,[X1]; LDR W2,[X0]", "STR X2,[X1]"], "exists (0:X2=2)")
    found = witness(text)
    assert edges(found, "addr") == {("addr", "R p=y", "R y=2")}
    assert "W x=1" not in {e.label for e in found.events}, "a location that nobody accesses is not drawn"
    assert found.state == (("0:X2", "2"),)


def test_only_neighbours_in_coherence_order_are_drawn() -> None:
    found = witness(kernel("", ["WRITE_ONCE(*x, 1); WRITE_ONCE(*x, 2);", "WRITE_ONCE(*x, 3);"], "exists (x=2)"))
    after = {a: b for _, a, b in edges(found, "co")}
    assert len(after) == 3
    order = ["W x=0"]
    while order[-1] in after:
        order.append(after[order[-1]])
    assert order[-1] == "W[ONCE] x=2" and len(order) == 4


def test_sections_are_events_and_fences_are_edges() -> None:
    text = kernel(
        "", ["rcu_read_lock(); WRITE_ONCE(*x, 1); smp_mb(); WRITE_ONCE(*y, 1); rcu_read_unlock();"], "exists (x=1)"
    )
    found = witness(text)
    assert [e.label for e in found.events if e.thread == 0] == ["Rcu-lock", "W[ONCE] x=1", "W[ONCE] y=1", "Rcu-unlock"]
    assert len([e for e in found.edges if e.relation.upper().startswith("MB")]) == 1


@pytest.mark.parametrize(
    ("condition", "read"),
    [
        ("exists (1:r0=1)", "1"),
        ("~exists (1:r0=1)", "1"),
        ("forall (1:r0=1)", "0"),
        ("forall (1:r0=0)", "1"),
        ("exists (1:r0=7)", "any"),
        ("forall (1:r0=0 \\/ 1:r0=1)", "any"),
    ],
)
def test_which_execution_is_shown(condition: str, read: str) -> None:
    """One that satisfies the proposition, for ``forall`` one that does not; any other where there is none."""
    found = witness(kernel("", ["WRITE_ONCE(*x, 1);", "int r0 = READ_ONCE(*x);"], condition))
    ((place, value),) = found.state
    assert place == "1:r0"
    assert read in ("any", value)
    assert [e.label for e in found.events if e.thread == 1] == [f"R[ONCE] x={value}"]


def test_no_witness_unless_wanted_and_possible() -> None:
    text = kernel("", ["WRITE_ONCE(*x, 1);"], "exists (x=1)")
    assert check(text).witness is None
    assert check(text.replace("exists", "filter (x=2) exists"), witness=True).witness is None


def test_reach_with_witness() -> None:
    text = kernel("", ["WRITE_ONCE(*x, 1);", "int r0 = READ_ONCE(*x);"], "exists (1:r0=1)")
    verdict = check(text, witness=True, reach=True)
    assert verdict.states is None
    assert verdict.witness is not None and verdict.witness.state == (("1:r0", "1"),)
