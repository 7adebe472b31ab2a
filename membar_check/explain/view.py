"""One candidate as a reader sees it: events by source line, variable and value, relations by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

from membar_check.cat.dag import CompiledModel
from membar_check.diagnostics import Span
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.outcome import Finals, Observed, split_states
from membar_check.events.executions import Choices
from membar_check.events.kernel import POISON
from membar_check.events.space import Chunk
from membar_check.events.structure import Event, Path
from membar_check.events.valuation import Valuation
from membar_check.explain.explanation import EventView, ExecutionView, NoteView, Pair, Place, event_name
from membar_check.litmus.condition import places_of
from membar_check.litmus.syntax import GlobalRef
from membar_check.relation import Relation
from membar_check.values import Address, Value
from membar_check.verdict import State

BASE = ("po", "rf", "co", "fr", "addr", "data", "ctrl", "rmw")
_UNSEEN = frozenset({"Rreg", "Wreg", "B", "BCC"})
_STRUCTURAL = frozenset({"R", "W", "F", "IW", "RMW", "X", "LK", "Freed"})
_LOCKS = {
    "LKR": "wants the lock {0}", "LKW": "takes the lock {0}", "UL": "releases the lock {0}",
    "LF": "finds the lock {0} taken", "RL": "sees the lock {0} taken", "RU": "sees the lock {0} free",
}  # fmt: skip

_WORD = re.compile(r"[A-Za-z_]\w*\Z")
_INTERRUPT = re.compile(r"csd@(P\d+)\.")
_SECTION = frozenset({"Rcu-lock", "Rcu-unlock", "Barrier"})


class Single:
    """The only candidate of a chunk, with what is known of it."""

    def __init__(self, chunk: Chunk, choices: Choices) -> None:
        self.chunk = chunk
        self.choices = choices
        self.structure = chunk.structure
        self.paths: list[Path] = sorted((p for p, m in chunk.paths if m & 1), key=lambda p: p.thread)
        self.valuation = Valuation(chunk)
        self.address: dict[int, Address] = {e: a for a, e in self.structure.initial.items()}
        self.sites: dict[int, Span] = {}
        for p in self.paths:
            self.address.update(p.address)
            if p.activity is not None:
                self.sites.update(p.activity.sites)
        self.rf = pairs_of(chunk.rf)
        self.co = pairs_of(chunk.co)

    def value(self, event: Event) -> Value | None:
        """What the event reads or writes; None where that is not determined."""
        found = self.valuation.write(event.number, 1) if event.is_write else {}
        found = self.valuation.read(event.number) if event.is_read else found
        return next((v for v, m in found.items() if m & 1), None)

    def place(self, event: Event) -> Place:
        """The user's own line: of an event of the runtime the call that led there."""
        span = self.sites.get(event.number, event.span)
        return Place("", 0, "") if span is None else place_of(span)

    def state(self, observed: Observed) -> State:
        finals = Finals(self.chunk, self.valuation, self.structure.program)
        return observed.state(next(iter(split_states(observed, finals, 1))))

    def from_reads(self) -> list[Pair]:
        """``fr``: from each read to all writes that come after the one it read from."""
        return sorted((r, w2) for w, r in self.rf for w1, w2 in self.co if w1 == w and w2 != r)

    def evaluator(self, model: CompiledModel) -> Evaluator:
        """The evaluator of a model on this candidate."""
        return Evaluator(model, self.chunk, self.valuation, self.choices)


def pairs_of(relation: Relation) -> list[Pair]:
    """The pairs that a relation has in the first candidate, sorted."""
    return [(a, b) for a, row in sorted(relation.items()) for b, m in sorted(row.items()) if m & 1]


def place_of(span: Span) -> Place:
    """The place of a span, its text on one line; of a single word, such as a macro, the line that it stands in."""
    text = span.text
    if _WORD.match(text) and (span.source.name.endswith(".h") or span.source.text[:2] in ("C ", "C\n")):
        begin = span.source.text.rfind("\n", 0, span.start) + 1
        end = span.source.text.find("\n", span.end)
        text = span.source.text[begin : len(span.source.text) if end < 0 else end]
    return Place(span.source.name, span.line, " ".join(text.split()))


def immediate(pairs: Iterable[Pair]) -> list[Pair]:
    """Of a transitive relation only the steps that no other event splits."""
    known = set(pairs)
    after: dict[int, set[int]] = {}
    for a, b in known:
        after.setdefault(a, set()).add(b)
    return sorted((a, b) for a, b in known if not any((c, b) in known for c in after[a] if c not in (a, b)))


