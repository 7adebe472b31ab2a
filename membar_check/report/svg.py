"""A witness execution as an SVG picture with a layout of our own: no other program is needed to make or to see it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from html import escape

from membar_check.expectations import flags_of, observed
from membar_check.records import dataclass
from membar_check.report.drawing import PO, STYLES, Drawing, Style, drawing_of, style_of
from membar_check.report.geometry import Box, number
from membar_check.report.herd_log import state_line
from membar_check.report.svg_layout import SMALL, Layout, PlacedEdge, label_text, lay_out, source_text
from membar_check.verdict import Verdict, Witness

SUFFIX = ".svg"

_MARGIN = 24.0
_LINE = 15.0
_MINIMUM_WIDTH = 560.0
_FONT = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
_FILLS = {"R": "#fff8e6", "W": "#eaf3fb", "F": "#ececec", ">": "#ffffff"}
_WIDE = 3.0  # lines from this width on have larger arrows


def draw(verdict: Verdict) -> str:
    """The witness of the verdict as an SVG document.  The verdict must have one."""
    witness = verdict.witness
    assert witness is not None
    drawing = drawing_of(witness)
    labels = {index: label_text(position, witness.events[index]) for position, index in enumerate(_order(drawing))}
    title = f"{verdict.test}: {observed(verdict)} under {verdict.model}"
    flags = flags_of(verdict)
    head = Head(
        f"{verdict.test}: an execution under {verdict.model}",
        f"{title}, flags {', '.join(flags)}" if flags else title,
        (("condition: ", verdict.condition_text), ("this execution: ", state_line(witness.state))),
    )
    return picture(head, witness, drawing, labels, [source_text(event) for event in witness.events])


@dataclass(frozen=True, slots=True)
class Head:
    """``name`` of the document; ``title`` in large type; below it ``lines``: a caption and what follows it."""

    name: str
    title: str
    lines: tuple[tuple[str, str], ...]


def picture(
    head: Head, witness: Witness, drawing: Drawing, labels: dict[int, str], texts: Sequence[str]
) -> str:
    """An SVG document of an execution; ``labels`` and ``texts``: the two lines of the events' boxes."""
    layout = lay_out(witness, drawing, labels, dict(enumerate(texts)))
    width = max(layout.width, _MINIMUM_WIDTH) + 2 * _MARGIN
    above = list(_head(head, width))
    top = _MARGIN + 24 + _LINE * (len(above) - 1)
    left = (width - layout.width) / 2
    legend = list(_legend(drawing, width, top + layout.height + 8))
    height = top + layout.height + 8 + 20 * _legend_rows(drawing, width) + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{number(width)}" height="{number(height)}" '
        f'viewBox="0 0 {number(width)} {number(height)}" font-family="{_FONT}">',
        f"<title>{escape(head.name)}</title>",
        *_markers(drawing),
        f'<rect width="{number(width)}" height="{number(height)}" fill="#ffffff"/>',
        *above,
        f'<g transform="translate({number(left)},{number(top)})">',
        *_body(witness, drawing, labels, texts, layout),
        "</g>",
        *legend,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _order(drawing: Drawing) -> list[int]:
    """The events in the order in which they get short names: thread by thread, initial writes last (they get none)."""
    return [*(index for column in drawing.columns for index in column), *drawing.initial]


def _head(head: Head, width: float) -> Iterator[str]:
    """Title and lines; long ones on several."""
    yield _text(_MARGIN, _MARGIN + 6, head.title, 15, "#111111", bold=True)
    y = _MARGIN + 26
    characters = int((width - 2 * _MARGIN) / (SMALL * 1.1))
    for caption, content in head.lines:
        for line in textwrap.wrap(caption + content, characters, subsequent_indent="    ", break_on_hyphens=False):
            yield _text(_MARGIN, y, line, 11, "#444444")
            y += _LINE


def _markers(drawing: Drawing) -> Iterator[str]:
    styles = [*STYLES.values(), style_of(""), *drawing.marks()]
    colours = sorted({style.colour for style in styles})
    wide = {style.colour for style in styles if style.width > _WIDE}
    yield "<defs>"
    for colour in colours:
        size, tip = (13, 8) if colour in wide else (9, 9)
        yield (
            f'<marker id="{_marker(colour)}" viewBox="0 0 10 10" refX="{tip}" refY="5" markerWidth="{size}" '
            f'markerHeight="{size}" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0,1 L10,5 L0,9 z" fill="{colour}"/></marker>'
        )
    yield "</defs>"


