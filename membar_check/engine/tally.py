"""What every engine is asked for, and what it gives back."""

from __future__ import annotations

from membar_check.diagnostics import Span
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.outcome import RawState
from membar_check.litmus.syntax import Quantifier
from membar_check.records import dataclass, field
from membar_check.verdict import Finding


@dataclass(frozen=True, slots=True)
class Goal:
    """``states``: all final states; ``witness``: keep executions to draw; ``reach``: stop at the first execution that
    decides the condition (a counter-example for ``forall``, else one that satisfies the proposition)."""

    states: bool = True
    witness: bool = False
    reach: bool = False

    def met(self, tally: Tally, quantifier: Quantifier) -> bool:
        """Whether nothing more needs to be looked at."""
        if not self.reach:
            return False
        return (tally.negative if quantifier is Quantifier.FORALL else tally.positive) > 0


@dataclass(slots=True)
class Tally:
    """What the candidates looked at so far add up to.

    ``counted``: ``positive`` and ``negative`` are numbers of executions; else they are only known to be zero or not.
    ``shown``, ``counter``: an execution that satisfies, or does not satisfy, the proposition, if one is wanted.
    Of kernel C: ``incomplete``: executions in which a CPU gets stuck; ``findings`` by class, text and place;
    ``visited``: the instructions executed; ``raised``: for each flag of the model the events that raise it;
    ``ways``: the watched conditions and whether they are true, as some execution has it.
    """

    states: set[RawState] = field(default_factory=set)
    positive: int = 0
    negative: int = 0
    flags: set[str] = field(default_factory=set)
    undefined: bool = False
    loop: bool = False
    candidates: int = 0
    counted: bool = True
    shown: Located | None = None
    counter: Located | None = None
    incomplete: int = 0
    findings: dict[tuple[str, str, Span | None], Finding] = field(default_factory=dict)
    visited: set[int] = field(default_factory=set)
    raised: dict[str, Finding] = field(default_factory=dict)
    ways: set[tuple[str, bool]] = field(default_factory=set)

    @property
    def executions(self) -> int:
        """All consistent executions, those that get stuck among them."""
        return self.positive + self.negative + self.incomplete


@dataclass(frozen=True, slots=True)
class Located:
    """One candidate, in the evaluator of its chunk."""

    evaluator: Evaluator
    number: int
    raw: RawState
