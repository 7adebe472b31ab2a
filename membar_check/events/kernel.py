"""Runs a CPU of a kernel C test along every path: calls, interrupts wherever they may land, allocation, locks.

What moves control is here and nowhere else; what the kernel's primitives do with it is C (``runtime/kernel.h``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

from membar_check.diagnostics import InputError, Span
from membar_check.events.activity import Activity, Episode, Finding, Note, Stuck, Token
from membar_check.events.grace import Law
from membar_check.events.kernel_code import expressions, makers, registers_of
from membar_check.events.kernel_state import NOTHING, Frame, Incoming, KernelState, with_activity
from membar_check.events.migration import Migration
from membar_check.events.numbering import Numbering
from membar_check.events.paths import NONE, Addresses, State, Tainted, ThreadRunner
from membar_check.events.structure import Applied, Path, ReadOf, Symbolic
from membar_check.events.watching import Watcher, foreseen
from membar_check.litmus.kernel_c import in_runtime
from membar_check.program import control as c
from membar_check.program import ir
from membar_check.values import Address, CodeLabel, Value

POISON = 0x6B6B6B6B  # what a freed object holds
LOWEST_ADDRESS = 4096  # smaller numbers are a null pointer and what lies beside it
ENDLESS = 4096  # visits of one instruction after which a loop without a decision is taken to be endless
WHERE = frozenset(("$cpu", "$current"))  # what changes where a task goes on elsewhere
ROUNDS = 8  # of a loop whose exit test is known although something was decided in the round before
NOTE = "note"  # the class of a flag that only says what happens
HANDLER = "__handle_interrupt"
COUNTERS = {
    "$__preempt_count": "preemption is still disabled",
    "$__irqs_off": "interrupts are still disabled",
    "$__rcu_depth": "a read-side critical section is still open",
}


class KernelRunner(ThreadRunner):
    """Enumerates the paths of one CPU.

    ``incoming``: what other CPUs may hand to this one; ``contended``: locks at which a thread may wait for ever;
    ``episodes``: grace periods and critical sections of all CPUs, where the model has none of its own.
    ``objects`` collects the objects that any CPU allocates and their cells, ``blocking`` the locks held where some path
    waits.
    """

    def __init__(
        self, program: ir.Program, thread: ir.Thread, numbering: Numbering, addresses: Addresses, unroll: int,
        incoming: Incoming = NOTHING, contended: frozenset[Value] = frozenset(),
        episodes: frozenset[Episode] = frozenset(), objects: dict[str, int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(program, thread, numbering, addresses, unroll)
        assert program.kernel is not None
        self.kernel = program.kernel
        self.incoming = incoming
        self.contended = contended
        self.arrays = program.arrays
        self.objects = {} if objects is None else objects
        self.blocking: set[Value] = set()
        self._law = Law(self, episodes)
        self.migration = Migration(self, self.kernel)
        self.episodes: set[Episode] = set()
        self._switches = registers_of(self.kernel.interrupts_on) | registers_of(self.kernel.preemptible)
        self._matters = [any(self._is_eventful(op) for op in instruction.ops) for instruction in thread.code]
        self._makers = makers(thread)
        self._open: dict[frozenset[Token], list[Token]] = {}
        self._steps: dict[type, Callable[..., list[State] | None]] = {
            c.Call: self._call, c.Return: self._return, c.Flag: self._flag, c.Alloc: self._alloc, c.Free: self._free,
            c.Interrupt: self._interrupt, c.Await: self._await, c.Hold: self._hold,
            c.Section: self._law.section, c.Grace: self._law.grace, c.Watch: Watcher(self).step,
        }  # fmt: skip

    def _start(self) -> State:
        state = KernelState()
        state.pc = self.thread.labels[self.thread.entry] if self.thread.entry else 0
        return state

    # --- running ---
    def _run(self, st: State) -> list[State] | None:
        assert isinstance(st, KernelState)
        code = self.thread.code
        while True:
            while st.queue:
                if st.stuck is not None:
                    return None
                op, st.queue = st.queue[0], st.queue[1:]
                forks = self._step(st, op)
                if forks is not None:
                    return forks
            if st.cut or st.stuck is not None:
                return None
            over = st.pc >= len(code)
            if over or self._matters[st.pc]:
                forks = self._offer(st)
                if forks is not None:
                    return forks
            if over:
                return None
            if st.visits.get(st.pc, 0) >= ENDLESS:
                raise InputError("this loop never ends: nothing that it reads can change", code[st.pc].span)
            self._begin(st, code[st.pc])

    def _step(self, st: State, op: ir.Micro) -> list[State] | None:
        step = self._steps.get(type(op))
        if step is None:
            if isinstance(op, ir.Choose) and isinstance(st, KernelState):
                st.choices += 1
            return super()._step(st, op)
        assert isinstance(st, KernelState)
        return step(st, op)

    def _is_eventful(self, op: ir.Micro) -> bool:
        """Whether it matters if an interrupt comes before or after this operation."""
        if isinstance(op, ir.Choose):
            return any(self._is_eventful(o) for alternative in op.alternatives for o in alternative)
        if self.migration.possible and any(name in WHERE for e in expressions(op) for name in registers_of(e)):
            return True
        if isinstance(op, ir.Let):
            return op.dst in self._switches
        return isinstance(op, ir.Load | ir.Store | ir.Mark | c.Free | c.Await | c.Hold | c.Section | c.Grace)

    def _jump(self, st: State, target: str) -> None:
        if self.kernel.functions:
            st.pc, st.queue = self.thread.labels[target], ()
        else:
            super()._jump(st, target)

    def _branch(self, st: State, op: ir.Branch) -> list[State] | None:
        """A branch; exit tests count against the unrolling bound of their loop, unless what they test is known."""
        assert isinstance(st, KernelState)
        if op.loop is not None:
            cond = self._eval(st, op.cond)
            if isinstance(cond, list):
                return self._again(op, cond)
            rounds, before = st.loops.get(op.loop, (0, -1))
            decisions = st.choices + len(st.constraints)
            if isinstance(cond.value, ReadOf | Applied) or cond.data:
                limit = self.unroll + 1
            else:
                limit = max(self.unroll + 1, ROUNDS) if rounds and decisions != before else ENDLESS
            st.loops[op.loop] = (rounds + 1, decisions)
            if rounds >= limit and limit < ENDLESS:
                st.cut = True
                st.queue = ()
                return None
        return super()._branch(st, op)

    def _foreseen(self, st: State, value: Symbolic) -> bool | None:
        return foreseen(value, st, self.addresses)

    # --- calls ---
    def enter(self, st: KernelState, frame: Frame, function: str, args: Sequence[Tainted]) -> None:
        callee = self.kernel.functions[function]
        st.frames = (*st.frames, frame)
        st.registers = {name: value for name, value in st.registers.items() if name[0] == "$"}
        st.registers.update(zip(callee.parameters, args, strict=True))
        st.pc, st.queue, st.block, st.assumed, st.loops = self.thread.labels[callee.entry], (), [], (NONE, NONE), {}

    def frame(self, st: KernelState, kind: str, dst: str | None) -> Frame:
        return Frame(
            kind, st.pc, st.queue, st.registers, dst, st.control, st.block, st.assumed, st.loops, self.counters(st)
        )

    def _call(self, st: KernelState, op: c.Call) -> list[State] | None:
        args = []
        for a in op.args:
            value = self._eval(st, a)
            if isinstance(value, list):
                return self._again(op, value)
            args.append(value)
        function = self._concrete(st, op, op.function)
        if isinstance(function, list):
            return function
        if not isinstance(function, CodeLabel):
            return self._oops(st, "null-dereference" if function == 0 else "bad-pointer", f"calls {function}")
        frame = self.frame(st, "call", op.dst)
        st.control = list(st.control)
        self.enter(st, frame, function.name, args)
        return None

    def _return(self, st: KernelState, op: c.Return) -> list[State] | None:
        value = None if op.value is None else self._eval(st, op.value)
        if isinstance(value, list):
            return self._again(op, value)
        if value is not None:  # as an assignment made here: branches that led here decide it
            self._write_register(st, "%result", value)
            value = st.registers.pop("%result")
        if not st.frames:
            st.pc, st.queue = len(self.thread.code), ()
            return None
        frame, st.frames = st.frames[-1], st.frames[:-1]
        ended = st.registers
        if frame.kind == "interrupt":
            st.handling = st.handling[:-1]
            if self.counters(st) != frame.counters:
                self._find(st, "unbalanced", "the interrupt handler leaves other counters than it found")
        cpu = {name: v for name, v in st.registers.items() if name[0] == "$"}
        st.registers = {**frame.registers, **cpu}
        st.pc, st.queue, st.block, st.assumed = frame.pc, frame.queue, list(frame.block), frame.assumed
        st.control, st.loops = list(frame.control), dict(frame.loops)
        if frame.kind == "task":
            self.migration.depart_back(st, ended)
        elif frame.dst is not None:
            self._write_register(st, frame.dst, value if value is not None else Tainted(0))
        return None

    def counters(self, st: KernelState) -> tuple[Value, ...]:
        return tuple(self.cpu(st, name) for name in COUNTERS)

    def cpu(self, st: State, name: str) -> Value:
        """The value of a CPU register, which is never one that is read from memory."""
        found = st.registers.get(name)
        value = self.initial.get(name, 0) if found is None else found.value
        return 0 if isinstance(value, ReadOf | Applied) else value

    # --- interrupts ---
    def _offer(self, st: KernelState) -> list[State] | None:
        """Where something that is on its way may be taken: the path without and with each; else None.

        Two places between which nothing happens are one.
        """
        if not self.migration.possible and not self.incoming.tokens and not st.sent:
            return None
        pending = self._pending(st)
        if pending and not self._on(st):
            pending = []
        if any(k.kind == "task" for k in pending) and (self.migration.exhausted(st) or not self.migration.allowed(st)):
            pending = [k for k in pending if k.kind != "task"]
        if not pending and not self.migration.possible:
            return None
        place = (st.pc, st.visits.get(st.pc, 0))
        here = (len(st.events), len(st.findings), tuple(v for n, v in st.registers.items() if n[0] == "$"), st.taken)
        forks: list[State] = [st]
        if st.offered != here:
            st.offered = here
            for token in pending:
                new = st.copy()
                self._take(new, token)
                forks.append(new)
        if st.considered != place:
            st.considered = place
            forks += self.migration.departures(st)
        return forks if len(forks) > 1 else None

    def _on(self, st: State) -> bool:
        if self.kernel.interrupts_on is None:
            return True
        value = self._eval(st, self.kernel.interrupts_on)
        return isinstance(value, Tainted) and value.value != 0

    def _pending(self, st: KernelState) -> list[Token]:
        """What is on its way: of other CPUs what some of their paths send together with all that was taken."""
        own = [k for k in sorted(st.sent) if k.target == self.thread.number and k not in st.taken] if st.sent else []
        others = self._open.get(st.taken)
        if others is None:
            foreign = frozenset(k for k in st.taken if k.sender != self.thread.number)
            together = [f for f in self.incoming.families if foreign <= f]
            others = [k for k in self.incoming.tokens if k not in foreign and any(k in f for f in together)]
            self._open[st.taken] = others
        return own + others

    def _take(self, st: KernelState, token: Token) -> None:
        span = self.span(st, st.pc)
        where = "at the end" if st.pc >= len(self.thread.code) else f"before line {span.line}"
        what = "interrupt" if token.kind == "interrupt" else "task"
        text = f"P{self.thread.number} takes the {what} of P{token.sender} {where}"
        st.notes = (*st.notes, Note(text, span, len(st.events)))
        st.taken |= {token}
        if token.kind == "task":
            self.migration.arrive(st, token)
            return
        st.handling = (*st.handling, token.csd)
        frame = self.frame(st, "interrupt", None)
        st.control = []
        function, argument = token.payload
        args: list[Value] = [token.csd, function, argument]  # type: ignore[list-item]  # an interrupt's payload
        self.enter(st, frame, HANDLER, [Tainted(a) for a in args])

    def _interrupt(self, st: KernelState, op: c.Interrupt) -> list[State] | None:
        values: list[Value] = []
        for e in (op.cpu, op.function, op.argument):
            value = self._concrete(st, op, e)
            if isinstance(value, list):
                return value
            values.append(value)
        cpu, function, argument = values
        if not isinstance(function, CodeLabel):
            return self._oops(st, "null-dereference", "sends an interrupt without a handler")
        if not isinstance(cpu, int) or not 0 <= cpu < self.kernel.cpus:
            span = self.span(st)
            raise InputError(f"an interrupt is sent to CPU {cpu}, but there are {self.kernel.cpus} CPUs", span)
        csd = self.fresh(st, "csd", 2)
        token = Token(self.thread.number, csd, cpu, "interrupt", (function, argument))
        st.sent |= {token}
        self._note(st, f"interrupts P{cpu}")
        self._write_register(st, op.dst, Tainted(csd))
        return None

    def _await(self, st: KernelState, op: c.Await) -> list[State] | None:
        csd = self._concrete(st, op, op.csd)
        if isinstance(csd, list):
            return csd
        self.blocking.update(st.held)
        if any(k.csd == csd for k in st.taken):
            return None
        stuck = st.copy()
        stuck.stuck = Stuck("interrupt", csd, self.span(st))
        if any(k.csd == csd and k.target == self.thread.number for k in st.sent):
            return [stuck]
        return [st, stuck]

    # --- objects ---
    def fresh(self, st: State, name: str, cells: int) -> Address:
        """A new object, named after the line that makes it."""
        visits = st.visits[st.pc - 1]
        label = f"{name}@P{self.thread.number}.{self._makers[st.pc - 1]}"
        return self.object(label if visits == 1 else f"{label}.{visits}", cells)

    def object(self, name: str, cells: int) -> Address:
        """The object of that name."""
        self.objects[name] = max(cells, self.objects.get(name, 0))
        return Address(name)

    def _alloc(self, st: KernelState, op: c.Alloc) -> list[State] | None:
        cells = self._concrete(st, op, op.cells)
        if isinstance(cells, list):
            return cells
        if not isinstance(cells, int) or cells < 1:
            raise InputError(f"an object of {cells} cells cannot be allocated", self.span(st))
        self._write_register(st, op.dst, Tainted(self.fresh(st, "object", cells)))
        return None

    def _free(self, st: KernelState, op: c.Free) -> list[State] | None:
        place = self._concrete(st, op, op.pointer)
        if isinstance(place, list):
            return place
        if place == 0:
            return None
        if not isinstance(place, Address) or place.index:
            return self._oops(st, "use-after-free" if place == POISON else "bad-pointer", f"frees {place}")
        for i in range(self._cells(place.name)):
            event = self._new_event(st, frozenset(("W", "Freed")))
            st.address[event] = Address(place.name, i)
            st.stored[event] = POISON
        return None

    def _cells(self, name: str) -> int:
        for known in (self.kernel.objects, self.objects, self.arrays):
            if name in known:
                return known[name]
        return 1

    # --- locks ---
    def _hold(self, st: KernelState, op: c.Hold) -> list[State] | None:
        lock = self._concrete(st, op, op.lock)
        if isinstance(lock, list):
            return lock
        if op.kind == "held":
            st.held = (*st.held, lock)
        elif op.kind == "dropped":
            if lock not in st.held:
                self._find(st, "unbalanced", f"unlocks {lock}, which it does not hold")
            st.held = tuple(x for x in st.held if x != lock)
        else:
            self.blocking.update(st.held)
            if lock in st.held:
                st.stuck = Stuck("lock", lock, self.span(st))
                return None
            if lock in self.contended:
                stuck = st.copy()
                stuck.stuck = Stuck("lock", lock, self.span(st))
                return [st, stuck]
        return None

    # --- findings ---
    def _flag(self, st: KernelState, op: c.Flag) -> list[State] | None:
        if op.kind == NOTE:
            self._note(st, op.text)
            return None
        if op.stop:
            return self._oops(st, op.kind, op.text)
        self._find(st, op.kind, op.text)
        return None

    def _note(self, st: KernelState, text: str) -> None:
        st.notes = (*st.notes, Note(f"P{self.thread.number} {text}", self.span(st), len(st.events)))

    def _let(self, st: State, op: ir.Let) -> list[State] | None:
        forks = super()._let(st, op)
        if op.dst == "$current" and forks is None and isinstance(st, KernelState):
            self._note(st, f"switches to {self.cpu(st, op.dst)}")
        return forks

    def _find(self, st: KernelState, kind: str, text: str) -> None:
        finding = Finding(kind, text, self.span(st))
        if finding not in st.findings:
            st.findings = (*st.findings, finding)

    def _oops(self, st: KernelState, kind: str, text: str) -> list[State]:
        """The CPU goes no further."""
        self._find(st, kind, text)
        st.stuck = Stuck("crash", 0, self.span(st))
        return [st]

    def span(self, st: State, pc: int | None = None) -> Span:
        """Where the path is, or what ``pc`` is about to do: of the calls under way the innermost of the user's."""
        assert isinstance(st, KernelState)
        code = self.thread.code
        own = code[min(st.pc, len(code)) - 1 if pc is None else min(pc, len(code) - 1)].span
        outer = (code[min(frame.pc, len(code)) - 1].span for frame in reversed(st.frames))
        return next((span for span in (own, *outer) if not in_runtime(span)), own)

    def _new_event(self, st: State, sets: frozenset[str], bits: int = 32, lane: ir.Lane = ()) -> int:
        number = super()._new_event(st, sets, bits, lane)
        span = self.numbering.events[number].span
        if isinstance(st, KernelState) and span is not None and in_runtime(span):
            inner = takewhile(lambda frame: frame.kind != "interrupt", reversed(st.frames))
            calls = (self.thread.code[frame.pc - 1].span for frame in inner)
            st.sites = {**st.sites, number: next((c for c in calls if not in_runtime(c)), span)}
        return number

    def emit(self, st: State, sets: frozenset[str]) -> int:
        """A new event of the instruction that is being executed."""
        return self._new_event(st, sets)

    def evaluate(self, st: State, e: ir.Expr) -> Tainted | list[State]:
        """The value of an expression at this point of the path."""
        return self._eval(st, e)

    def known(self, st: State, value: Symbolic) -> bool | None:
        """Whether a value is not 0, if the path says so already."""
        return self._known(st, value)

    def demand(self, st: State, value: Symbolic, expected: Value) -> None:
        """The path is taken only if the value is ``expected``."""
        self._decide(st, value, expected)

    # --- values ---
    def _concrete(self, st: State, op: ir.Micro, e: ir.Expr) -> Value | list[State]:
        """The value of an expression, which must be one; forks over the possible ones."""
        found = self._eval(st, e)
        if isinstance(found, list):
            return self._again(op, found)
        value = found.value
        if not isinstance(value, ReadOf | Applied):
            return value
        known = st.decided.get(value)
        if known is not None and not isinstance(known, bool):
            return known
        forks: list[State] = []
        for a in self.addresses(value, st):
            new = st.copy()
            self._decide(new, value, a)
            forks.append(new)
        return self._again(op, forks)

    def _locate(self, st: State, addr: Tainted, op: ir.Load | ir.Store | ir.Mark) -> Address | list[State]:
        assert isinstance(st, KernelState)
        place = super()._locate(st, addr, op)
        if isinstance(place, list) or 0 <= place.index < self._cells(place.name):
            return place
        return self._oops(st, "out-of-bounds", f"accesses {place}, beyond its {self._cells(place.name)} cells")

    def _nowhere(self, st: State, value: int, known: bool, op: ir.Load | ir.Store | ir.Mark) -> list[State]:
        assert isinstance(st, KernelState)
        if value == POISON:
            return self._oops(st, "use-after-free", "follows a pointer read from a freed object")
        null = 0 <= value < LOWEST_ADDRESS
        return self._oops(st, "null-dereference" if null else "bad-pointer", f"accesses address {value}")

    # --- the end ---
    def _finish(self, st: State) -> Path:
        assert isinstance(st, KernelState)
        open_ = self._on(st)
        if st.stuck is None and not st.cut:
            for lock in st.held:
                self._find(st, "unbalanced", f"P{self.thread.number} ends where it still holds {lock}")
            for name, text in COUNTERS.items():
                if self.cpu(st, name) != 0:
                    self._find(st, "unbalanced", f"P{self.thread.number} ends where {text}")
        if st.stuck is None:
            self.blocking.update(st.held)
        if st.frames:
            st.registers = st.frames[0].registers
        if st.moved:
            st.registers = {}
        self.episodes |= st.episodes
        path = super()._finish(st)
        return with_activity(
            path,
            Activity(
                st.sent, st.taken, st.findings, st.notes, st.stuck, open_, frozenset(st.held),
                frozenset(st.visits), st.episodes, st.pacts, st.moved, st.foreign,
                frozenset(st.handling), st.sites, st.ways,
            ),
        )  # fmt: skip
