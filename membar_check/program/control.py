"""Micro-operations that move control, and what a kernel C program has beside its threads.

Only tests in kernel C have them.  All functions are compiled once, into code that the threads share; a *CPU register*
(a name that begins with ``$``) belongs to the CPU and outlives calls, interrupts and task switches, every other
register belongs to one activation of a function.  ``$cpu`` is the CPU's number, ``$current`` the task that it runs.
"""

from __future__ import annotations

from typing import NamedTuple

from membar_check.diagnostics import Span
from membar_check.litmus.syntax import Prop
from membar_check.program.ir import ControlOp, Expr
from membar_check.records import dataclass, field
from membar_check.values import Address


@dataclass(frozen=True, slots=True)
class Call(ControlOp):
    """Calls the function that ``function`` evaluates to (``CodeLabel(-1, name)``); ``dst`` receives what it returns.

    The callee's registers are its parameters and nothing else.  Calling anything but a function stops the CPU.
    """

    function: Expr
    args: tuple[Expr, ...]
    dst: str | None = None


@dataclass(frozen=True, slots=True)
class Return(ControlOp):
    """Ends the function; ``value`` None for ``void``."""

    value: Expr | None = None


@dataclass(frozen=True, slots=True)
class Flag(ControlOp):
    """A finding of class ``kind`` (``sleep-in-atomic``, ...) if an execution gets here; ``text`` says what is wrong.
    ``stop``: the CPU goes no further (an oops)."""

    kind: str
    text: str
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Alloc(ControlOp):
    """``dst`` := a fresh object of ``cells`` cells, all 0; never the same object twice."""

    dst: str
    cells: Expr


@dataclass(frozen=True, slots=True)
class Free(ControlOp):
    """Ends the life of the object at ``pointer`` (0: nothing happens): plain writes of poison, in the set ``Freed``, to
    all of its cells."""

    pointer: Expr


@dataclass(frozen=True, slots=True)
class Interrupt(ControlOp):
    """CPU ``cpu`` will run ``__handle_interrupt(csd, function, argument)`` once, somewhere with interrupts on; ``dst``
    := ``csd``, a fresh object of two cells through which the C code of the runtime orders sender and handler."""

    dst: str
    cpu: Expr
    function: Expr
    argument: Expr


@dataclass(frozen=True, slots=True)
class Await(ControlOp):
    """Goes on only if the interrupt ``csd`` is handled; where it never is, the thread is stuck here."""

    csd: Expr


@dataclass(frozen=True, slots=True)
class Hold(ControlOp):
    """Bookkeeping for deadlocks; no event.  ``kind``: ``wait`` (about to take the lock; the thread may be stuck here if
    another, or itself, holds it for ever), ``held`` (now holds it), ``dropped``."""

    kind: str
    lock: Expr


@dataclass(frozen=True, slots=True)
class Section(ControlOp):
    """Begins or ends an RCU read-side critical section, for models without RCU of their own; ``fence``: the sets of
    their full barrier (:mod:`membar_check.events.grace`)."""

    begin: bool
    fence: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grace(ControlOp):
    """Begins or ends a grace period, for models without RCU of their own; ``fence`` as in Section."""

    begin: bool
    fence: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Watch(ControlOp):
    """Notes that the condition ``site`` is true if ``cond`` is not 0 (if it is 0, for ``same`` False), else that it is
    false.  No event and no dependency.  ``guards``: the condition is evaluated only if each of these is not 0 (True),
    or 0 (False)."""

    site: str
    cond: Expr
    same: bool = True
    guards: tuple[tuple[Expr, bool], ...] = ()


class Function(NamedTuple):
    """``entry`` the label of its first instruction; ``parameters`` the registers that receive the arguments."""

    name: str
    entry: str
    parameters: tuple[str, ...]
    span: Span


class Arm(NamedTuple):
    """One way out of a branch of the source: ``pc`` of the first instruction that only this way executes."""

    pc: int
    span: Span
    text: str  # such as "the `else` of `if (!zalloc_cpumask_var(...))`"


class Way(NamedTuple):
    """One way out of a watched condition: that of ``site`` being true, or false."""

    site: str
    true: bool
    span: Span
    text: str  # such as "`r == 7` as true"


class NamedCondition(NamedTuple):
    """A class of outcome that the test declares."""

    name: str
    prop: Prop


@dataclass(frozen=True, slots=True)
class KernelInfo:
    """``interrupts_on``, ``preemptible``: expressions over CPU registers, not 0 where the CPU takes interrupts, or may
    switch tasks; ``migrations``: how often tasks may be preempted and go on on another CPU in one execution.

    ``objects``: static objects and their cells; ``cell_names``: how a cell is printed (``mm.membarrier_state``);
    ``ways``: those out of the conditions that are watched, none unless that was asked for.
    """

    functions: dict[str, Function]
    cpus: int
    conditions: tuple[NamedCondition, ...] = ()
    arms: tuple[Arm, ...] = ()
    objects: dict[str, int] = field(default_factory=dict)
    cell_names: dict[Address, str] = field(default_factory=dict)
    interrupts_on: Expr | None = None
    preemptible: Expr | None = None
    migrations: int = 0
    ways: tuple[Way, ...] = ()
