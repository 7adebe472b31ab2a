"""RISC-V assembly (RV64 with A): registers x0..x31 under either of their names, signed 64-bit numbers.

Event sets as herd7 names them: Acq, Rel, AcqRel after the ``.aq``/``.rl`` suffixes, X on both halves of an AMO, EX on
``lr``/``sc``; fences ``Fence.rw.w``, ``Fence.tso``, ``Fence.i``.  herd7 makes an AMO a single event; here it is a read
and a write, paired by ``rmw``, both with all tags of the instruction.
"""

from __future__ import annotations

import re

from membar_check.litmus.syntax import (
    AsmImmediate,
    AsmMemory,
    AsmModifier,
    AsmOperand,
    AsmRegister,
    AsmSymbol,
    LitmusTest,
)
from membar_check.program.arithmetic import signed
from membar_check.program.dialects.assembly import Dialect, Mode, lower_assembly
from membar_check.program.dialects.operands import (
    ONE,
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

REGISTERS = tuple([f"x{number}" for number in range(32)])
_RESERVED = "RESERVED"  # a hidden register: the address of the pending reservation, 0 if there is none

_NAMES = {name: name for name in REGISTERS} | {
    "zero": "x0", "ra": "x1", "sp": "x2", "gp": "x3", "tp": "x4", "t0": "x5", "t1": "x6", "t2": "x7", "fp": "x8",
    "s0": "x8", "s1": "x9", "t3": "x28", "t4": "x29", "t5": "x30", "t6": "x31",
}  # fmt: skip
_NAMES |= {f"a{number}": f"x{10 + number}" for number in range(8)}
_NAMES |= {f"s{number}": f"x{16 + number}" for number in range(2, 12)}

_ORDER = {"": frozenset[str](), "AQ": frozenset({"Acq"}), "RL": frozenset({"Rel"})}
_ORDER |= dict.fromkeys(("AQ.RL", "AQRL"), frozenset({"AcqRel"}))
_BITS = {"B": 8, "H": 16, "W": 32, "D": 64}

_LOAD = re.compile(r"L([BHWD])(U?)(?:\.(AQ|AQ\.?RL))?\Z")
_STORE = re.compile(r"S([BHWD])(?:\.(RL|AQ\.?RL))?\Z")
_RESERVE = re.compile(r"(LR|SC)\.([WD])(?:\.(AQ|RL|AQ\.?RL))?\Z")
_AMO = re.compile(r"AMO(SWAP|ADD|AND|OR|XOR|MAXU|MINU|MAX|MIN)\.([WD])(?:\.(AQ|RL|AQ\.?RL))?\Z")
_COMPUTE = re.compile(r"(ADD|SUB|SLTU|SLT|AND|OR|XOR|SLL|SRL|SRA)(I?)(W?)\Z")
_BRANCHES = {"BEQ": "eq", "BNE": "ne", "BLT": "lt", "BGE": "ge", "BLTU": "ult", "BGEU": "uge"}
_OPERATIONS = {"AND": "and", "OR": "or", "XOR": "xor", "SLT": "lt", "SLTU": "ult"}
_FENCE_SETS = {"R": "r", "IR": "r", "W": "w", "OW": "w", "RW": "rw", "IORW": "rw"}


class _Lowering:
    """Builds the operations of one instruction."""

    def __init__(self, mnemonic: str, operands: Operands, mode: Mode) -> None:
        self.mnemonic, self.operands = mnemonic, operands
        self.unit = mode.unit
        self.ops: list[Micro] = []

    def name(self, operand: AsmOperand) -> str:
        if not isinstance(operand, AsmRegister):
            bad(self.mnemonic, operand, "a register")
        return _NAMES[operand.name.lower()]

    def read(self, operand: AsmOperand) -> Expr:
        name = self.name(operand)
        return ZERO if name == "x0" else Reg(name)

    def target(self, operand: AsmOperand) -> str | None:
        name = self.name(operand)
        return None if name == "x0" else name

    def write(self, operand: AsmOperand, value: Expr) -> None:
        name = self.target(operand)
        if name is not None:
            self.ops.append(Let(name, value))

    def address(self, operand: AsmOperand, plain: bool = False) -> Expr:
        if not isinstance(operand, AsmMemory) or not isinstance(operand.base, AsmRegister):
            bad(self.mnemonic, operand, "an address such as `0(x5)`")
        offset = operand.index.value if isinstance(operand.index, AsmImmediate) else 0
        base = self.read(operand.base)
        if offset and plain:
            bad(self.mnemonic, operand, "an address without offset, such as `(x5)`")
        return op(f"badd{self.unit}", base, Const(offset)) if offset else base


def _load(low: _Lowering, size: str, unsigned: str, order: str | None) -> None:
    expect_count(low.mnemonic, low.operands, 2)
    target, memory = low.operands
    bits, tags = _BITS[size], _ORDER[order or ""]
    address = low.address(memory)
    if unsigned:
        low.ops.append(Load("%value", address, tags, "", bits))
        low.write(target, op(f"zext{bits}", Reg("%value")))
    else:
        low.ops.append(Load(low.target(target), address, tags, "", bits))


def _cut(value: Expr, bits: int) -> Expr:
    """A register's value as memory of that width holds it."""
    return value if bits == 64 or isinstance(value, Const) else op(f"sext{bits}", value)


def _store(low: _Lowering, size: str, order: str | None) -> None:
    expect_count(low.mnemonic, low.operands, 2)
    source, memory = low.operands
    bits = _BITS[size]
    low.ops.append(Store(low.address(memory), _cut(low.read(source), bits), _ORDER[order or ""], "", bits))


def _reserve(low: _Lowering, kind: str, size: str, order: str | None) -> None:
    """``lr`` and ``sc``; ``sc`` can succeed where the last reservation is for its address (and fail always).

    As herd7 has it, ``.rl`` on ``lr`` alone and ``.aq`` on ``sc`` alone mean nothing.
    """
    bits = _BITS[size]
    if order == ("RL" if kind == "LR" else "AQ"):
        order = ""
    tags = _ORDER[order or ""] | {"EX"}
    if kind == "LR":
        expect_count(low.mnemonic, low.operands, 2)
        address = low.address(low.operands[1], plain=True)
        low.ops.append(Let(_RESERVED, address))
        low.ops.append(Load(low.target(low.operands[0]), address, tags, "ex", bits))
        return
    expect_count(low.mnemonic, low.operands, 3)
    status, source, memory = low.operands
    address = low.address(memory, plain=True)
    name = low.target(status)
    held = Assume(op("eq", Reg(_RESERVED), address), pick=False)
    failed: tuple[Micro, ...] = (Let(name, ONE),) if name else ()
    write = Store(address, _cut(low.read(source), bits), tags, "ex", bits, status=name)
    low.ops.append(Choose(((held, write), failed)))
    low.ops.append(Let(_RESERVED, ZERO))


def _amo(low: _Lowering, operation: str, size: str, order: str | None) -> None:
    expect_count(low.mnemonic, low.operands, 3)
    target, source, memory = low.operands
    bits, tags = _BITS[size], _ORDER[order or ""] | {"X"}
    address = low.address(memory, plain=True)
    old, value = Reg("%old"), _cut(low.read(source), bits)
    low.ops.append(Load("%old", address, tags, "amo", bits))
    if operation == "ADD":
        value = op(f"sext{bits}", op(f"badd{low.unit}", old, value))
    elif operation in ("MAXU", "MINU"):
        value = op(f"sext{bits}", op(f"u{operation[:3].lower()}", old, value))
    elif operation != "SWAP":
        value = op(operation.lower(), old, value)
    low.ops.append(Store(address, value, tags, "amo", bits))
    low.write(target, old)


def _compute(low: _Lowering, name: str, immediate: str, word: str) -> None:
    expect_count(low.mnemonic, low.operands, 3)
    target, first, second = low.operands
    left = low.read(first)
    right: Expr = Const(integer_of(low.mnemonic, second)) if immediate else low.read(second)
    if left == ZERO and name in ("ADD", "OR", "XOR") and not word:
        low.write(target, right)
    elif name in ("ADD", "SUB"):
        total = op(f"b{name.lower()}{low.unit}", left, right)
        low.write(target, left if right == ZERO and not word else op("sext32" if word else "sext64", total))
    elif name in _OPERATIONS:
        low.write(target, op(_OPERATIONS[name], left, right))
    else:
        bits = 32 if word else 64
        if immediate and not 0 <= integer_of(low.mnemonic, second) < bits:
            bad(low.mnemonic, second, f"a shift by 0 to {bits - 1}")
        low.write(target, _shifted(name, left, right, bits))


def _shifted(name: str, value: Expr, amount: Expr, bits: int) -> Expr:
    amount = op("and", amount, Const(bits - 1))
    if name == "SLL":
        return op(f"sext{bits}", op("shl", value, amount))
    if name == "SRL":
        return op(f"sext{bits}", op("shr", op(f"zext{bits}", value), amount))
    return op("sar", op(f"sext{bits}", value), amount)


def _fence(low: _Lowering) -> None:
    expect_count(low.mnemonic, low.operands, 0, 2)
    sides = []
    for operand in low.operands or (AsmModifier("RW"), AsmModifier("RW")):
        if not isinstance(operand, AsmModifier | AsmSymbol) or operand.name.upper() not in _FENCE_SETS:
            bad(low.mnemonic, operand, "one of r, w, rw, ir, ow, iorw")
        sides.append(_FENCE_SETS[operand.name.upper()])
    low.ops.append(Mark(frozenset({"F", f"Fence.{sides[0]}.{sides[1]}"})))


def _simple(low: _Lowering) -> bool:
    """Everything with a name of its own; False if there is none of this name."""
    name, operands = low.mnemonic, low.operands
    if name == "FENCE":
        _fence(low)
    elif name in ("FENCE.I", "FENCE.TSO"):
        expect_count(name, operands, 0)
        low.ops.append(Mark(frozenset({"F", f"Fence.{name[6:].lower()}"})))
    elif name in ("LI", "LUI", "MV") or name in ("SEXT.B", "SEXT.H", "SEXT.W"):
        expect_count(name, operands, 2)
        low.write(operands[0], _moved(low, name, operands[1]))
    elif name in _BRANCHES:
        expect_count(name, operands, 3)
        condition = op(_BRANCHES[name], low.read(operands[0]), low.read(operands[1]))
        low.ops.append(Branch(condition, label_of(name, operands[2])))
    elif name == "J":
        expect_count(name, operands, 1)
        low.ops.append(Goto(label_of(name, operands[0])))
    elif name == "NOP":
        expect_count(name, operands, 0)
    elif name == "RET":
        no_return(name)
    else:
        return False
    return True


def _moved(low: _Lowering, name: str, source: AsmOperand) -> Expr:
    if name == "MV":
        return low.read(source)
    if name.startswith("SEXT"):
        return op(f"sext{_BITS[name[5]]}", low.read(source))
    value = integer_of(name, source)
    return Const(signed(value << 12, 32) if name == "LUI" else signed(value, 64))


def _instruction(mnemonic: str, operands: Operands, mode: Mode) -> tuple[Micro, ...]:
    low = _Lowering(mnemonic, operands, mode)
    if match := _LOAD.match(mnemonic):
        _load(low, *match.groups())
    elif match := _STORE.match(mnemonic):
        _store(low, *match.groups())
    elif match := _COMPUTE.match(mnemonic):
        _compute(low, *match.groups())
    elif match := _AMO.match(mnemonic):
        _amo(low, *match.groups())
    elif match := _RESERVE.match(mnemonic):
        _reserve(low, *match.groups())
    elif not _simple(low):
        unknown("RISCV", mnemonic)
    return tuple(low.ops)


RISCV = Dialect(
    arch="RISCV",
    registers=REGISTERS,
    register_name=lambda name: _NAMES.get(name.lower()),
    instruction=_instruction,
    is_wide=lambda operands: False,
    canonical=signed,
    register_bits=64,
)


def lower(test: LitmusTest) -> Program:
    """The program of a RISC-V test; raises as :func:`assembly.lower_assembly` does."""
    return lower_assembly(test, RISCV)
