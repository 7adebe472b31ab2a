"""Changes of a session: what they say, and that each agrees with a check of the changed test."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.diagnostics import InputError
from membar_check.engine.api import CheckOptions, check_file
from membar_check.explain.explanation import EditView, Place
from membar_check.explore import what_if
from membar_check.verdict import Observation
from support.sessions import opened, said


def test_dropping_a_barrier_lets_the_outcome_appear() -> None:
    session = opened("c/SB+mbs")
    text = said(session, "what if drop smp_mb@12")
    assert "verdict: Never -> Sometimes" in text
    assert "outcome 0:r0=0 /\\ 1:r0=0: forbidden -> allowed" in text
    assert "appears: 0:r0=0; 1:r0=0" in text
    assert "an execution that appears:" in text
    assert not session.edited, "what if changes nothing"


def test_adding_barriers_lets_it_disappear() -> None:
    text = said(opened("c/SB"), "what if add smp_mb after 11 and add smp_mb after 19")
    assert "verdict: Sometimes -> Never" in text
    assert "allowed -> forbidden" in text
    assert "now ruled out by propagation" in text
    assert "disappears: 0:r0=0; 1:r0=0" in text


def test_an_edit_without_effect() -> None:
    text = said(opened("c/SB+mbs"), "what if make 11 smp_store_release")
    assert "verdict: Never, as before" in text
    assert "the same 3 final states" in text


def test_another_model() -> None:
    session = opened("c/LB")
    text = said(session, "what if model x86-tso")
    assert "verdict: Sometimes -> Never" in text
    assert "`apply` keeps the model" in text
    said(session, "apply")
    assert (session.model, session.edited) == ("x86-tso", False)
    said(session, "reset")
    assert session.model == "lkmm"


def test_an_axiom_less() -> None:
    session = opened("c/SB+mbs")
    assert "forbidden -> allowed" in said(session, "what if drop axiom propagation")
    assert "other axioms rule it out as well" in said(session, "what if drop axiom happens-before")
    assert "allowed, as before" in said(opened("c/SB"), "what if drop axiom propagation")


def test_edits_add_up_and_are_written_and_reset(tmp_path: Path) -> None:
    session = opened("c/SB+mbs")
    assert "nothing is changed" in said(session, "diff")
    said(session, "what if drop smp_mb@12", "apply", "apply drop smp_mb@20")
    diff = said(session, "diff")
    assert diff.count("\n-\tsmp_mb();") == 2
    assert diff.startswith("--- a/litmus/c/SB+mbs.litmus\n+++ b/litmus/c/SB+mbs.litmus\n")
    target = tmp_path / "changed.litmus"
    assert said(session, f"write {target}") == f"wrote {target}\n"
    assert check_file(str(target), CheckOptions()).observation is Observation.SOMETIMES
    assert "SB+mbs (edited)" in said(session, "what if add smp_mb after 11", "apply")
    said(session, "reset")
    assert not session.edited
    assert "nothing is changed" in said(session, "diff")


def test_headers_are_edited_and_written_too(tmp_path: Path) -> None:
    session = opened("membarrier/no-grace-period-quoted")
    said(session, "apply add smp_mb after sched.h:173", "apply add smp_mb before sched.h:173")
    assert said(session, "diff").count("\n+\tsmp_mb();") == 2, "the edit before stays"
    said(session, f"write {tmp_path / 'changed.litmus'}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["changed.litmus", "sched.h"]
    assert (tmp_path / "sched.h").read_text("utf-8").count("\tsmp_mb();") >= 2


def test_the_outcome_stays_when_the_test_changes() -> None:
    session = opened("c/SB+mbs")
    said(session, "outcome 0:r0=1 /\\ 1:r0=1", "apply drop 12")
    assert session.focus.outcome.text == "0:r0=1 /\\ 1:r0=1"
    said(session, "state 1")
    assert "state 1 (0:r0=0; 1:r0=0)" in session.focus.outcome.text
    text = said(session, "what if add smp_mb after 11")
    assert "allowed -> forbidden" in text
    said(session, "apply")
    assert session.focus.outcome.kind == "condition", "a state that there is no more is given up"


def test_edits_are_listed_by_kind_and_line() -> None:
    session = opened("c/SB+mbs")
    assert "drop smp_mb@12" in said(session, "edits")
    dropped = said(session, "edits drop")
    assert "drop smp_mb@21" in dropped
    assert "make" not in dropped
    assert "@21" not in said(session, "edits drop 12")
    assert "nothing of this test can be edited so" in said(session, "edits 1")


@pytest.mark.parametrize("line", ["what if drop 12 and drop 21", "what if make 12 smp_wmb"])
def test_what_it_says_is_what_a_check_of_the_written_test_says(line: str, tmp_path: Path) -> None:
    session = opened("c/SB+mbs")
    said(session, line, "apply", f"write {tmp_path / 't.litmus'}")
    found = check_file(str(tmp_path / "t.litmus"), CheckOptions())
    assert found.observation is session.verdict.observation
    assert found.states == session.verdict.states


def test_fixes_are_checked() -> None:
    text = said(opened("c/MP+po+rmb"), "fixes")
    assert "each checked, cheapest first:" in text
    assert "add smp_wmb after" in text
    assert "add smp_rmb" not in text
    with pytest.raises(InputError, match="the outcome is forbidden already"):
        said(opened("c/SB+mbs"), "fixes")


@pytest.mark.parametrize("outcome", [None, "1:r0=1 /\\ 1:r1=0", "3"])
def test_fixes_that_take_several_edits(outcome: str | None) -> None:
    session = opened("c/MP", outcome=outcome) if outcome else opened("c/MP")
    lines = said(session, "fixes").splitlines()
    assert lines[0].startswith("no single edit was found that forbids")
    assert lines[1].startswith("together these forbid it, as cheap as can be, checked; cost")
    command = next(line.strip() for line in lines if line.strip().startswith("what if "))
    assert " and " in command
    assert "allowed -> forbidden" in said(session, command)


def test_edits_of_a_kernel_test_are_those_at_the_gap() -> None:
    session = opened("membarrier/no-grace-period-quoted")
    text = said(session, "edits")
    assert "add smp_mb after sched.h:173" in text
    assert "membarrier-register.h" not in text
    assert "more; name a kind, a line, or a file and a line" in said(session, "edits all")


def test_fixes_of_a_kernel_test_say_what_else_they_bring(monkeypatch: pytest.MonkeyPatch) -> None:
    edit = EditView("add synchronize_rcu after sched.h:173", "a grace period", 1000.0, Place("sched.h", 173, ""), "")
    monkeypatch.setattr(what_if, "suggestions", lambda *_: ([edit], "2 of 3 were not tried"))
    text = said(opened("membarrier/no-grace-period-quoted"), "fixes")
    assert "add synchronize_rcu after sched.h:173   a grace period   cost 1000\n" in text
    assert "but it brings sleep-in-atomic\n" in text
    assert text.endswith("2 of 3 were not tried\n")


def test_a_fence_that_the_next_edit_needs_can_be_tried_together() -> None:
    text = said(opened("c/SB"), "what if add smp_mb after 11", "apply", "what if add smp_mb after 20")
    assert "verdict: Sometimes -> Never" in text
