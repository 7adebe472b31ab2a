"""The initial memory of a kernel C test: static objects with their initialisers, and what the init block adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from membar_check.diagnostics import InputError, Span
from membar_check.litmus.syntax import InitItem, Literal, LitmusTest, Operand, RegisterRef, Symbol, Tuple_
from membar_check.litmus.text import describe
from membar_check.program.ctypes import width
from membar_check.program.kernel.constants import value_of
from membar_check.program.kernel.declare import Object
from membar_check.program.kernel.places import Paths, Spot
from membar_check.program.kernel.statements import Elaborator
from membar_check.program.kernel.tree import Expr
from membar_check.program.kernel.types import (
    INT,
    Array,
    Int,
    Pointer,
    Struct,
    Type,
    cells,
    is_scalar,
    scalars,
    wrap,
)
from membar_check.values import Address, CodeLabel, Value


class Place(NamedTuple):
    """An object that :class:`Memory` lays out."""

    name: str
    type: Type
    copies: int  # 1, or one for each CPU or activation
    several: bool  # it is an array of copies


class Memory:
    """What a program's memory holds at the beginning; objects enter when something names them."""

    def __init__(self, test: LitmusTest, elaborator: Elaborator, cpus: int) -> None:
        self.test = test
        self.elaborator = elaborator
        self.cpus = cpus
        self.paths = Paths(elaborator, cpus)
        self.cells: dict[Address, Value] = {}
        self.arrays: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.names: dict[Address, str] = {}
        self.types: dict[str, str] = {}
        self.current: dict[int, Value] = {}
        self._values: list[tuple[Spot, Value, Span]] = []

    # --- the init block
    def read_init(self) -> None:
        """Enter the init block: globals that the C part does not declare, which task each CPU runs, values."""
        tasks: list[InitItem] = []
        for item in self.test.init:
            if isinstance(item.place, RegisterRef):
                tasks.append(item)
            else:
                self._declare(item)
        for item in tasks:
            self._task(item)
        for item in self.test.init:
            if item.value is not None and not isinstance(item.place, RegisterRef):
                text = item.place.name if item.place.index is None else f"{item.place.name}[{item.place.index}]"
                self._initialise(self.paths.resolve(text, item.place.span or item.span), item)

    def _declare(self, item: InitItem) -> None:
        name = item.place.name
        if name in self.elaborator.objects or not name.isidentifier():
            return
        stars = item.type.count("*")
        bits, signed = width(item.type.replace("*", ""))
        of: Type = Int(bits, signed) if bits in (8, 16, 32, 64) else INT
        for _ in range(stars):
            of = Pointer(of)
        if item.array_size is not None:
            of = Array(of, item.array_size)
        self.elaborator.objects[name] = Object(name, of, None, item.span)

    def _task(self, item: InitItem) -> None:
        place = item.place
        assert isinstance(place, RegisterRef)
        span = place.span or item.span
        if place.name != "current":
            raise InputError(
                f"{describe(str(place))} cannot be initialised: a CPU has only `{place.thread}:current`",
                span,
                "initialise locals where they are declared",
            )
        if place.thread >= self.cpus:
            raise InputError(f"there is no CPU {place.thread}, the test has {self.cpus} (numbered from 0)", span)
        if place.thread in self.current:
            raise InputError(f"{describe(str(place))} is initialised twice", span)
        if item.value is None or isinstance(item.value, Tuple_):
            raise InputError(f"{describe(str(place))} has no value, expected a task such as `t0`", span)
        self.current[place.thread] = self.value(item.value, span)

    def _initialise(self, spot: Spot, item: InitItem) -> None:
        span = item.place.span or item.span
        if isinstance(item.value, Tuple_):
            if not isinstance(spot.type, Array) or not is_scalar(spot.type.of):
                raise InputError("`{...}` initialises only arrays", span)
            if len(item.value.items) > (spot.type.length or 0):
                raise InputError(f"{describe(spot.name)} has only {spot.type.length} elements", span)
            for number, operand in enumerate(item.value.items):
                cell = Spot(spot.name, spot.offset + number, spot.type.of)
                self._values.append((cell, self.value(operand, span), span))
            return
        assert item.value is not None
        if not is_scalar(spot.type):
            raise InputError(f"a whole `{spot.type}` cannot have one value", span, "initialise its fields")
        self._values.append((spot, self.value(item.value, span), span))

    def value(self, operand: Operand, span: Span) -> Value:
        """The value that an init block or condition writes as a number, a place or a function."""
        if isinstance(operand, Literal):
            return operand.value
        if not isinstance(operand, Symbol):
            raise InputError("`{...}` stands where a single value is expected", span)
        if operand.name in self.elaborator.functions:
            self.elaborator.taken.setdefault(operand.name, span)
            return CodeLabel(-1, operand.name)
        text = operand.name if operand.index == 0 else f"{operand.name}[{operand.index}]"
        spot = self.paths.resolve(text, span)
        return Address(spot.name, spot.offset)

    # --- objects
    def enter(self, name: str) -> None:
        """Lay out the static object of that name with its initial value; what its initialiser names is noted."""
        if name in self.sizes:
            return
        found = self.elaborator.objects[name]
        self.reserve(Place(name, found.type, self.cpus if found.per_cpu else 1, found.per_cpu))
        if found.init is None:
            return
        expressions = self._initialisers(found)
        size = cells(found.type)
        for cpu in range(self.cpus if found.per_cpu else 1):
            registers: dict[str, Value] = {"$cpu": cpu} if found.per_cpu else {}
            if found.per_cpu and cpu in self.current:
                registers["$current"] = self.current[cpu]
            for offset, expr in expressions.items():
                value = self._constant(expr, registers, found, cpu)
                self.cells[Address(name, cpu * size + offset)] = wrap(value, expr.type)

    def _initialisers(self, found: Object) -> dict[int, Expr]:
        elaborator = self.elaborator
        elaborator.here = found.span
        if isinstance(found.type, Struct | Array):
            return elaborator.cells_of(found.type, found.init)
        node = elaborator.unbraced(found.init)
        return {0: elaborator.convert(elaborator.scalar(node), found.type, node)}

    def _constant(self, expr: Expr, registers: Mapping[str, Value], found: Object, cpu: int) -> Value:
        value = value_of(expr, registers)
        if value is not None:
            return value
        if found.per_cpu and "$current" not in registers and value_of(expr, {**registers, "$current": 0}) is not None:
            raise InputError(
                f"the initial value of `{found.name}` on CPU {cpu} is the task that it runs, but it runs none",
                expr.span,
                f"say so in the init block, as in `{cpu}:current=t{cpu};`",
            )
        hint = "" if found.per_cpu else "`__cpu` and `__cpu_current` have a value only in per-CPU objects"
        raise InputError(f"the initial value of `{found.name}` is no constant here", expr.span, hint)

    def reserve(self, place: Place) -> None:
        """Lay out an object, with 0 in all its cells."""
        inside = scalars(place.type)
        size = len(inside)
        total = self.sizes[place.name] = size * place.copies
        single = not place.several and not isinstance(place.type, Array) and total == 1
        if not single:
            self.arrays[place.name] = total
        if isinstance(place.type, Array) and not place.several and is_scalar(place.type.of):
            self.types[place.name] = str(place.type.of)
        for copy in range(place.copies):
            owner = f"{place.name}[{copy}]" if place.several else place.name
            for offset, (path, of) in enumerate(inside):
                cell = Address(place.name, copy * size + offset)
                self.cells[cell] = 0
                self.names[cell] = owner + path
                self.types[f"[{place.name}]" if single else f"{place.name}[{cell.index}]"] = str(of)

    def finish(self) -> None:
        """Write what the init block says over the initialisers."""
        seen: set[Address] = set()
        for spot, value, span in self._values:
            cell = Address(spot.name, spot.offset)
            if cell in seen:
                raise InputError(f"{describe(self.names[cell])} is initialised twice", span)
            seen.add(cell)
            self.cells[cell] = wrap(value, spot.type)
