"""Events of registers, for models that compute dependencies themselves.

A model may ask for the reads and writes of registers (``Rreg``, ``Wreg``), the branches that an instruction decides
(``B``, and ``BCC`` where control flow depends on them) and the relations between the events of one instruction:
``iico_data`` (a value flows), ``iico_ctrl`` (a decision on it) and ``iico_order`` (neither, but one comes first).  The
reads of registers that make an address are in ``ADDR``, those that make a stored value in ``DATA``; ``rf-reg`` leads
from a register's last write to its reads.  After the intrinsic dependencies of the Arm ARM (section "Memory model",
"Intrinsic dependencies") and herd7's instruction semantics.

The thread runner records what each path executes; here the recorded steps are told again as events.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from membar_check.diagnostics import Span
from membar_check.events.structure import Begin, Chosen, Event, Path, Structure
from membar_check.program import ir
from membar_check.records import replace
from membar_check.values import Address

RESERVATION = "RESADDR"  # what a load-exclusive leaves behind for the store-exclusive, as herd7 has it
DATA, CTRL, ORDER = "iico_data", "iico_ctrl", "iico_order"


class _Mark:
    """An event while its instruction is being told: ``ports`` are the uses of a register's value."""

    __slots__ = ("event", "ports", "register", "sets")

    def __init__(self, sets: frozenset[str], register: str = "", event: int = -1) -> None:
        self.sets = sets
        self.register = register
        self.event = event
        self.ports: set[str] = set()

    @property
    def is_read_of_register(self) -> bool:
        return "Rreg" in self.sets


class _Flow(NamedTuple):
    """Where a value comes from: the events whose value it is made of, and the decisions that chose it."""

    data: tuple[_Mark, ...] = ()
    ctrl: tuple[_Mark, ...] = ()

    def __or__(self, other: _Flow) -> _Flow:
        return _Flow(_distinct(self.data + other.data), _distinct(self.ctrl + other.ctrl))


_NOWHERE = _Flow()


def _distinct(marks: Iterable[_Mark]) -> tuple[_Mark, ...]:
    return tuple(dict.fromkeys(marks))


_RREG, _WREG = frozenset({"Rreg"}), frozenset({"Wreg"})
_BRANCH, _PREDICATE = frozenset({"B", "BCC"}), frozenset({"B", "PRED"})
_MEMORY: frozenset[str] = frozenset()


class _Numbers:
    """Numbers the new events after those of the structure; one role in one instruction instance is one event."""

    def __init__(self, structure: Structure) -> None:
        self.events = list(structure.events)
        self._known: dict[tuple[object, ...], int] = {}

    def event(self, thread: int, sets: frozenset[str], key: tuple[object, ...], begin: Begin, span: Span) -> int:
        full = (thread, sets, key, begin)
        number = self._known.get(full)
        if number is None:
            number = self._known[full] = len(self.events)
            self.events.append(Event(number, thread, sets, number, begin.instance, span))
        return number


class _Instruction:
    """One instance of an instruction: its events in order and the edges between them."""

    def __init__(self, begin: Begin) -> None:
        self.begin = begin
        self.marks: list[_Mark] = []
        self.edges: list[tuple[str, _Mark, _Mark]] = []
        self.values: dict[str, _Flow] = {}  # temporaries, and registers that the instruction has written
        self.chosen: dict[int, bool] = {}
        self.decisions: list[_Mark] = []
        self.last_read: _Mark | None = None

    def add(self, mark: _Mark, flow: _Flow = _NOWHERE) -> _Mark:
        self.marks.append(mark)
        for relation, sources in ((DATA, flow.data), (CTRL, flow.ctrl)):
            self.edges += [(relation, source, mark) for source in sources]
        return mark

    def merged(self) -> dict[_Mark, _Mark]:
        """Reads of one register for the same use are one event; a use that is not told joins one that is."""
        chosen_by = {b: a for relation, a, b in self.edges if relation == CTRL and b.is_read_of_register}
        reads: dict[tuple[str, frozenset[str], _Mark | None], _Mark] = {}
        out: dict[_Mark, _Mark] = {}
        for mark in sorted((m for m in self.marks if m.is_read_of_register), key=lambda m: -len(m.ports)):
            by = chosen_by.get(mark)
            found = reads.setdefault((mark.register, frozenset(mark.ports), by), mark)
            if not mark.ports:
                for ports in (frozenset({"ADDR"}), frozenset({"DATA"})):
                    found = reads.get((mark.register, ports, by), found)
            out[mark] = found
        return out


