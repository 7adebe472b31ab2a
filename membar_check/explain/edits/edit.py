"""What an edit is, and the places of a test that can be edited."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

from membar_check.diagnostics import Source
from membar_check.explain.explanation import Place
from membar_check.records import dataclass


class Change(NamedTuple):
    """``source[start:end]`` of a file becomes ``text``."""

    file: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of the source that means one thing.

    ``kind``: drop, weaken, strengthen or add; ``command``: as ``sites.parse_edit`` takes it; ``text``: in words;
    ``site``: edits of the same site exclude each other; ``level``: the fence or form that stands there afterwards, ""
    for none; ``was``: the one before, "" for none.  ``changes`` are in the order of the text.
    """

    kind: str
    command: str
    text: str
    cost: float
    place: Place
    changes: tuple[Change, ...]
    site: str
    level: str
    was: str = ""


class Option(NamedTuple):
    """What a site can become: a fence or form of the table, how it is written then, and the changes that do it."""

    level: str
    shown: str
    changes: tuple[Change, ...]


class Site(NamedTuple):
    """A fence or an access that stands in ``source[start:end]``; ``start`` and ``end`` are also where it is looked for.

    ``thread``: -1 where several may run it; ``shown``: as written; ``drop``: what takes it away, None if nothing does.
    """

    thread: int
    source: Source
    start: int
    end: int
    level: str
    access: str
    shown: str
    weaker: tuple[Option, ...]
    stronger: tuple[Option, ...]
    drop: tuple[Change, ...] | None

    @property
    def key(self) -> str:
        return f"{self.source.name}:{self.start}"


class Point(NamedTuple):
    """Where a statement or instruction can be inserted: behind what stands in ``after:until`` and before what begins at
    ``before`` (offsets).  ``start:end`` of the source becomes ``head``, the new statement, ``tail``; ``extra`` are
    changes that go with it.

    ``side``: after or before, by which of them the place is named; ``main``: of several points that mean the same, the
    one to offer; ``fences``: the names that the table lets stand there, as they are written.  ``column``: tells points
    apart that have the same offset, -1 in C.
    """

    thread: int
    source: Source
    after: int
    until: int
    before: int
    side: str
    start: int
    end: int
    head: str
    tail: str
    main: bool
    fences: tuple[str, ...]
    column: int = -1
    extra: tuple[Change, ...] = ()

    @property
    def named(self) -> int:
        """The offset by whose line the place is named."""
        return self.before if self.side == "before" else self.after

    def lines(self, side: str) -> range:
        """The lines by which a command may name the place, on that side."""
        if side == "before":
            return range(line_of(self.source, self.before), line_of(self.source, self.before) + 1)
        return range(line_of(self.source, self.after), line_of(self.source, self.until - 1) + 1)

    @property
    def key(self) -> str:
        column = "" if self.column < 0 else f":{self.column}"
        return f"{self.source.name}:+{self.start}{column}"


class Places(NamedTuple):
    """All of a test, each in the order of the files as they are first met, then of the text."""

    sites: tuple[Site, ...]
    points: tuple[Point, ...]


@lru_cache(maxsize=64)
def _line_starts(text: str) -> tuple[int, ...]:
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return tuple(starts)


def line_of(source: Source, offset: int) -> int:
    """The number, from 1, of the line that the offset is in."""
    return bisect_right(_line_starts(source.text), offset)


def line_range(source: Source, offset: int) -> tuple[int, int]:
    """Where the line of the offset begins, and where its newline (or the text's end) is."""
    start = source.text.rfind("\n", 0, offset) + 1
    end = source.text.find("\n", offset)
    return start, len(source.text) if end < 0 else end


def place_of(source: Source, offset: int) -> Place:
    """The line of the offset, for people."""
    start, end = line_range(source, offset)
    return Place(source.name, line_of(source, offset), " ".join(source.text[start:end].split()))
