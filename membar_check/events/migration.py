"""Preemption: a task leaves its CPU and goes on on another, with what it computed before.

Where the kernel may switch tasks, the task can be put aside by the scheduler (``__migrate_out`` of the test's headers,
C like all else) and handed to another CPU, which takes it up at any place where it may switch tasks too: it runs
``__migrate_in``, then what is left of the task in its own program order, then ``__migrate_back``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from membar_check.diagnostics import Inconclusive
from membar_check.events.activity import Note, Token
from membar_check.events.kernel_state import Frame, KernelState
from membar_check.events.paths import NONE, State, Tainted
from membar_check.events.structure import Applied, ReadOf, Symbolic, reads_in
from membar_check.program import ir
from membar_check.program.control import KernelInfo
from membar_check.values import Value

if TYPE_CHECKING:
    from membar_check.events.kernel import KernelRunner

OUT, IN, BACK = "__migrate_out", "__migrate_in", "__migrate_back"
OF_THE_TASK = ("$__must_not_block_depth", "$__cpus_read_depth")  # CPU registers that go with the task
STAYS = ("$__rcu_depth",)  # where this is not 0 the task stays: its critical section would be torn apart

Registers = tuple[tuple[str, Symbolic], ...]


class Activation(NamedTuple):
    """A function of the task that moves: where it goes on, and its variables."""

    pc: int
    queue: tuple[ir.Micro, ...]
    registers: Registers
    dst: str | None
    loops: tuple[tuple[str, tuple[int, int]], ...]


class Migration:
    """The moves from and to the CPU of one runner."""

    def __init__(self, runner: KernelRunner, kernel: KernelInfo) -> None:
        self.runner = runner
        self.kernel = kernel
        self.thread = runner.thread.number
        self.possible = kernel.migrations > 0 and all(name in kernel.functions for name in (OUT, IN, BACK))

    def allowed(self, st: KernelState) -> bool:
        """Whether tasks may be switched here."""
        runner, where = self.runner, self.kernel.preemptible
        if any(frame.kind == "interrupt" for frame in st.frames) or any(runner.cpu(st, name) for name in STAYS):
            return False
        value = None if where is None else runner.evaluate(st, where)
        return isinstance(value, Tainted) and value.value != 0

    def exhausted(self, st: KernelState) -> bool:
        """Whether no further task may move: the bound is one for the whole execution."""
        moved = st.moves + sum(k.kind == "task" for k in (*st.sent, *st.taken))
        return not self.possible or moved >= self.kernel.migrations

    def departures(self, st: KernelState) -> list[State]:
        """The paths on which the task leaves here, one for each CPU that it may go to."""
        if self.exhausted(st) or st.moved or st.pc >= len(self.runner.thread.code) or not self.allowed(st):
            return []
        forks: list[State] = []
        for settled in self._settled(st.copy()):
            for cpu in range(self.kernel.cpus):
                if cpu != self.thread:
                    new = settled.copy()
                    self._leave(new, cpu)
                    forks.append(new)
        return forks

    def _settled(self, st: KernelState) -> list[KernelState]:
        """The path, forked so that each variable of the task whose values can be listed has one."""
        for registers in (*(f.registers for f in st.frames), st.registers):
            for name, tainted in registers.items():
                value = tainted.value
                if name[0] in "$%" or not isinstance(value, ReadOf | Applied):
                    continue
                if isinstance(st.decided.get(value), bool | None):
                    try:
                        possible = self.runner.addresses(value, st)
                    except Inconclusive:
                        continue  # it moves as it is, and so do the places of what it was read from
                    out: list[KernelState] = []
                    for a in possible:
                        new = st.copy()
                        self.runner.demand(new, value, a)
                        out += self._settled(new)
                    return out
        return [st]

    def _leave(self, st: KernelState, cpu: int) -> None:
        runner = self.runner
        activations = []
        inner = (st.pc, (), st.registers, None, st.loops)
        stack = [*((f.pc, f.queue, f.registers, f.dst, f.loops) for f in st.frames), inner]
        for pc, queue, registers, dst, loops in stack:
            activations.append(Activation(pc, queue, _values(st, registers), dst, tuple(sorted(loops.items()))))
        csd = runner.object(f"task@P{self.thread}.{st.pc}.{st.visits.get(st.pc, 0)}", 2)
        task = runner.cpu(st, "$current")
        own = tuple((name, runner.cpu(st, name)) for name in OF_THE_TASK)
        reads = {r for a in activations for _, v in a.registers for r in reads_in(v)}
        places = tuple((r, st.address[r]) for r in sorted(reads))
        st.sent |= {Token(self.thread, csd, cpu, "task", (task, own, st.moves + 1, tuple(activations), places))}
        span = runner.span(st)
        st.notes = (*st.notes, Note(f"P{self.thread} is preempted, its task goes to CPU {cpu}", span, len(st.events)))
        st.moved, st.frames, st.control = True, (), []
        st.registers = {name: v for name, v in st.registers.items() if name[0] == "$"}
        st.registers.update((name, Tainted(0)) for name in OF_THE_TASK)
        st.pc = len(runner.thread.code)
        runner.enter(st, runner.frame(st, "call", None), OUT, [Tainted(csd)])

    def arrive(self, st: KernelState, token: Token) -> None:
        """Takes up a task: ``__migrate_in``, then the task, above what the CPU was doing."""
        runner = self.runner
        task, own, moves, activations, places = token.payload
        assert isinstance(activations, tuple) and isinstance(own, tuple) and isinstance(moves, int)
        assert isinstance(places, tuple)
        st.address.update(places)
        previous = runner.cpu(st, "$current")
        here = runner.frame(st, "task", None)
        cpu = {name: v for name, v in st.registers.items() if name[0] == "$"}
        st.resumes = (*st.resumes, (token.sender, previous, {n: cpu[n] for n in OF_THE_TASK if n in cpu}, st.moves))
        st.frames = (*st.frames, here)
        st.control, st.moves = [], moves
        for i, a in enumerate(activations):
            registers = {name: Tainted(v) for name, v in a.registers} | cpu | {n: Tainted(v) for n, v in own}
            if i + 1 < len(activations):
                frame = Frame(
                    "call", a.pc, a.queue, registers, a.dst, [], [], (NONE, NONE), dict(a.loops), runner.counters(st)
                )
                st.frames = (*st.frames, frame)
            else:
                st.registers, st.pc, st.queue, st.loops = registers, a.pc, (), dict(a.loops)
        st.block, st.assumed = [], (NONE, NONE)
        arguments: list[Value] = [token.csd, task]  # type: ignore[list-item]  # a task's payload
        runner.enter(st, runner.frame(st, "call", None), IN, [Tainted(a) for a in arguments])

    def depart_back(self, st: KernelState, final: dict[str, Tainted]) -> None:
        """The task has ended; its variables are kept, and the CPU switches back to what it ran before."""
        (sender, previous, own, moves), st.resumes = st.resumes[-1], st.resumes[:-1]
        st.foreign = {**st.foreign, sender: {n: v.value for n, v in final.items() if n[0] not in "$%"}}
        st.registers.update({name: own.get(name, Tainted(0)) for name in OF_THE_TASK})
        st.moves = moves
        self.runner.enter(st, self.runner.frame(st, "call", None), BACK, [Tainted(previous)])


def _values(st: KernelState, registers: dict[str, Tainted]) -> Registers:
    out: list[tuple[str, Symbolic]] = []
    for name, tainted in registers.items():
        value = tainted.value
        if name[0] in "$%":
            continue
        if isinstance(value, ReadOf | Applied):
            known = st.decided.get(value)
            if known is not None and not isinstance(known, bool):
                value = known
        out.append((name, value))
    return tuple(sorted(out, key=lambda item: item[0]))


