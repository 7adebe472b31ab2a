"""Logs of herd7 (and of ``run --format herd``): read as records, and compared in a table as mcompare does it.

The format: herdtools7 manual, chapter "The herd7 simulator".  A block for each test begins with ``Test NAME KIND`` and
has the final states, the verdict, the numbers of witnesses, flags, and the line ``Observation``; what stands between
blocks is for people and is passed over.
"""

from __future__ import annotations

import re
from pathlib import Path

from membar_check.diagnostics import InputError, Source, Span
from membar_check.gate.compare import Difference, Wording, another_test, differences, incomparable, summary
from membar_check.gate.record import digest_of_states
from membar_check.gate.report_data import Position, Record
from membar_check.records import dataclass

_TEST = re.compile(r"Test (\S+) (Allowed|Forbidden|Required)[ \t\r]*$")
_STATES = re.compile(r"States (\d+)[ \t\r]*$")
_WORD = re.compile(r"(?:Loop )?(?:Ok|No|Undef)[ \t\r]*$")
_OBSERVATION = re.compile(r"Observation (\S+) (Never|Sometimes|Always) (\d+) (\d+)[ \t\r]*$")
_BLOCK = re.compile(r"^Test \S+ (?:Allowed|Forbidden|Required)[ \t\r]*$", re.MULTILINE)
_HASH = re.compile(r"Hash=(\S+)[ \t\r]*$")
_HARMLESS = re.compile(r"Time |Hash=|Warning\b")
_FATAL = re.compile(r"Fatal error|Uncaught exception|Killed|Terminated|Segmentation fault|Out of memory|Stack overflow")
UNDEFINED = "*undef*"


@dataclass(frozen=True, slots=True)
class Log:
    """A log: records by the name of the test, in the order of the log; ``unfinished``: how it shows that the run which
    wrote it did not come to its end, "" where it does not."""

    path: str
    records: dict[str, Record]
    unfinished: str = ""


def is_log(text: str) -> bool:
    """Whether a text looks like a log of herd7."""
    return _BLOCK.search(text) is not None


