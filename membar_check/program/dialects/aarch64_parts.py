"""Building blocks of the AArch64 dialect: registers, shifted and extended operands, addresses, condition codes.

A register X0..X30 or SP holds an unsigned 64-bit number or an address; W registers are its lower half, and writing one
clears the upper half.  NZCV holds the flags.
"""

from __future__ import annotations

from membar_check.litmus.syntax import AsmImmediate, AsmMemory, AsmModifier, AsmOperand, AsmRegister
from membar_check.program.arithmetic import unsigned
from membar_check.program.dialects.assembly import Mode
from membar_check.program.dialects.operands import ZERO, Operands, bad, op
from membar_check.program.ir import Const, Expr, Let, Micro, Reg

FLAGS = "NZCV"
REGISTERS = (*[f"X{number}" for number in range(31)], "SP", FLAGS)
ZERO_REGISTERS = frozenset({"XZR", "WZR"})

_NAMES = {f"{width}{number}": f"X{number}" for width in "XW" for number in range(31)}
_NAMES |= {"SP": "SP", "WSP": "SP", FLAGS: FLAGS}

CONDITIONS = {
    "EQ": "eq", "NE": "ne", "CS": "hs", "HS": "hs", "CC": "lo", "LO": "lo", "MI": "mi", "PL": "pl", "VS": "vs",
    "VC": "vc", "HI": "hi", "LS": "ls", "GE": "ge", "LT": "lt", "GT": "gt", "LE": "le",
    "NONE": "eq", "ANY": "ne", "NLAST": "hs", "LAST": "lo", "FIRST": "mi", "NFIRST": "pl", "PLAST": "ls",
    "TCONT": "ge", "TSTOP": "lt",
}  # fmt: skip
"""Condition codes (with those of vector loops) to the operations that judge flags."""


def register_name(name: str) -> str | None:
    """The canonical name of a register: ``w3`` and ``X3`` are ``X3``; None if there is none of that name."""
    return _NAMES.get(name.upper())


