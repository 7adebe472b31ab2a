"""Executions told: rows, sentences, words."""

from __future__ import annotations

import pytest

from membar_check.explain import phrases
from membar_check.explain.explanation import EventView, ExecutionView, NoteView, Pair
from membar_check.explain.gaps import gaps
from membar_check.explain.order import linear
from membar_check.explain.story import PLAIN, story, timeline
from membar_check.records import replace
from support.views import FILE, event, ordered, place, view

NOTHING: frozenset[Pair] = frozenset()
SB = view([["5 W x 1", "6 R y 0"], ["11 W y 1", "12 R x 0"]], state=(("0:r0", "0"), ("1:r0", "0")))
IRIW = view([["3 W x 1"], ["5 R x 1", "6 R y 0"], ["8 W y 1"], ["10 R y 1", "11 R x 0"]])


def told(found: ExecutionView, model: frozenset[Pair] = NOTHING, outcome: str = "") -> list[str]:
    seen = gaps(found, model)
    return list(story(found, linear(found, seen, model), seen, model, outcome))


def rows(found: ExecutionView, model: frozenset[Pair] = NOTHING) -> list[str]:
    seen = gaps(found, model)
    made = timeline(found, linear(found, seen, model), seen)
    return [f"P{r.thread} {phrases.say(r.place, FILE)}: {r.text}" for r in made]


# --- the story ---
def test_store_buffering() -> None:
    assert told(SB, outcome="0:r0=0 /\\ 1:r0=0") == [
        "P0 reads y = 0 (the initial value) at line 6 before its own x = 1 of line 5 becomes visible: "
        "nothing between them keeps a write before a later read.",
        "P1 writes y = 1 at line 11.",
        "P1 reads x = 0 (the initial value) at line 12: P0's x = 1 (line 5) is not visible yet.",
        "Only now P0's x = 1 (line 5) becomes visible.",
        "At the end P0 has r0 = 0; P1 has r0 = 0: this is the outcome 0:r0=0 /\\ 1:r0=0.",
    ]


def test_a_write_that_one_thread_sees_before_another() -> None:
    assert told(IRIW, ordered(IRIW, (5, 6), (10, 11)))[-1] == (
        "P3 reads x = 0 at line 11 although P0's x = 1 (line 3) is already visible to P1, "
        "because that write has not reached P3 yet."
    )


def test_a_write_that_no_other_thread_has_seen() -> None:
    found = view([["5 W x 1", "6 W y 1"], ["11 W y 2", "12 R x 0"]], {"y": "1 2"})
    assert told(found, ordered(found, (5, 6), (11, 12)))[-2:] == [
        "P1 writes y = 2 at line 11, over P0's y = 1 (line 6).",
        "P1 reads x = 0 at line 12 although P0's x = 1 (line 5) is already written, "
        "because that write has not reached P1 yet.",
    ]


def test_a_write_that_is_overtaken_by_another() -> None:
    found = view([["5 W x 1", "6 W y 1"], ["11 R y 1", "12 R x 0"]])
    assert told(found)[0] == (
        "P0's y = 1 (line 6) becomes visible before its own x = 1 of line 5: "
        "nothing between them keeps a write before a later write."
    )
    assert told(found, ordered(found, (5, 6))) == [
        "P1 reads x = 0 (the initial value) at line 12 before its own read of y at line 11: "
        "nothing between them keeps a read before a later read.",
        "P0 writes x = 1 at line 5.",
        "P0 writes y = 1 at line 6.",
        "Only now P1 reads y = 1 (from P0 line 6) at line 11.",
    ]


def test_the_order_of_writes_is_not_that_in_time() -> None:
    found = view([["5 W x 2", "6 W y 1"], ["11 W y 2", "12 W x 1"]], {"x": "1 2", "y": "1 2"})
    assert told(found, ordered(found, (5, 6), (11, 12)))[-1] == (
        "P1 writes x = 1 at line 12, but P0's x = 2 (line 5), although earlier, overwrites it: "
        "the order of the writes to x need not be the order in which they happen."
    )


def test_a_thread_reads_its_own_write_early() -> None:
    found = view([["5 W x 1", "6 R x 1", "7 R y 0"], ["11 W y 1", "12 R y 1", "13 R x 0"]])
    assert told(found, ordered(found, (6, 7), (12, 13)))[0] == (
        "P0 reads x = 1 (from its own line 5, which no other thread sees yet) at line 6."
    )


def test_a_plain_interleaving_says_so() -> None:
    found = view([["5 W x 1", "6 W y 1"], ["11 R y 1", "12 R x 1"]], state=(("1:r0", "1"), ("[x]", "1")))
    assert told(found) == [
        PLAIN,
        "P0 writes x = 1 at line 5.",
        "P0 writes y = 1 at line 6.",
        "P1 reads y = 1 (from P0 line 6) at line 11.",
        "P1 reads x = 1 (from P0 line 5) at line 12.",
        "At the end P1 has r0 = 1; x = 1.",
    ]


