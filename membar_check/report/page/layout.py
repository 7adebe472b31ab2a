"""Where everything of an execution goes on the page: the events in columns by thread, edges and labels between them.

Columns, gutters and channels are those of :mod:`membar_check.report.svg_layout`; notes (interrupts, switches, failures)
stand in their thread's column like events.  What is laid out here is what every reader sees at first: base relations,
the cycle, the missing order.  Room for their labels is reserved; other relations are drawn behind them on demand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil

from membar_check.explain.explanation import Derivation, EventView, ExecutionView, Gap, NoteView, Pair
from membar_check.records import dataclass
from membar_check.report.drawing import STYLES, Drawing, DrawnEdge, base_relation
from membar_check.report.geometry import Box, Curve, Point
from membar_check.report.svg_layout import LABEL_HEIGHT, Layout, PlacedEdge, lay_out
from membar_check.report.svg_layout import SMALL as RESERVED
from membar_check.verdict import Witness, WitnessEvent

MAXIMUM_HEAD = 34  # characters of the first line of a box
MAXIMUM_SOURCE = 27  # of the second
SMALL = 6.63  # width of a character of source text and labels, 11 px: a size that stays readable when zoomed out
MAXIMUM_LABEL = 20  # of an edge's label
GAP_LABELS = {"reordered": "may be reordered", "propagation": "may arrive late"}
_DEPENDENCIES = ("addr", "data", "ctrl")


@dataclass(frozen=True, slots=True)
class PictureEdge:
    """An edge as drawn.  ``layer``: ``base``, ``cycle`` or ``gap``; ``marked``: the cycle goes along it, as part of
    ``step`` (relation, source and target of a step of the cycle); ``label`` its text, ``place`` where it stands, None
    where no place is free (it is then told on hover only)."""

    relation: str
    source: int
    target: int
    layer: str
    marked: bool
    step: str
    label: str
    path: str
    place: Box | None

    @property
    def style(self) -> str:
        """The relation whose looks the edge has, ``other`` for those without looks of their own."""
        base = base_relation(self.relation)
        return self.layer if self.layer == "gap" else base if base in STYLES else "other"


@dataclass(frozen=True, slots=True)
class PictureBox:
    """An event or a note (``event`` None): its lines of text and where it stands."""

    event: int | None
    kind: str
    box: Box
    head: str
    source: str
    whole: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A laid out execution.  ``spines``: the lines of program order, and whether the cycle goes along them."""

    width: float
    height: float
    boxes: tuple[PictureBox, ...]
    heads: tuple[tuple[str, Point], ...]
    spines: tuple[tuple[Point, Point, bool], ...]
    edges: tuple[PictureEdge, ...]


