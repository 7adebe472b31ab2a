"""Where everything of a drawn execution goes: a column a thread, a row a position in program order.

Between the columns are gutters, between the rows channels; edges keep to them, so that none runs through a box:

* between neighbouring columns an edge is one curve through their gutter;
* within a column it is an arc beside it, wider the more it spans;
* to a column further away, and from initial writes, it goes through a gutter, along a channel, through a gutter.
"""

from __future__ import annotations

from itertools import pairwise

from membar_check.explain.explanation import event_name
from membar_check.records import dataclass, field
from membar_check.report.drawing import Drawing, DrawnEdge
from membar_check.report.geometry import Box, Curve, Point, bezier, place_labels, rounded
from membar_check.verdict import Witness, WitnessEvent

CHAR = 7.23  # width of a character of labels, 12 px monospaced
SMALL = 6.03  # of source text and edge labels, 10 px
LABEL_HEIGHT = 14.0
MAXIMUM_TEXT = 38  # characters of source text in a box

_BOX = 42.0
_INITIAL_BOX = 26.0
_HEAD = 22.0
_CHANNEL = 26.0  # height of a channel without edges
_LANE = 16.0  # distance of edges in a channel
_SIDE_LANE = 9.0  # distance of vertical parts of edges in a gutter
_ARC = 24.0  # distance of arcs
_MARKED_ARC = 16.0  # how much further apart arcs are that stand out


@dataclass(frozen=True, slots=True)
class PlacedEdge:
    edge: DrawnEdge
    curve: Curve
    label: Box


@dataclass(frozen=True, slots=True)
class Layout:
    """``boxes`` by event; ``heads`` the thread names; ``spines`` the lines of program order."""

    width: float
    height: float
    boxes: dict[int, Box]
    heads: tuple[tuple[str, Point], ...]
    spines: tuple[tuple[Point, Point], ...]
    edges: tuple[PlacedEdge, ...]


def label_text(position: int, event: WitnessEvent) -> str:
    """``a: Wx=1``; initial writes have no short name."""
    return event.label if event.thread < 0 else f"{event_name(position)}: {event.label}"


def source_text(event: WitnessEvent) -> str:
    """The instruction on one line, cut where it is very long."""
    text = " ".join(event.text.split())
    return text if len(text) <= MAXIMUM_TEXT else text[: MAXIMUM_TEXT - 1] + "…"


def lay_out(
    witness: Witness, drawing: Drawing, labels: dict[int, str], texts: dict[int, str] | None = None
) -> Layout:
    """Places all of the drawing; ``labels`` are the first lines of the boxes, ``texts`` the second ones: by default
    the source text."""
    if texts is None:
        texts = {index: source_text(event) for index, event in enumerate(witness.events)}
    return _Layouter(witness, drawing, labels, texts).result()


@dataclass(slots=True)
class _Route:
    """How one edge goes: its kind, and the columns and rows of its ends (column -1: initial write)."""

    edge: DrawnEdge
    kind: str  # "arc", "curve", "far"
    source: tuple[int, int]
    target: tuple[int, int]
    out_right: bool  # whether it leaves on the right side of its source
    in_right: bool  # whether it comes in on the right side of its target
    channel: int = 0
    lane: int = 0
    out_lane: int = 0
    in_lane: int = 0


