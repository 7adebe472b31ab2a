"""Keeps the table of an assembly test neat where edits have changed the length of its cells."""

from __future__ import annotations

import re

_HEADS = re.compile(r"[ \t]*P0[ \t]*(?:\|[^\n]*)?;[ \t\r]*\Z", re.ASCII)


def aligned(before: str, after: str, threads: int) -> str:
    """The edited text with its columns aligned as those of the original are; unchanged where those are not.

    Rows that edits left without any instruction go.
    """
    widths = _widths(_table(before.split("\n"), threads)[1])
    lines = after.split("\n")
    first, rows = _table(lines, threads)
    if widths is None or not rows:
        return after
    for cells in rows:
        widths = [max(width, len(cell.rstrip()) + 1) for width, cell in zip(widths, cells, strict=True)]
    kept = not any(not "".join(cells).strip() for cells in _table(before.split("\n"), threads)[1])
    made = [
        "|".join(cell.rstrip().ljust(width) for cell, width in zip(cells, widths, strict=True)) + ";"
        for cells in rows
        if not kept or "".join(cells).strip()
    ]
    return "\n".join([*lines[:first], *made, *lines[first + len(rows) :]])


def _table(lines: list[str], threads: int) -> tuple[int, list[list[str]]]:
    """The number of the line with the heads, and the cells of it and of the rows behind it."""
    rows: list[list[str]] = []
    first = next((number for number, line in enumerate(lines) if _HEADS.match(line)), len(lines))
    for line in lines[first:]:
        text = line.rstrip()
        cells = text.removesuffix(";").split("|")
        if not text.endswith(";") or len(cells) != threads or "(*" in text:
            break
        rows.append(cells)
    return first, rows


def _widths(rows: list[list[str]]) -> list[int] | None:
    """The widths of the columns, None where the rows differ."""
    widths = {tuple(len(cell) for cell in cells) for cells in rows}
    return list(widths.pop()) if len(widths) == 1 else None
