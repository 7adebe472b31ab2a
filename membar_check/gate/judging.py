"""From a record and what is expected to one line of the report."""

from __future__ import annotations

from membar_check.expectations import CLEAN, Judged, judge
from membar_check.gate.compare import another_test, cut_short, differences, incomparable, summary
from membar_check.gate.record import ERROR, record_of, result_of
from membar_check.gate.report_data import GateItem, Kind, Position, Record
from membar_check.options import RunOptions
from membar_check.records import dataclass, replace
from membar_check.runner import Expectations, Job, judge_result
from membar_check.verdict import Failure, Status

ANOTHER = "another condition"
CUT = "executions were cut at the unrolling bound"
NO_ENTRY = "?"  # what a judgement has for `expected` where the file of expectations lacks an entry that it promises


@dataclass(frozen=True, slots=True)
class Reference:
    """Records to compare with: ``name`` (``baseline`` or ``log``), the record (None: it has none), where it stands."""

    name: str
    record: Record | None
    place: Position | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check that was made: its job, the name of its model, what it gave, whether that was known before."""

    job: Job
    model: str
    record: Record
    seconds: float | None
    cached: bool


class Judge:
    """Judges the checks of a run by its expectations."""

    def __init__(self, options: RunOptions, expectations: Expectations, compare: tuple[str, ...]) -> None:
        self._options = options
        self._expectations = expectations
        self._compare = compare

    def item(self, check: Check, reference: Reference | None) -> GateItem:
        """The line of the report for a check; ``reference`` None: there is neither baseline nor log.  Where what is
        expected cannot be understood, that is an error whatever the check gave."""
        record = check.record
        place = record.place
        if place is not None and record.conclusive:  # the condition stands in the test, wherever that lies now
            place = replace(place, file=check.job.file.path)
        item = GateItem(
            check.job.file.path, check.model, Kind.SAME, Status.AS_EXPECTED, new=record, place=place,
            seconds=check.seconds, cached=check.cached, old=reference.record if reference else None,
            source=reference.name if reference else "",
        )  # fmt: skip
        if record.failure:
            kind, status = (Kind.ERROR, Status.ERROR) if record.failure == ERROR else _INCONCLUSIVE
            reason = record.message.removeprefix(f"{item.file}: ")  # the line begins with it
            return replace(item, kind=kind, status=status, reason=reason)
        judged = self._judge(check, record)
        if isinstance(judged.result, Failure):
            return _misjudged(item, judged.result)
        if reference is None:
            return _by_expectation(item, judged)
        if reference.record is None:
            return _unrecorded(item, judged, reference.name)
        return self._by_record(item, check, reference.record, judged)

    def _judge(self, check: Check, record: Record) -> Judged:
        result = result_of(record, check.job.file.path, check.model)
        return judge_result(check.job, result, self._options, self._expectations)

    def _by_record(self, item: GateItem, check: Check, old: Record, judged: Judged) -> GateItem:
        new = check.record
        item = replace(item, expected=summary(old))
        if item.source == "log":  # there, classes of outcome are flags
            old, new = _as_logged(old), _as_logged(new)
            if (another := another_test(old, new)) is not None:
                reason = another.text
                return replace(item, kind=Kind.CHANGED, status=Status.DIFFERS, reason=reason, changes=(reason,))
        if reason := incomparable(old, new, self._compare):
            return replace(item, kind=Kind.INCONCLUSIVE, status=Status.INCONCLUSIVE, reason=reason)
        found = differences(old, new, self._compare)
        if "verdict" in self._compare and old.asks and new.asks and old.asks != new.asks:
            changes = ANOTHER, *(difference.text for difference in found)
            return replace(
                item, kind=Kind.CHANGED, status=Status.DIFFERS, reason="; ".join(changes), changes=changes
            )
        if not found:
            # a log may be cut at another bound: that it has what was found up to there says nothing of the rest
            if cut_short(new) or cut_short(old) or (item.source == "log" and (new.loop or old.loop)):
                return replace(item, kind=Kind.INCONCLUSIVE, status=Status.INCONCLUSIVE, reason=CUT)
            return item
        changes = tuple(difference.text for difference in found)
        if new.loop and not any(difference.final for difference in found):
            reason = f"{CUT}: {'; '.join(changes)}"
            return replace(item, kind=Kind.INCONCLUSIVE, status=Status.INCONCLUSIVE, reason=reason, changes=changes)
        kind = self._direction(check, old, judged)
        return replace(item, kind=kind, status=Status.DIFFERS, reason="; ".join(changes), changes=changes)

    def _direction(self, check: Check, old: Record, judged: Judged) -> Kind:
        """Whether a change is for the worse or the better: by what is expected of the test, where that is said."""
        new = check.record
        if not _says(judged, new) or old.kind not in ("", new.kind):
            return Kind.CHANGED
        good = [self._is_good(check, record, judged.expected) for record in (old, new)]
        if good == [True, False]:
            return Kind.BROKEN
        spoilt = old.classes == () and new.classes  # though expected: then two things say the opposite of each other
        return Kind.FIXED if good == [False, True] and not spoilt else Kind.CHANGED

    def _is_good(self, check: Check, record: Record, expected: str) -> bool:
        """Whether a record is as it should be.  That a test in kernel C reaches what its `exists` asks is not."""
        if record.classes is not None and record.kind == "Allowed" and expected in ("", NO_ENTRY, CLEAN):
            return not record.classes
        judged = self._judge(check, record)
        if expected == NO_ENTRY:
            judged = judge(judged.result, None)
        return judged.status is Status.AS_EXPECTED


_INCONCLUSIVE = (Kind.INCONCLUSIVE, Status.INCONCLUSIVE)


def _says(judged: Judged, record: Record) -> bool:
    """Whether a test says what is good: by an expectation, by a condition that forbids or requires, in kernel C."""
    return judged.expected not in ("", NO_ENTRY) or record.kind != "Allowed" or record.classes is not None


def _misjudged(item: GateItem, failure: Failure) -> GateItem:
    """What is expected cannot be understood."""
    why = record_of(failure)
    reason = why.message.removeprefix(f"{item.file}: ")
    return replace(
        item, kind=Kind.ERROR, status=Status.ERROR, reason=reason, new=why, place=why.place, old=None, source=""
    )


def _by_expectation(item: GateItem, judged: Judged) -> GateItem:
    source = "expected" if judged.expected else "condition"
    item = replace(item, source=source, expected=judged.expected, status=judged.status, reason=judged.reason)
    if judged.status is Status.AS_EXPECTED:
        return item
    if judged.status is Status.INCONCLUSIVE:
        return replace(item, kind=Kind.INCONCLUSIVE)
    if judged.expected == NO_ENTRY:
        return replace(item, kind=Kind.NEW)
    return replace(item, kind=Kind.BROKEN, changes=(judged.reason,))


def _unrecorded(item: GateItem, judged: Judged, name: str) -> GateItem:
    """A test that the baseline or log lacks: good only where another expectation says so."""
    reason = f"the {name} has no such test"
    if judged.expected in ("", NO_ENTRY):
        if item.new is not None and cut_short(item.new):
            return replace(item, kind=Kind.INCONCLUSIVE, status=Status.INCONCLUSIVE, reason=f"{reason}; {CUT}")
        return replace(item, kind=Kind.NEW, status=Status.DIFFERS, reason=reason)
    kind = Kind.INCONCLUSIVE if judged.status is Status.INCONCLUSIVE else Kind.NEW
    said = f"; {judged.reason}" if judged.reason else ""
    return replace(item, kind=kind, status=judged.status, expected=judged.expected, reason=reason + said)


def _as_logged(record: Record) -> Record:
    flags = tuple(sorted({*record.flags, *(record.classes or ())}))
    return replace(record, flags=flags, classes=None)
