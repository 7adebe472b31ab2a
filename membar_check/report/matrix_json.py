"""Tests against models as one JSON document.

``{"tool", "version", "models": [...], "tests": [{"file", "results": {MODEL: RESULT}}], "summary"}``; a result is
that of :mod:`membar_check.report.json_report`.
"""

from __future__ import annotations

import json
from typing import Any, TextIO

from membar_check import __version__
from membar_check.expectations import Judged
from membar_check.report import Settings
from membar_check.report.json_report import result_object
from membar_check.report.matrix import Grid
from membar_check.report.summary import STATUS_WORDS


def make(out: TextIO, settings: Settings) -> MatrixJson:
    return MatrixJson(out)


class MatrixJson:
    """Gathers the results and writes the document at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._grid = Grid()

    def add(self, judged: Judged) -> None:
        self._grid.add(judged)

    def finish(self) -> None:
        grid = self._grid
        tests = [
            {"file": file, "results": {model: result_object(judged) for model, judged in found.items()}}
            for file, found in grid.files.items()
        ]
        summary: dict[str, Any] = {"checks": grid.tally.total}
        summary |= {STATUS_WORDS[status]: count for status, count in grid.tally.counts.items()}
        summary["cpu_seconds"] = round(grid.tally.cpu_seconds, 4)
        document = {
            "tool": "membar-check",
            "version": __version__,
            "models": grid.models,
            "tests": tests,
            "summary": summary,
        }
        json.dump(document, self._out, ensure_ascii=False, indent=2)
        self._out.write("\n")
        self._out.flush()