class Lowering:
    """Builds the operations of one instruction."""

    def __init__(self, mnemonic: str, operands: Operands, mode: Mode) -> None:
        self.mnemonic, self.operands, self.mode = mnemonic, operands, mode
        self.ops: list[Micro] = []

    def register(self, operand: AsmOperand, widths: str = "WX") -> AsmRegister:
        """The operand as a register, of one of the given widths; raises BadOperands."""
        if not isinstance(operand, AsmRegister) or (operand.name[0].upper() not in widths and "SP" not in operand.name):
            kinds = " or ".join(f"{width}1" for width in widths)
            bad(self.mnemonic, operand, f"a register such as {kinds}")
        return operand

    def bits(self, operand: AsmOperand) -> int:
        """The width of a register operand."""
        return 32 if self.register(operand).name[0] in "Ww" else 64

    def same_width(self, first: AsmOperand, *others: AsmOperand) -> int:
        """The width of the first register, which the other register operands must share."""
        bits = self.bits(first)
        for other in others:
            if isinstance(other, AsmRegister) and self.bits(other) != bits:
                bad(self.mnemonic, other, f"a register of {bits} bits")
        return bits

    def read(self, operand: AsmOperand) -> Expr:
        """The value of a register, cut to its width."""
        register = self.register(operand)
        name = register.name.upper()
        if name in ZERO_REGISTERS:
            return ZERO
        value = Reg(_NAMES[name])
        return op("zext32", value) if self.mode.wide and name[0] == "W" else value

    def target(self, operand: AsmOperand) -> str | None:
        """The name of a register to be written; None for the zero register."""
        name = self.register(operand).name.upper()
        return None if name in ZERO_REGISTERS else _NAMES[name]

    def write(self, operand: AsmOperand, value: Expr) -> None:
        """Write a register with a value that fits its width."""
        name = self.target(operand)
        if name is not None:
            self.ops.append(Let(name, value))

    def add(self, left: Expr, right: Expr) -> Expr:
        """A sum in bytes, not yet cut to a width."""
        if right == ZERO:
            return left
        return op(f"badd{self.mode.unit}", left, right)

    # --- second operands ---
    def flexible(self, operands: Operands, bits: int) -> Expr:
        """The value of a second operand: ``#k``, ``#k,LSL #12``, ``Xm``, ``Xm,LSL #2``, ``Wm,SXTW #2``."""
        first, *rest = operands
        modifier = rest[0] if rest else None
        if len(rest) > 1 or (modifier is not None and not isinstance(modifier, AsmModifier)):
            bad(self.mnemonic, rest[-1], "a shift such as `LSL #2` or an extension such as `SXTW`")
        assert modifier is None or isinstance(modifier, AsmModifier)
        amount = (modifier.amount or 0) if modifier else 0
        if isinstance(first, AsmImmediate):
            if modifier and (modifier.name != "LSL" or amount not in (0, 12, 16, 32, 48)):
                bad(self.mnemonic, modifier, "`LSL #12`")
            return Const(unsigned(first.value << amount, bits))
        if modifier and modifier.name[0] in "SU" and modifier.name[1:3] == "XT":
            if amount > 4:
                bad(self.mnemonic, modifier, "an extension shifted by 0 to 4")
            return self.extended(first, modifier.name, amount)
        if self.bits(first) != bits:
            if modifier is None and bits == 64:  # a W register is extended all the same
                return self.extended(first, "SXTW", 0)
            bad(self.mnemonic, first, f"a register of {bits} bits")
        value = self.read(first)
        return self.shifted(value, modifier.name, amount, bits, modifier) if modifier else value

    def shifted(self, value: Expr, kind: str, amount: int, bits: int, shown: AsmOperand) -> Expr:
        """``value`` shifted by a constant, cut to ``bits``."""
        if not 0 <= amount < bits:
            bad(self.mnemonic, shown, f"a shift by 0 to {bits - 1}")
        if amount == 0:
            return value
        if kind == "LSL":
            return op(f"zext{bits}", op("shl", value, Const(amount)))
        if kind == "LSR":
            return op("shr", value, Const(amount))
        if kind == "ASR":
            return op(f"zext{bits}", op("sar", op(f"sext{bits}", value), Const(amount)))
        if kind == "ROR":
            low = op("shr", value, Const(amount))
            return op(f"zext{bits}", op("or", low, op("shl", value, Const(bits - amount))))
        bad(self.mnemonic, shown, "one of LSL, LSR, ASR, ROR")

    def extended(self, operand: AsmOperand, kind: str, amount: int) -> Expr:
        """A register's low part extended (``SXTW`` ...) and shifted left; negative numbers stay negative."""
        name = kind.lower().replace("xt", "ext")[:-1].replace("uext", "zext")
        size = {"B": 8, "H": 16, "W": 32, "X": 64}[kind[-1]]
        value = self.read(operand)
        if not (kind == "UXTW" and self.bits(operand) == 32) and size < 64:
            value = op(f"{name}{size}", value)
        return op("shl", value, Const(amount)) if amount else value

    # --- memory operands ---
    def memory(self, operand: AsmOperand, plain: bool = False) -> AsmMemory:
        """The operand as a memory operand; ``plain``: with nothing but the base register."""
        if not isinstance(operand, AsmMemory) or not isinstance(operand.base, AsmRegister):
            bad(self.mnemonic, operand, "a memory operand such as `[X1]`")
        if operand.base.name[0] in "Ww" or operand.base.name.upper() == "XZR":
            bad(self.mnemonic, operand, "a base register of 64 bits, such as `[X1]`")
        offset = operand.index.value if isinstance(operand.index, AsmImmediate) else operand.index
        if plain and (offset or operand.writeback):
            bad(self.mnemonic, operand, "a base register alone, such as `[X1]`")
        return operand

    def address(self, operand: AsmOperand, plain: bool = False) -> Expr:
        """The address of a memory operand; writes back to the base register where the operand says so."""
        memory = self.memory(operand, plain)
        assert isinstance(memory.base, AsmRegister)
        base = self.read(memory.base)
        offset: Expr = ZERO
        if isinstance(memory.index, AsmImmediate):
            offset = Const(memory.index.value)
        elif memory.index is not None:
            kind, amount = memory.extend or ("SXTW" if self.bits(memory.index) == 32 else "LSL", 0)
            if kind == "LSL":
                kind = "SXTW" if self.bits(memory.index) == 32 else "SXTX"
            if kind not in ("SXTW", "UXTW", "SXTX") or amount > 4:
                bad(self.mnemonic, operand, "one of LSL, SXTW, UXTW, SXTX by 0 to 4")
            offset = self.extended(memory.index, kind, amount)
        if not memory.writeback:
            return self.add(base, offset)
        moved = op("zext64", self.add(base, offset))
        if memory.writeback == "pre":
            self.write(memory.base, moved)
            return base if memory.base.name.upper() in ZERO_REGISTERS else self.read(memory.base)
        self.ops.append(Let("%base", base))
        self.write(memory.base, moved)
        return Reg("%base")
