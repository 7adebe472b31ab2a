"""What a picture of an explanation shows: one execution, with the cycle that breaks a check or the gaps that let it be.

An execution becomes the witness that the pictures of ``run`` are made of; what lands between events (interrupts,
switches) becomes a box of its own.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator

from membar_check.explain.explanation import (
    CycleView,
    Derivation,
    EventView,
    ExecutionView,
    Explanation,
    Gap,
    NoteView,
    Place,
)
from membar_check.records import dataclass, replace
from membar_check.report.drawing import CYCLE, GAP, STYLES, Drawing, DrawnEdge, base_relation, drawing_of
from membar_check.report.explain.derivations import path_of
from membar_check.report.explain.words import effect_of, state_text
from membar_check.report.svg_layout import MAXIMUM_TEXT
from membar_check.verdict import Edge, Witness, WitnessEvent

_DRAWN = ("rf", "co", "fr")  # base relations that an edge of the cycle may take the place of
_LONGEST = 16  # edges of a cycle in all its parts
_GAPS = 4  # drawn; more would hide the rest
_DULL = frozenset(("once", "plain"))  # annotations that labels leave out


@dataclass(frozen=True, slots=True)
class Scene:
    """``labels`` and ``texts``: the two lines of each event's box; ``lines``: a caption and what follows it."""

    title: str
    lines: tuple[tuple[str, str], ...]
    witness: Witness
    drawing: Drawing
    labels: tuple[str, ...]
    texts: tuple[str, ...]


def subject(explanation: Explanation) -> tuple[ExecutionView, CycleView | None]:
    """The execution to show: of an allowed outcome the witness, else the first that is ruled out, with its cycle.

    Raises ValueError where there is none.
    """
    if explanation.groups:
        return explanation.groups[0].example, explanation.groups[0].cycle
    if explanation.execution is not None:
        return explanation.execution, None
    raise ValueError("the explanation has no execution to draw")


def scene_of(explanation: Explanation) -> Scene:
    """The picture of an explanation.  Raises ValueError where it has no execution."""
    execution, cycle = subject(explanation)
    place, items = _arranged(execution)
    events = tuple(_box(item, explanation.file) for item in items)
    edges = tuple(
        Edge(name, place[source], place[target])
        for name in execution.base
        if base_relation(name) in STYLES
        for source, target in execution.relations.get(name, ())
    )
    witness = Witness(tuple(event for event, _, _ in events), edges, execution.state)
    marked = list(_cycle_edges(cycle, execution, place)) if cycle else list(_gap_edges(explanation.gaps[:_GAPS], place))
    word = "allowed" if explanation.allowed else "forbidden"
    return Scene(
        f"{explanation.test}: {word} under {explanation.model}",
        tuple(_lines(explanation, execution, cycle)),
        witness,
        drawing_of(witness, marked),
        tuple(label for _, label, _ in events),
        tuple(text for _, _, text in events),
    )


def _lines(
    explanation: Explanation, execution: ExecutionView, cycle: CycleView | None
) -> Iterator[tuple[str, str]]:
    if not explanation.condition.endswith("(false)"):
        yield "condition: ", explanation.condition
    if explanation.outcome not in explanation.condition:
        yield "asked about: ", explanation.outcome
    if cycle is not None:
        yield "ruled out by: ", f"{cycle.axiom} ({cycle.test}): {_told(cycle)}"
    if execution.state:
        yield ("this execution: " if cycle is None else "it would end with: "), state_text(execution.state)


def _arranged(execution: ExecutionView) -> tuple[dict[int, int], list[EventView | NoteView]]:
    """The boxes in order, notes among events, and which box each event has."""
    place: dict[int, int] = {}
    items: list[EventView | NoteView] = []
    events = execution.events
    for index, event in enumerate(events):
        items += [note for note in execution.notes if note.thread == event.thread and note.before == index]
        place[index] = len(items)
        items.append(event)
        if index + 1 == len(events) or events[index + 1].thread != event.thread:
            items += [note for note in execution.notes if note.thread == event.thread and note.before >= len(events)]
    threads = {event.thread for event in events}
    items += [note for note in execution.notes if note.thread not in threads]
    return place, items


def _box(item: EventView | NoteView, main: str) -> tuple[WitnessEvent, str, str]:
    """What the picture has of an event or note, whose label begins with its kind, and the two lines of its box."""
    if isinstance(item, NoteView):
        first, *rest = textwrap.wrap(item.text, MAXIMUM_TEXT - 4) or [""]
        text = " ".join(rest) or _numbered(item.place, main)
        return WitnessEvent(item.thread, ">>", item.text, item.place.line), f">> {first}", _cut(text)
    if item.thread < 0:
        label = f"{item.variable} = {item.value}"
        return WitnessEvent(item.thread, label, "", 0), label, ""
    label = effect_of(item)
    tags = [tag for tag in item.tags if tag.lower() not in _DULL]
    if item.kind in ("R", "W") and tags:
        label = label.replace(item.kind, f"{item.kind}[{','.join(tags)}]", 1)
    event = WitnessEvent(item.thread, item.kind, item.place.text, item.place.line)
    return event, _cut(f"{item.name}: {label}"), _numbered(item.place, main)


def _numbered(place: Place, main: str) -> str:
    """``6: WRITE_ONCE(*x, 1);``, with the file's name where it is not ``main``."""
    if not place.line:
        return ""
    file = "" if place.file in ("", main) else f"{os.path.basename(place.file)}:"
    return _cut(f"{file}{place.line}: {place.text}")


def _cut(text: str) -> str:
    return text if len(text) <= MAXIMUM_TEXT else text[: MAXIMUM_TEXT - 1] + "…"


def _paths(cycle: CycleView) -> tuple[tuple[Derivation, ...], ...]:
    """The edges to draw for each step: those that it consists of, unless that makes too many."""
    paths = tuple(path_of(step) for step in cycle.steps)
    return paths if sum(map(len, paths)) <= _LONGEST else tuple((step,) for step in cycle.steps)


def _cycle_edges(cycle: CycleView, execution: ExecutionView, place: dict[int, int]) -> Iterator[DrawnEdge]:
    """The edges of the cycle, numbered, under the model's names."""
    mark = CYCLE if cycle.test != "empty" else replace(CYCLE, meaning="the pair that the model rules out")
    edges = [edge for path in _paths(cycle) for edge in path]
    for number, edge in enumerate(edges, 1):
        base = [name for name in _DRAWN if (edge.source, edge.target) in execution.relations.get(name, ())]
        plain = f" ({base[0]})" if base and base_relation(edge.relation) != base[0] else ""
        yield DrawnEdge((), place[edge.source], place[edge.target], mark, _cut(f"{number}: {edge.relation}{plain}"))


def _told(cycle: CycleView) -> str:
    """``1: hb, 2-4: hb``: the steps of the cycle, with the numbers of the edges that are drawn for them."""
    told, number = [], 1
    for step, path in zip(cycle.steps, _paths(cycle), strict=True):
        last = number + len(path) - 1
        told.append(f"{number}: {step.relation}" if last == number else f"{number}-{last}: {step.relation}")
        number = last + 1
    return ", ".join(told)


def _gap_edges(gaps: tuple[Gap, ...], place: dict[int, int]) -> Iterator[DrawnEdge]:
    for gap in gaps:
        caption = "not in order" if gap.kind == "reordered" else "not yet seen"
        mark = GAP if gap.kind == "reordered" else replace(GAP, meaning="need not be seen by all before")
        yield DrawnEdge((), place[gap.source], place[gap.target], mark, caption)
