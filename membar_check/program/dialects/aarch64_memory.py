"""AArch64 loads, stores, exclusives, atomics and barriers.

Event sets as herd7 names them: A acquire, Q acquire-PC, L release, X single-instruction atomic, EX exclusive, NoRet the
read of an atomic that drops its result, NT non-temporal; barriers ``DMB.SY``, ``DSB.ISHLD``, ``ISB`` ...
"""

from __future__ import annotations

import re
from collections.abc import Callable

from membar_check.litmus.syntax import AsmImmediate, AsmMemory, AsmModifier, AsmOperand
from membar_check.program.dialects.aarch64_parts import Lowering
from membar_check.program.dialects.assembly import BadOperands
from membar_check.program.dialects.operands import ONE, ZERO, bad, expect_count, op
from membar_check.program.ir import Assume, Choose, Const, Expr, Let, Load, Mark, Micro, Reg, Store

Lower = Callable[[Lowering], None]

_PLAIN: frozenset[str] = frozenset()
_LOAD_TAGS = {
    "LDR": _PLAIN, "LDUR": _PLAIN, "LDAR": frozenset({"A"}), "LDAPR": frozenset({"Q"}), "LDAPUR": frozenset({"Q"}),
    "LDXR": frozenset({"EX"}), "LDAXR": frozenset({"A", "EX"}),
}  # fmt: skip
_STORE_TAGS = {"STR": _PLAIN, "STUR": _PLAIN, "STLR": frozenset({"L"}), "STLUR": frozenset({"L"})}
_EXCLUSIVE_TAGS = {"STXR": frozenset({"EX"}), "STLXR": frozenset({"L", "EX"})}
_PAIR_LOAD_TAGS = {"LDP": _PLAIN, "LDNP": frozenset({"NT"}), "LDIAPP": frozenset({"Q"}), "LDAP": frozenset({"A"})}
_PAIR_STORE_TAGS = {"STP": _PLAIN, "STNP": frozenset({"NT"}), "STILP": frozenset({"L"}), "STLP": frozenset({"L"})}
_INDEXED = frozenset({"LDR", "STR"})
_OFFSET = frozenset({"LDUR", "STUR", "LDAPUR", "STLUR"})
_SIZES = {"": 0, "B": 8, "H": 16}


def _access_bits(low: Lowering, register: AsmOperand, size: int) -> int:
    if size:
        low.register(register, "W")
        return size
    return low.bits(register)


def _simple_address(low: Lowering, base: str, operand: AsmOperand) -> Expr:
    """The address of a single load or store, with the address forms that the instruction has."""
    if base in _INDEXED:
        return low.address(operand)
    memory = low.memory(operand, plain=base not in _OFFSET)
    if memory.writeback or not (memory.index is None or isinstance(memory.index, AsmImmediate)):
        bad(low.mnemonic, operand, "an address such as `[X1]` or `[X1,#4]`")
    return low.address(operand)


def load(base: str, size: str) -> Lower:
    """``LDR``, ``LDARB`` ..."""
    tags = _LOAD_TAGS[base]
    atomic = "ex" if "EX" in tags else ""

    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 2)
        register, memory = low.operands
        bits = _access_bits(low, register, _SIZES[size])
        address = _simple_address(low, base, memory)
        low.ops.append(Load(low.target(register), address, tags, atomic, bits))

    return lower


def load_signed(bits: int) -> Lower:
    """``LDRSB``, ``LDRSH``, ``LDRSW``."""

    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 2)
        register, memory = low.operands
        target = low.bits(low.register(register, "X" if bits == 32 else "WX"))
        low.ops.append(Load("%value", low.address(memory), bits=bits))
        low.write(register, op(f"zext{target}", op(f"sext{bits}", Reg("%value"))))

    return lower


def store(base: str, size: str) -> Lower:
    """``STR``, ``STLRH`` ..."""
    tags = _STORE_TAGS[base]

    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 2)
        register, memory = low.operands
        bits = _access_bits(low, register, _SIZES[size])
        value = low.read(register)
        if isinstance(memory, AsmMemory) and memory.writeback:
            low.ops.append(Let("%value", value))
            value = Reg("%value")
        address = _simple_address(low, base, memory)
        low.ops.append(Store(address, op(f"zext{bits}", value) if bits < 32 else value, tags, "", bits))

    return lower


def store_exclusive(base: str, size: str) -> Lower:
    """``STXR Ws,Wt,[Xn]``: succeeds (Ws is 0, paired with the last load-exclusive) or fails (Ws is 1).

    Where it certainly fails, for want of a load-exclusive, ``aarch64.finish_exclusives`` takes success away.
    """
    tags = _EXCLUSIVE_TAGS[base]

    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 3)
        status, register, memory = low.operands
        low.register(status, "W")
        bits = _access_bits(low, register, _SIZES[size])
        address = low.address(memory, plain=True)
        value = low.read(register)
        write = Store(address, op(f"zext{bits}", value) if bits < 32 else value, tags, "ex", bits)
        name = low.target(status)
        done: tuple[Micro, ...] = (Let(name, ZERO),) if name else ()
        failed: tuple[Micro, ...] = (Let(name, ONE),) if name else ()
        low.ops.append(Choose(((write, *done), failed)))

    return lower


