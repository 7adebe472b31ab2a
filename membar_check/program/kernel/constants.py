"""Constants: what literals mean, and the values of constant expressions of the typed tree."""

from __future__ import annotations

from collections.abc import Mapping

from membar_check.program.arithmetic import Undetermined, evaluate
from membar_check.program.kernel.intrinsics import SETTLE
from membar_check.program.kernel.tree import (
    CallMacro,
    CpuRegister,
    Expr,
    Logical,
    Number,
    Operation,
    Sequence,
    Ternary,
)
from membar_check.program.kernel.types import INT, LONG, UNSIGNED_LONG, Int, Type
from membar_check.values import Value

_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "\\": 92, "'": 39, '"': 34, "a": 7, "b": 8, "f": 12, "v": 11}
_UNSIGNED = Int(32, False)


def literal(kind: str, text: str) -> tuple[int, Type] | None:
    """The value and type of a constant as the parser gives it; None if it is no integer."""
    if kind == "char":
        return _character(text)
    if "int" not in kind:
        return None
    digits = text.rstrip("uUlL")
    suffix = text[len(digits) :].lower()
    if digits[:2].lower() == "0b":
        value, decimal = int(digits[2:], 2), False
    elif digits[:2].lower() == "0x":
        value, decimal = int(digits, 16), False
    else:
        decimal = digits == "0" or digits[0] != "0"
        value = int(digits, 10 if decimal else 8)
    unsigned, long = "u" in suffix, "l" in suffix
    for of in (INT, _UNSIGNED, LONG, UNSIGNED_LONG):
        if (unsigned and of.signed) or (long and of.bits < 64) or (decimal and not unsigned and not of.signed):
            continue
        if value < 1 << (of.bits - of.signed):
            return value, of
    return value & ((1 << 64) - 1), UNSIGNED_LONG


def _character(text: str) -> tuple[int, Type] | None:
    body = text[1:-1]
    if len(body) == 1:
        return ord(body), INT
    if len(body) == 2 and body[0] == "\\" and body[1] in _ESCAPES:
        return _ESCAPES[body[1]], INT
    return None


def string(text: str) -> str:
    """The characters of a string literal (adjacent ones are joined by the parser)."""
    out = []
    rest = iter(text[1:-1])
    for character in rest:
        if character == "\\":
            following = next(rest, "")
            character = chr(_ESCAPES[following]) if following in _ESCAPES else following
        out.append(character)
    return "".join(out)



def value_of(expr: Expr, registers: Mapping[str, Value] | None = None) -> Value | None:
    """The value of an expression that is constant where the CPU registers have the values given; else None."""
    if isinstance(expr, Number):
        return expr.value
    if isinstance(expr, CpuRegister):
        return None if registers is None else registers.get(expr.name)
    if isinstance(expr, Operation):
        values = []
        for part in expr.args:
            value = value_of(part, registers)
            if value is None:
                return None
            values.append(value)
        try:
            return evaluate(expr.name, tuple(values))
        except Undetermined:
            return None
    if isinstance(expr, Logical):
        left = value_of(expr.left, registers)
        if left is None:
            return None
        if (left != 0) != expr.both:
            return int(not expr.both)
        right = value_of(expr.right, registers)
        return None if right is None else int(right != 0)
    if isinstance(expr, Ternary):
        cond = value_of(expr.cond, registers)
        return None if cond is None else value_of(expr.then if cond != 0 else expr.other, registers)
    if isinstance(expr, CallMacro) and expr.name == SETTLE:
        return value_of(expr.args[0], registers)
    if isinstance(expr, Sequence):
        return None if value_of(expr.first, registers) is None else value_of(expr.last, registers)
    return None
