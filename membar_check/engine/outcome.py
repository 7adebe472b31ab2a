"""Final states: what is observed, how it is printed and ordered, and where the condition holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from membar_check.events.space import Chunk
from membar_check.events.structure import Path, Symbolic
from membar_check.events.valuation import Valuation, Valued
from membar_check.litmus.condition import places_of
from membar_check.litmus.syntax import (
    And,
    Atom,
    GlobalRef,
    Implies,
    Literal,
    Not,
    Operand,
    Place,
    Prop,
    RegisterRef,
    Symbol,
    Tuple_,
)
from membar_check.program.ctypes import cast
from membar_check.program.ir import Program
from membar_check.values import Address, CodeLabel, Value
from membar_check.verdict import State

Cell = RegisterRef | Address
RawState = tuple[Value | tuple[Value, ...], ...]


def type_of(program: Program, place: Place) -> str:
    """The C type of a place (of an array: of its cells), ``int`` where the test declares none."""
    whole = isinstance(place, GlobalRef) and place.index is None and place.name in program.arrays
    return program.types.get(place.name if whole else str(place), "int")


class Observed:
    """The observed places of a program in the order of the log.

    Registers by thread, then in the thread's register order; then globals and whole arrays by name; then cells.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        found = {**places_of(program.condition), **dict.fromkeys(program.locations)}
        self.places: tuple[Place, ...] = tuple(sorted(found, key=self._rank))

    def _rank(self, place: Place) -> tuple[int, int, int, str, int]:
        if isinstance(place, RegisterRef):
            for thread in self.program.threads:
                if thread.number == place.thread and place.name in thread.registers:
                    return (0, place.thread, thread.registers.index(place.name), place.name, 0)
            return (0, place.thread, 1 << 30, place.name, 0)
        if place.index is None:
            return (1, 0, 0, place.name, 0)
        return (2, 0, 0, place.name, place.index)

    def cells(self, place: Place) -> tuple[Cell, ...]:
        """The registers or memory cells that make up a place."""
        if isinstance(place, RegisterRef):
            return (place,)
        if place.index is None and place.name in self.program.arrays:
            return tuple(Address(place.name, i) for i in range(self.program.arrays[place.name]))
        return (Address(place.name, place.index or 0),)

    def label(self, place: Place) -> str:
        """The place as the log prints it; cells of kernel C by the names of their fields."""
        if isinstance(place, GlobalRef):
            if place.index is None and place.name in self.program.arrays:
                return place.name
            names = {} if self.program.kernel is None else self.program.kernel.cell_names
            name = names.get(Address(place.name, place.index or 0))
            if name is not None:
                return f"[{name}]"
        return str(place)

    def show(self, place: Place, value: Value | tuple[Value, ...]) -> str:
        """A value as the log prints it: integers in the signed range of the place's type."""
        if isinstance(value, tuple) and not isinstance(value, Address | CodeLabel):
            return "{" + ",".join(self.show(place, v) for v in value) + "}"
        return str(cast(value, type_of(self.program, place)))

    def state(self, raw: RawState) -> State:
        return tuple((self.label(p), self.show(p, v)) for p, v in zip(self.places, raw, strict=True))

    def sorted_states(self, raw: Iterable[RawState]) -> tuple[State, ...]:
        """The states as printed, in the order of the log; each different value of a place is formatted once."""
        raw = list(raw)
        if not raw or not self.places:
            return tuple(() for _ in raw)
        columns = list(zip(*raw, strict=True))
        shown: list[dict[object, tuple[str, str]]] = []
        ranks: list[dict[object, int]] = []
        for place, column in zip(self.places, columns, strict=True):
            values = sorted(set(column), key=_order)
            label = self.label(place)
            shown.append({v: (label, self.show(place, v)) for v in values})
            ranks.append({v: i for i, v in enumerate(values)})
        rows = sorted(zip(*columns, strict=True), key=lambda r: [rank[v] for rank, v in zip(ranks, r, strict=True)])
        return tuple(tuple([text[v] for text, v in zip(shown, r, strict=True)]) for r in rows)


def _order(value: Value | tuple[Value, ...]) -> tuple[object, ...]:
    """As herd7 sorts: words of 64 bits as signed numbers."""
    if isinstance(value, int):
        return (0, value - (1 << 64) if value >> 63 == 1 else value)
    if isinstance(value, Address):
        return (1, value.name, value.index)
    if isinstance(value, CodeLabel):
        return (2, value.thread, value.name)
    return (3, *(_order(v) for v in value))


class Finals:
    """The final values of registers and memory in a chunk."""

    def __init__(self, chunk: Chunk, valuation: Valuation, program: Program) -> None:
        self.chunk = chunk
        self.valuation = valuation
        self.program = program
        self._done: dict[Cell, Valued] = {}
        self._last_at: dict[Address, list[tuple[int, int]]] | None = None

    def cell(self, cell: Cell) -> Valued:
        found = self._done.get(cell)
        if found is None:
            found = self._register(cell) if isinstance(cell, RegisterRef) else self._memory(cell)
            self._done[cell] = found
        return found

    def _register(self, cell: RegisterRef) -> Valued:
        out: Valued = {}
        start = self.program.registers.get((cell.thread, cell.name), 0)
        for path, mask in self.chunk.paths:
            registers = variables(path, cell.thread)
            if registers is not None:
                symbolic = registers.get(cell.name, start)
                for v, m in self.valuation.of(symbolic, mask).items():
                    out[v] = out.get(v, 0) | m
        return out

    def _memory(self, cell: Address) -> Valued:
        chunk = self.chunk
        initial = chunk.structure.initial.get(cell)
        if initial is None:
            return {self.program.memory.get(cell, 0): chunk.full}
        if self._last_at is None:
            self._last_at = self._index_last()
        out: Valued = {}
        for write, mask in self._last_at.get(cell, ()):
            for v, m in self.valuation.write(write, mask).items():
                out[v] = out.get(v, 0) | m
        return out

    def _index_last(self) -> dict[Address, list[tuple[int, int]]]:
        out: dict[Address, list[tuple[int, int]]] = {}
        last = self.chunk.last
        for place, e in self.chunk.structure.initial.items():
            if e in last:
                out.setdefault(place, []).append((e, last[e]))
        for path, mask in self.chunk.paths:
            for e in path.stored:
                m = last.get(e, 0) & mask
                if m:
                    out.setdefault(path.address[e], []).append((e, m))
        for place, e in self.chunk.structure.initial.items():  # a lock's own writes store nothing that can be seen
            rest = self.chunk.full
            for _, m in out.get(place, ()):
                rest &= ~m
            if rest:
                out.setdefault(place, []).append((e, rest))
        return out


