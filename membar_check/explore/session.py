"""What a session looks at: a test under a model, an outcome of it, one execution.  Nothing here knows a terminal.

A command that fails or is interrupted leaves the session as it was: everything new is made before it is kept.
"""

from __future__ import annotations

import time

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.api import CheckOptions
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.outcome import RawState
from membar_check.events.valuation import Valuation
from membar_check.explain.allowed import Telling, choose, tell
from membar_check.explain.case import CASE_LIMIT, Case, Part, Survey, breaking, check_name
from membar_check.explain.edits.apply import source_texts
from membar_check.explain.explanation import ExecutionView, SourceText
from membar_check.explain.groups import distinct, excluded
from membar_check.explain.outcome import Outcome, class_outcome
from membar_check.explain.scene import Scene
from membar_check.litmus.syntax import LitmusTest
from membar_check.records import dataclass, replace
from membar_check.report.explain.words import state_text
from membar_check.verdict import State, Verdict, in_words

LISTED = 1000  # executions of an outcome, allowed ones and others, that can be stepped to
COUNTED = 1 << 16  # executions up to which those of each state are counted
SECONDS = 5.0  # for what is searched beyond the verdict


@dataclass(frozen=True, slots=True)
class Candidate:
    """The candidate ``number`` of ``part``; ``axioms``: the checks that rule it out, none for an execution."""

    part: Part
    number: int
    axioms: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        return not self.axioms


class Look:
    """One candidate looked at.  Its events keep their names as long as it is."""

    def __init__(self, focus: Focus, candidate: Candidate) -> None:
        self.focus = focus
        self.candidate = candidate
        self.scene = Scene(focus.case, candidate.part, candidate.number)
        self._view: ExecutionView | None = None
        self._told: Telling | None = None

    @property
    def allowed(self) -> bool:
        return self.candidate.allowed

    @property
    def view(self) -> ExecutionView:
        """With the relations that the model names; of a forbidden candidate with what breaks."""
        if self._view is None:
            cycles = () if self.allowed else self.scene.broken()
            self._view = self.scene.full(self.allowed, cycles)
        return self._view

    @property
    def told(self) -> Telling:
        """The story of an execution; candidates that are ruled out have none."""
        if self._told is None:
            assert self.view is not None and self.allowed
            self._told = tell(self.scene, self.focus.outcome.text)
        return self._told

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of each event of the view its number in the event structure."""
        assert self.view is not None
        return self.scene.viewer(()).numbers


class Focus:
    """One outcome of a case: who would show it."""

    def __init__(self, case: Case, outcome: Outcome) -> None:
        self.case = case
        self.outcome = outcome
        self._survey: Survey | None = None
        self._unknown: Inconclusive | None = None
        self._candidates: tuple[Candidate, ...] | None = None

    @property
    def survey(self) -> Survey:
        """Raises Inconclusive where there are too many candidates."""
        if self._unknown is not None:
            raise self._unknown
        if self._survey is None:
            try:
                self._survey = self.case.survey(self.outcome)
            except Inconclusive as reason:
                self._unknown = reason
                raise
        return self._survey

    @property
    def sizes(self) -> tuple[int, int]:
        """How many candidates show the outcome that the model allows, and that it rules out."""
        survey = self.survey
        return sum(p.mask.bit_count() for p in survey.shown), sum(p.mask.bit_count() for p in survey.ruled_out)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Executions first, the one with the fewest surprises before all; then candidates that the model rules out, of
        each way to be ruled out one in front."""
        if self._candidates is None:
            self._candidates = (*self._shown(), *self._ruled_out())
        return self._candidates

    @property
    def known(self) -> tuple[Candidate, ...]:
        """The candidates, if they have been found yet."""
        return self._candidates or ()

    def _shown(self) -> list[Candidate]:
        parts = self.survey.shown
        if not self.survey.allowed:
            return []
        first = choose(self.case, parts)
        found = [Candidate(part, number, ()) for part, number in distinct(parts, LISTED)]
        return sorted(found, key=lambda c: c.part is not first.part or c.number != first.number)

    def _ruled_out(self) -> list[Candidate]:
        parts = self.survey.ruled_out
        groups, _ = excluded(self.case, parts, time.process_time() + SECONDS)
        chosen = [(g.part, g.number) for g in groups]
        known = {(id(part), number) for part, number in chosen}
        chosen += [(p, n) for p, n in distinct(parts, LISTED) if (id(p), n) not in known]
        names = {id(part): self._failing(part) for part in parts}
        return [
            Candidate(part, n, tuple(name for name, mask in names[id(part)] if mask >> n & 1) or ("the model",))
            for part, n in chosen[:LISTED]
        ]

    def _failing(self, part: Part) -> list[tuple[str, int]]:
        """The checks that fail for candidates of the part, and for which."""
        evaluator = Evaluator(self.case.compiled, part.chunk, Valuation(part.chunk), part.choices)
        found: dict[str, int] = {}
        for check in self.case.compiled.checks:
            if check.prefix == "":
                bad = breaking(evaluator, check, part.mask)
                if bad:
                    found[check_name(check)] = found.get(check_name(check), 0) | bad
        return list(found.items())

    def plain(self, candidate: Candidate) -> ExecutionView:
        """A candidate with base relations only."""
        return Scene(self.case, candidate.part, candidate.number).plain(candidate.allowed)

    def look(self, number: int) -> Look:
        """The candidate of that number, from 1.  Raises InputError if there is none."""
        found = self.candidates
        if not found:
            raise InputError(
                f"no candidate at all ends with {self.outcome.text}: values and control flow rule it out",
                hint="`states` lists how the test ends, `state 1` chooses one",
            )
        if not 1 <= number <= len(found):
            raise InputError(f"there is no execution {number}", hint=f"there are 1 to {len(found)}")
        return Look(self, found[number - 1])


