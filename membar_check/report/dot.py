"""A witness execution as a Graphviz file: a cluster a thread, initial writes on top."""

from __future__ import annotations

from itertools import pairwise

from membar_check.expectations import observed
from membar_check.report.drawing import PO, Drawing, Style, drawing_of
from membar_check.verdict import Verdict, Witness

SUFFIX = ".dot"


def draw(verdict: Verdict) -> str:
    """The witness of the verdict in the DOT language.  The verdict must have one."""
    witness = verdict.witness
    assert witness is not None
    drawing = drawing_of(witness)
    title = f"{verdict.test}: {observed(verdict)} under {verdict.model}\\n{_escape(verdict.condition_text)}"
    lines = [
        f"digraph {_quoted(verdict.test)} {{",
        f'  label="{title}"; labelloc=t; fontname="Helvetica"; fontsize=14;',
        "  rankdir=TB; newrank=true; splines=true; nodesep=0.6; ranksep=0.45;",
        '  node [shape=box, style="rounded,filled", fillcolor="#f7f7f7", fontname="Helvetica", fontsize=11];',
        '  edge [fontname="Helvetica", fontsize=10, arrowsize=0.7];',
    ]
    lines += _initial(witness, drawing)
    for thread, column in zip(drawing.threads, drawing.columns, strict=True):
        lines += _column(witness, thread, column)
    for edge in drawing.edges:
        style = edge.style
        same_column = witness.events[edge.source].thread == witness.events[edge.target].thread
        extra = "" if same_column else ", constraint=false"
        lines.append(
            f"  e{edge.source} -> e{edge.target} [label={_quoted(edge.label)}, fontcolor={_quoted(style.colour)}, "
            f"{_look(style)}{extra}];"
        )
    return "\n".join([*lines, "}"]) + "\n"


def _initial(witness: Witness, drawing: Drawing) -> list[str]:
    if not drawing.initial:
        return []
    nodes = [f"e{index} [label={_quoted(witness.events[index].label)}, fillcolor=white];" for index in drawing.initial]
    lines = ["  { rank=min; " + " ".join(nodes) + " }"]
    firsts = [column[0] for column in drawing.columns if column]
    lines += [f"  e{index} -> e{first} [style=invis];" for index in drawing.initial for first in firsts]
    return lines


def _column(witness: Witness, thread: int, column: tuple[int, ...]) -> list[str]:
    lines = [f"  subgraph cluster_{thread} {{", f'    label="P{thread}"; style=rounded; color="#c8c8c8"; fontsize=12;']
    for index in column:
        event = witness.events[index]
        text = f"{_escape(event.label)}\\n{_escape(event.text)}" if event.text else _escape(event.label)
        lines.append(f'    e{index} [label="{text}", tooltip="line {event.line}"];')
    for upper, lower in pairwise(column):
        lines.append(f"    e{upper} -> e{lower} [{_look(PO)}, arrowhead=none];")
    return [*lines, "  }"]


def _look(style: Style) -> str:
    kind = "solid" if not style.dash else "dotted" if style.dash[0] == "2" else "dashed"
    return f'color="{style.colour}", style={kind}, penwidth={style.width:g}'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _quoted(text: str) -> str:
    return f'"{_escape(text)}"'