class Viewer:
    """Turns candidates of a test into views; ``numbers``: of each event of a view its number in the structure."""

    def __init__(self, single: Single, observed: Observed, keep: Iterable[int] = ()) -> None:
        self.single = single
        self.observed = observed
        self.events = single.structure.events
        self.kernel = single.structure.program.kernel
        self.grace = any("Sync-rcu" in self.events[e].sets for p in single.paths for e in p.events)
        self.numbers = self._chosen(frozenset(keep))
        self.position = {e: i for i, e in enumerate(self.numbers)}

    # --- which events ---
    def _chosen(self, keep: frozenset[int]) -> tuple[int, ...]:
        inside = [e for p in self.single.paths for e in p.events if not self.events[e].sets & _UNSEEN]
        if self.kernel is not None:
            shared = self._shared()
            inside = [e for e in inside if e in keep or self._matters(e, shared)]
        shown = set(inside)
        sources = {w for w, r in self.single.rf if r in shown}
        places = {self.single.address[e] for e in inside if e in self.single.address and self.events[e].is_access}
        initial = [
            e for a, e in self.single.structure.initial.items() if e in keep or (a in places and e in sources)
        ]
        return (*initial, *inside)

    def _shared(self) -> set[Address]:
        """Locations that several threads touch, one of them not only reading, and those that conditions name."""
        users: dict[Address, set[int]] = {}
        written: set[Address] = set()
        for p in self.single.paths:
            for e, a in p.address.items():
                users.setdefault(a, set()).add(p.thread)
                if not self.events[e].is_read:
                    written.add(a)
        return {a for a, threads in users.items() if len(threads) > 1 and a in written} | self._asked()

    def _asked(self) -> set[Address]:
        """Locations that the test's conditions name."""
        program = self.single.structure.program
        named = self.kernel.conditions if self.kernel is not None else ()
        props = [program.condition, *(c.prop for c in named)]
        places = [place for prop in props for place in places_of(prop)]
        return {Address(p.name, p.index or 0) for p in places if isinstance(p, GlobalRef)}

    def _matters(self, e: int, shared: set[Address]) -> bool:
        event = self.events[e]
        if event.is_access or e in self.single.address:
            return self.single.address.get(e) in shared
        return not event.sets & (_SECTION if not self.grace else {"Barrier"})

    # --- the view ---
    def view(self, relations: Mapping[str, Iterable[Pair]], consistent: bool) -> ExecutionView:
        """``relations``: derived ones by name, with the structure's numbers."""
        base = self._base()
        found = {name: self._pairs(pairs) for name, pairs in base.items()}
        for name, pairs in relations.items():
            mine = self._pairs(pairs)
            if mine and name not in found:
                found[name] = mine
        shown = tuple(self._event(i, e) for i, e in enumerate(self.numbers))
        state = self.single.state(self.observed)
        legend = tuple(name for name in BASE if found.get(name))
        return ExecutionView(shown, {n: p for n, p in found.items() if p}, legend, self._notes(), state, consistent)

    def _pairs(self, pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        at = self.position
        return tuple(sorted((at[a], at[b]) for a, b in pairs if a in at and b in at))

    def _base(self) -> dict[str, list[Pair]]:
        single = self.single
        chains = [[e for e in p.events if e in self.position] for p in single.paths]
        out: dict[str, list[Pair]] = {"po": [pair for chain in chains for pair in pairwise(chain)]}
        out["rf"] = single.rf
        out["co"] = [(a, b) for a, b in immediate(single.co) if a in self.position and b in self.position]
        out["fr"] = self._first_after(single.from_reads())
        for name in ("addr", "data", "ctrl", "rmw"):
            pairs = [pair for p in single.paths for pair in p.relations.get(name, ())]
            out[name] = self._first_control(pairs, chains) if name == "ctrl" else pairs
        return out

    @staticmethod
    def _first_control(pairs: list[Pair], chains: list[list[int]]) -> list[Pair]:
        """A control dependency reaches everything later: of each read the first pair only."""
        rank = {e: i for chain in chains for i, e in enumerate(chain)}
        first: dict[int, int] = {}
        for a, b in pairs:
            if b in rank and (a not in first or rank[b] < rank[first[a]]):
                first[a] = b
        return sorted(first.items())

    def _first_after(self, pairs: list[Pair]) -> list[Pair]:
        """Of each read the first write that it precedes."""
        order = set(self.single.co)
        kept: dict[int, int] = {}
        for r, w in pairs:
            if w in self.position and (r not in kept or (w, kept[r]) in order):
                kept[r] = w
        return sorted(kept.items())

    def _notes(self) -> tuple[NoteView, ...]:
        out = []
        for p in self.single.paths:
            for note in p.activity.notes if p.activity is not None else ():
                later = [e for e in p.events[note.before :] if e in self.position]
                before = self.position[later[0]] if later else len(self.numbers)
                out.append(NoteView(p.thread, note.text, before, place_of(note.span)))
        return tuple(out)

    # --- one event ---
    def _event(self, number: int, e: int) -> EventView:
        event = self.events[e]
        variable = self._variable(e)
        value = self._shown(self.single.value(event)) if event.is_access else ""
        value = "poison" if self.kernel is not None and value == str(POISON) else value
        tags = tuple(sorted(event.sets - _STRUCTURAL))
        kind = "R" if event.is_read else "W" if event.is_write else "F" if "F" in event.sets else "-"
        place = self.single.place(event)
        return EventView(
            event_name(number), event.thread, kind, variable, value, tags, self._action(event, variable, value, place),
            place,
        )  # fmt: skip

    def _variable(self, e: int) -> str:
        address = self.single.address.get(e)
        return "" if address is None else self.cell(address)

    def cell(self, address: Address) -> str:
        if self.kernel is not None and address in self.kernel.cell_names:
            return self.kernel.cell_names[address]
        sent = _INTERRUPT.match(address.name)
        if sent is not None:
            return f"ipi_{sent[1]}.{'done' if address.index else 'sent'}"
        return str(address)

    def _shown(self, value: Value | None) -> str:
        if value is None:
            return "?"
        if isinstance(value, Address):
            return f"&{value.name}" if value.index == 0 and value.name[:1].isalpha() else f"&{self.cell(value)}"
        return str(value)

    def _action(self, event: Event, variable: str, value: str, place: Place) -> str:
        if event.thread < 0:
            return f"{variable} = {value} from the start"
        if "Freed" in event.sets:
            return f"frees {self.single.address[event.number].name}"
        if event.is_read:
            return f"reads {variable} = {value}"
        if event.is_write:
            return f"writes {variable} = {value}"
        for tag, words in _LOCKS.items():
            if tag in event.sets:
                return words.format(variable)
        return place.text.rstrip(";") or "+".join(sorted(event.sets - _STRUCTURAL))
