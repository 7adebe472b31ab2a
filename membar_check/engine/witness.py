"""Turns one candidate of a chunk into the execution that reports draw."""

from __future__ import annotations

from membar_check.engine.evaluate import Evaluator
from membar_check.engine.outcome import Observed
from membar_check.engine.tally import Located
from membar_check.events.structure import Event
from membar_check.relation import Relation
from membar_check.values import Address
from membar_check.verdict import Edge, Witness, WitnessEvent

DRAWN = ("addr", "data", "ctrl", "rmw")
SECTIONS = frozenset({"Rcu-lock", "Rcu-unlock", "Sync-rcu", "Sync-srcu", "Srcu-lock", "Srcu-unlock"})  # drawn as boxes
HIDDEN_SETS = frozenset({"R", "W", "F", "IW", "RMW", "X"})


def draw(found: Located, observed: Observed) -> Witness:
    """The execution: its events in program order, the edges that explain it, and its final state."""
    return _Drawing(found).witness(observed)


class _Drawing:
    def __init__(self, found: Located) -> None:
        self.evaluator: Evaluator = found.evaluator
        self.bit = 1 << found.number
        self.raw = found.raw
        chunk = self.evaluator.chunk
        self.structure = chunk.structure
        self.paths = [p for p, mask in chunk.paths if mask & self.bit]
        self.address: dict[int, Address] = {e: a for a, e in self.structure.initial.items()}
        for p in self.paths:
            self.address.update(p.address)

    def witness(self, observed: Observed) -> Witness:
        rf = self._pairs(self.evaluator.chunk.rf)
        co = self._immediate(self._pairs(self.evaluator.chunk.co))
        inside = {e for p in self.paths for e in p.events}
        used = {self.address[e] for e in inside if e in self.address}
        order = [e for a, e in self.structure.initial.items() if a in used]
        fences = self._fences()
        hidden = {f for f, _, _ in fences}
        order += [e for p in self.paths for e in p.events if e not in hidden and self._shown(self.structure.events[e])]
        number = {e: i for i, e in enumerate(order)}
        after = dict(co)
        edges = [("rf", a, b) for a, b in rf] + [("co", a, b) for a, b in co]
        edges += [("fr", r, after[w]) for w, r in rf if w in after]
        edges += [(self._label(self.structure.events[f]), a, b) for f, a, b in fences]
        for name in DRAWN:
            edges += [(name, a, b) for p in self.paths for a, b in p.relations.get(name, ())]
        drawn = tuple(Edge(n, number[a], number[b]) for n, a, b in edges if a in number and b in number)
        return Witness(tuple(self._event(self.structure.events[e]) for e in order), drawn, observed.state(self.raw))

    @staticmethod
    def _shown(event: Event) -> bool:
        return not event.sets & {"Rreg", "Wreg", "B", "BCC"}

    def _fences(self) -> list[tuple[int, int, int]]:
        """The fences between two accesses, with the last access before and the first after: they are drawn as edges."""
        out = []
        for p in self.paths:
            for i, e in enumerate(p.events):
                sets = self.structure.events[e].sets
                if "F" not in sets or sets & SECTIONS:
                    continue
                before = [x for x in p.events[:i] if self.structure.events[x].is_access]
                after = [x for x in p.events[i + 1 :] if self.structure.events[x].is_access]
                if before and after:
                    out.append((e, before[-1], after[0]))
        return out

    def _pairs(self, relation: Relation) -> list[tuple[int, int]]:
        return [(a, b) for a, row in sorted(relation.items()) for b, m in sorted(row.items()) if m & self.bit]

    @staticmethod
    def _immediate(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Only the steps from one write to the next."""
        known = set(pairs)
        after: dict[int, list[int]] = {}
        for a, b in pairs:
            after.setdefault(a, []).append(b)
        return [(a, b) for a, b in pairs if not any((c, b) in known for c in after[a] if c != b)]

    def _event(self, event: Event) -> WitnessEvent:
        if event.thread < 0:
            return WitnessEvent(-1, f"W {self.address[event.number]}={self._value(event)}", "", 0)
        span = event.span
        text = " ".join(span.text.split()) if span is not None else ""
        return WitnessEvent(event.thread, self._label(event), text, span.line if span is not None else 0)

    def _label(self, event: Event) -> str:
        tags = "+".join(sorted(event.sets - HIDDEN_SETS))
        kind = "R" if event.is_read else "W" if event.is_write else ""
        place = self.address.get(event.number)
        if not kind:
            return f"{tags} {place}" if place is not None else tags
        head = f"{kind}[{tags}]" if tags else kind
        return f"{head} {place}={self._value(event)}"

    def _value(self, event: Event) -> str:
        for value, mask in self.evaluator.value(event.number).items():
            if mask & self.bit:
                return str(value)
        return "?"
