"""The page of a gate: one HTML document that needs no network, no server and nothing beside it but the explanations
that it links to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from membar_check.records import dataclass
from membar_check.report.gate.data import GateItem, GateReport, Kind, ModelChange
from membar_check.report.gate.words import (
    MEANINGS,
    ORDER,
    affected,
    changed_models,
    counted,
    details,
    local,
    name_of,
    observed,
    origin,
    passes,
    place_of,
    summary,
    told_of,
)

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_SIGNS = {
    Kind.SAME: "✓", Kind.NEW: "+", Kind.FIXED: "↑", Kind.BROKEN: "✗", Kind.CHANGED: "≠", Kind.MISSING: "∅",
    Kind.INCONCLUSIVE: "?", Kind.ERROR: "!",
}  # fmt: skip
_WORDS = {0: "passed", 1: "differences", 2: "errors", 3: "inconclusive"}


@dataclass(frozen=True, slots=True)
class Row:
    """One check as the table shows it: ``key`` its anchor, ``link`` the page of its explanation ("" without one)."""

    key: str
    item: GateItem
    name: str
    folder: str
    sign: str
    passes: bool
    origin: str
    observed: str
    details: tuple[str, ...]
    where: str
    link: str


@dataclass(frozen=True, slots=True)
class ModelView:
    """A changed model: what changed, which checks are not as they should be, and the lines about tests that tell it
    from what it was, the text of such a test apart."""

    name: str
    changes: tuple[ModelChange, ...]
    rows: tuple[Row, ...]
    told: tuple[str, ...]


def write(report: GateReport, out: TextIO) -> None:
    """The page without links to explanations."""
    out.write(render(report, {}))


def render(report: GateReport, links: Mapping[tuple[str, str], str], unexplained: str = "") -> str:
    """The page as text; the same report gives the same text.

    ``links``: addresses of explanations, relative to the page, by file and model.  ``unexplained``: why others have
    none, a sentence.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    rows = [_row(number, item, links) for number, item in enumerate(report.items, 1)]
    rows.sort(key=lambda row: ORDER.index(row.item.kind))  # stable: by file and model within each kind
    environment.filters["local"] = local
    return environment.get_template("gate.html.j2").render(
        report=report,
        rows=rows,
        kinds=[(kind, _SIGNS[kind], count, MEANINGS[kind]) for kind, count in counted(report)],
        hidden=_hidden(report),
        models=sorted({row.item.model for row in rows if row.item.model}),
        changed=[_model(name, report, rows) for name in changed_models(report)],
        summary=summary(report),
        verdict=_WORDS[report.status],
        unexplained=unexplained,
        css=(_TEMPLATES / "gate.css").read_text("utf-8"),
        script=(_TEMPLATES / "gate.js").read_text("utf-8"),
    )


def _hidden(report: GateReport) -> set[str]:
    """The kinds that the page leaves out at first: what is as it was, where anything else is to be seen."""
    return {Kind.SAME.value} if any(item.kind is not Kind.SAME for item in report.items) else set()


def _row(number: int, item: GateItem, links: Mapping[tuple[str, str], str]) -> Row:
    place = place_of(item)
    folder, _, _ = item.file.rpartition("/")
    return Row(
        key=f"c{number}",
        item=item,
        name=name_of(item),
        folder=folder,
        sign=_SIGNS[item.kind],
        passes=passes(item),
        origin=origin(item),
        observed="" if item.new is None else observed(item.new),
        details=tuple(details(item)),
        where=f"{local(place.file)}:{place.line}",
        link=links.get((item.file, item.model), ""),
    )


def _model(name: str, report: GateReport, rows: list[Row]) -> ModelView:
    changes = tuple(change for change in report.model_changes if change.model == name)
    hit = {(item.file, item.model) for change in changes for item in affected(change, report)}
    return ModelView(
        name,
        changes,
        tuple(row for row in rows if (row.item.file, row.item.model) in hit),
        tuple(told_of(name, report)),
    )
