"""From init block and final part to what all dialects share: initial memory and registers, types, resolved places."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from membar_check.diagnostics import InputError, Span, Unsupported
from membar_check.litmus.syntax import (
    And,
    Atom,
    GlobalRef,
    Implies,
    InitItem,
    Literal,
    LitmusTest,
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
from membar_check.program.arithmetic import signed
from membar_check.program.ctypes import LOCKS, cast, is_known, width
from membar_check.records import dataclass
from membar_check.values import Address, CodeLabel, Value

RegisterName = Callable[[int, str], str | None]
"""The canonical name of a thread's register, given as the test spells it; None if there is no such register."""

DEFAULT_TYPE = "int"


@dataclass(frozen=True, slots=True)
class Initial:
    """The initial state: ``memory``, ``arrays``, ``registers`` and ``types`` as :class:`program.ir.Program` has them.

    ``types`` holds a type for every place that the test declares with one, under the place's text: ``[x]``, ``0:X1``,
    and for an array both ``a`` and its cells ``a[1]``.
    """

    memory: dict[Address, Value]
    arrays: dict[str, int]
    registers: dict[tuple[int, str], Value]
    types: dict[str, str]

    def type_of(self, place: Place) -> str:
        """The C type of a place, ``int`` where none was declared."""
        return self.types.get(str(place), DEFAULT_TYPE)


def initial_state(test: LitmusTest, register_name: RegisterName, mentioned: Iterable[str] = ()) -> Initial:
    """The initial state that the init block gives, with 0 in all globals that it does not set.

    ``mentioned`` are the globals that the threads name.  Raises InputError for a thread or register that does not
    exist, for a place initialised twice, and for a cell outside its array.
    """
    state = Initial({}, {}, {}, {})
    named: list[tuple[Symbol, Span]] = []
    for item in test.init:
        if item.type and not is_known(item.type):
            hint = "known are int, char, short, long, uint64_t and the like, atomic_t, spinlock_t, and pointers"
            raise InputError(f"the type {describe(item.type)} is not known", item.span, hint)
        if isinstance(item.place, RegisterRef):
            _set_register(test, state, item, item.place, register_name, named)
        else:
            _set_global(test, state, item, item.place, named)
    for symbol, span in named:
        if symbol.label_thread is None:
            _require_cell(state, symbol.name, symbol.index, span)
    for name in mentioned:
        if name not in state.arrays:
            state.memory.setdefault(Address(name), 0)
    for place, ctype in test.location_types:
        resolved = _resolve_place(test, state, place, register_name)
        state.types[str(resolved)] = ctype
    return state


def _set_register(
    test: LitmusTest,
    state: Initial,
    item: InitItem,
    place: RegisterRef,
    register_name: RegisterName,
    named: list[tuple[Symbol, Span]],
) -> None:
    resolved = _resolve_register(test, place, register_name)
    key = (resolved.thread, resolved.name)
    if key in state.registers:
        raise InputError(f"{describe(str(resolved))} is initialised twice", place.span or item.span)
    state.registers[key] = _value(test, item, named)
    if item.type:
        state.types[str(resolved)] = item.type


def _set_global(
    test: LitmusTest, state: Initial, item: InitItem, place: GlobalRef, named: list[tuple[Symbol, Span]]
) -> None:
    name = place.name
    if name in state.arrays or Address(name) in state.memory:
        raise InputError(f"{describe(name)} is initialised twice", place.span or item.span)
    if item.array_size is None:
        state.memory[Address(name)] = _value(test, item, named)
        if item.type:
            state.types[f"[{name}]"] = item.type
        return
    cells: tuple[Operand, ...] = (Literal(0, "0"),) * item.array_size
    if isinstance(item.value, Tuple_):
        cells = item.value.items
    state.arrays[name] = item.array_size
    state.types[name] = item.type or DEFAULT_TYPE
    for index, operand in enumerate(cells):
        state.memory[Address(name, index)] = _operand_value(test, operand, item.span, named)
        state.types[f"{name}[{index}]"] = item.type or DEFAULT_TYPE


def cut_to_types(test: LitmusTest, state: Initial) -> None:
    """Bring the initial integers of a C test to what a location of their type holds; arithmetic is that of ``int``.

    Raises InputError for a value that does not fit into 32 bits.
    """
    spans = {item.place.name: item.span for item in test.init}
    for address, value in state.memory.items():
        if isinstance(value, int) and value:
            ctype = state.types.get(f"[{address.name}]") or state.types.get(address.name, DEFAULT_TYPE)
            if ctype in LOCKS:
                raise InputError("a lock is free in the beginning, it has no other initial value", spans[address.name])
            state.memory[address] = _cut(value, ctype, spans.get(address.name))
    for (thread, name), value in state.registers.items():
        if isinstance(value, int):
            state.registers[thread, name] = _cut(value, DEFAULT_TYPE, spans.get(name))


def _cut(value: int, ctype: str, span: Span | None) -> int:
    bits, _ = width(ctype)
    if bits < 32:
        found = cast(value, ctype)
        assert isinstance(found, int)
        return found
    if not -(1 << 31) <= value < (1 << 32 if bits == 32 else 1 << 31):
        raise InputError(f"{value} does not fit: values in C tests are ints of 32 bits", span)
    return signed(value, 32)


def _value(test: LitmusTest, item: InitItem, named: list[tuple[Symbol, Span]]) -> Value:
    return 0 if item.value is None else _operand_value(test, item.value, item.span, named)


