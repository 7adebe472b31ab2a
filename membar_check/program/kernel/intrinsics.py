"""What C cannot say: functions of the runtime header that are micro-operations of their own.

Each has its parameters as messages show them (one in quotes is a string), the type of its result, and what it is
lowered to: given the lowering at work, the values of the arguments and the strings, the result or None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from membar_check.program.control import Alloc, Await, Flag, Free, Hold, Interrupt
from membar_check.program.ir import Assume, Choose, Const, Expr, Let, Micro, Op, Reg
from membar_check.program.kernel.types import INT, LONG, VOID, Pointer, Type

if TYPE_CHECKING:
    from membar_check.program.kernel.lowering import ExpressionLowering

Emit = Callable[["ExpressionLowering", list[Expr], tuple[str, ...]], Expr | None]

NONBLOCKING = "$__must_not_block_depth"
"""The CPU register that counts the functions at work that must not block."""


class Intrinsic(NamedTuple):
    parameters: tuple[str, ...]
    result: Type
    emit: Emit


def _plain(make: Callable[[list[Expr], tuple[str, ...]], Micro]) -> Emit:
    """One micro-operation without a result."""

    def emit(b: ExpressionLowering, args: list[Expr], text: tuple[str, ...]) -> None:
        b.ops.append(make(args, text))
        b.flush()

    return emit


def _valued(make: Callable[[str, list[Expr]], Micro]) -> Emit:
    """One micro-operation that sets a register."""

    def emit(b: ExpressionLowering, args: list[Expr], text: tuple[str, ...]) -> Expr:
        dst = b.temporary()
        b.ops.append(make(dst, args))
        b.flush()
        return Reg(dst)

    return emit


def count(change: int) -> Micro:
    """Begins (1) or ends (-1) a region that must not block."""
    return Let(NONBLOCKING, Op("add", (Reg(NONBLOCKING), Const(change))))


def _choice(dst: str, args: list[Expr]) -> Micro:
    return Choose(((Let(dst, Const(1)),), (Let(dst, Const(0)),)))


def _settle(b: ExpressionLowering, args: list[Expr], text: tuple[str, ...]) -> Expr:
    """A value computed now: what happens between here and its use does not change it."""
    value = b.hold(args[0])
    b.flush()
    return value


_ADDRESS = Pointer(VOID)
SETTLE = "__settle"

INTRINSICS: dict[str, Intrinsic] = {
    SETTLE: Intrinsic(("value",), LONG, _settle),
    "__flag": Intrinsic(('"class"', '"text"'), VOID, _plain(lambda a, t: Flag(t[0], t[1]))),
    "__stop": Intrinsic(('"class"', '"text"'), VOID, _plain(lambda a, t: Flag(t[0], t[1], True))),
    "__assume": Intrinsic(("condition",), VOID, _plain(lambda a, t: Assume(a[0], False))),
    "__choice": Intrinsic((), INT, _valued(_choice)),
    "__alloc": Intrinsic(("cells",), _ADDRESS, _valued(lambda dst, a: Alloc(dst, a[0]))),
    "__free": Intrinsic(("pointer",), VOID, _plain(lambda a, t: Free(a[0]))),
    "__interrupt": Intrinsic(
        ("cpu", "function", "argument"), _ADDRESS, _valued(lambda dst, a: Interrupt(dst, a[0], a[1], a[2]))
    ),
    "__await": Intrinsic(("csd",), VOID, _plain(lambda a, t: Await(a[0]))),
    "__lock_wait": Intrinsic(("lock",), VOID, _plain(lambda a, t: Hold("wait", a[0]))),
    "__lock_held": Intrinsic(("lock",), VOID, _plain(lambda a, t: Hold("held", a[0]))),
    "__lock_dropped": Intrinsic(("lock",), VOID, _plain(lambda a, t: Hold("dropped", a[0]))),
}
