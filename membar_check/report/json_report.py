"""The results as one JSON document.

``{"tool", "version", "results": [...], "summary": {...}}``; a result has ``status`` (``as expected``, ``differs``,
``error``, ``inconclusive``) and either the fields of the verdict or ``error`` with message, position and hint.
"""

from __future__ import annotations

import json
from typing import Any, TextIO

from membar_check import __version__
from membar_check.diagnostics import Inconclusive
from membar_check.expectations import Judged, flags_of
from membar_check.report import Settings
from membar_check.report.summary import STATUS_WORDS, Tally
from membar_check.verdict import Failure, Finding, Verdict, Witness


def make(out: TextIO, settings: Settings) -> JsonReport:
    return JsonReport(out)


class JsonReport:
    """Writes each result when it comes, so that long runs need no more memory, and the document is whole at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._tally = Tally()

    def add(self, judged: Judged) -> None:
        self._open() if self._tally.total == 0 else self._out.write(",\n")
        self._tally.add(judged)
        self._out.write("    " + json.dumps(result_object(judged), ensure_ascii=False))

    def finish(self) -> None:
        if self._tally.total == 0:
            self._open()
        summary = {"tests": self._tally.total}
        summary |= {STATUS_WORDS[status]: count for status, count in self._tally.counts.items()}
        summary_text = json.dumps({**summary, "cpu_seconds": round(self._tally.cpu_seconds, 4)})
        self._out.write(f'\n  ],\n  "summary": {summary_text}\n}}\n')
        self._out.flush()

    def _open(self) -> None:
        self._out.write(f'{{\n  "tool": "membar-check",\n  "version": {json.dumps(__version__)},\n  "results": [\n')


def result_object(judged: Judged) -> dict[str, Any]:
    """One result as JSON data."""
    result = judged.result
    fields: dict[str, Any] = {
        "test": result.test,
        "file": result.file,
        "model": result.model,
        "status": STATUS_WORDS[judged.status],
    }
    if judged.expected:
        fields["expected"] = judged.expected
    if judged.reason:
        fields["reason"] = judged.reason
    return fields | (_error(result) if isinstance(result, Failure) else _verdict(result))


def _error(failure: Failure) -> dict[str, Any]:
    error = failure.error
    fields: dict[str, Any] = {"message": error.message, "hint": error.hint}
    if isinstance(error, Inconclusive):
        fields["reason"] = error.reason
    if error.span is not None:
        fields |= {"file": error.span.source.name, "line": error.span.line, "column": error.span.column}
    return {"error": fields}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "arch": verdict.arch,
        "engine": verdict.engine,
        "kind": verdict.kind,
        "verdict": verdict.word,
        "observation": None if verdict.states is None else verdict.observation.value,
        "reached": verdict.reached,
        "positive": verdict.positive,
        "negative": verdict.negative,
        "states": None if verdict.states is None else [dict(state) for state in verdict.states],
        "flags": list(flags_of(verdict)),
        "condition": verdict.condition_text,
        "hash": verdict.hash,
        "candidates": verdict.candidates,
        "cpu_seconds": round(verdict.cpu_seconds, 6),
    }
    if verdict.findings is not None:
        fields["classes"] = list(verdict.classes)
        fields["findings"] = [_finding(finding) for finding in verdict.findings]
    if verdict.witness is not None:
        fields["witness"] = _witness(verdict.witness)
    return fields


def _finding(finding: Finding) -> dict[str, Any]:
    fields: dict[str, Any] = {"class": finding.kind, "text": finding.text}
    if finding.where is not None:
        fields |= {"file": finding.where.file, "line": finding.where.line, "source": finding.where.text}
    return fields | {"steps": [{"text": s.text, "file": s.file, "line": s.line} for s in finding.steps]}


def _witness(witness: Witness) -> dict[str, Any]:
    return {
        "events": [
            {"thread": event.thread, "label": event.label, "text": event.text, "line": event.line}
            for event in witness.events
        ],
        "edges": [
            {"relation": edge.relation, "source": edge.source, "target": edge.target} for edge in witness.edges
        ],
        "state": dict(witness.state),
    }
