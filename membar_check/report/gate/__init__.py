"""Reports of a gate: one file each, one line in the registry below.

A module of :data:`FORMATS` has ``write(report: GateReport, out: TextIO) -> None``.  What a report is made of:
:mod:`membar_check.report.gate.data`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TextIO

from membar_check.report.gate.data import GateReport

FORMATS = {
    "text": "membar_check.report.gate.text",
    "junit": "membar_check.report.gate.junit",
    "sarif": "membar_check.report.gate.sarif",
    "github": "membar_check.report.gate.github",
    "tap": "membar_check.report.gate.tap",
    "jsonl": "membar_check.report.gate.jsonl",
    "html": "membar_check.report.gate.html",
}


def write_report(name: str, report: GateReport, out: TextIO) -> None:
    """Writes the report in the format that is a key of :data:`FORMATS`."""
    import_module(FORMATS[name]).write(report, out)