def test_a_fence_is_told_where_it_explains() -> None:
    found = view([["5 W x 1", "6 F smp_wmb() Wmb", "7 R y 0"], ["11 W y 1", "12 F smp_mb() Mb", "13 R x 0"]])
    sentences = told(found, ordered(found, (11, 13)))
    assert sentences[0].endswith("its own x = 1 of line 5 becomes visible: smp_wmb() in line 6 orders writes only.")
    assert not any("smp_mb" in s for s in sentences)


def kernel_view() -> ExecutionView:
    """Two CPUs: set-up of its own, an interrupt, a failed allocation, freed memory."""
    first = [f"{n} W own{n} 1" for n in range(20, 30)]
    return view(
        [
            [*first, "sched.h:7 W private 1", "30 W ipi_P0.sent 1", "31 R ipi_P0.done 1", "32 R mm.state 5"],
            ["sched.h:40 R ipi_P0.sent 1", "kernel.h:41 W ipi_P0.done 1", "42 W mm.state 5"],
        ],
        notes=[
            NoteView(0, "P0 interrupts P1", 25, place("30")),
            NoteView(1, "P1 takes the interrupt of P0 before line 42", 28, place("42")),
            NoteView(1, "P1 fails to allocate", 31, place("sched.h:50")),
        ],
    )


def test_kernel_code_stays_readable() -> None:
    assert told(kernel_view()) == [
        PLAIN,
        "P0 runs lines 20-29 and line 7 of sched.h; no other thread depends on it.",
        "P0 interrupts P1 (line 30).",
        "P1 takes the interrupt of P0 before line 42.",
        "P1 has handled the interrupt of P0 (line 41 of kernel.h).",
        "P1 writes mm.state = 5 at line 42.",
        "P1 fails to allocate (line 50 of sched.h).",
        "P0 sees that the interrupt is handled (line 31).",
        "P0 reads mm.state = 5 (from P1 line 42) at line 32.",
    ]


def test_variables_that_look_like_interrupts_are_variables() -> None:
    found = view([["5 W ipi_P0 1", "6 W task@x 1"], ["8 R ipi_P0 1", "9 R task@x 1"]])
    assert told(found)[1:3] == ["P0 writes ipi_P0 = 1 at line 5.", "P0 writes task@x = 1 at line 6."]


def test_a_task_that_moves() -> None:
    found = view([["5 W task@P0.3.0 1"], ["8 R task@P0.3.0 1", "9 W x 1"]])
    assert rows(found)[:2] == ["P0 line 5: hands the task over", "P1 line 8: takes the task of P0 over"]


def test_long_stories_put_several_accesses_into_one_sentence() -> None:
    found = view([[f"{n} W x{n} 1" for n in range(1, 10)], [f"{n + 20} R x{n} 1" for n in range(1, 10)]])
    sentences = told(found)
    assert len(sentences) == 7
    assert sentences[1] == "P0 writes x1 = 1 at line 1, then writes x2 = 1 at line 2, then writes x3 = 1 at line 3."
    assert sentences[-1].endswith("then reads x9 = 1 (from P0 line 9) at line 29.")


def test_long_stories_leave_out_what_a_thread_does_with_its_own_values() -> None:
    found = view([[f"{n} W x {n}" for n in range(1, 19)], ["30 R x 18"]])
    assert told(found) == [
        PLAIN,
        "P0 runs lines 1-17; no other thread depends on it.",
        "P0 writes x = 18 at line 18.",
        "P1 reads x = 18 (from P0 line 18) at line 30.",
    ]


def test_what_is_private_is_told_if_there_is_nothing_else() -> None:
    assert told(view([["5 W x 1", "6 R x 1"]])) == [
        PLAIN,
        "P0 writes x = 1 at line 5.",
        "P0 reads x = 1 (from its own line 5) at line 6.",
    ]


def test_program_order_that_lines_do_not_show_is_said() -> None:
    found = view([["sched.h:9 W x 1", "sched.h:5 R y 0"], ["11 W y 1", "12 R x 0"]])
    assert told(found)[0] == (
        "P0 reads y = 0 (the initial value) at line 5 of sched.h before its own x = 1 in line 9 of sched.h, which is "
        "earlier in program order, becomes visible: nothing between them keeps a write before a later read."
    )


# --- the timeline ---
def test_rows_of_store_buffering() -> None:
    assert rows(SB) == [
        "P0 line 6: reads y = 0 (the initial value; ahead of line 5)",
        "P1 line 11: writes y = 1",
        "P1 line 12: reads x = 0 (the initial value; P0's x = 1 of line 5 is not visible yet)",
        "P0 line 5: writes x = 1 (visible only now)",
    ]


def test_rows_say_where_values_come_from_and_what_goes() -> None:
    found = view([["5 W x 1"], ["8 R x 1", "9 W x 2", "10 F smp_mb() Mb"]])
    assert rows(found) == [
        "P0 line 5: writes x = 1",
        "P1 line 8: reads x = 1 from P0 line 5",
        "P1 line 9: writes x = 2 (overwrites P0's x = 1 of line 5)",
        "P1 line 10: full barrier",
    ]
    assert rows(IRIW, ordered(IRIW, (5, 6), (10, 11)))[-1] == (
        "P3 line 11: reads x = 0 (the initial value; P0's x = 1 of line 3 is not seen)"
    )


