"""JSON lines: one object a line, each with its ``type``: ``item``, ``model-change``, ``distinguished``, ``note`` and,
as the last line of every whole report, ``summary``.  The members: ``docs/ci.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from membar_check.report.gate.data import GateItem, GateReport, Position, Record
from membar_check.report.gate.words import counted, passes, place_of
from membar_check.verdict import Status

VERSION = 1
_STATUS = {
    Status.AS_EXPECTED: "as-expected",
    Status.DIFFERS: "differs",
    Status.ERROR: "error",
    Status.INCONCLUSIVE: "inconclusive",
}


def write(report: GateReport, out: TextIO) -> None:
    for line in _objects(report):
        out.write(json.dumps(line, separators=(",", ":")) + "\n")


def _objects(report: GateReport) -> Iterator[dict[str, Any]]:
    for item in report.items:
        yield _item(item)
    for change in report.model_changes:
        yield {
            "type": "model-change",
            "model": change.model,
            "part": change.part,
            "name": change.name,
            "how": change.how,
            "place": _place(change.place),
            "text": change.text,
            "accepted": change.model in report.accepted,
        }
    for found in report.distinguished:
        yield {
            "type": "distinguished",
            "model": found.model,
            "file": found.file,
            "litmus": found.litmus,
            "text": found.text,
            "axiom": found.axiom,
            "bound": found.bound,
            "complete": found.complete,
            "accepted": found.accepted,
        }
    for note in report.notes:
        yield {"type": "note", "text": note}
    yield {
        "type": "summary",
        "version": VERSION,
        "checks": len(report.items),
        "counts": {kind.value: count for kind, count in counted(report)},
        "status": report.status,
        "compare": list(report.compare),
        "baseline": report.baseline,
        "updated": report.updated,
    }


def _item(item: GateItem) -> dict[str, Any]:
    return {
        "type": "item",
        "file": item.file,
        "model": item.model,
        "kind": item.kind.value,
        "status": _STATUS[item.status],
        "pass": passes(item),
        "reason": item.reason,
        "changes": list(item.changes),
        "source": item.source,
        "expected": item.expected,
        "place": _place(place_of(item)),
        "old": _record(item.old),
        "new": _record(item.new),
    }


def _record(record: Record | None) -> dict[str, Any] | None:
    """The members of a record that say something."""
    if record is None:
        return None
    if not record.conclusive:
        return {
            "test": record.test,
            "failure": record.failure,
            "message": record.message,
            "hint": record.hint,
            "place": _place(record.place),
        }
    return {
        "test": record.test,
        "kind": record.kind,
        "word": record.word,
        "observation": record.observation,
        "condition": record.condition,
        "states": None if record.states is None else list(record.states),
        "state_count": len(record.states) if record.states is not None else record.state_count,
        "positive": record.positive,
        "negative": record.negative,
        "flags": list(record.flags),
        "classes": None if record.classes is None else list(record.classes),
        "findings": [{"class": kind, "text": text, "place": _place(place)} for kind, text, place in record.findings],
        "unreached": list(record.unreached),
        "loop": record.loop,
        "undefined": record.undefined,
    }


def _place(place: Position | None) -> dict[str, Any] | None:
    return None if place is None else {"file": place.file, "line": place.line, "column": place.column}
