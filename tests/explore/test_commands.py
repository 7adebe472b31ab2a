"""Single commands: what they print, what they refuse, what completes them."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.api import CheckOptions
from membar_check.explain.case import Case
from membar_check.explore import look
from membar_check.explore import session as sessions
from membar_check.explore.commands import REGISTRY, complete
from membar_check.explore.page import Page
from support.inline import parse
from support.sessions import opened, said


@pytest.fixture(scope="module")
def forbidden(request: pytest.FixtureRequest) -> sessions.Session:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(request.config.rootpath)
        return opened("c/SB+mbs")


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("frob", "there is no command 'frob'", "`help` lists the commands"),
        ("timelin3", "there is no command 'timelin3'", "did you mean 'timeline'?"),
        ("st", "'st' can be states, state, story", "write more of it"),
        ("what", "'what' is not all of a command", "usage: what if drop FENCE@LINE; what if add"),
        ("states now", "'now' is no number", "usage: states [FROM]"),
        ("states 4", "there is no state 4", "usage: states [FROM]"),
        ("timeline now", "'now' is too much", "usage: timeline"),
        ("state", "'' is no number", "usage: state N"),
        ("state 9", "there is no state 9", "the test ends in states 1 to 3"),
        ("outcome frob", "'frob' is no class of outcome of this test and no flag of its model", ""),
        ("outcome 0:r9=1", "`r9`", ""),
        ("execution 2", "there is no execution 2", "there are 1 to 1"),
        ("executions 2", "there is no execution 2", "usage: executions [FROM]"),
        ("next", "execution 1 is the last of this outcome", ""),
        ("prev", "execution 1 is the first of this outcome", ""),
        ("event", "which event?", "usage: event E"),
        ("event c d", "'c d' is not one event", "usage: event E"),
        ("event zz", "'zz' names no event of this execution", "a letter (`events` lists them)"),
        ("event 1", "nothing of this execution happens at 1", "there are events at 11, 12, 13, 20, 21, 22"),
        ("event P1:11", "nothing of this execution happens at P1:11", ""),
        ("event 11r", "nothing of this execution happens at 11r", ""),
        ("source 99", "litmus/c/SB+mbs.litmus has no line 99", "it has lines 1 to 25"),
        ("source other.h", "the test has no file 'other.h'", "there are SB+mbs.litmus"),
        ("relation hbb", "the model lkmm has nothing called 'hbb'", "did you mean 'hb'?"),
        ("relation hb pb", "'hb pb' is not one name", "usage: relation [NAME]"),
        ("set Acquired", "the model lkmm has nothing called 'Acquired'", "did you mean 'Acquire'?"),
        ("why", "which events?", "usage: why A B [in NAME]; why NAME A B"),
        ("why c", "'c' is not two events", ""),
        ("why frob c e", "the model lkmm has nothing called 'frob'", ""),
        ("why not c", "'c' is not two events", "usage: why not A B"),
        ("model hbb", "the model lkmm defines nothing called 'hbb'", "did you mean 'hb'?"),
        ("what if", "what if what?", "usage: what if drop FENCE@LINE"),
        ("what if frob 3", "found `frob 3`, expected `drop FENCE@LINE`", ""),
        ("what if drop 13", "there is no fence in line 13", "possible: drop smp_mb@12"),
        ("what if drop 12 and drop 12", "change the same text", ""),
        ("what if drop 12 and ", "nothing stands beside `and`", "usage: what if"),
        ("what if model", "which model?", "usage: what if model M"),
        ("what if model frob", "there is no model 'frob'", ""),
        ("what if model power", "the model power is for PPC, but the test is C", ""),
        ("what if drop axiom", "which axiom?", "usage: what if drop axiom NAME"),
        ("what if drop axiom propagatio", "the model lkmm has no axiom 'propagatio'", "did you mean 'propagation'?"),
        ("edits frob", "'frob' is no kind of edit and no line", "usage: edits [all] [KIND] [LINE]"),
        ("apply", "there is nothing to apply", "try something with `what if`"),
        ("write", "which file?", "usage: write FILE"),
        ("write litmus/c/SB.litmus", "litmus/c/SB.litmus is there already", "`write over litmus/c/SB.litmus`"),
        ("write over /nowhere/at/all", "/nowhere/at/all: cannot be written: no such file or directory", ""),
        ("help frob", "there is no command 'frob'", ""),
        ("quit now", "'now' is too much", "usage: quit"),
    ],
)
def test_refusals(forbidden: sessions.Session, line: str, message: str, hint: str) -> None:
    before = (forbidden.number, forbidden.focus, forbidden.test, forbidden.proposal, forbidden.leaving)
    with pytest.raises(InputError) as caught:
        said(forbidden, line)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert before == (forbidden.number, forbidden.focus, forbidden.test, forbidden.proposal, forbidden.leaving)


def test_core_is_for_forbidden_outcomes() -> None:
    with pytest.raises(InputError, match="the outcome is allowed, so nothing forbids it"):
        said(opened("c/SB"), "core")


def test_an_outcome_without_candidates() -> None:
    session = opened("c/SB", outcome="0:r0=7")
    assert "nothing to look at there" in said(session, "outcome")
    for line in ("timeline", "events", "why a b", "cycle", "executions"):
        if line == "executions":
            assert "forbidden (no candidate)" in said(session, line)
        else:
            with pytest.raises(InputError, match="no candidate at all ends with 0:r0=7"):
                said(session, line)
    assert "<-" not in said(session, "source")
    assert "execution 1 of 1: allowed" in said(session, "state 1")


@pytest.mark.parametrize(
    ("short", "command"),
    [
        ("tim", "timeline"), ("time x", "timeline"), ("n", "next"), ("p", "prev"), ("q", "quit"), ("?", "help"),
        ("?why", "help"), ("ev", ""), ("event", "event"), ("why a b", "why"), ("why not a b", "why not"),
        ("w not a b", "why not"), ("wha if x", "what if"), ("rel", "relation"), ("state", "state"), ("exit", "quit"),
    ],
)  # fmt: skip
def test_words_may_be_cut_short(short: str, command: str) -> None:
    if command:
        assert REGISTRY.find(short)[0].name == command
    else:
        with pytest.raises(InputError, match="can be"):
            REGISTRY.find(short)


def test_every_command_has_help(forbidden: sessions.Session) -> None:
    overview = said(forbidden, "help")
    for command in REGISTRY.commands.values():
        assert command.usage[0] in overview
        told = said(forbidden, f"help {command.name}")
        assert all(form in told for form in command.usage)
        assert command.summary.split()[0] in told


def test_events_are_named_in_several_ways(forbidden: sessions.Session) -> None:
    texts = {said(forbidden, f"event {name}") for name in ("c", "11", "P0:11", "SB+mbs.litmus:11", "11w", "P0:11w")}
    assert len(texts) == 1
    (text,) = texts
    assert text.startswith("c  P0 line 11 (W x = 1)\n")
    assert "at line 11: WRITE_ONCE(*x, 1)" in text
    assert "sets: ONCE Marked W M" in text
    assert "to it  co   the initial state (x = 0)" in text
    assert "from it  po   P0 line 12 (smp_mb())" in text


def test_a_line_with_several_events_asks_which() -> None:
    session = opened("c/SB+xchgs")
    with pytest.raises(InputError, match=r"12 is \d events: c \(reads x = 0\)"):
        said(session, "event 12")
    assert said(session, "event 12w").splitlines()[0].endswith("(W x = 1)")


def test_an_axiom_whose_breaches_are_not_enumerated_has_no_answer() -> None:
    session = opened("membarrier/scenario-A-global-5.4")
    with pytest.raises(Inconclusive, match="candidates that break only coherence are too many"):
        said(session, "what if drop axiom coherence")


# --- completion -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "some", "size"),
    [
        ("", {"why", "what if", "timeline"}, 0),
        ("ti", {"timeline"}, 2),
        ("why", {"why not"}, 3),
        ("why ", {"c", "hb", "not"}, 0),
        ("why n", {"not", "nonrw-fence"}, 1),
        ("why not ", {"c", "hb"}, 0),
        ("why not hb c ", {"e"}, 0),
        ("why c e ", {"in"}, 0),
        ("why c e in h", {"hb"}, 1),
        ("what ", {"if"}, 0),
        ("what if ", {"drop", "add", "make", "model"}, 0),
        ("what if model x", {"x86-tso"}, 1),
        ("what if drop ", {"smp_mb@12", "smp_mb@21", "axiom"}, 0),
        ("what if drop axiom h", {"happens-before"}, 1),
        ("what if make 12 ", {"smp_rmb", "smp_wmb"}, 0),
        ("what if drop smp_mb@12 and drop ", {"smp_mb@21"}, 0),
        ("apply drop s", {"smp_mb@12"}, 1),
        ("state ", {"1", "2", "3"}, 0),
        ("execution ", {"1"}, 0),
        ("outcome d", {"data-race"}, 1),
        ("event ", {"a", "h"}, 0),
        ("relation p", {"pb", "ppo"}, 1),
        ("set M", {"Mb", "Marked"}, 1),
        ("source ", {"SB+mbs.litmus"}, 0),
        ("model h", {"hb"}, 1),
        ("edits ", {"drop", "weaken", "strengthen", "add"}, 0),
        ("help wha", {"what if"}, 3),
    ],
)
def test_completion(forbidden: sessions.Session, before: str, some: set[str], size: int) -> None:
    replaced, offers = complete(forbidden, before)
    assert replaced == size
    assert some <= {offer.text for offer in offers}
    assert all(offer.text.startswith(before[len(before) - size :]) for offer in offers)


@pytest.mark.parametrize("before", ["frob ", "states ", "state 1 ", "event c ", "relation hb ", "quit ", "model hb "])
def test_nothing_completes(forbidden: sessions.Session, before: str) -> None:
    assert complete(forbidden, before) == (0, [])


def test_states_are_listed_when_candidates_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def survey(self: Case, outcome: object, wide: bool = True) -> object:
        calls.append(1)
        raise Inconclusive("engine", "too many")

    monkeypatch.setattr(Case, "survey", survey)
    session = opened("c/SB")
    assert "outcome 0:r0=0 /\\ 1:r0=0: too many" in said(session, "outcome")
    text = said(session, "states")
    assert text.startswith("4 states\n")
    assert "  1  0:r0=0; 1:r0=0   1 execution\n" in text
    with pytest.raises(Inconclusive, match="too many"):
        said(session, "cycle")
    assert len(calls) == 1, "what took long once is not tried again"


def test_long_lists_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "STATES", 3)
    monkeypatch.setattr(look, "ROWS", 1)
    session = opened("c/MP+plain", outcome="data-race")
    assert said(session, "states").endswith("  and 1 more: `states 4`\n")
    assert said(session, "states 4").splitlines()[1:] == ["* 4  1:r0=1; 1:r1=1   1 execution"]
    assert said(session, "executions").endswith("  and 3 more: `executions 2`\n")
    assert "more" not in said(session, "executions 4")


def test_a_core_takes_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "SECONDS", -1.0)
    text = said(opened("c/MP+wmb+rmb"), "core")
    assert "not tried, the time was over: " in text and "smp_wmb()" in text


WAITS = """C waits

{}
int flag;
P0(void) { while (!READ_ONCE(flag)) { } }
P1(void) { WRITE_ONCE(flag, 1); }
"""


def test_the_verdict_says_that_loops_were_cut() -> None:
    session = sessions.Session(parse(WAITS), CheckOptions())
    assert sessions.words_of(session.verdict) == "clean (cut at the unrolling bound)"
    page = Page(100, False)
    look.write_head(session, page)
    assert page.text().startswith("waits under lkmm: clean (cut at the unrolling bound)\n")
