"""What text says of an allowed outcome: the timeline, the story, why nothing objects, what would forbid it."""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.explain.explanation import AxiomView, EditView, Explanation
from membar_check.records import replace
from membar_check.report.explain.sheet import GOOD, QUIET, RELATION, SOURCE, Part, Sheet
from membar_check.report.explain.timeline import write_timeline
from membar_check.report.explain.words import EFFECTS, line_of

_PLAIN_EFFECTS = ("forbids", "allows")  # say all


def write_allowed(explanation: Explanation, sheet: Sheet) -> None:
    if explanation.timeline:
        sheet.heading("How it happens, from top to bottom")
        sheet.blank()
        write_timeline(explanation.timeline, explanation.file, sheet)
    if explanation.story:
        sheet.heading("The same as a story")
        size = len(str(len(explanation.story)))
        for number, sentence in enumerate(explanation.story, 1):
            sheet.item(sentence, bullet=f"{number:>{size}}. ", indent=2)
    _objections(explanation, sheet)
    _edits(explanation, sheet)


def _objections(explanation: Explanation, sheet: Sheet) -> None:
    if not explanation.gaps and not explanation.axioms:
        return
    sheet.heading("Why nothing objects")
    for gap in explanation.gaps:
        sheet.item(gap.text, bullet="- ", indent=2)
    by_text: dict[str, list[AxiomView]] = {}
    for axiom in explanation.axioms:
        by_text.setdefault(axiom.text, []).append(axiom)
    for text, axioms in sorted(by_text.items(), key=lambda item: len(item[1]) > 1):
        sheet.item([*_names(axioms), f": {text}"], bullet="- ", indent=2)


def _names(axioms: Sequence[AxiomView]) -> list[Part]:
    """Axioms of which the same is to be said, with their tests and places."""
    parts: list[Part] = []
    for axiom in axioms:
        where = f"{axiom.defined}, {axiom.test}" if axiom.defined else axiom.test
        parts += [", " if parts else "", (axiom.axiom, RELATION), (f" ({where})", QUIET)]
    return parts


def _together(explanation: Explanation, sheet: Sheet) -> None:
    if explanation.advice:
        sheet.item(explanation.advice, indent=2)
        return
    if not explanation.together:
        sheet.item("No single edit that was tried forbids it; membar-check repair looks for sets of edits.", indent=2)
        return
    sheet.item("No single edit does; these do together, and no cheaper set was found. Checked afresh.", indent=2)
    for number, edit in enumerate(explanation.together, 1):
        write_edit(replace(edit, effects=()), f"{number}. ", explanation, sheet)


def _edits(explanation: Explanation, sheet: Sheet) -> None:
    sheet.heading("What would forbid it")
    if not explanation.edits:
        _together(explanation, sheet)
        return
    sheet.item("Single edits, cheapest first; each was checked by a fresh run of the edited text.", indent=2)
    for number, edit in enumerate(explanation.edits, 1):
        write_edit(edit, f"{number}. ", explanation, sheet)
    cheapest = explanation.edits[0]
    if cheapest.diff:
        sheet.blank()
        sheet.item("The first of them as a change of the file:", indent=2)
        for line in cheapest.diff.splitlines():
            sheet.item([(line, GOOD if line.startswith("+") else "")], indent=4)


def write_edit(edit: EditView, bullet: str, explanation: Explanation, sheet: Sheet) -> None:
    """The command, what it means, its cost, and what it does under each model."""
    indent = 2 + len(bullet)
    head: list[Part] = [(edit.command, SOURCE), (f"   cost {edit.cost:g}", QUIET)]
    sheet.item(head, bullet=bullet, indent=2)
    if edit.text:
        line = line_of(edit.place, explanation.file) if edit.place.line else ""
        text = f": {edit.place.text}" if edit.place.text else ""
        where = f" ({line}{text})" if line and line not in edit.text and edit.place.text not in edit.text else ""
        sheet.item([edit.text, (where, QUIET)], indent=indent)
    effects: list[Part] = []
    for effect in edit.effects:
        words = EFFECTS.get(effect.verdict, effect.verdict)
        detail = f" ({effect.detail})" if effect.detail and effect.verdict not in _PLAIN_EFFECTS else ""
        effects += ["; " if effects else "", f"{effect.model or explanation.model}: "]
        effects += [(words, GOOD if effect.verdict == "forbids" else ""), detail]
    if effects:
        sheet.item(effects, indent=indent)
