"""Points, boxes and curves for the pictures: what layout needs to know about lines and where labels fit on them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import hypot

from membar_check.records import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: its left upper corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    def grown(self, margin: float) -> Box:
        return Box(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)

    def overlaps(self, other: Box) -> bool:
        return (
            self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom
        )

    def contains(self, point: Point) -> bool:
        return self.x <= point[0] <= self.right and self.y <= point[1] <= self.bottom


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawn line: its SVG path, and points along it at about equal distances."""

    path: str
    points: tuple[Point, ...]

    def at(self, part: float) -> Point:
        """The point after ``part`` (0..1) of the way."""
        return self.points[round(part * (len(self.points) - 1))]


SAMPLES = 48


def bezier(start: Point, first: Point, second: Point, end: Point) -> Curve:
    """A cubic curve with its two control points."""
    points = []
    for step in range(SAMPLES + 1):
        t = step / SAMPLES
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        corners = (start, first, second, end)
        points.append(
            (
                sum(w * p[0] for w, p in zip(weights, corners, strict=True)),
                sum(w * p[1] for w, p in zip(weights, corners, strict=True)),
            )
        )
    path = f"M{_xy(start)} C{_xy(first)} {_xy(second)} {_xy(end)}"
    return Curve(path, tuple(points))


def rounded(corners: Sequence[Point], radius: float = 12.0) -> Curve:
    """Straight lines through the corners, each corner rounded."""
    parts = [f"M{_xy(corners[0])}"]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        reach = min(radius, _distance(before, corner) / 2, _distance(corner, after) / 2)
        parts.append(f"L{_xy(_towards(corner, before, reach))} Q{_xy(corner)} {_xy(_towards(corner, after, reach))}")
    parts.append(f"L{_xy(corners[-1])}")
    points: list[Point] = []
    for start, end in pairwise(corners):
        steps = max(1, round(_distance(start, end) / 6))
        points += [
            (start[0] + (end[0] - start[0]) * k / steps, start[1] + (end[1] - start[1]) * k / steps)
            for k in range(steps)
        ]
    return Curve(" ".join(parts), (*points, corners[-1]))


def _distance(a: Point, b: Point) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])


def _towards(start: Point, end: Point, length: float) -> Point:
    whole = _distance(start, end) or 1.0
    return start[0] + (end[0] - start[0]) * length / whole, start[1] + (end[1] - start[1]) * length / whole


def _xy(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"


def number(value: float) -> str:
    """A coordinate with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


# --- labels ----------------------------------------------------------------------------------------------------------
_PARTS = (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8, 0.14, 0.86)
_SHIFTS = ((0, 0), (0, -13), (0, 13), (16, 0), (-16, 0), (0, -24), (0, 24), (30, 0), (-30, 0), (18, -18), (-18, 18))


def place_labels(curves: Sequence[Curve], sizes: Sequence[tuple[float, float]], solid: Sequence[Box]) -> list[Box]:
    """A box of the given size for the label of each curve, on the curve or close to it.

    Boxes of labels overlap neither one another nor the ``solid`` ones where any tried place allows it; among such
    places the one that hides least of other curves and is nearest to the middle of its own is taken.
    """
    placed: dict[int, Box] = {}
    order = sorted(range(len(curves)), key=lambda index: (len(curves[index].points), index))
    for index in order:
        others = [point for i, curve in enumerate(curves) if i != index for point in curve.points]
        obstacles = [*solid, *placed.values()]
        placed[index] = _best(curves[index], sizes[index], obstacles, others)
    return [placed[index] for index in range(len(curves))]


def _best(curve: Curve, size: tuple[float, float], obstacles: Sequence[Box], others: Sequence[Point]) -> Box:
    best: tuple[float, Box] | None = None
    reach = _reach(curve, size)
    obstacles = [other for other in obstacles if reach.overlaps(other)]
    others = [point for point in others if reach.contains(point)]
    for dx, dy in _SHIFTS:
        away = abs(dx) + abs(dy)
        for part in _PARTS:
            x, y = curve.at(part)
            box = Box(x + dx - size[0] / 2, y + dy - size[1] / 2, size[0], size[1])
            cost = 10 * abs(part - 0.5) + 0.6 * away
            cost += 1000 * sum(map(box.grown(1).overlaps, obstacles))
            if best is not None and cost >= best[0]:
                continue
            cost += 2.5 * sum(map(box.grown(5).contains, others))
            if best is None or cost < best[0]:
                best = (cost, box)
    assert best is not None
    return best[1]


def _reach(curve: Curve, size: tuple[float, float]) -> Box:
    """What every place that is tried for a curve's label lies within."""
    xs, ys = zip(*curve.points, strict=True)
    whole = Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return whole.grown(max(size) / 2 + max(abs(step) for shift in _SHIFTS for step in shift) + 6)
