"""An explanation as text for people: what is asked, the answer in plain words, how it happens or what rules it out,
and what would change it."""

from __future__ import annotations

from membar_check.explain.explanation import Explanation
from membar_check.report.explain import Settings
from membar_check.report.explain.sheet import GOOD, HEADING, Sheet
from membar_check.report.explain.text_allowed import write_allowed
from membar_check.report.explain.text_forbidden import write_forbidden
from membar_check.report.explain.words import state_text

_NOTHING_ASKED = "~exists (false)"  # the condition of kernel C that asks for no more than the classes
_STATES = 8  # listed of further states


def write(explanation: Explanation, settings: Settings) -> str:
    """The text, ``settings.width`` characters wide; styles only with ``settings.colour``."""
    sheet = Sheet(settings.width, settings.colour)
    _head(explanation, sheet)
    if explanation.allowed:
        write_allowed(explanation, sheet)
    else:
        write_forbidden(explanation, sheet)
    _others(explanation, sheet)
    if explanation.limits:
        sheet.heading("Limits of this explanation")
        for limit in explanation.limits:
            sheet.item(limit, bullet="- ", indent=2)
    return sheet.text()


def _head(explanation: Explanation, sheet: Sheet) -> None:
    word = "allowed" if explanation.allowed else "forbidden"
    sheet.item([(f"{explanation.test} under {explanation.model}: {word}", HEADING)])
    classes = ", ".join(explanation.classes)
    facts = (
        ("", explanation.title),
        ("file", f"{explanation.file} ({explanation.arch})"),
        ("condition", explanation.condition if explanation.condition != _NOTHING_ASKED else ""),
        ("verdict", explanation.verdict),
        ("classes", classes if classes != explanation.verdict else ""),
        ("outcome", explanation.outcome if explanation.outcome not in explanation.condition else ""),
    )
    for caption, content in facts:
        if content:
            sheet.item(content, bullet=f"{caption:<11}" if caption else "", indent=2)
    sheet.blank()
    sheet.item([(_answer(explanation), GOOD)])
    if explanation.matrix:
        verdicts = ", ".join(f"{model}: {verdict}" for model, verdict in explanation.matrix)
        sheet.item(f"The same outcome by model: {verdicts}.")


def _answer(explanation: Explanation) -> str:
    """The answer in plain words."""
    model = explanation.model
    if explanation.allowed:
        return f"This can happen: {model} lets at least one execution of the test end this way."
    total = sum(group.executions for group in explanation.groups)
    if explanation.cut:
        return f"No answer: {model} lets no execution end this way, but some were stopped at the unrolling bound."
    if not total:
        return f"This cannot happen: {model} lets no execution of the test end this way."
    if total == 1:
        return f"This cannot happen: 1 execution would end this way, and {model} rules it out."
    return f"This cannot happen: {total} executions would end this way, and {model} rules out every one of them."


def _others(explanation: Explanation, sheet: Sheet) -> None:
    """Further final states, under the numbers that ``--outcome`` takes."""
    numbers = {state: number for number, state in enumerate(explanation.states, 1)}
    asked = explanation.execution.state if explanation.execution is not None else None
    others = dict.fromkeys(view.state for view in explanation.others if view.state and view.state != asked)
    if not others:
        return
    sheet.heading("Other final states; --outcome N explains one of them")
    size = len(str(max(numbers.values(), default=0)))
    for state in list(others)[:_STATES]:
        sheet.item(state_text(state), bullet=f"{numbers.get(state, '-'):>{size}}  ", indent=2)
    if len(others) > _STATES:
        sheet.item(f"and {len(others) - _STATES} more", indent=4 + size)
