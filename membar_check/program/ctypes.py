"""C types of locations and registers, as far as values need them: width, and whether they are signed.

herd7 shows a final value in the type of its place, ``int`` where none is declared, and compares it in that type.
"""

from __future__ import annotations

import re
from functools import lru_cache

from membar_check.program.arithmetic import signed, unsigned
from membar_check.values import Value

_FIXED = re.compile(r"(u?)int(8|16|32|64|ptr)_t\Z")
_KNOWN: dict[str, tuple[int, bool]] = {
    "char": (8, True),
    "short": (16, True),
    "int": (32, True),
    "long": (64, True),
    "size_t": (64, False),
    "atomic_t": (32, False),  # as herd7 shows it
    "atomic_int": (32, True),
    "atomic_long_t": (64, True),
    "atomic64_t": (64, True),
    "u8": (8, False),
    "u16": (16, False),
    "u32": (32, False),
    "u64": (64, False),
    "s8": (8, True),
    "s16": (16, True),
    "s32": (32, True),
    "s64": (64, True),
    "bool": (8, False),
    "_Bool": (8, False),
    "pteval_t": (64, False),
    "int128_t": (128, True),
    "uint128_t": (128, False),
    "__int128": (128, True),
    "__int128_t": (128, True),
    "__uint128": (128, False),
    "__uint128_t": (128, False),
}
LOCKS = frozenset({"spinlock_t", "raw_spinlock_t"})
_QUALIFIERS = frozenset({"volatile", "const", "_Atomic", "static", "register", "signed", "unsigned"})


def is_known(ctype: str) -> bool:
    """Whether a C type's text names a type that the checker knows, or a structure (of which it knows nothing)."""
    words = [word for word in ctype.split() if word not in _QUALIFIERS]
    if "*" in ctype or not words or words[0] in ("struct", "union", "enum"):
        return True
    return all(word in _KNOWN or word in LOCKS or _FIXED.match(word) for word in words)


@lru_cache(maxsize=1024)
def width(ctype: str) -> tuple[int, bool]:
    """Bits and signedness of a C type's text; pointers have 64 bits, and an unknown type counts as ``int``."""
    if "*" in ctype:
        return 64, True
    words = ctype.split()
    names = [word for word in words if word not in _QUALIFIERS]
    is_signed = "unsigned" not in words
    if not names:
        return 32, is_signed
    if "long" in names:
        return 64, is_signed
    base = names[-1] if names != ["short", "int"] else "short"
    match = _FIXED.match(base)
    if match:
        return (64 if match.group(2) == "ptr" else int(match.group(2))), not match.group(1)
    bits, by_type = _KNOWN.get(base, (32, True))
    return bits, by_type and is_signed


def cast(value: Value, ctype: str) -> Value:
    """``value`` as a place of that type holds and shows it; addresses stay themselves."""
    if not isinstance(value, int):
        return value
    bits, is_signed = width(ctype)
    return signed(value, bits) if is_signed else unsigned(value, bits)
