"""The values that a fact of a certificate leaves possible, and what follows from them.

A read whose source is given returns what that write may store; any other may return anything (None).  Values on a
circle of reads and writes that only justifies itself are the least solution: none, and such a candidate is no
execution.  A proposition is true, false or, where the fact does not say, open (None).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from membar_check.events.structure import Applied, Path, ReadOf, Symbolic
from membar_check.explain.verify_world import World
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
from membar_check.program.arithmetic import Undetermined, evaluate
from membar_check.program.ctypes import cast
from membar_check.program.ir import Program
from membar_check.values import Address, CodeLabel, Value

Possible = frozenset[Value] | None
MOST = 64  # more possible values than that are not told apart
_NONE: frozenset[Value] = frozenset()


class Values:
    """The possible values in one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.structure = world.structure
        self.program: Program = world.structure.program
        self._stores: dict[int, list[Symbolic]] = {}
        for thread in world.scene.paths:
            for path in thread:
                for e, value in path.stored.items():
                    self._stores.setdefault(e, []).append(value)
        for place, e in self.structure.initial.items():
            self._stores[e] = [self.program.memory.get(place, 0)]
        self._read: dict[int, Possible] = dict.fromkeys(world.sources, _NONE)
        changed = True
        while changed:
            changed = False
            for r, w in world.sources.items():
                new = self.write(w)
                if new != self._read[r]:
                    self._read[r] = new
                    changed = True

    def write(self, event: int) -> Possible:
        """What a write may store."""
        stores = self._stores.get(event)
        return self._union([self.of(v) for v in stores]) if stores else None

    @staticmethod
    def _union(parts: list[Possible]) -> Possible:
        out: frozenset[Value] = _NONE
        for part in parts:
            if part is None:
                return None
            out |= part
        return out if len(out) <= MOST else None

    def of(self, value: Symbolic) -> Possible:
        """The possible values of a symbolic value."""
        if isinstance(value, ReadOf):
            return self._read.get(value.event)
        if not isinstance(value, Applied):
            return frozenset((value,))
        choices: list[frozenset[Value]] = []
        count = 1
        for argument in value.args:
            found = self.of(argument)
            if found is None:
                return None
            choices.append(found)
            count *= len(found)
        if count > MOST * MOST:
            return None
        out: set[Value] = set()
        for combination in product(*choices):
            try:
                out.add(evaluate(value.op, combination))
            except Undetermined:
                continue
        return frozenset(out) if len(out) <= MOST else None

    def event(self, event: int) -> Possible:
        """What an event reads or writes."""
        return self.write(event) if self.structure.events[event].is_write else self._read.get(event)

    # --- paths ---
    def impossible(self, path: Path) -> bool:
        """Whether no execution takes the path: a decision contradicts the values, or a value is never determined."""
        for value, expected in path.constraints:
            found = self.of(value)
            if found is not None and not any(_agrees(v, expected) for v in found):
                return True
        return any(self.of(value) == _NONE for value in (*path.stored.values(), *path.registers.values()))

    # --- final state ---
    def cell(self, cell: RegisterRef | Address) -> Possible:
        """The possible final values of a register or a cell of memory."""
        return self._register(cell) if isinstance(cell, RegisterRef) else self._memory(cell)

    def _register(self, cell: RegisterRef) -> Possible:
        start = self.program.registers.get((cell.thread, cell.name), 0)
        parts: list[Possible] = []
        for thread in self.world.scene.paths:
            for path in thread:
                registers = _variables(path, cell.thread)
                if registers is not None:
                    parts.append(self.of(registers.get(cell.name, start)))
        return self._union(parts)

    def _memory(self, cell: Address) -> Possible:
        first = self.structure.initial.get(cell)
        if first is None:
            return frozenset((self.program.memory.get(cell, 0),))
        scene = self.world.scene
        overwritten = {a for a, _ in self.world.co.low}
        members = (scene.ordered | {first}) & scene.universe.high
        last = [e for e in sorted(members) if cell in scene.places.get(e, ()) and e not in overwritten]
        # What takes part in coherence but stores nothing, such as a lock, leaves the initial value to be seen.
        return self._union([self.write(e if e in self._stores else first) for e in last])

    # --- propositions ---
    def holds(self, prop: Prop) -> bool | None:
        """Whether a proposition holds of the final state; None where that is open."""
        if isinstance(prop, Atom):
            equal = self._equal(prop)
            return equal if prop.equal or equal is None else not equal
        if isinstance(prop, Not):
            inner = self.holds(prop.operand)
            return None if inner is None else not inner
        if isinstance(prop, Implies):
            left, right = self.holds(prop.left), self.holds(prop.right)
            if left is False or right is True:
                return True
            return False if left is True and right is False else None
        parts = [self.holds(part) for part in prop.operands]
        decisive = not isinstance(prop, And)
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive

    def _equal(self, atom: Atom) -> bool | None:
        cells = cells_of(self.program, atom.left)
        if isinstance(atom.right, RegisterRef | GlobalRef):
            others = cells_of(self.program, atom.right)
            if len(others) != len(cells):
                return False
            return _all(_same(self.cell(a), self.cell(b)) for a, b in zip(cells, others, strict=True))
        wanted = _operand_values(atom.right)
        if len(wanted) != len(cells):
            return False
        ctype = _type_of(self.program, atom.left)
        return _all(_matches(self.cell(c), v, ctype) for c, v in zip(cells, wanted, strict=True))


