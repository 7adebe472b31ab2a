"""Commands that choose an outcome and an execution, and show them."""

from __future__ import annotations

import time

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.outcome import RawState
from membar_check.explain.core import minimal_core
from membar_check.explain.critical import Orders
from membar_check.explain.explanation import ExecutionView
from membar_check.explain.order import linear
from membar_check.explain.scene import Scene
from membar_check.explain.story import timeline
from membar_check.explore.page import Page
from membar_check.explore.registry import require, whole_number
from membar_check.explore.session import SECONDS, Candidate, Look, Session, words_of
from membar_check.litmus.text import counted
from membar_check.report.explain.sheet import GOOD, HEADING, NOTE, QUIET, RELATION, Part
from membar_check.report.explain.timeline import write_timeline
from membar_check.report.explain.words import Names, line_of, reads_of, state_text

ROWS = 20  # executions listed at once
STATES = 100  # states listed at once


# --- what there is ----------------------------------------------------------------------------------------------------
def write_head(session: Session, page: Page) -> None:
    """Where the session stands: the test, the model, the verdict, the outcome."""
    edited = " (edited)" if session.edited else ""
    head: list[Part] = [(f"{session.test.name}{edited} under {session.model}: {words_of(session.verdict)}", HEADING)]
    asked = session.verdict.findings is None or session.test.condition.span is not None
    page.item([*head, f"   {session.verdict.condition_text}" if asked else ""])
    _outcome(session, page)
    session.fresh = False


def _outcome(session: Session, page: Page) -> None:
    try:
        allowed, others = session.focus.sizes
    except Inconclusive as reason:
        page.item(f"outcome {session.focus.outcome.text}: {reason.message}")
        return
    page.item(f"outcome {session.focus.outcome.text}: {_many(allowed, others)}")
    if not allowed and not others:
        page.item("nothing to look at there: `states` and `state N` choose another outcome", indent=2)


def _many(allowed: int, others: int) -> str:
    if not allowed:
        ruled = f"{counted(others, 'candidate')}, {'all ' if others > 1 else ''}ruled out" if others else "no candidate"
        return f"forbidden ({ruled})"
    rest = f", {counted(others, 'candidate')} ruled out" if others else ""
    return f"allowed ({counted(allowed, 'execution')}{rest})"


def states(session: Session, text: str, page: Page) -> None:
    first = whole_number(text, "states [FROM]") if text else 1
    rows = session.states()
    require(not rows or 1 <= first <= len(rows), f"there is no state {first}", "states [FROM]")
    counts = session.counts() if rows else {}
    shown = _showing(session)
    many = counted(len(rows), "state")
    if shown is not None:
        many += f"; {'* shows' if shown else 'none shows'} the outcome {session.focus.outcome.text}"
    page.item(many)
    size = len(str(len(rows)))
    for number, (raw, state) in enumerate(rows[first - 1 : first - 1 + STATES], first):
        found = "" if counts is None else f"   {counted(counts.get(raw, 0), 'execution')}"
        mark = "*" if raw in (shown or ()) else " "
        page.item([state_text(state) or "(nothing is observed)", (found, QUIET)], bullet=f"{mark} {number:>{size}}  ")
    if len(rows) >= first + STATES:
        page.item(f"and {len(rows) - first - STATES + 1} more: `states {first + STATES}`", indent=2)
    if session.verdict.findings is not None:
        page.item(f"classes: {', '.join(session.verdict.classes) or 'none, clean'}")


def _showing(session: Session) -> set[RawState] | None:
    """The states in which the outcome shows; None where that is not known."""
    focus = session.focus
    if focus.case is not session.base:
        return None
    try:
        return {raw for part in focus.survey.shown for raw in focus.case.states_of(part)}
    except Inconclusive:
        return None


def state(session: Session, text: str, page: Page) -> None:
    session.select(str(whole_number(text, "state N")))
    _selected(session, page)


def outcome(session: Session, text: str, page: Page) -> None:
    if text:
        session.select(text)
        _selected(session, page)
    else:
        _outcome(session, page)


def _selected(session: Session, page: Page) -> None:
    _outcome(session, page)
    if session.focus.candidates:
        _current(session, page)


# --- executions -------------------------------------------------------------------------------------------------------
def executions(session: Session, text: str, page: Page) -> None:
    first = whole_number(text, "executions [FROM]") if text else 1
    focus = session.focus
    _outcome(session, page)
    found = focus.candidates
    require(not found or 1 <= first <= len(found), f"there is no execution {first}", "executions [FROM]")
    shown = found[first - 1 : first - 1 + ROWS]
    told = [_told(focus.plain(candidate), session.test.source.name) for candidate in shown]
    common = [fact for fact in told[0] if all(fact in facts for facts in told)] if len(told) > 1 else []
    size = len(str(first + len(shown)))
    for number, (candidate, facts) in enumerate(zip(shown, told, strict=True), first):
        own = "; ".join(fact for fact in facts if fact not in common)
        mark = ">" if number == session.number else " "
        page.item([*_mark(candidate), f": {own}" if own else ""], bullet=f"{mark} {number:>{size}}  ")
    if common:
        page.item(f"in all of them: {'; '.join(common)}", indent=2, hang=2)
    if len(found) >= first + ROWS:
        page.item(f"and {len(found) - first - ROWS + 1} more: `executions {first + ROWS}`", indent=2)
    if sum(focus.sizes) > len(found):
        page.item(f"of {sum(focus.sizes)} candidates {len(found)} can be stepped to", indent=2)


