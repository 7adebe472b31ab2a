"""What several reports of a gate say alike."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from membar_check.report.gate.data import Distinguished, GateItem, GateReport, Kind, ModelChange, Position, Record
from membar_check.verdict import Status

# What each kind means; it is the rule of SARIF and the legend of the page.
MEANINGS = {
    Kind.BROKEN: "was as expected and is not any more",
    Kind.CHANGED: "differs from what was recorded",
    Kind.ERROR: "a test or a model that cannot be read or understood",
    Kind.INCONCLUSIVE: "no answer: time, memory or the unrolling bound; never a pass",
    Kind.MISSING: "recorded or expected, but not there",
    Kind.NEW: "there, but not recorded",
    Kind.FIXED: "was not as expected and now is",
    Kind.SAME: "as expected",
}
# The gravest first.
ORDER = (Kind.ERROR, Kind.BROKEN, Kind.CHANGED, Kind.MISSING, Kind.INCONCLUSIVE, Kind.NEW, Kind.FIXED, Kind.SAME)
# How a change of a model that is wanted gets past `--against`.
ACCEPT = "where the change is wanted, record it, `--baseline FILE --update`, and commit the baseline with the model"
_STATES = 20  # final states told of each side of a difference


def passes(item: GateItem) -> bool:
    """Whether the item is as it should be."""
    return item.status is Status.AS_EXPECTED


def name_of(item: GateItem) -> str:
    """``SB.litmus[lkmm]``"""
    return f"{item.file.rsplit('/', 1)[-1]}[{item.model}]" if item.model else item.file.rsplit("/", 1)[-1]


def sentence(item: GateItem) -> str:
    """The kind and why, in a line: ``broken: expected Never, observed Sometimes``."""
    return f"{item.kind.value}: {' '.join(item.reason.split())}" if item.reason else item.kind.value


def place_of(item: GateItem) -> Position:
    """Where to show the item: its own place, else that of the input error, else the top of its file."""
    if item.place is not None:
        return item.place
    if item.new is not None and item.new.place is not None:
        return item.new.place
    return Position(item.file, 1)


def details(item: GateItem) -> list[str]:
    """The lines under the sentence: what differs, the condition, what was expected and found, and the final states
    where they are known; for a check without an answer its message and what to do."""
    lines = [change for change in item.changes if change not in item.reason]
    new, old = item.new, item.old
    if new is not None and not new.conclusive:
        lines += [new.message] if new.message not in ("", item.reason) else []
        lines += [f"hint: {new.hint}"] if new.hint else []
        return lines + _expected(item)
    if new is not None and new.condition:
        lines.append(f"condition: {new.condition}")
    lines += _expected(item)
    if new is not None:
        lines.append(f"observed: {observed(new)}")
        lines += [f"{kind}: {text}{_where(place)}" for kind, text, place in new.findings]
    lines += _states(old, new) if not passes(item) else []
    return lines


def _expected(item: GateItem) -> list[str]:
    source = f" ({origin(item)})" if item.source else ""
    return [f"expected: {item.expected}{source}"] if item.expected else []


def origin(item: GateItem) -> str:
    """Where the expectation comes from, in words."""
    return "expected verdicts" if item.source == "expected" else item.source


def observed(record: Record) -> str:
    """A record in a line: ``Sometimes (1 positive, 3 negative), 4 states, flags data-race``."""
    if not record.conclusive:
        return record.failure
    if record.classes is not None:
        word = ",".join(record.classes) or "clean"
    else:
        word = record.observation or ("reachable" if record.reached else "unreachable")
    if record.positive is not None and record.negative is not None:
        word += f" ({record.positive} positive, {record.negative} negative)"
    count = len(record.states) if record.states is not None else record.state_count
    parts = [word]
    if count is not None and record.classes is None:
        parts.append(f"{count} state{'s' if count != 1 else ''}")
    if record.flags:
        parts.append(f"flags {', '.join(record.flags)}")
    return ", ".join(parts)


def _where(place: Position | None) -> str:
    return f" ({local(place.file)}:{place.line})" if place is not None else ""


def _states(old: Record | None, new: Record | None) -> list[str]:
    """The final states that came and went, or where the old ones are not known all that there are."""
    if new is None or new.states is None:
        return []
    if old is None or old.states is None:
        return ["final states:", *_listed(new.states, "  ")] if any(new.states) else []
    came = [state for state in new.states if state not in set(old.states)]
    went = [state for state in old.states if state not in set(new.states)]
    return _listed(came, "+ ") + _listed(went, "- ")


def _listed(states: Sequence[str], mark: str) -> list[str]:
    lines = [f"{mark}{state}" for state in states[:_STATES]]
    return lines + ([f"{mark}and {len(states) - _STATES} more"] if len(states) > _STATES else [])


def counted(report: GateReport) -> list[tuple[Kind, int]]:
    """How many items there are of each kind that occurs, the gravest first."""
    counts = [(kind, report.count(kind)) for kind in ORDER]
    return [(kind, count) for kind, count in counts if count]


def summary(report: GateReport) -> str:
    """``3 checks: 1 broken, 2 same``"""
    total = len(report.items)
    parts = ", ".join(f"{count} {kind.value}" for kind, count in counted(report))
    return f"{total} check{'s' if total != 1 else ''}" + (f": {parts}" if parts else "")


def hit_by(change: ModelChange, item: GateItem) -> bool:
    """Whether the item is not as it should be, and the change of its model may be why."""
    return item.model == change.model and not passes(item) and item.kind not in (Kind.MISSING, Kind.NEW)


def affected(change: ModelChange, report: GateReport) -> list[GateItem]:
    """The items that :func:`hit_by` names for the change."""
    return [item for item in report.items if hit_by(change, item)]


def told_of(model: str, report: GateReport) -> list[str]:
    """What is known of tests that tell the changed model from what it was, with their text."""
    lines: list[str] = []
    for found in report.distinguished:
        if found.model == model:
            lines += _distinguished(found)
    verdict = meaning_of(model, report)
    return [*lines, verdict] if verdict else lines


def meaning_of(model: str, report: GateReport) -> str:
    """What follows from it that a model does not mean what it did; "" where it does, or nothing follows."""
    if model in report.stopped:
        return "stopped: the model's meaning changed"
    if model in report.undecided:
        return "inconclusive: the search for a test that tells it from what it was is not finished"
    if model in report.accepted:
        return "accepted: the baseline records the model as it is now"
    return ""


def _distinguished(found: Distinguished) -> list[str]:
    if not found.file and not found.litmus:
        return [found.text or f"no test was found by search that tells it from what it was: {found.bound}"]
    axiom = f" ({found.axiom} objects)" if found.axiom and found.axiom not in found.text else ""
    name = f"{found.file}: " if found.file else ""
    lines = [f"distinguishing test: {name}{found.text}{axiom}"]
    return lines + (found.litmus.rstrip("\n").split("\n") if found.litmus else [])


def changed_models(report: GateReport) -> list[str]:
    """The models of which changes are told, in the order of the report."""
    changes: Iterable[str] = (change.model for change in report.model_changes)
    return list(dict.fromkeys([*changes, *(found.model for found in report.distinguished)]))


def local(file: str) -> str:
    """The path as it is below the working folder, with ``/``; as it is where it lies elsewhere."""
    if os.path.isabs(file):
        relative = os.path.relpath(file)
        if not relative.startswith(os.pardir):
            file = relative
    return os.path.normpath(file).replace(os.sep, "/") if file else file
