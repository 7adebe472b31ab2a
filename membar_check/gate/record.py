"""Records of checks: made from results, turned back into results to be judged, and written as JSON."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import Any

from membar_check.diagnostics import Inconclusive, InputError, Source, Span
from membar_check.expectations import flags_of
from membar_check.gate.report_data import Position, Record
from membar_check.litmus.condition import FALSE
from membar_check.litmus.syntax import Condition, Quantifier
from membar_check.records import fields
from membar_check.verdict import UNREACHED, Failure, Finding, Result, State, Step, Verdict

ERROR = "error"
"""The ``failure`` of a record of bad input."""

QUANTIFIERS = {"Allowed": Quantifier.EXISTS, "Forbidden": Quantifier.NOT_EXISTS, "Required": Quantifier.FORALL}


# --- from and to results ---------------------------------------------------------------------------------------------
def record_of(result: Result) -> Record:
    """The record of a result."""
    if isinstance(result, Failure):
        error = result.error
        failure = error.reason if isinstance(error, Inconclusive) else ERROR
        place = position_of(error.span)
        return Record(result.test, failure=failure, message=error.message, hint=error.hint, place=place)
    states = None if result.states is None else tuple(state_line(state) for state in result.states)
    findings = result.findings
    return Record(
        result.test,
        kind=result.kind,
        word=result.word,
        observation=None if states is None else result.observation.value,
        states=states,
        state_count=None if states is None else len(states),
        state_digest="" if states is None else digest_of_states(states),
        positive=result.positive,
        negative=result.negative,
        flags=flags_of(result),
        classes=None if findings is None else result.classes,
        unreached=tuple(dict.fromkeys(_place(f) for f in findings or () if f.kind == UNREACHED and f.where)),
        findings=tuple((f.kind, f.text, _position(f)) for f in findings or () if f.kind != UNREACHED),
        loop=result.loop,
        undefined=result.undefined,
        reached=result.reached,
        counter_reached=result.counter_reached,
        condition=result.condition_text,
        hash=result.hash,
        asks=digest_of_question(result.condition_text, result.besides),
        place=position_of(result.condition.span),
    )


def position_of(span: Span | None) -> Position | None:
    """Where a span begins."""
    return None if span is None else Position(span.source.name, span.line, span.column)


def _place(finding: Finding) -> str:
    assert finding.where is not None
    return f"{os.path.basename(finding.where.file)}:{finding.where.line}"


def _position(finding: Finding) -> Position | None:
    return None if finding.where is None else Position(finding.where.file, finding.where.line)


def state_line(state: State) -> str:
    """A final state as a line of a log: ``0:r1=1; [x]=2;``."""
    return " ".join(f"{place}={value};" for place, value in state)


def normal_state(line: str) -> str:
    """A line of final state with its places in one order and one space between them, for comparison."""
    return " ".join(sorted(f"{part.strip()};" for part in line.split(";") if part.strip()))


def digest_of_states(states: tuple[str, ...]) -> str:
    """A short digest of a set of final states, whatever their order."""
    text = "\n".join(sorted(normal_state(state) for state in states))
    return sha256(text.encode()).hexdigest()[:16]


def digest_of_question(condition: str, besides: str) -> str:
    """A short digest of what a test asks: its condition as the log has it, and what it says besides."""
    return sha256(f"{condition}\n{besides}".encode()).hexdigest()[:8]


def result_of(record: Record, file: str, model: str) -> Result:
    """A result that is judged as the one which the record was made from."""
    if record.failure:
        span = span_of(record.place)
        if record.failure != ERROR:
            return Failure(record.test, file, model, Inconclusive(record.failure, record.message, span, record.hint))
        return Failure(record.test, file, model, InputError(record.message, span, record.hint))
    states: tuple[State, ...] | None = None
    if record.states is not None or record.state_count is not None:
        lines = record.states if record.states is not None else ("",) * (record.state_count or 0)
        states = tuple(((line, ""),) for line in lines)
    return Verdict(
        test=record.test,
        file=file,
        arch="",
        model=model,
        engine="",
        condition=Condition(QUANTIFIERS[record.kind or "Allowed"], FALSE),
        condition_text=record.condition,
        states=states,
        positive=record.positive,
        negative=record.negative,
        flags=tuple(flag for flag in record.flags if flag != "*undef*"),
        loop=record.loop,
        undefined=record.undefined,
        reached=record.reached,
        counter_reached=record.counter_reached,
        hash="",
        candidates=0,
        cpu_seconds=0.0,
        findings=_findings(record, file),
    )


def _findings(record: Record, file: str) -> tuple[Finding, ...] | None:
    if record.classes is None:
        return None
    found = [Finding(name, "", None) for name in record.classes]
    for place in record.unreached:
        name, _, line = place.rpartition(":")
        found.append(Finding(UNREACHED, "", Step("", name, int(line))))
    return tuple(found)


def span_of(place: Position | None) -> Span | None:
    """A span that prints as the position, without the text there."""
    if place is None:
        return None
    offset = place.line - 1 + place.column - 1
    return Span(Source(place.file, "\n" * (place.line - 1) + " " * (place.column - 1)), offset, offset)


# --- JSON ------------------------------------------------------------------------------------------------------------
def to_json(record: Record) -> str:
    """The record as one line of JSON, without what has its default."""
    return json.dumps(plain(record), ensure_ascii=False, separators=(",", ":"))


def plain(record: Record) -> dict[str, Any]:
    """The record as data for JSON, without what has its default."""
    empty = Record("")
    found: dict[str, Any] = {"test": record.test}
    for name in fields(record)[1:]:
        value = getattr(record, name)
        if value != getattr(empty, name):
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Position):
        return [value.file, value.line, value.column]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


class BadRecord(ValueError):
    """Data that are no record."""


_STRINGS = ("test", "kind", "word", "state_digest", "condition", "hash", "asks", "failure", "message", "hint")
_NUMBERS = ("state_count", "positive", "negative")
_LISTS = ("states", "flags", "classes", "unreached")
_TRUTHS = ("loop", "undefined", "reached", "counter_reached")


def from_json(text: str) -> Record:
    """The record that :func:`to_json` wrote.  Raises BadRecord for anything else."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadRecord(str(error)) from None
    return from_plain(data)


