"""Propositions on final states as certificates write them, and back."""

from __future__ import annotations

import re
from typing import Any

from membar_check.diagnostics import InputError
from membar_check.litmus.printer import show_prop
from membar_check.litmus.syntax import (
    And,
    Atom,
    GlobalRef,
    Implies,
    Literal,
    Not,
    Operand,
    Or,
    Place,
    Prop,
    RegisterRef,
    Symbol,
    Tuple_,
)
from membar_check.program.ir import Program

MOST_NESTED = 200
_STATE = re.compile(r"state [1-9][0-9]*:(.*)\Z")
_BRACKETS = re.compile(r"\A\[([^][]*(?:\[[0-9]+\])?)\]=")


def prop_json(prop: Prop) -> dict[str, Any]:
    """A proposition as JSON."""
    if isinstance(prop, Atom):
        right = prop.right
        wanted = _place_json(right) if isinstance(right, RegisterRef | GlobalRef) else _operand_json(right)
        return {"place": _place_json(prop.left), "is" if prop.equal else "is not": wanted}
    if isinstance(prop, Not):
        return {"not": prop_json(prop.operand)}
    if isinstance(prop, Implies):
        return {"if": prop_json(prop.left), "then": prop_json(prop.right)}
    return {"and" if isinstance(prop, And) else "or": [prop_json(part) for part in prop.operands]}


def _place_json(place: Place) -> dict[str, Any]:
    if isinstance(place, RegisterRef):
        return {"thread": place.thread, "register": place.name}
    return {"location": place.name} if place.index is None else {"location": place.name, "index": place.index}


def _operand_json(operand: Operand) -> Any:
    if isinstance(operand, Literal):
        return operand.value
    if isinstance(operand, Tuple_):
        return [_operand_json(item) for item in operand.items]
    if operand.label_thread is not None:
        return {"label": operand.name, "thread": operand.label_thread}
    return {"address": operand.name, "index": operand.index}


def read_prop(data: object, depth: int = 0) -> Prop:
    """The proposition back from JSON; integers are spelled in decimal.  Raises InputError for what is none."""
    match data:
        case _ if depth > MOST_NESTED:
            raise InputError("the proposition of the certificate is nested too deeply")
        case {"place": place, "is": right}:
            return Atom(_read_place(place), True, _read_right(right))
        case {"place": place, "is not": right}:
            return Atom(_read_place(place), False, _read_right(right))
        case {"not": inner}:
            return Not(read_prop(inner, depth + 1))
        case {"if": left, "then": right}:
            return Implies(read_prop(left, depth + 1), read_prop(right, depth + 1))
        case {"and": [*parts]}:
            return And(tuple(read_prop(part, depth + 1) for part in parts))
        case {"or": [*parts]}:
            return Or(tuple(read_prop(part, depth + 1) for part in parts))
    raise InputError(f"the certificate has no proposition where one is expected, but {_short(data)}")


def _read_place(data: object) -> Place:
    match data:
        case {"thread": int(thread), "register": str(name)}:
            return RegisterRef(thread, name)
        case {"location": str(name), "index": int(index)}:
            return GlobalRef(name, index)
        case {"location": str(name)}:
            return GlobalRef(name)
    raise InputError(f"the certificate has no register or location where one is expected, but {_short(data)}")


def _read_right(data: object) -> Operand | Place:
    if isinstance(data, dict) and ("register" in data or "location" in data):
        return _read_place(data)
    return _read_operand(data)


def _read_operand(data: object) -> Operand:
    match data:
        case int(value):
            return Literal(int(value), str(int(value)))
        case {"label": str(name), "thread": int(thread)}:
            return Symbol(name, 0, thread)
        case {"address": str(name), "index": int(index)}:
            return Symbol(name, index)
        case [*items]:
            return Tuple_(tuple(_read_operand(item) for item in items))
    raise InputError(f"the certificate has no value where one is expected, but {_short(data)}")


def _short(data: object) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."


def doubt_of_name(program: Program, name: str, prop: Prop) -> str:
    """Why an outcome is not called so, "" where it is: by its own text, as a numbered state that says the same, or by
    the name of a condition that the test declares."""
    arch = program.test.arch
    if name == show_prop(arch, prop):
        return ""
    for condition in program.kernel.conditions if program.kernel is not None else ():
        if condition.name == name:
            same = prop_json(condition.prop) == prop_json(prop)
            return "" if same else f"the outcome is not what the test calls `{name}`"
    state = _STATE.match(name)
    if state is None:
        return f"the outcome is called `{name}`, which is neither its text nor what the test calls it"
    said = sorted(_bare(part) for part in state[1].split(";") if part.strip())
    atoms = prop.operands if isinstance(prop, And) else (prop,)
    plain = all(isinstance(atom, Atom) and atom.equal for atom in atoms)
    if not plain or said != sorted(_bare(show_prop(arch, atom)) for atom in atoms):
        return f"the outcome is called `{name}`, which is not what its proposition says"
    return ""


def _bare(part: str) -> str:
    """``[x]=1`` as ``x=1``."""
    return _BRACKETS.sub(r"\1=", part.strip())


def unknown_places(program: Program, prop: Prop) -> list[str]:
    """The registers and locations of a proposition that the test does not have."""
    if isinstance(prop, Not):
        return unknown_places(program, prop.operand)
    if isinstance(prop, Implies):
        return unknown_places(program, prop.left) + unknown_places(program, prop.right)
    if isinstance(prop, And | Or):
        return [name for part in prop.operands for name in unknown_places(program, part)]
    places = [prop.left, *([prop.right] if isinstance(prop.right, RegisterRef | GlobalRef) else [])]
    return [str(place) for place in places if not _exists(program, place)]


def _exists(program: Program, place: Place) -> bool:
    if isinstance(place, RegisterRef):
        return any(t.number == place.thread for t in program.threads) or program.kernel is not None
    named = place.name in program.arrays or any(a.name == place.name for a in program.memory)
    return named or program.kernel is not None
