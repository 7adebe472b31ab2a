"""AArch64 instructions that compute and branch; none of them accesses memory."""

from __future__ import annotations

from collections.abc import Callable

from membar_check.litmus.syntax import AsmImmediate, AsmModifier, AsmOperand, AsmRegister
from membar_check.program.arithmetic import unsigned
from membar_check.program.dialects.aarch64_parts import CONDITIONS, FLAGS, Lowering
from membar_check.program.dialects.operands import ONE, ZERO, bad, expect_count, integer_of, label_of, no_return, op
from membar_check.program.ir import Branch, Const, Expr, Goto, Let, Reg, Select

Lower = Callable[[Lowering], None]


def _set_flags(low: Lowering, kind: str, left: Expr, right: Expr, bits: int) -> None:
    low.ops.append(Let(FLAGS, op(kind, left, right, Const(bits))))


# --- moves -----------------------------------------------------------------------------------------------------------
def _move(low: Lowering) -> None:
    """``MOV``, ``MOVZ``, ``MVN``, ``MOVN``, ``NEG``, ``NEGS``."""
    expect_count(low.mnemonic, low.operands, 2, 3)
    target, *source = low.operands
    bits = low.bits(target)
    if isinstance(source[0], AsmImmediate):
        _require_movable(low, source, bits)
    value = low.flexible(tuple(source), bits)
    if low.mnemonic in ("MVN", "MOVN"):
        value = _inverted(value, bits)
    elif low.mnemonic in ("NEG", "NEGS"):
        if low.mnemonic == "NEGS":
            _set_flags(low, "flags_sub", ZERO, value, bits)
        value = op(f"zext{bits}", op("neg", value))
    low.write(target, value)


def _require_movable(low: Lowering, source: list[AsmOperand], bits: int) -> None:
    """Raise BadOperands for a constant that the instruction cannot hold."""
    number, *shift = source
    value = integer_of(low.mnemonic, number)
    if low.mnemonic == "MOV" and not shift:
        if not -(1 << (bits - 1)) <= value < 1 << bits or not _is_movable(unsigned(value, bits), bits):
            what = "a constant that one instruction can make: 16 bits, shifted or inverted, or a pattern of bits"
            bad(low.mnemonic, number, what)
        return
    if not 0 <= value < 1 << 16:
        bad(low.mnemonic, number, "a constant of 16 bits")
    _move_shift(low, shift, bits)


