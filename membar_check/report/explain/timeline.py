"""The timeline of an execution as text: a column a thread, or one list where columns would be too narrow."""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.explain.explanation import Row
from membar_check.report.explain.sheet import NOTE, QUIET, SOURCE, Parts, Sheet
from membar_check.report.explain.words import line_of

_NARROWEST = 21  # characters of a column
_BETWEEN = 3  # characters between columns
_MARK = ">> "  # before what is no event: interrupts, switches, failures


def write_timeline(rows: Sequence[Row], main: str, sheet: Sheet) -> None:
    """The rows from top to bottom; rows of no thread (initial writes) come first, as one line."""
    initial = [row.text for row in rows if row.thread < 0]
    if initial:
        sheet.item(f"Initially: {', '.join(initial)}.", indent=2)
        sheet.blank()
    rows = [row for row in rows if row.thread >= 0]
    threads = sorted({row.thread for row in rows})
    if not threads:
        return
    width = (sheet.width - _BETWEEN * (len(threads) - 1)) // len(threads)
    if width < _NARROWEST or _broken(rows, width - 5) > len(rows) / 3:
        _list(rows, main, sheet)
    else:
        _columns(rows, threads, min(width, 56), main, sheet)


def _broken(rows: Sequence[Row], width: int) -> int:
    """How many rows have a word that is wider."""
    return sum(any(len(word) > width for word in row.place.text.split()) for row in rows if not row.note)


def _columns(rows: Sequence[Row], threads: Sequence[int], width: int, main: str, sheet: Sheet) -> None:
    lead = _lead(rows, main)
    cells = []
    for row in rows:
        lines = []
        for first, parts in _told(row, main, lead):
            lines += sheet.wrapped(parts, width, first, " " * (lead + 2))
        cells.append([lines if thread == row.thread else [] for thread in threads])
    sheet.table([f"P{thread}" for thread in threads], [width] * len(threads), cells)


def _list(rows: Sequence[Row], main: str, sheet: Sheet) -> None:
    lead = _lead(rows, main)
    previous = -1
    size = max(len(f"P{row.thread}") for row in rows)
    for row in rows:
        name = f"P{row.thread}" if row.thread != previous else ""
        for first, parts in _told(row, main, lead):
            sheet.item(parts, bullet=f"{name:<{size}} | {first}", hang=2 + lead - len(first))
            name = ""
        previous = row.thread


def _lead(rows: Sequence[Row], main: str) -> int:
    """The width of the column of line numbers."""
    return max((len(str(row.place.line)) for row in rows if row.place.file in ("", main)), default=2) + 1


def _told(row: Row, main: str, lead: int) -> list[tuple[str, Parts]]:
    """What stands before the first line, and the text: of the source, then of what happens."""
    inside = " " * lead
    if row.note:
        where = [] if not row.place.line else [(f" ({line_of(row.place, main)})", QUIET)]
        return [(inside, [(_MARK, NOTE), (row.text, NOTE), *where])]
    told: list[tuple[str, Parts]] = []
    if row.place.text:
        number = f"{row.place.line:>{lead - 1}} "
        if row.place.file not in ("", main):
            told.append((inside, [(line_of(row.place, main), QUIET)]))
            number = inside
        told.append((number, [(row.place.text, SOURCE)]))
    if row.text and row.text != row.place.text:
        told.append((inside + "  " if told else inside, row.text))
    return told
