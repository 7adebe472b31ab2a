"""``why`` and ``why not``: what they name, in executions where the answer is known."""

from __future__ import annotations

import pytest

from membar_check.explore.missing import missing
from membar_check.explore.session import Session
from support.sessions import opened, said


def ways(session: Session, name: str, a: str, b: str) -> list[str]:
    """What two events lack, each way in a line."""
    view = session.look.view
    letters = [e.name for e in view.events]
    numbers = [session.look.numbers[letters.index(x)] for x in (a, b)]
    say = dict(zip(session.look.numbers, letters, strict=True))
    found = missing(session.look.scene.deriver, name, numbers[0], numbers[1], lambda e: say.get(e, "?"))
    return [] if found is None else [way.said for way in found]


def test_a_missing_barrier_is_named() -> None:
    session = opened("c/SB")  # c: W x, d: R y, e: W y, f: R x
    assert ways(session, "hb", "c", "d")[0] == (
        "hb, ppo, fence, nonrw-fence, strong-fence, mb: nothing in Mb stands between c and d"
    )


def test_another_source_of_a_read_is_named() -> None:
    session = opened("aarch64/MP")  # a: x = 0, b: W x, c: W y, d: R y, e: R x
    assert ways(session, "rfe", "b", "e") == ["e reads from a"]
    assert "observed: e reads from a" in ways(session, "observed", "b", "e")


@pytest.mark.parametrize(
    ("name", "pair", "text"),
    [
        ("po", "cf", "c and f are not of one thread"),
        ("po", "dc", "d does not come before c in program order"),
        ("rf", "dc", "d is no write"),
        ("co", "ce", "c accesses x and e accesses y"),
        ("loc", "cd", "c accesses x and d accesses y"),
        ("int", "cf", "c and f are not of one thread"),
        ("ext", "cd", "c and d are of one thread"),
        ("ctrl", "cd", "c is no read"),
        ("data", "ce", "c and e are not of one thread"),
        ("rmw", "cd", "c and d are not the halves of one read-modify-write"),
        ("rfe", "ef", "e accesses y and f accesses x"),
        ("fr", "cd", "c is no read"),
        ("Mb", "cc", "c is not in Mb"),
        ("Mb", "cd", "Mb is a set of events, and these are two"),
    ],
)
def test_what_base_relations_lack(name: str, pair: str, text: str) -> None:
    assert ways(opened("c/SB"), name, *pair)[0].removeprefix(f"{name}: ") == text


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
    assert "nothing in Mb stands between" in said(session, f"why not pb {pair}")
    a, b = (e.place.text for e in session.look.view.events if e.name in pair.split())
    said(session, f"apply add smp_mb after {line}")
    names = {e.place.text: e.name for e in session.look.view.events}
    assert "--pb-->" in said(session, f"why pb {names[a]} {names[b]}")
