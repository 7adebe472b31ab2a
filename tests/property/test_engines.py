"""Random small programs under random small models: all ways to judge them agree."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from membar_check.cat.dag import CompiledModel
from membar_check.cat.specialise import specialise
from membar_check.diagnostics import Inconclusive
from membar_check.engine import masks
from membar_check.engine.symbolic import SymbolicEngine
from membar_check.engine.tally import Goal, Tally
from membar_check.events import space
from membar_check.events.structure import Structure
from support import generate
from support.inline import compiled, interpret, judge_compiled, loaded, structure_of, summary
from support.properties import HEAVY

MOST = 64  # candidates that the interpreter is to run


def structure(text: str) -> Structure:
    found = structure_of(text, "sc", 1)
    size = sum(s.size for s in space.Space(found, False).skeletons())
    assume(0 < size <= MOST)
    return found


@HEAVY
@given(generate.programs(), generate.models())
def test_masks_and_interpreter_agree(text: str, model: str) -> None:
    program = structure(text)
    dialect = program.program.test.arch
    graph = compiled(model, dialect)
    whole = summary(judge_compiled(graph, program))
    assert summary(judge_compiled(specialise(graph, program.features()), program)) == whole
    assert summary(interpret(loaded(model), program)) == whole


@HEAVY
@given(generate.programs(), generate.models(), st.sampled_from([1, 4, 16]))
def test_pruning_and_chunks_change_nothing(text: str, model: str, size: int) -> None:
    program = structure(text)
    graph = compiled(model, program.program.test.arch)
    whole = summary(judge_compiled(graph, program))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masks, "SMALL", 0)
        assert summary(judge_compiled(graph, program)) == whole
        patch.setattr("membar_check.engine.prune.CHUNK", size)
        assert summary(judge_compiled(graph, program)) == whole
    with pytest.MonkeyPatch.context() as patch:
        limited(patch, size)
        assert summary(judge_compiled(graph, program)) == whole


def solved(model: CompiledModel, program: Structure, effort: int) -> Tally:
    """What the solver finds; recursion that takes away what it defines is not for it."""
    try:
        return SymbolicEngine(model, program, effort).run(Goal())
    except Inconclusive as reason:
        assert "takes away what it defines" in reason.message
        assume(False)
        raise


@HEAVY
@given(generate.programs(), generate.models())
def test_masks_and_solver_agree(text: str, model: str) -> None:
    """Where it counts, on everything; where it has no time to count, on what can happen at all."""
    program = structure(text)
    graph = compiled(model, program.program.test.arch)
    whole = judge_compiled(graph, program)
    counted = solved(graph, program, 1 << 30)
    assert counted.counted and summary(counted) == summary(whole)
    hurried = solved(graph, program, 0)
    assert (hurried.states, hurried.flags, hurried.undefined) == (whole.states, whole.flags, whole.undefined)
    assert (hurried.positive > 0, hurried.negative > 0) == (whole.positive > 0, whole.negative > 0)


def limited(patch: pytest.MonkeyPatch, size: int) -> None:
    """Blocks and chunks of at most ``size`` candidates."""
    cut, run = space.blocks, space.chunks
    patch.setattr(masks, "blocks", lambda skeleton: cut(skeleton, size))
    patch.setattr(masks, "chunks", lambda found, blocks_of: run(found, blocks_of, size))
