"""What makes an execution possible, and an order to tell it in."""

from __future__ import annotations

import random

import pytest

from membar_check.explain.critical import PROPAGATION, REORDERED, Kept, Orders, critical_cycle
from membar_check.explain.explanation import ExecutionView, NoteView, Pair
from membar_check.explain.gaps import gaps, surprises
from membar_check.explain.objections import axioms
from membar_check.explain.order import linear
from membar_check.records import replace
from support.views import numbers, ordered, view

SB = view([["5 W x 1", "6 R y 0"], ["11 W y 1", "12 R x 0"]])
WIDER = view([["5 W x 1", "6 R y 0", "7 W z 1"], ["11 W y 1", "12 R x 0"]])
MP = view([["5 W x 1", "6 W y 1"], ["11 R y 1", "12 R x 0"]])
LB = view([["5 R x 1", "6 W y 1"], ["11 R y 1", "12 W x 1"]])
IRIW = view([["3 W x 1"], ["5 R x 1", "6 R y 0"], ["8 W y 1"], ["10 R y 1", "11 R x 0"]])
TWO_WRITES = view([["5 W x 2", "6 W y 1"], ["11 W y 2", "12 W x 1"]], {"x": "1 2", "y": "1 2"})
R = view([["5 W x 1", "6 W y 1"], ["11 W y 2", "12 R x 0"]], {"y": "1 2"})
FORWARDED = view([["5 W x 1", "6 R x 1", "7 R y 0"], ["11 W y 1", "12 R y 1", "13 R x 0"]])
ORDINARY = view([["5 W x 1", "6 W y 1"], ["11 R y 1", "12 R x 1"]])
NOTHING: frozenset[Pair] = frozenset()


def lines(found: ExecutionView, order: tuple[int, ...]) -> list[int]:
    return [found.events[e].place.line for e in order if found.events[e].thread >= 0]


def texts(found: ExecutionView, model: frozenset[Pair] = NOTHING) -> list[str]:
    return [g.text for g in gaps(found, model)]


@pytest.mark.parametrize(
    ("found", "pairs"),
    [
        (SB, [(5, 6), (11, 12)]),
        (MP, [(5, 6), (11, 12)]),
        (LB, [(5, 6), (11, 12)]),
        (IRIW, [(5, 6), (10, 11)]),
        (TWO_WRITES, [(5, 6), (11, 12)]),
        (R, [(5, 6), (11, 12)]),
        (FORWARDED, [(5, 7), (11, 13)]),
        (ORDINARY, []),
    ],
)
def test_without_order_each_step_of_program_order_is_a_gap(
    found: ExecutionView, pairs: list[tuple[int, int]]
) -> None:
    seen = [(g.source, g.target) for g in gaps(found, NOTHING)]
    assert seen == [tuple(numbers(found, *pair)) for pair in pairs]
    assert {g.kind for g in gaps(found, NOTHING)} <= {REORDERED}


def test_what_the_model_orders_is_no_gap() -> None:
    (only,) = gaps(SB, ordered(SB, (5, 6)))
    assert [only.source, only.target] == numbers(SB, 11, 12)
    assert only.text == (
        "P1 may take line 12 (reads x) before its write to y in line 11 is visible: "
        "nothing between them keeps a write before a later read"
    )


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (MP, "P0's write to y in line 6 may become visible before its write to x in line 5: nothing between them keeps "
             "a write before a later write"),
        (LB, "P0's write to y in line 6 may become visible before its read of x in line 5 is done: nothing between "
             "them keeps a read before a later write"),
        (IRIW, "P1 may take line 6 (reads y) before its read of x in line 5: nothing between them keeps a read before "
               "a later read"),
    ],
)  # fmt: skip
def test_texts_name_the_kind_of_reordering(found: ExecutionView, text: str) -> None:
    assert texts(found)[0] == text