def _is_movable(value: int, bits: int) -> bool:
    """Whether MOVZ, MOVN, or ORR with a constant (Arm ARM, "bitmask immediates") gives ``value``."""
    for number in (value, unsigned(~value, bits)):
        if any(number & ~(0xFFFF << shift) == 0 for shift in range(0, bits, 16)):
            return True
    size = bits
    while size > 2 and value == unsigned(value >> size // 2 | value << bits - size // 2, bits):
        size //= 2
    element = value & (1 << size) - 1
    turns = [(element >> n | element << size - n) & (1 << size) - 1 for n in range(size)]
    return any(turn & turn + 1 == 0 for turn in turns)


def _move_shift(low: Lowering, shift: list[AsmOperand], bits: int) -> int:
    """The amount of the shift behind a constant, 0 if there is none."""
    if not shift:
        return 0
    modifier = shift[0]
    if not isinstance(modifier, AsmModifier) or modifier.name != "LSL":
        bad(low.mnemonic, modifier, "`LSL #16`")
    if (modifier.amount or 0) not in range(0, bits, 16):
        bad(low.mnemonic, modifier, "a shift by 0, 16, 32 or 48")
    return modifier.amount or 0


def _inverted(value: Expr, bits: int) -> Expr:
    if isinstance(value, Const) and isinstance(value.value, int):
        return Const(unsigned(~value.value, bits))
    return op(f"zext{bits}", op("not", value))


def _move_keep(low: Lowering) -> None:
    """``MOVK Xd,#k,LSL #16``: sixteen bits anew."""
    expect_count(low.mnemonic, low.operands, 2, 3)
    target, source, *shift = low.operands
    number = integer_of(low.mnemonic, source)
    if not 0 <= number < 1 << 16:
        bad(low.mnemonic, source, "a constant of 16 bits")
    amount = _move_shift(low, shift, low.bits(target))
    kept = op("andnot", low.read(target), Const(0xFFFF << amount))
    low.write(target, op("or", kept, Const(number << amount)))


def _extend(low: Lowering) -> None:
    """``SXTW Xd,Wn`` and its kind."""
    expect_count(low.mnemonic, low.operands, 2)
    target, source = low.operands
    low.write(target, op(f"zext{low.bits(target)}", low.extended(source, low.mnemonic, 0)))


# --- arithmetic ------------------------------------------------------------------------------------------------------
def _arithmetic(low: Lowering) -> None:
    """``ADD``, ``SUB`` and with flags ``ADDS``, ``SUBS``."""
    expect_count(low.mnemonic, low.operands, 3, 4)
    target, first, *second = low.operands
    bits = low.same_width(target, first)
    _require_12_bits(low, second[0])
    _add_or_sub(low, target, low.read(first), low.flexible(tuple(second), bits), bits)


def _require_12_bits(low: Lowering, operand: AsmOperand) -> None:
    """Raise BadOperands for a constant of more than 12 bits and a sign, which chooses between ADD and SUB."""
    if isinstance(operand, AsmImmediate) and abs(operand.value) >= 1 << 12:
        bad(low.mnemonic, operand, "a constant from -4095 to 4095")


def _compare(low: Lowering) -> None:
    """``CMP`` and ``CMN``: ``SUBS`` and ``ADDS`` without a result."""
    expect_count(low.mnemonic, low.operands, 2, 3)
    first, *second = low.operands
    bits = low.bits(first)
    kind = "flags_sub" if low.mnemonic == "CMP" else "flags_add"
    _require_12_bits(low, second[0])
    _set_flags(low, kind, low.read(first), low.flexible(tuple(second), bits), bits)


def _add_or_sub(low: Lowering, target: AsmOperand, left: Expr, right: Expr, bits: int) -> None:
    kind = low.mnemonic[:3].lower()
    if low.mnemonic.endswith("S"):
        _set_flags(low, f"flags_{kind}", left, right, bits)
    if right == ZERO:
        low.write(target, left)
    else:
        low.write(target, op(f"zext{bits}", op(f"b{kind}{low.mode.unit}", left, right)))


_BITWISE = {"AND": "and", "ORR": "or", "EOR": "xor", "BIC": "andnot", "ORN": "or", "EON": "xor"}


def _bitwise(low: Lowering) -> None:
    """``AND``, ``ORR``, ``EOR``, ``BIC``, ``ORN``, ``EON``, and with flags ``ANDS``, ``BICS``."""
    expect_count(low.mnemonic, low.operands, 3, 4)
    target, first, *second = low.operands
    bits = low.same_width(target, first)
    value = _bitwise_value(low, low.mnemonic[:3], low.read(first), low.flexible(tuple(second), bits), bits)
    if low.mnemonic.endswith("S"):
        _set_flags(low, "flags_and", value, value, bits)
    low.write(target, value)


def _bitwise_value(low: Lowering, name: str, left: Expr, right: Expr, bits: int) -> Expr:
    if name in ("ORN", "EON"):
        right = _inverted(right, bits)
    return op(_BITWISE[name], left, right)


def _test(low: Lowering) -> None:
    """``TST``: ``ANDS`` without a result."""
    expect_count(low.mnemonic, low.operands, 2, 3)
    first, *second = low.operands
    bits = low.bits(first)
    _set_flags(low, "flags_and", low.read(first), low.flexible(tuple(second), bits), bits)


def _shift(low: Lowering) -> None:
    """``LSL``, ``LSR``, ``ASR``, ``ROR`` by a constant or a register."""
    expect_count(low.mnemonic, low.operands, 3)
    target, first, second = low.operands
    bits = low.same_width(target, first, second)
    kind, value = low.mnemonic[:3], low.read(first)
    if isinstance(second, AsmImmediate):
        low.write(target, low.shifted(value, kind, second.value, bits, second))
        return
    amount = op("and", low.read(second), Const(bits - 1))
    if kind == "ROR":
        left = op("shl", value, op("sub", Const(bits), amount))
        low.write(target, op(f"zext{bits}", op("or", op("shr", value, amount), left)))
    elif kind == "ASR":
        low.write(target, op(f"zext{bits}", op("sar", op(f"sext{bits}", value), amount)))
    else:
        low.write(target, op(f"zext{bits}", op("shl" if kind == "LSL" else "shr", value, amount)))


def _multiply(low: Lowering) -> None:
    """``MUL``, ``MNEG``, ``MADD``, ``MSUB``."""
    fused = low.mnemonic in ("MADD", "MSUB")
    expect_count(low.mnemonic, low.operands, 4 if fused else 3)
    bits = low.same_width(low.operands[0], *low.operands[1:])
    product: Expr = op("mul", low.read(low.operands[1]), low.read(low.operands[2]))
    if low.mnemonic == "MNEG":
        product = op("neg", product)
    elif fused:
        product = op("add" if low.mnemonic == "MADD" else "sub", low.read(low.operands[3]), product)
    low.write(low.operands[0], op(f"zext{bits}", product))


def _long_multiply(low: Lowering) -> None:
    """``SMULL``, ``UMULL``, ``SMNEGL``, ``UMNEGL``, ``SMADDL``, ``UMADDL``, ``SMSUBL``, ``UMSUBL``: 32 by 32 bits."""
    kind = low.mnemonic[1:-1]
    fused = kind in ("MADD", "MSUB")
    expect_count(low.mnemonic, low.operands, 4 if fused else 3)
    extend = "sext32" if low.mnemonic[0] == "S" else "zext32"
    target, *factors = low.operands
    left, right = (op(extend, low.read(low.register(f, "W"))) for f in factors[:2])
    product: Expr = op("mul", left, right)
    if kind == "MNEG":
        product = op("neg", product)
    elif fused:
        product = op("add" if kind == "MADD" else "sub", low.read(low.register(factors[2], "X")), product)
    low.write(low.register(target, "X"), op("zext64", product))


def _absolute(low: Lowering) -> None:
    """``ABS``."""
    expect_count(low.mnemonic, low.operands, 2)
    target, source = low.operands
    bits = low.same_width(target, source)
    value = op(f"sext{bits}", low.read(source))
    low.write(target, op(f"zext{bits}", op("max", value, op("neg", value))))


def _reverse(low: Lowering) -> None:
    """``REV``, ``REV16``, ``REV32``, ``REV64``, ``RBIT``."""
    expect_count(low.mnemonic, low.operands, 2)
    target, source = low.operands
    bits = low.same_width(target, source)
    group = int(low.mnemonic[3:] or bits) if low.mnemonic != "RBIT" else bits
    if group > bits or (low.mnemonic == "REV32" and bits == 32):
        bad(low.mnemonic, target, "a register of 64 bits")
    name = f"rbit{bits}" if low.mnemonic == "RBIT" else f"rev{group}_{bits}"
    low.write(target, op(name, low.read(source)))


def _bit(low: Lowering, operand: AsmOperand, bits: int) -> int:
    number = integer_of(low.mnemonic, operand)
    if not 0 <= number < bits:
        bad(low.mnemonic, operand, f"a bit from 0 to {bits - 1}")
    return number


def _bit_field(low: Lowering) -> None:
    """``UBFM Xd,Xn,#r,#s``, ``SBFM``: bits s to r at the bottom, or if s < r, bits s to 0 from bit ``bits - r`` on."""
    expect_count(low.mnemonic, low.operands, 4)
    target, source, *numbers = low.operands
    bits = low.same_width(target, source)
    first, last = (_bit(low, number, bits) for number in numbers)
    top = op(f"zext{bits}", op("shl", low.read(source), Const(bits - 1 - last)))
    if low.mnemonic == "SBFM":
        top = op(f"sext{bits}", top)
    down = "sar" if low.mnemonic == "SBFM" else "shr"
    if last >= first:
        value = op(down, top, Const(bits - 1 - last + first))
    else:
        value = op("shl", op(down, top, Const(bits - 1 - last)), Const(bits - first))
    low.write(target, op(f"zext{bits}", value))


def _extract(low: Lowering) -> None:
    """``EXTR Xd,Xn,Xm,#k``: from bit k on of Xn and Xm side by side."""
    expect_count(low.mnemonic, low.operands, 4)
    target, high, bottom, number = low.operands
    bits = low.same_width(target, high, bottom)
    first = _bit(low, number, bits)
    moved = op("shl", low.read(high), Const(bits - first))
    low.write(target, op(f"zext{bits}", op("or", op("shr", low.read(bottom), Const(first)), moved)))


# --- conditions ------------------------------------------------------------------------------------------------------
def _condition(low: Lowering, operand: AsmOperand) -> Expr:
    if not isinstance(operand, AsmModifier) or operand.amount is not None or operand.name not in CONDITIONS:
        if operand == AsmModifier("AL"):
            return ONE
        bad(low.mnemonic, operand, "a condition such as EQ, NE, LT or GE")
    return op(f"cond_{CONDITIONS[operand.name]}", Reg(FLAGS))


def _select(low: Lowering) -> None:
    """``CSEL``, ``CSINC``, ``CSINV``, ``CSNEG``."""
    expect_count(low.mnemonic, low.operands, 4)
    target, first, second, condition = low.operands
    bits = low.same_width(target, first, second)
    other = _changed(low.mnemonic[2:], low.read(second), bits)
    low.write(target, Select(_condition(low, condition), low.read(first), other))


def _changed(kind: str, value: Expr, bits: int) -> Expr:
    """The second value of a conditional select: increased, inverted, negated or as it is."""
    if kind == "INC":
        return op(f"zext{bits}", op("add", value, ONE))
    if kind in ("INV", "NEG"):
        return op(f"zext{bits}", op("not" if kind == "INV" else "neg", value))
    return value


def _conditional_set(low: Lowering) -> None:
    """``CSET``, ``CSETM``."""
    expect_count(low.mnemonic, low.operands, 2)
    target, condition = low.operands
    true = ONE if low.mnemonic == "CSET" else Const((1 << low.bits(target)) - 1)
    low.write(target, Select(_condition(low, condition), true, ZERO))


def _conditional_change(low: Lowering) -> None:
    """``CINC``, ``CINV``, ``CNEG``."""
    expect_count(low.mnemonic, low.operands, 3)
    target, source, condition = low.operands
    value = low.read(source)
    changed = _changed(low.mnemonic[1:], value, low.same_width(target, source))
    low.write(target, Select(_condition(low, condition), changed, value))


# --- branches --------------------------------------------------------------------------------------------------------
def _jump(low: Lowering) -> None:
    expect_count(low.mnemonic, low.operands, 1)
    low.ops.append(Goto(label_of(low.mnemonic, low.operands[0])))


def _branch_on(condition: str) -> Lower:
    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 1)
        low.ops.append(Branch(op(f"cond_{condition}", Reg(FLAGS)), label_of(low.mnemonic, low.operands[0])))

    return lower


