"""Commands that name an edit: ``drop smp_mb@12``, ``add smp_rmb after 14``, ``make 14 smp_load_acquire``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, NoReturn, TypeVar

from membar_check.diagnostics import InputError
from membar_check.explain.edits.edit import Edit, Point, Site, line_of
from membar_check.explain.edits.sites import Writer, quoted
from membar_check.explain.edits.table import PLAIN, normal
from membar_check.litmus.text import counted, describe

_EXPECTED = "expected `drop FENCE@LINE`, `add FENCE after LINE`, `add FENCE before LINE` or `make LINE FORM`"
_HINT = 'for example: `drop smp_mb@12`, `add smp_rmb after 14`, `make 14 smp_load_acquire`, `add "DMB SY" after P1:9`'
_NAME = r"(?:\"(?P<quoted>[^\"]+)\"|(?P<name>[^\"@#]+?))"
_WHERE = r"(?P<where>[^\s@#]+)"
_NUMBER = r"(?:\s*#\s*(?P<number>[0-9]{1,6}))?\s*\Z"
_COMMANDS = (
    re.compile(rf"\s*(?P<verb>drop)\s+(?:{_NAME}\s*@\s*)?{_WHERE}{_NUMBER}"),
    re.compile(rf"\s*(?P<verb>add)\s+{_NAME}\s+(?P<side>after|before)\s+{_WHERE}{_NUMBER}"),
    re.compile(rf"\s*(?P<verb>make)\s+{_WHERE}\s+{_NAME}{_NUMBER}"),
)
_PLACE = re.compile(r"(?:P(?P<thread>[0-9]{1,6}):|(?P<file>.+):)?(?P<line>[0-9]{1,9})\Z")
_SHOWN = 12  # commands or lines that a message lists
_FILES = 4

_Item = TypeVar("_Item", Site, Point)


class _Where(NamedTuple):
    """A place as a command names it.  ``thread`` -1 and ``file`` "" where they are not said; ``number``: which of
    several in the line, 0 where that is not said."""

    text: str
    thread: int
    file: str
    line: int
    number: int


def parse(writer: Writer, text: str) -> Edit:
    """The edit that a command asks for.  Raises InputError."""
    match = next((found for shape in _COMMANDS if (found := shape.match(text))), None)
    if match is None:
        raise InputError(f"found {describe(text.strip())}, {_EXPECTED}", hint=_HINT)
    parts = match.groupdict()
    name = (parts["quoted"] or parts["name"] or "").strip().removesuffix("()")
    place = _PLACE.match(parts["where"])
    if place is None:
        what = f"found {describe(parts['where'])}, expected a line such as `12`, `P1:12`, or `sched.h:33` in a header"
        raise InputError(what, hint=_HINT)
    thread = int(place["thread"]) if place["thread"] else -1
    where = _Where(parts["where"], thread, place["file"] or "", int(place["line"]), int(parts["number"] or 0))
    reader = _Reader(writer, where, name)
    if parts["verb"] == "drop":
        return reader.drop()
    return reader.add(parts["side"]) if parts["verb"] == "add" else reader.make()


class _Reader:
    """Looks a command up; ``name`` as the command writes it, "" without."""

    def __init__(self, writer: Writer, where: _Where, name: str) -> None:
        self.writer = writer
        self.where = where
        self.name = normal(name) if writer.rows else name
        self.sites = [site for site in writer.places.sites if self._here(site) and self._in_line(site)]

    def drop(self) -> Edit:
        fences = [site for site in self.sites if site.drop is not None]
        named = [site for site in fences if self.name in ("", site.level, site.shown.removesuffix("()"))]
        if not named:
            what = f"no {describe(self.name)}" if self.name else "no fence"
            self._fail(f"there is {what} in {self._shown()}", self._drops(fences))
        return self.writer.drop(self._one(named))

    def make(self) -> Edit:
        writer = self.writer
        fitting = [s for s in self.sites if any(o.level == self.name for o in writer.options(s))]
        if not fitting:
            same = next((site for site in self.sites if site.level == self.name), None)
            if same is not None:
                self._fail(f"{describe(same.shown)} in {self._shown()} is {describe(self.name)} already", "")
            here = [f"make {writer.where(s)} {quoted(o.level)}" for s in self.sites for o in writer.options(s)]
            table = writer.table
            known = self.name in table.fences or self.name in table.forms or self.name == PLAIN
            what = f"nothing in {self._shown()} can become" if known else "there is no fence or form"
            hint = self._listed(here) or self._lines("fences and accesses that can change are", writer.places.sites)
            self._fail(f"{what} {describe(self.name)}", hint)
        site = self._one(fitting)
        return writer.become(site, next(o for o in writer.options(site) if o.level == self.name))

    def add(self, side: str) -> Edit:
        writer = self.writer
        fence = writer.table.fences.get(self.name if writer.rows else self.name.partition("(")[0])
        if fence is None:
            known = ", ".join(quoted(fence.name) for fence in writer.table.fences.values() if fence.add)
            self._fail(f"there is no fence {describe(self.name)} for {writer.test.arch} tests", f"known: {known}")
        if fence.argument and "(" not in self.name:
            offered = (name for point in writer.places.points for name in point.fences)
            calls = list(dict.fromkeys(name for name in offered if name.startswith(f"{fence.name}(")))
            self._fail(f"`{fence.name}` takes an argument", self._listed(calls))
        points = [p for p in writer.places.points if self._here(p) and self.where.line in p.lines(side)]
        if not points:
            hint = self._lines(f"statements can be inserted {side} what is", writer.places.points, side)
            self._fail(f"nothing can be inserted {side} {self._shown()}", hint)
        if writer.rows and len({point.thread for point in points}) > 1:
            self._several(points)
        if not self.where.number:  # the nearest to what the line ends or begins with
            points = points[-1:] if side == "after" else points[:1]
        point = self._one(points)
        lower = writer.rows and any(name.islower() for name in point.fences)
        return writer.insert(point._replace(side=side), self.name.lower() if lower else self.name)

    # --- where -------------------------------------------------------------------------------------------------------
    def _here(self, item: Site | Point) -> bool:
        """Whether the item is in the file and the thread of the command."""
        name, wanted = item.source.name, self.where.file
        if self.where.thread >= 0 and item.thread != self.where.thread:
            return False
        if not wanted:
            return name == self.writer.test.source.name
        return name == wanted or name.endswith("/" + wanted)

    def _in_line(self, site: Site) -> bool:
        last = max(site.start, site.end - 1)
        return line_of(site.source, site.start) <= self.where.line <= line_of(site.source, last)

    def _one(self, found: Sequence[_Item]) -> _Item:
        """The one that the command means."""
        number = self.where.number
        if number:
            if not 1 <= number <= len(found):
                self._fail(f"there is no #{number}: {self._shown()} has {counted(len(found), 'such place')}", "")
            return found[number - 1]
        if len(found) > 1:
            self._several(found)
        return found[0]

    def _several(self, found: Sequence[Site] | Sequence[Point]) -> NoReturn:
        line = self.where.line
        if self.writer.rows and len({item.thread for item in found}) > 1:
            names = " or ".join(f"P{thread}:{line}" for thread in sorted({item.thread for item in found}))
            self._fail(f"line {line} is a row of several threads", f"say which: {names}")
        shown = [f"#{k} {item.shown}" if isinstance(item, Site) else f"#{k}" for k, item in enumerate(found, 1)]
        self._fail(f"{self._shown()} has {len(found)} such places", f"add which: {', '.join(shown)}")

    # --- messages ----------------------------------------------------------------------------------------------------
    def _fail(self, message: str, hint: str) -> NoReturn:
        raise InputError(message, hint=hint)

    def _shown(self) -> str:
        thread = f"P{self.where.thread} " if self.where.thread >= 0 else ""
        return f"{thread}line {self.where.line}" + (f" of {self.where.file}" if self.where.file else "")

    def _drops(self, here: list[Site]) -> str:
        sites = here or [site for site in self.writer.places.sites if site.drop is not None]
        return self._listed([self.writer.drop(site).command for site in sites]) or "the test has no fence"

    def _listed(self, commands: list[str]) -> str:
        unique = list(dict.fromkeys(commands))
        more = f" and {len(unique) - _SHOWN} more" if len(unique) > _SHOWN else ""
        return f"possible: {', '.join(unique[:_SHOWN])}{more}" if unique else ""

    def _lines(self, what: str, items: tuple[Site, ...] | tuple[Point, ...], side: str = "after") -> str:
        """Where there is something, by file."""
        lines: dict[str, set[int]] = {}
        for item in items:
            numbers = {line_of(item.source, item.start)} if isinstance(item, Site) else set(item.lines(side))
            lines.setdefault(item.source.name, set()).update(numbers)
        listed = []
        for name, numbers in lines.items():
            shown = ", ".join(map(str, sorted(numbers)[:_SHOWN])) + (" ..." if len(numbers) > _SHOWN else "")
            file = "" if name == self.writer.test.source.name else f"{self.writer.files[name]}: "
            listed.append(f"{file}{shown}")
        if not listed:
            return "the test has nothing such"
        return f"{what} in lines {'; '.join(listed[:_FILES])}" + (" ..." if len(listed) > _FILES else "")