def _told(view: ExecutionView, main: str) -> list[str]:
    """What tells an execution from others: what its reads read, the order of writes, what is no event."""
    notes = [f"{n.text} ({line_of(n.place, main)})" if n.place.line else n.text for n in view.notes]
    return [*reads_of(view, main), *_overwritten(view, main), *notes]


def _mark(candidate: Candidate) -> list[Part]:
    if candidate.allowed:
        return [("allowed", GOOD)]
    return [("ruled out", NOTE), " by ", (", ".join(candidate.axioms), RELATION)]


def _overwritten(view: ExecutionView, main: str) -> list[str]:
    """The order of writes to a variable where threads write to it more than once."""
    names, orders = Names(view, main), Orders(view)
    out = []
    for first, later in orders.later.items():
        if view.events[first].thread < 0 and len(later) > 1:
            out.append(f"{view.events[first].variable} is written by {', then '.join(map(names.where, later))}")
    return out


def execution(session: Session, text: str, page: Page) -> None:
    if text:
        session.step_to(whole_number(text, "execution [N]"))
    assert session.look.view is not None
    _current(session, page)


def following(session: Session, text: str, page: Page) -> None:
    _step(session, 1, "next", text, page)


def preceding(session: Session, text: str, page: Page) -> None:
    _step(session, -1, "prev", text, page)


def _step(session: Session, by: int, name: str, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", name)
    number, last = session.number + by, len(session.focus.candidates)
    if last and not 1 <= number <= last:
        raise InputError(f"execution {session.number} is the {'last' if by > 0 else 'first'} of this outcome")
    session.step_to(number)
    _current(session, page)


def _current(session: Session, page: Page) -> None:
    look = session.look
    _which(session, look, page)
    for fact in _told(look.view, session.test.source.name):
        page.item(fact, bullet="- ", indent=2)


def _which(session: Session, look: Look, page: Page) -> None:
    number, last = session.number, len(session.focus.candidates)
    state = state_text(look.view.state)
    tail = f"   {state}" if state else ""
    page.item([(f"execution {number} of {last}", HEADING), ": ", *_mark(look.candidate), tail])


# --- one execution ----------------------------------------------------------------------------------------------------
def show_timeline(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "timeline")
    look = session.look
    _which(session, look, page)
    rows = look.told.timeline if look.allowed else timeline(look.view, linear(look.view, ()))
    page.blank()
    write_timeline(rows, session.test.source.name, page)


def show_story(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "story")
    look = session.look
    _which(session, look, page)
    if not look.allowed:
        page.item("This does not happen. It would need that", indent=2)
        for fact in _told(look.view, session.test.source.name):
            page.item(fact, bullet="- ", indent=2)
        page.item("`cycle` shows why that cannot be", indent=2)
        return
    size = len(str(len(look.told.story)))
    for number, sentence in enumerate(look.told.story, 1):
        page.item(sentence, bullet=f"{number:>{size}}. ", indent=2)


def axioms(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "axioms")
    look = session.look
    _which(session, look, page)
    if look.allowed:
        for axiom in look.told.axioms:
            head: list[Part] = [(axiom.axiom, RELATION), (f" ({axiom.defined}, {axiom.test})", QUIET)]
            page.item([*head, f": {axiom.text}"], bullet="- ", indent=2)
        return
    broken = {c.axiom for c in look.view.broken}
    for name, test, where, pairs in look.scene.checks():
        state = "broken, see `cycle`" if name in broken else f"holds ({counted(len(pairs), 'pair')})"
        page.item([(name, RELATION), (f" ({where}, {test})", QUIET), f": {state}"], bullet="- ", indent=2)


def core(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "core")
    focus = session.focus
    survey = focus.survey
    if survey.allowed:
        raise InputError(f"the outcome is allowed, so nothing forbids it: {focus.outcome.text}",
                         hint="`cycle` shows what is not kept in order, `edits` what could be changed")  # fmt: skip
    if not survey.ruled_out:
        raise InputError("no candidate ends this way, whatever the model says: values and control flow rule it out")
    needs = minimal_core(focus.case, survey.ruled_out, survey.whole, time.process_time() + SECONDS)
    page.item(f"forbidden by all of these together: {focus.outcome.text}")
    main = session.test.source.name
    for number, need in enumerate(needs.core, 1):
        element, part = need.element, need.part
        where = f" ({line_of(element.place, main)})" if element.kind == "axiom" and element.place else ""
        head: list[Part] = [f"{element.kind}: ", (element.name or element.text, RELATION), (where, QUIET)]
        page.item(head, bullet=f"{number}. ", indent=2)
        view = Scene(focus.case, part, part.first).plain(True)
        how = "without it" if need.alone or not needs.redundant else "without it, and without what is not needed,"
        page.item(f"{how} this appears: {state_text(view.state) or '; '.join(reads_of(view, main)[:4])}", indent=5)
    spare = [e.text for e in needs.redundant if e.kind != "axiom" or survey.whole]
    if spare:
        page.item(f"not needed: {'; '.join(spare)}", indent=2)
    if needs.untried:
        page.item(f"not tried, the time was over: {'; '.join(e.text for e in needs.untried)}", indent=2)