def test_one_row_for_one_line() -> None:
    found = view([["5 F full Mb", "5 R x 0", "5 W x 1", "5 F full Mb", "6 W y 1"]])
    same = [e.place for e in found.events if e.place.line == 5]
    merged = tuple(e if e.place.line != 5 else replace(e, place=same[0]) for e in found.events)
    found = ExecutionView(merged, found.relations, found.base, (), (), True)
    made = timeline(found, tuple(range(len(merged))))
    assert [(r.text, r.events) for r in made] == [
        ("full barrier, reads x = 0 (the initial value), writes x = 1", (2, 3, 4, 5)),
        ("writes y = 1", (6,)),
    ]


def test_notes_stand_where_they_happen() -> None:
    found = kernel_view()
    made = timeline(found, linear(found, ()))
    assert [(i, r.text) for i, r in enumerate(made) if r.note] == [
        (11, "P0 interrupts P1"),
        (13, "P1 takes the interrupt of P0 before line 42"),
        (17, "P1 fails to allocate"),
    ]
    assert all(not r.events for r in made if r.note)
    assert sorted(e for r in made for e in r.events) == [i for i, e in enumerate(found.events) if e.thread >= 0]


def test_freed_memory() -> None:
    found = view([["5 W mm 7"], ["8 R mm 7"]])
    freed = tuple(replace(e, action="frees mm") if e.place.line == 5 else e for e in found.events)
    found = ExecutionView(freed, found.relations, found.base, (), (), True)
    assert rows(found) == ["P0 line 5: frees mm", "P1 line 8: reads mm after P0 line 5 has freed it"]
    assert told(found)[-1] == "P1 reads mm at line 8, after P0 line 5 has freed it."


# --- words ---
@pytest.mark.parametrize(
    ("where", "text"),
    [("12", "line 12"), ("sched.h:7", "line 7 of sched.h"), ("a/b/sched.h:7", "line 7 of sched.h"),
     ("0", "the initial state")],
)  # fmt: skip
def test_places(where: str, text: str) -> None:
    assert phrases.say(place(where), FILE) == text


@pytest.mark.parametrize(
    ("action", "tags", "words"),
    [
        ("smp_mb()", ("Mb",), "full barrier"),
        ("smp_wmb()", ("Wmb",), "write barrier"),
        ("smp_rmb()", (), "read barrier"),
        ("MFENCE", (), "full barrier"),
        ("DMB ST", ("DMB.ST",), "write barrier"),
        ("dmb ishld", (), "load barrier"),
        ("fence rw,rw", (), "full barrier"),
        ("fence.tso", (), "lightweight barrier"),
        ("lwsync", (), "lightweight barrier"),
        ("isb", (), "instruction barrier"),
        ("smp_store_release(x, 1)", ("Fence.rw.w",), "store barrier"),
        ("barrier()", ("Barrier",), "compiler barrier"),
        ("rcu_read_lock()", ("Rcu-lock",), "rcu_read_lock()"),
    ],
)
def test_fences(action: str, tags: tuple[str, ...], words: str) -> None:
    assert phrases.fence_words(fence(action, tags)) == words


@pytest.mark.parametrize(
    ("tag", "pair", "words"),
    [
        ("Wmb", "WR", "orders writes only"),
        ("Wmb", "WW", "does not keep a write before a later write here"),
        ("Rmb", "RW", "orders reads only"),
        ("DMB.LD", "WR", "keeps only reads before what follows it"),
        ("Fence.rw.w", "RR", "keeps what precedes it only before later writes"),
        ("ISB", "RR", "orders nothing without a dependency before it"),
        ("Mb", "WR", "does not keep a write before a later read here"),
    ],
)
def test_what_a_fence_does_not_do(tag: str, pair: str, words: str) -> None:
    first, second = (event(0, f"{line} {kind} x 1 ONCE") for line, kind in enumerate(pair, 4))
    assert phrases.fence_reach(fence("f", (tag,)), first, second, FILE) == words


def test_fences_do_not_bind_plain_accesses() -> None:
    found = view([["5 W x 1 ONCE", "6 F smp_wmb() Wmb", "7 W y 1"], ["11 R y 1 ONCE", "12 R x 0 ONCE"]])
    assert "smp_wmb() in line 6 does not bind the plain access in line 7, which the compiler may move or change" in (
        gaps(found, ordered(found, (11, 12)))[0].text
    )


def fence(action: str, tags: tuple[str, ...]) -> EventView:
    return EventView("a", 0, "F", "", "", tags, action, place("3", action))


def test_final_states() -> None:
    assert phrases.ending((("0:r0", "1"), ("0:r1", "0"), ("1:r0", "2"), ("[x]", "2"), ("y", "3"))) == (
        "P0 has r0 = 1 and r1 = 0; P1 has r0 = 2; x = 2 and y = 3"
    )
    assert phrases.ending(()) == ""
