"""What can be told of the instructions of kernel C before they run."""

from __future__ import annotations

from membar_check.program import control as c
from membar_check.program import ir


def makers(thread: ir.Thread) -> dict[int, str]:
    """For each instruction that makes an object a name: its line, with a letter where several stand on one."""
    found: dict[int, str] = {}
    seen: dict[tuple[str, int], int] = {}
    for pc, instruction in enumerate(thread.code):
        if any(isinstance(op, c.Alloc | c.Interrupt) for op in instruction.ops):
            span = instruction.span
            count = seen[span.source.name, span.line] = seen.get((span.source.name, span.line), 0) + 1
            found[pc] = f"{span.line}{chr(96 + count) if count > 1 else ''}"
    return found


def expressions(op: ir.Micro) -> tuple[ir.Expr | None, ...]:
    """What an operation without events evaluates."""
    if isinstance(op, ir.Let | c.Return):
        return (op.value,)
    if isinstance(op, ir.Branch):
        return (op.cond,)
    return op.args if isinstance(op, c.Call) else ()


def registers_of(e: ir.Expr | None) -> frozenset[str]:
    """The registers that an expression reads."""
    if e is None or isinstance(e, ir.Const):
        return frozenset()
    if isinstance(e, ir.Reg):
        return frozenset((e.name,))
    parts = e.args if isinstance(e, ir.Op) else (e.cond, e.then, e.other)
    return frozenset().union(*(registers_of(p) for p in parts))
