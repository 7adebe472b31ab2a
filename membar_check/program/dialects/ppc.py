"""Power assembly: registers r0..r31 hold signed numbers, CR0 the flags of comparisons.

Event sets as herd7 names them: X on ``lwarx``/``stwcx.``; fences SYNC, LWSYNC, EIEIO, ISYNC.
"""

from __future__ import annotations

import re

from membar_check.litmus.syntax import AsmImmediate, AsmMemory, AsmOperand, AsmRegister, LitmusTest
from membar_check.program.arithmetic import signed
from membar_check.program.dialects.assembly import BadOperands, Dialect, Mode, lower_assembly
from membar_check.program.dialects.operands import (
    ZERO,
    Operands,
    bad,
    expect_count,
    integer_of,
    label_of,
    no_return,
    op,
    unknown,
)
from membar_check.program.ir import (
    Assume,
    Branch,
    Choose,
    Const,
    Expr,
    Goto,
    Let,
    Load,
    Mark,
    Micro,
    Program,
    Reg,
    Store,
)

REGISTERS = tuple([f"r{number}" for number in range(32)])
FLAGS = "CR0"
EQUAL = Const(0b0100)
_RESERVED = "RESERVED"  # a hidden register: the address of the pending reservation, 0 if there is none
_RESERVATION = frozenset({"X"})

_FENCES = {"SYNC": "SYNC", "HWSYNC": "SYNC", "LWSYNC": "LWSYNC", "EIEIO": "EIEIO", "ISYNC": "ISYNC"}
_BRANCHES = {
    "BEQ": "eq", "BNE": "ne", "BLT": "lt", "BGE": "ge", "BNL": "ge", "BGT": "gt", "BLE": "le", "BNG": "le",
}  # fmt: skip
_BITS = {"B": 8, "H": 16, "W": 32, "D": 64}
_ACCESS = re.compile(r"(L|ST)([BHWD])Z?(X?)\Z")
_COMPUTE = re.compile(r"(ADD|SUBF|SUB|AND|OR|XOR|MULL|DIV|NOR)W?(\.?)\Z")
_IMMEDIATE = re.compile(r"(ADDIS|ADDI|SUBI|ANDI|ORI|XORI|MULLI)(\.?)\Z")
_OPERATIONS = {"AND": "and", "OR": "or", "XOR": "xor", "MUL": "mul", "DIV": "div"}


class _Lowering:
    """Builds the operations of one instruction."""

    def __init__(self, mnemonic: str, operands: Operands, mode: Mode) -> None:
        self.mnemonic, self.operands = mnemonic, operands
        self.unit = mode.unit
        self.ops: list[Micro] = []

    def name(self, operand: AsmOperand) -> str:
        if not isinstance(operand, AsmRegister) or operand.name[0] not in "rR":
            bad(self.mnemonic, operand, "a register such as r1")
        return operand.name.lower()

    def read(self, operand: AsmOperand) -> Expr:
        return Reg(self.name(operand))

    def write(self, operand: AsmOperand, value: Expr) -> None:
        self.ops.append(Let(self.name(operand), value))

    def base(self, operand: AsmOperand) -> Expr:
        """A register as the base of an indexed address, where r0 means 0."""
        return ZERO if self.name(operand) == "r0" else self.read(operand)

    def flags(self, left: Expr, right: Expr) -> None:
        self.ops.append(Let(FLAGS, op("flags_sub", left, right, Const(64))))

    def sum(self, left: Expr, right: Expr) -> Expr:
        if ZERO in (left, right):
            return right if left == ZERO else left
        return op(f"badd{self.unit}", left, right)

    def address(self, operands: Operands, indexed: bool) -> Expr:
        """``0(r2)``, ``0,r2``, or for indexed accesses ``r1,r2``."""
        if indexed:
            expect_count(self.mnemonic, operands, 2)
            return self.sum(self.base(operands[0]), self.read(operands[1]))
        if len(operands) == 2:
            return self.sum(self.read(operands[1]), Const(integer_of(self.mnemonic, operands[0])))
        expect_count(self.mnemonic, operands, 1)
        memory = operands[0]
        if not isinstance(memory, AsmMemory) or not isinstance(memory.base, AsmRegister):
            bad(self.mnemonic, memory, "an address such as `0(r2)`")
        offset = memory.index.value if isinstance(memory.index, AsmImmediate) else 0
        return self.sum(self.read(memory.base), Const(offset))


def _access(low: _Lowering, kind: str, size: str, indexed: str) -> None:
    expect_count(low.mnemonic, low.operands, 2, 3)
    register, *rest = low.operands
    bits = _BITS[size]
    address = low.address(tuple(rest), bool(indexed))
    if kind == "L":
        low.ops.append(Load(low.name(register), address, bits=bits))
    else:
        value = low.read(register)
        low.ops.append(Store(address, value if bits == 64 else op(f"sext{bits}", value), bits=bits))


