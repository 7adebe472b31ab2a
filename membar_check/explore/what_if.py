"""Commands that change the test or the model: what would be, and taking it over."""

from __future__ import annotations

import difflib
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.events.executions import Variation
from membar_check.explain.case import Case, check_name
from membar_check.explain.edits.apply import Edited, apply_edits, parse_edited, unified_diff
from membar_check.explain.edits.edit import Edit
from membar_check.explain.edits.sites import KINDS, all_edits, parse_edit
from membar_check.explain.edits.table import Table, load_table
from membar_check.explain.elements import elements
from membar_check.explain.order import linear
from membar_check.explain.repair import repair
from membar_check.explain.scene import Scene
from membar_check.explain.story import timeline
from membar_check.explain.suggest import advice, candidates, suggestions
from membar_check.explain.whatif import question
from membar_check.explore.look import write_head
from membar_check.explore.page import Page
from membar_check.explore.registry import require
from membar_check.explore.session import SECONDS, Focus, Look, Proposal, Session, words_of
from membar_check.litmus.text import counted
from membar_check.records import replace
from membar_check.report.explain.sheet import GOOD, NOTE, QUIET, SOURCE
from membar_check.report.explain.timeline import write_timeline
from membar_check.report.explain.words import state_text

WHAT_IF = ("what if drop FENCE@LINE", "what if add FENCE after LINE", "what if make LINE FORM", "what if model M",
           "what if drop axiom NAME")  # fmt: skip
EDITS = ("edits [all] [KIND] [LINE]", "edits [KIND] FILE:LINE")
SHOWN = 12  # states listed that appear, or disappear
LISTED = 40  # edits listed


def what_if(session: Session, text: str, page: Page) -> None:
    require(bool(text), "what if what?", *WHAT_IF)
    words = text.split()
    if words[:2] == ["drop", "axiom"]:
        require(len(words) == 3, "which axiom?", "what if drop axiom NAME")
        _without(session, words[2], page)
        return
    proposal = _proposed(session, text)
    _tell(session, proposal, page)
    session.proposal = proposal


# --- what is proposed -------------------------------------------------------------------------------------------------
def _proposed(session: Session, text: str) -> Proposal:
    words = text.split()
    if words[0] == "model":
        require(len(words) == 2, "which model?", "what if model M")
        options = replace(session.options, model=words[1], bell=None, macros=None, conf=None)
        return Proposal(text, session.test, options, Case(session.test, options), session.texts)
    table = load_table(session.test.arch)
    edits = [parse_edit(session.test, table, part) for part in _parts(text)]
    texts = {**session.texts, **apply_edits(session.test, edits).texts}
    test = parse_edited(session.original, Edited(texts), session.options.include_dirs)
    return Proposal(text, test, session.options, Case(test, session.options), texts)


def _parts(text: str) -> list[str]:
    """Several edits are joined by ``and``."""
    parts = [part.strip() for part in re.split(r"\band\b", text)]
    require(all(parts), "nothing stands beside `and`", *WHAT_IF)
    return parts


# --- what changes -----------------------------------------------------------------------------------------------------
def _tell(session: Session, proposal: Proposal, page: Page) -> None:
    """Raises Inconclusive and InputError as a check of the changed test does."""
    before, after = session.verdict, proposal.base.verdict
    old, new = words_of(before), words_of(after)
    page.item(f"verdict: {old}, as before" if old == new else f"verdict: {old} -> {new}", indent=2)
    focus = session.same_outcome(proposal.base)
    _outcome(session, focus, page)
    was, now = list(before.states or ()), list(after.states or ())
    gained, lost = [s for s in now if s not in was], [s for s in was if s not in now]
    _states("appears", gained, page)
    _states("disappears", lost, page)
    if not gained and not lost and any(now):
        page.item(f"the same {counted(len(now), 'final state')}", indent=2)
    _example(session, proposal, focus, gained, page)
    page.item("`apply` keeps the change, `diff` shows it" if proposal.test is not session.test else
               "`apply` keeps the model", indent=2)  # fmt: skip


def _outcome(session: Session, focus: Focus | None, page: Page) -> None:
    outcome = session.focus.outcome.text
    old = _word(session.focus)
    new = _word(focus) if focus is not None else "forbidden"
    change = f"{new}, as before" if old == new else f"{old} -> {new}"
    was, now = session.focus.sizes[0], focus.sizes[0] if focus is not None else 0
    many = f" ({was} -> {counted(now, 'execution')})" if was != now and now else ""
    page.item([f"outcome {outcome}: ", (change, NOTE if old != new else ""), many], indent=2)
    if focus is not None and new == "forbidden" and old != new and focus.candidates:
        names = ", ".join(dict.fromkeys(name for c in focus.candidates for name in c.axioms))
        page.item(f"now ruled out by {names}", indent=4)


