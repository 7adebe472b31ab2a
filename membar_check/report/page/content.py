"""What the page says, prepared for its template: executions with names, source lines folded, derivations as lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from membar_check.explain.explanation import (
    CycleView,
    Derivation,
    EditView,
    EventView,
    ExecutionView,
    Explanation,
    Gap,
    Pair,
    Place,
)
from membar_check.records import dataclass, replace
from membar_check.report.page.files import SourceView, diff_lines, folds
from membar_check.report.page.layout import Picture, cut, leaves, picture_of
from membar_check.verdict import State

BADGES = {
    "allowed": ("◆", "can happen"),
    "forbidden": ("⊘", "cannot happen"),
    "worsens": ("✗", "something else goes wrong"),
    "breaks": ("✗", "no test any more"),
    "inconclusive": ("?", "not decided"),
}
EFFECTS = {
    "forbids": "forbidden", "allows": "allowed", "worsens": "worsens", "breaks": "breaks",
    "inconclusive": "inconclusive",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a derivation as a tree: ``depth`` how far it is indented."""

    depth: int
    relation: str
    source: int
    target: int
    ends: str
    rule: str
    defined: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An execution as the page offers it: ``key`` for links, ``role`` its title in words, ``gaps`` to draw in it."""

    key: str
    role: str
    view: ExecutionView
    picture: Picture


@dataclass(frozen=True, slots=True)
class Switch:
    """An edit as a switch.  ``shows``: the key of the execution that appears, "" if there is none to show."""

    key: str
    edit: EditView
    shows: str
    file: str
    removed: tuple[tuple[int, str], ...]
    added: tuple[tuple[int, str], ...]
    effects: tuple[tuple[str, str, str], ...]  # model, badge, detail


class Content:
    """All that is worked out from an explanation; the template reads the attributes."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self._keys: dict[int, str] = {}
        self.executions = tuple(self._executions())
        self.switches = tuple(self._switches())
        self._files = {source.name: index for index, source in enumerate(explanation.sources)}
        self._folder = explanation.file.rpartition("/")[0]
        matters = self._lines_that_matter()
        self.sources = tuple(
            SourceView(index, self._short(source.name), bool(lines), tuple(folds(source.text, lines, index == 0)))
            for index, (source, lines) in enumerate(zip(explanation.sources, matters, strict=True))
        )
        self._anchors = {f"L{s.index}-{line.number}" for s in self.sources for fold in s.folds for line in fold.lines}

    def key(self, view: ExecutionView | None) -> str:
        """The key of an execution, "" for None."""
        return self._keys.get(id(view), "")

    def switch_of(self, edit: EditView | None) -> str:
        return next((switch.key for switch in self.switches if switch.edit is edit), "")

    def file_index(self, name: str) -> int:
        """The position of a source by its name, or the end of its path; -1 for unknown ones."""
        if name in self._files or not name:
            return self._files.get(name, -1)
        found = [index for full, index in self._files.items() if f"/{full}".endswith(f"/{name}")]
        return found[0] if len(found) == 1 else -1

    def _short(self, name: str) -> str:
        """A file's name as the user would write it: below the test's folder where it is there."""
        before, folder, rest = name.partition(f"/{self._folder}/")
        return f"{self._folder}/{rest}" if before and folder and self._folder else name

    def anchor(self, place: Place | None) -> str:
        """The id of a source line's element, "" where the line is not on the page."""
        anchor = f"L{self.file_index(place.file)}-{place.line}" if place is not None else ""
        return anchor if anchor in self._anchors else ""

    def place_words(self, place: Place) -> str:
        """``line 14``, ``membarrier.h:14`` in other files than the test."""
        if place.line < 1:
            return ""
        if place.file in ("", self.explanation.file) or self.file_index(place.file) == 0:
            return f"line {place.line}"
        return f"{place.file.rsplit('/', 1)[-1]}:{place.line}"

    def where(self, event: EventView) -> str:
        """``P1 line 14``, ``P1 membarrier.h:14`` or ``the initial state``."""
        if event.thread < 0:
            return "the initial state"
        return f"P{event.thread} {self.place_words(event.place)}".rstrip()

    def lines(self, derivation: Derivation, view: ExecutionView, depth: int = 0) -> Iterator[Line]:
        """A derivation as indented lines, what follows before what it follows from."""
        source, target = view.events[derivation.source], view.events[derivation.target]
        ends = f"{self.where(source)} → {self.where(target)}"
        rule = "" if derivation.rule == "base" else derivation.rule
        if derivation.rule == "base" or not derivation.because:
            ends = f"{self.where(source)}: {source.action} → {self.where(target)}: {target.action}"
        if source is target:
            ends = f"{self.where(source)}: {source.action}"
        note = f" ({derivation.note})" if derivation.note else ""
        words = f"{rule}{note}".strip()
        yield Line(
            depth, derivation.relation, derivation.source, derivation.target, ends, words, derivation.defined
        )
        for part in derivation.because:
            yield from self.lines(part, view, depth + 1)

    def ring(self, cycle: CycleView, view: ExecutionView) -> list[tuple[EventView, str]]:
        """The way around a cycle along base edges: each event with the relation to the next one, and with the fences
        that program order passes."""
        legs: list[tuple[str, int, int]] = []
        for leaf in (leaf for step in cycle.steps for leaf in leaves(step)):
            if legs and legs[-1][0] == leaf.relation == "po":
                legs[-1] = ("po", legs[-1][1], leaf.target)
            else:
                legs.append((leaf.relation, leaf.source, leaf.target))
        ring = []
        for relation, source, target in legs:
            between = view.events[source + 1 : target] if relation == "po" else ()
            fences = [event.action for event in between if event.kind == "F"]
            ring.append((view.events[source], ", ".join([relation, *fences[:2], *["…"] * (len(fences) > 2)])))
        return ring

    def words(self, text: str) -> list[tuple[str, str, bool]]:
        """The text in pieces: what it says; the anchor of a place in the sources (``line 14``, ``line 3 of a.h``,
        ``a.h:3``), else ""; whether it is code (between backquotes)."""
        pieces: list[tuple[str, str, bool]] = []
        for number, part in enumerate(text.split("`") if text.count("`") % 2 == 0 else [text]):
            if number % 2:
                pieces.append((part, "", True))
                continue
            end = 0
            for match in _PLACE.finditer(part):
                name = match["of"] or match["file"] or (self.explanation.sources and self.explanation.sources[0].name)
                anchor = self.anchor(Place(name or "", int(match["line"] or match["at"]), ""))
                if anchor:
                    pieces += [(part[end : match.start()], "", False), (match[0], anchor, False)]
                    end = match.end()
            pieces.append((part[end:], "", False))
        return [piece for piece in pieces if piece[0]]

    def wrong(self) -> list[str]:
        """In a few sentences what goes wrong, of an allowed outcome: the missing orders, or where there are none the
        sentences of the story that tell of more than a read or a write."""
        explanation = self.explanation
        if explanation.gaps:
            return [gap.text for gap in explanation.gaps]
        told = [sentence for sentence in explanation.story if _TELLING.search(sentence)]
        return told[:4] or list(explanation.story[-2:])

    def objections(self) -> list[tuple[str, str]]:
        """Why no check objects: text, and the checks of which it is true."""
        names: dict[str, list[str]] = {}
        for axiom in self.explanation.axioms:
            place = f" ({axiom.defined})" if axiom.defined else ""
            names.setdefault(axiom.text, []).append(f"{axiom.test} {axiom.axiom}{place}")
        return [(text, ", ".join(checks)) for text, checks in names.items()]

    # --- which executions there are ---
    def _executions(self) -> Iterator[Shown]:
        """Every execution once, the one to show first in front."""
        for key, role, view, cycles, gaps in self._roles():
            if id(view) in self._keys:
                continue
            self._keys[id(view)] = key
            told = view if view.broken or not cycles else replace(view, broken=cycles)
            yield Shown(key, role, told, picture_of(told, gaps))

    def _roles(self) -> Iterator[tuple[str, str, ExecutionView, tuple[CycleView, ...], Sequence[Gap]]]:
        explanation = self.explanation
        if explanation.execution is not None and explanation.allowed:
            yield "witness", "shows the outcome", explanation.execution, (), explanation.gaps
        for number, group in enumerate(explanation.groups, 1):
            count = f"{group.executions} execution{'s' if group.executions != 1 else ''}"
            yield f"group{number}", f"ruled out by {group.cycle.axiom} ({count})", group.example, (group.cycle,), ()
        if explanation.execution is not None:
            yield "witness", "the execution of the timeline", explanation.execution, (), explanation.gaps
        for number, element in enumerate(explanation.core.elements if explanation.core else (), 1):
            if element.execution is not None:
                yield f"without{number}", f"appears without {_plain(element.text, 60)}", element.execution, (), ()
        for number, other in enumerate(explanation.others, 1):
            verdict = "possible" if other.consistent else "ruled out"
            yield f"other{number}", f"another execution, {verdict}", other, (), ()

    # --- what the edits change ---
    def _switches(self) -> Iterator[Switch]:
        explanation = self.explanation
        edits: list[tuple[EditView, str]] = [(edit, "") for edit in explanation.edits]
        if explanation.core:
            for element in explanation.core.elements:
                if element.edit is not None:
                    edits.append((element.edit, self.key(element.execution)))
        alone = {id(e.edit) for e in explanation.core.elements if e.alone and e.execution} if explanation.core else ()
        for number, (edit, shows) in enumerate(edits):
            removed, added = diff_lines(edit.diff)
            effects = tuple(
                (self._model(e.model), EFFECTS.get(e.verdict, "inconclusive"), e.detail) for e in edit.effects
            )
            if id(edit) in alone and not any(model == explanation.model for model, _, _ in effects):
                effects = ((explanation.model, "allowed", ""), *effects)
            yield Switch(f"w{number}", edit, shows, edit.place.file, removed, added, effects)

    def _model(self, name: str) -> str:
        """A model as the matrix names it; "" and the path of the page's own model are that model."""
        own = self.explanation.model
        return own if not name or name.rsplit("/", 1)[-1].removesuffix(".cat") == own else name

    # --- which lines are shown ---
    def _lines_that_matter(self) -> list[set[int]]:
        found: list[set[int]] = [set() for _ in self.explanation.sources]
        for place in self._places():
            index = self.file_index(place.file)
            if index >= 0 and place.line > 0:
                found[index].add(place.line)
        return found

    def _places(self) -> Iterator[Place]:
        for shown in self.executions:
            yield from (event.place for event in shown.view.events)
            yield from (note.place for note in shown.view.notes)
        yield from (row.place for row in self.explanation.timeline)
        yield from (switch.edit.place for switch in self.switches)
        if self.explanation.core:
            yield from (e.place for e in self.explanation.core.elements if e.place is not None)


