"""What an edit does: the edited text is parsed and checked afresh, by the engine that ``run`` uses."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.api import CheckOptions, check_test
from membar_check.explain.edits.apply import apply_edits, parse_edited, unified_diff
from membar_check.explain.edits.edit import Edit
from membar_check.explain.explanation import EditView, Effect
from membar_check.explain.outcome import Outcome, asking, parse_outcome_prop
from membar_check.litmus.syntax import LitmusTest, Quantifier
from membar_check.records import dataclass, replace
from membar_check.verdict import State, Verdict


@dataclass(frozen=True, slots=True)
class Question:
    """An outcome in a form that can be asked of an edited test: ``asked`` a proposition's text, "" for the test's own
    condition; ``name`` a class or flag; ``state`` a final state as printed.  ``known``: the classes and flags that the
    test shows as it is."""

    outcome: Outcome
    asked: str = ""
    name: str = ""
    state: State | None = None
    known: frozenset[str] = frozenset()

    def shows(self, test: LitmusTest, options: CheckOptions) -> bool:
        """Whether the test can show the outcome.  Raises InputError, Unsupported, Inconclusive as a check does, and
        Inconclusive where executions were cut at the unrolling bound and nothing was found."""
        if self.asked:
            test = asking(test, parse_outcome_prop(test, self.asked))
        return self.of(test, self._checked(test, options))

    def _checked(self, test: LitmusTest, options: CheckOptions) -> Verdict:
        whole = self.state is not None or bool(self.name) or test.kernel is not None
        found = check_test(test, replace(options, reach=not whole, hash=False, witness=False))
        if found.loop and not self.of(test, found):
            raise Inconclusive("unrolling", "executions were cut at the unrolling bound")
        return found

    def answer(self, test: LitmusTest, options: CheckOptions) -> tuple[bool, tuple[str, ...]]:
        """Whether an edited test shows the outcome, and the classes and flags that are new in it."""
        if self.asked:
            test = asking(test, parse_outcome_prop(test, self.asked))
        found = self._checked(test, options)
        return self.of(test, found), tuple(sorted({*found.classes, *found.flags} - self.known))

    def of(self, test: LitmusTest, found: Verdict) -> bool:
        """Whether the verdict of the test says that the outcome shows."""
        if self.state is not None:
            return self.state in (found.states or ())
        if self.name:
            return self.name in found.classes or self.name in found.flags
        if test.condition.quantifier is Quantifier.FORALL:
            return found.counter_reached
        return found.reached


def question(
    outcome: Outcome, asked: str | None, state: State | None = None, known: frozenset[str] = frozenset()
) -> Question:
    """The outcome as a question; ``asked`` as the user put it."""
    if outcome.kind in ("class", "flag"):
        return Question(outcome, name=outcome.name, known=known)
    if outcome.kind == "state":
        return Question(outcome, state=state, known=known)
    return Question(outcome, asked=asked or "", known=known)


def effect(question: Question, test: LitmusTest, edits: Sequence[Edit], options: CheckOptions) -> Effect:
    """What the edits do to the outcome, by a fresh check of the edited text."""
    model = options.model or ""
    try:
        edited = parse_edited(test, apply_edits(test, edits), options.include_dirs)
        shown, new = question.answer(edited, options)
    except Inconclusive as reason:
        return Effect(model, "inconclusive", reason.message)
    except InputError as error:
        return Effect(model, "breaks", error.message)
    if not shown and new and test.kernel is not None:
        return Effect(model, "worsens", f"it is gone, but there is {', '.join(new)} now")
    return Effect(model, "allows" if shown else "forbids", "the outcome is still there" if shown else "it is gone")


def judged(
    question: Question, test: LitmusTest, edit: Edit, options: CheckOptions, models: Iterable[str]
) -> EditView:
    """The edit with its effect under each of ``models``."""
    effects = tuple(effect(question, test, [edit], replace(options, model=model)) for model in models)
    return shown_edit(test, edit, effects)


def shown_edit(test: LitmusTest, edit: Edit, effects: tuple[Effect, ...] = ()) -> EditView:
    """The edit as reports print it."""
    diff = unified_diff(test, apply_edits(test, [edit]))
    return EditView(edit.command, edit.text, edit.cost, edit.place, diff, effects)


def forbidding(
    question: Question, test: LitmusTest, edits: Sequence[Edit], options: CheckOptions, limit: int, deadline: float
) -> tuple[list[EditView], int]:
    """The first ``limit`` of the edits that forbid the outcome, in their order, and how many were tried."""
    out: list[EditView] = []
    tried = 0
    for edit in edits:
        if len(out) >= limit or time.process_time() > deadline:
            break
        tried += 1
        found = effect(question, test, [edit], options)
        if found.verdict == "forbids":
            out.append(shown_edit(test, edit, (found,)))
    return out, tried