def cut(text: str, length: int) -> str:
    """The text on one line, cut where it is longer than ``length``."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def leaves(step: Derivation) -> tuple[Derivation, ...]:
    """The way from the source to the target of a derivation along what it follows from, unfolded as far as that goes
    forward: a step of a cycle as the base edges that it consists of."""
    at = step.source
    path: list[Derivation] = []
    for part in step.because:
        if part.source == at and part.target != at:
            path += leaves(part)
            at = part.target
            if at == step.target:
                break
    if path and at == step.target:
        return tuple(path)
    return (step,)


def picture_of(execution: ExecutionView, gaps: Sequence[Gap] = ()) -> Picture:
    """Lays out an execution; ``gaps``: the missing orders to show in it."""
    columns, threads, notes = _columns(execution)
    events = [WitnessEvent(event.thread, "", "", event.place.line) for event in execution.events]
    events += [WitnessEvent(note.thread, "", "", note.place.line) for note in notes]
    texts = [_source(event) for event in execution.events] + [_below(note) for note in notes]
    drafts = _drafts(execution, gaps)
    labels = {index: _head(event) for index, event in enumerate(execution.events)}
    labels |= {len(labels) + index: cut(f"⚑ {note.text}", MAXIMUM_HEAD) for index, note in enumerate(notes)}
    touched = {end for draft in drafts for end in (draft.source, draft.target)}
    initial = tuple(i for i, event in enumerate(execution.events) if event.thread < 0 and i in touched)
    drawn = tuple(DrawnEdge((draft.label,), draft.source, draft.target) for draft in drafts)
    drawing = Drawing(threads, columns, initial, drawn)
    witness = Witness(tuple(events), (), ())
    room = {index: " " * ceil(len(text) * SMALL / RESERVED) for index, text in enumerate(texts)}
    layout = lay_out(witness, drawing, labels, room)
    places = _free_labels(layout, drafts)
    edges = tuple(
        PictureEdge(d.relation, d.source, d.target, d.layer, d.marked, d.step, d.label, placed.curve.path, place)
        for d, placed, place in zip(drafts, layout.edges, places, strict=True)
    )
    boxes = tuple(_boxes(execution, notes, labels, texts, layout))
    marked = _marked_spines(execution, columns)
    spines = tuple((start, end, mark) for (start, end), mark in zip(layout.spines, marked, strict=True))
    return Picture(layout.width, layout.height, boxes, layout.heads, spines, edges)


# --- events and notes ------------------------------------------------------------------------------------------------
def _columns(
    execution: ExecutionView,
) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...], tuple[NoteView, ...]]:
    """The columns (numbers past the events are notes), their threads, the notes."""
    notes = execution.notes
    count = len(execution.events)
    threads = sorted({e.thread for e in execution.events if e.thread >= 0} | {note.thread for note in notes})
    columns = []
    for thread in threads:
        entries = [(index, 1, index) for index, event in enumerate(execution.events) if event.thread == thread]
        entries += [(note.before, 0, count + rank) for rank, note in enumerate(notes) if note.thread == thread]
        columns.append(tuple(number for _, _, number in sorted(entries)))
    return tuple(columns), tuple(threads), notes


def _head(event: EventView) -> str:
    """The first line of a box.  The value is what counts: of long texts the front of the variable's name goes."""
    name = "" if event.thread < 0 else f"{event.name}: "
    text, over = event.action, len(name + event.action) - MAXIMUM_HEAD
    if over > 0 and event.thread < 0 and event.variable:
        text = f"{event.variable} = {event.value}"
        over = len(text) - MAXIMUM_HEAD
    if 0 < over < len(event.variable) - 4:
        text = text.replace(event.variable, f"…{event.variable[over + 1 :]}", 1)
    return cut(name + text, MAXIMUM_HEAD)


def _source(event: EventView) -> str:
    if event.thread < 0:
        return ""
    return cut(f"{event.place.line}: {event.place.text}" if event.place.line else event.place.text, MAXIMUM_SOURCE)


def _below(note: NoteView) -> str:
    return cut(f"{note.place.line}: {note.place.text}", MAXIMUM_SOURCE) if note.place.line else ""


def _boxes(
    execution: ExecutionView, notes: Sequence[NoteView], labels: dict[int, str], texts: Sequence[str], layout: Layout
) -> Iterator[PictureBox]:
    """In the order of a reader: thread by thread, notes between the events."""
    count = len(execution.events)
    for index, box in layout.boxes.items():
        number: int | None = None
        if index < count:
            event, number = execution.events[index], index
            kind = "initial" if event.thread < 0 else event.kind if event.kind in "RWF" else "other"
            whole = event.action if event.thread < 0 else f"{event.name}, {event.where}: {event.action}"
        else:
            note = notes[index - count]
            kind, whole = "note", f"P{note.thread}: {note.text}"
        yield PictureBox(number, kind, box, labels[index], texts[index], whole)


# --- edges -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Draft:
    relation: str
    source: int
    target: int
    layer: str
    marked: bool = False
    step: str = ""

    @property
    def label(self) -> str:
        if self.layer == "gap":
            return GAP_LABELS.get(self.relation, self.relation)
        return cut(self.relation, MAXIMUM_LABEL)


def _drafts(execution: ExecutionView, gaps: Sequence[Gap]) -> list[_Draft]:
    """The edges to lay out: the cycle's steps and what they consist of, gaps, base edges but for implied ones."""
    base = {(name, *pair): "" for name in execution.base if name != "po" for pair in _shown(execution, name)}
    drafts: dict[tuple[str, int, int], _Draft] = {}
    for step in _steps(execution):
        name = f"{step.relation} {step.source} {step.target}"
        path = leaves(step)
        for leaf in path:
            same = (base_relation(leaf.relation), leaf.source, leaf.target)
            if same[1:] in execution.relations.get(same[0], ()) and same[0] in execution.base and same[0] != "po":
                base[same] = name
            elif not _along_thread(execution, leaf):
                key = (leaf.relation, leaf.source, leaf.target)
                drafts[key] = _Draft(*key, "cycle", True, name)
        if len(path) > 1 and step.source != step.target:
            key = (step.relation, step.source, step.target)
            drafts.setdefault(key, _Draft(*key, "cycle", False, name))
    found = list(drafts.values())
    found += [_Draft(gap.kind, gap.source, gap.target, "gap") for gap in gaps]
    found += [_Draft(*edge, "base", bool(step), step) for edge, step in base.items()]
    return [d for d in found if execution.events[d.target].thread >= 0 and d.source != d.target]


