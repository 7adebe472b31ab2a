"""The text of a cell to labels, mnemonic and operands, for every assembly dialect.

What an operand looks like is the same table of shapes for all dialects; a dialect says which words are registers, which
are modifiers, and how its memory operands are written.  Whether a mnemonic exists, and takes such operands, is for
``program/dialects`` to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from membar_check.diagnostics import InputError, Source, Span, Unsupported
from membar_check.litmus.syntax import (
    AsmImmediate,
    AsmMemory,
    AsmModifier,
    AsmOperand,
    AsmRegister,
    AsmSymbol,
)
from membar_check.litmus.text import describe, integer

Cell = tuple[tuple[tuple[str, int], ...], tuple[str, tuple[AsmOperand, ...], int] | None]
"""Labels with their offsets, and mnemonic, operands and offset of the instruction."""


class BadInstruction(Exception):
    """A cell, or the part ``start..end`` of it, that is no instruction."""

    def __init__(self, start: int, end: int, message: str, hint: str = "", unsupported: bool = False) -> None:
        super().__init__(message)
        self.start, self.end, self.message, self.hint, self.unsupported = start, end, message, hint, unsupported

    def located(self, source: Source, offset: int) -> InputError:
        """The error for the user, given where the cell begins."""
        kind = Unsupported if self.unsupported else InputError
        return kind(self.message, Span(source, offset + self.start, offset + max(self.end, self.start + 1)), self.hint)


_LONGEST = 1000  # characters of a cell
_LABEL = re.compile(r"\s*([A-Za-z_.$][\w.$/\-]*)\s*:(?!:)", re.ASCII)
_MNEMONIC = re.compile(r"\s*([A-Za-z_][\w.]*)", re.ASCII)
_LOCKED = re.compile(r"\s*(lock)\s+([A-Za-z]\w*)", re.ASCII | re.IGNORECASE)
_OPERAND_SPLIT = re.compile(r",(?![^\[\](){}]*[\])}])")
_NUMBER = re.compile(r"-?(?:0[xX][0-9a-fA-F]{1,32}|[0-9]{1,40})\Z", re.ASCII)
_WORD = re.compile(r"[A-Za-z_.$][\w.$/\-]*\Z", re.ASCII)

_REGISTERS = {
    "AArch64": r"(?:[WX](?:30|[12]?[0-9])|WZR|XZR|W?SP)\Z",
    "X86": r"(?:E(?:[ABCD]X|[SD]I|[BS]P|IP)|[ZSC]F)\Z",
    "X86_64": r"%?(?:[ER]?(?:[ABCD]X|[SD]I|[BS]P)|[ABCD][LH]|(?:[SD]I|[BS]P)L|R(?:[89]|1[0-5])[DWB]?|RIP|CS"
    r"|XMM[0-7])\Z",
    "RISCV": r"(?:x(?:3[01]|[12]?[0-9])|zero|ra|sp|gp|tp|t[0-6]|s(?:1[01]|[0-9])|a[0-7]|fp)\Z",
    "PPC": r"(?:r(?:3[01]|[12]?[0-9])|cr[0-7])\Z",
}
_MODIFIERS = {
    "AArch64": r"(LSL|LSR|ASR|ROR|[SU]XT[BHWX]|EQ|NE|CS|HS|CC|LO|MI|PL|VS|VC|HI|LS|GE|LT|GT|LE|AL"
    r"|SY|LD|ST|(?:OSH|ISH|NSH)(?:LD|ST)?)(?:\s*#?\s*([0-9]{1,4}))?\Z",
    "RISCV": r"([iorw]+)()\Z",
}
_NO_MODIFIERS = r"(?!)()()"


@cache
def _register_shape(arch: str) -> re.Pattern[str]:
    """What the words for registers look like; compiled when an architecture is met, which keeps the start short."""
    return re.compile(_REGISTERS[arch], re.IGNORECASE)


@cache
def _modifier_shape(arch: str) -> re.Pattern[str]:
    """What modifiers look like: shifts, conditions, barrier options, sides of fences."""
    return re.compile(_MODIFIERS.get(arch, _NO_MODIFIERS), re.IGNORECASE)


@lru_cache(maxsize=65536)
def read_cell(arch: str, text: str) -> Cell:
    """The labels and the instruction of a cell (blanks stripped); raises BadInstruction."""
    if len(text) > _LONGEST:
        raise BadInstruction(0, 40, f"found {describe(text)}, far too long for an instruction")
    labels: list[tuple[str, int]] = []
    position = 0
    while match := _LABEL.match(text, position):
        labels.append((match.group(1), match.start(1)))
        position = match.end()
    if not text[position:].strip():
        return tuple(labels), None
    locked = _LOCKED.match(text, position) if arch.startswith("X86") else None
    head = locked or _MNEMONIC.match(text, position)
    if not head:
        raise BadInstruction(position, len(text), f"found {describe(text[position:].strip())}, expected an instruction")
    mnemonic = f"LOCK {head.group(2).upper()}" if locked else head.group(1).upper()
    operands = _read_operands(arch, mnemonic, text, head.end())
    return tuple(labels), (mnemonic, operands, head.start(1))


def _read_operands(arch: str, mnemonic: str, text: str, start: int) -> tuple[AsmOperand, ...]:
    """The operands in ``text[start:]``, separated by commas outside brackets."""
    rest = text[start:]
    if not rest.strip():
        return ()
    if not rest[0].isspace() and rest[0] not in "[($%":
        raise BadInstruction(start, len(text), f"found {describe(rest.strip())} right behind the mnemonic")
    operands: list[AsmOperand] = []
    fence = mnemonic.startswith("FENCE")
    for piece in _OPERAND_SPLIT.split(rest):
        word = piece.strip()
        at = start + len(piece) - len(piece.lstrip())
        start += len(piece) + 1
        if not word:
            raise BadInstruction(at, at + 1, "an operand is missing here", "operands are separated by single commas")
        operand = _read_operand(arch, word, fence)
        if operand is None:
            raise BadInstruction(at, at + len(word), f"found {describe(word)}, expected an operand of {mnemonic}")
        operands.append(operand)
    return _with_post_index(arch, operands)


def operand_range(text: str, number: int) -> tuple[int, int]:
    """Where operand ``number`` stands in the text of an instruction, as offsets; for messages."""
    head = _LOCKED.match(text) or _MNEMONIC.match(text)
    start = head.end() if head else 0
    pieces = _OPERAND_SPLIT.split(text[start:])
    for piece in pieces[:number]:
        start += len(piece) + 1
    piece = pieces[number] if number < len(pieces) else ""
    start += len(piece) - len(piece.lstrip())
    return start, start + len(piece.strip())


def _with_post_index(arch: str, operands: list[AsmOperand]) -> tuple[AsmOperand, ...]:
    """Join ``[X1],#8`` to one operand (AArch64)."""
    if arch == "AArch64" and len(operands) > 1:
        memory, last = operands[-2], operands[-1]
        alone = isinstance(memory, AsmMemory) and memory.index is None and not memory.writeback
        if alone and isinstance(memory, AsmMemory) and isinstance(last, AsmImmediate | AsmRegister):
            operands[-2:] = [AsmMemory(memory.base, last, None, "post")]
    return tuple(operands)


