"""Two models on given tests."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from membar_check.engine.api import CheckOptions, parse_file
from membar_check.engine.models import DEFAULT_VARIANTS, Model, ModelRequest, get_model
from membar_check.synth.compare import (
    EQUAL,
    INCOMPARABLE,
    STRONGER,
    UNKNOWN,
    WEAKER,
    compare_test,
    judge,
    relation_of,
    together,
)
from support.inline import parse

LITMUS = Path(__file__).resolve().parent.parent.parent / "litmus"
OPTIONS = CheckOptions(hash=False)


@lru_cache
def model(name: str, arch: str) -> Model:
    return get_model(ModelRequest(name, None, None, (), DEFAULT_VARIANTS, arch))


def pair(old: str, new: str, arch: str) -> tuple[Model, Model]:
    return model(old, arch), model(new, arch)


@pytest.mark.parametrize(
    ("old", "new", "relation"),
    [({1}, {1}, EQUAL), ({1}, {1, 2}, WEAKER), ({1, 2}, {1}, STRONGER), ({1}, {2}, INCOMPARABLE)],
)
def test_more_states_are_weaker(old: set[object], new: set[object], relation: str) -> None:
    assert relation_of(frozenset(old), frozenset(new)) == relation


def test_relations_add_up() -> None:
    assert together([EQUAL, UNKNOWN, EQUAL]) == EQUAL
    assert together([EQUAL, WEAKER, WEAKER, UNKNOWN]) == WEAKER
    assert together([WEAKER, STRONGER]) == INCOMPARABLE
    assert together([]) == EQUAL


def test_a_test_that_changes() -> None:
    told = compare_test(parse_file(str(LITMUS / "x86" / "SB.litmus"), ()), pair("sc", "x86-tso", "X86"), OPTIONS)
    assert (told.relation, told.old, told.new) == (WEAKER, "No Never", "Ok Sometimes")
    assert told.changed and not told.flags and not told.reason


def test_a_test_that_stays() -> None:
    test = parse_file(str(LITMUS / "x86" / "SB+mfences.litmus"), ())
    told = compare_test(test, pair("sc", "x86-tso", "X86"), OPTIONS)
    assert (told.relation, told.changed) == (EQUAL, False)


def test_the_other_way_round_it_is_stronger() -> None:
    test = parse_file(str(LITMUS / "x86" / "SB.litmus"), ())
    assert compare_test(test, pair("x86-tso", "sc", "X86"), OPTIONS).relation == STRONGER


def test_flags_are_compared_apart() -> None:
    test = parse_file(str(LITMUS / "c" / "MP+plain.litmus"), ())
    told = compare_test(test, pair("lkmm", "aarch64", "C"), OPTIONS)
    assert told.flags and told.changed
    assert "data-race" in told.old and "data-race" not in told.new


def test_what_a_model_cannot_judge_is_no_answer() -> None:
    test = parse('C t\n{}\nP0(int *x) { srcu_read_lock(x); }\nexists (x=0)\n')
    told = compare_test(test, pair("lkmm", "aarch64", "C"), OPTIONS)
    assert told.relation == UNKNOWN and told.reason.startswith("aarch64: ")


def test_reach_answers_the_proposition_only() -> None:
    test = parse_file(str(LITMUS / "x86" / "SB.litmus"), ())
    verdict = judge(test, model("x86-tso", "X86"), OPTIONS, reach=True)
    assert verdict.reached and verdict.states is None
