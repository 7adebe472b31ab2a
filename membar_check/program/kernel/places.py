"""Objects in init blocks and conditions: ``runqueues[1].membarrier_state``, ``0:r1``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from membar_check.diagnostics import InputError, Span
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
from membar_check.litmus.text import counted, describe
from membar_check.program.kernel.types import Array, Struct, Type, cells, is_scalar, scalars, wrap

if TYPE_CHECKING:
    from membar_check.program.kernel.objects import Memory
    from membar_check.program.kernel.statements import Elaborator
    from membar_check.program.kernel.tree import FunctionBody, Variable

_PART = re.compile(r"\.([A-Za-z_]\w*)|\[([0-9]+)\]", re.ASCII)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Spot(NamedTuple):
    """A part of a static object, ``offset`` in cells."""

    name: str
    offset: int
    type: Type


class Paths:
    """Finds what a path such as ``rq[1].curr`` names; notes the objects that are named in ``used``."""

    def __init__(self, elaborator: Elaborator, cpus: int) -> None:
        self.elaborator = elaborator
        self.cpus = cpus

    def resolve(self, text: str, span: Span | None) -> Spot:
        """The object part; InputError for a name, field or element that does not exist."""
        text = text.replace(" ", "")
        found = _NAME.match(text)
        objects = self.elaborator.objects
        if found is None or found.group() not in objects:
            name = text if found is None else found.group()
            known = sorted(n for n in objects if "@" not in n)
            hint = f"known objects: {', '.join(known[:12])}" if known else "the test declares no objects"
            raise InputError(f"unknown object {describe(name)}", span, hint)
        made = objects[found.group()]
        self.elaborator.used.setdefault(made.name)
        of: Type = Array(made.type, self.cpus) if made.per_cpu else made.type
        offset, at = 0, found.end()
        while at < len(text):
            part = _PART.match(text, at)
            if part is None:
                raise InputError(f"found {describe(text[at:])} in {describe(text)}, expected `.field` or `[n]`", span)
            more, of = self._step(of, part, text[:at], span)
            offset += more
            at = part.end()
        if isinstance(of, Struct) and len(scalars(of)) == 1:
            of = scalars(of)[0][1]
        return Spot(made.name, offset, of)

    def _step(self, of: Type, part: re.Match[str], before: str, span: Span | None) -> tuple[int, Type]:
        if part[1] is not None:
            if not isinstance(of, Struct) or of.fields is None or part[1] not in of.fields:
                names = list(of.fields or {}) if isinstance(of, Struct) else []
                hint = f"its fields: {', '.join(names[:12])}" if names else ""
                if isinstance(of, Array):
                    hint = f"it has {counted(of.length or 0, 'element')}: `{before}[0]`"
                raise InputError(f"{describe(before)} (`{of}`) has no field {describe(part[1])}", span, hint)
            return of.offsets[part[1]], of.fields[part[1]]
        index = int(part[2])
        if not isinstance(of, Array):
            raise InputError(f"{describe(before)} (`{of}`) is no array, it has no element {index}", span)
        if index >= (of.length or 0):
            size = counted(of.length or 0, "element")
            raise InputError(f"{describe(before)} has {size}, there is no number {index}", span)
        return index * cells(of.of), of.of


class Resolver:
    """Turns what conditions name into registers of the threads' own functions and cells of memory.

    ``object_of`` gives the object in memory that a local is, if it is one.
    """

    def __init__(
        self, memory: Memory, threads: list[FunctionBody], object_of: Callable[[FunctionBody, Variable], str | None]
    ) -> None:
        self.memory = memory
        self.threads = threads
        self.object_of = object_of

    def place(self, place: Place) -> tuple[Place, Type]:
        """The place and the type of what it holds; InputError for one that does not exist."""
        if isinstance(place, RegisterRef):
            return self._register(place)
        text = place.name if place.index is None else f"{place.name}[{place.index}]"
        spot = self.memory.paths.resolve(text, place.span)
        self.memory.enter(spot.name)
        whole = spot.offset == 0 and self.memory.arrays.get(spot.name)
        if isinstance(spot.type, Array) and is_scalar(spot.type.of) and whole == spot.type.length:
            return GlobalRef(spot.name, None, place.span), spot.type
        if not is_scalar(spot.type):
            example = scalars(spot.type)[0][0] if scalars(spot.type) else ""
            hint = f"name one of its cells: `{text}{example}`"
            raise InputError(f"{describe(text)} is a whole `{spot.type}`", place.span, hint)
        index = spot.offset if spot.name in self.memory.arrays else None
        return GlobalRef(spot.name, index, place.span), spot.type

    def _register(self, place: RegisterRef) -> tuple[Place, Type]:
        if place.thread >= len(self.threads):
            count = len(self.threads)
            raise InputError(f"there is no thread {place.thread}, the test has {count} (numbered from 0)", place.span)
        body = self.threads[place.thread]
        found = [v for v in body.locals if v.name == place.name]
        outer = [v for v in found if v.depth == 1]
        if not found:
            known = ", ".join(dict.fromkeys(v.name for v in body.locals))
            hint = f"its locals: {known}" if known else f"{body.name} has no locals"
            raise InputError(f"{describe(place.name)} is no local variable of {body.name}", place.span, hint)
        if len(found) > 1 and len(outer) != 1:
            lines = ", ".join(str(v.span.line) for v in found)
            raise InputError(f"{body.name} has several {describe(place.name)}, in lines {lines}", place.span)
        variable = outer[0] if outer else found[0]
        name = self.object_of(body, variable)
        if name is None:
            return RegisterRef(place.thread, variable.register, place.span), variable.type
        if not is_scalar(variable.type):
            raise InputError(f"{describe(str(place))} is a whole `{variable.type}`", place.span)
        return GlobalRef(name, None, place.span), variable.type

    def prop(self, prop: Prop) -> Prop:
        """The condition with all its places resolved and its numbers in the types of their places."""
        if isinstance(prop, And | Or):
            operands = tuple([self.prop(operand) for operand in prop.operands])
            return And(operands) if isinstance(prop, And) else Or(operands)
        if isinstance(prop, Not):
            return Not(self.prop(prop.operand))
        if isinstance(prop, Implies):
            return Implies(self.prop(prop.left), self.prop(prop.right))
        left, of = self.place(prop.left)
        if isinstance(prop.right, RegisterRef | GlobalRef):
            return Atom(left, prop.equal, self.place(prop.right)[0], prop.span)
        if isinstance(prop.right, Tuple_) != isinstance(of, Array):
            needed = "`{...}` with a value for each element" if isinstance(of, Array) else "a single value"
            raise InputError(f"{describe(str(prop.left))} is compared with {needed} only", prop.span)
        return Atom(left, prop.equal, self._operand(prop.right, of, prop), prop.span)

    def _operand(self, operand: Operand, of: Type, atom: Atom) -> Operand:
        if isinstance(operand, Tuple_):
            assert isinstance(of, Array)
            if len(operand.items) != of.length:
                given = counted(len(operand.items), "value")
                raise InputError(f"this array has {of.length} elements, but {given} given", atom.span)
            return Tuple_(tuple(self._operand(item, of.of, atom) for item in operand.items))
        if isinstance(operand, Literal):
            value = wrap(operand.value, of)
            return operand if value == operand.value or not isinstance(value, int) else Literal(value, operand.text)
        name = operand.name
        elaborator = self.memory.elaborator
        if name in elaborator.enumerators and operand.index == 0:
            return Literal(elaborator.enumerators[name], name)
        if name in elaborator.functions:
            return Symbol(name, 0, -1)
        text = name if operand.index == 0 else f"{name}[{operand.index}]"
        spot = self.memory.paths.resolve(text, atom.span)
        return Symbol(spot.name, spot.offset)