def _read_operand(arch: str, word: str, fence: bool) -> AsmOperand | None:
    number = word[1:].lstrip() if word[0] in "#$" else word
    if _NUMBER.match(number):
        return AsmImmediate(integer(number))
    if _register_shape(arch).match(word):
        return AsmRegister(word)
    if (arch != "RISCV" or fence) and (match := _modifier_shape(arch).match(word)):
        return AsmModifier(match.group(1).upper(), int(match.group(2)) if match.group(2) else None)
    if word[-1] in "])!":
        return _MEMORY[arch](arch, word)
    if _WORD.match(word):
        return AsmSymbol(word)
    return None


def _base(arch: str, word: str) -> AsmRegister | AsmSymbol | None:
    """A register or the name of a global, as the base of a memory operand."""
    if _register_shape(arch).match(word):
        return AsmRegister(word)
    return AsmSymbol(word) if _WORD.match(word) else None


_AARCH64_MEMORY = r"\[\s*(\w+)\s*(?:,\s*([^,\]]+?)\s*)?(?:,\s*([A-Za-z]+)\s*(?:#?\s*([0-9]{1,4}))?\s*)?\]\s*(!?)\Z"


def _aarch64_memory(arch: str, word: str) -> AsmOperand | None:
    """``[X1]``, ``[X1,#4]``, ``[X1,W2,SXTW #2]``, ``[X1,#4]!``."""
    match = re.match(_AARCH64_MEMORY, word, re.ASCII)
    if not match:
        return None
    base, offset, extend, amount, bang = match.groups()
    register = _base(arch, base)
    if not isinstance(register, AsmRegister):
        return None
    index = _read_operand(arch, offset, False) if offset else None
    if offset and not isinstance(index, AsmRegister | AsmImmediate):
        return None
    assert index is None or isinstance(index, AsmRegister | AsmImmediate)
    if extend and not isinstance(index, AsmRegister):
        return None
    extension = (extend.upper(), int(amount or 0)) if extend else None
    return AsmMemory(register, index, extension, "pre" if bang else "")