def _steps(execution: ExecutionView) -> Iterator[Derivation]:
    return (step for cycle in execution.broken for step in cycle.steps)


def _along_thread(execution: ExecutionView, leaf: Derivation) -> bool:
    """Whether an edge goes down its thread's column, where a line already stands."""
    source, target = execution.events[leaf.source], execution.events[leaf.target]
    return leaf.relation == "po" and source.thread == target.thread and leaf.source < leaf.target


def _marked_spines(execution: ExecutionView, columns: Iterable[Sequence[int]]) -> list[bool]:
    """For each line of program order, in the order of the layout, whether the cycle goes along it."""
    marked = []
    parts = [leaf for step in _steps(execution) for leaf in leaves(step) if _along_thread(execution, leaf)]
    for column in columns:
        rank = {number: row for row, number in enumerate(column)}
        spans = [(rank[leaf.source], rank[leaf.target]) for leaf in parts if leaf.source in rank]
        marked += [any(low <= row < high for low, high in spans) for row in range(len(column) - 1)]
    return marked


def _shown(execution: ExecutionView, relation: str) -> list[Pair]:
    """A base relation's pairs without those that others imply: coherence and from-reads that follow program order,
    from-reads but for the next write, coherence from initial writes, control dependencies but for the first of a
    branch's accesses."""
    pairs = execution.relations.get(relation, ())
    if relation in ("co", "fr"):
        thread = [event.thread for event in execution.events]
        pairs = tuple((s, t) for s, t in pairs if thread[s] != thread[t] or s > t)
    if relation == "co":
        return [(s, t) for s, t in pairs if execution.events[s].thread >= 0]
    if relation == "fr":
        later = _closed(execution.relations.get("co", ()))
        return [(s, t) for s, t in pairs if not any((w, t) in later for r, w in pairs if r == s and w != t)]
    if relation == "ctrl":
        first: dict[int, int] = {}
        for s, t in pairs:
            first[s] = min(t, first.get(s, t))
        return sorted(first.items())
    return list(pairs)


def _closed(pairs: Iterable[Pair]) -> set[Pair]:
    """The transitive closure of an order that is given by its steps."""
    closed = set(pairs)
    while more := {(a, d) for a, b in closed for c, d in closed if b == c} - closed:
        closed |= more
    return closed


# --- labels ----------------------------------------------------------------------------------------------------------
def _free_labels(layout: Layout, drafts: Sequence[_Draft]) -> list[Box | None]:
    """Where the labels stand.  Those that would hide another move along their edge, or go; the cycle's come first."""
    solid = [*layout.boxes.values(), *(Box(x - 14, y - 14, 28, 18) for _, (x, y) in layout.heads)]
    taken: list[Box] = []
    places: dict[int, Box | None] = {}
    for index in sorted(range(len(drafts)), key=lambda i: (not drafts[i].step, drafts[i].layer == "base", i)):
        place = _free(layout.edges[index], layout.width, [*solid, *taken])
        places[index] = place
        if place is not None:
            taken.append(place)
    return [places[index] for index in range(len(drafts))]


def _free(placed: PlacedEdge, room: float, obstacles: Sequence[Box]) -> Box | None:
    width, height = len(placed.edge.label) * SMALL + 6, LABEL_HEIGHT
    x, y = placed.label.middle
    chosen = Box(x - width / 2, y - height / 2, width, height)
    candidates = [chosen] if any(map(chosen.contains, placed.curve.points)) else []
    candidates += [Box(x - width / 2, y - height / 2, width, height) for x, y in _from_the_middle(placed.curve)]
    candidates.append(chosen)
    for box in candidates:
        if box.x >= 0 and box.right <= room and not any(map(box.grown(1).overlaps, obstacles)):
            return box
    return None


def _from_the_middle(curve: Curve) -> list[Point]:
    middle = len(curve.points) / 2
    return [curve.points[i] for i in sorted(range(len(curve.points)), key=lambda i: (abs(i - middle), i))]