def _compare_branch(low: Lowering) -> None:
    """``CBZ``, ``CBNZ``."""
    expect_count(low.mnemonic, low.operands, 2)
    register, label = low.operands
    kind = "eq" if low.mnemonic == "CBZ" else "ne"
    low.ops.append(Branch(op(kind, low.read(register), ZERO), label_of(low.mnemonic, label)))


def _test_branch(low: Lowering) -> None:
    """``TBZ``, ``TBNZ``."""
    expect_count(low.mnemonic, low.operands, 3)
    register, number, label = low.operands
    if not 0 <= integer_of(low.mnemonic, number) < low.bits(register):
        bad(low.mnemonic, number, f"a bit from 0 to {low.bits(register) - 1}")
    bit: Expr = op("bit", low.read(register), Const(integer_of(low.mnemonic, number)))
    if low.mnemonic == "TBZ":
        bit = op("lnot", bit)
    low.ops.append(Branch(bit, label_of(low.mnemonic, label)))


def _return(low: Lowering) -> None:
    no_return(low.mnemonic)


def _nothing(low: Lowering) -> None:
    if low.mnemonic == "NOP":
        expect_count(low.mnemonic, low.operands, 0)
    elif any(isinstance(operand, AsmRegister) for operand in low.operands):
        bad(low.mnemonic, low.operands[0], "an integer")


