"""A comparison of models as text for people and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from membar_check.diagnostics import MembarError, Source
from membar_check.engine.api import CheckOptions
from membar_check.engine.models import Model
from membar_check.explain.api import ExplainOptions, explain
from membar_check.explain.explanation import Explanation
from membar_check.litmus.parser import parse_litmus
from membar_check.records import replace
from membar_check.report.explain.json_form import document
from membar_check.report.explain.sheet import GOOD, HEADING, QUIET, RELATION, Sheet
from membar_check.report.explain.text_forbidden import write_cycle
from membar_check.report.explain.timeline import write_timeline
from membar_check.report.explain.words import Names
from membar_check.synth.compare import EQUAL, INCOMPARABLE, STRONGER, UNKNOWN, WEAKER, TestComparison
from membar_check.synth.diff import NEW, OLD, Comparison, Difference

SECONDS = 1.0  # for one side of an explanation

Why = tuple[Explanation | None, Explanation | None]
Explanations = Mapping[int, Why]

_RELATIONS = {
    EQUAL: "no test tells them apart",
    WEAKER: "{new} is weaker than {old}: it allows more",
    STRONGER: "{new} is stronger than {old}: it allows less",
    INCOMPARABLE: "{new} and {old} are incomparable: each allows what the other forbids",
    UNKNOWN: "nothing tells {old} and {new} apart so far, but not everything was searched",
}


# --- why -------------------------------------------------------------------------------------------------------------
def explanations(told: Comparison, models: tuple[Model, Model], options: CheckOptions, file: str) -> Explanations:
    """For each difference, by its number, why the one model allows the test and why the other forbids it; None where
    there is no explanation.  ``file``: what the test's lines are lines of."""
    out = {}
    for number, difference in enumerate(told.differences):
        if not difference.flag:
            sides = (models[difference.side], models[1 - difference.side])
            first, second = (_explained(difference, model, options, file) for model in sides)
            out[number] = (first, second)
    return out


def _explained(difference: Difference, model: Model, options: CheckOptions, file: str) -> Explanation | None:
    request = model.request
    check = replace(
        options, model=str(model.path), bell=str(model.bell) if model.bell else None,
        macros=str(model.macros) if model.macros else None, include_dirs=request.include_dirs, engine="auto",
    )  # fmt: skip
    test = parse_litmus(Source(file, difference.text), ())
    try:
        return explain(test, ExplainOptions(check, seconds=SECONDS, edits=0, others=0))
    except MembarError:
        return None


# --- text ------------------------------------------------------------------------------------------------------------
def write_text(told: Comparison, why: Explanations, file: str, width: int = 100, colour: bool = False) -> str:
    """The report for people."""
    sheet = Sheet(width, colour)
    sentence = _RELATIONS[told.relation].format(old=told.old, new=told.new)
    if told.relation in (WEAKER, STRONGER) and not told.complete:
        given = " and the given ones" if told.tests else ""
        sentence = f"As far as tests of up to {_accesses(told.searched)}{given} show, {sentence}"
    if told.relation == UNKNOWN and told.complete:
        sentence = f"nothing tells {told.old} and {told.new} apart so far, but some given test has no answer"
    if told.relation == EQUAL:
        sentence = f"{told.old} and {told.new}: {sentence}"
        if told.differ:
            sentence += " by what it allows, but verdicts or flags differ"
    sheet.item([(f"{sentence}.", HEADING)])
    if told.tests:
        _tests(told, sheet)
    for number, difference in enumerate(told.differences):
        _difference(told, difference, why.get(number, (None, None)), file, sheet)
    _search(told, sheet)
    return sheet.text()


def _tests(told: Comparison, sheet: Sheet) -> None:
    changed = [test for test in told.tests if test.changed or test.relation == UNKNOWN]
    sheet.heading(f"{len(told.tests)} test{'s' * (len(told.tests) != 1)}, {len(told.tests) - len(changed)} the same")
    wide = max((len(test.test) for test in changed), default=0)
    for test in changed:
        sheet.item(_test_words(test), bullet=f"{test.test:<{wide}}  ", indent=2)


def _test_words(test: TestComparison) -> str:
    if test.relation == UNKNOWN:
        return f"{'inconclusive' if test.inconclusive else 'no answer'}: {test.reason}"
    allows = {EQUAL: "", WEAKER: ", the new model allows more", STRONGER: ", the new model allows less"}
    words = f"{test.old} -> {test.new}" if test.old != test.new else test.old
    return words + allows.get(test.relation, ", each allows what the other forbids")


def _names(told: Comparison, side: int) -> tuple[str, str]:
    """The model of that side, and the other one."""
    return (told.old, told.new) if side == OLD else (told.new, told.old)


def _accesses(number: int) -> str:
    return f"{number} access{'es' * (number != 1)}"


