"""The source files on the page: which lines are shown and which are folded away, and what an edit does to them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from membar_check.records import dataclass

CONTEXT = 3  # lines shown around a line that matters
SHORT_FILE = 45  # files up to this many lines are shown whole
_MINIMUM_FOLD = 3


@dataclass(frozen=True, slots=True)
class SourceLine:
    number: int
    text: str
    matters: bool


@dataclass(frozen=True, slots=True)
class Fold:
    """Lines of a source file that follow one another, ``folded`` where nothing of the executions stands there."""

    folded: bool
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source file; ``used``: something of the executions stands in it."""

    index: int
    name: str
    used: bool
    folds: tuple[Fold, ...]


def folds(text: str, matters: set[int], first: bool) -> Iterator[Fold]:
    """The lines of a file in pieces: shown are those around ``matters``, short files whole where anything matters in
    them or they come ``first``; the others are folded."""
    lines = text.removesuffix("\n").split("\n") if text else []
    short = len(lines) <= SHORT_FILE and (first or bool(matters))
    near = {n for line in matters for n in range(line - CONTEXT, line + CONTEXT + 1)}
    shown = [short or number in near for number in range(1, len(lines) + 1)]
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and shown[end] == shown[start]:
            end += 1
        if not shown[start] and end - start < _MINIMUM_FOLD:
            shown[start:end] = [True] * (end - start)
            continue
        part = tuple(SourceLine(n + 1, lines[n].expandtabs(4), n + 1 in matters) for n in range(start, end))
        yield Fold(not shown[start], part)
        start = end


def diff_lines(diff: str) -> tuple[tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]]:
    """The lines of a unified diff: those that go (number, text), those that come (the line that they stand after)."""
    removed: list[tuple[int, str]] = []
    added: list[tuple[int, str]] = []
    old = 0
    inside = False
    for line in diff.split("\n") if diff else ():
        if match := re.match(r"@@ -(\d+)(?:,(\d+))? ", line):
            inside = True
            old = int(match[1]) - (match[2] != "0")
        elif inside and line.startswith("-"):
            old += 1
            removed.append((old, line[1:]))
        elif inside and line.startswith("+"):
            added.append((old, line[1:]))
        elif inside and not line.startswith("\\"):
            old += 1
    return tuple(removed), tuple(added)