def test_a_fence_in_between_is_named_with_what_it_does() -> None:
    found = view([["5 W x 1", "6 F smp_wmb() Wmb", "7 R y 0"], ["11 W y 1", "12 F smp_mb() Mb", "13 R x 0"]])
    assert texts(found, ordered(found, (11, 13))) == [
        "P0 may take line 7 (reads y) before its write to x in line 5 is visible: smp_wmb() in line 6 orders writes "
        "only"
    ]


def test_dependencies_and_annotations_are_named() -> None:
    found = view([["5 W x 1", "6 W y 1"], ["11 R y 1", "12 R x 0"]], ctrl=[(4, 5)])
    assert texts(found, ordered(found, (5, 6))) == [
        "P1 may take line 12 (reads x) before its read of y in line 11: there is only a control dependency between "
        "them, which does not keep a read before a later read here"
    ]
    found = view([["5 W x 1 Release", "6 R y 0 Acquire"], ["11 W y 1", "12 R x 0"]])
    assert texts(found)[0].endswith(
        "the release in line 5 orders what comes before it, not what follows and "
        "the acquire in line 6 orders what follows it, not what comes before"
    )


def test_two_accesses_of_one_line_and_lines_out_of_order() -> None:
    found = view([["5 W x 1", "4 F xchg Once", "5 R y 0"], ["11 W y 1", "12 R x 0"]])
    same = tuple(replace(e, place=found.events[2].place) if e.place.line == 5 else e for e in found.events)
    assert texts(replace(found, events=same))[0].startswith(
        "P0 may perform the second access of line 5 (reads y) before the first (writes x): xchg in line 4 does"
    )
    found = view([["sched.h:9 R x 1", "5 R y 0"], ["11 W y 1", "12 W x 1"]])
    assert texts(found)[0].startswith(
        "P0 may take line 5 (reads y) before its read of x in line 9 of sched.h, which is earlier in program order: "
    )


def test_where_program_order_is_kept_writes_arrive_late() -> None:
    found = gaps(IRIW, ordered(IRIW, (5, 6), (10, 11)))
    assert {g.kind for g in found} == {PROPAGATION}
    assert [g.text for g in found] == ["x = 1 (P0 line 3) reaches P1 before it reaches P3"]
    assert texts(R, ordered(R, (5, 6), (11, 12))) == [
        "x = 1 (P0 line 5) has not reached P1 yet when line 12 reads x = 0, although nothing is reordered within the "
        "threads"
    ]


def test_writes_that_are_ordered_by_none_of_the_threads() -> None:
    first, _ = gaps(TWO_WRITES, ordered(TWO_WRITES, (5, 6), (11, 12)))
    assert first.kind == PROPAGATION
    assert first.text.startswith("y = 2 (P1 line 11) overwrites y = 1 (P0 line 6) although it comes first")


LOCKED = view(
    [
        ["3 - takes s", "4 W x 1", "5 - releases s UL"],
        ["8 - takes s", "9 R x 1", "10 R y 0", "11 - releases s UL"],
        ["14 W y 1", "15 R x 0"],
    ]
)


def test_what_would_not_help_is_no_gap() -> None:
    """The lock orders P0's write before P1's read of y, so that to take this read early explains nothing."""
    model = ordered(LOCKED, (14, 15), (4, 10))
    assert texts(LOCKED, model) == ["x = 1 (P0 line 4) reaches P1 before it reaches P2"]
    assert lines(LOCKED, linear(LOCKED, gaps(LOCKED, model), model)) == [3, 4, 5, 8, 9, 10, 11, 14, 15]


def test_sections_that_take_one_lock_do_not_mix() -> None:
    found = view([["3 - takes s", "4 W x 1", "5 - releases s UL"], ["8 - takes s", "9 R x 1", "10 - releases s UL"]])
    assert gaps(found, NOTHING) == ()
    assert lines(found, linear(found, ())) == [3, 4, 5, 8, 9, 10]
    found = view([["3 - takes s", "4 R x 1", "5 - releases s UL"], ["8 - takes s", "9 W x 1", "10 - releases s UL"]])
    assert texts(found)[0].startswith("P0 may perform line 5 (releases the lock s) before line 4 (reads x): ")