def _marker(colour: str) -> str:
    return f"arrow-{colour.removeprefix('#')}"


def _body(
    witness: Witness, drawing: Drawing, labels: dict[int, str], texts: Sequence[str], layout: Layout
) -> Iterator[str]:
    for (x1, y1), (x2, y2) in layout.spines:
        yield (
            f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" stroke="{PO.colour}" '
            f'stroke-width="{PO.width:g}"/>'
        )
    for name, (x, y) in layout.heads:
        yield _text(x, y, name, 13, "#111111", bold=True, middle=True)
    for index, box in layout.boxes.items():
        yield from _event(witness, index, labels[index], texts[index], box)
    for placed in layout.edges:
        yield _line(placed)
    for placed in layout.edges:
        yield from _label(placed)


def _event(witness: Witness, index: int, label: str, text: str, box: Box) -> Iterator[str]:
    event = witness.events[index]
    fill = "#ffffff" if event.thread < 0 else _FILLS.get(event.label[:1], "#f6f6f6")
    where = f"line {event.line}: {event.text}" if event.line else "initial write"
    yield f"<g><title>{escape(where)}</title>"
    yield (
        f'<rect x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" height="{number(box.height)}" '
        f'rx="7" fill="{fill}" stroke="#777777"/>'
    )
    x, y = box.middle
    yield _text(x, y - 3 if text else y + 4, label, 12, "#111111", middle=True)
    if text:
        yield _text(x, y + 13, text, 10, "#666666", middle=True)
    yield "</g>"


def _line(placed: PlacedEdge) -> str:
    style = placed.edge.style
    return (
        f'<path d="{placed.curve.path}" fill="none" {_stroke(style)} marker-end="url(#{_marker(style.colour)})">'
        f"<title>{escape(placed.edge.label)}</title></path>"
    )


def _stroke(style: Style) -> str:
    dash = f' stroke-dasharray="{style.dash}"' if style.dash else ""
    return f'stroke="{style.colour}" stroke-width="{style.width:g}"{dash}'


def _label(placed: PlacedEdge) -> Iterator[str]:
    box = placed.label
    yield (
        f'<rect x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" height="{number(box.height)}" '
        f'rx="3" fill="#ffffff" fill-opacity="0.92"/>'
    )
    x, y = box.middle
    yield _text(x, y + 3.5, placed.edge.label, 10, placed.edge.style.colour, bold=True, middle=True)


def _legend_items(drawing: Drawing) -> list[tuple[str, Style]]:
    items = [("po", PO)] if any(len(column) > 1 for column in drawing.columns) else []
    items += [(name, style_of(name)) for name in drawing.relations()]
    return items + [("", style) for style in drawing.marks()]


def _legend_places(drawing: Drawing, width: float) -> Iterator[tuple[float, int, str, Style]]:
    x, row = _MARGIN, 0
    for name, style in _legend_items(drawing):
        caption = f"{name}: {style.meaning}" if name else style.meaning
        size = 40 + len(caption) * SMALL + 18
        if x + size > width - _MARGIN / 2 and x > _MARGIN:
            x, row = _MARGIN, row + 1
        yield x, row, caption, style
        x += size


def _legend_rows(drawing: Drawing, width: float) -> int:
    return max((row for _, row, _, _ in _legend_places(drawing, width)), default=-1) + 1


def _legend(drawing: Drawing, width: float, top: float) -> Iterator[str]:
    for x, row, caption, style in _legend_places(drawing, width):
        y = top + row * 20
        arrow = "" if style is PO else f' marker-end="url(#{_marker(style.colour)})"'
        yield f'<path d="M{number(x)},{number(y)} h32" fill="none" {_stroke(style)}{arrow}/>'
        yield _text(x + 40, y + 3.5, caption, 10, "#444444")


def _text(
    x: float, y: float, content: str, size: int, colour: str, *, bold: bool = False, middle: bool = False
) -> str:
    extra = (' font-weight="bold"' if bold else "") + (' text-anchor="middle"' if middle else "")
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{size}" fill="{colour}"{extra} '
        f'xml:space="preserve">{escape(content, quote=False)}</text>'
    )
