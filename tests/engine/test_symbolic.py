"""The solver finds the executions that the masks engine finds, whatever it is that a model asks for."""

from __future__ import annotations

import pytest

from membar_check.engine.symbolic import SymbolicEngine
from membar_check.engine.tally import Goal
from support.inline import assembly, compiled, judge_compiled, structure_of, summary

EFFORT = 1 << 30
FR = "let fr = rf^-1; co\n"
ONE_WRITE = assembly("X86", "", ["MOV [x],$1", "MOV EAX,[x]; MOV EBX,[x]"], "exists (x=1)")
TWO_WRITES = assembly("X86", "", ["MOV [x],$1", "MOV [x],$2; MOV EAX,[x]"], "exists (x=1)")
SAME_VALUES = assembly("X86", "", ["MOV [x],$1", "MOV [x],$1; MOV EAX,[x]"], "exists (x=1)")


@pytest.mark.parametrize(
    ("text", "model", "executions"),
    [
        (ONE_WRITE, "empty IW & FW", 4),
        (TWO_WRITES, "empty IW & FW", 6),
        (TWO_WRITES, "empty FW \\ range(co)", 6),
        (TWO_WRITES, "empty [FW]; rf", 4),
        (TWO_WRITES, "~empty [FW]; rf", 2),
        (TWO_WRITES, "empty [IW]; co; [domain(rf)]", 2),
        (TWO_WRITES, "empty [domain(rf)]; co", 2),
        (TWO_WRITES, "empty [domain(rf)]; co; [FW]", 2),
        (TWO_WRITES, "~empty [domain(rf)]; co; [FW \\ domain(po)]", 2),
        (ONE_WRITE, "empty ([W \\ IW]; loc; [R]) \\ (rf | rf^-1)+", 1),
        (ONE_WRITE, "empty ([W]; loc; [R]) \\ (rf | rf^-1)+", 0),
        (ONE_WRITE, "let rec x = rf | rf^-1 | x; (rf | rf^-1) empty ([W \\ IW]; loc; [R]) \\ x", 1),
        (ONE_WRITE, "~empty ([R] ; (rf^-1; rf | rf^-1; co; rf)+; [R]) & ext", 0),
        (ONE_WRITE, "~acyclic po-loc | fr | rf", 1),
        (SAME_VALUES, "empty different-values(co; [W])", 0),
        (SAME_VALUES, "empty different-values(fr)", 4),
        (TWO_WRITES, "empty different-values(fr)", 2),
        (SAME_VALUES, "~empty different-values(fr)", 2),
        (SAME_VALUES, "irreflexive fr; different-values(po^-1)", 6),
    ],
)
def test_masks_and_solver_agree(text: str, model: str, executions: int) -> None:
    structure = structure_of(text)
    graph = compiled(FR + model)
    tally = judge_compiled(graph, structure)
    assert tally.positive + tally.negative == executions
    assert summary(SymbolicEngine(graph, structure, EFFORT).run(Goal())) == summary(tally)
