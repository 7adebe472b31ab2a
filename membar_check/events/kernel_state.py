"""The state of a path of kernel C: what a CPU keeps beside registers and events."""

from __future__ import annotations

from typing import NamedTuple

from membar_check.diagnostics import Span
from membar_check.events.activity import Activity, Episode, Finding, Note, Pact, Stuck, Token
from membar_check.events.paths import Reads, State, Tainted
from membar_check.events.structure import Path, Symbolic
from membar_check.program import ir
from membar_check.values import Address, Value


class Frame(NamedTuple):
    """What a call, or an interrupt, comes back to."""

    kind: str  # "call", "interrupt", or "task": what a task from elsewhere runs on top of
    pc: int
    queue: tuple[ir.Micro, ...]
    registers: dict[str, Tainted]
    dst: str | None
    control: list[tuple[Reads, Reads, int | None]]
    block: list[int]
    assumed: tuple[Reads, Reads]
    loops: dict[str, tuple[int, int]]
    counters: tuple[Value, ...]


class Incoming(NamedTuple):
    """The tokens that may reach a CPU, and the sets of them that some paths of the other CPUs send together."""

    tokens: tuple[Token, ...] = ()
    families: frozenset[frozenset[Token]] = frozenset((frozenset(),))


NOTHING = Incoming()


class KernelState(State):
    """A path with what the CPU does beside memory accesses."""

    __slots__ = (
        "choices", "considered", "depth", "episodes", "findings", "foreign", "frames", "handling", "held",
        "loops", "moved", "moves", "notes",
        "offered", "open_episodes", "pacts", "resumes", "sent", "sites", "stuck", "taken", "ways",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.frames: tuple[Frame, ...] = ()
        self.findings: tuple[Finding, ...] = ()
        self.notes: tuple[Note, ...] = ()
        self.held: tuple[Value, ...] = ()
        self.loops: dict[str, tuple[int, int]] = {}  # rounds, and how much was decided before the last
        self.choices = 0
        self.offered: tuple[object, ...] = ()
        self.considered: tuple[int, int] = (-1, 0)
        self.sent: frozenset[Token] = frozenset()
        self.taken: frozenset[Token] = frozenset()
        self.stuck: Stuck | None = None
        self.depth = 0  # of critical sections, where the model has none
        self.episodes: frozenset[Episode] = frozenset()
        self.open_episodes: tuple[Episode, ...] = ()
        self.pacts: tuple[Pact, ...] = ()
        self.handling: tuple[Address, ...] = ()  # interrupts whose handlers are under way
        self.moves = 0  # how often the task that runs has moved
        self.moved = False  # the CPU's own task has gone elsewhere
        self.resumes: tuple[tuple[int, Value, dict[str, Tainted], int], ...] = ()
        self.sites: dict[int, Span] = {}  # where the user's code called the runtime, by event; never changed in place
        self.foreign: dict[int, dict[str, Symbolic]] = {}  # final variables of the tasks of other CPUs

        self.ways: frozenset[tuple[str, bool]] = frozenset()

    def episode(self, grace: bool) -> Episode | None:
        """The grace period or critical section that the CPU is in."""
        return next((e for e in self.open_episodes if e.grace == grace), None)

    def open(self, episode: Episode) -> None:
        self.episodes |= {episode}
        self.open_episodes = (*self.open_episodes, episode)

    def close(self, grace: bool) -> Episode | None:
        """Ends the grace period or critical section that the CPU is in, which is returned."""
        found = self.episode(grace)
        self.open_episodes = tuple(e for e in self.open_episodes if e != found)
        return found

    def copy(self) -> KernelState:
        new = super().copy()
        assert isinstance(new, KernelState)
        new.frames, new.findings, new.notes, new.held = self.frames, self.findings, self.notes, self.held
        new.sent, new.taken, new.stuck, new.offered = self.sent, self.taken, self.stuck, self.offered
        new.depth, new.episodes, new.open_episodes, new.pacts = (
            self.depth, self.episodes, self.open_episodes, self.pacts,
        )  # fmt: skip
        new.moves, new.moved, new.resumes, new.foreign = self.moves, self.moved, self.resumes, self.foreign
        new.considered, new.handling = self.considered, self.handling
        new.sites, new.ways = self.sites, self.ways
        new.loops, new.choices = dict(self.loops), self.choices
        return new


def with_activity(path: Path, activity: Activity) -> Path:
    """The path with what it does beside memory accesses; CPU registers are none of its final registers."""
    registers = {n: v for n, v in path.registers.items() if n[0] != "$"}
    return Path(
        path.thread, path.events, path.address, path.stored, path.loaded, path.constraints, path.relations, registers,
        path.cut, path.trace, activity,
    )  # fmt: skip
