"""JUnit XML after the schema of Jenkins' xUnit plugin (junit-10.xsd): a suite a folder, a case a test and model.

What differs is a ``failure``; what has no verdict (bad input, inconclusive checks) an ``error``.  Nothing is skipped.
Changes of models are the output of a suite of their own, with a case for each that does not mean what it did.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from membar_check.report.gate.data import GateItem, GateReport, Kind
from membar_check.report.gate.words import (
    changed_models,
    details,
    meaning_of,
    name_of,
    passes,
    place_of,
    sentence,
    summary,
    told_of,
)
from membar_check.verdict import Status

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def write(report: GateReport, out: TextIO) -> None:
    from xml.etree import ElementTree

    root = ElementTree.Element("testsuites", name="membar-check gate")
    for key, value in _counts(report.items, report).items():
        if key != "skipped":
            root.set(key, value)
    folders: dict[str, list[GateItem]] = {}
    for item in report.items:
        folders.setdefault(os.path.dirname(item.file) or ".", []).append(item)
    for folder, items in folders.items():
        _suite(root, folder, items)
    if text := _models(report):
        suite = ElementTree.SubElement(root, "testsuite", {"name": "membar-check models", **_counts((), report)})
        for model in (*report.stopped, *report.undecided):
            tag = "failure" if model in report.stopped else "error"
            case = ElementTree.SubElement(suite, "testcase", name=xml_text(model), classname="models")
            why = xml_text(meaning_of(model, report))
            told = xml_text("\n".join(told_of(model, report)))
            ElementTree.SubElement(case, tag, type="model", message=why).text = told
        ElementTree.SubElement(suite, "system-out").text = xml_text(text)
    ElementTree.indent(root)
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(ElementTree.tostring(root, encoding="unicode") + "\n")


def _counts(items: Sequence[GateItem], models: GateReport | None = None) -> dict[str, str]:
    """``models``: where given, its models that do not mean what they did count, too."""
    failures = sum(item.status is Status.DIFFERS for item in items)
    errors = sum(not passes(item) for item in items) - failures
    tests = len(items)
    if models is not None:
        failures += len(models.stopped)
        errors += len(models.undecided)
        tests += len(models.stopped) + len(models.undecided)
    return {"tests": str(tests), "failures": str(failures), "errors": str(errors), "skipped": "0"}


def _suite(root: Element, folder: str, items: list[GateItem]) -> None:
    from xml.etree.ElementTree import SubElement

    suite = SubElement(root, "testsuite", {"name": xml_text(folder), **_counts(items)})
    times = [item.seconds for item in items if item.seconds is not None]
    if times:
        suite.set("time", _time(sum(times)))
    for item in items:
        case = SubElement(suite, "testcase", name=xml_text(name_of(item)), classname=_class(folder))
        if item.seconds is not None:
            case.set("time", _time(item.seconds))
        if not passes(item):
            tag = "failure" if item.status is Status.DIFFERS else "error"
            SubElement(case, tag, type=_type(item), message=xml_text(sentence(item))).text = xml_text(_text(item))
        elif item.kind is not Kind.SAME:
            SubElement(case, "system-out").text = xml_text(_text(item))


def _type(item: GateItem) -> str:
    """The kind, with the reason of an inconclusive check: ``inconclusive.time-out``."""
    why = item.new.failure if item.new is not None and item.kind is Kind.INCONCLUSIVE else ""
    return f"{item.kind.value}.{why}" if why else item.kind.value


def _text(item: GateItem) -> str:
    place = place_of(item)
    return "\n".join([f"{place.file}:{place.line}:{place.column}: {sentence(item)}", *details(item)])


def _models(report: GateReport) -> str:
    lines: list[str] = []
    for model in changed_models(report):
        lines += [change.text for change in report.model_changes if change.model == model]
        lines += told_of(model, report)
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join([*lines, summary(report)]) if lines else ""


def _class(folder: str) -> str:
    """The folder as a package: readers make a tree of what stands between dots."""
    words = [word for word in folder.split("/") if word not in ("", ".", "..")]
    return xml_text(".".join(word.replace(".", "_") for word in words) or "litmus")


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def xml_text(text: str) -> str:
    """The text without what XML 1.0 has no place for, which is shown as Python would write it."""
    return "".join(c if _legal(ord(c)) else c.encode("unicode_escape").decode("ascii") for c in text)


def _legal(code: int) -> bool:
    return code in (0x9, 0xA) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
