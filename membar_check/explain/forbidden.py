"""An outcome that the model forbids: the groups of executions that would show it, and the minimal core."""

from __future__ import annotations

import re
import time

from membar_check.explain.case import Case, Survey
from membar_check.explain.core import Need, minimal_core
from membar_check.explain.edits.sites import all_edits
from membar_check.explain.edits.table import PLAIN, Table
from membar_check.explain.elements import ACQUIRE, RELEASE, Element
from membar_check.explain.explanation import Core, CoreElement, EditView, Group, Row
from membar_check.explain.groups import Excluded, excluded
from membar_check.explain.order import linear
from membar_check.explain.scene import Scene
from membar_check.explain.story import timeline
from membar_check.explain.whatif import Question, effect, shown_edit
from membar_check.records import dataclass

SHOWN_GROUPS = 6
FEW = 4
THIN_AIR = (
    "no candidate shows this outcome: its values could only come out of thin air. Each read would take its value from "
    "a write that stores what was read (data dependencies all around the circle), so no value is ever the first; such "
    "candidates are no executions under any model"
)
_KEEPS = {
    ACQUIRE: re.compile(r"(?<!A)L\Z|\.rl\Z|_release\Z", re.I),
    RELEASE: re.compile(r"A\Z|\.aq\Z|_acquire\Z", re.I),
}
"""How the forms are called that are left where one of two annotations goes."""

NOTHING_SHOWS = (
    "no candidate shows this outcome, so the model is not even asked: the program computes other values, or a read "
    "would have to take its value from itself or from a later write of its own thread"
)


@dataclass(frozen=True, slots=True)
class Reasons:
    groups: tuple[Group, ...]
    core: Core | None
    timeline: tuple[Row, ...]
    limits: tuple[str, ...]


def reasons(case: Case, survey: Survey, asked: Question, table: Table, deadline: float) -> Reasons:
    """Groups and core of a survey in which nothing is shown."""
    limits: list[str] = []
    if not survey.ruled_out:
        limits.append(THIN_AIR if case.thin_air() else NOTHING_SHOWS)
        return Reasons((), None, (), tuple(limits))
    found, complete = excluded(case, survey.ruled_out, deadline)
    if not complete:
        limits.append("not all executions were sorted into groups: the time was over")
    groups = tuple(_group(case, g) for g in found[:SHOWN_GROUPS])
    if len(found) > SHOWN_GROUPS:
        rest = sum(g.executions for g in found[SHOWN_GROUPS:])
        limits.append(f"{len(found) - SHOWN_GROUPS} more groups with {rest} executions are not shown")
    core, untried = _core(case, survey, asked, table, deadline)
    if untried:
        limits.append(f"{untried} needs were not re-checked on the edited file: the time was over")
    rows: tuple[Row, ...] = ()
    if groups:
        view = groups[0].example
        rows = timeline(view, linear(view, ()))
    return Reasons(groups, core, rows, tuple(limits))


def _group(case: Case, group: Excluded) -> Group:
    scene = Scene(case, group.part, group.number)
    cycles = scene.broken()
    wanted = group.check.name
    first = next((c for c in cycles if c.axiom == wanted), cycles[0])
    view = scene.full(False, (first, *(c for c in cycles if c is not first)))
    return Group(view.broken[0], group.executions, view)


def _core(case: Case, survey: Survey, asked: Question, table: Table, deadline: float) -> tuple[Core, int]:
    needs = minimal_core(case, survey.ruled_out, survey.whole, deadline)
    undo = _Undo(case, asked, table, deadline)
    items = tuple(_element(case, need, undo) for need in needs.core)
    return Core(items, _redundant(needs.redundant), not needs.untried), undo.untried


def _redundant(elements: tuple[Element, ...]) -> tuple[str, ...]:
    """What is not needed, in words; many dependencies are only counted."""
    dependencies = [e for e in elements if e.kind == "dependency"]
    listed = [e.text for e in elements if e.kind != "dependency" or len(dependencies) <= FEW]
    return (*listed, f"{len(dependencies)} dependencies") if len(dependencies) > FEW else tuple(listed)


def _element(case: Case, need: Need, undo: _Undo) -> CoreElement:
    element, part = need.element, need.part
    view = Scene(case, part, part.first).plain(True)
    edit = undo.of(element) if need.alone else None
    return CoreElement(element.kind, element.text, element.place, need.alone, view, edit)


def _of(command: str, thread: int) -> bool:
    """Whether an edit is of the thread's column of the program."""
    return thread < 0 or f"P{thread}:" in command


class _Undo:
    """The edits of the source that take an element away, each re-checked while there is time."""

    def __init__(self, case: Case, asked: Question, table: Table, deadline: float) -> None:
        self.case = case
        self.asked = asked
        self.table = table
        self.deadline = deadline
        self.edits = all_edits(case.original, table, ("drop", "weaken"))
        self.untried = 0

    def of(self, element: Element) -> EditView | None:
        """The single edit that takes a fence or an annotation away, if there is one."""
        if element.kind not in ("fence", "annotation") or len(element.lines) != 1:
            return None
        here = [e for e in self.edits if (e.place.file, e.place.line) == (element.lines[0].file, element.lines[0].line)]
        kind = "drop" if element.kind == "fence" else "weaken"
        chosen = [e for e in here if e.kind == kind and e.level != PLAIN and _of(e.command, element.thread)]
        if not chosen:
            return None
        only = _KEEPS.get(element.said[0][1]) if element.said else None
        chosen = [e for e in chosen if only is not None and only.search(e.level)] or chosen
        edit = min(chosen, key=lambda e: self.table.cost(e.level))
        if time.process_time() > self.deadline:
            self.untried += 1
            return shown_edit(self.case.original, edit)
        found = effect(self.asked, self.case.original, [edit], self.case.options)
        return shown_edit(self.case.original, edit, (found,))
