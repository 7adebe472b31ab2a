"""Reports: each takes judged results and writes them in one format.  One file each, one line in a registry below.

A module of :data:`FORMATS` has ``make(out, settings) -> Reporter``; one of :data:`PICTURES` has
``draw(verdict) -> str`` for verdicts with a witness, and ``SUFFIX``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, TextIO, cast

from membar_check.expectations import Judged
from membar_check.records import dataclass
from membar_check.verdict import Verdict

FORMATS = {
    "table": "membar_check.report.table",
    "herd": "membar_check.report.herd_log",
    "json": "membar_check.report.json_report",
    "matrix": "membar_check.report.matrix",
    "matrix-json": "membar_check.report.matrix_json",
}
PICTURES = {
    "dot": "membar_check.report.dot",
    "svg": "membar_check.report.svg",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user wants to see: ``verbosity`` -1 (only what needs attention), 0, 1 (more columns)."""

    verbosity: int = 0


class Reporter(Protocol):
    """Gets the judged results one by one, in order; ``finish`` is called once, also after an interrupt."""

    def add(self, judged: Judged) -> None: ...

    def finish(self) -> None: ...


def make_reporter(name: str, out: TextIO, settings: Settings) -> Reporter:
    """The reporter for a key of :data:`FORMATS`, writing to ``out``."""
    return cast(Reporter, import_module(FORMATS[name]).make(out, settings))


def draw(kind: str, verdict: Verdict) -> str:
    """The witness of the verdict as text in the picture format ``kind``, a key of :data:`PICTURES`.

    Raises ValueError where the verdict has no witness.
    """
    if verdict.witness is None:
        raise ValueError("the verdict has no witness to draw")
    return cast(str, import_module(PICTURES[kind]).draw(verdict))
