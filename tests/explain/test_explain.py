"""Explanations as a whole: what they say of bundled tests, and that what they say is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.diagnostics import InputError
from membar_check.engine.api import CheckOptions, check_file, check_test, parse_file
from membar_check.explain.api import ExplainOptions, explain
from membar_check.explain.edits.apply import apply_edits, parse_edited
from membar_check.explain.edits.sites import parse_edit
from membar_check.explain.edits.table import load_table
from membar_check.explain.explanation import Derivation, ExecutionView, Explanation
from membar_check.litmus.syntax import Quantifier


def explained(root: Path, name: str, outcome: str | None = None, model: str | None = None) -> Explanation:
    test = parse_file(str(root / "litmus" / f"{name}.litmus"), ())
    return explain(test, ExplainOptions(CheckOptions(model=model), outcome, seconds=30))




@pytest.mark.parametrize("name", ["c/SB", "c/MP+wmb+po", "aarch64/MP+dmb.sy+ctrl", "c/IRIW+acquires", "x86/SB", "c/LB"])
def test_what_is_said_to_forbid_an_allowed_outcome_does(root: Path, name: str) -> None:
    explanation = explained(root, name)
    assert explanation.allowed and explanation.execution is not None and explanation.execution.consistent
    test = parse_file(str(root / "litmus" / f"{name}.litmus"), ())
    table = load_table(test.arch)
    sets = [[e] for e in explanation.edits] or [list(explanation.together)]
    for edits in sets:
        assert edits, "nothing is said to forbid it"
        changed = parse_edited(test, apply_edits(test, [parse_edit(test, table, e.command) for e in edits]), ())
        verdict = check_test(changed, CheckOptions())
        assert not verdict.reached and not verdict.loop, [e.command for e in edits]


def test_edits_are_the_cheapest_first(root: Path) -> None:
    explanation = explained(root, "c/MP+wmb+po")
    assert [e.command for e in explanation.edits] == [
        "make 19 smp_load_acquire", "add smp_rmb after 19", "add smp_mb after 19",
    ]  # fmt: skip
    assert [e.cost for e in explanation.edits] == sorted(e.cost for e in explanation.edits)
    assert "+\tr0 = smp_load_acquire(y);" in explanation.edits[0].diff


def test_two_edits_where_one_is_not_enough(root: Path) -> None:
    explanation = explained(root, "c/SB")
    assert not explanation.edits
    assert [e.command for e in explanation.together] == ["add smp_mb after 11", "add smp_mb after 19"]


NEEDS = [
    "c/SB+mbs", "c/MP+release+acquire", "c/IRIW+mbs", "c/Z6.0+mbs", "c/W+RWC+mbs", "c/RCU+reader+gp", "c/SB+xchgs",
    "aarch64/MP+rel+acq", "aarch64/SB+dmb.sys", "aarch64/ISA2+dmb.st+data+addr", "x86/SB+mfences", "x86/SB3+mfences",
    "membarrier/scenario-A-5.4", "membarrier/no-grace-period-5.4", "membarrier/scenario-B-v2",
]  # fmt: skip


@pytest.mark.parametrize("name", NEEDS)
def test_every_need_of_a_core_holds_for_the_edited_file(root: Path, name: str) -> None:
    """Without what stands alone in the core the outcome appears, by a fresh check of the edited text."""
    explanation = explained(root, name)
    assert not explanation.allowed and explanation.core is not None and explanation.core.proven
    checked = 0
    for element in explanation.core.elements:
        assert element.execution is not None
        if element.edit is not None:
            assert [e.verdict for e in element.edit.effects] == ["allows"], element.text
            checked += 1
    assert checked or all(not e.alone or e.kind in ("axiom", "dependency") for e in explanation.core.elements)


@pytest.mark.parametrize("name", NEEDS)
def test_cycles_close_and_end_in_base_relations(root: Path, name: str) -> None:
    explanation = explained(root, name)
    assert explanation.groups
    for group in explanation.groups:
        steps = group.cycle.steps
        ends = zip(steps, [*steps[1:], steps[0]], strict=True)
        assert all(step.target == following.source for step, following in ends)
        for step in steps:
            check_derivation(group.example, step)


def check_derivation(view: ExecutionView, derivation: Derivation) -> None:
    """The leaves are pairs of base relations of the execution, as far as these are listed whole."""
    assert 0 <= derivation.source < len(view.events) and 0 <= derivation.target < len(view.events)
    for part in derivation.because:
        check_derivation(view, part)
    if derivation.because:
        return
    if derivation.relation in ("rf", "rfe", "rfi"):
        assert (derivation.source, derivation.target) in view.relations["rf"]
    elif derivation.relation == "po":
        a, b = view.events[derivation.source], view.events[derivation.target]
        assert a.thread == b.thread and derivation.source < derivation.target
    elif derivation.relation in ("fr", "fre", "fri"):
        a, b = view.events[derivation.source], view.events[derivation.target]
        assert (a.kind, b.kind) == ("R", "W") and a.variable == b.variable


@pytest.mark.parametrize("name", ["c/SB", "x86/SB", "aarch64/MP"])
def test_states_by_number(root: Path, name: str) -> None:
    verdict = check_file(str(root / "litmus" / f"{name}.litmus"), CheckOptions())
    assert verdict.states is not None
    for number, state in enumerate(verdict.states, 1):
        explanation = explained(root, name, str(number))
        assert explanation.allowed and explanation.execution is not None
        assert explanation.execution.state == state


def test_a_condition_of_ones_own(root: Path) -> None:
    assert explained(root, "c/SB", "0:r0=1 /\\ 1:r0=1").allowed
    assert explained(root, "c/SB", "x=1").outcome == "x=1"
    assert not explained(root, "c/SB", "x=2").allowed


def test_a_flag_of_the_model(root: Path) -> None:
    explanation = explained(root, "c/MP+plain", "data-race")
    assert explanation.allowed and not explanation.advice


def test_a_class_of_kernel_c(root: Path) -> None:
    explanation = explained(root, "membarrier/racy-load-pre-5.4", "use-after-free")
    assert explanation.allowed
    assert explanation.advice.startswith("Nothing is reordered in this execution")
    assert any("interrupt" in row.text for row in explanation.timeline if row.note)
    assert any("poison" in row.text or "freed" in row.text for row in explanation.timeline)


def test_the_kernels_own_fix_is_proposed(root: Path) -> None:
    explanation = explained(root, "membarrier/no-grace-period-quoted")
    assert [e.command for e in explanation.edits] == ["add synchronize_rcu after membarrier-v2.h:188"]


def test_an_outcome_that_no_candidate_shows(root: Path) -> None:
    explanation = explained(root, "c/SB", "0:r0=7")
    assert not explanation.allowed and not explanation.groups and explanation.core is None
    assert any("no candidate shows this outcome" in limit for limit in explanation.limits)


def test_forall_is_explained_by_what_breaks_it(root: Path) -> None:
    for path in sorted((root / "litmus" / "c").glob("*.litmus")):
        test = parse_file(str(path), ())
        if test.condition.quantifier is Quantifier.FORALL:
            explanation = explain(test, ExplainOptions(CheckOptions()))
            assert explanation.outcome.startswith("not (")
            assert explanation.allowed == check_file(str(path), CheckOptions()).counter_reached
            return
    raise AssertionError("no bundled test with forall")


BAD = [
    ("9", "there is no state 9"), ("0", "there is no state 0"),
    ("no-such-class", "is no class of outcome of this test"),
    ("0:r0=", "expected"), ("0:r9=1", "r9"), ("0:r0=1 garbage", "expected"), ("data-rase", "did you mean 'data-race'"),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "said"), BAD)
def test_outcomes_that_make_no_sense(root: Path, outcome: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        explained(root, "c/SB", outcome)
    assert said in error.value.render()


def test_models_that_only_the_interpreter_runs_are_refused(root: Path, tmp_path: Path) -> None:
    model = tmp_path / "odd.cat"
    model.write_text("odd\nlet f(s) = match s with || {} -> 0 || e ++ es -> 0 end\nacyclic f(W) as odd\n")
    with pytest.raises(InputError, match="cannot be explained"):
        explained(root, "c/SB", model=str(model))


def test_no_time_is_said(root: Path) -> None:
    test = parse_file(str(root / "litmus" / "membarrier" / "no-entry-mb-5.4.litmus"), ())
    explanation = explain(test, ExplainOptions(CheckOptions(), seconds=0.001))
    assert explanation.allowed
    assert any("were not tried for want of time" in limit for limit in explanation.limits)
