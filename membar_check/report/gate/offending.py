"""An explanation in short, for reports of a failed test: the offending execution, or what rules the missed one out."""

from __future__ import annotations

from membar_check.explain.explanation import Explanation
from membar_check.records import replace
from membar_check.report.explain.sheet import Sheet
from membar_check.report.explain.text_forbidden import write_forbidden
from membar_check.report.explain.timeline import write_timeline

_SENTENCES = 8  # of the story


def offending(explanation: Explanation, width: int) -> str:
    """Text ``width`` wide, without a line break at its end."""
    sheet = Sheet(width, colour=False)
    outcome = explanation.outcome
    if explanation.allowed:
        sheet.item(f"{explanation.model} allows {outcome}; how it happens, from top to bottom:")
        sheet.blank()
        write_timeline(explanation.timeline, explanation.file, sheet)
        gaps = [gap.text for gap in explanation.gaps] or list(explanation.story[:_SENTENCES])
        sheet.blank()
        for text in gaps:
            sheet.item(text, bullet="- ", indent=2)
        return sheet.text().rstrip()
    sheet.item(f"{explanation.model} forbids {outcome}.")
    write_forbidden(replace(explanation, groups=explanation.groups[:1], core=None), sheet)
    return sheet.text().rstrip()