def _all(parts: Iterable[bool | None]) -> bool | None:
    known = list(parts)
    return False if False in known else None if None in known else True


def _same(left: Possible, right: Possible) -> bool | None:
    if left is None or right is None:
        return None
    if not left & right:
        return False
    return True if len(left) == 1 == len(right) else None


def _matches(found: Possible, wanted: Value, ctype: str) -> bool | None:
    if found is None:
        return None
    hits = [v == wanted or _equal_in(v, wanted, ctype) for v in found]
    return False if not any(hits) else True if all(hits) else None


def _equal_in(value: Value, wanted: Value, ctype: str) -> bool:
    """Whether two integers are the same in the range of a C type."""
    return isinstance(value, int) and isinstance(wanted, int) and cast(value, ctype) == cast(wanted, ctype)


def _agrees(value: Value, expected: bool | Value) -> bool:
    return (value != 0) == expected if isinstance(expected, bool) else value == expected


def _variables(path: Path, thread: int) -> dict[str, Symbolic] | None:
    """The final variables of a thread where this path has them: a task may end on another CPU."""
    activity = path.activity
    if activity is None:
        return path.registers if path.thread == thread else None
    if path.thread == thread and not activity.moved:
        return path.registers
    return activity.foreign.get(thread)


def cells_of(program: Program, place: Place) -> tuple[RegisterRef | Address, ...]:
    """The registers or cells of memory that a place of a proposition names."""
    if isinstance(place, RegisterRef):
        return (place,)
    if place.index is None and place.name in program.arrays:
        return tuple(Address(place.name, i) for i in range(program.arrays[place.name]))
    return (Address(place.name, place.index or 0),)


def _type_of(program: Program, place: Place) -> str:
    whole = isinstance(place, GlobalRef) and place.index is None and place.name in program.arrays
    return program.types.get(place.name if whole else str(place), "int")


def _operand_values(operand: Operand) -> tuple[Value, ...]:
    if isinstance(operand, Literal):
        return (operand.value,)
    if isinstance(operand, Tuple_):
        return tuple(v for item in operand.items for v in _operand_values(item))
    assert isinstance(operand, Symbol)
    if operand.label_thread is not None:
        return (CodeLabel(operand.label_thread, operand.name),)
    return (Address(operand.name, operand.index),)


def ends_early(path: Path) -> bool:
    """Whether a path is no whole execution of its thread: it stops at the unrolling bound, gets stuck or crashes."""
    return path.cut or (path.activity is not None and path.activity.stuck is not None)