def test_the_order_agrees_with_the_model_between_threads() -> None:
    """Either step could be given up, were it not for what the model orders across threads (a grace period)."""
    found = view([["5 R x 1", "6 W y 1"], ["11 R y 1", "12 W z 1"], ["20 R z 1", "21 F synchronize_rcu()", "22 W x 1"]])
    model = ordered(found, (20, 22), (11, 22), (12, 22), (12, 20))
    assert [(g.source, g.target) for g in gaps(found, model)] == [tuple(numbers(found, 5, 6))]
    assert lines(found, linear(found, gaps(found, model), model)) == [6, 11, 12, 20, 21, 22, 5]


def test_sections_begin_late_and_end_early() -> None:
    found = view([["5 W x 1", "6 F lock Rcu-lock", "7 R y 1", "8 F unlock Rcu-unlock"], ["11 R x 1", "12 W y 1"]])
    assert lines(found, linear(found, ())) == [5, 11, 12, 6, 7, 8]


def test_values_out_of_thin_air() -> None:
    first, _ = gaps(LB, ordered(LB, (5, 6), (11, 12)))
    assert first.text.endswith("the values justify each other in a circle")


@pytest.mark.parametrize(
    ("found", "model", "order"),
    [
        (SB, NOTHING, [6, 11, 12, 5]),
        (SB, ordered(SB, (5, 6)), [12, 5, 6, 11]),
        (MP, NOTHING, [6, 11, 12, 5]),
        (MP, ordered(MP, (5, 6)), [12, 5, 6, 11]),
        (IRIW, ordered(IRIW, (5, 6), (10, 11)), [3, 5, 6, 8, 10, 11]),
        (FORWARDED, ordered(FORWARDED, (6, 7), (12, 13)), [6, 7, 11, 12, 13, 5]),
        (ORDINARY, NOTHING, [5, 6, 11, 12]),
    ],
)
def test_order_with_few_moves(found: ExecutionView, model: frozenset[Pair], order: list[int]) -> None:
    told = linear(found, gaps(found, model), model)
    assert sorted(told) == list(range(len(found.events)))
    assert lines(found, told) == order
    assert told[: len(found.events) - len(order)] == tuple(range(len(found.events) - len(order)))


def test_read_modify_writes_stay_together() -> None:
    found = view([["5 R x 0", "5 W x 1"], ["9 R x 0", "10 W y 1"]], rmw=[(2, 3)])
    assert lines(found, linear(found, ())) == [9, 10, 5, 5]


def test_fences_stay_behind_what_they_follow() -> None:
    found = view([["5 W x 1", "6 F smp_wmb() Wmb", "7 R y 0"], ["11 W y 1", "12 R x 0"]])
    assert lines(found, linear(found, gaps(found, NOTHING))) == [7, 11, 12, 5, 6]


def test_fewest_surprises_first() -> None:
    note = NoteView(0, "P0 fails to allocate", 2, ORDINARY.events[2].place)
    noted = view([["5 W x 1", "6 W y 1"], ["11 R y 1", "12 R x 1"]], notes=[note])
    old = view([["5 W x 1", "6 W y 1"], ["11 R y 0", "12 R x 0"]])
    keys = [surprises(v, NOTHING) for v in (ORDINARY, old, noted, IRIW, SB)]
    assert keys == sorted(keys, key=lambda k: k[:4])
    assert surprises(ORDINARY, NOTHING) == (0, 0, 0, 0, 6)
    assert surprises(SB, NOTHING) == (1, 2, 0, 2, 6)
    assert surprises(SB, ordered(SB, (5, 6)))[:2] == (1, 1)


def test_smallest_cycle_first() -> None:
    found = view([["5 W x 1", "6 W z 1", "7 R y 0"], ["11 W y 1", "12 R x 0"], ["20 R z 1"]])
    assert [s.relation for s in critical_cycle(found)] == ["po", "fr", "po", "fr"]
    assert critical_cycle(ORDINARY) == ()