def variables(path: Path, thread: int) -> dict[str, Symbolic] | None:
    """The final registers of a thread where this path has them: on its own CPU, unless its task ended on another."""
    activity = path.activity
    if activity is None:
        return path.registers if path.thread == thread else None
    if path.thread == thread and not activity.moved:
        return path.registers
    return activity.foreign.get(thread)


class Where:
    """Where a proposition holds, as a mask."""

    def __init__(self, finals: Finals, observed: Observed) -> None:
        self.finals = finals
        self.observed = observed
        self.full = finals.chunk.full
        self._done: dict[tuple[int, str, Value], int] = {}  # a condition repeats few different atoms on registers

    def holds(self, prop: Prop) -> int:
        if isinstance(prop, Atom):
            left, right = prop.left, prop.right
            if isinstance(left, RegisterRef) and isinstance(right, Literal):
                key = (left.thread, left.name, right.value)
                equal = self._done.get(key, -1)
                if equal < 0:
                    equal = self._done[key] = self._equal(prop)
            else:
                equal = self._equal(prop)
            return equal if prop.equal else self.full & ~equal
        if isinstance(prop, Not):
            return self.full & ~self.holds(prop.operand)
        if isinstance(prop, Implies):
            return (self.full & ~self.holds(prop.left)) | self.holds(prop.right)
        if isinstance(prop, And):
            mask = self.full
            for part in prop.operands:
                mask &= self.holds(part)
            return mask
        mask = 0
        for part in prop.operands:
            mask |= self.holds(part)
        return mask

    def _equal(self, atom: Atom) -> int:
        cells = self.observed.cells(atom.left)
        if isinstance(atom.right, RegisterRef | GlobalRef):
            others = self.observed.cells(atom.right)
            mask = self.full if len(cells) == len(others) else 0
            for a, b in zip(cells, others, strict=False):
                same = 0
                right = self.finals.cell(b)
                for v, m in self.finals.cell(a).items():
                    same |= m & right.get(v, 0)
                mask &= same
            return mask
        wanted = operand_values(atom.right)
        if len(wanted) != len(cells):
            return 0
        mask = self.full
        ctype = type_of(self.observed.program, atom.left)
        for c, v in zip(cells, wanted, strict=True):
            mask &= matching(self.finals.cell(c), v, ctype)
        return mask


def matching(found: Mapping[Value, int], wanted: Value, ctype: str) -> int:
    """Where a place of C type ``ctype`` holds ``wanted``, given the masks of its values.

    Integers are compared in the range of the type: 0xffffffff is -1 in an int.
    """
    mask = found.get(wanted, 0)
    if isinstance(wanted, int):
        goal = cast(wanted, ctype)
        for v, m in found.items():
            if isinstance(v, int) and v != wanted and cast(v, ctype) == goal:
                mask |= m
    return mask


def operand_values(operand: Operand) -> tuple[Value, ...]:
    """The values that an operand of a condition stands for, one for each cell."""
    if isinstance(operand, Literal):
        return (operand.value,)
    if isinstance(operand, Tuple_):
        return tuple(v for item in operand.items for v in operand_values(item))
    assert isinstance(operand, Symbol)
    if operand.label_thread is not None:
        return (CodeLabel(operand.label_thread, operand.name),)
    return (Address(operand.name, operand.index),)


def split_states(observed: Observed, finals: Finals, within: int) -> dict[RawState, int]:
    """The final states of the candidates ``within``, each with the candidates that end in it."""
    parts: list[tuple[RawState, int]] = [((), within)]
    for place in observed.places:
        cells = observed.cells(place)
        if len(cells) == 1:
            parts = _refine(parts, finals.cell(cells[0]))
        else:
            whole: list[tuple[tuple[Value, ...], int]] = [((), within)]
            for c in cells:
                whole = _refine_cells(whole, finals.cell(c))
            parts = [((*s, t), both) for s, m in parts for t, n in whole if (both := m & n)]
    return dict(parts)


def _refine_cells(parts: list[tuple[tuple[Value, ...], int]], values: Valued) -> list[tuple[tuple[Value, ...], int]]:
    return [((*s, v), both) for s, m in parts for v, n in values.items() if (both := m & n)]


def _refine(parts: list[tuple[RawState, int]], values: Valued) -> list[tuple[RawState, int]]:
    if len(values) == 1:
        ((only, m),) = values.items()
        return [((*s, only), both) for s, n in parts if (both := n & m)]
    return [((*s, v), both) for s, m in parts for v, n in values.items() if (both := m & n)]


__all__ = ["Finals", "Observed", "RawState", "Where", "matching", "operand_values", "split_states"]
