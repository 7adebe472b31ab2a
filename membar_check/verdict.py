"""What the checker found for one test under one model, in the terms that every report uses.

Follows herd7's log: kinds, ``Ok``/``No``/``Undef``, ``Observation``, witness counts.
"""

from __future__ import annotations

from enum import Enum

from membar_check.diagnostics import MembarError
from membar_check.litmus.syntax import Condition, Quantifier
from membar_check.records import dataclass


class Observation(Enum):
    NEVER = "Never"
    SOMETIMES = "Sometimes"
    ALWAYS = "Always"


class Status(Enum):
    """Of one test in one run: as expected, different, input error, no answer."""

    AS_EXPECTED = 0
    DIFFERS = 1
    ERROR = 2
    INCONCLUSIVE = 3


UNREACHED = "unreached-code"
NO_EXECUTION = "no-execution"

State = tuple[tuple[str, str], ...]  # (place as the log prints it, value as printed), in log order


@dataclass(frozen=True, slots=True)
class Edge:
    """A labelled edge between two events of a witness, by their indices in ``Witness.events``."""

    relation: str
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class WitnessEvent:
    """One event of a drawn execution.

    ``thread`` -1 for initial writes; ``label`` such as ``Wx=1`` with its tags; ``text`` the source instruction;
    ``line`` its line in the litmus file (0 for initial writes).
    """

    thread: int
    label: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Witness:
    """One consistent execution that shows (or, for ``~exists``, breaks) the condition; events in program order."""

    events: tuple[WitnessEvent, ...]
    edges: tuple[Edge, ...]
    state: State


@dataclass(frozen=True, slots=True)
class Step:
    """A place in the source and what happens there, or what stands there."""

    text: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What some execution of kernel C does wrong, or a branch that none takes.

    ``kind``: the class of outcome (``missed-barrier``, ``use-after-free``, ...); ``where`` the source, None for an
    outcome that the test names; ``steps``: interrupts, switches and failures on the way, in one such execution.
    """

    kind: str
    text: str
    where: Step | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one test under one model.

    ``positive``/``negative``: consistent executions that satisfy / do not satisfy the proposition of the condition
    (None where an engine did not count).  ``states`` sorted as the log has them (None for a reachability query).
    ``loop``: some execution was cut at the unrolling bound.  ``undefined``: an ``undefined_unless`` check failed.
    ``reached`` answers the proposition for at least one execution.  ``findings``: of kernel C, None for other tests.
    ``warnings``: about the model.  ``besides``: what the test says of outcomes besides the condition, as text: its
    filter, and the named conditions of kernel C.
    """

    test: str
    file: str
    arch: str
    model: str
    engine: str
    condition: Condition
    condition_text: str
    states: tuple[State, ...] | None
    positive: int | None
    negative: int | None
    flags: tuple[str, ...]
    loop: bool
    undefined: bool
    reached: bool
    counter_reached: bool
    hash: str
    candidates: int
    cpu_seconds: float
    witness: Witness | None = None
    findings: tuple[Finding, ...] | None = None
    warnings: tuple[str, ...] = ()
    besides: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of outcome found, sorted; branches that no execution takes are information, not among them."""
        return tuple(sorted({f.kind for f in self.findings or ()} - {UNREACHED}))

    @property
    def kind(self) -> str:
        """``Allowed``, ``Forbidden`` or ``Required``, after the quantifier."""
        kinds = {Quantifier.EXISTS: "Allowed", Quantifier.NOT_EXISTS: "Forbidden", Quantifier.FORALL: "Required"}
        return kinds[self.condition.quantifier]

    @property
    def holds(self) -> bool:
        """Whether the quantified condition holds (before ``Undef`` and the unrolling bound are considered)."""
        if self.condition.quantifier is Quantifier.EXISTS:
            return self.reached
        if self.condition.quantifier is Quantifier.NOT_EXISTS:
            return not self.reached
        return not self.counter_reached

    @property
    def word(self) -> str:
        """The log's verdict: ``Ok``, ``No`` or ``Undef``, with ``Loop `` in front where executions were cut."""
        base = "Undef" if self.undefined else ("Ok" if self.holds else "No")
        return f"Loop {base}" if self.loop else base

    @property
    def observation(self) -> Observation:
        if not self.reached:
            return Observation.NEVER
        return Observation.SOMETIMES if self.counter_reached else Observation.ALWAYS


def in_words(verdict: Verdict) -> str:
    """The verdict for a reader, in a word or two: what was observed, with the flags; of kernel C the classes of
    outcome.  In the notation of files of expected verdicts it is :func:`membar_check.expectations.observed`."""
    if verdict.findings is not None:
        return ", ".join(verdict.classes) or "clean"
    word = verdict.observation.value if verdict.states is not None else verdict.word
    return " ".join([word, *verdict.flags])


@dataclass(frozen=True, slots=True)
class Failure:
    """A test without a verdict: an input error or an inconclusive run."""

    test: str
    file: str
    model: str
    error: MembarError


Result = Verdict | Failure