@pytest.mark.parametrize("seed", range(60))
def test_any_execution_can_be_told(seed: int) -> None:
    chance = random.Random(seed)
    found = random_view(chance)
    orders = Orders(found)
    chains = [(a, b) for t in orders.threads for a in orders.threads[t] for b in orders.threads[t] if a < b]
    model = closed({p for p in chains if chance.random() < 0.3})
    seen = gaps(found, model)
    kept = Kept(orders, model)
    assert bool(seen) == bool(kept.cyclic())
    for gap in seen:
        assert gap.kind == PROPAGATION or (gap.source, gap.target) not in model
        kept.drop(gap)
    assert not kept.cyclic()
    told = linear(found, seen, model)
    assert sorted(told) == list(range(len(found.events)))
    if not seen:
        time = {e: i for i, e in enumerate(told)}
        assert all(time[a] < time[b] for name in ("po", "rf", "co", "fr") for a, b in found.relations.get(name, ()))
    assert told == linear(found, seen, model)


def closed(pairs: set[Pair]) -> frozenset[Pair]:
    while more := {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs:
        pairs |= more
    return frozenset(pairs)


def random_view(chance: random.Random) -> ExecutionView:
    """Threads of a few accesses each; coherence follows program order, reads do not go back within a thread."""
    counts = {"x": 0, "y": 0, "z": 0}
    kinds = [[(chance.choice("RW"), chance.choice("xyz")) for _ in range(chance.randint(1, 4))] for _ in range(3)]
    total = {v: sum(1 for thread in kinds for k, w in thread if (k, w) == ("W", v)) for v in counts}
    threads, line = [], 0
    for thread in kinds:
        words, floor = [], dict.fromkeys(counts, 0)
        for kind, variable in thread:
            line += 1
            if kind == "W":
                counts[variable] += 1
                floor[variable] = counts[variable]
            else:
                floor[variable] = chance.randint(floor[variable], total[variable])
            words.append(f"{line} {kind} {variable} {floor[variable]}")
        threads.append(words)
    return view(threads)


# --- why checks do not object ---
def test_how_far_a_check_goes() -> None:
    relation = ordered(SB, (6, 11), (12, 5), (5, 6))
    (found,) = axioms(SB, [("order", "acyclic", "m.cat:3", relation)], ordered(SB, (5, 6)))
    assert (found.axiom, found.test, found.defined) == ("order", "acyclic", "m.cat:3")
    assert found.text == (
        "it puts P1 line 12 (reads x = 0) before P0 line 5 (writes x = 1) before P0 line 6 (reads y = 0) before "
        "P1 line 11 (writes y = 1), but not that before P1 line 12 (reads x = 0): no cycle"
    )


def test_the_step_that_nothing_orders_is_named() -> None:
    model = ordered(SB, (5, 6))
    (found,) = axioms(SB, [("order", "acyclic", "", model)], model)
    assert found.text == (
        "it puts P0 line 5 (writes x = 1) before P0 line 6 (reads y = 0), but not that before P1 line 11 (writes y = 1)"
        ", and nothing orders P1 line 11 before line 12: no cycle"
    )


@pytest.mark.parametrize(
    ("found", "test", "pairs", "text"),
    [
        (SB, "acyclic", [], "its relation is empty in this execution"),
        (SB, "empty", [], "its relation is empty in this execution"),
        (SB, "irreflexive", [(6, 11)], "none of the 1 pair of its relation leads from an event to itself"),
        (WIDER, "acyclic", [(5, 7)], "it orders no step of the cycle P0 line 5 -> P0 line 6 -> P1 line 11 ->"),
        (ORDINARY, "acyclic", [(5, 6), (6, 11)], "the 2 pairs of its relation agree with the order of the"),
    ],
)
def test_checks_that_do_not_come_near(
    found: ExecutionView, test: str, pairs: list[tuple[int, int]], text: str
) -> None:
    (axiom,) = axioms(found, [("a", test, "", ordered(found, *pairs))])
    assert axiom.text.startswith(text)
