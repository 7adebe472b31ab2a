"""The edits of a test: every single one, and those that a person asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from membar_check.explain.edits.edit import Change, Edit, Option, Places, Point, Site, line_of, place_of
from membar_check.explain.edits.table import Table
from membar_check.litmus.syntax import LitmusTest

__all__ = ["KINDS", "Change", "Edit", "all_edits", "parse_edit"]

KINDS = ("drop", "weaken", "strengthen", "add")
"""What an edit can do: take a fence away, make a fence or access weaker or stronger, insert a fence."""


def all_edits(
    test: LitmusTest,
    table: Table,
    kinds: Collection[str] = KINDS,
    lines: Collection[tuple[str, int]] | None = None,
) -> tuple[Edit, ...]:
    """Every single edit of a test, cheapest first, then by place.

    Where several places mean the same for an inserted fence, one of them is offered.  ``lines``: files as the test's
    spans name them, and lines; only there are fences inserted (before or after) and accesses strengthened.
    """
    places = find_places(test, table)
    chosen = None if lines is None else frozenset(lines)
    writer = Writer(test, table, places)
    edits = [edit for edit in _of_sites(writer, chosen) if edit.kind in kinds]
    if "add" in kinds:
        edits += _of_points(writer, chosen)
    files = dict.fromkeys(source_names(places))
    order = {name: number for number, name in enumerate(files)}
    return tuple(sorted(edits, key=lambda edit: (edit.cost, order[edit.place.file], edit.place.line)))


def parse_edit(test: LitmusTest, table: Table, text: str) -> Edit:
    """The edit that a command asks for: ``drop smp_mb@12``, ``drop 12``, ``add smp_rmb after 14``, ``make 14
    smp_load_acquire``, ``add "DMB SY" before P1:9``, ``drop membarrier-5.4.h:33``.

    Raises InputError where the command is none, or where there is nothing such; it lists what can be edited there.
    """
    from membar_check.explain.edits.commands import parse

    return parse(Writer(test, table, find_places(test, table)), text)


def find_places(test: LitmusTest, table: Table) -> Places:
    """What can be edited in a test of any dialect."""
    if test.kernel is not None:
        from membar_check.explain.edits.kernel import kernel_places

        return kernel_places(test, table)
    if test.arch == "C":
        from membar_check.explain.edits.plain_c import plain_places

        return plain_places(test, table)
    from membar_check.explain.edits.assembly import assembly_places

    return assembly_places(test, table)


def source_names(places: Places) -> list[str]:
    """The file of each place."""
    return [*(site.source.name for site in places.sites), *(point.source.name for point in places.points)]


def _of_sites(writer: Writer, lines: frozenset[tuple[str, int]] | None) -> Iterator[Edit]:
    for site in writer.places.sites:
        if site.drop is not None:
            yield writer.drop(site)
        for option in site.weaker:
            yield writer.become(site, option)
        numbers = range(line_of(site.source, site.start), line_of(site.source, site.end) + 1)
        if lines is None or _near(site.source.name, numbers, lines):
            for option in site.stronger:
                yield writer.become(site, option)


def _of_points(writer: Writer, lines: frozenset[tuple[str, int]] | None) -> Iterator[Edit]:
    for point in writer.places.points:
        numbers = range(line_of(point.source, point.after), line_of(point.source, point.before) + 1)
        if point.main and (lines is None or _near(point.source.name, numbers, lines)):
            for name in point.fences:
                yield writer.insert(point, name)


def _near(file: str, numbers: Iterable[int], lines: frozenset[tuple[str, int]]) -> bool:
    return any((file, number) in lines for number in numbers)


class Writer:
    """Makes the edits of the places of a test, with their commands."""

    def __init__(self, test: LitmusTest, table: Table, places: Places) -> None:
        self.test = test
        self.table = table
        self.places = places
        self.rows = test.arch != "C"
        self.files = self._files()
        self.sites: dict[tuple[str, int, int, str], list[str]] = {}
        for site in places.sites:
            line = line_of(site.source, site.start)
            levels = {*(["" if site.drop is None else f"-{site.level}"]), *(o.level for o in self.options(site))}
            for level in levels:
                self.sites.setdefault((*self._row(site), line, level), []).append(site.key)
        self.points: dict[tuple[str, int, int, str], list[str]] = {}
        for point in places.points:
            for side in ("after", "before"):
                for line in point.lines(side):
                    self.points.setdefault((*self._row(point), line, side), []).append(point.key)

    def _files(self) -> dict[str, str]:
        """What commands call the headers: their names, with the folder where two would be called the same."""
        names = dict.fromkeys(source_names(self.places))
        short = [name.rsplit("/", 1)[-1] for name in names]
        return {name: part if short.count(part) == 1 else name for name, part in zip(names, short, strict=True)}

    def _row(self, item: Site | Point) -> tuple[str, int]:
        return item.source.name, item.thread if self.rows else -1

    @staticmethod
    def options(site: Site) -> tuple[Option, ...]:
        """All that a site can become."""
        return (*site.weaker, *site.stronger)

    # --- edits -------------------------------------------------------------------------------------------------------
    def drop(self, site: Site) -> Edit:
        """The edit that takes a fence away."""
        assert site.drop is not None
        command = f"drop {quoted(site.level)}@{self.where(site)}{self._number(site, f'-{site.level}')}"
        return Edit(
            "drop", command, f"without {site.shown} in {self.words(site)}", 0.0,
            place_of(site.source, site.start), site.drop, site.key, "", site.level,
        )  # fmt: skip

    def become(self, site: Site, option: Option) -> Edit:
        """The edit that puts a weaker or stronger fence or access in the place of another."""
        weaken = option in site.weaker
        cost = 0.0 if weaken else self.table.change(site.level, option.level)
        command = f"make {self.where(site)} {quoted(option.level)}{self._number(site, option.level)}"
        return Edit(
            "weaken" if weaken else "strengthen", command,
            f"{option.shown} instead of {site.shown} in {self.words(site)}", cost,
            place_of(site.source, site.start), option.changes, site.key, option.level, site.level,
        )  # fmt: skip

    def insert(self, point: Point, name: str) -> Edit:
        """The edit that inserts a fence, as it is written."""
        shown = name if self.rows or name.endswith(")") else f"{name}()"
        written = f"{point.head}{shown if self.rows else f'{shown};'}{point.tail}"
        change = Change(point.source.name, point.start, point.end, written)
        place = place_of(point.source, point.named)
        level = name.upper() if self.rows else name.partition("(")[0]
        which = "" if self.rows else f", `{place.text}`"
        alike = self.points[(*self._row(point), place.line, point.side)]
        number = f" #{alike.index(point.key) + 1}" if len(alike) > 1 else ""
        return Edit(
            "add", f"add {quoted(name)} {point.side} {self.where(point)}{number}",
            f"{shown} {point.side} {self.words(point)}{which}",
            self.table.cost(level), place, (change, *point.extra), point.key, level,
        )  # fmt: skip

    def _number(self, site: Site, level: str) -> str:
        """``#2`` where a command would mean several sites."""
        alike = self.sites[(*self._row(site), line_of(site.source, site.start), level)]
        return f" #{alike.index(site.key) + 1}" if len(alike) > 1 else ""

    # --- places ------------------------------------------------------------------------------------------------------
    def where(self, item: Site | Point) -> str:
        """The place as a command names it: ``12``, ``P1:12`` in assembly, ``sched.h:33`` in a header."""
        line = line_of(item.source, item.start if isinstance(item, Site) else item.named)
        if item.source.name != self.test.source.name:
            return f"{self.files[item.source.name]}:{line}"
        return f"P{item.thread}:{line}" if self.rows else str(line)

    def words(self, item: Site | Point) -> str:
        """The place in words: ``P1 line 12``, ``line 33 of sched.h``."""
        line = line_of(item.source, item.start if isinstance(item, Site) else item.named)
        if item.source.name != self.test.source.name:
            return f"line {line} of {self.files[item.source.name]}"
        return f"P{item.thread} line {line}" if item.thread >= 0 else f"line {line}"


def quoted(name: str) -> str:
    """A name as commands write it."""
    return f'"{name}"' if " " in name or "(" in name else name
