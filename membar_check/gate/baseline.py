"""Baselines: what every check of a tree gave, recorded in a text file that is reviewed and kept with the tests.

The first line names the format and its version, the last the number of lines.  Between them, sorted, one line each::

    option NAME VALUE                            what the run was made with
    model NAME DIALECT DIGEST                    the meaning of a model, as one digest
    part NAME DIALECT axiom hb DIGEST            one of its parts, so that a change can be named
    FILE MODEL KIND WORD Never asks=... ...      one test under one model, then after `:` its final states

and each ends with ``~`` and a checksum of the line.  A line that was changed by hand, a line that is missing, a file
that was cut: all are found, with their place, and then nothing of the file is believed.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from membar_check.diagnostics import InputError, Source, Span
from membar_check.gate.record import QUANTIFIERS, digest_of_states
from membar_check.gate.report_data import Record
from membar_check.gate.store import checksum
from membar_check.records import dataclass, field
from membar_check.verdict import Observation

VERSION = 2
OLDER = (1,)
"""Versions that are read as well; 1 does not say what tests ask."""

HEAD = f"membar-check baseline {VERSION}"
MOST_STATES = 40  # tests with more final states are recorded by the digest of these

Name = tuple[str, str]  # of a test: file, model; of a model: name, dialect
Part = tuple[str, str]  # of a model: what it is, its name


@dataclass(slots=True)
class Recorded:
    """A model as it was recorded: the digest of the whole, and of each part."""

    digest: str
    parts: dict[Part, str] = field(default_factory=dict)


@dataclass(slots=True)
class Baseline:
    """``records`` by file, relative to the folder of ``path``, and model; ``lines``: where each stands in the file;
    ``version``: of the format in which it was read."""

    path: str
    options: dict[str, str] = field(default_factory=dict)
    models: dict[Name, Recorded] = field(default_factory=dict)
    records: dict[Name, Record] = field(default_factory=dict)
    lines: dict[Name, int] = field(default_factory=dict)
    version: int = VERSION

    def name_of(self, path: str) -> str:
        """How the baseline names the test at ``path``."""
        return os.path.relpath(path, os.path.dirname(self.path) or ".").replace(os.sep, "/")

    def path_of(self, name: str) -> str:
        """The path of the test of that name."""
        return os.path.normpath(os.path.join(os.path.dirname(self.path), name))


# --- writing ---------------------------------------------------------------------------------------------------------
def write_baseline(baseline: Baseline) -> None:
    """Writes the file, so that others see the old or the new one and nothing between.  Raises InputError."""
    import tempfile

    target = Path(baseline.path)
    text = render_baseline(baseline)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(name, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~mask)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise InputError(f"{baseline.path}: cannot be written: {(error.strerror or str(error)).lower()}") from error


def render_baseline(baseline: Baseline) -> str:
    """The text of the file."""
    lines = [f"option {_quoted(name)} {_quoted(value)}" for name, value in sorted(baseline.options.items())]
    for (model, dialect), recorded in sorted(baseline.models.items()):
        where = f"{_quoted(model)} {dialect}"
        lines.append(f"model {where} {recorded.digest}")
        lines += [f"part {where} {what} {_quoted(name)} {d}" for (what, name), d in sorted(recorded.parts.items())]
    lines += [_record_line(name, record) for name, record in sorted(baseline.records.items())]
    lines.append(f"end {len(lines)}")
    return "".join([f"{HEAD}\n", *(f"{line} ~{checksum(line)[:8]}\n" for line in lines)])


def _record_line(name: Name, record: Record) -> str:
    words = [_quoted(name[0]), _quoted(name[1]), record.kind, record.word.replace(" ", "-"), record.observation or "-"]
    words.append(f"test={_quoted(record.test)}")
    if record.asks:
        words.append(f"asks={record.asks}")
    if record.state_count is not None:
        words.append(f"states={record.state_count}")
    if record.positive is not None and record.negative is not None:
        words.append(f"counts={record.positive}/{record.negative}")
    if record.flags:
        words.append(f"flags={','.join(map(_quoted, record.flags))}")
    if record.classes is not None:
        words.append(f"classes={','.join(record.classes) or 'clean'}")
    states = record.states
    if states is not None and len(states) <= MOST_STATES:
        return " ".join(words) + " :" + " |".join(f" {_escaped(state)}" for state in states)
    if record.state_digest:
        words.append(f"digest={record.state_digest}")
    return " ".join(words)


_BARE = re.compile(r"[\w./+\-@:*\[\]&#{}()!%^<>$]+")
_RESERVED = ("option", "model", "part", "end")


def _quoted(text: str) -> str:
    """A word, in quotes where it would not be one."""
    if _BARE.fullmatch(text) and text not in _RESERVED:
        return text
    return json.dumps(text).replace(" ", "\\u0020").replace(",", "\\u002c")


def _escaped(state: str) -> str:
    return state.replace("\\", "\\\\").replace("|", "\\p").replace("~", "\\t").replace("\n", "\\n")


_UNESCAPED = {"\\\\": "\\", "\\p": "|", "\\t": "~", "\\n": "\n"}


def _unescaped(text: str) -> str:
    return re.sub(r"\\[\\ptn]", lambda found: _UNESCAPED[found[0]], text)


# --- reading ---------------------------------------------------------------------------------------------------------
def read_baseline(path: str) -> Baseline:
    """Reads a baseline.  Raises InputError, with the place, for a file that cannot be read, is of another version, was
    cut or changed."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        hint = "`--update` records one" if isinstance(error, FileNotFoundError) else ""
        why = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: the baseline cannot be read: {why}", hint=hint) from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        what = f"{path}:{line}: the baseline is damaged: byte {error.start} is no UTF-8, nothing of it is believed"
        raise InputError(what, hint=_HINT) from error
    return parse_baseline(Source(path, text))