@dataclass(slots=True)
class _Layouter:
    witness: Witness
    drawing: Drawing
    labels: dict[int, str]
    texts: dict[int, str]
    cell: dict[int, tuple[int, int]] = field(default_factory=dict)
    boxes: dict[int, Box] = field(default_factory=dict)
    routes: list[_Route] = field(default_factory=list)
    column_x: list[float] = field(default_factory=list)
    row_y: list[float] = field(default_factory=list)
    channel_y: list[float] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def result(self) -> Layout:
        for column, events in enumerate(self.drawing.columns):
            for row, event in enumerate(events):
                self.cell[event] = (column, row)
        for slot, event in enumerate(self.drawing.initial):
            self.cell[event] = (-1, slot)
        self.routes = [self._route(edge) for edge in self.drawing.edges]
        self._assign_channels()
        self._assign_side_lanes()
        self._place_columns()
        self._place_rows()
        self._place_boxes()
        ports = self._ports()
        curves = [self._curve(route, *ports[index]) for index, route in enumerate(self.routes)]
        sizes = [(len(route.edge.label) * SMALL + 6, LABEL_HEIGHT) for route in self.routes]
        heads = self._heads()
        solid = [*self.boxes.values(), *(Box(x - 12, y - 14, 24, 18) for _, (x, y) in heads)]
        label_boxes = place_labels(curves, sizes, solid)
        edges = tuple(
            PlacedEdge(route.edge, curve, box)
            for route, curve, box in zip(self.routes, curves, label_boxes, strict=True)
        )
        return Layout(self.width, self.height, self.boxes, heads, self._spines(), edges)

    # --- which way ---
    def _route(self, edge: DrawnEdge) -> _Route:
        source, target = self.cell[edge.source], self.cell[edge.target]
        last = len(self.drawing.columns) - 1
        if source[0] == target[0] and source[0] >= 0:
            right = not (source[0] == 0 and last > 0)
            return _Route(edge, "arc", source, target, right, right)
        forward = target[0] > source[0]
        if min(source[0], target[0]) >= 0 and abs(source[0] - target[0]) == 1:
            return _Route(edge, "curve", source, target, forward, not forward)
        if source[0] < 0 or target[0] < 0:
            side = max(source[0], target[0]) > last / 2  # come in from the outer side
            return _Route(edge, "far", source, target, side, side)
        return _Route(edge, "far", source, target, forward, not forward)

    def _assign_channels(self) -> None:
        """Each far edge gets a channel near its ends and a lane in it; spans in a lane do not touch."""
        taken: dict[int, list[list[tuple[float, float]]]] = {}
        for route in self.routes:
            if route.kind != "far":
                continue
            route.channel = self._channel(route, taken)
            low, high = sorted((self._rough_x(route.source), self._rough_x(route.target)))
            if min(route.source[0], route.target[0]) < 0:
                low, high = low - 0.45, high + 0.45  # it bends beside the column, on either side
            lanes = taken.setdefault(route.channel, [])
            for lane, spans in enumerate(lanes):
                if all(high <= other_low or other_high <= low for other_low, other_high in spans):
                    spans.append((low, high))
                    route.lane = lane
                    break
            else:
                route.lane = len(lanes)
                lanes.append([(low, high)])

    def _channel(self, route: _Route, taken: dict[int, list[list[tuple[float, float]]]]) -> int:
        """Channel ``k`` is above row ``k``; initial writes use the first."""
        if route.source[0] < 0 or route.target[0] < 0:
            return 0
        low, high = sorted((route.source[1], route.target[1]))
        choices = list(range(low + 1, high + 1)) if high > low else [low + 1, max(low, 1)]
        return min(choices, key=lambda choice: (len(taken.get(choice, ())), choice))

    def _rough_x(self, cell: tuple[int, int]) -> float:
        if cell[0] >= 0:
            return float(cell[0])
        return (cell[1] + 0.5) * max(1, len(self.drawing.columns)) / max(1, len(self.drawing.initial)) - 0.5

    def _assign_side_lanes(self) -> None:
        """Vertical parts of far edges beside a column: each in its own lane, numbered from the boxes outwards."""
        used: dict[tuple[int, bool], int] = {}

        def take(column: int, right: bool) -> int:
            lane = used.get((column, right), 0)
            used[(column, right)] = lane + 1
            return lane

        for route in self.routes:
            if route.kind == "far":
                if route.source[0] >= 0:
                    route.out_lane = take(route.source[0], route.out_right)
                if route.target[0] >= 0:
                    route.in_lane = take(route.target[0], route.in_right)

    # --- where ---
    def _box_width(self, event: int) -> float:
        return max(len(self.labels[event]) * CHAR, len(self.texts[event]) * SMALL) + 20

    def _column_width(self, column: int) -> float:
        return max([96.0, *(self._box_width(event) for event in self.drawing.columns[column])])

    def _gutter(self, gutter: int) -> float:
        """The width that the edges in the gutter left of column ``gutter`` need."""
        left, right = gutter - 1, gutter
        curves = [r for r in self.routes if r.kind == "curve" and max(r.source[0], r.target[0]) == right]
        arcs = [r for r in self.routes if r.kind == "arc" and r.source[0] == (left if r.out_right else right)]
        lanes = 0
        for route in self.routes:
            if route.kind == "far":
                lanes += route.source[0] >= 0 and route.source[0] == (left if route.out_right else right)
                lanes += route.target[0] >= 0 and route.target[0] == (left if route.in_right else right)
        need = 26.0 if gutter in (0, len(self.drawing.columns)) else 48.0
        if curves:
            need = 92 + max(len(route.edge.label) for route in curves) * SMALL + 6 * len(curves)
        if arcs:
            depth = max(self._arc_depth(route) for route in arcs)
            need += depth + 12 + max(len(route.edge.label) for route in arcs) * SMALL * (0.5 if curves else 1.0)
        return need + lanes * _SIDE_LANE + (14 if lanes else 0)

    def _arc_level(self, arc: _Route) -> int:
        """How many arcs of the same column lie inside this one."""
        low, high = sorted((arc.source[1], arc.target[1]))
        inside = 0
        for other in self.routes:
            if other.kind == "arc" and other.source[0] == arc.source[0] and other is not arc:
                other_low, other_high = sorted((other.source[1], other.target[1]))
                inner = low <= other_low and other_high <= high
                same = (other_low, other_high) == (low, high)
                inside += inner and (not same or self.routes.index(other) < self.routes.index(arc))
        return min(inside, 6)

    def _arc_depth(self, arc: _Route) -> float:
        """How far the arc goes from its column; those that stand out stay clear of the lanes of far edges."""
        level = self._arc_level(arc)
        depth = 26 + _ARC * level
        if arc.edge.mark is not None:
            column, right = arc.source[0], arc.out_right
            ends = [(r.source[0], r.out_right) for r in self.routes if r.kind == "far"]
            ends += [(r.target[0], r.in_right) for r in self.routes if r.kind == "far"]
            apart = max(_MARKED_ARC, len(arc.edge.label) * SMALL * 0.7)  # room for the labels of those inside
            depth += _MARKED_ARC + apart * level + _SIDE_LANE * ends.count((column, right))
        return depth

    def _place_columns(self) -> None:
        x = 0.0
        for column in range(len(self.drawing.columns)):
            x += self._gutter(column)
            self.column_x.append(x)
            x += self._column_width(column)
        self.width = x + self._gutter(len(self.drawing.columns))
        initial = sum(self._box_width(event) + 24 for event in self.drawing.initial) + 24
        if initial > self.width:
            shift = (initial - self.width) / 2
            self.column_x = [x + shift for x in self.column_x]
            self.width = initial

    def _place_rows(self) -> None:
        rows = max([0, *(len(column) for column in self.drawing.columns)])
        lanes = [0] * (rows + 1)
        for route in self.routes:
            if route.kind == "far":
                lanes[route.channel] = max(lanes[route.channel], route.lane + 1)
        y = _INITIAL_BOX if self.drawing.initial else 0.0
        for row in range(rows + 1):
            self.channel_y.append(y + _CHANNEL / 2)
            y += max(_CHANNEL, (lanes[row] + 1) * _LANE) if row or lanes[0] else 6.0
            if row == 0:
                y += _HEAD
            if row < rows:
                self.row_y.append(y)
                y += _BOX
        self.height = y

    def _place_boxes(self) -> None:
        for column, events in enumerate(self.drawing.columns):
            width = self._column_width(column)
            for row, event in enumerate(events):
                self.boxes[event] = Box(self.column_x[column], self.row_y[row], width, _BOX)
        total = sum(self._box_width(event) + 24 for event in self.drawing.initial)
        x = (self.width - total) / 2 + 12
        for event in self.drawing.initial:
            self.boxes[event] = Box(x, 0.0, self._box_width(event), _INITIAL_BOX)
            x += self._box_width(event) + 24

    def _ports(self) -> list[tuple[Point, Point]]:
        """Where each edge leaves and comes in: spread over the sides of the boxes, in the order of the other ends."""
        sides: dict[tuple[int, str], list[tuple[float, int, bool]]] = {}
        for index, route in enumerate(self.routes):
            for outgoing in (True, False):
                event = route.edge.source if outgoing else route.edge.target
                other = route.edge.target if outgoing else route.edge.source
                right = route.out_right if outgoing else route.in_right
                side = "bottom" if self.cell[event][0] < 0 else "right" if right else "left"
                key = self.boxes[other].middle[0 if side == "bottom" else 1]
                sides.setdefault((event, side), []).append((key, index, outgoing))
        points: dict[tuple[int, bool], Point] = {}
        for (event, side), ends in sides.items():
            box = self.boxes[event]
            for rank, (_, index, outgoing) in enumerate(sorted(ends)):
                part = (rank + 1) / (len(ends) + 1)
                if side == "bottom":
                    points[(index, outgoing)] = (box.x + part * box.width, box.bottom)
                else:
                    x = box.right if side == "right" else box.x
                    points[(index, outgoing)] = (x, box.y + 4 + part * (box.height - 8))
        return [(points[(index, True)], points[(index, False)]) for index in range(len(self.routes))]

    # --- lines ---
    def _curve(self, route: _Route, start: Point, end: Point) -> Curve:
        if route.kind == "arc":
            sign = 1 if route.out_right else -1
            depth = sign * self._arc_depth(route) * 4 / 3
            return bezier(start, (start[0] + depth, start[1]), (end[0] + depth, end[1]), end)
        if route.kind == "curve":
            handle = (end[0] - start[0]) * 0.45
            return bezier(start, (start[0] + handle, start[1]), (end[0] - handle, end[1]), end)
        y = self.channel_y[route.channel] + route.lane * _LANE
        corners = [start, *self._turn(route.source, route.out_right, route.out_lane, start, y)]
        corners += reversed(self._turn(route.target, route.in_right, route.in_lane, end, y))
        return rounded([*corners, end])

    def _turn(self, cell: tuple[int, int], right: bool, lane: int, port: Point, y: float) -> list[Point]:
        """The corners between a port and the channel at ``y``."""
        if cell[0] < 0:
            return [(port[0], y)]
        x = port[0] + (18 + lane * _SIDE_LANE) * (1 if right else -1)
        return [(x, port[1]), (x, y)]

    def _heads(self) -> tuple[tuple[str, Point], ...]:
        heads = []
        for column, thread in enumerate(self.drawing.threads):
            middle = self.column_x[column] + self._column_width(column) / 2
            heads.append((f"P{thread}", (middle, self.row_y[0] - 8)))
        return tuple(heads)

    def _spines(self) -> tuple[tuple[Point, Point], ...]:
        lines = []
        for column in self.drawing.columns:
            for upper, lower in pairwise(column):
                x = self.boxes[upper].middle[0]
                lines.append(((x, self.boxes[upper].bottom), (x, self.boxes[lower].y)))
        return tuple(lines)