_X86_MEMORY = r"(-?[0-9]{1,20})?\s*(?:\[\s*(%?[\w.$/\-]+)\s*\]|\(\s*(%?[\w.$/\-]+)\s*\))\Z"


def _x86_memory(arch: str, word: str) -> AsmOperand | None:
    """``[x]``, ``[EAX]``, ``(%rax)``, ``8(%rax)``, and for X86_64 scaled ones such as ``-8(%rax,%rcx,8)``."""
    match = re.match(_X86_MEMORY, word, re.ASCII)
    if not match:
        return _x86_scaled(arch, word)
    offset, bracketed, parenthesised = match.groups()
    base = _base(arch, bracketed or parenthesised)
    if base is None:
        return None
    return AsmMemory(base, AsmImmediate(int(offset)) if offset else None)


_X86_SCALED = r"(-?[0-9]{1,20})?\s*\(\s*(%?\w+)\s*,\s*(%?\w+)\s*,\s*([0-9]{1,4})\s*\)\Z"


def _x86_scaled(arch: str, word: str) -> AsmOperand | None:
    match = re.match(_X86_SCALED, word, re.ASCII)
    if not match or arch != "X86_64":
        return None
    offset, base, index, scale = match.groups()
    if not (_register_shape(arch).match(base) and _register_shape(arch).match(index)):
        return None
    return AsmMemory(AsmRegister(base), AsmRegister(index), ("SCALE", int(scale)), "", int(offset or 0))


_OFFSET_MEMORY = r"(-?(?:0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}))?\s*\(\s*([\w.$]+)\s*\)\Z"


def _offset_memory(arch: str, word: str) -> AsmOperand | None:
    """``0(x5)`` and ``(x5)`` of RISC-V and Power."""
    match = re.match(_OFFSET_MEMORY, word, re.ASCII)
    if not match:
        return None
    base = _base(arch, match.group(2))
    if not isinstance(base, AsmRegister):
        return None
    return AsmMemory(base, AsmImmediate(integer(match.group(1))) if match.group(1) else None)


_MEMORY: dict[str, Callable[[str, str], AsmOperand | None]] = {
    "AArch64": _aarch64_memory,
    "X86": _x86_memory,
    "X86_64": _x86_memory,
    "RISCV": _offset_memory,
    "PPC": _offset_memory,
}
