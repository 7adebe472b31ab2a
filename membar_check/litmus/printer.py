"""Conditions and places back to text, exactly as herd7's log prints them."""

from __future__ import annotations

from membar_check.litmus.syntax import (
    And,
    Atom,
    GlobalRef,
    Literal,
    Not,
    Operand,
    Or,
    Place,
    Prop,
    Quantifier,
    RegisterRef,
    Symbol,
    Tuple_,
)
from membar_check.litmus.text import integer

_TOP, _AND, _OR, _IMPLIES = range(4)
_PARENTHESISED = frozenset({(_IMPLIES, _OR), (_IMPLIES, _AND), (_AND, _OR), (_AND, _IMPLIES), (_OR, _IMPLIES)})
"""Pairs (outer, inner) of connectives where the inner one is put in parentheses."""

_NARROW = frozenset({"C", "X86"})  # herd7 prints constants of these as 32-bit numbers


def show_condition(arch: str, quantifier: Quantifier, prop: Prop) -> str:
    """``exists (0:r1=0 /\\ [x]=2)``: the text after ``Condition`` in the log.

    ``prop`` with canonical register names, as ``Program.condition`` has them, gives exactly herd7's text.
    """
    return f"{quantifier.value} ({show_prop(arch, prop)})"


def show_prop(arch: str, prop: Prop) -> str:
    """A proposition, with no more parentheses than herd7 prints."""
    return _show(arch, prop, _TOP)


def _show(arch: str, prop: Prop, outer: int) -> str:
    if isinstance(prop, Atom):
        text = _show_atom(arch, prop)
        return text if prop.equal else f"not ({text})"
    if isinstance(prop, Not):
        return f"not ({_show(arch, prop.operand, _TOP)})"
    if isinstance(prop, And | Or):
        is_and = isinstance(prop, And)
        if not prop.operands:
            return "true" if is_and else "false"
        here, sign = (_AND, " /\\ ") if is_and else (_OR, " \\/ ")
        text = sign.join([_show(arch, operand, here) for operand in prop.operands])
    else:
        here = _IMPLIES
        text = f"{_show(arch, prop.left, here)} => {_show(arch, prop.right, here)}"
    return f"({text})" if (outer, here) in _PARENTHESISED else text


def _show_atom(arch: str, atom: Atom) -> str:
    right = atom.right
    if isinstance(right, RegisterRef | GlobalRef):
        return f"{atom.left}={right}"
    array = isinstance(right, Tuple_)
    return f"{show_place(atom.left, array)}={show_operand(arch, right)}"


def show_place(place: Place, array: bool = False) -> str:
    """``0:r1``, ``[x]``, ``a[1]``, and for a whole ``array`` its bare name."""
    if array and isinstance(place, GlobalRef) and place.index is None:
        return place.name
    return str(place)


def show_operand(arch: str, operand: Operand) -> str:
    """A value in a condition: integers in decimal, addresses of cells as ``a+1``."""
    if isinstance(operand, Literal):
        return str(_as_printed(arch, integer(operand.text)))
    if isinstance(operand, Symbol):
        if operand.label_thread is not None:
            return f"{operand.label_thread}:{operand.name}"
        return f"{operand.name}+{operand.index}" if operand.index else operand.name
    return "{" + ",".join([show_operand(arch, item) for item in operand.items]) + "}"


def _as_printed(arch: str, value: int) -> int:
    bits = 32 if arch in _NARROW and -(1 << 31) <= value < 1 << 32 else 64
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
