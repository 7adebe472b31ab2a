"""The command that shows the model: its checks and names, and their definitions."""

from __future__ import annotations

import difflib
from pathlib import Path

from membar_check.cat.dag import CheckNode
from membar_check.diagnostics import InputError
from membar_check.explore.page import Page
from membar_check.explore.session import Session
from membar_check.report.explain.sheet import HEADING, QUIET, RELATION, SOURCE

_STARTS = ("let ", "acyclic", "irreflexive", "empty", "flag", "(*", "//", "include")


def model(session: Session, text: str, page: Page) -> None:
    traced = session.base.model.traced()
    if text:
        _definition(session, text, page)
        return
    page.item([(session.model, HEADING), f"  {traced.model.title}"])
    _checks("axioms", [k for k in traced.model.checks if k.prefix == ""], page)
    _checks("flags and further checks", [k for k in traced.model.checks if k.prefix], page)
    names = [n for n in reversed(traced.model.named) if n in traced.definitions]
    page.item(f"names: {', '.join(names)}", indent=2, hang=2)
    page.item("`model NAME` shows the definition of one", indent=2)


def _checks(caption: str, checks: list[CheckNode], page: Page) -> None:
    if checks:
        page.item([(caption, HEADING)])
    for check in checks:
        where = f"{check.span.source.name.rsplit('/', 1)[-1]}:{check.span.line}"
        page.item([(_line(check.span.source.text, check.span.line), SOURCE), (f"   {where}", QUIET)], indent=2)


def _line(text: str, number: int) -> str:
    return " ".join(text.split("\n")[number - 1].split())


def _definition(session: Session, name: str, page: Page) -> None:
    definitions = session.base.model.traced().definitions
    if name not in definitions:
        close = difflib.get_close_matches(name, definitions, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "`model` lists the names"
        raise InputError(f"the model {session.model} defines nothing called '{name}'", hint=hint)
    file, _, line = definitions[name].rpartition(":")
    page.item([(f"{name}  ", RELATION), (definitions[name], QUIET)])
    paths = [Path(p) for p in session.base.model.load()[0].files]
    path = next((p for p in paths if p.name == file and p.is_file()), None)
    if path is None:
        return
    lines = path.read_text("utf-8").split("\n")
    number = int(line)
    while number <= len(lines) and lines[number - 1].strip():
        if number > int(line) and lines[number - 1].startswith(_STARTS):
            break
        page.item([(lines[number - 1].expandtabs(4), SOURCE)], bullet=f"{number:>4}  ")
        number += 1