def _word(focus: Focus) -> str:
    return "allowed" if focus.survey.allowed else "forbidden"


def _states(verb: str, states: Sequence[tuple[tuple[str, str], ...]], page: Page) -> None:
    states = [state for state in states if state]
    for state in states[:SHOWN]:
        page.item([(f"{verb}: ", GOOD if verb == "disappears" else NOTE), state_text(state)], indent=2)
    if len(states) > SHOWN:
        page.item(f"and {len(states) - SHOWN} more", indent=4)


def _example(
    session: Session, proposal: Proposal, focus: Focus | None, gained: Sequence[object], page: Page
) -> None:
    """The execution that appears: of the outcome asked about, else of the first new state."""
    if focus is not None and focus.survey.allowed and not session.focus.survey.allowed:
        look = focus.look(1)
    elif gained:
        number = next(i for i, (_, state) in enumerate(proposal.base.raw_states()) if state == gained[0])
        raw, state = proposal.base.raw_states()[number]
        found = replace(session.focus.outcome, kind="state", text=state_text(state), prop=None, name="", raw=raw)
        look = Focus(proposal.base, found).look(1)
    else:
        return
    _shown(look, session.test.source.name, page)


def _shown(look: Look, main: str, page: Page) -> None:
    page.item("an execution that appears:", indent=2)
    page.blank()
    write_timeline(look.told.timeline, main, page)
    for gap in look.told.gaps:
        page.item(gap.text, bullet="- ", indent=2)


def _without(session: Session, name: str, page: Page) -> None:
    """The outcome under the model without one of its axioms."""
    focus = session.focus
    case, survey = focus.case, focus.survey
    names = list(dict.fromkeys(check_name(k) for k in case.named.checks if k.prefix == ""))
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise InputError(f"the model {session.model} has no axiom '{name}'",
                         hint=f"did you mean '{close[0]}'?" if close else f"there are {', '.join(names)}")  # fmt: skip
    if survey.allowed:
        page.item(f"outcome {focus.outcome.text}: allowed, as before", indent=2)
        return
    part = case.survivors(survey.ruled_out, Variation(), frozenset((name,)))
    every = elements(case, survey.ruled_out, survey.whole)
    if part is None and any(e.name == name and e.assumed for e in every):
        raise Inconclusive("engine", f"candidates that break only {name} are too many to be looked at in this test")
    if part is None:
        page.item(f"outcome {focus.outcome.text}: forbidden, as before; other axioms rule it out as well", indent=2)
        return
    page.item(f"outcome {focus.outcome.text}: forbidden -> allowed", indent=2)
    view = Scene(case, part, part.first).plain(True)
    page.item("an execution that appears:", indent=2)
    page.blank()
    write_timeline(timeline(view, linear(view, ())), session.test.source.name, page)


# --- edits ------------------------------------------------------------------------------------------------------------
def edits(session: Session, text: str, page: Page) -> None:
    words = text.split()
    if not words and session.base.program.kernel is not None and session.focus.survey.allowed:
        _at_gaps(session, page)
        return
    words = [w for w in words if w != "all"]
    kinds = [w for w in words if w in KINDS] or list(KINDS)
    lines = [w.rpartition(":") for w in words if w not in KINDS]
    known = len(lines) <= 1 and all(line.isdecimal() for _, _, line in lines)
    require(known, f"'{text}' is no kind of edit and no line", *EDITS)
    file, line = (lines[0][0] or session.test.source.name, int(lines[0][2])) if lines else ("", 0)
    found = [e for e in _all(session, kinds) if not line or (e.place.line == line and _is(e.place.file, file))]
    _listed(found, page)


def _listed(found: Sequence[Edit], page: Page) -> None:
    for edit in found[:LISTED]:
        page.item([(edit.command, SOURCE), f"   {edit.text}", (f"   cost {edit.cost:g}", QUIET)], indent=2, hang=4)
    if len(found) > LISTED:
        page.item(f"and {len(found) - LISTED} more; name a kind, a line, or a file and a line", indent=2)
    page.item("`what if EDIT` tries one" if found else "nothing of this test can be edited so", indent=2)


def _at_gaps(session: Session, page: Page) -> None:
    """Of kernel C, where much can be edited, what stands where an execution leaves the program order."""
    look = session.focus.look(1)
    found = candidates(look.focus.case, look.told, load_table(session.test.arch))
    where = "between the ends of what execution 1 does not keep in order" if found else ""
    page.item(f"edits {where}:" if where else "execution 1 keeps program order, so no place stands out", indent=2)
    if found:
        _listed(found, page)
    page.item("`edits all` lists those of the whole test", indent=2)