_TABLE: dict[str, Lower] = {
    **dict.fromkeys(("MOV", "MOVZ", "MVN", "MOVN", "NEG", "NEGS"), _move),
    "MOVK": _move_keep,
    **dict.fromkeys(("SXTB", "SXTH", "SXTW", "UXTB", "UXTH", "UXTW"), _extend),
    **dict.fromkeys(("ADD", "ADDS", "SUB", "SUBS"), _arithmetic),
    **dict.fromkeys(("CMP", "CMN"), _compare),
    **dict.fromkeys(("AND", "ANDS", "ORR", "EOR", "BIC", "BICS", "ORN", "EON"), _bitwise),
    "TST": _test,
    **dict.fromkeys(("LSL", "LSR", "ASR", "ROR", "LSLV", "LSRV", "ASRV", "RORV"), _shift),
    **dict.fromkeys(("MUL", "MNEG", "MADD", "MSUB"), _multiply),
    **dict.fromkeys([f"{sign}{kind}L" for sign in "SU" for kind in ("MUL", "MNEG", "MADD", "MSUB")], _long_multiply),
    "ABS": _absolute,
    **dict.fromkeys(("REV", "REV16", "REV32", "REV64", "RBIT"), _reverse),
    **dict.fromkeys(("UBFM", "SBFM"), _bit_field),
    "EXTR": _extract,
    **dict.fromkeys(("CSEL", "CSINC", "CSINV", "CSNEG"), _select),
    **dict.fromkeys(("CSET", "CSETM"), _conditional_set),
    **dict.fromkeys(("CINC", "CINV", "CNEG"), _conditional_change),
    **dict.fromkeys(("B", "B.AL"), _jump),
    **{f"B.{name}": _branch_on(condition) for name, condition in CONDITIONS.items()},
    **{f"B{name}": _branch_on(CONDITIONS[name]) for name in ("EQ", "NE")},
    **dict.fromkeys(("CBZ", "CBNZ"), _compare_branch),
    **dict.fromkeys(("TBZ", "TBNZ"), _test_branch),
    "RET": _return,
    **dict.fromkeys(("NOP", "HINT", "HLT"), _nothing),
}


def find(mnemonic: str) -> Lower | None:
    """How to lower a computing or branching instruction; None if the mnemonic is no such instruction."""
    return _TABLE.get(mnemonic)
