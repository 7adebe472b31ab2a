"""A table for people: with colours on a terminal, plain aligned text elsewhere (and there without importing rich)."""

from __future__ import annotations

import os
from typing import TextIO

from membar_check.diagnostics import one_line
from membar_check.expectations import GRAVITY, Judged, flags_of, observed
from membar_check.report import Settings
from membar_check.report.findings import describe
from membar_check.report.summary import STATUS_WORDS, Tally
from membar_check.verdict import Failure, Status, Verdict

# Title, whether it is a number, whether only the long table has it.
COLUMNS = (
    ("test", False, False),
    ("model", False, False),
    ("verdict", False, False),
    ("observed", False, False),
    ("expected", False, False),
    ("states", True, False),
    ("pos/neg", True, False),
    ("flags", False, False),
    ("candidates", True, True),
    ("engine", False, True),
    ("ms", True, False),
    ("", False, False),
)
STYLES = {
    Status.AS_EXPECTED: "green",
    Status.DIFFERS: "bold red",
    Status.ERROR: "bold magenta",
    Status.INCONCLUSIVE: "yellow",
}


def make(out: TextIO, settings: Settings) -> Table:
    return Table(out, settings)


class Table:
    """Gathers the rows and prints them at the end: the widths depend on all of them.

    On a terminal, where width is scarce, tests are grouped by folder and empty columns are left out; elsewhere each row
    stands for itself, for programs that pick lines.
    """

    def __init__(self, out: TextIO, settings: Settings) -> None:
        self._out = out
        self._settings = settings
        self._tally = Tally()
        self._rows: list[tuple[Status, tuple[str, ...]]] = []
        self._reasons: list[tuple[Status, str]] = []
        self._findings: list[str] = []

    def add(self, judged: Judged) -> None:
        self._tally.add(judged)
        good = judged.status is Status.AS_EXPECTED
        if good and self._settings.verbosity < 0:
            return
        self._rows.append((judged.status, row(judged)))
        if isinstance(judged.result, Verdict) and judged.result.findings and (not good or self._settings.verbosity > 0):
            self._findings += map(one_line, describe(judged.result, self._settings.verbosity > 0))
        if not good and isinstance(judged.result, Verdict):  # errors have been printed in full
            name = f"{judged.result.file}, {judged.result.model}"
            self._reasons.append((judged.status, one_line(f"{name}: {judged.reason}")))

    def finish(self) -> None:
        shown = [index for index, (_, _, long) in enumerate(COLUMNS) if not long or self._settings.verbosity > 0]
        rows = [(status, tuple(cells[index] for index in shown)) for status, cells in self._rows]
        head = [COLUMNS[index] for index in shown]
        titles = tuple(title for title, _, _ in head)
        numeric = tuple(number for _, number, _ in head)
        if self._out.isatty():
            self._finish_rich(titles, numeric, rows)
        else:
            self._finish_plain(titles, numeric, rows)

    def _finish_plain(
        self, titles: tuple[str, ...], numeric: tuple[bool, ...], rows: list[tuple[Status, tuple[str, ...]]]
    ) -> None:
        lines = [titles, *(cells for _, cells in rows)] if rows else []
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for cells in lines:
            padded = (
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(cells, widths, numeric, strict=True)
            )
            self._out.write("  ".join(padded).rstrip() + "\n")
        for line in self._findings:
            self._out.write(f"{line}\n")
        for _, reason in self._reasons:
            self._out.write(f"{reason}\n")
        self._out.write(self._tally.line() + "\n")
        self._out.flush()

    def _finish_rich(
        self, titles: tuple[str, ...], numeric: tuple[bool, ...], rows: list[tuple[Status, tuple[str, ...]]]
    ) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        console = Console(file=self._out, highlight=False)
        if rows:
            used = [any(cells[index] for _, cells in rows) for index in range(len(titles))]
            table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
            for title, number, shown in zip(titles, numeric, used, strict=True):
                if shown:
                    table.add_column(title, justify="right" if number else "left", overflow="fold")
            previous = ""
            for status, cells in rows:
                folder, name = os.path.split(cells[0])
                if folder != os.path.dirname(previous):
                    table.add_row(Text(f"{folder}/", style="bold"))
                name = name.removesuffix(".litmus")
                body = ["  " * bool(folder) + name if cells[0] != previous else "", *cells[1:-1]]
                shown_cells = [Text(cell) for cell, shown in zip(body, used, strict=False) if shown]
                table.add_row(*shown_cells, Text(cells[-1], style=STYLES[status]))
                previous = cells[0]
            console.print(table)
        for line in self._findings:
            console.print(Text(line))
        for status, reason in self._reasons:
            console.print(Text(reason, style=STYLES[status]))
        worst = next((status for status in GRAVITY if self._tally.counts[status]), Status.AS_EXPECTED)
        console.print(Text(self._tally.line(), style=STYLES[worst]))


def row(judged: Judged) -> tuple[str, ...]:
    """The cells of one result, one for each of :data:`COLUMNS`."""
    result = judged.result
    word = STATUS_WORDS[judged.status]
    if isinstance(result, Failure):
        return (one_line(result.file), result.model, "", "", judged.expected, "", "", "", "", "", "", word)
    kernel = result.findings is not None
    counts = "" if result.positive is None else f"{result.positive}/{result.negative}"
    return (
        one_line(result.file),
        result.model,
        ("Flagged" if result.classes else "Clean") if kernel else result.word,
        observed(result),
        judged.expected or ("clean" if kernel else result.condition.quantifier.value),
        "" if result.states is None else str(len(result.states)),
        counts,
        ",".join(flags_of(result)),
        str(result.candidates),
        result.engine,
        f"{result.cpu_seconds * 1000:.1f}",
        word,
    )
