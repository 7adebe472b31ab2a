"""The interpreter on bounds against the reference interpreter, and against itself on fewer edges."""

from __future__ import annotations

import random

import pytest

from membar_check.cat.primitives import RELATIONS
from membar_check.explain.verify_cat import Interpreter
from membar_check.explain.verify_cover import Cover
from membar_check.explain.verify_execution import consistent
from membar_check.explain.verify_fact import Candidate, Fact, Judge, passes
from membar_check.explain.verify_primitives import Primitives
from membar_check.explain.verify_subject import Subject
from membar_check.explain.verify_terms import Undecided
from membar_check.explain.verify_world import RelationBounds, SetBounds
from support.certificates import (
    subject_of,
)


def candidates(subject: Subject, most: int) -> list[Candidate]:
    """Candidates of a test, whatever they lead to."""
    cover = Cover(subject.scenes)
    out: list[Candidate] = []
    while len(out) < most:
        candidate = cover.remaining()
        if candidate is None:
            break
        out.append(candidate)
        cover.exclude(whole_of(candidate))
    return out


def whole_of(candidate: Candidate) -> Fact:
    paths = {t: frozenset((i,)) for t, i in enumerate(candidate.paths)}
    return Fact("outcome", paths, candidate.rf, candidate.co)


SMALL = [
    ("aarch64/SB+swp", "aarch64"), ("aarch64/MP+dmb.sy+ctrl-isb", "aarch64"), ("aarch64/exclusive-inc", "aarch64"),
    ("c/MP+locks", "lkmm"), ("c/RCU+reader+gp", "lkmm"), ("c/CoRW2", "sc"), ("c/cmpxchg-winner", "lkmm"),
    ("c/SRCU+reader+gp", "lkmm"), ("x86/SB", "x86-tso"), ("c/MP+plain-data", "lkmm"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "model"), SMALL)
def test_agrees_with_the_reference_interpreter_on_whole_candidates(name: str, model: str) -> None:
    subject = subject_of(name, model)
    judge = Judge(subject.scenes, subject.model, subject.program.condition)
    found = set()
    for candidate in candidates(subject, 30):
        world = judge.world(whole_of(candidate))
        other = judge.world(whole_of(candidate))
        assert world is not None and other is not None
        holds = passes(subject.model, world)
        assert holds == (consistent(subject.model, other, {}) is not None)
        found.add(holds)
    assert found


@pytest.mark.parametrize(("name", "model"), SMALL)
def test_bounds_hold_in_every_candidate_that_they_speak_of(name: str, model: str) -> None:
    """What is left away from a candidate only widens the bounds of what the checks test."""
    chance = random.Random(name)
    subject = subject_of(name, model)
    judge = Judge(subject.scenes, subject.model, subject.program.condition)
    for candidate in candidates(subject, 12):
        whole = whole_of(candidate)
        known = bounds(judge, whole)
        for _ in range(4):
            share = chance.random()
            some = Fact(
                "outcome",
                {t: numbers for t, numbers in whole.paths.items() if chance.random() < share},
                tuple(e for e in whole.rf if chance.random() < share),
                tuple(e for e in whole.co if chance.random() < share),
            )
            for narrow, wide in zip(known, bounds(judge, some), strict=True):
                if narrow is not None and wide is not None:
                    assert wide.low <= narrow.low and narrow.high <= wide.high


def bounds(judge: Judge, fact: Fact) -> list[SetBounds | RelationBounds | None]:
    """The bounds of what each check tests; None for what they do not decide."""
    world = judge.world(fact)
    assert world is not None
    interpreter = Interpreter(judge.model, world)
    out: list[SetBounds | RelationBounds | None] = []
    for checked in interpreter.checks():
        try:
            value = checked.value.force(interpreter)
        except Undecided:
            out.append(None)
            continue
        out.append(value if isinstance(value, SetBounds | RelationBounds) else None)
    return out


@pytest.mark.parametrize(("name", "model"), SMALL)
def test_primitives_are_exact_of_whole_candidates(name: str, model: str) -> None:
    subject = subject_of(name, model)
    judge = Judge(subject.scenes, subject.model, subject.program.condition)
    for candidate in candidates(subject, 10):
        world = judge.world(whole_of(candidate))
        assert world is not None
        primitives = Primitives(world, subject.model.dialect, subject.model.tags)
        for primitive in sorted(RELATIONS | primitives.sets | {"M", "pco"}):
            found = primitives.lookup(primitive)
            assert isinstance(found, SetBounds | RelationBounds)
            assert found.low == found.high, primitive
        final = primitives.lookup("FW")
        assert isinstance(final, SetBounds)
        overwritten = {a for a, _ in world.co.low}
        assert not final.low & overwritten or "locks" in name


def test_what_is_known_of_coherence_beforehand() -> None:
    """``pco`` of a read of the initial value before the thread's own write."""
    subject = subject_of("aarch64/CoRW2", "aarch64")
    judge = Judge(subject.scenes, subject.model, subject.program.condition)
    for candidate in candidates(subject, 20):
        world = judge.world(whole_of(candidate))
        assert world is not None
        found = Primitives(world, "AArch64", frozenset()).lookup("pco")
        assert isinstance(found, RelationBounds)
        events = subject.structure.events
        for w, r in candidate.rf:
            for a, b in world.scene.static("po").low & world.scene.loc.low:
                if a == r and events[b].is_write:
                    assert (w, b) in found.low