class _Teller:
    """Tells the events of one path."""

    def __init__(self, path: Path, thread: ir.Thread, numbers: _Numbers) -> None:
        self.path, self.thread, self.numbers = path, thread, numbers
        self.registers = frozenset(thread.registers)
        self.events: list[int] = []
        self.address = dict(path.address)
        self.relations: dict[str, dict[tuple[int, int], None]] = {}
        self.last_write: dict[str, int] = {}
        self.now: _Instruction | None = None
        self.pending: list[int] = []

    def told(self) -> Path:
        """The path with the events of registers in place."""
        for step in self.path.trace:
            if isinstance(step, Begin):
                self._close()
                self.now = _Instruction(step)
            elif isinstance(step, Chosen):
                assert self.now is not None
                self.now.chosen[id(step.select)] = step.then
            elif isinstance(step, int):
                self.pending.append(step)
            else:
                assert self.now is not None and isinstance(step, ir.Micro)
                self._operation(self.now, step)
        self._close()
        relations = dict(self.path.relations)
        for name, pairs in self.relations.items():
            relations[name] = (*relations.get(name, ()), *pairs)
        return replace(self.path, events=tuple(self.events), address=self.address, relations=relations, trace=())

    # --- operations ---
    def _operation(self, i: _Instruction, op: ir.Micro) -> None:
        if isinstance(op, ir.Let):
            self._write(i, op.dst, self._flow(i, op.value))
        elif isinstance(op, ir.Load):
            self._load(i, op)
        elif isinstance(op, ir.Store):
            self._store(i, op)
        elif isinstance(op, ir.Mark):
            self._mark(i, op)
        elif isinstance(op, ir.Branch):
            i.add(_Mark(_BRANCH), self._flow(i, op.cond))
        elif isinstance(op, ir.Assume) and op.pick:
            i.decisions.append(i.add(_Mark(_PREDICATE), self._use(self._flow(i, op.cond), "DATA")))

    def _memory(self, i: _Instruction, flow: _Flow) -> _Mark:
        """The event of the operation that has just been recorded; what was decided before decides it."""
        number = self.pending.pop()
        return i.add(_Mark(_MEMORY, event=number), flow | _Flow((), tuple(i.decisions)))

    def _load(self, i: _Instruction, op: ir.Load) -> None:
        address = self._use(self._flow(i, op.addr), "ADDR")
        if op.atomic == "ex":
            i.add(_Mark(_WREG, RESERVATION), address)
        read = self._memory(i, address)
        if op.atomic == "amo":
            i.last_read = read
        if op.dst is not None:
            self._write(i, op.dst, _Flow((read,)))

    def _store(self, i: _Instruction, op: ir.Store) -> None:
        address = self._use(self._flow(i, op.addr), "ADDR")
        value = self._use(self._flow(i, op.value), "DATA")
        reserved: tuple[_Mark, ...] = ()
        if op.atomic == "ex":
            reserved = (i.add(_Mark(_RREG, RESERVATION)),)
        write = self._memory(i, address | value | _Flow((), reserved))
        if reserved:
            i.add(_Mark(_WREG, RESERVATION), _Flow((), reserved))
        if op.status is not None:
            self._write(i, op.status, _Flow((write,)))
        if op.status is not None:
            self._write(i, op.status, _Flow(address.data, (write,)))
        if op.atomic == "amo" and i.last_read is not None and not i.decisions and i.last_read not in value.data:
            i.edges.append((ORDER, i.last_read, write))

    def _mark(self, i: _Instruction, op: ir.Mark) -> None:
        address = _NOWHERE if op.addr is None else self._use(self._flow(i, op.addr), "ADDR")
        value = _NOWHERE if op.value is None else self._flow(i, op.value)
        event = self._memory(i, address if op.dst is not None else address | self._use(value, "DATA"))
        if op.dst is not None:
            self._write(i, op.dst, value | _Flow((event,)))

    def _write(self, i: _Instruction, name: str, flow: _Flow) -> None:
        """A register that gets what memory held does not depend on what the instruction decided about it."""
        i.values[name] = flow
        if name not in self.registers:
            return
        decisions = () if any(m.event >= 0 for m in flow.data) else tuple(i.decisions)
        i.add(_Mark(_WREG, name), flow | _Flow((), decisions))

    # --- expressions ---
    @staticmethod
    def _use(flow: _Flow, port: str) -> _Flow:
        for mark in flow.data:
            if mark.is_read_of_register:
                mark.ports.add(port)
        return flow

    def _flow(self, i: _Instruction, e: ir.Expr, reads: dict[str, _Mark] | None = None, by: _Flow = _NOWHERE) -> _Flow:
        """Reads the registers of an expression; ``by``: what decided that it is evaluated."""
        reads = {} if reads is None else reads
        if isinstance(e, ir.Const):
            return _NOWHERE
        if isinstance(e, ir.Reg):
            known = i.values.get(e.name)
            if known is not None or e.name not in self.registers:
                return known or _NOWHERE
            if e.name not in reads:
                reads[e.name] = i.add(_Mark(_RREG, e.name), by)
            return _Flow((reads[e.name],))
        if isinstance(e, ir.Select):
            decision = i.add(_Mark(_PREDICATE), self._flow(i, e.cond, reads, by))
            chosen = _Flow((), (decision,))
            value = self._flow(i, e.then if i.chosen[id(e)] else e.other, {}, chosen)
            return value if value.data else value | chosen
        out = _NOWHERE
        for a in e.args:
            out |= self._flow(i, a, reads, by)
        return out

    # --- the end of an instruction ---
    def _close(self) -> None:
        i, self.now = self.now, None
        if i is None:
            return
        same = i.merged()
        marks = _distinct(same.get(m, m) for m in i.marks)
        count: dict[tuple[str, frozenset[str]], int] = {}
        span = self.thread.code[i.begin.pc].span
        for m in marks:
            if m.event < 0:
                sets = m.sets | m.ports
                number = count[m.register, sets] = count.get((m.register, sets), 0) + 1
                m.event = self.numbers.event(self.path.thread, sets, (m.register, number), i.begin, span)
        self.events += [m.event for m in marks]
        for relation, a, b in i.edges:
            self._relate(relation, same.get(a, a).event, same.get(b, b).event)
        self._remember([m for m in marks if m.register])

    def _remember(self, marks: list[_Mark]) -> None:
        for m in marks:
            self.address[m.event] = Address(f"{self.path.thread}:{m.register}")
            if m.is_read_of_register and m.register in self.last_write:
                self._relate("rf-reg", self.last_write[m.register], m.event)
        for m in marks:
            if not m.is_read_of_register:
                self.last_write[m.register] = m.event

    def _relate(self, relation: str, a: int, b: int) -> None:
        self.relations.setdefault(relation, {})[a, b] = None


def with_registers(structure: Structure) -> Structure:
    """The structure with the events of registers; its paths must have been run with ``trace``."""
    numbers = _Numbers(structure)
    threads = {t.number: t for t in structure.program.threads}
    paths = tuple(
        tuple(_Teller(path, threads[path.thread], numbers).told() for path in thread) for thread in structure.paths
    )
    return replace(structure, events=tuple(numbers.events), paths=paths)
