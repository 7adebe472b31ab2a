"""``why`` and ``why not``: what they name, in executions where the answer is known."""

from __future__ import annotations

import pytest

from membar_check.explore.reasons import missing_ways
from membar_check.explore.session import Session
from support.sessions import opened, said


def ways(session: Session, name: str, a: str, b: str) -> list[str]:
    """What two events lack, each way in a line."""
    letters = [e.name for e in session.look.view.events]
    found = missing_ways(session.look, name, letters.index(a), letters.index(b))
    return [f"{', '.join(way.chain)}: {way.text}" for way in found]


def lines(session: Session, line: str) -> list[str]:
    """What is listed, each item in a line."""
    return [" ".join(item.split()) for item in said(session, line).split("    - ")[1:]]


@pytest.mark.parametrize(
    ("pair", "listed"),
    [
        ("9 10", ["mb: no Mb between", "fence, wmb: no Wmb between", "release: the write of y in line 10 is not"]),
        ("18 19", ["mb: no Mb between", "fence, rmb: no Rmb between", "acquire: the read of y in line 18 is not in Acq",
                   "addr: the address of the second does not depend on the first"]),
    ],
)  # fmt: skip
def test_all_that_is_near_is_listed(pair: str, listed: list[str]) -> None:
    found = lines(opened("c/MP"), f"why not hb {pair}")
    at = [next(i for i, line in enumerate(found) if text in line) for text in listed]
    assert at == sorted(at), "the nearest first"


def test_what_is_listed_does_it() -> None:
    session = opened("c/MP")
    assert any("wmb: no Wmb between" in line for line in lines(session, "why not hb 9 10"))
    said(session, "apply add smp_wmb after 9")
    assert "because fence, because wmb" in said(session, "why hb 9 11")


def test_another_source_of_a_read_is_named() -> None:
    session = opened("aarch64/MP")  # a: x = 0, b: W x, c: W y, d: R y, e: R x
    assert ways(session, "rfe", "b", "e") == ["rfe: the read of x in line 12 takes the initial value of x"]


def test_what_nothing_supplies() -> None:
    text = said(opened("c/MP"), "why not hb 10 9")
    assert "nothing near would put it there:" in text
    assert "does not come before" in text


def test_of_a_model_that_names_none_of_what_it_tests() -> None:
    assert "not in " in said(opened("aarch64/MP"), "why not b c")


@pytest.mark.parametrize(
    ("name", "pair", "text"),
    [
        ("po", "cf", "they are in different threads"),
        ("po", "dc", "does not come before the write of x in line 11 in program order"),
        ("rf", "dc", "is no write"),
        ("co", "ce", "are different locations"),
        ("loc", "cd", "are different locations"),
        ("int", "cf", "they are in different threads"),
        ("ext", "cd", "they are in one thread"),
        ("rmw", "cd", "they are not the two halves of one read-modify-write"),
        ("Mb", "cc", "is not in Mb"),
        ("Mb", "cd", "Mb is a set of events, and these are two"),
    ],
)
def test_what_base_relations_lack(name: str, pair: str, text: str) -> None:
    assert text in ways(opened("c/SB"), name, *pair)[0]


def test_all_relations_of_all_pairs_have_an_answer() -> None:
    for path in ("c/RCU+reader+gp", "c/MP+plain", "aarch64/MP+dmb.sy+addr-isb"):
        session = opened(path)
        deriver = session.look.scene.deriver
        letters = [e.name for e in session.look.view.events]
        for name in deriver.names():
            pairs = deriver.pairs(name)
            for a in letters[:5]:
                for b in letters[-4:]:
                    pair = (session.look.numbers[letters.index(a)], session.look.numbers[letters.index(b)])
                    assert bool(ways(session, name, a, b)) == (pair not in pairs), (path, name, a, b)


def test_why_shows_the_relation_nearest_to_a_check() -> None:
    text = said(opened("c/SB+mbs"), "why c e")
    assert "P0 line 11 (W x = 1) --pb--> P0 line 13 (R y = 0) (lkmm-axioms.cat:" in text
    assert "mb (smp_mb() in line 12)" in text


@pytest.mark.parametrize("line", ["why mb c e", "why c e in mb", "why mb 11 13", "why mb P0:11 P0:13r"])
def test_why_a_named_relation(line: str) -> None:
    text = said(opened("c/SB+mbs"), line)
    assert "--mb-->" in text
    assert "lkmm-axioms.cat:" in text
    assert "--pb-->" not in text


def test_why_of_a_pair_that_is_not_there() -> None:
    session = opened("c/SB+mbs")
    assert "not in hb; `why not hb e c` says what is missing" in said(session, "why hb e c")
    assert "the other way round: po, int" in said(opened("aarch64/MP"), "why c b")
    assert "it is in hb: `why hb c e` says why" in said(session, "why not hb c e")


def test_program_order_alone_orders_nothing() -> None:
    text = said(opened("c/SB"), "why c d")
    assert "but for program order nothing orders them" in text
    assert "`why not c d` says what is missing" in text


def test_the_cycle_of_a_candidate_and_of_an_execution() -> None:
    forbidden = said(opened("c/SB+mbs"), "cycle")
    assert forbidden.startswith("propagation (lkmm-axioms.cat:78, acyclic) rules it out:")
    allowed = said(opened("c/SB"), "cycle")
    assert allowed.count("(not kept in order)") == 2
    assert "--fr-->" in allowed
    assert "there is none" in said(opened("c/SB", outcome="0:r0=1 /\\ 1:r0=1"), "cycle")


def test_the_pairs_that_raise_a_flag() -> None:
    text = said(opened("c/MP+plain", outcome="data-race"), "cycle")
    assert text.startswith("data-race (lkmm-axioms.cat:")
    assert "wr-race" in text


@pytest.mark.parametrize(("path", "line", "pair"), [("c/SB", 11, "c d"), ("c/LB", 11, "a b"), ("c/R+wmb+mb", 9, "b d")])
def test_the_barrier_that_is_missing_supplies_the_relation(path: str, line: int, pair: str) -> None:
    session = opened(path)
    assert "no Mb between" in said(session, f"why not pb {pair}")
    a, b = (e.place.text for e in session.look.view.events if e.name in pair.split())
    said(session, f"apply add smp_mb after {line}")
    names = {e.place.text: e.name for e in session.look.view.events}
    assert "--pb-->" in said(session, f"why pb {names[a]} {names[b]}")
