"""X86 (32 bits, Intel operand order) and X86_64 (AT&T operand order), as herd7 reads them.

Locked read-modify-writes and XCHG with memory give a read and a write, both in set X, paired by ``rmw``.  Fences are in
F and in the set of their name.  In X86 a register holds a signed 32-bit number, in X86_64 an unsigned 64-bit one.
Flags are one register, FLAGS, that no test can name; branches judge it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from membar_check.litmus.syntax import (
    AsmImmediate,
    AsmMemory,
    AsmOperand,
    AsmRegister,
    AsmSymbol,
    LitmusTest,
)
from membar_check.program.arithmetic import signed, unsigned
from membar_check.program.dialects.assembly import BadOperands, Dialect, Mode, lower_assembly
from membar_check.program.dialects.operands import ONE, ZERO, bad, expect_count, label_of, no_return, op, unknown
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
    Select,
    Store,
)
from membar_check.values import Address

NO_TAGS: frozenset[str] = frozenset()
ATOMIC = frozenset({"X"})
NON_TEMPORAL = frozenset({"NT"})
FLAGS = "FLAGS"

_SIZES = {"B": 8, "W": 16, "L": 32, "Q": 64}
_FENCES = {name: (Mark(frozenset({"F", name})),) for name in ("MFENCE", "SFENCE", "LFENCE")}
_JUMPS = {
    "JE": "eq", "JZ": "eq", "JNE": "ne", "JNZ": "ne", "JS": "mi", "JNS": "pl",
    "JL": "lt", "JLT": "lt", "JGE": "ge", "JG": "gt", "JGT": "gt", "JLE": "le",
    "JA": "hi", "JBE": "ls", "JAE": "hs", "JNB": "hs", "JNC": "hs", "JB": "lo", "JC": "lo",
}  # fmt: skip
_BINARY = {"ADD": "add", "SUB": "sub", "XOR": "xor", "OR": "or", "AND": "and", "SHL": "shl"}
_LOCKABLE = frozenset({"ADD", "SUB", "XOR", "OR", "AND", "INC", "DEC", "XCHG", "CMPXCHG", "XADD", "NEG", "NOT"})
_SUFFIXED = re.compile(
    r"(MOVNTI|MOV|XCHG|UXCH|CMPXCHG|XADD|ADD|SUB|XOR|OR|AND|SHL|CMP|TEST|INC|DEC|NEG|NOT|CMOVC)([BWLQ]?)\Z"
)

# --- registers -------------------------------------------------------------------------------------------------------
_X86_REGISTERS = ("EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP", "ESP", "EIP")
_LEGACY = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")
_X86_64_REGISTERS = tuple([f"r{name}" for name in _LEGACY] + [f"r{number}" for number in range(8, 16)])


class Part(NamedTuple):
    """A register or a part of one: ``bits`` wide from bit ``low`` on."""

    name: str
    bits: int
    low: int = 0


def _x86_64_parts() -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for name in _LEGACY:
        whole = f"r{name}"
        parts |= {whole: Part(whole, 64), f"e{name}": Part(whole, 32), name: Part(whole, 16)}
        parts[f"{name[0]}l" if name.endswith("x") else f"{name}l"] = Part(whole, 8)
        if name.endswith("x"):
            parts[f"{name[0]}h"] = Part(whole, 8, 8)
    for number in range(8, 16):
        whole = f"r{number}"
        parts |= {whole: Part(whole, 64)}
        parts |= {f"{whole}{end}": Part(whole, bits) for end, bits in (("d", 32), ("w", 16), ("b", 8))}
    return parts


_PARTS = {
    "X86": {name.lower(): Part(name, 32) for name in _X86_REGISTERS},
    "X86_64": _x86_64_parts(),
}


# --- one instruction -------------------------------------------------------------------------------------------------
class _Lowering:
    """Builds the operations of one instruction; ``bits`` is its operand size."""

    def __init__(self, arch: str, mnemonic: str, locked: bool, bits: int, unit: str) -> None:
        self.arch, self.mnemonic, self.bits = arch, mnemonic, bits
        self.add, self.sub = f"badd{unit}", f"bsub{unit}"
        self.tags, self.atomic = (ATOMIC, "amo") if locked else (NO_TAGS, "")
        self.ops: list[Micro] = []

    def part(self, register: AsmRegister) -> Part:
        part = _PARTS[self.arch].get(register.name.lower().removeprefix("%"))
        if part is None:
            raise BadOperands(f"register `{register.name}` is not supported", unsupported=True)
        return part

    def whole(self, register: AsmRegister) -> Expr:
        """The full register, for addresses."""
        return Reg(self.part(register).name)

    def address(self, memory: AsmMemory) -> Expr:
        if isinstance(memory.base, AsmSymbol):
            address: Expr = Const(Address(memory.base.name))
        else:
            address = self.whole(memory.base)
        if isinstance(memory.index, AsmImmediate) and memory.index.value:
            address = op(self.add, address, Const(memory.index.value))
        elif isinstance(memory.index, AsmRegister):
            scale = memory.extend[1] if memory.extend else 1
            address = op(self.add, address, op("mul", self.whole(memory.index), Const(scale)))
            if memory.offset:
                address = op(self.add, address, Const(memory.offset))
        return address

    def wrap(self, value: Expr) -> Expr:
        """A result cut to the operand size, as a register or location holds it."""
        return op(f"sext{self.bits}" if self.arch == "X86" else f"zext{self.bits}", value)

    def read(self, operand: AsmOperand, temporary: str = "%m", locked: bool = False) -> Expr:
        """The value of an operand, loading it if it is in memory."""
        if isinstance(operand, AsmImmediate):
            if not -(1 << (self.bits - 1)) <= operand.value < 1 << self.bits:
                bad(self.mnemonic, operand, f"a number of {self.bits} bits")
            number = signed(operand.value, self.bits)
            return Const(number if self.arch == "X86" else unsigned(number, self.bits))
        if isinstance(operand, AsmRegister):
            part = self.part(operand)
            if part.bits >= 64 or (self.arch == "X86" and self.bits == 32):
                return Reg(part.name)
            value: Expr = op("shr", Reg(part.name), Const(part.low)) if part.low else Reg(part.name)
            return op(f"zext{min(part.bits, self.bits)}", value)
        if isinstance(operand, AsmMemory):
            tags, atomic = (self.tags, self.atomic) if locked else (NO_TAGS, "")
            self.ops.append(Load(temporary, self.address(operand), tags, atomic, self.bits))
            return Reg(temporary)
        bad(self.mnemonic, operand, "a register, `[x]` or an integer")

    def write(self, operand: AsmOperand, value: Expr, locked: bool = False, tags: frozenset[str] = NO_TAGS) -> None:
        """Write a value of the operand size to a register or to memory."""
        if isinstance(operand, AsmMemory):
            tags, atomic = (self.tags, self.atomic) if locked else (tags, "")
            self.ops.append(Store(self.address(operand), value, tags, atomic, self.bits))
        elif isinstance(operand, AsmRegister):
            part = self.part(operand)
            if part.bits < 32:  # the rest of the register stays
                mask = ((1 << part.bits) - 1) << part.low
                moved = op("shl", value, Const(part.low)) if part.low else value
                value = op("or", op("and", Reg(part.name), Const(((1 << 64) - 1) & ~mask)), moved)
            self.ops.append(Let(part.name, value))
        else:
            bad(self.mnemonic, operand, "a register or `[x]`")

    def flags(self, left: Expr, right: Expr, kind: str = "flags_sub") -> None:
        self.ops.append(Let(FLAGS, op(kind, left, right, Const(self.bits))))


def _instruction(arch: str, mnemonic: str, operands: tuple[AsmOperand, ...], mode: Mode) -> tuple[Micro, ...]:
    locked = mnemonic.startswith("LOCK ")
    name = mnemonic.removeprefix("LOCK ")
    simple = _simple(arch, name, operands)
    if simple is not None:
        if locked:
            raise BadOperands(f"{name} takes no LOCK prefix")
        return simple
    match = _SUFFIXED.match(name)
    if not match:
        unknown(arch, name)
    base, suffix = match.groups()
    if locked and base not in _LOCKABLE:
        raise BadOperands(f"{base} takes no LOCK prefix")
    if arch == "X86_64" and base not in ("XCHG", "UXCH", "CMPXCHG", "CMOVC"):
        operands = operands[::-1]  # AT&T order to Intel order
    in_memory = isinstance(operands[0], AsmMemory) if operands else False
    if locked and not (in_memory or (base == "XCHG" and isinstance(operands[-1], AsmMemory))):
        raise BadOperands(f"LOCK {base} needs its destination in memory")
    lowering = _Lowering(arch, base, locked or base == "XCHG", _size(arch, suffix, operands), mode.unit)
    expect_count(base, operands, 1 if base in ("INC", "DEC", "NEG", "NOT") else 2)
    _LOWER[base](lowering, operands)
    return tuple(lowering.ops)


def _size(arch: str, suffix: str, operands: tuple[AsmOperand, ...]) -> int:
    """The operand size: after the suffix, else after a register operand, else 32 bits."""
    if suffix:
        return _SIZES[suffix]
    for operand in operands:
        if isinstance(operand, AsmRegister) and arch == "X86_64":
            part = _PARTS[arch].get(operand.name.lower().removeprefix("%"))
            if part is not None:
                return part.bits
    return 32


def _simple(arch: str, name: str, operands: tuple[AsmOperand, ...]) -> tuple[Micro, ...] | None:
    """Fences, jumps, NOP and RET; None for all else."""
    fence = _FENCES.get(name)
    if fence is not None:
        expect_count(name, operands, 0)
        return fence
    if name == "JMP":
        expect_count(name, operands, 1)
        return (Goto(label_of(name, operands[0])),)
    condition = _JUMPS.get(name)
    if condition is not None:
        expect_count(name, operands, 1)
        return (Branch(op(f"cond_{condition}", Reg(FLAGS)), label_of(name, operands[0])),)
    if name in ("NOP", "NOPL", "NOPW", "ENDBR64"):
        return ()
    if name in ("RET", "RETQ"):
        no_return(name)
    if name == "SETNB":
        expect_count(name, operands, 1)
        lowering = _Lowering(arch, name, False, _size(arch, "", operands), "4")
        lowering.write(operands[0], op("cond_hs", Reg(FLAGS)))
        return tuple(lowering.ops)
    return None


def _mov(low: _Lowering, operands: tuple[AsmOperand, ...]) -> None:
    target, source = operands
    if isinstance(target, AsmRegister) and isinstance(source, AsmMemory):
        part = low.part(target)
        if part.bits >= 32:
            low.ops.append(Load(part.name, low.address(source), bits=low.bits))
            return
    low.write(target, low.read(source))


def _movnti(low: _Lowering, operands: tuple[AsmOperand, ...]) -> None:
    target, source = operands
    if not isinstance(target, AsmMemory):
        bad(low.mnemonic, target, "a location such as `[x]`")
    low.write(target, low.read(source), tags=NON_TEMPORAL)


def _xchg(low: _Lowering, operands: tuple[AsmOperand, ...]) -> None:
    first, second = operands
    if isinstance(second, AsmMemory) and not isinstance(first, AsmMemory):
        first, second = second, first
    if isinstance(second, AsmMemory):
        bad(low.mnemonic, second, "a register beside the location")
    if isinstance(second, AsmImmediate):
        bad(low.mnemonic, second, "a register")
    old = low.read(first, "%old", locked=True)
    if isinstance(first, AsmMemory):
        low.write(first, low.read(second), locked=True)
        low.write(second, old)
    else:
        low.ops.append(Let("%old", old))
        low.write(first, low.read(second))
        low.write(second, Reg("%old"))


def _binary(low: _Lowering, operands: tuple[AsmOperand, ...]) -> None:
    target, source = operands
    right = low.read(source, "%right")
    left = low.read(target, "%left", locked=True)
    name = _BINARY[low.mnemonic]
    if name == "shl":
        right = op("and", right, Const(63 if low.bits == 64 else 31))
    if name in ("add", "sub"):
        low.flags(left, right, f"flags_{name}")
    result = low.wrap(op({"add": low.add, "sub": low.sub}.get(name, name), left, right))
    if name not in ("add", "sub"):
        low.flags(result, result, "flags_and")
    low.write(target, result, locked=True)


def _compare(low: _Lowering, operands: tuple[AsmOperand, ...]) -> None:
    left = low.read(operands[0], "%left")
    right = low.read(operands[1], "%right")
    low.flags(left, right, "flags_and" if low.mnemonic == "TEST" else "flags_sub")


def _unary(low: _Lowering, operands: tuple[AsmOperand, ...]) -> None:
    target = operands[0]
    old = low.read(target, "%old", locked=True)
    if low.mnemonic in ("INC", "DEC"):
        result = low.wrap(op(low.add if low.mnemonic == "INC" else low.sub, old, ONE))
    else:
        result = low.wrap(op("neg" if low.mnemonic == "NEG" else "not", old))
    if low.mnemonic != "NOT":
        low.flags(result, ZERO)
    low.write(target, result, locked=True)


def _xadd(low: _Lowering, operands: tuple[AsmOperand, ...]) -> None:
    target, source = operands
    if not isinstance(source, AsmRegister):
        bad(low.mnemonic, source, "a register")
    old = low.read(target, "%old", locked=True)
    if not isinstance(target, AsmMemory):
        low.ops.append(Let("%old", old))
        old = Reg("%old")
    right = low.read(source)
    low.flags(old, right, "flags_add")
    low.ops.append(Let("%new", low.wrap(op(low.add, old, right))))
    low.write(target, Reg("%new"), locked=True)
    low.write(source, old)


def _cmpxchg(low: _Lowering, operands: tuple[AsmOperand, ...]) -> None:
    """``cmpxchg [x],r``: if x equals the accumulator write r, else load x into the accumulator."""
    target, source = operands
    if not isinstance(source, AsmRegister):
        bad(low.mnemonic, source, "a register")
    accumulator = AsmRegister({8: "al", 16: "ax", 32: "eax", 64: "rax"}[low.bits])
    old = low.read(target, "%old", locked=True)
    if not isinstance(target, AsmMemory):
        low.ops.append(Let("%old", old))
        old = Reg("%old")
    expected = low.read(accumulator)
    low.flags(expected, old)
    common, low.ops = low.ops, []
    low.ops.append(Assume(op("eq", old, expected)))
    low.write(target, low.read(source), locked=True)
    success, low.ops = low.ops, []
    low.ops.append(Assume(op("ne", old, expected)))
    low.write(accumulator, old)
    low.ops = [*common, Choose((tuple(success), tuple(low.ops)))]


def _cmovc(low: _Lowering, operands: tuple[AsmOperand, ...]) -> None:
    target, source = operands
    if not isinstance(target, AsmRegister):
        bad(low.mnemonic, target, "a register")
    value = low.read(source)
    low.write(target, Select(op("cond_lo", Reg(FLAGS)), value, low.read(target)))


_LOWER: dict[str, Callable[[_Lowering, tuple[AsmOperand, ...]], None]] = {
    "MOV": _mov,
    "MOVNTI": _movnti,
    "XCHG": _xchg,
    "UXCH": _xchg,
    "CMP": _compare,
    "TEST": _compare,
    "XADD": _xadd,
    "CMPXCHG": _cmpxchg,
    "CMOVC": _cmovc,
    **dict.fromkeys(_BINARY, _binary),
    **dict.fromkeys(("INC", "DEC", "NEG", "NOT"), _unary),
}


def _dialect(arch: str, registers: tuple[str, ...], bits: int, canonical: Callable[[int, int], int]) -> Dialect:
    names = {name.lower(): name for name in registers}

    def instruction(mnemonic: str, operands: tuple[AsmOperand, ...], mode: Mode) -> tuple[Micro, ...]:
        return _instruction(arch, mnemonic, operands, mode)

    return Dialect(
        arch=arch,
        registers=registers,
        register_name=lambda name: names.get(name.lower()),
        instruction=instruction,
        is_wide=lambda operands: False,
        canonical=canonical,
        register_bits=bits,
    )


X86 = _dialect("X86", _X86_REGISTERS, 32, lambda value, bits: signed(value, 32))
X86_64 = _dialect("X86_64", _X86_64_REGISTERS, 64, unsigned)


def lower(test: LitmusTest) -> Program:
    """The program of an X86 or X86_64 test; raises as :func:`assembly.lower_assembly` does."""
    return lower_assembly(test, X86_64 if test.arch == "X86_64" else X86)