def _difference(
    told: Comparison, difference: Difference, why: Why, file: str, sheet: Sheet
) -> None:
    allows, forbids = _names(told, difference.side)
    shape = difference.shape
    flag, threads = difference.flag, len(shape.threads)
    verb = f"raises {flag} for and {forbids} does not" if flag else f"allows and {forbids} forbids"
    size = f"{_accesses(shape.accesses)}, {threads} thread{'s' * (threads != 1)}"
    sheet.heading(f"The smallest test that {allows} {verb} ({size})")
    sheet.blank()
    for line in difference.text.rstrip().split("\n"):
        sheet.item(line.expandtabs(4), indent=4) if line else sheet.blank()
    allowed, forbidden = why
    if allowed is not None and allowed.timeline:
        sheet.blank()
        sheet.item([(f"{allows} allows it", GOOD), ", from top to bottom:"])
        sheet.blank()
        write_timeline(allowed.timeline, file, sheet)
    if difference.axioms:
        sheet.blank()
        _objection(difference, forbids, forbidden, file, sheet)


def _objection(difference: Difference, forbids: str, forbidden: Explanation | None, file: str, sheet: Sheet) -> None:
    group = forbidden.groups[0] if forbidden is not None and forbidden.groups else None
    if group is None:
        sheet.item([(f"{forbids} forbids it", GOOD), " by ", (", ".join(difference.axioms), RELATION), "."])
        return
    where = f" ({group.cycle.defined}, {group.cycle.test})" if group.cycle.defined else f" ({group.cycle.test})"
    sheet.item([(f"{forbids} forbids it", GOOD), " by ", (group.cycle.axiom, RELATION), (where, QUIET), ":"])
    sheet.blank()
    write_cycle(group.cycle, Names(group.example, file), sheet)


def _search(told: Comparison, sheet: Sheet) -> None:
    sheet.heading("What was searched")
    for sentence in search_sentences(told):
        sheet.item(sentence, indent=2)


def search_sentences(told: Comparison) -> tuple[str, ...]:
    """What the search covers, and what it says about the tests that it covers."""
    bound = told.bound
    most = f"{bound.threads} threads and {bound.locations} locations, one fence between two accesses"
    out = []
    if told.searched:
        made_of = ", ".join(told.vocabulary)
        out.append(f"All {told.arch} tests of up to {told.searched} accesses, {most}, made of: {made_of}.")
    shown = {difference.side for difference in told.differences if not difference.flag}
    but = ", but for what was not finished," if told.left else ""
    for side in (NEW, OLD):
        allows, forbids = _names(told, side)
        if side not in shown and told.searched:
            out.append(f"None of them{but} is allowed by {allows} and forbidden by {forbids}.")
    if told.flags:
        raised = {(difference.side, difference.flag) for difference in told.differences}
        unseen = [name for name in told.flags if not raised & {(OLD, name), (NEW, name)}]
        if unseen and told.flagged:
            words = f"None of those of up to {told.flagged} accesses{but} has a flag under one model only"
            out.append(f"{words}: {', '.join(unseen)}.")
    if told.left_out:
        out.append(f"Left out: {'; '.join(told.left_out)}.")
    out += [f"Not finished: {what}." for what in told.left]
    out.append(f"{told.seconds:.1f} s.")
    return tuple(out)


# --- JSON ------------------------------------------------------------------------------------------------------------
def write_json(told: Comparison, why: Explanations) -> str:
    """The report for machines; ends with a newline."""
    return json.dumps(comparison_document(told, why), indent=2, ensure_ascii=False) + "\n"


def comparison_document(told: Comparison, why: Explanations) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "old": told.old, "new": told.new, "dialect": told.arch, "relation": told.relation,
        "relation_complete": told.complete or told.relation == INCOMPARABLE,
        "tests": [
            {
                "test": t.test, "file": t.file, "old": t.old, "new": t.new, "relation": t.relation,
                "flags_differ": t.flags,
                **({"reason": t.reason, "inconclusive": t.inconclusive} if t.reason else {}),
            }
            for t in told.tests
        ],
        "differences": [
            {
                "allowed_by": _names(told, d.side)[0], "forbidden_by": _names(told, d.side)[1], "flag": d.flag,
                "axioms": list(d.axioms), "accesses": d.shape.accesses, "threads": len(d.shape.threads),
                "litmus": d.text,
                **_explained_data(why.get(number, (None, None))),
            }
            for number, d in enumerate(told.differences)
        ],
        "searched": {
            "accesses": told.searched, "threads": told.bound.threads, "locations": told.bound.locations,
            "bound": told.bound.accesses, "flags": list(told.flags), "flagged_accesses": told.flagged,
            "complete": told.complete, "made_of": list(told.vocabulary),
            "left_out": list(told.left_out), "not_finished": list(told.left),
        },
        "seconds": round(told.seconds, 3),
        "exit_status": told.exit_status,
    }  # fmt: skip


def _explained_data(why: Why) -> dict[str, Any]:
    allowed, forbidden = why
    out: dict[str, Any] = {}
    if allowed is not None:
        out["allowed"] = document(allowed)
    if forbidden is not None:
        out["forbidden"] = document(forbidden)
    return out
