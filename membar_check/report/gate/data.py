"""What a gate found, in the terms of every report of it.

All of it is data: strings, numbers, tuples.  Nothing in it depends on when or in which order checks ran, but for
``seconds``, which reports print only where they are asked to.
"""

from __future__ import annotations

from enum import Enum

from membar_check.records import dataclass
from membar_check.verdict import Status


class Kind(Enum):
    """What became of one test under one model.  The value is the word that reports use."""

    SAME = "same"
    NEW = "new"
    FIXED = "fixed"
    BROKEN = "broken"
    CHANGED = "changed"
    MISSING = "missing"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text file; ``line`` and ``column`` from 1."""

    file: str
    line: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What one check of one test under one model gave.

    ``failure`` "": there is a verdict; else ``error`` (bad input) or the reason of an inconclusive check (``time-out``,
    ``memory``, ``unrolling``, ``engine``), and then only ``test``, ``message``, ``hint`` and ``place`` say anything.
    ``place``: where the condition of the test stands, of a failure where the input is wrong.
    ``kind`` Allowed, Forbidden or Required, after the quantifier; "" where a log or baseline does not tell.
    ``word`` as in the log: ``Ok``, ``No``, ``Undef``, with ``Loop `` in front where executions were cut.
    ``observation`` Never, Sometimes or Always, None for a query for reachability only, which has no ``states`` either.
    ``states`` as lines of the log (``0:r1=1; [x]=2;``), in its order; None where only ``state_count`` and
    ``state_digest`` are known.  ``positive``/``negative``: consistent executions that satisfy the proposition of the
    condition, and that do not; None where they were not counted.  ``classes``: of a test in kernel C, None for others;
    empty: clean.  ``unreached``: the branches of kernel C that no execution takes, as ``FILE:LINE``.  ``hash``: that of
    the test as in the log, "" where unknown.  ``asks``: a short digest of the condition and of what the test says of
    outcomes besides it (:attr:`membar_check.verdict.Verdict.besides`), "" where unknown.
    """

    test: str
    kind: str = ""
    word: str = ""
    observation: str | None = None
    states: tuple[str, ...] | None = None
    state_count: int | None = None
    state_digest: str = ""
    positive: int | None = None
    negative: int | None = None
    flags: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    unreached: tuple[str, ...] = ()
    findings: tuple[tuple[str, str, Position | None], ...] = ()  # class, text, where
    loop: bool = False
    undefined: bool = False
    reached: bool = False
    counter_reached: bool = False
    condition: str = ""
    hash: str = ""
    asks: str = ""
    failure: str = ""
    message: str = ""
    hint: str = ""
    place: Position | None = None

    @property
    def conclusive(self) -> bool:
        """Whether there is a verdict."""
        return not self.failure


@dataclass(frozen=True, slots=True)
class GateItem:
    """One line of the report: ``file`` (as it is opened) under ``model``.

    ``reason``: why it is of this kind, in words ("" for ``same``).  ``changes``: each difference between ``old`` and
    ``new`` in words.  ``source``: where the expectation comes from: ``baseline``, ``log``, ``expected`` (a file of
    expected verdicts or a ``Result:`` comment) or ``condition``.  ``old``: what was recorded, None where the
    expectation is no record; ``expected``: it in a word.  ``place``: the condition of the test, or where its input is
    wrong, or, where there is no test, the line of the file of expectations.  ``status`` counts for the exit status.
    ``cached``: the answer was known before this run.
    """

    file: str
    model: str
    kind: Kind
    status: Status
    reason: str = ""
    changes: tuple[str, ...] = ()
    source: str = ""
    expected: str = ""
    old: Record | None = None
    new: Record | None = None
    place: Position | None = None
    seconds: float | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class ModelChange:
    """One difference between a model and the one that was recorded.

    ``part``: ``axiom``, ``flag``, ``definition``, ``choice``, ``library`` (the definitions put before every model),
    ``macro``, ``macros`` (a whole file) or ``model`` (it changed in a way that no part accounts for); ``how``:
    ``added``, ``removed``, ``changed``, or ``affected`` for an axiom whose own text is as before but whose meaning is
    not.  ``place``: in the model as it is now; for what was removed the beginning of its file.
    """

    model: str
    part: str
    name: str
    how: str
    place: Position | None = None

    @property
    def text(self) -> str:
        """``lkmm: the axiom propagation was removed``."""
        if self.part == "model":
            return f"{self.model}: the model {'is new' if self.how == 'added' else 'changed'}"
        name = f"of `{self.name}`" if self.part in ("definition", "choice", "macros") else self.name
        verb = {"changed": "changed", "affected": "is affected"}.get(self.how, f"was {self.how}")
        return f"{self.model}: the {self.part} {name} {verb}"


@dataclass(frozen=True, slots=True)
class Distinguished:
    """A test that tells a changed model from what it was.

    ``file``: a test of the tree, else "" and ``litmus`` is the text of one that was found by search.  ``text``: who
    allows and who forbids what, in words.  ``axiom``: that which objects, "" where unknown.  ``bound``: where nothing
    was found, what was searched ("" otherwise).  ``complete``: the search came to its end.  ``accepted``: the baseline
    has the model recorded as it is now, so that it differs from what it was does not count.
    """

    model: str
    file: str = ""
    litmus: str = ""
    text: str = ""
    axiom: str = ""
    bound: str = ""
    complete: bool = True
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class GateReport:
    """All that a gate found: ``items`` sorted by file, then model; ``notes``: what was repaired or set aside on the
    way (caches, journals), which does not count for the exit status; ``baseline``: the file compared with or written
    ("" without one); ``updated``: it was written; ``against``: models were compared with what they were, which
    counts for the exit status."""

    items: tuple[GateItem, ...]
    compare: tuple[str, ...]
    model_changes: tuple[ModelChange, ...] = ()
    distinguished: tuple[Distinguished, ...] = ()
    notes: tuple[str, ...] = ()
    baseline: str = ""
    updated: bool = False
    seconds: float | None = None
    against: bool = False

    def count(self, kind: Kind) -> int:
        """How many items are of that kind."""
        return sum(item.kind is kind for item in self.items)

    @property
    def status(self) -> int:
        """The exit status: 2 for an error, else 1 for a difference, else 3 for an inconclusive check, else 0."""
        found = {item.status for item in self.items}
        if self.stopped:
            found.add(Status.DIFFERS)
        if self.undecided:
            found.add(Status.INCONCLUSIVE)
        return next((s.value for s in (Status.ERROR, Status.DIFFERS, Status.INCONCLUSIVE) if s in found), 0)

    @property
    def stopped(self) -> tuple[str, ...]:
        """The models that a test tells from what they were, where that counts."""
        return tuple(dict.fromkeys(found.model for found in self._counted if found.file or found.litmus))

    @property
    def undecided(self) -> tuple[str, ...]:
        """The models that no test tells from what they were, though not all was searched."""
        left = dict.fromkeys(found.model for found in self._counted if not found.complete)
        return tuple(model for model in left if model not in self.stopped)

    @property
    def accepted(self) -> tuple[str, ...]:
        """The models that are not what they were, where that does not count because the baseline says so."""
        left = dict.fromkeys(found.model for found in self.distinguished if found.accepted)
        return tuple(model for model in left if model not in (*self.stopped, *self.undecided))

    @property
    def _counted(self) -> tuple[Distinguished, ...]:
        """What counts for the exit status."""
        return tuple(found for found in self.distinguished if self.against and not found.accepted)
