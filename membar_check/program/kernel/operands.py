"""Expressions of kernel C as operands of macros, and what lowering has to know about values and events."""

from __future__ import annotations

from membar_check.litmus.syntax import CName
from membar_check.program.dialects.c_values import truth
from membar_check.program.ir import Expr, Mark, Micro, Op, Store
from membar_check.program.kernel import tree as t
from membar_check.program.kernel.types import Int, Type, fits

_SPECULATIVE = frozenset(
    ("add", "sub", "mul", "neg", "not", "and", "or", "xor", "eq", "ne", "lt", "le", "gt", "ge", "land", "lor", "lnot")
)


class Embedded(CName):
    """An expression of kernel C as an operand of a macro."""

    __slots__ = ("tree",)
    tree: t.Expr

    def __init__(self, tree: t.Expr) -> None:
        super().__init__("", tree.span)
        object.__setattr__(self, "tree", tree)


def pure(expr: t.Expr) -> bool:
    """Whether evaluating the expression makes no events, changes nothing and cannot fail."""
    if isinstance(expr, t.Number | t.LocalAddress | t.CpuRegister):
        return True
    if isinstance(expr, t.Local):
        return not expr.variable.in_memory
    if isinstance(expr, t.Operation):
        known = expr.name in _SPECULATIVE or expr.name[1:].startswith("ext")
        return known and all(pure(a) for a in expr.args)
    if isinstance(expr, t.Logical):
        return pure(expr.left) and pure(expr.right)
    if isinstance(expr, t.Ternary):
        return pure(expr.cond) and pure(expr.then) and pure(expr.other)
    return False


def narrowed(value: Expr, of: Type, to: Type) -> Expr:
    """A value as an object of another integer type holds it."""
    if not isinstance(of, Int) or not isinstance(to, Int) or fits(of, to):
        return value
    return truth(value) if to.bits == 1 else Op(f"{'s' if to.signed else 'z'}ext{to.bits}", (value,))


def continues(op: Micro) -> bool:
    """Whether an event is the second half of one that may not be interrupted."""
    return (isinstance(op, Store) and op.atomic != "") or (isinstance(op, Mark) and "LKW" in op.tags)
