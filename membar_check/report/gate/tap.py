"""The Test Anything Protocol, version 14 (testanything.org): a test point an item, with a YAML block where it fails.

An inconclusive check is ``not ok``.
"""

from __future__ import annotations

import json
import re
from typing import TextIO

from membar_check.report.gate.data import GateItem, GateReport, Kind
from membar_check.report.gate.words import (
    changed_models,
    details,
    meaning_of,
    passes,
    place_of,
    sentence,
    summary,
    told_of,
)


def write(report: GateReport, out: TextIO) -> None:
    failing = (*report.stopped, *report.undecided)
    out.write(f"TAP version 14\n1..{len(report.items) + len(failing)}\n")
    for model in changed_models(report):
        lines = [change.text for change in report.model_changes if change.model == model] + told_of(model, report)
        out.writelines(_comment(line) for line in lines)
    for note in report.notes:
        out.write(_comment(note))
    for number, item in enumerate(report.items, 1):
        model = f" [{item.model}]" if item.model else ""
        out.write(f"{'ok' if passes(item) else 'not ok'} {number} - {_description(f'{item.file}{model}')}\n")
        if item.kind is not Kind.SAME:
            out.write(_diagnostic(item))
    for number, model in enumerate(failing, len(report.items) + 1):
        out.write(f"not ok {number} - {_description(f'model {model}: {meaning_of(model, report)}')}\n")
    out.write(_comment(summary(report)))


def _diagnostic(item: GateItem) -> str:
    place = place_of(item)
    fields: list[tuple[str, object]] = [
        ("message", sentence(item)),
        ("severity", "comment" if passes(item) else "fail"),
        ("kind", item.kind.value),
        ("at", {"file": place.file, "line": place.line, "column": place.column}),
    ]
    if item.expected:
        fields.append(("wanted", item.expected))
    if lines := details(item):
        fields.append(("details", lines))
    # A value in JSON on one line is YAML, and no text of the user's can end the block.
    body = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in fields)
    return f"  ---\n{body}  ...\n"


def _description(text: str) -> str:
    """Without what would be a directive, a second line or a number."""
    return re.sub(r"\s+", " ", text).replace("\\", "\\\\").replace("#", "\\#")


def _comment(text: str) -> str:
    return "".join(f"# {line}\n".replace("# \n", "#\n") for line in text.splitlines() or [""])