def fixes(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "fixes")
    focus = session.focus
    if not focus.survey.allowed:
        raise InputError(f"the outcome is forbidden already: {focus.outcome.text}", hint="`core` shows by what")
    asked = question(focus.case, focus.outcome)
    table = load_table(session.test.arch)
    deadline = time.process_time() + SECONDS
    found, limit = suggestions(focus.case, focus.look(1).told, asked, table, LISTED, deadline)
    if found:
        page.item(f"single edits that forbid {focus.outcome.text}, each checked, cheapest first:")
    for edit in found:
        page.item([(edit.command, SOURCE), f"   {edit.text}", (f"   cost {edit.cost:g}", QUIET)], indent=2, hang=4)
        if brought := _brought(session, edit.command):
            page.item([("but it brings ", NOTE), ", ".join(brought)], indent=6)
    if not found:
        page.item(f"no single edit was found that forbids {focus.outcome.text}")
        _together(session, table, page)
    if limit:
        page.item(limit, indent=2)


def _together(session: Session, table: Table, page: Page) -> None:
    """The cheapest set of edits, or why none is looked for."""
    focus = session.focus
    if hint := advice(focus.look(1).told, focus.outcome):
        page.item(hint)
        return
    asked = session.asked
    if focus.outcome.kind == "state":
        asked = str(1 + next(i for i, (raw, _) in enumerate(focus.case.raw_states()) if raw == focus.outcome.raw))
    elif focus.outcome.name:
        asked = focus.outcome.name
    result = repair(session.test, session.options, (), table=table, outcome=asked, limit=1, seconds=SECONDS)
    for fix in result.fixes:
        sure = "as cheap as can be" if result.proven else "not proven to be the cheapest"
        page.item(f"together these forbid it, {sure}, checked; cost {fix.cost:g}:")
        for edit in fix.edits:
            page.item([(edit.command, SOURCE), f"   {edit.text}", (f"   cost {edit.cost:g}", QUIET)], indent=2, hang=4)
        commands = " and ".join(edit.command for edit in fix.edits)
        page.item([("what if ", SOURCE), (commands, SOURCE)], indent=2, hang=4)
        if brought := _brought(session, commands):
            page.item([("but they bring ", NOTE), ", ".join(brought)], indent=6)
    if not result.fixes:
        page.item("no set of edits does it" if result.proven and result.complete else
                  "nor was a set of them found, which proves nothing")  # fmt: skip
    for limit in result.limits:
        page.item(limit, indent=2)


def _is(file: str, said: str) -> bool:
    return file == said or file.endswith(f"/{said}")


def _all(session: Session, kinds: Sequence[str]) -> tuple[Edit, ...]:
    return all_edits(session.test, load_table(session.test.arch), kinds)


def _brought(session: Session, command: str) -> list[str]:
    """The classes of outcome, and the flags, that there are only with the edit."""
    if session.base.program.kernel is None:
        return []
    after = _proposed(session, command).base.verdict
    return [name for name in after.classes if name not in session.verdict.classes]


def diff(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "diff")
    texts = session.proposal.texts if session.proposal is not None else session.texts
    lines = unified_diff(session.original, Edited(texts)).splitlines()
    for line in lines:
        page.verbatim(line)
    if not lines:
        page.item("nothing is changed: the test is as the file has it")


def apply(session: Session, text: str, page: Page) -> None:
    proposal = _proposed(session, text) if text else session.proposal
    if proposal is None:
        raise InputError("there is nothing to apply", hint="try something with `what if`, or name it: `apply drop 12`")
    session.adopt(proposal)
    write_head(session, page)


def reset(session: Session, text: str, page: Page) -> None:
    require(not text, f"'{text}' is too much", "reset")
    session.reset()
    write_head(session, page)


def write(session: Session, text: str, page: Page) -> None:
    words = text.split()
    over = words[:1] == ["over"] and len(words) > 1
    target = text.removeprefix("over").strip() if over else text
    require(bool(target), "which file?", "write FILE", "write over FILE")
    folder = os.path.dirname(target)
    texts = {target: session.test.source.text}
    for name, content in session.texts.items():
        if name != session.test.source.name:
            texts[os.path.join(folder, os.path.basename(name))] = content
    taken = [name for name in texts if os.path.exists(name)]
    if taken and not over:
        raise InputError(f"{taken[0]} is there already", hint=f"`write over {target}` replaces it")
    for name, content in texts.items():
        try:
            Path(name).write_text(content, "utf-8")
        except OSError as error:
            raise InputError(f"{name}: cannot be written: {(error.strerror or str(error)).lower()}") from error
        page.item(f"wrote {name}")