def from_plain(data: object) -> Record:
    """The record from data as :func:`plain` gives them.  Raises BadRecord for anything else."""
    if not isinstance(data, dict) or not isinstance(data.get("test"), str):
        raise BadRecord("no record of a check")
    given: dict[str, Any] = {}
    for name, value in data.items():
        if name in _STRINGS or name == "observation":
            good = isinstance(value, str)
        elif name in _NUMBERS:
            good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        elif name in _TRUTHS:
            good = isinstance(value, bool)
        elif name in _LISTS:
            good = isinstance(value, list) and all(isinstance(item, str) for item in value)
            value = tuple(value) if good else value
        elif name == "place":
            value, good = _read_position(value), True
        elif name == "findings":
            good = isinstance(value, list) and all(isinstance(item, list) and len(item) == 3 for item in value)
            value = tuple((str(k), str(t), _read_position(p)) for k, t, p in value) if good else value
        else:
            good = False
        if not good:
            raise BadRecord(f"a wrong value of {name!r}")
        given[name] = value
    if given.get("kind", "") not in ("", *QUANTIFIERS):
        raise BadRecord("a wrong value of 'kind'")
    return Record(**given)


def _read_position(value: object) -> Position | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[0], str):
        raise BadRecord("a wrong position")
    if not all(isinstance(number, int) and number >= 1 for number in value[1:]):
        raise BadRecord("a wrong position")
    return Position(value[0], value[1], value[2])
