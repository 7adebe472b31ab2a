"""What is known of a test before anything is chosen: events, and the paths of each thread.

A *path* is one way through a thread: all branches, nondeterministic choices and computed addresses are fixed, so its
events, their order, addresses and dependencies are known.  What remains open are the values that reads return; the
path lists, as *constraints*, what its decisions demand of them.  A *skeleton* is one path for each thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from membar_check.diagnostics import Span
from membar_check.program.ir import Lane, Micro, Program, Select
from membar_check.records import dataclass
from membar_check.values import Address, Value

if TYPE_CHECKING:
    from membar_check.events.activity import Activity

INIT_THREAD = -1


class ReadOf(NamedTuple):
    """The value that a read event returns."""

    event: int


class Applied(NamedTuple):
    """A pure operation on symbolic values (names as in :mod:`membar_check.program.arithmetic`)."""

    op: str
    args: tuple[Symbolic, ...]


Symbolic = int | Address | ReadOf | Applied | Value


class Constraint(NamedTuple):
    """``value`` must be nonzero (``expected`` True), zero (False), or equal to the address or integer ``expected``."""

    value: Symbolic
    expected: bool | Value


@dataclass(frozen=True, slots=True)
class Event:
    """One event; the same event may occur in several paths (with another address or value, never another kind).

    ``thread`` -1 for initial writes.  ``sets``: all static event sets that it belongs to, as cat names them, ``R``,
    ``W``, ``F`` included.  ``rank`` orders the events of a thread for display.  ``instance``: events of one execution
    of an instruction share it; ``lane`` tells which of them C leaves unordered.
    """

    number: int
    thread: int
    sets: frozenset[str]
    rank: int
    instance: int
    span: Span | None
    bits: int = 32
    lane: Lane = ()

    @property
    def is_read(self) -> bool:
        return "R" in self.sets

    @property
    def is_write(self) -> bool:
        return "W" in self.sets

    @property
    def is_access(self) -> bool:
        """An explicit read or write of memory."""
        return "R" in self.sets or "W" in self.sets


class Begin(NamedTuple):
    """A path begins to execute the instruction at ``pc``, for the ``visit``-th time."""

    pc: int
    visit: int
    instance: int


class Chosen(NamedTuple):
    """A path takes the first or the second value of ``select``."""

    select: Select
    then: bool


Step = Begin | Chosen | Micro | int  # an int is the event of the operation that follows

def unordered(a: Event, b: Event) -> bool:
    """Whether two events of one C statement are in operands that C does not order."""
    if a.instance != b.instance:
        return False
    for (group, operand), (other_group, other) in zip(a.lane, b.lane, strict=False):
        if group != other_group:
            return False
        if operand != other:
            return True
    return False


Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a thread.

    ``events`` in program order; ``address``, ``stored``: by event; ``relations``: the static relations inside the
    thread (addr data ctrl rmw amo lxsx pick-* iico_* ...), po excepted; ``registers``: final values; ``cut``: stopped
    at the unrolling bound; ``trace``: what was executed, where that was asked for; ``activity``: what else it does, in
    kernel C.
    """

    thread: int
    events: tuple[int, ...]
    address: dict[int, Address]
    stored: dict[int, Symbolic]
    loaded: dict[int, Symbolic]
    constraints: tuple[Constraint, ...]
    relations: dict[str, Pairs]
    registers: dict[str, Symbolic]
    cut: bool
    trace: tuple[Step, ...] = ()
    activity: Activity | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """All events of a test and, for each thread, its paths; ``initial`` maps each cell to its initial write."""

    program: Program
    events: tuple[Event, ...]
    paths: tuple[tuple[Path, ...], ...]
    initial: dict[Address, int]
    possible: dict[Address, frozenset[Value] | None]

    def combinations(self) -> Iterator[tuple[Path, ...]]:
        """One path for each thread, in order, in all ways that fit together."""
        if self.program.kernel is None:
            return product(*self.paths)
        from membar_check.events.activity import combinations

        return combinations(self.paths)

    def features(self) -> frozenset[str]:
        """The primitive sets and relations that are not empty on every candidate."""
        names: set[str] = set()
        for e in self.events:
            names |= e.sets
        for thread in self.paths:
            for path in thread:
                names.update(path.relations)
        return frozenset(names)


def reads_in(value: Symbolic) -> frozenset[int]:
    """The read events that a symbolic value depends on."""
    if isinstance(value, ReadOf):
        return frozenset((value.event,))
    if isinstance(value, Applied):
        out: frozenset[int] = frozenset()
        for a in value.args:
            out |= reads_in(a)
        return out
    return frozenset()
