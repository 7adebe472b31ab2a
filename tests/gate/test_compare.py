"""What differs between two records, and whether more executions could take it back."""

from __future__ import annotations

import pytest

from membar_check.gate.compare import FIELDS, cut_short, differences, summary
from membar_check.gate.record import digest_of_states
from membar_check.gate.report_data import Record
from membar_check.records import replace

STATES = ("x=0;", "x=1;")
BASE = Record(
    "t", kind="Allowed", word="Ok", observation="Sometimes", states=STATES, state_count=2,
    state_digest=digest_of_states(STATES), positive=1, negative=2, reached=True, counter_reached=True,
)  # fmt: skip
NEVER = replace(BASE, observation="Never", word="No", reached=False)
MORE = ("x=0;", "x=1;", "x=2;")
WIDER = replace(BASE, states=MORE, state_count=3, state_digest=digest_of_states(MORE))
OTHERS = replace(BASE, states=None, state_digest="0")
ASKS = replace(BASE, kind="Forbidden")


@pytest.mark.parametrize(
    ("old", "new", "text", "final"),
    [
        (BASE, NEVER, "Sometimes before, Never now", False),
        (NEVER, BASE, "Never before, Sometimes now", True),
        (BASE, WIDER, "1 state appeared: x=2", True),
        (WIDER, BASE, "1 state disappeared: x=2", False),
        (BASE, replace(WIDER, states=None), "2 states before, 3 now", True),
        (replace(BASE, states=None), OTHERS, "other final states, though 2 states as well", True),
        (BASE, replace(BASE, flags=("race",)), "flag race appeared", True),
        (replace(BASE, flags=("race", "bug")), BASE, "flags bug, race disappeared", False),
        (BASE, replace(BASE, positive=3), "1 positive execution before, 3 now", True),
        (BASE, replace(BASE, negative=1), "2 negative executions before, 1 now", False),
        (replace(BASE, classes=()), replace(BASE, classes=("missed",)), "class missed appeared", True),
        (replace(BASE, classes=("missed",)), replace(BASE, classes=()), "class missed disappeared", False),
        (BASE, replace(BASE, classes=()), "another test before, a test in kernel C now", True),
        (BASE, ASKS, "the condition asks something else: Allowed before, Forbidden now", True),
        (BASE, replace(BASE, undefined=True), "the behaviour is defined before, undefined now", True),
        (BASE, replace(BASE, loop=True), "all executions before, some cut at the unrolling bound now", False),
    ],
)
def test_differences(old: Record, new: Record, text: str, final: bool) -> None:
    found = differences(old, new, FIELDS)
    assert (found[0].text, found[0].final) == (text, final)
    assert len(found) == 1


@pytest.mark.parametrize("old", [BASE, NEVER, WIDER, replace(BASE, states=None)])
def test_a_record_does_not_differ_from_itself(old: Record) -> None:
    assert differences(old, old, FIELDS) == ()


def test_order_of_states_is_no_difference() -> None:
    turned = replace(BASE, states=STATES[::-1])
    assert differences(BASE, turned, FIELDS) == ()
    assert differences(replace(BASE, states=None), turned, FIELDS) == ()


def test_only_what_is_asked_for_is_compared() -> None:
    other = replace(WIDER, observation="Never", flags=("race",), positive=9)
    assert [d.text for d in differences(BASE, other, ("flags",))] == ["flag race appeared"]
    assert len(differences(BASE, other, FIELDS)) == 4


def test_many_states_are_shortened() -> None:
    many = tuple(f"x={n};" for n in range(9))
    wide = replace(BASE, states=many, state_count=9, state_digest=digest_of_states(many))
    assert differences(BASE, wide, FIELDS)[0].text == "7 states appeared: x=2 | x=3 | x=4 | ..."


def test_in_a_word() -> None:
    assert summary(BASE) == "Sometimes"
    assert summary(replace(BASE, classes=())) == "clean"
    assert summary(replace(BASE, classes=("a", "b"))) == "a,b"
    assert summary(Record("t", failure="time-out")) == "time-out"


def test_what_a_bound_leaves_open() -> None:
    assert not cut_short(replace(BASE, loop=True))
    assert cut_short(replace(NEVER, loop=True))
    assert cut_short(replace(BASE, loop=True, classes=()))
    assert not cut_short(NEVER)