def load_pair(base: str) -> Lower:
    """``LDP Xa,Xb,[Xn]`` and its kind: two accesses side by side, which ``LDIAPP`` orders."""
    tags = _PAIR_LOAD_TAGS[base]

    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 3)
        first, second, memory = low.operands
        bits = low.same_width(first, second)
        _refuse_register_offset(low, memory)
        low.ops.append(Let("%address", low.address(memory)))
        start = Reg("%address")
        low.ops.append(Load(low.target(first), start, tags, "", bits))
        later = low.add(start, Const(bits // 8))
        low.ops.append(Load(low.target(second), later, tags, "", bits, after=base == "LDIAPP"))

    return lower


def store_pair(base: str) -> Lower:
    """``STP Xa,Xb,[Xn]`` and its kind; ``STILP`` orders the two, in the other order where it changes its base first."""
    tags = _PAIR_STORE_TAGS[base]

    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 3)
        first, second, memory = low.operands
        bits = low.same_width(first, second)
        _refuse_register_offset(low, memory)
        low.ops += [Let("%first", low.read(first)), Let("%second", low.read(second))]
        low.ops.append(Let("%address", low.address(memory)))
        start = Reg("%address")
        pairs: list[tuple[Expr, Expr]] = [(start, Reg("%first")), (low.add(start, Const(bits // 8)), Reg("%second"))]
        if base == "STILP" and low.memory(memory).writeback == "pre":
            pairs.reverse()
        for number, (address, value) in enumerate(pairs):
            low.ops.append(Store(address, value, tags, "", bits, after=base == "STILP" and number == 1))

    return lower


def _refuse_register_offset(low: Lowering, operand: AsmOperand) -> None:
    memory = low.memory(operand)
    if memory.index is not None and not isinstance(memory.index, AsmImmediate):
        bad(low.mnemonic, operand, "an address such as `[X1]` or `[X1,#8]`")


# --- atomics ---------------------------------------------------------------------------------------------------------
def _atomic_tags(order: str, dropped: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Tags of the read and of the write of an atomic; a dropped result makes the read NoRet, and no acquire."""
    read = frozenset({"X", "NoRet"}) if dropped else frozenset({"X", "A"}) if "A" in order else frozenset({"X"})
    return read, frozenset({"X", "L"}) if "L" in order else frozenset({"X"})


def swap(order: str, size: str) -> Lower:
    """``SWPAL Ws,Wt,[Xn]``."""

    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 3)
        source, result, memory = low.operands
        bits = _SIZES[size] or low.same_width(source, result)
        address = low.address(memory, plain=True)
        value = low.read(source)
        _read_modify_write(low, order, result, address, op(f"zext{bits}", value) if bits < 32 else value, bits)

    return lower


def _read_modify_write(
    low: Lowering, order: str, result: AsmOperand | None, address: Expr, value: Expr, bits: int
) -> None:
    """Read into ``%old``, write ``value``, then the result register."""
    name = None if result is None else low.target(result)
    read_tags, write_tags = _atomic_tags(order, name is None)
    low.ops.append(Load("%old", address, read_tags, "amo", bits))
    low.ops.append(Store(address, value, write_tags, "amo", bits))
    if name is not None:
        low.ops.append(Let(name, Reg("%old")))


def _combine(low: Lowering, operation: str, value: Expr, bits: int) -> Expr:
    """The new value of ``LDADD`` and its kind, of ``%old`` and the register."""
    old = Reg("%old")
    if operation == "ADD":
        return op(f"zext{bits}", low.add(old, value))
    if operation in ("EOR", "SET", "CLR"):
        return op({"EOR": "xor", "SET": "or", "CLR": "andnot"}[operation], old, value)
    if operation in ("SMAX", "SMIN"):
        larger = op(operation[1:].lower(), op(f"sext{bits}", old), op(f"sext{bits}", value))
        return op(f"zext{bits}", larger)
    return op(operation.lower(), old, value)


def fetch(operation: str, order: str, size: str, dropped: bool) -> Lower:
    """``LDADDA Ws,Wt,[Xn]``, and with ``dropped`` ``STADD Ws,[Xn]``."""

    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 2 if dropped else 3)
        source, memory = low.operands[0], low.operands[-1]
        result = None if dropped else low.operands[1]
        bits = _SIZES[size] or (low.bits(source) if result is None else low.same_width(source, result))
        address = low.address(memory, plain=True)
        value = low.read(source)
        if bits < 32:
            value = op(f"zext{bits}", value)
        _read_modify_write(low, order, result, address, _combine(low, operation, value, bits), bits)

    return lower


def compare_and_swap(order: str, size: str) -> Lower:
    """``CASA Ws,Wt,[Xn]``: compare memory with Ws, write Wt if equal, and memory's old value into Ws.

    Success comes in two executions, as the value that Ws gets may come from Ws or from memory; failure in two, as it
    may or may not write the old value back (Arm ARM, CAS; herd7 counts these executions apart).
    """

    def lower(low: Lowering) -> None:
        expect_count(low.mnemonic, low.operands, 3)
        compared, new, memory = low.operands
        bits = _SIZES[size] or low.same_width(compared, new)
        address = low.address(memory, plain=True)
        name = low.target(compared)
        read_tags, write_tags = _atomic_tags(order, name is None)
        cut = (lambda value: op(f"zext{bits}", value)) if bits < 32 else (lambda value: value)
        expected, value, old = cut(low.read(compared)), cut(low.read(new)), Reg("%old")
        read = Load("%old", address, read_tags, "amo", bits)
        alternatives: list[tuple[Micro, ...]] = []
        for result in (expected, old):
            done: tuple[Micro, ...] = (Let(name, result),) if name else ()
            write = Store(address, value, write_tags, "amo", bits)
            alternatives.append((read, Assume(op("eq", old, expected)), write, *done))
        fails = Assume(op("ne", old, expected))
        done = (Let(name, old),) if name else ()
        alternatives.append((read, fails, Store(address, old, write_tags, "amo", bits), *done))
        plain_tags = read_tags if name is None else read_tags - {"X"}
        alternatives.append((Load("%old", address, plain_tags, "", bits), fails, *done))
        low.ops.append(Choose(tuple(alternatives)))

    return lower


# --- barriers --------------------------------------------------------------------------------------------------------
def barrier(low: Lowering) -> None:
    """``DMB`` and ``DSB`` with their options."""
    expect_count(low.mnemonic, low.operands, 1)
    option = low.operands[0]
    if not isinstance(option, AsmModifier) or option.amount is not None or option.name not in _BARRIER_OPTIONS:
        bad(low.mnemonic, option, "a barrier option: " + ", ".join(sorted(_BARRIER_OPTIONS)))
    low.ops.append(Mark(frozenset({"F", f"{low.mnemonic}.{option.name}"})))


_BARRIER_OPTIONS = frozenset({"SY", "LD", "ST"} | {d + t for d in ("OSH", "ISH", "NSH") for t in ("", "LD", "ST")})


def instruction_barrier(low: Lowering) -> None:
    """``ISB``."""
    if low.operands != (AsmModifier("SY"),):
        expect_count(low.mnemonic, low.operands, 0)
    low.ops.append(Mark(frozenset({"F", "ISB"})))


_FETCH = re.compile(r"(LD|ST)(ADD|EOR|SET|CLR|SMAX|SMIN|UMAX|UMIN)(AL|A|L|)(B|H|)\Z")
_ATOMIC = re.compile(r"(SWP|CAS)(AL|A|L|)(B|H|)\Z")
_SINGLE = re.compile(r"(LDAPUR|LDAPR|LDAXR|LDXR|LDAR|LDUR|LDR|STLXR|STXR|STLUR|STLR|STUR|STR)(B|H|)\Z")
_SIGNED = {"LDRSB": 8, "LDRSH": 16, "LDRSW": 32}


def find(mnemonic: str) -> Lower | None:
    """How to lower a memory access or barrier; None if the mnemonic is neither."""
    if match := _SINGLE.match(mnemonic):
        base, size = match.groups()
        if base in _LOAD_TAGS:
            return load(base, size)
        return store_exclusive(base, size) if base in _EXCLUSIVE_TAGS else store(base, size)
    if mnemonic in _SIGNED:
        return load_signed(_SIGNED[mnemonic])
    if mnemonic in _PAIR_LOAD_TAGS:
        return load_pair(mnemonic)
    if mnemonic in _PAIR_STORE_TAGS:
        return store_pair(mnemonic)
    if match := _ATOMIC.match(mnemonic):
        kind, order, size = match.groups()
        return swap(order, size) if kind == "SWP" else compare_and_swap(order, size)
    if match := _FETCH.match(mnemonic):
        kind, operation, order, size = match.groups()
        if kind == "ST" and "A" in order:
            raise BadOperands(f"there is no {mnemonic}: an atomic without result cannot acquire")
        return fetch(operation, order, size, kind == "ST")
    if mnemonic in ("DMB", "DSB"):
        return barrier
    return instruction_barrier if mnemonic == "ISB" else None