class Session:
    """The state of a session: ``test`` (the file's, or with edits applied), ``focus`` and ``number``, the candidate
    looked at.  ``texts``: of the files that edits changed, by name; ``proposal``: what the last ``what if`` tried."""

    def __init__(self, test: LitmusTest, options: CheckOptions, asked: str | None = None) -> None:
        """Raises InputError, Unsupported and Inconclusive as a check does."""
        self.original = test
        self.test = test
        self.options = options
        self._first = options
        case = Case(test, options, asked)
        self.base = case if case.test is test else Case(test, options)
        self.focus = Focus(case, case.outcome())
        self.asked = asked
        self.number = 1
        self.proposal: Proposal | None = None
        self.texts: dict[str, str] = {}
        self.leaving = False
        self.fresh = True
        self._look: Look | None = None
        self._verdict: Verdict | None = None

    # --- what there is ---
    @property
    def verdict(self) -> Verdict:
        """Of the test's own condition."""
        return self.base.verdict

    @property
    def look(self) -> Look:
        """The candidate looked at.  Raises InputError where no candidate shows the outcome."""
        if self._look is None:
            self._look = self.focus.look(self.number)
        return self._look

    @property
    def model(self) -> str:
        return self.base.model.name

    @property
    def edited(self) -> bool:
        return self.test is not self.original

    def states(self) -> list[tuple[RawState, State]]:
        return self.base.raw_states()

    def counts(self) -> dict[RawState, int] | None:
        """The executions of each final state; None where they are too many to be counted."""
        if self.verdict.candidates > CASE_LIMIT or not self.base.tally.counted:
            return None
        found: dict[RawState, int] = {}
        total = 0
        for part in self.base.consistent(COUNTED):
            total += part.mask.bit_count()
            for raw, mask in self.base.states_of(part).items():
                found[raw] = found.get(raw, 0) + mask.bit_count()
        return found if total < COUNTED else None

    def place(self) -> str:
        """The execution looked at, in a few words; nothing is computed for it."""
        found = self.focus.known
        if not found:
            return self.focus.outcome.text
        which = found[self.number - 1]
        return f"execution {self.number} of {len(found)}, {'allowed' if which.allowed else 'ruled out'}"

    # --- moving ---
    def step_to(self, number: int) -> None:
        """Looks at another candidate of the outcome."""
        found = self.focus.look(number)
        self._look, self.number = found, number

    def select(self, asked: str) -> None:
        """Another outcome: the number of a state, a class, a flag, or a condition.  Raises InputError."""
        found, case = self.base.find(asked), self.base
        if found is None:
            case = Case(self.test, self.options, asked)
            found = case.outcome()
        elif found.kind == "state":
            state = state_text(case.observed.state(found.raw))
            found = replace(found, text=f"state {int(asked)} ({state})" if state else f"state {int(asked)}")
        self._take(Focus(case, found), asked)

    def _take(self, focus: Focus, asked: str | None) -> None:
        self.focus, self.asked, self.number, self._look = focus, asked, 1, None

    # --- changing ---
    def adopt(self, proposal: Proposal) -> None:
        """The proposal becomes what the session is about; the outcome asked about stays."""
        focus = self.same_outcome(proposal.base)
        asked = self.asked
        if focus is None:
            focus, asked = Focus(proposal.base, proposal.base.outcome()), None
        self._take(focus, asked)
        self.test, self.options, self.base = proposal.test, proposal.options, proposal.base
        self.texts = dict(proposal.texts)
        self.proposal = None

    def reset(self) -> None:
        """Back to the file and the model that the session began with."""
        self.adopt(Proposal("", self.original, self._first, Case(self.original, self._first), {}))

    def same_outcome(self, base: Case) -> Focus | None:
        """The outcome asked about, in the case of a changed test or model; None for a state in which it never ends, and
        for a flag that the model does not have.  Raises InputError where a condition has no meaning there."""
        outcome = self.focus.outcome
        if outcome.kind == "state":
            wanted = self.focus.case.observed.state(outcome.raw)
            found = next((row for row in base.raw_states() if row[1] == wanted), None)
            return None if found is None else Focus(base, replace(outcome, raw=found[0]))
        if outcome.kind == "class":
            known = class_outcome(base.program, outcome.name)
            return None if known is None else Focus(base, known)
        if outcome.kind == "flag":
            return Focus(base, outcome) if outcome.name in base.flags else None
        case = base if self.asked is None else Case(base.original, base.options, self.asked)
        return Focus(case, case.outcome())


@dataclass(frozen=True, slots=True)
class Proposal:
    """A changed test or model that was looked at with ``what if``: ``text`` is the command, ``base`` its case,
    ``texts`` all files that differ from those on disk."""

    text: str
    test: LitmusTest
    options: CheckOptions
    base: Case
    texts: dict[str, str]


def sources_of(test: LitmusTest) -> tuple[SourceText, ...]:
    """The test's file, and the headers that its code comes from, under the names that the places of events have."""
    return tuple(SourceText(name, text) for name, text in source_texts(test).items())


def words_of(verdict: Verdict) -> str:
    """The verdict in words, and that executions were cut if they were."""
    return in_words(verdict) + (" (cut at the unrolling bound)" if verdict.loop else "")
