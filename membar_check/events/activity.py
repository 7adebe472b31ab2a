"""What a CPU does beside memory accesses: interrupts, locks held, findings; and which paths of CPUs fit together.

An interrupt is a *token*: one path sends it, one path of its target takes it, at a point where interrupts are on.  The
order that it gives comes from accesses of the runtime's C code to the token's object, not from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from membar_check.diagnostics import Span
from membar_check.records import dataclass, field
from membar_check.values import Address, Value

if TYPE_CHECKING:
    from membar_check.events.structure import Path, Symbolic


class Token(NamedTuple):
    """Something that one CPU hands to another: an interrupt (``kind`` "interrupt", ``payload`` function and argument)
    or a task that goes on there ("task", ``payload`` its activations).  ``csd`` names it uniquely."""

    sender: int
    csd: Address
    target: int
    kind: str
    payload: tuple[object, ...]


class Finding(NamedTuple):
    """Something wrong that the path does if an execution takes it."""

    kind: str
    text: str
    span: Span


class Stuck(NamedTuple):
    """Why a path ends early: it waits for a lock, for an interrupt to be handled, or has crashed (``what`` 0)."""

    kind: str  # "lock", "interrupt" or "crash"
    what: Value
    span: Span


class Note(NamedTuple):
    """A step of the path that the reader of a finding wants to know: where an interrupt landed, which CPU switched.
    It comes before the path's event at position ``before``."""

    text: str
    span: Span
    before: int = 0


class Episode(NamedTuple):
    """A grace period or a read-side critical section that a path goes through."""

    grace: bool
    thread: int
    label: str


class Pact(NamedTuple):
    """Of a grace period and a critical section of another CPU: the section begins after the grace period's beginning
    (``late``), else it ends before its end."""

    grace: Episode
    section: Episode
    late: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """Of one path.  ``open``: interrupts are on where it ends; ``held``: locks that it holds there; ``visited``: the
    instructions that it executes; ``episodes``: its grace periods and critical sections, ``pacts`` what it takes the
    order of each and those of other CPUs to be (:mod:`membar_check.events.grace`).  ``moved``: the CPU's own task goes
    to another CPU; ``foreign``: the final variables of tasks of other CPUs that ended here; ``unfinished``: interrupts
    in whose handlers it gets stuck; ``sites``: for events of the runtime's code, where the user's code called it;
    ``ways``: watched conditions and whether they are true."""

    sent: frozenset[Token] = frozenset()
    taken: frozenset[Token] = frozenset()
    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    stuck: Stuck | None = None
    open: bool = True
    held: frozenset[Value] = frozenset()
    visited: frozenset[int] = frozenset()
    episodes: frozenset[Episode] = frozenset()
    pacts: tuple[Pact, ...] = ()
    moved: bool = False
    foreign: dict[int, dict[str, Symbolic]] = field(default_factory=dict)
    unfinished: frozenset[Address] = frozenset()
    sites: dict[int, Span] = field(default_factory=dict)
    ways: frozenset[tuple[str, bool]] = frozenset()


def combinations(threads: tuple[tuple[Path, ...], ...]) -> Iterator[tuple[Path, ...]]:
    """One path for each CPU, in order, wherever they fit together: what one sends the other takes, both agree on the
    order of grace periods and critical sections, and who is stuck has reason to be."""
    alike = [_alike(thread) for thread in threads]

    def extend(chosen: tuple[list[Path], ...]) -> Iterator[tuple[Path, ...]]:
        number = len(chosen)
        if number == len(threads):
            if _reasonable(tuple(group[0] for group in chosen)):
                yield from product(*chosen)
            return
        for group in alike[number]:
            if all(_fit(group[0], other[0]) for other in chosen) and _served(group[0], group[0]):
                yield from extend((*chosen, group))

    yield from extend(())


def _alike(thread: tuple[Path, ...]) -> list[list[Path]]:
    """The paths in groups that fit with the same others."""
    found: dict[object, list[Path]] = {}
    for path in thread:
        a = _activity(path)
        key = (a.sent, a.taken, a.open, a.stuck and a.stuck[:2], a.held, a.episodes, a.pacts)
        found.setdefault(key, []).append(path)
    return list(found.values())


def _fit(a: Path, b: Path) -> bool:
    return _served(a, b) and _served(b, a) and _agree(a, b)


def _served(sender: Path, target: Path) -> bool:
    """Whether the target takes just what the sender sends to it; a path that can take nothing more may leave some."""
    s, t = _activity(sender), _activity(target)
    sent = {k for k in s.sent if k.target == target.thread}
    taken = {k for k in t.taken if k.sender == sender.thread}
    if sent == taken:
        return True
    crashed = t.stuck is not None and t.stuck.kind == "crash"
    return taken < sent and (crashed or not t.open)


def _agree(a: Path, b: Path) -> bool:
    """Whether each grace period of one and section of the other are ordered alike by both, and nothing else is."""
    x, y = _activity(a), _activity(b)
    if not x.episodes and not y.episodes:
        return True
    wanted = {(e, f) if e.grace else (f, e) for e in x.episodes for f in y.episodes if e.grace != f.grace}
    mine = {(p.grace, p.section): p.late for p in x.pacts if b.thread in (p.grace.thread, p.section.thread)}
    theirs = {(p.grace, p.section): p.late for p in y.pacts if a.thread in (p.grace.thread, p.section.thread)}
    return mine == theirs and mine.keys() == wanted


def _reasonable(chosen: tuple[Path, ...]) -> bool:
    """Whether every path that is stuck waits for something that never comes."""
    taken: set[Address] = set()
    held: set[Value] = set()
    for path in chosen:
        activity = _activity(path)
        taken.update(k.csd for k in activity.taken if k.csd not in activity.unfinished)
        held |= activity.held
    for path in chosen:
        stuck = _activity(path).stuck
        if stuck is None or stuck.kind == "crash":
            continue
        if stuck.what in taken if stuck.kind == "interrupt" else stuck.what not in held:
            return False
    return True


_NOTHING = Activity()


def _activity(path: Path) -> Activity:
    return path.activity or _NOTHING
