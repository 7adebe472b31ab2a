"""One candidate of a case, ready to be shown: a view with the model's relations, what breaks in it, what it orders."""

from __future__ import annotations

from membar_check.cat.traced import place
from membar_check.explain.case import Case, Part, check_name
from membar_check.explain.cycles import broken, ordered
from membar_check.explain.derivation import Deriver, renumber, renumber_cycle
from membar_check.explain.explanation import CycleView, Derivation, ExecutionView, Pair
from membar_check.explain.phrases import say
from membar_check.explain.view import BASE, Single, Viewer
from membar_check.records import replace

MOST_PAIRS = 400  # larger relations are not listed
UNSHOWN = frozenset({"po", "loc", "int", "ext", "id", "rf", "co", "fr", "same-instance", "com", "partial-co"})


class Scene:
    """``single``: the candidate; ``plain``: its view with base relations only, made at once."""

    def __init__(self, case: Case, part: Part, number: int) -> None:
        self.case = case
        self.part = part
        self.number = number
        self.single: Single = part.single(number)
        self._deriver: Deriver | None = None
        self._viewer: Viewer | None = None

    @property
    def deriver(self) -> Deriver:
        """Of the model as its author wrote it."""
        if self._deriver is None:
            cell = self.viewer(()).cell
            traced = self.case.model.traced()
            # A choice that the test leaves nothing to choose is not among those of the specialised model.
            choices = {c.result.name: self.single.choices.get(c.result.name, {}) for c in traced.model.choices}
            self._deriver = Deriver(traced, self.single.chunk, choices, cell, self._say)
        return self._deriver

    def _say(self, e: int) -> str:
        """What stands where an event is, at the user's own line."""
        place = self.single.place(self.case.structure.events[e])
        return f"{place.text.rstrip(';')} in {say(place, self.case.test.source.name)}"

    def viewer(self, keep: tuple[int, ...]) -> Viewer:
        """What chooses the events to show; those of ``keep`` are among them."""
        if self._viewer is None or any(e not in self._viewer.position for e in keep):
            self._viewer = Viewer(self.single, self.case.observed, keep)
        return self._viewer

    def plain(self, consistent: bool) -> ExecutionView:
        """The view with base relations."""
        return self.viewer(()).view({}, consistent)

    def ordered(self) -> frozenset[Pair]:
        """The pairs of events, by their numbers in the view, that the model orders: as :func:`cycles.ordered`, and
        what fences say of plain accesses."""
        out = ordered(self.single.evaluator(self.case.compiled), self.case.compiled.checks) | self._fenced()
        at = self.viewer(()).position
        return frozenset((at[a], at[b]) for a, b in out if a in at and b in at)

    def _fenced(self) -> set[Pair]:
        """Pairs with a plain access that a fence orders: the checks of a model may speak of marked accesses only, and
        of plain ones in another way."""
        named = self.case.model.traced().model.named
        if "fence" not in named or "Marked" not in named or self.deriver.is_set("fence"):
            return set()
        marked = self.deriver.members("Marked")
        return {(a, b) for a, b in self.deriver.pairs("fence") if a not in marked or b not in marked}

    def checks(self) -> list[tuple[str, str, str, frozenset[Pair]]]:
        """The checks of the model with the pairs of what they test, by numbers of the view."""
        evaluator = self.single.evaluator(self.case.compiled)
        at = self.viewer(()).position
        out = []
        for check in self.case.compiled.checks:
            if check.prefix == "" and not check.negated and check.node.kind == "R":
                relation = evaluator.relation(check.node)
                pairs = frozenset((at[a], at[b]) for a, row in relation.items() for b in row if a in at and b in at)
                out.append((check_name(check), check.test, place(check.span), pairs))
        return out

    def broken(self) -> tuple[CycleView, ...]:
        """What breaks in the candidate, by numbers of the structure."""
        return broken(self.deriver)

    def full(self, consistent: bool, cycles: tuple[CycleView, ...] = ()) -> ExecutionView:
        """The view with the relations that the model names, and the cycles that break it."""
        viewer = self.viewer(tuple(sorted(_events(cycles))))
        relations: dict[str, frozenset[Pair]] = {}
        for name in self.deriver.names():
            if name not in UNSHOWN and name not in BASE and not self.deriver.is_set(name):
                pairs = self.deriver.pairs(name)
                if 0 < len(pairs) <= MOST_PAIRS:
                    relations[name] = pairs
        view = viewer.view(relations, consistent)
        shown = tuple(renumber_cycle(c, viewer.position.__getitem__) for c in cycles)
        derived = self._derivations(viewer, relations) if self.case.derive else ()
        return replace(view, broken=shown, derivations=derived)

    def _derivations(self, viewer: Viewer, relations: dict[str, frozenset[Pair]]) -> tuple[Derivation, ...]:
        """Why each shown pair is in its relation, where that does not lead through events that are not shown."""
        out = []
        for name, pairs in relations.items():
            for a, b in sorted(pairs):
                found = self.deriver.why(name, a, b) if a in viewer.position and b in viewer.position else None
                if found is not None and events_of(found) <= viewer.position.keys():
                    out.append(renumber(found, viewer.position.__getitem__))
        return tuple(out)


def _events(cycles: tuple[CycleView, ...]) -> set[int]:
    """All events that derivations of the cycles speak of."""
    return {e for cycle in cycles for step in cycle.steps for e in events_of(step)}


def events_of(derivation: Derivation) -> set[int]:
    """All events that a derivation speaks of."""
    out: set[int] = set()
    todo = [derivation]
    while todo:
        d = todo.pop()
        out |= {d.source, d.target}
        todo += d.because
    return out
