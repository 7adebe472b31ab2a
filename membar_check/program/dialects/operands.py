"""Small shared vocabulary of the assembly dialects: building expressions, and checking what operands are."""

from __future__ import annotations

from typing import NoReturn

from membar_check.litmus.syntax import (
    AsmImmediate,
    AsmMemory,
    AsmModifier,
    AsmOperand,
    AsmRegister,
    AsmSymbol,
)
from membar_check.litmus.text import counted
from membar_check.program.dialects.assembly import BadOperands
from membar_check.program.ir import Const, Expr, Op

ZERO = Const(0)
ONE = Const(1)

Operands = tuple[AsmOperand, ...]


def op(name: str, *args: Expr) -> Op:
    """``Op`` with its arguments written in a row."""
    return Op(name, args)


def show(operand: AsmOperand) -> str:
    """An operand as messages show it."""
    if isinstance(operand, AsmImmediate):
        return f"`{operand.value}`"
    if isinstance(operand, AsmMemory):
        return f"`[{operand.base.name}...]`" if operand.index else f"`[{operand.base.name}]`"
    return f"`{operand.name}`"


def expect_count(mnemonic: str, operands: Operands, *counts: int) -> None:
    """Raise BadOperands unless there are as many operands as one of ``counts``."""
    if len(operands) not in counts:
        wanted = " or ".join(str(count) for count in counts)
        raise BadOperands(f"found {counted(len(operands), 'operand')} of {mnemonic}, expected {wanted}")


def bad(mnemonic: str, operand: AsmOperand, expected: str) -> NoReturn:
    """Raise BadOperands for an operand of the wrong kind."""
    raise BadOperands(f"found {show(operand)} as operand of {mnemonic}, expected {expected}", operand=operand)


def unknown(arch: str, mnemonic: str) -> NoReturn:
    """Raise BadOperands (unsupported) for a mnemonic that the dialect does not have."""
    raise BadOperands(f"instruction `{mnemonic}` of {arch} is not supported", unsupported=True)


def no_return(mnemonic: str) -> NoReturn:
    """Raise BadOperands (unsupported) for an instruction that returns from a function."""
    hint = "a thread ends behind its last instruction: jump to a label there"
    raise BadOperands(f"{mnemonic} returns to a caller, but a thread has none", hint, unsupported=True)


def label_of(mnemonic: str, operand: AsmOperand) -> str:
    """The label that a branch names."""
    if not isinstance(operand, AsmSymbol):
        if isinstance(operand, AsmRegister | AsmModifier):  # a label spelt like a register or modifier
            return operand.name
        bad(mnemonic, operand, "a label")
    return operand.name


def integer_of(mnemonic: str, operand: AsmOperand) -> int:
    """The value of an immediate operand."""
    if not isinstance(operand, AsmImmediate):
        bad(mnemonic, operand, "an integer")
    return operand.value
