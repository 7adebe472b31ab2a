"""A witness execution as a Graphviz file: a cluster a thread, initial writes on top."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from membar_check.expectations import observed
from membar_check.report.drawing import PO, Drawing, DrawnEdge, Style, drawing_of
from membar_check.report.geometry import Point, number
from membar_check.report.svg_layout import Layout
from membar_check.verdict import Verdict, Witness

SUFFIX = ".dot"
NEWLINE = "\\n"  # in a label
_PLACED = "  layout=neato; splines=true; sep=\"+6\"; esep=\"+3\"; inputscale=72;"


def draw(verdict: Verdict) -> str:
    """The witness of the verdict in the DOT language.  The verdict must have one."""
    witness = verdict.witness
    assert witness is not None
    title = f"{verdict.test}: {observed(verdict)} under {verdict.model}"
    labels = [event.label for event in witness.events]
    texts = [event.text for event in witness.events]
    return graph(verdict.test, (title, verdict.condition_text), witness, drawing_of(witness), labels, texts)


def graph(
    name: str,
    head: Sequence[str],
    witness: Witness,
    drawing: Drawing,
    labels: Sequence[str],
    texts: Sequence[str],
    layout: Layout | None = None,
) -> str:
    """A graph of an execution; ``head``: the lines of its title, ``labels`` and ``texts``: the two lines of nodes.

    With a ``layout`` the events stand where it has them, and only the edges are left to Graphviz.
    """
    lines = [
        f"digraph {_quoted(name)} {{",
        f'  label="{NEWLINE.join(map(_escape, head))}"; labelloc=t; fontname="Helvetica"; fontsize=14;',
        "  rankdir=TB; newrank=true; splines=true; nodesep=0.6; ranksep=0.45;" if layout is None else _PLACED,
        '  node [shape=box, style="rounded,filled", fillcolor="#f7f7f7", fontname="Helvetica", fontsize=11];',
        '  edge [fontname="Helvetica", fontsize=10, arrowsize=0.7];',
    ]
    lines += _initial(drawing, labels, layout is not None)
    for thread, column in zip(drawing.threads, drawing.columns, strict=True):
        lines += _column(witness, thread, column, labels, texts, layout is not None)
    if layout is not None:
        lines += _positions(layout)
    for edge in drawing.edges:
        style = edge.style
        same_column = witness.events[edge.source].thread == witness.events[edge.target].thread
        extra = "" if same_column else ", constraint=false"
        if layout is not None and same_column:
            extra = _port(edge, drawing)
        lines.append(
            f"  e{edge.source} -> e{edge.target} [label={_quoted(edge.label)}, fontcolor={_quoted(style.colour)}, "
            f"{_look(style)}{extra}];"
        )
    return "\n".join([*lines, "}"]) + "\n"


def _port(edge: DrawnEdge, drawing: Drawing) -> str:
    """Edges to and fro between the same events of a column are kept apart: each has its side."""
    if not any((other.target, other.source) == (edge.source, edge.target) for other in drawing.edges):
        return ""
    port = "e" if edge.source < edge.target else "w"
    return f", tailport={port}, headport={port}"


def _positions(layout: Layout) -> list[str]:
    """Where the nodes and the names of threads stand; Graphviz counts upwards, in points, and sizes in inches."""
    lines = [
        f'  e{index} [pos="{_point(box.middle)}!", width={box.width / 72:.2f}, height={box.height / 72:.2f}];'
        for index, box in sorted(layout.boxes.items())
    ]
    return lines + [
        f'  {_quoted(name)} [pos="{_point((x, y - 10))}!", shape=plaintext, style="", width=0.3, height=0.2, margin=0];'
        for name, (x, y) in layout.heads
    ]


def _point(place: Point) -> str:
    return f"{number(place[0])},{number(-place[1])}"


def _initial(drawing: Drawing, labels: Sequence[str], placed: bool) -> list[str]:
    if not drawing.initial:
        return []
    nodes = [f"e{index} [label={_quoted(labels[index])}, fillcolor=white];" for index in drawing.initial]
    if placed:
        return [f"  {node}" for node in nodes]
    lines = ["  { rank=min; " + " ".join(nodes) + " }"]
    firsts = [column[0] for column in drawing.columns if column]
    lines += [f"  e{index} -> e{first} [style=invis];" for index in drawing.initial for first in firsts]
    return lines


def _column(
    witness: Witness,
    thread: int,
    column: tuple[int, ...],
    labels: Sequence[str],
    texts: Sequence[str],
    placed: bool,
) -> list[str]:
    head = f'    label="P{thread}"; style=rounded; color="#c8c8c8"; fontsize=12;'
    lines = [] if placed else [f"  subgraph cluster_{thread} {{", head]
    for index in column:
        text = NEWLINE.join(_escape(line) for line in (labels[index], texts[index]) if line)
        lines.append(f'    e{index} [label="{text}", tooltip="line {witness.events[index].line}"];')
    for upper, lower in pairwise(column):
        lines.append(f"    e{upper} -> e{lower} [{_look(PO)}, arrowhead=none];")
    return lines if placed else [*lines, "  }"]


def _look(style: Style) -> str:
    kind = "solid" if not style.dash else "dotted" if style.dash[0] == "2" else "dashed"
    return f'color="{style.colour}", style={kind}, penwidth={style.width:g}'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _quoted(text: str) -> str:
    return f'"{_escape(text)}"'
