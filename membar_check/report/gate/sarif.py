"""SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"): a result for each check that is not as it should
be, at the line of the test, and one for each change of a model, at the line of the model.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from membar_check import __version__
from membar_check.report.gate.data import GateItem, GateReport, Kind, ModelChange, Position
from membar_check.report.gate.words import (
    MEANINGS,
    ORDER,
    affected,
    details,
    hit_by,
    local,
    meaning_of,
    passes,
    place_of,
    sentence,
    told_of,
)
from membar_check.resources import models_dir

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MODEL_RULE = "model-changed"
_BASE = "%SRCROOT%"
_RULES = tuple(kind for kind in ORDER if kind is not Kind.SAME)


def write(report: GateReport, out: TextIO) -> None:
    results = [_model_result(change, report) for change in report.model_changes]
    results += [_item_result(item, report) for item in report.items if not passes(item)]
    run = {
        "tool": {"driver": _driver()},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {_BASE: {"description": {"text": "the folder in which the gate was run"}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    json.dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, out, indent=1)
    out.write("\n")


def _driver() -> dict[str, Any]:
    rules = [_rule(kind.value, MEANINGS[kind]) for kind in _RULES]
    rules.append(_rule(MODEL_RULE, "a memory model is not what it was, or what the baseline has recorded"))
    return {"name": "membar-check", "version": __version__, "rules": rules}


def _rule(name: str, meaning: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": meaning},
        "defaultConfiguration": {"level": "error"},
    }


def _invocation(report: GateReport) -> dict[str, Any]:
    """``executionSuccessful``: every check could be made and has an answer, whatever it is."""
    made = not any(item.kind in (Kind.ERROR, Kind.INCONCLUSIVE) for item in report.items) and not report.undecided
    invocation: dict[str, Any] = {"executionSuccessful": made, "exitCode": report.status}
    if report.notes:
        invocation["toolExecutionNotifications"] = [
            {"level": "warning", "message": {"text": note}} for note in report.notes
        ]
    return invocation


def _item_result(item: GateItem, report: GateReport) -> dict[str, Any]:
    name = f"{item.file} under {item.model}" if item.model else item.file
    text = "\n".join([f"{name}: {sentence(item)}", *details(item)])
    changes = [change for change in report.model_changes if change.place is not None and hit_by(change, item)]
    result = _result(item.kind.value, "error", text, place_of(item), f"{local(item.file)}\0{item.model}")
    if changes:
        result["relatedLocations"] = [
            {**_location(change.place), "id": number, "message": {"text": change.text}}
            for number, change in enumerate(changes, 1)
            if change.place is not None
        ]
    return result


def _model_result(change: ModelChange, report: GateReport) -> dict[str, Any]:
    """An error where checks under the model are not as they should be, or its meaning is not, or may not be, what it
    was; a note where the change is accepted: checks that fail are results of their own."""
    items = affected(change, report)
    lines = [change.text, *(f"{item.file}: {sentence(item)}" for item in items), *told_of(change.model, report)]
    place = change.place or Position(_file_of(change.model), 1)
    key = f"{change.model}\0{change.part}\0{change.name}\0{change.how}"
    fails = change.model not in report.accepted and (bool(items) or bool(meaning_of(change.model, report)))
    return _result(MODEL_RULE, "error" if fails else "note", "\n".join(lines), place, key)


def _file_of(model: str) -> str:
    """The file of a model by its name, or itself where it is one."""
    return model if model.endswith(".cat") else str(models_dir() / f"{model}.cat")


def _result(rule: str, level: str, text: str, place: Position, key: str) -> dict[str, Any]:
    """``key``: by which the result is known again in the next run."""
    names = [kind.value for kind in _RULES] + [MODEL_RULE]
    return {
        "ruleId": rule,
        "ruleIndex": names.index(rule),
        "level": level,
        "message": {"text": text},
        "locations": [_location(place)],
        "partialFingerprints": {"membarCheck/v1": hashlib.sha256(f"{rule}\0{key}".encode()).hexdigest()[:32]},
    }


def _location(place: Position | None) -> dict[str, Any]:
    assert place is not None
    region = {"startLine": max(place.line, 1), "startColumn": max(place.column, 1)}
    return {"physicalLocation": {"artifactLocation": _artifact(place.file), "region": region}}


def _artifact(file: str) -> dict[str, str]:
    """Relative to the working folder, which has to be the top of the repository for GitHub; else as a ``file:`` URI."""
    path = local(file)
    if os.path.isabs(path):
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(path, safe="/+,;=@!$&'()*~"), "uriBaseId": _BASE}