_HINT = "take it from version control, or record a new one with `--update` after looking at what changes"
_WORD = re.compile(r"[^ ]+")


def parse_baseline(source: Source) -> Baseline:
    """The baseline from its text.  Raises InputError."""
    lines = source.text.split("\n")
    head = Span(source, 0, len(lines[0]))
    found = re.fullmatch(r"membar-check baseline ([1-9]\d*)", lines[0], re.ASCII)
    if found is None or int(found[1]) not in (VERSION, *OLDER):
        if found is not None:
            raise InputError(f"a baseline of version {found[1]}, expected version {VERSION}", head, _HINT)
        raise InputError(f"this is no baseline: expected `{HEAD}`", head, _HINT)
    reader = _Reader(source, int(found[1]))
    offset = len(lines[0]) + 1
    for number, line in enumerate(lines[1:-1], 2):
        if reader.ended:
            raise InputError("found more lines after the end of the baseline", Span(source, offset, offset), _HINT)
        reader.line(line, offset, number)
        offset += len(line) + 1
    if lines[-1] or not reader.ended:
        last = Span(source, offset, len(source.text)) if lines[-1] else Span(source, max(0, offset - 1), offset - 1)
        raise InputError("the baseline was cut: expected its last line, `end N`", last, _HINT)
    return reader.baseline


class _Reader:
    """Reads line after line."""

    def __init__(self, source: Source, version: int) -> None:
        self.baseline = Baseline(source.name, version=version)
        self.ended = False
        self._source = source
        self._count = 0
        self._last: tuple[object, ...] = ()

    def line(self, line: str, offset: int, number: int) -> None:
        """Reads the line at an offset.  Raises InputError."""
        content, tilde, summed = line.rpartition(" ~")
        if not tilde or checksum(content)[:8] != summed:
            what = "this line of the baseline was changed or damaged: its checksum is wrong"
            raise InputError(what, Span(self._source, offset, offset + len(line)), _HINT)
        head, colon, states = content.partition(" :")
        words = [(m[0], Span(self._source, offset + m.start(), offset + m.end())) for m in _WORD.finditer(head)]
        if not words:
            raise InputError("found an empty line", Span(self._source, offset, offset + len(line)), _HINT)
        reader = {"option": self._option, "model": self._model, "part": self._part, "end": self._end}.get(words[0][0])
        if reader is not None:
            reader(words)
        else:
            self._record(words, states if colon else None, number)
        self._count += 1

    def _want(self, words: list[tuple[str, Span]], count: int, shape: str) -> list[str]:
        if len(words) != count:
            raise InputError(f"found {len(words)} words, expected `{shape}`", words[-1][1], _HINT)
        return [_bare(*word) for word in words[1:]]

    def _ordered(self, key: tuple[object, ...], span: Span) -> None:
        if not self._last < key:
            raise InputError("the lines are not in their order, or one is there twice", span, _HINT)
        self._last = key

    def _option(self, words: list[tuple[str, Span]]) -> None:
        name, value = self._want(words, 3, "option NAME VALUE")
        self._ordered((0, name), words[1][1])
        self.baseline.options[name] = value

    def _model(self, words: list[tuple[str, Span]]) -> None:
        model, dialect, found = self._want(words, 4, "model NAME DIALECT DIGEST")
        self._ordered((1, model, dialect), words[1][1])
        self.baseline.models[model, dialect] = Recorded(found)

    def _part(self, words: list[tuple[str, Span]]) -> None:
        model, dialect, what, name, found = self._want(words, 6, "part MODEL DIALECT PART NAME DIGEST")
        self._ordered((1, model, dialect, what, name), words[1][1])
        if (model, dialect) not in self.baseline.models:
            raise InputError("found a part of a model that is not recorded", words[1][1], _HINT)
        self.baseline.models[model, dialect].parts[what, name] = found

    def _end(self, words: list[tuple[str, Span]]) -> None:
        (count,) = self._want(words, 2, "end N")
        if count != str(self._count):
            what = f"found {self._count} lines, but {count} were recorded: the baseline is not whole"
            raise InputError(what, words[1][1], _HINT)
        self.ended = True

    def _record(self, words: list[tuple[str, Span]], states: str | None, number: int) -> None:
        if len(words) < 5:
            raise InputError("the line ends too early, expected `FILE MODEL KIND WORD OBSERVATION`", words[-1][1])
        file, model = _bare(*words[0]), _bare(*words[1])
        self._ordered((2, file, model), words[0][1])
        given: dict[str, str] = {}
        known = tuple(name for name in _FIELDS if name != "asks" or self.baseline.version > 1)
        for word, span in words[5:]:
            key, equals, value = word.partition("=")
            if not equals or key not in known or key in given:
                raise InputError(f"found {word!r}, expected one of {', '.join(known)} once", span, _HINT)
            given[key] = value
        try:
            record = _record(words[2][0], words[3][0], words[4][0], given, states)
        except ValueError as error:
            raise InputError(str(error), words[2][1].to(words[-1][1]), _HINT) from None
        self.baseline.records[file, model] = record
        self.baseline.lines[file, model] = number


