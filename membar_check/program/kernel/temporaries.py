"""Temporaries that outlive their instruction: they belong to the activation, as variables do.

A name that begins with ``%`` is known inside one instruction only; where the kernel switches tasks between two, it is
lost.  Those that another instruction uses get a name that begins with ``&``.
"""

from __future__ import annotations

from typing import Any

from membar_check.program.ir import Instr, Reg
from membar_check.records import fields, is_record

_Part = Any  # a micro-operation, an expression, or a tuple of them


def outlive(code: list[Instr]) -> None:
    """Rename the temporaries of a function that more than one of its instructions mentions."""
    first: dict[str, int] = {}
    several: set[str] = set()
    for at, instruction in enumerate(code):
        found: set[str] = set()
        for op in instruction.ops:
            _mentioned(op, found)
        several.update(name for name in found if first.setdefault(name, at) != at)
    if several:
        for at, instruction in enumerate(code):
            ops = tuple(_renamed(op, several) for op in instruction.ops)
            if ops != instruction.ops:
                code[at] = Instr(ops, instruction.span)


def _mentioned(part: _Part, found: set[str]) -> None:
    """Adds the temporaries that occur in an operation or expression."""
    if isinstance(part, Reg):
        if part.name[0] == "%":
            found.add(part.name)
    elif isinstance(part, tuple):
        for inner in part:
            _mentioned(inner, found)
    elif is_record(part):
        for name in fields(part):
            value = getattr(part, name)
            if name == "dst":
                if value is not None and value[0] == "%":
                    found.add(value)
            elif not isinstance(value, str):
                _mentioned(value, found)


def _renamed(part: _Part, names: set[str]) -> _Part:
    """The operation or expression with these temporaries renamed."""
    if isinstance(part, Reg):
        return Reg("&" + part.name[1:]) if part.name in names else part
    if type(part) is tuple:
        return tuple(_renamed(inner, names) for inner in part)
    if not is_record(part):
        return part
    changes = {}
    for name in fields(part):
        value = getattr(part, name)
        if name == "dst":
            changes[name] = "&" + value[1:] if value in names else value
        elif not isinstance(value, str):
            changes[name] = _renamed(value, names)
        else:
            changes[name] = value
    return type(part)(**changes)
