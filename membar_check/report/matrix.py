"""Tests against models: one row a test, one column a model, with what each model says of the condition.

A cell holds the observation (``Never``, ``Sometimes``, ``Always``), for kernel C the classes of outcome found or
``clean``, and flags in brackets.  An exclamation mark: differs from what the file of expected verdicts says.
"""

from __future__ import annotations

from typing import TextIO

from membar_check.diagnostics import Unsupported, one_line
from membar_check.expectations import Judged, flags_of, observed
from membar_check.records import dataclass, field
from membar_check.report import Settings
from membar_check.report.summary import Tally
from membar_check.verdict import Failure, Status

DEFAULT = "(default)"  # the column of failures that come before the model is known
STYLES = {Status.DIFFERS: "bold red", Status.ERROR: "magenta", Status.INCONCLUSIVE: "yellow"}


def make(out: TextIO, settings: Settings) -> Matrix:
    return Matrix(out, settings)


@dataclass(slots=True)
class Grid:
    """Results by file and model; files and models in the order in which they come."""

    models: list[str] = field(default_factory=list)
    files: dict[str, dict[str, Judged]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    def add(self, judged: Judged) -> None:
        self.tally.add(judged)
        model = judged.result.model or DEFAULT
        if model not in self.models:
            self.models.append(model)
        self.files.setdefault(judged.result.file, {})[model] = judged


class Matrix:
    """Gathers the results and prints the table at the end: with colours on a terminal, plain text elsewhere."""

    def __init__(self, out: TextIO, settings: Settings) -> None:
        self._out = out
        self._grid = Grid()
        self._quiet = settings.verbosity < 0

    def add(self, judged: Judged) -> None:
        self._grid.add(judged)

    def finish(self) -> None:
        found = self._grid.files.items()
        rows = [(one_line(file), by_model) for file, by_model in found if not self._quiet or _odd(by_model)]
        if rows:
            (self._rich if self._out.isatty() else self._plain)(rows)
        marked = any(_differs(judged) for _, by_model in rows for judged in by_model.values())
        if marked:
            self._out.write("! differs from the expected verdict\n")
        self._out.write(self._grid.tally.line() + "\n")
        self._out.flush()

    def _plain(self, rows: list[tuple[str, dict[str, Judged]]]) -> None:
        models = self._grid.models
        lines = [("test", *models), *((file, *(cell(found.get(m)) for m in models)) for file, found in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for cells in lines:
            padded = (text.ljust(width) for text, width in zip(cells, widths, strict=True))
            self._out.write("  ".join(padded).rstrip() + "\n")

    def _rich(self, rows: list[tuple[str, dict[str, Judged]]]) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for title in ("test", *self._grid.models):
            table.add_column(title, overflow="fold")
        for file, found in rows:
            cells = [(found.get(model), cell(found.get(model))) for model in self._grid.models]
            table.add_row(Text(file), *(Text(text, style=_style(judged)) for judged, text in cells))
        Console(file=self._out, highlight=False).print(table)


def cell(judged: Judged | None) -> str:
    """What one model says of one test; "" where it was not asked."""
    if judged is None:
        return ""
    result = judged.result
    if isinstance(result, Failure):
        if isinstance(result.error, Unsupported):
            return "unsupported"
        return "error" if judged.status is Status.ERROR else "no answer"
    text = observed(result)
    flags = flags_of(result) if result.findings is None else ()
    if flags:
        text += f" [{','.join(flags)}]"
    if result.loop:
        text += " (cut)"
    return text + "!" * _differs(judged)


def _differs(judged: Judged) -> bool:
    """Whether a written expectation is not met; that of the condition's quantifier does not count, as one condition
    cannot hold under all models."""
    return judged.status is Status.DIFFERS and judged.expected != ""


def _odd(by_model: dict[str, Judged]) -> bool:
    return any(judged.status is not Status.AS_EXPECTED for judged in by_model.values())


def _style(judged: Judged | None) -> str:
    if judged is None or (judged.status is Status.DIFFERS and not _differs(judged)):
        return ""
    return STYLES.get(judged.status, "")
