"""What an edit does: the edited text is parsed and checked afresh, by the engine that ``run`` uses."""

from __future__ import annotations

import time
from collections.abc import Sequence

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.api import CheckOptions, check_test, model_request
from membar_check.engine.models import get_model
from membar_check.explain.case import Case
from membar_check.explain.edits.apply import apply_edits, parse_edited, unified_diff
from membar_check.explain.edits.edit import Edit
from membar_check.explain.explanation import EditView, Effect
from membar_check.explain.outcome import Outcome
from membar_check.explain.target import Target, target_of
from membar_check.litmus.syntax import LitmusTest
from membar_check.records import dataclass, replace


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of versions of a test: whether they show ``target``, and what else goes wrong.  ``known``: the
    classes and flags that the test shows as it is."""

    target: Target
    known: frozenset[str]

    def answer(self, test: LitmusTest, options: CheckOptions) -> tuple[bool, tuple[str, ...]]:
        """Whether a version of the test shows the outcome, and the classes and flags that are new in it.

        Raises InputError, Unsupported, Inconclusive as a check does, and Inconclusive where executions were cut at the
        unrolling bound and nothing was found.
        """
        reach = self.target.reach and test.kernel is None  # of kernel C all classes are wanted
        found = check_test(self.target.asked(test), replace(options, reach=reach, hash=False, witness=False))
        shown = self.target.shows(found)
        if found.loop and not shown:
            raise Inconclusive("unrolling", "executions were cut at the unrolling bound")
        return shown, tuple(sorted({*found.classes, *found.flags} - self.known))


def question(case: Case, outcome: Outcome) -> Question:
    """An outcome of a case as a question; it takes the verdict of the case."""
    return Question(target_of(case, outcome), frozenset((*case.verdict.classes, *case.verdict.flags)))


def effect(question: Question, test: LitmusTest, edits: Sequence[Edit], options: CheckOptions) -> Effect:
    """What the edits do to the outcome, by a fresh check of the edited text."""
    model = options.model or get_model(model_request(test, options)).name
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


def shown_edit(test: LitmusTest, edit: Edit, effects: tuple[Effect, ...] = ()) -> EditView:
    """The edit as reports print it."""
    diff = unified_diff(test, apply_edits(test, [edit]))
    return EditView(edit.command, edit.text, edit.cost, edit.place, diff, effects)


def forbidding(
    question: Question, test: LitmusTest, edits: Sequence[Edit], options: CheckOptions, limit: int, deadline: float
) -> tuple[list[EditView], int]:
    """The first ``limit`` of the edits that forbid the outcome, in their order, and how many were tried before
    ``time.process_time`` was at the deadline."""
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