def _reservation(low: _Lowering) -> None:
    """``lwarx`` and ``stwcx.``; the store can succeed where the last reservation is for its address."""
    expect_count(low.mnemonic, low.operands, 3)
    register, first, second = low.operands
    address = low.sum(low.base(first), low.read(second))
    if low.mnemonic == "LWARX":
        low.ops.append(Let(_RESERVED, address))
        low.ops.append(Load(low.name(register), address, _RESERVATION, "ex"))
        return
    held = Assume(op("eq", Reg(_RESERVED), address), pick=False)
    write = Store(address, op("sext32", low.read(register)), _RESERVATION, "ex")
    low.ops.append(Choose(((held, write, Let(FLAGS, EQUAL)), (Let(FLAGS, ZERO),))))
    low.ops.append(Let(_RESERVED, ZERO))


def _compute(low: _Lowering, name: str, dot: str) -> None:
    expect_count(low.mnemonic, low.operands, 3)
    target, first, second = low.operands
    left, right = low.read(first), low.read(second)
    if name == "SUBF":
        left, right = right, left
    _result(low, target, name[:3], left, right, dot)


def _immediate(low: _Lowering, name: str, dot: str) -> None:
    expect_count(low.mnemonic, low.operands, 3)
    if (name == "ANDI") != (dot == "."):
        raise BadOperands(f"there is no {low.mnemonic}, expected {'ANDI.' if name == 'ANDI' else name}")
    target, first, second = low.operands
    number = integer_of(low.mnemonic, second)
    left = low.base(first) if name.startswith("ADD") else low.read(first)
    if name == "ADDIS":
        number <<= 16
    elif name == "SUBI":
        number = -number
    kind = {"ADDIS": "ADD", "ADDI": "ADD", "SUBI": "ADD", "MULLI": "MUL", "ORI": "OR"}.get(name, name[:3])
    _result(low, target, kind, left, Const(number), dot)


def _result(low: _Lowering, target: AsmOperand, name: str, left: Expr, right: Expr, dot: str) -> None:
    if name == "ADD":
        value = low.sum(left, right)
    elif name == "SUB":
        value = op(f"bsub{low.unit}", left, right)
    elif name == "NOR":
        value = op("not", op("or", left, right))
    else:
        value = op(_OPERATIONS[name], left, right)
    low.write(target, value)
    if dot:
        low.flags(low.read(target), ZERO)


def _compare(low: _Lowering) -> None:
    """``cmpw r1,r2``, ``cmpwi cr0,r1,0``; only field 0 of the condition register is there."""
    operands = low.operands
    if len(operands) == 3:
        field, *rest = operands
        if not isinstance(field, AsmRegister) or field.name.lower() != "cr0":
            bad(low.mnemonic, field, "`cr0`, the only condition field supported")
        operands = tuple(rest)
    expect_count(low.mnemonic, operands, 2)
    left = low.read(operands[0])
    if low.mnemonic == "CMPW":
        low.flags(left, low.read(operands[1]))
    else:
        low.flags(left, Const(integer_of(low.mnemonic, operands[1])))


def _simple(low: _Lowering) -> bool:
    """Everything with a name of its own; False if there is none of this name."""
    name, operands = low.mnemonic, low.operands
    if name in _FENCES:
        expect_count(name, operands, 0)
        low.ops.append(Mark(frozenset({"F", _FENCES[name]})))
    elif name in ("LI", "LIS"):
        expect_count(name, operands, 2)
        low.write(operands[0], Const(integer_of(name, operands[1]) << (16 if name == "LIS" else 0)))
    elif name in ("MR", "EXTSW", "NEG"):
        expect_count(name, operands, 2)
        value = low.read(operands[1])
        low.write(operands[0], value if name == "MR" else op("sext32" if name == "EXTSW" else "neg", value))
    elif name in ("CMPW", "CMPWI"):
        _compare(low)
    elif name in _BRANCHES:
        expect_count(name, operands, 1)
        low.ops.append(Branch(op(f"cond_{_BRANCHES[name]}", Reg(FLAGS)), label_of(name, operands[0])))
    elif name == "B":
        expect_count(name, operands, 1)
        low.ops.append(Goto(label_of(name, operands[0])))
    elif name == "NOP":
        expect_count(name, operands, 0)
    elif name == "BLR":
        no_return(name)
    else:
        return False
    return True


def _instruction(mnemonic: str, operands: Operands, mode: Mode) -> tuple[Micro, ...]:
    low = _Lowering(mnemonic, operands, mode)
    if match := _ACCESS.match(mnemonic):
        _access(low, *match.groups())
    elif match := _COMPUTE.match(mnemonic):
        _compute(low, *match.groups())
    elif match := _IMMEDIATE.match(mnemonic):
        _immediate(low, *match.groups())
    elif mnemonic in ("LWARX", "STWCX."):
        _reservation(low)
    elif not _simple(low):
        unknown("PPC", mnemonic)
    return tuple(low.ops)


_NAMES = {name: name for name in REGISTERS}

PPC = Dialect(
    arch="PPC",
    registers=REGISTERS,
    register_name=lambda name: _NAMES.get(name.lower()),
    instruction=_instruction,
    is_wide=lambda operands: False,
    canonical=signed,
    register_bits=64,
)


def lower(test: LitmusTest) -> Program:
    """The program of a Power test; raises as :func:`assembly.lower_assembly` does."""
    return lower_assembly(test, PPC)
