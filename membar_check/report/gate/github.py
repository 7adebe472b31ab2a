"""Annotations for GitHub: one workflow command a line, which its runner shows at the line of the file.

The format: GitHub's documentation, "Workflow commands for GitHub Actions".  What does not pass is an ``error``, an
inconclusive check too.
"""

from __future__ import annotations

from typing import TextIO

from membar_check.report.gate.data import GateItem, GateReport, Kind, Position
from membar_check.report.gate.words import (
    affected,
    changed_models,
    details,
    local,
    meaning_of,
    name_of,
    passes,
    place_of,
    sentence,
    summary,
    told_of,
)

# GitHub shows only the first few annotations of a step.
_ORDER = (Kind.BROKEN, Kind.CHANGED, Kind.ERROR, Kind.MISSING, Kind.NEW, Kind.INCONCLUSIVE, Kind.FIXED, Kind.SAME)


def write(report: GateReport, out: TextIO) -> None:
    """Changes of models first, then tests, the gravest first, then what was repaired or set aside, then the summary."""
    for model in changed_models(report):
        _model(model, report, out)
    failing = [item for item in report.items if not passes(item)]
    for item in sorted(failing, key=lambda item: _ORDER.index(item.kind)):
        _item(item, out)
    for item in report.items:
        if passes(item) and item.kind in (Kind.FIXED, Kind.NEW):
            out.write(command("notice", f"{name_of(item)} {item.kind.value}", sentence(item), place_of(item)))
    for note in report.notes:
        out.write(command("warning", "membar-check gate", note))
    out.write(command("error" if report.status else "notice", "membar-check gate", summary(report)))


def _model(model: str, report: GateReport, out: TextIO) -> None:
    changes = [change for change in report.model_changes if change.model == model]
    level = "warning"
    if model in report.accepted:
        level = "notice"
    elif meaning_of(model, report) or any(affected(change, report) for change in changes):
        level = "error"
    lines = [change.text for change in changes] + told_of(model, report)
    place = next((change.place for change in changes if change.place is not None), None)
    out.write(command(level, f"the model {model} changed", "\n".join(lines), place))


def _item(item: GateItem, out: TextIO) -> None:
    text = "\n".join([sentence(item), *details(item)])
    out.write(command("error", f"{name_of(item)} {item.kind.value}", text, place_of(item)))


def command(level: str, title: str, message: str, place: Position | None = None) -> str:
    """One workflow command with its line break."""
    properties = [] if place is None else [f"file={_property(local(place.file))}", f"line={place.line}"]
    if place is not None and place.column > 1:
        properties.append(f"col={place.column}")
    properties.append(f"title={_property(title)}")
    return f"::{level} {','.join(properties)}::{_data(message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
