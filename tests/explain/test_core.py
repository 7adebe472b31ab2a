"""Minimal cores: what together forbids an outcome, and the execution that appears when one part is taken away."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from membar_check.engine.api import CheckOptions, check_file, parse_file
from membar_check.explain.case import Case, Part
from membar_check.explain.core import Needs, minimal_core
from membar_check.explain.elements import combined, elements
from membar_check.explain.groups import excluded
from membar_check.explain.ways import shortest_cycle


def case_of(root: Path, name: str, model: str | None = None, asked: str | None = None) -> Case:
    path = str(root / "litmus" / f"{name}.litmus")
    return Case(parse_file(path, ()), CheckOptions(model=model), asked)


def core_of(case: Case) -> Needs:
    survey = case.survey(case.outcome())
    assert not survey.allowed
    return minimal_core(case, survey.ruled_out, survey.whole, time.process_time() + 60)


CORES = [
    ("c/SB+mbs", None, ["smp_mb() in line 12", "smp_mb() in line 21", "the axiom propagation"]),
    ("c/MP+release+acquire", None, [
        "the release of smp_store_release(y, 1) in line 10", "the acquire of r0 = smp_load_acquire(y) in line 18",
        "the axiom happens-before",
    ]),
    ("c/CoRR", None, ["the axiom coherence"]),
    ("aarch64/MP+rel+acq", None, [
        "the release of P0's STLR W2,[X3] in line 14", "the acquire of P1's LDAR W0,[X3] in line 11",
        "the axiom external",
    ]),
    ("aarch64/MP+dmb.sy+ctrl-isb", None, [
        "P1's control dependency from line 11", "P0's DMB SY in line 13", "P1's ISB in line 13", "the axiom external",
    ]),
    ("aarch64/LB+ctrls", None, [
        "P0's control dependency from line 11", "P1's control dependency from line 11", "the axiom external",
    ]),
    ("aarch64/MP+dmb.sy+addr", None, [
        "P1's address dependency from line 11 to line 13", "P0's DMB SY in line 13", "the axiom external",
    ]),
    ("x86/SB+mfences", None, ["P0's MFENCE in line 9", "P1's MFENCE in line 9", "the axiom tso"]),
    ("x86/SB+xchgs", None, [
        "the locked execution of P0's XCHG [x],EBX in line 9", "the locked execution of P1's XCHG [y],EBX in line 9",
        "the axiom tso",
    ]),
    ("c/SB+xchgs", None, [
        "the full ordering of r1 = xchg(x, 1) in line 12", "the full ordering of r1 = xchg(y, 1) in line 21",
        "the axiom propagation",
    ]),
    ("aarch64/SB+swpal", None, [
        "the acquire of P0's SWPAL W0,W2,[X1] in line 12", "the release of P0's SWPAL W0,W2,[X1] in line 12",
        "the acquire of P1's SWPAL W0,W2,[X3] in line 12", "the release of P1's SWPAL W0,W2,[X3] in line 12",
        "the axiom external",
    ]),
    ("x86/lock-inc-inc", None, [
        "the locked execution of P0's LOCK INC [x] in line 8", "the locked execution of P1's LOCK INC [x] in line 8",
        "the axiom atomicity",
    ]),
    ("c/SRCU+reader+gp", None, [
        "synchronize_srcu(ss) in line 22", "the SRCU read-side section from line 13 to line 16", "the axiom rcu",
    ]),
    ("c/MP+unlock-lock", None, [
        "smp_rmb() in line 23", "the lock from line 12 (spin_lock(t)) to line 14",
        "the lock from line 9 (spin_lock(s)) to line 11", "the axiom happens-before",
    ]),
    ("c/MP+locks", None, [
        "the lock from line 20 (spin_lock(s)) to line 23", "the lock from line 9 (spin_lock(s)) to line 12",
        "the axiom plain-coherence",
    ]),
    ("c/is-locked-self", None, ["the axiom coherence"]),
    ("membarrier/scenario-A-5.4", "lkmm", [
        "smp_mb() in line 41 of membarrier-since-5.4.h", "smp_mb() in line 123 of sched.h", "the axiom happens-before",
        "the axiom propagation",
    ]),
    ("membarrier/no-grace-period-5.4", "lkmm", [
        "synchronize_rcu() in line 101 of membarrier-since-5.4.h",
        "the RCU read-side section from line 167 of sched.h to line 195 of sched.h", "the axiom rcu",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "model", "wanted"), CORES, ids=[c[0] for c in CORES])
def test_core(root: Path, name: str, model: str | None, wanted: list[str]) -> None:
    needs = core_of(case_of(root, name, model))
    found = [n.element.text for n in needs.core]
    assert not needs.untried
    assert found == wanted


@pytest.mark.parametrize("name", [c[0] for c in CORES] + ["c/IRIW+mbs", "c/Z6.0+mbs", "x86/SB3+mfences"])
def test_core_is_minimal_and_enough(root: Path, name: str) -> None:
    """With the redundant part taken away the outcome stays forbidden; with any further element it appears."""
    case = case_of(root, name)
    survey = case.survey(case.outcome())
    needs = minimal_core(case, survey.ruled_out, survey.whole, time.process_time() + 60)
    variation, axioms = combined(case, needs.redundant)
    assert case.survivors(survey.ruled_out, variation, axioms) is None
    assert needs.core
    for need in needs.core:
        variation, axioms = combined(case, [*needs.redundant, need.element])
        assert case.survivors(survey.ruled_out, variation, axioms) is not None, need.element.text
        alone = case.survivors(survey.ruled_out, *combined(case, [need.element]))
        assert (alone is not None) == need.alone


def test_core_and_redundant_are_all_elements(root: Path) -> None:
    case = case_of(root, "c/SB+mbs")
    survey = case.survey(case.outcome())
    needs = core_of(case)
    every = elements(case, survey.ruled_out, survey.whole)
    assert {n.element.text for n in needs.core} | {e.text for e in needs.redundant} == {e.text for e in every}


def test_no_time_leaves_elements_untried(root: Path) -> None:
    case = case_of(root, "c/SB+mbs")
    survey = case.survey(case.outcome())
    needs = minimal_core(case, survey.ruled_out, survey.whole, time.process_time() - 1)
    assert not needs.core and not needs.redundant and needs.untried


GROUPS = [
    ("c/SB+mbs", {"propagation": 1}), ("c/MP+release+acquire", {"happens-before": 1}), ("c/CoRR", {"coherence": 1}),
    ("c/MP+locks", {"plain-coherence": 2}), ("aarch64/MP+rel+acq", {"external": 1}),
    ("membarrier/scenario-A-5.4", {"propagation": 6}), ("membarrier/no-grace-period-5.4", {"rcu": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "wanted"), GROUPS, ids=[g[0] for g in GROUPS])
def test_groups_cover_all_that_is_ruled_out(root: Path, name: str, wanted: dict[str, int]) -> None:
    case = case_of(root, name)
    survey = case.survey(case.outcome())
    groups, complete = excluded(case, survey.ruled_out, time.process_time() + 60)
    assert complete
    assert sum(g.executions for g in groups) == sum(p.mask.bit_count() for p in survey.ruled_out)
    found: dict[str, int] = {}
    for group in groups:
        found[group.check.name] = found.get(group.check.name, 0) + group.executions
    assert found == wanted


def test_shortest_cycle() -> None:
    assert shortest_cycle({1: [2], 2: [3, 4], 3: [1], 4: [2]}) == ((2, 4), (4, 2))
    assert shortest_cycle({1: [2], 2: [1, 2]}) == ((2, 2),)


@pytest.mark.parametrize(("folder", "model"), [("c", "sc"), ("c", "lkmm"), ("smp-memb", "lkmm-membarrier")])
def test_survey_agrees_with_run(root: Path, folder: str, model: str) -> None:
    """Whether the survey shows the outcome is what the engine's verdict says, and so are the numbers."""
    for path in sorted((root / "litmus" / folder).glob("*.litmus")):
        test = parse_file(str(path), ())
        case = Case(test, CheckOptions(model=model))
        if case.program.test.condition.quantifier.value == "forall":
            continue
        verdict = check_file(str(path), CheckOptions(model=model))
        survey = case.survey(case.outcome())
        shown = sum(p.mask.bit_count() for p in survey.shown)
        assert survey.allowed == verdict.reached, path.name
        assert verdict.positive is None or shown == verdict.positive, path.name


def test_parts_give_single_candidates(root: Path) -> None:
    case = case_of(root, "c/SB")
    survey = case.survey(case.outcome())
    part: Part = survey.shown[0]
    single = part.single((part.mask & -part.mask).bit_length() - 1)
    assert single.chunk.count == 1
    assert single.state(case.observed) == (("0:r0", "0"), ("1:r0", "0"))
