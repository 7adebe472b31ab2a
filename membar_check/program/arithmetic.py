"""The pure operations that :class:`membar_check.program.ir.Op` names, over integers and addresses.

Integers are Python's, without bound; the dialects wrap results to the width of their registers with ``zext``/``sext``.

===========================  ========================================================================================
``add sub mul div rem``      C's arithmetic (division truncates); on an address, ``add``/``sub`` move the cell
``baddN bsubN``              sums in bytes, as machines do: an address moves a cell every N bytes (1, 2, 4, 8);
                             ``badd4@a=1,b=2``: in the array ``a`` every byte, in ``b`` every 2 bytes
``neg not lnot``             negation; bitwise and logical complement
``and or xor andnot``        bitwise; ``andnot(a,b)`` is a and not b
``shl shr sar``              shifts; ``shr`` is for values that are not negative
``eq ne lt le gt ge``        signed comparisons, 0 or 1; of addresses equality, of cells of one array all
``ult ule ugt uge``          comparisons as unsigned numbers of 64 bits
``max min umax umin``        the larger, the smaller; signed, and as unsigned numbers of 64 bits
``land lor``                 C's ``&&`` and ``||`` on two evaluated operands
``zextN sextN``              the lowest N bits (8, 16, 32, 64), as unsigned or as signed number
``revB_N rbitN``             N bits with the bytes of each group of B bits, or all bits, in reverse order
``bit``                      ``bit(a,k)``: bit k of a
``first``                    ``first(a,b)``: a; depends on b all the same
``flags_sub flags_add ...``  flags N Z C V (bits 3 to 0) of ``a-b``, ``a+b``, ``a&b``; third argument: the width
``cond_eq cond_ne ...``      whether flags satisfy an ARM condition code
===========================  ========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

from membar_check.values import Address, CodeLabel, Value

_WORD = (1 << 64) - 1


class Undetermined(Exception):
    """The operation has no value that the theory knows: an address added to an address, a division by zero, ...

    An execution in which such a value matters cannot be judged; callers report it, or drop values that are not real.
    """


def evaluate(name: str, args: tuple[Value, ...]) -> Value:
    """The value of operation ``name`` (see the module) on ``args``; raises Undetermined where it has none."""
    operation = _INTEGER.get(name)
    if operation is None:
        return evaluate(_in_units(name, args), args)
    for value in args:
        if not isinstance(value, int):
            return _symbolic(name, args)
    return operation(*args)


@lru_cache(maxsize=256)
def _in_units(name: str, args: tuple[Value, ...]) -> str:
    """The sum in the unit of the array that is among the operands."""
    plain, _, units = name.partition("@")
    if not units:
        raise KeyError(name)
    by_array = dict(unit.split("=") for unit in units.split(","))
    for value in args:
        if isinstance(value, Address) and value.name in by_array:
            return plain[:4] + by_array[value.name]
    return plain


def names() -> frozenset[str]:
    """All names that :func:`evaluate` knows."""
    return frozenset(_INTEGER)


def signed(value: int, bits: int) -> int:
    """The lowest ``bits`` bits of ``value`` as a two's complement number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def unsigned(value: int, bits: int) -> int:
    """The lowest ``bits`` bits of ``value``."""
    return value & ((1 << bits) - 1)


def _div(a: int, b: int) -> int:
    if b == 0:
        raise Undetermined("division by zero")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _shift(value: int, amount: int, left: bool) -> int:
    if not 0 <= amount < 256:
        raise Undetermined("shift by a negative or huge amount")
    return value << amount if left else value >> amount


