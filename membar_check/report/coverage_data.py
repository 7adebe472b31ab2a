"""What a report of coverage shows: the clauses of a model that tests exercise, the lines of kernel C that they take."""

from __future__ import annotations

from membar_check.records import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a model that can be taken away.

    ``kind``: check, flag, alternative, cycles, operand, closure; ``name``: what is taken away, as a phrase; ``file``,
    ``line``, ``column``: where; ``text``: what goes, as it stands in the file (without the operator before it).
    """

    kind: str
    name: str
    file: str
    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class ClauseCoverage:
    """A clause and the smallest test that exercises it ("": none), with what changes there without the clause.

    ``reason``: why it could not be judged ("": it could): the model without it is no model any more.
    """

    clause: Clause
    test: str = ""
    change: str = ""
    reason: str = ""

    @property
    def exercised(self) -> bool:
        """Whether some test's verdict rests on the clause."""
        return bool(self.test)


@dataclass(frozen=True, slots=True)
class ArmCoverage:
    """One way out of a branch: where the branch stands, the way in words, whether some execution takes it."""

    line: int
    column: int
    text: str
    taken: bool


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """A file of kernel C: its text, whether some execution takes each line that has code, the ways out of its branches,
    and whether each of its functions that a test needs is entered."""

    file: str
    text: str
    lines: dict[int, bool]
    arms: tuple[ArmCoverage, ...]
    functions: dict[str, bool]


@dataclass(frozen=True, slots=True)
class Coverage:
    """The whole answer.

    ``clauses`` in the order of the model's files; ``texts``: these files; ``tests``: how many were asked; ``kernel``:
    by file; ``unanswered``: tests without an answer and why, ``inconclusive``: some of them for want of time or space,
    ``wrong``: some for what is in them; ``left_out``: what was no question for the model, in words; ``cut``: of how
    many of the tests executions were cut at the unrolling bound.
    """

    model: str
    dialects: tuple[str, ...]
    tests: int
    clauses: tuple[ClauseCoverage, ...]
    texts: dict[str, str]
    kernel: tuple[FileCoverage, ...]
    unanswered: tuple[tuple[str, str], ...]
    inconclusive: bool
    wrong: bool
    left_out: tuple[str, ...]
    seconds: float
    cut: int = 0

    @property
    def judged(self) -> tuple[ClauseCoverage, ...]:
        """The clauses that could be taken away."""
        return tuple(c for c in self.clauses if not c.reason)

    @property
    def blank(self) -> bool:
        """Whether there is no test whose executions are all known."""
        return self.tests <= self.cut

    @property
    def percent(self) -> float:
        """How many of a hundred judged clauses are exercised; 100 where there are none."""
        judged = self.judged
        return 100.0 * sum(c.exercised for c in judged) / len(judged) if judged else 100.0
