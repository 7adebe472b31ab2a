"""The instruction form that every dialect is lowered to.

A thread is a flat sequence of :class:`Instr`; each is a short list of micro-operations that belong to one instruction
instance (herd's "same-instance"), in intra-instruction order.  Registers are names local to the thread; names that
begin with ``%`` are temporaries of one instruction and are not registers of the machine: they carry data without
register events.  Expressions have no side effects.

Dependencies are not written down here: ``events/`` derives address, data and control dependencies from the flow of
values through registers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from membar_check.diagnostics import Span
from membar_check.litmus.syntax import LitmusTest, Place, Prop
from membar_check.program.ctypes import width
from membar_check.records import dataclass, field
from membar_check.values import Address, Value

if TYPE_CHECKING:
    from membar_check.program.control import KernelInfo


# --- expressions -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Const:
    value: Value


@dataclass(frozen=True, slots=True)
class Reg:
    """The current value of a register (or ``%temporary``); unwritten ones hold their initial value, else 0."""

    name: str


@dataclass(frozen=True, slots=True)
class Op:
    """A pure operation; the names and their meaning are in :mod:`membar_check.program.arithmetic`."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """``cond ? then : other`` inside one instruction (CSEL, ``?:`` of registers): no control dependency, but the
    choice is a *pick* dependency of the result."""

    cond: Expr
    then: Expr
    other: Expr


Expr = Const | Reg | Op | Select


Lane = tuple[tuple[int, int], ...]
"""Where an event stands among the operands of its instruction: (group, operand) pairs from outermost to innermost.

C leaves the operands of an operator or call unordered.  Two events of one instruction instance whose lanes first differ
in the operand of the same group are not ordered by program order; all others are, in the order of the operations.
"""


# --- micro-operations ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Let:
    """``dst := value``."""

    dst: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Load:
    """A read event (set R) from ``addr`` into ``dst`` (None: value dropped).

    ``tags`` are the names of the other sets that the event belongs to, as cat spells them (``A``, ``X``, ``Once``).
    ``atomic``: "" plain; "amo" the read half of a single-instruction read-modify-write; "ex" a load-exclusive.
    ``bits`` the access size.  ``after``: the instruction orders it after its access before that (``iico_order``).
    """

    dst: str | None
    addr: Expr
    tags: frozenset[str] = frozenset()
    atomic: str = ""
    bits: int = 32
    lane: Lane = ()
    after: bool = False


@dataclass(frozen=True, slots=True)
class Store:
    """A write event (set W) of ``value`` to ``addr``.

    ``atomic`` "amo": paired (relation ``rmw``) with the preceding "amo" Load of the same instruction; "ex": with the
    thread's last load-exclusive, if no other exclusive stands between.  ``status``: a register that becomes 0 and
    thereby depends on the write as on a read (RISC-V's store-conditional that succeeds).  ``after`` as in Load.
    """

    addr: Expr
    value: Expr
    tags: frozenset[str] = frozenset()
    atomic: str = ""
    bits: int = 32
    lane: Lane = ()
    status: str | None = None
    after: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """An event that is neither R nor W for the front end: fences (``addr`` None, tags with "F"), and events with a
    location that the model interprets (lock events LKR LKW UL LF RL RU, Sync-srcu).

    ``dst``: a register that receives ``value`` and thereby depends on the event as on a read (what a failed trylock and
    spin_is_locked() return).  Without ``dst``, ``value`` is what the event itself carries (an SRCU section's cookie),
    for ``different-values``.
    """

    tags: frozenset[str]
    addr: Expr | None = None
    dst: str | None = None
    value: Expr | None = None
    lane: Lane = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """If ``cond`` is not 0 go to ``target``, else go on.  All later events of the thread depend on it by control, up
    to ``scope`` if that is given: the label of the instruction at which the dependency ends (C's ``if``).  ``loop``
    (kernel C): this is an exit test of the loop that begins at that label."""

    cond: Expr
    target: str
    scope: str | None = None
    loop: str | None = None


@dataclass(frozen=True, slots=True)
class Goto:
    target: str


@dataclass(frozen=True, slots=True)
class Assume:
    """The execution goes on only if ``cond`` is not 0 (no control dependency).  ``pick``: what the instruction does
    afterwards depends on ``cond`` by a pick dependency (compare-and-swap)."""

    cond: Expr
    pick: bool = True


@dataclass(frozen=True, slots=True)
class Choose:
    """A nondeterministic choice: exactly one of the alternatives runs (store-exclusive succeeds or fails, trylock
    takes the lock or does not)."""

    alternatives: tuple[tuple[Micro, ...], ...]


@dataclass(frozen=True, slots=True)
class Halt:
    """The thread ends here."""


class ControlOp:
    """Base of the micro-operations that move control (:mod:`membar_check.program.control`)."""

    __slots__ = ()


Micro = Let | Load | Store | Mark | Branch | Goto | Assume | Choose | Halt | ControlOp


@dataclass(frozen=True, slots=True)
class Instr:
    """One instruction (for C: one primitive call or expression statement); ``span`` points at the user's source."""

    ops: tuple[Micro, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Thread:
    """``labels`` map a label to the index in ``code`` of the instruction it stands before (``len(code)``: the end).
    ``registers`` lists the machine registers in the order in which the log shows them.  ``entry``: the label at which
    it begins ("": the first instruction)."""

    number: int
    code: tuple[Instr, ...]
    labels: dict[str, int]
    registers: tuple[str, ...]
    entry: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A test lowered to IR.

    ``memory``: initial value of every global cell that the test names (others start at 0 but every cell that can be
    accessed must be here); ``arrays``: name -> number of cells, for declared arrays; ``registers``: initial values by
    (thread, register); ``unsigned``/``bits`` by place are only for printing: ``types`` maps a place's text to its C
    type.  ``locations``, ``filter`` and ``condition`` have their register names canonical.
    """

    test: LitmusTest
    threads: tuple[Thread, ...]
    memory: dict[Address, Value]
    arrays: dict[str, int]
    registers: dict[tuple[int, str], Value]
    types: dict[str, str]
    locations: tuple[Place, ...]
    filter: Prop | None
    condition: Prop
    kernel: KernelInfo | None = None

    def cell_bits(self, name: str) -> int:
        """The width of the cells of an array in an assembly test, 0 for everything else."""
        if name not in self.arrays or self.test.arch == "C":
            return 0
        return width(self.types[name])[0]
