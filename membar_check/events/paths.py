"""Runs a thread symbolically along every path.

Reads return symbolic values; a branch on one that is not known forks the path, and so does an access whose address
is not known.  Dependencies are derived from the flow of values: each register carries the reads that its value comes
from (*data*), and those that only an intra-instruction choice leads through (*pick*; Arm ARM, "Pick dependencies").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from membar_check.diagnostics import Inconclusive, Unsupported
from membar_check.events.faults import Fault, Place, problems
from membar_check.events.numbering import Numbering, instance_of
from membar_check.events.structure import Applied, Begin, Chosen, Constraint, Path, ReadOf, Step, Symbolic
from membar_check.program import ir
from membar_check.program.arithmetic import Undetermined, evaluate
from membar_check.values import Address, Value

Reads = frozenset[int]
NONE: Reads = frozenset()
Addresses = Callable[[Symbolic, "State"], list[Value]]
MAX_PATHS = 20_000
MAX_ROUNDS = 1000  # of a loop whose end does not depend on what is read
_CANCELLING = frozenset({"xor", "sub", "andnot"})  # zero of a value and itself, whatever it is


class Tainted(NamedTuple):
    """A symbolic value and where it comes from."""

    value: Symbolic
    data: Reads = NONE
    pick: Reads = NONE
    control: Reads = NONE  # reads that decided whether the register was written: only branches depend on them


class State:
    """The mutable state of one path while it is run; copied where the path forks."""

    __slots__ = (
        "address", "assumed", "block", "constraints", "control", "cut", "decided", "events", "exclusive", "jumps",
        "loaded", "pc", "queue", "registers", "relations", "stored", "trace", "visits",
    )  # fmt: skip

    def __init__(self) -> None:
        self.pc = 0
        self.queue: tuple[ir.Micro, ...] = ()
        self.registers: dict[str, Tainted] = {}
        self.events: list[int] = []
        self.address: dict[int, Address] = {}
        self.stored: dict[int, Symbolic] = {}
        self.loaded: dict[int, Symbolic] = {}
        self.constraints: list[Constraint] = []
        self.decided: dict[Symbolic, bool | Value] = {}
        self.control: list[tuple[Reads, Reads, int | None]] = []
        self.relations: list[tuple[str, int, int]] = []
        self.visits: dict[int, int] = {}
        self.jumps: dict[int, int] = {}  # how often it was jumped back to a place
        self.exclusive: int | None = None
        self.block: list[int] = []
        self.assumed: tuple[Reads, Reads] = (NONE, NONE)
        self.cut = False
        self.trace: list[Step] | None = None

    def copy(self) -> State:
        new = type(self).__new__(type(self))
        new.pc, new.queue, new.cut = self.pc, self.queue, self.cut
        new.exclusive, new.assumed = self.exclusive, self.assumed
        new.registers, new.address = dict(self.registers), dict(self.address)
        new.stored, new.loaded = dict(self.stored), dict(self.loaded)
        new.decided, new.visits, new.jumps = dict(self.decided), dict(self.visits), dict(self.jumps)
        new.events, new.constraints = list(self.events), list(self.constraints)
        new.control, new.relations, new.block = list(self.control), list(self.relations), list(self.block)
        new.trace = None if self.trace is None else list(self.trace)
        return new

    def note(self, step: Step) -> None:
        """Records a step, where the path is traced."""
        if self.trace is not None:
            self.trace.append(step)


class ThreadRunner:
    """Enumerates the paths of one thread.

    ``addresses`` gives the possible values of a symbolic address; ``unroll`` bounds how often a backward jump to one
    place is taken; ``trace``: the paths tell what they execute.  ``faults``: where paths end for want of an address.
    """

    def __init__(
        self, program: ir.Program, thread: ir.Thread, numbering: Numbering, addresses: Addresses, unroll: int,
        trace: bool = False,
    ) -> None:  # fmt: skip
        self.thread = thread
        self.arch = program.test.arch
        self.numbering = numbering
        self.addresses = addresses
        self.unroll = unroll
        self.trace = trace
        self.faults: list[Fault] = []
        self.initial = {name: value for (t, name), value in program.registers.items() if t == thread.number}

    def paths(self) -> tuple[Path, ...]:
        out: list[Path] = []
        todo = [self._start()]
        while todo:
            state = todo.pop()
            forks = self._run(state)
            if forks is None:
                out.append(self._finish(state))
                if len(out) > MAX_PATHS:
                    raise Inconclusive("engine", f"P{self.thread.number} has more than {MAX_PATHS} paths")
            else:
                todo.extend(reversed(forks))
        return tuple(out)

    def _start(self) -> State:
        state = State()
        state.trace = [] if self.trace else None
        return state

    # --- running ---
    def _run(self, st: State) -> list[State] | None:
        """Runs until the path ends (None) or forks (the states to go on with, none if it is impossible)."""
        code = self.thread.code
        while True:
            while st.queue:
                op, st.queue = st.queue[0], st.queue[1:]
                forks = self._step(st, op)
                if forks is not None:
                    return forks
                st.note(op)
            if st.cut or st.pc >= len(code):
                return None
            self._begin(st, code[st.pc])

    def _begin(self, st: State, instruction: ir.Instr) -> None:
        """Begins to execute the instruction at ``st.pc``."""
        pc = st.pc
        if st.control:
            st.control = [c for c in st.control if c[2] != pc]
        st.visits[pc] = st.visits.get(pc, 0) + 1
        st.block = []
        st.assumed = (NONE, NONE)
        if st.trace is not None:
            st.trace.append(Begin(pc, st.visits[pc], instance_of(self.thread.number, (pc, st.visits[pc]))))
        st.queue = instruction.ops
        st.pc = pc + 1

    def _step(self, st: State, op: ir.Micro) -> list[State] | None:
        """Executes one operation; a list means that the path forked."""
        if isinstance(op, ir.Load | ir.Store):
            return self._access(st, op)
        if isinstance(op, ir.Let):
            return self._let(st, op)
        if isinstance(op, ir.Mark):
            return self._mark(st, op)
        if isinstance(op, ir.Branch):
            return self._branch(st, op)
        if isinstance(op, ir.Assume):
            value = self._eval(st, op.cond)
            if isinstance(value, list):
                return self._again(op, value)
            if op.pick:
                st.assumed = (st.assumed[0] | value.data, st.assumed[1] | value.data | value.pick)
            return self._demand(st, value.value, True)
        if isinstance(op, ir.Choose):
            forks = []
            for alternative in op.alternatives:
                new = st.copy()
                new.queue = alternative + st.queue
                forks.append(new)
            return forks
        if isinstance(op, ir.Goto):
            self._jump(st, op.target)
            return None
        st.pc, st.queue = len(self.thread.code), ()
        return None

    @staticmethod
    def _again(op: ir.Micro, forks: list[State]) -> list[State]:
        """Forked while evaluating an operand: each fork executes the operation once more."""
        for f in forks:
            f.queue = (op, *f.queue)
        return forks

    def _jump(self, st: State, target: str) -> None:
        """Jumps; back jumps count against the bound.  In C each entry into a loop inside another begins anew."""
        goal = self.thread.labels[target]
        if goal < st.pc:
            if self.arch == "C":
                st.jumps = {place: n for place, n in st.jumps.items() if not goal < place < st.pc}
            st.jumps[goal] = st.jumps.get(goal, 0) + 1
            st.cut = st.jumps[goal] > self.unroll
        st.pc, st.queue = goal, ()

    def _let(self, st: State, op: ir.Let) -> list[State] | None:
        value = self._eval(st, op.value)
        if isinstance(value, list):
            return self._again(op, value)
        self._write_register(st, op.dst, value)
        return None

    def _write_register(self, st: State, name: str, value: Tainted) -> None:
        """What an instruction has read does not depend on what it decides afterwards (Arm ARM, CAS)."""
        within = frozenset(r for data, _, scope in st.control if scope is not None for r in data)
        if not within <= value.control:
            value = value._replace(control=value.control | within)
        if st.assumed[1] and not name.startswith("%") and value.data.isdisjoint(st.block):
            value = value._replace(pick=value.pick | st.assumed[1])
        st.registers[name] = value

    def _branch(self, st: State, op: ir.Branch) -> list[State] | None:
        cond = self._eval(st, op.cond)
        if isinstance(cond, list):
            return self._again(op, cond)
        scope = None if op.scope is None else self.thread.labels[op.scope]
        if cond.data or cond.pick or cond.control:
            st.control.append((cond.data | cond.control, cond.pick, scope))
        known = self._known(st, cond.value)
        if known is not None:
            if known and not self._runs_through(st, op, cond.value):
                self._jump(st, op.target)
            return None
        only = self._foreseen(st, cond.value)
        if only is not None:
            self._decide(st, cond.value, only)
            if only:
                self._jump(st, op.target)
            return None
        st.note(op)
        taken, not_taken = st.copy(), st
        self._decide(taken, cond.value, True)
        self._decide(not_taken, cond.value, False)
        self._jump(taken, op.target)
        return [not_taken, taken]

    def _runs_through(self, st: State, op: ir.Branch, cond: Symbolic) -> bool:
        """Jumps without counting where herd7 does: AArch64, and nothing that is read or chosen decides."""
        if self.arch != "AArch64" or isinstance(cond, ReadOf | Applied):
            return False
        goal = self.thread.labels[op.target]
        if any(isinstance(o, ir.Choose) for instruction in self.thread.code[goal : st.pc] for o in instruction.ops):
            return False
        if st.visits.get(goal, 0) > MAX_ROUNDS:
            what = f"this loop goes on for more than {MAX_ROUNDS} rounds, whatever is read"
            raise Inconclusive("unrolling", what, self.thread.code[st.pc - 1].span)
        st.pc, st.queue = goal, ()
        return True

    # --- decisions ---
    @staticmethod
    def _known(st: State, value: Symbolic) -> bool | None:
        """Whether a condition is true, if the path says so already."""
        if isinstance(value, ReadOf | Applied):
            old = st.decided.get(value)
            if old is None:
                return None
            return old if isinstance(old, bool) else old != 0
        return value != 0

    def _foreseen(self, st: State, value: Symbolic) -> bool | None:
        """Whether a condition can only be true, or only be false; None where both may be or it is not looked into."""
        return None

    @staticmethod
    def _decide(st: State, value: Symbolic, expected: bool | Value) -> None:
        st.decided[value] = expected
        st.constraints.append(Constraint(value, expected))

    def _demand(self, st: State, value: Symbolic, expected: bool) -> list[State] | None:
        """The path goes on only if the value is as expected."""
        known = self._known(st, value)
        if known is None:
            self._decide(st, value, expected)
            return None
        return None if known == expected else []

    # --- expressions ---
    def _eval(self, st: State, e: ir.Expr) -> Tainted | list[State]:
        if isinstance(e, ir.Const):
            return Tainted(e.value)
        if isinstance(e, ir.Reg):
            found = st.registers.get(e.name)
            return found if found is not None else Tainted(self.initial.get(e.name, 0))
        if isinstance(e, ir.Select):
            return self._select(st, e)
        args = []
        for a in e.args:
            value = self._eval(st, a)
            if isinstance(value, list):
                return value
            args.append(value)
        values = tuple(a.value for a in args)
        if e.name in _CANCELLING and len(values) == 2 and values[0] == values[1]:
            result: Symbolic = 0
        elif any(isinstance(v, ReadOf | Applied) for v in values):
            result = Applied(e.name, values)
            for access, problem in problems(e.name, values):
                self._fault(st, access, 0, False, problem)
        else:
            result = self._compute(st, e.name, values)
        data, pick, control = args[0].data, args[0].pick, args[0].control
        for more in args[1:]:
            data, pick, control = data | more.data, pick | more.pick, control | more.control
        return Tainted(result, data, pick, control)

    def _compute(self, st: State, name: str, values: tuple[Symbolic, ...]) -> Value:
        try:
            return evaluate(name, values)  # type: ignore[arg-type]  # the caller has seen that all are known
        except Undetermined as problem:
            raise Unsupported(str(problem) or f"'{name}' of these values", self.thread.code[st.pc - 1].span) from None

    def _select(self, st: State, e: ir.Select) -> Tainted | list[State]:
        cond = self._eval(st, e.cond)
        if isinstance(cond, list):
            return cond
        known = self._known(st, cond.value)
        if known is None:
            yes, no = st.copy(), st
            self._decide(yes, cond.value, True)
            self._decide(no, cond.value, False)
            return [no, yes]
        st.note(Chosen(e, known))
        value = self._eval(st, e.then if known else e.other)
        if isinstance(value, list):
            return value
        return value._replace(pick=value.pick | cond.data | cond.pick, control=value.control | cond.control)

    # --- events ---
    def _new_event(self, st: State, sets: frozenset[str], bits: int = 32, lane: ir.Lane = ()) -> int:
        pc = st.pc - 1
        key = (pc, st.visits[pc], len(st.block))
        number = self.numbering.event(self.thread.number, sets, key, self.thread.code[pc].span, bits, lane)
        st.block.append(number)
        st.events.append(number)
        st.note(number)
        for data, pick, _ in st.control:
            for r in data:
                st.relations.append(("ctrl", r, number))
            for r in pick:
                st.relations.append(("pick-ctrl", r, number))
        for r in st.assumed[1]:
            if r != number:
                st.relations.append(("pick-basic", r, number))
        return number

    def _depend(self, st: State, kind: str, value: Tainted, event: int) -> None:
        for r in value.data:
            st.relations.append((kind, r, event))
        for r in value.pick:
            st.relations.append((f"pick-{kind}", r, event))

    def _locate(self, st: State, addr: Tainted, op: ir.Load | ir.Store | ir.Mark) -> Address | list[State]:
        """The address of an access; forks over the possible ones where it is not known."""
        value = addr.value
        if isinstance(value, ReadOf | Applied):
            known = st.decided.get(value)
            if known is None or isinstance(known, bool):
                forks = []
                for a in self.addresses(value, st):
                    new = st.copy()
                    self._decide(new, value, a)
                    forks.append(new)
                return forks
            value = known
        if isinstance(value, Address):
            return value
        span = self.thread.code[st.pc - 1].span
        if isinstance(value, int):
            return self._nowhere(st, value, isinstance(addr.value, int), op)
        raise Unsupported(f"an access to the code address {value}", span, "only data can be read or written")

    def _nowhere(self, st: State, value: int, known: bool, op: ir.Load | ir.Store | ir.Mark) -> list[State]:
        """The path comes to an access through a number: it goes no further; ``known``: whatever is read."""
        access = "read" if isinstance(op, ir.Load) else "write" if isinstance(op, ir.Store) else "primitive"
        self._fault(st, access, value, known)
        return []

    def _fault(self, st: State, access: str, value: int, known: bool, *more: Constraint) -> None:
        """Notes what goes wrong on the path if ``more`` holds as well."""
        pc = st.pc - 1
        place = Place(self.thread.number, pc, len(st.block))
        constraints = (*st.constraints, *more)
        self.faults.append(
            Fault(place, self.thread.code[pc].span, access, value, known, constraints, st.address, st.stored)
        )

    def _access(self, st: State, op: ir.Load | ir.Store) -> list[State] | None:
        addr = self._eval(st, op.addr)
        if isinstance(addr, list):
            return self._again(op, addr)
        stored = self._eval(st, op.value) if isinstance(op, ir.Store) else None
        if isinstance(stored, list):
            return self._again(op, stored)
        place = self._locate(st, addr, op)
        if isinstance(place, list):
            return self._again(op, place)
        if op.atomic == "ex" and stored is not None and st.exclusive is not None and st.address[st.exclusive] != place:
            return []  # a store-exclusive cannot succeed where the load-exclusive was from another address
        kind = "W" if stored is not None else "R"
        number = self._new_event(st, op.tags | {kind}, op.bits, op.lane)
        st.address[number] = place
        self._depend(st, "addr", addr, number)
        if op.after:
            st.relations.append(("iico_order", st.block[-2], number))
        if stored is not None:
            st.stored[number] = stored.value
            self._depend(st, "data", stored, number)
            self._pair(st, op.atomic, number)
            if isinstance(op, ir.Store) and op.status is not None:
                self._write_register(st, op.status, Tainted(0, frozenset((number,))))
        else:
            assert isinstance(op, ir.Load)
            if op.atomic == "ex":
                st.exclusive = number
            if op.dst is not None:
                self._write_register(st, op.dst, Tainted(ReadOf(number), frozenset((number,))))
        return None

    def _pair(self, st: State, atomic: str, write: int) -> None:
        """Adds the read-modify-write pair that a write completes."""
        if atomic == "amo":
            for e in reversed(st.block[:-1]):
                if "R" in self.numbering.events[e].sets:
                    st.relations += [("rmw", e, write), ("amo", e, write)]
                    return
        elif atomic == "ex":
            if st.exclusive is not None:
                st.relations += [("rmw", st.exclusive, write), ("lxsx", st.exclusive, write)]
            st.exclusive = None

    def _mark(self, st: State, op: ir.Mark) -> list[State] | None:
        value = None if op.value is None else self._eval(st, op.value)
        if isinstance(value, list):
            return self._again(op, value)
        if op.addr is None:
            self._result(st, op, value, self._new_event(st, op.tags, lane=op.lane))
            return None
        addr = self._eval(st, op.addr)
        if isinstance(addr, list):
            return self._again(op, addr)
        place = self._locate(st, addr, op)
        if isinstance(place, list):
            return self._again(op, place)
        number = self._new_event(st, op.tags, lane=op.lane)
        st.address[number] = place
        self._depend(st, "addr", addr, number)
        self._result(st, op, value, number)
        return None

    def _result(self, st: State, op: ir.Mark, value: Tainted | None, number: int) -> None:
        """What an event that is neither read nor write returns or carries."""
        if value is None:
            return
        if op.dst is None:
            st.loaded[number] = value.value
            self._depend(st, "data", value, number)
        else:
            self._write_register(st, op.dst, Tainted(value.value, value.data | {number}, value.pick))

    # --- the end ---
    def _finish(self, st: State) -> Path:
        relations: dict[str, dict[tuple[int, int], None]] = {}
        for name, a, b in st.relations:
            relations.setdefault(name, {})[a, b] = None
        registers = {n: t.value for n, t in st.registers.items() if not n.startswith("%")}
        return Path(
            self.thread.number, tuple(st.events), st.address, st.stored, st.loaded, tuple(st.constraints),
            {name: tuple(pairs) for name, pairs in relations.items()}, registers, st.cut,
            tuple(st.trace or ()),
        )  # fmt: skip