def _reverse_bytes(group: int, bits: int, value: int) -> int:
    size = group // 8
    data = unsigned(value, bits).to_bytes(bits // 8, "little")
    return int.from_bytes(b"".join(data[i : i + size][::-1] for i in range(0, len(data), size)), "little")


def _reverse_bits(bits: int, value: int) -> int:
    return int(f"{unsigned(value, bits):0{bits}b}"[::-1], 2)


_INTEGER: dict[str, Callable[..., int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _div,
    "rem": lambda a, b: a - b * _div(a, b),
    "neg": lambda a: -a,
    "not": lambda a: ~a,
    "lnot": lambda a: int(a == 0),
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "andnot": lambda a, b: a & ~b,
    "shl": lambda a, b: _shift(a, b, True),
    "shr": lambda a, b: _shift(a, b, False),
    "sar": lambda a, b: _shift(a, b, False),
    "eq": lambda a, b: int(a == b),
    "ne": lambda a, b: int(a != b),
    "lt": lambda a, b: int(a < b),
    "le": lambda a, b: int(a <= b),
    "gt": lambda a, b: int(a > b),
    "ge": lambda a, b: int(a >= b),
    "ult": lambda a, b: int(a & _WORD < b & _WORD),
    "ule": lambda a, b: int(a & _WORD <= b & _WORD),
    "ugt": lambda a, b: int(a & _WORD > b & _WORD),
    "uge": lambda a, b: int(a & _WORD >= b & _WORD),
    "max": max,
    "min": min,
    "umax": lambda a, b: max(a & _WORD, b & _WORD),
    "umin": lambda a, b: min(a & _WORD, b & _WORD),
    "land": lambda a, b: int(a != 0 and b != 0),
    "lor": lambda a, b: int(a != 0 or b != 0),
    "zext8": lambda a: a & 0xFF,
    "zext16": lambda a: a & 0xFFFF,
    "zext32": lambda a: a & 0xFFFFFFFF,
    "zext64": lambda a: a & _WORD,
    "sext8": lambda a: signed(a, 8),
    "sext16": lambda a: signed(a, 16),
    "sext32": lambda a: signed(a, 32),
    "sext64": lambda a: signed(a, 64),
    **{f"rev{b}_{n}": partial(_reverse_bytes, b, n) for n in (32, 64) for b in (16, 32, 64) if b <= n},
    **{f"rbit{n}": partial(_reverse_bits, n) for n in (32, 64)},
    "bit": lambda a, k: (a >> k) & 1,
    "first": lambda a, b: a,
    "flags_sub": lambda a, b, bits: _flags(a, ~unsigned(b, bits), 1, bits),
    "flags_add": lambda a, b, bits: _flags(a, b, 0, bits),
    "flags_and": lambda a, b, bits: _flags(a & b, 0, 0, bits),
}


def _flags(a: int, b: int, carry: int, bits: int) -> int:
    """N Z C V of a + b + carry on ``bits`` bits (Arm ARM, AddWithCarry)."""
    total = unsigned(a, bits) + unsigned(b, bits) + carry
    result = unsigned(total, bits)
    overflow = signed(a, bits) + signed(b, bits) + carry != signed(result, bits)
    return (result >> (bits - 1)) << 3 | (result == 0) << 2 | (total >> bits & 1) << 1 | overflow


_UNORDERED = 16  # flags of two different addresses: only equality is known


def _condition(test: Callable[[int, int, int, int], bool], equality: bool = False) -> Callable[[int], int]:
    """The operation that judges flags; of addresses only conditions on equality are known."""

    def judge(flags: int) -> int:
        if flags & _UNORDERED and not equality:
            raise Undetermined("the order of two addresses")
        return int(test(flags >> 3 & 1, flags >> 2 & 1, flags >> 1 & 1, flags & 1))

    return judge


_INTEGER |= {
    "cond_eq": _condition(lambda n, z, c, v: z == 1, True),
    "cond_ne": _condition(lambda n, z, c, v: z == 0, True),
    "cond_hs": _condition(lambda n, z, c, v: c == 1),
    "cond_lo": _condition(lambda n, z, c, v: c == 0),
    "cond_mi": _condition(lambda n, z, c, v: n == 1),
    "cond_pl": _condition(lambda n, z, c, v: n == 0),
    "cond_vs": _condition(lambda n, z, c, v: v == 1),
    "cond_vc": _condition(lambda n, z, c, v: v == 0),
    "cond_hi": _condition(lambda n, z, c, v: c == 1 and z == 0),
    "cond_ls": _condition(lambda n, z, c, v: c == 0 or z == 1),
    "cond_ge": _condition(lambda n, z, c, v: n == v),
    "cond_lt": _condition(lambda n, z, c, v: n != v),
    "cond_gt": _condition(lambda n, z, c, v: z == 0 and n == v),
    "cond_le": _condition(lambda n, z, c, v: z == 1 or n != v),
}

_COMPARISONS = frozenset({"lt", "le", "gt", "ge", "ult", "ule", "ugt", "uge"})
_UNITS = {"add": 1, "sub": 1} | {f"b{kind}{unit}": unit for kind in ("add", "sub") for unit in (1, 2, 4, 8)}
_INTEGER |= {name: _INTEGER[name[1:4]] for name in _UNITS if name not in _INTEGER}


def _symbolic(name: str, args: tuple[Value, ...]) -> Value:
    """``evaluate`` where some argument is an address."""
    left = args[0]
    if name == "first":
        return left
    if name == "flags_sub":
        return 0b0110 if left == args[1] else _UNORDERED
    if len(args) == 3:
        raise Undetermined(f"{name} of an address")
    if len(args) == 1:
        if name in ("zext32", "sext32", "zext64", "sext64"):  # addresses fit into every register that holds them
            return left
        if name == "lnot":
            return 0
        raise Undetermined(f"{name} of an address")
    right = args[1]
    if name == "first":
        return left
    if name in ("eq", "ne"):
        return int((left == right) == (name == "eq"))
    if name in ("land", "lor"):
        truth = (left != 0 and right != 0) if name == "land" else (left != 0 or right != 0)
        return int(truth)
    if name in _UNITS:
        return _move(name, left, right)
    if name in _COMPARISONS and isinstance(left, Address) and isinstance(right, Address) and left.name == right.name:
        return _INTEGER[name](left.index, right.index)
    return _absorb(name, left, right)


def _move(name: str, left: Value, right: Value) -> Value:
    """Sums with an address: it moves by whole cells; two addresses in one array have a distance."""
    unit = _UNITS[name]
    subtract = "sub" in name
    if isinstance(left, Address) and isinstance(right, int):
        offset = _cells(right, unit)
        return Address(left.name, left.index - offset if subtract else left.index + offset) if offset else left
    if not subtract and isinstance(left, int) and isinstance(right, Address):
        offset = _cells(left, unit)
        return Address(right.name, right.index + offset) if offset else right
    if subtract and isinstance(left, Address) and isinstance(right, Address) and left.name == right.name:
        return (left.index - right.index) * unit
    if right == 0:
        return left
    if left == 0 and not subtract:
        return right
    if subtract and left == right:
        return 0
    raise Undetermined(f"{name} of {left} and {right}")


def _cells(offset: int, unit: int) -> int:
    offset = signed(offset, 64)
    cells, rest = divmod(offset, unit)
    if rest:
        raise Undetermined(f"an address moved by {offset} bytes, which are no whole cells")
    return cells


def _absorb(name: str, left: Value, right: Value) -> Value:
    """What bit operations and products give with an address whatever its bits are."""
    if left == right:
        if name in ("xor", "andnot"):
            return 0
        if name in ("and", "or", "max", "min", "umax", "umin"):
            return left
    if isinstance(left, CodeLabel) and isinstance(right, CodeLabel):
        raise Undetermined(f"{name} of two labels")
    if right == 0:
        if name in ("and", "mul"):
            return 0
        if name in ("or", "xor", "andnot", "shl", "shr", "sar"):
            return left
    if left == 0:
        if name in ("and", "mul", "andnot", "shl", "shr", "sar"):
            return 0
        if name in ("or", "xor"):
            return right
    if name == "mul" and 1 in (left, right):
        return right if left == 1 else left
    raise Undetermined(f"{name} of {left} and {right}")
