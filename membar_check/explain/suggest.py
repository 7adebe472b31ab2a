"""Single edits that would forbid an allowed outcome: tried where the witness leaves a gap, cheapest first."""

from __future__ import annotations

from membar_check.explain.allowed import Telling
from membar_check.explain.case import Case
from membar_check.explain.critical import critical_cycle
from membar_check.explain.edits.edit import Edit
from membar_check.explain.edits.sites import all_edits
from membar_check.explain.edits.table import Table
from membar_check.explain.explanation import EditView, ExecutionView
from membar_check.explain.outcome import Outcome
from membar_check.explain.sieve import Sieve, kept
from membar_check.explain.whatif import Question, forbidding

KINDS = ("add", "strengthen")
_ORDERS = {"WW": ("wmb", "release"), "RR": ("rmb", "acquire"), "RW": ("acquire", "release"), "WR": ()}
"""Words in the names of fences and accesses that order such a step of program order, beside full barriers."""
_FULL = ("mb__", "smp_mb", "synchronize", "sync")


def suggestions(
    case: Case, told: Telling, asked: Question, table: Table, limit: int, deadline: float
) -> tuple[list[EditView], str]:
    """The edits that forbid the outcome, each by a fresh check, and a sentence on what was not tried."""
    edits = candidates(case, told, table)
    found, tried = forbidding(asked, case.original, edits, case.options, limit, deadline)
    if tried < len(edits) and len(found) < limit:
        return found, f"{len(edits) - tried} of {len(edits)} single edits were not tried for want of time"
    return found, ""


def advice(told: Telling, outcome: Outcome) -> str:
    """What to do where no edit of the table helps; "" where nothing can be said."""
    if told.gaps or outcome.kind == "flag":
        return ""
    text = "Nothing is reordered in this execution, so no barrier and no annotation rules it out: the steps themselves "
    if outcome.name == "use-after-free":
        return text + (
            "must not come in this order. Hold a reference while the object is used, free it only after a grace period "
            "that the user's read-side section delays, or do not look into the object at all."
        )
    return text + "must be made impossible in this order: by a lock, by waiting, or by an atomic operation."


def candidates(case: Case, told: Telling, table: Table) -> list[Edit]:
    """The edits worth trying: all of a plain test, of kernel C those between the ends of what is reordered, and only
    those that the execution told does not survive."""
    if case.program.kernel is None:
        return list(all_edits(case.original, table, KINDS))
    steps = _steps(told)
    lines = dict.fromkeys(line for step in steps for line in _between(told.view, step))
    if not lines:
        return []
    found = [e for e in all_edits(case.original, table, KINDS, list(lines)) if _orders(e, told.view, steps)]
    return kept(Sieve(case, told.scene), found)


def _steps(told: Telling) -> list[tuple[int, int]]:
    """The steps of program order of the cycles that an interleaving could not have."""
    own = [(s.source, s.target) for s in critical_cycle(told.view, told.ordered) if s.relation == "po"]
    events = told.view.events
    gaps = [(g.source, g.target) for g in told.gaps if events[g.source].thread == events[g.target].thread]
    return list(dict.fromkeys((*gaps, *own)))


def _between(view: ExecutionView, step: tuple[int, int]) -> list[tuple[str, int]]:
    """The lines that a thread runs from one event to another."""
    first, last = sorted(step)
    return [(event.place.file, event.place.line) for event in view.events[first : last + 1]]


def _orders(edit: Edit, view: ExecutionView, steps: list[tuple[int, int]]) -> bool:
    """Whether the edit may order one of the steps, going by the name of what it puts there."""
    level = edit.level.lower()
    for step in steps:
        kinds = "".join(view.events[e].kind for e in step)
        words = (*_FULL, *_ORDERS.get(kinds, ("",)))
        if any(word in level for word in words) and (edit.place.file, edit.place.line) in _between(view, step):
            return True
    return False