_FIELDS = ("test", "asks", "states", "counts", "flags", "classes", "digest")


def _bare(word: str, span: Span) -> str:
    """The text that :func:`_quoted` wrote."""
    if not word.startswith('"'):
        return word
    try:
        return str(json.loads(word))
    except ValueError:
        raise InputError(f"found {word!r}, which is no text in quotes", span, _HINT) from None


def _record(kind: str, word: str, observation: str, given: dict[str, str], states: str | None) -> Record:
    """The record of a line.  Raises ValueError with the message for the user."""
    if kind not in QUANTIFIERS:
        raise ValueError(f"found {kind!r}, expected one of {', '.join(QUANTIFIERS)}")
    base = word.removeprefix("Loop-")
    if base not in ("Ok", "No", "Undef"):
        raise ValueError(f"found {word!r}, expected Ok, No or Undef")
    if observation != "-" and observation not in {item.value for item in Observation}:
        raise ValueError(f"found {observation!r}, expected Never, Sometimes or Always")
    if "asks" in given and not re.fullmatch(r"[0-9a-f]{8}", given["asks"]):
        raise ValueError(f"found asks={given['asks']!r}, expected eight hexadecimal digits")
    counts = re.fullmatch(r"(\d+)/(\d+)", given["counts"]) if "counts" in given else None
    if "counts" in given and counts is None:
        raise ValueError(f"found counts={given['counts']!r}, expected POSITIVE/NEGATIVE")
    lines = None if states is None else tuple(_unescaped(s.strip(" ")) for s in states.split("|"))
    count = int(given["states"]) if given.get("states", "").isdecimal() else None
    if lines == ("",) and count == 0:
        lines = ()
    if lines is not None and len(lines) != count:
        raise ValueError(f"found {len(lines)} states, expected {count}")
    classes = given.get("classes")
    flags = given["flags"].split(",") if "flags" in given else []
    test = given.get("test", "")
    return Record(
        str(json.loads(test)) if test.startswith('"') else test,
        kind=kind,
        word=word.replace("-", " "),
        observation=None if observation == "-" else observation,
        states=lines,
        state_count=count,
        state_digest=given.get("digest", "") if lines is None else digest_of_states(lines),
        positive=int(counts[1]) if counts else None,
        negative=int(counts[2]) if counts else None,
        flags=tuple(json.loads(flag) if flag.startswith('"') else flag for flag in flags),
        classes=None if classes is None else tuple(c for c in classes.split(",") if c != "clean"),
        loop=word.startswith("Loop-"),
        undefined=base == "Undef",
        reached=observation in ("Sometimes", "Always"),
        counter_reached=observation in ("Sometimes", "Never"),
        asks=given.get("asks", ""),
    )