_FILE = r"[\w.+\-]+\.(?:litmus|h|c)\b"
_PLACE = re.compile(rf"\bline (?P<line>\d+)\b(?: of (?P<of>{_FILE}))?|(?P<file>{_FILE}):(?P<at>\d+)\b")
_TELLING = re.compile(r"\b(?:although|nothing|freed|frees|fails|races?|never|yet|stuck|waits)\b", re.IGNORECASE)


def _plain(text: str, length: int) -> str:
    return cut(text.replace("`", ""), length)


def state_text(state: State) -> str:
    """``0:r0=1; x=2``"""
    return "; ".join(f"{place}={value}" for place, value in state)


def derivations(cycles: Sequence[CycleView]) -> dict[tuple[str, int, int], Derivation]:
    """All that the cycles derive, by relation and ends; the first way of deriving it."""
    found: dict[tuple[str, int, int], Derivation] = {}

    def add(derivation: Derivation) -> None:
        found.setdefault((derivation.relation, derivation.source, derivation.target), derivation)
        for part in derivation.because:
            add(part)

    for cycle in cycles:
        for step in cycle.steps:
            add(step)
    return found


def reduced(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The pairs to draw of a relation: those that no others imply if it is transitive and without circles, else all."""
    following: dict[int, set[int]] = {}
    for source, target in pairs:
        following.setdefault(source, set()).add(target)
    everything = set(pairs)
    for source, target in everything:
        if source == target or not following.get(target, set()) <= following[source]:
            return tuple(sorted(everything))
    implied = {(s, t) for s, t in everything for m in following[s] if m != t and t in following.get(m, ())}
    return tuple(sorted(everything - implied))