def read_text_file(path: str, what: str) -> Source:
    """The text of a file.  Raises InputError where it cannot be read or is no text."""
    try:
        return Source(path, Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: {what} cannot be read: {why}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: {what} is no text (byte {error.start} is no UTF-8)") from error


def read_log(path: str) -> Log:
    """Reads a log.  Raises InputError, with the place, for one that cannot be read, has no test, or was cut."""
    source = read_text_file(path, "the log")
    if not is_log(source.text):
        raise InputError(f"{path}: found no line `Test NAME Allowed|Forbidden|Required`, expected a log of herd7")
    return Log(path, parse_log(source), unfinished(source))


def parse_log(source: Source) -> dict[str, Record]:
    """The records of a log.  Raises InputError."""
    reader = _Reader(source)
    records: dict[str, Record] = {}
    while reader.to_block():
        line = reader.number
        span = reader.span()
        record = reader.block()
        if record.test in records:
            raise InputError(f"a second test of the name {record.test}, first in line {_line(records, record)}", span)
        records[record.test] = _placed(record, Position(source.name, line))
    return records


def unfinished(source: Source) -> str:
    """How a log shows that the run which wrote it did not come to its end: a fatal error, or anything but times, hashes
    and warnings after the last test; "" where it does not."""
    lines = source.text.split("\n")
    last = max((number for number, line in enumerate(lines) if _OBSERVATION.match(line)), default=-1)
    for number, line in enumerate(lines):
        if _FATAL.match(line) or (number > last and line.strip() and not _HARMLESS.match(line)):
            after = " after the last test" if number > last else ""
            return f"line {number + 1}: found {line.strip()!r}{after}"
    return ""


def _line(records: dict[str, Record], record: Record) -> int:
    place = records[record.test].place
    return place.line if place is not None else 0


def _placed(record: Record, place: Position) -> Record:
    from membar_check.records import replace

    return replace(record, place=place)


class _Reader:
    """Goes through the lines of a log."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lines = source.text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._at = 0

    @property
    def number(self) -> int:
        """The number of the line, from 1."""
        return self._at + 1

    def span(self) -> Span:
        """The place of the line."""
        at = min(self._at, len(self._lines) - 1)
        return Span(self._source, self._starts[at], self._starts[at] + len(self._lines[at]))

    def to_block(self) -> bool:
        """Goes to the next line that begins a block; whether there is one."""
        while self._at < len(self._lines) and not _TEST.match(self._lines[self._at]):
            self._at += 1
        return self._at < len(self._lines)

    def block(self) -> Record:
        """The record of the block that begins here."""
        head = self._take(_TEST, "")
        count = int(self._take(_STATES, "`States N`")[1])
        states = []
        for _ in range(count):
            line = self._next("a final state")
            if not line.rstrip().endswith(";") and line.strip():
                self._at -= 1
                raise InputError(f"found {line.strip()!r}, expected {count} final states", self.span())
            states.append(line.strip())
        word = self._take(_WORD, "Ok, No or Undef")[0].strip()
        flags: list[str] = []
        condition = ""
        while not (found := _OBSERVATION.match(line := self._next("`Observation NAME ...`"))):
            if line.startswith("Flag "):
                flags.append(line[5:].strip())
            elif line.startswith("Condition "):
                condition = line[10:].strip()
            elif _TEST.match(line):
                self._at -= 1
                raise InputError(f"the block of {head[1]} has no line `Observation`: the log was cut", self.span())
        if found[1] != head[1]:
            self._at -= 1
            raise InputError(f"found the observation of {found[1]} in the block of {head[1]}", self.span())
        return Record(
            head[1], kind=head[2], word=word, observation=found[2], states=tuple(states), state_count=count,
            state_digest=digest_of_states(tuple(states)), positive=int(found[3]), negative=int(found[4]),
            flags=tuple(sorted(set(flags), key=lambda flag: (flag != UNDEFINED, flag))),
            loop=word.startswith("Loop"), undefined=word.endswith("Undef"), reached=found[2] != "Never",
            counter_reached=found[2] != "Always", condition=condition,
            hash=self._hash(),
        )  # fmt: skip

    def _hash(self) -> str:
        """The hash that stands between the end of a block and the next one."""
        for line in self._lines[self._at :]:
            if _TEST.match(line):
                break
            if found := _HASH.match(line):
                return found[1]
        return ""

    def _next(self, expected: str) -> str:
        if self._at >= len(self._lines) or (self._at == len(self._lines) - 1 and not self._lines[self._at]):
            raise InputError(f"the log was cut: expected {expected}", self.span())
        self._at += 1
        return self._lines[self._at - 1]

    def _take(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        line = self._next(expected)
        found = pattern.match(line)
        if found is None:
            self._at -= 1
            raise InputError(f"found {line.strip()!r}, expected {expected}", self.span())
        return found


# --- the table -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Row:
    """One test in two logs; None where a log has no such test.  ``another``: the logs have two tests of one name, and
    ``found`` says how they differ.  ``open``: why that nothing was found does not say that the logs agree."""

    test: str
    first: Record | None
    second: Record | None
    found: tuple[Difference, ...]
    another: bool = False
    open: str = ""

    @property
    def same(self) -> bool:
        """Whether both logs have the test, and agree on it."""
        return not self.differs and not self.open

    @property
    def differs(self) -> bool:
        """Whether one log only has the test, or they do not agree on it."""
        return self.first is None or self.second is None or bool(self.found)


def compare_logs(first: Log, second: Log, names: tuple[str, str], compare: tuple[str, ...]) -> tuple[Row, ...]:
    """One row for each test of either log, sorted by name; ``names``: what the logs are called."""
    words = Wording(f"in {names[0]}", f"in {names[1]}", f"only in {names[1]}", f"only in {names[0]}")
    rows = []
    for test in sorted(first.records.keys() | second.records.keys()):
        old, new = first.records.get(test), second.records.get(test)
        rows.append(_row(test, old, new, compare, words) if old and new else Row(test, old, new, ()))
    return tuple(rows)


def _row(test: str, old: Record, new: Record, compare: tuple[str, ...], words: Wording) -> Row:
    if (another := another_test(old, new, words)) is not None:
        return Row(test, old, new, (another,), another=True)
    open_ = incomparable(old, new, compare)
    cut = [side for side, record in ((words.old, old), (words.new, new)) if record.loop]
    if cut and not open_:
        open_ = f"inconclusive: executions were cut at the unrolling bound {' and '.join(cut)}"
    return Row(test, old, new, differences(old, new, compare, words), open=open_)


def exit_status(rows: tuple[Row, ...], logs: tuple[Log, Log]) -> int:
    """1 where tests differ or are in one log only, else 3 where something is left open, else 0."""
    if any(row.differs for row in rows):
        return 1
    return 3 if any(row.open for row in rows) or any(log.unfinished for log in logs) else 0


def table(rows: tuple[Row, ...], names: tuple[str, str], only_different: bool) -> str:
    """The rows as a table of text, what differs below, and a line that counts."""
    cells = [("test", "kind", names[0], names[1])]
    below = []
    for row in rows:
        if only_different and row.same:
            continue
        known = row.first or row.second
        assert known is not None
        cells.append((row.test, known.kind, _cell(row.first), "==" if row.same else _cell(row.second)))
        below += [f"{row.test}: {difference.text}" for difference in row.found]
        below += [f"{row.test}: {row.open}"] if row.open else []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells]
    lines = lines if len(cells) > 1 else []
    return "\n".join([*lines, *below, _counted(rows, names)]) + "\n"


def _cell(record: Record | None) -> str:
    if record is None:
        return "---"
    states = "1 state" if record.state_count == 1 else f"{record.state_count} states"
    parts = [record.word, summary(record), states, f"{record.positive}/{record.negative}"]
    return " ".join([*parts, *record.flags])


def _counted(rows: tuple[Row, ...], names: tuple[str, str]) -> str:
    same = sum(row.same for row in rows)
    different = sum(bool(row.found) and not row.another for row in rows)
    parts = [f"{len(rows)} tests: {same} the same", f"{different} different"]
    parts.append(f"{sum(row.second is None for row in rows)} only in {names[0]}")
    parts.append(f"{sum(row.first is None for row in rows)} only in {names[1]}")
    others = sum(row.another for row in rows)
    left = sum(bool(row.open) and not row.differs for row in rows)
    parts += [f"{others} another test of this name"] if others else []
    parts += [f"{left} inconclusive"] if left else []
    return ", ".join(parts)
