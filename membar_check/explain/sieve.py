"""Which edits cannot forbid an outcome, told from one execution that shows it.

If the execution stays consistent with the fence put into it, or with its access strengthened, it is an execution of the
edited program too, and the edit forbids nothing.  What does not pass this way is checked afresh; what cannot be judged
here (an edit of a line without events, a fence that the model's macros do not spell) is kept.
"""

from __future__ import annotations

from collections.abc import Iterable

from membar_check.cat.primitives import tag_set_name
from membar_check.cat.specialise import specialise
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.models import get_macros
from membar_check.events.space import Chunk
from membar_check.events.structure import Event, Path
from membar_check.explain.case import Case, passing
from membar_check.explain.edits.edit import Edit
from membar_check.explain.explanation import Place
from membar_check.explain.scene import Scene
from membar_check.explain.view import Single
from membar_check.litmus.syntax import CCall, CExprStmt
from membar_check.program.macros import Macro
from membar_check.records import replace


class Sieve:
    """For the execution of ``scene``."""

    def __init__(self, case: Case, scene: Scene) -> None:
        self.case = case
        self.single: Single = scene.single
        self._fences: dict[str, frozenset[str] | None] = {}

    def useless(self, edit: Edit) -> bool:
        """Whether the execution is one of the edited program as well; False where that is not known."""
        if edit.kind != "add" or self.case.test.arch != "C":
            return False
        sets = self._sets(edit.level)
        if sets is None:
            return False
        after = edit.command.split()[-2] == "after"
        chosen = {path.thread: self._spots(path, edit.place, after) for path in self.single.paths}
        if not any(chosen.values()):
            return False
        return self._consistent(chosen, sets)

    def _sets(self, name: str) -> frozenset[str] | None:
        """The sets of the event that a fence of this name makes; None where it is not one plain fence."""
        if name not in self._fences:
            macros = self.case.model.macros
            found = get_macros(macros).statement(name) if macros is not None else None
            tag = _only_fence(found) if found is not None else ""
            self._fences[name] = frozenset(("F", tag_set_name(tag))) if tag else None
        return self._fences[name]

    def _spots(self, path: Path, place: Place, after: bool) -> list[int]:
        """The positions in a path at which an event behind (or in front of) each run of the line's events stands."""
        inside = [self._at(e) == (place.file, place.line) for e in path.events]
        spots = []
        for i, here in enumerate(inside):
            if here and after and not (i + 1 < len(inside) and inside[i + 1]):
                spots.append(i + 1)
            if here and not after and not (i and inside[i - 1]):
                spots.append(i)
        return spots

    def _at(self, e: int) -> tuple[str, int]:
        place = self.single.place(self.case.structure.events[e])
        return place.file, place.line

    def _consistent(self, chosen: dict[int, list[int]], sets: frozenset[str]) -> bool:
        events: list[Event] = list(self.case.structure.events)
        chunk, source = Chunk(self.case.structure, []), self.single.chunk
        chunk.count, chunk.full = 1, 1
        chunk.rf, chunk.co, chunk.last = source.rf, source.co, source.last
        chunk.present = dict(source.present)
        for path in self.single.paths:
            order = list(path.events)
            for spot in reversed(chosen[path.thread]):
                number = len(events)
                events.append(Event(number, path.thread, sets, number, -1 - number, None))
                chunk.present[number] = 1
                order.insert(spot, number)
            chunk.paths.append((replace(path, events=tuple(order)), 1))
        chunk.structure = replace(self.case.structure, events=tuple(events))
        model = specialise(self.case.named, self.case.structure.features() | sets)
        choices = {c.result.name: self.single.choices.get(c.result.name, {}) for c in model.choices}
        evaluator = Evaluator(model, chunk, self.single.valuation, choices)
        return bool(passing(model, evaluator, 1))


def _only_fence(macro: Macro) -> str:
    """The tag of the fence that is all there is to a macro; "" if there is more."""
    body = macro.body
    if not isinstance(body, tuple) or len(body) != 1 or not isinstance(body[0], CExprStmt):
        return ""
    call = body[0].expr
    return call.tags[0] if isinstance(call, CCall) and call.name == "__fence" and len(call.tags) == 1 else ""


def kept(sieve: Sieve, edits: Iterable[Edit]) -> list[Edit]:
    """The edits that may forbid the outcome."""
    return [edit for edit in edits if not sieve.useless(edit)]