def _operand_value(test: LitmusTest, operand: Operand, span: Span, named: list[tuple[Symbol, Span]]) -> Value:
    if isinstance(operand, Literal):
        return operand.value
    if isinstance(operand, Tuple_):
        raise InputError("`{...}` initialises only arrays", span)
    named.append((operand, span))
    if operand.label_thread is not None:
        _require_thread(test, operand.label_thread, span)
        return CodeLabel(operand.label_thread, operand.name)
    return Address(operand.name, operand.index)


def _require_cell(state: Initial, name: str, index: int, span: Span) -> None:
    """Make the cell known that the init block points at; InputError if it lies outside its array."""
    size = state.arrays.get(name)
    if size is None and index == 0:
        state.memory.setdefault(Address(name), 0)
    elif size is None:
        raise InputError(f"{describe(name)} is no array, it has no cell {index}", span)
    elif index >= size:
        raise InputError(f"array {describe(name)} has {counted(size, 'cell')}, there is no cell {index}", span)


def _require_thread(test: LitmusTest, thread: int, span: Span | None) -> None:
    if thread >= len(test.bodies):
        count = len(test.bodies)
        raise InputError(f"there is no thread {thread}, the test has {count} (numbered from 0)", span)


def _resolve_register(test: LitmusTest, place: RegisterRef, register_name: RegisterName) -> RegisterRef:
    _require_thread(test, place.thread, place.span)
    name = register_name(place.thread, place.name)
    if name is None:
        what = f"variable of thread {place.thread}" if test.arch == "C" else f"register of {test.arch}"
        raise InputError(f"{describe(place.name)} is no {what}", place.span)
    return place if name == place.name else RegisterRef(place.thread, name, place.span)


def _resolve_place(test: LitmusTest, state: Initial, place: Place, register_name: RegisterName) -> Place:
    """The place with its register's canonical name; InputError for one that the test does not have."""
    if isinstance(place, RegisterRef):
        return _resolve_register(test, place, register_name)
    _check_global(state, place.name, place.index or 0, place.span)
    return place


def _check_global(state: Initial, name: str, index: int, span: Span | None) -> None:
    """Raise InputError for a location or cell that neither init block nor threads know."""
    if Address(name, index) in state.memory:
        return
    size = state.arrays.get(name)
    if size is not None:
        raise InputError(f"array {describe(name)} has {counted(size, 'cell')}, there is no cell {index}", span)
    if Address(name) in state.memory:
        raise InputError(f"{describe(name)} is no array, it has no cell {index}", span)
    known = sorted({address.name for address in state.memory})
    hint = f"known locations: {', '.join(known[:12])}" if known else "the test names no locations"
    raise InputError(f"unknown location {describe(name)}: neither init block nor threads name it", span, hint)


def resolve_final(
    test: LitmusTest, state: Initial, register_name: RegisterName
) -> tuple[tuple[Place, ...], Prop | None, Prop]:
    """Locations, filter and condition with canonical register names and literals cast to the type of their place.

    Raises InputError where they name a register, thread, location or cell that does not exist.
    """
    locations = tuple([_resolve_place(test, state, place, register_name) for place in test.locations])
    filtered = None if test.filter is None else _resolve_prop(test, state, test.filter, register_name)
    return locations, filtered, _resolve_prop(test, state, test.condition.prop, register_name)


def _resolve_prop(test: LitmusTest, state: Initial, prop: Prop, register_name: RegisterName) -> Prop:
    if isinstance(prop, Atom):
        return _resolve_atom(test, state, prop, register_name)
    if isinstance(prop, And | Or):
        operands = tuple([_resolve_prop(test, state, operand, register_name) for operand in prop.operands])
        return And(operands) if isinstance(prop, And) else Or(operands)
    if isinstance(prop, Not):
        return Not(_resolve_prop(test, state, prop.operand, register_name))
    return Implies(
        _resolve_prop(test, state, prop.left, register_name), _resolve_prop(test, state, prop.right, register_name)
    )


def _resolve_atom(test: LitmusTest, state: Initial, atom: Atom, register_name: RegisterName) -> Atom:
    left = _resolve_place(test, state, atom.left, register_name)
    right = atom.right
    if isinstance(right, RegisterRef | GlobalRef):
        return Atom(left, atom.equal, _resolve_place(test, state, right, register_name), atom.span)
    array = isinstance(left, GlobalRef) and left.index is None and left.name in state.arrays
    if isinstance(right, Tuple_) != array:
        whole = f"array {describe(str(left.name))}" if array else describe(str(left))
        needed = "`{...}` with a value for each cell" if array else "a single value"
        raise InputError(f"{whole} is compared with {needed} only", atom.span)
    if isinstance(right, Tuple_):
        size = state.arrays[left.name]
        if len(right.items) != size:
            given = counted(len(right.items), "value")
            raise InputError(f"array {describe(left.name)} has {counted(size, 'cell')}, but {given} given", atom.span)
        ctype = state.types[left.name]
        return Atom(left, atom.equal, Tuple_(tuple(_typed(state, v, ctype, atom.span) for v in right.items)), atom.span)
    return Atom(left, atom.equal, _typed(state, right, state.type_of(left), atom.span), atom.span)


def _typed(state: Initial, operand: Operand, ctype: str, span: Span | None) -> Operand:
    """A value of a condition, cast to the type of its place; InputError for an unknown location."""
    if isinstance(operand, Literal):
        value = cast(operand.value, ctype)
        return operand if value == operand.value or not isinstance(value, int) else Literal(value, operand.text)
    if isinstance(operand, Tuple_):
        raise Unsupported("arrays of arrays are not supported", span)
    if operand.label_thread is None:
        _check_global(state, operand.name, operand.index, span)
    return operand
