"""Single executions, numbered together as a chunk: found by other means than enumeration, or picked out of chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from membar_check.events.orders import Edge
from membar_check.events.space import Chunk
from membar_check.events.structure import Path, Structure
from membar_check.records import dataclass, field, replace
from membar_check.relation import EventSet, Relation, bits


@dataclass(frozen=True, slots=True)
class Execution:
    """``rf``: (write, read) pairs; ``orders``: the writes of each location in coherence order, the initial one first;
    ``picks``: the pairs of the model's other choices, by number."""

    rf: tuple[Edge, ...]
    orders: tuple[tuple[int, ...], ...]
    picks: tuple[tuple[str, tuple[Edge, ...]], ...] = ()


def chunk_of(
    structure: Structure, paths: tuple[Path, ...], executions: Sequence[Execution]
) -> tuple[Chunk, dict[str, Relation]]:
    """The chunk whose candidates are ``executions``, all along ``paths``, and the picks by number."""
    chunk = Chunk.of_paths(structure, [paths])
    chunk.count = len(executions)
    chunk.full = full = (1 << chunk.count) - 1
    chunk.paths = [(p, full) for p in paths]
    chunk.present = dict.fromkeys(chunk.present, full)
    picks: dict[str, Relation] = {}
    for number, execution in enumerate(executions):
        bit = 1 << number
        for w, r in execution.rf:
            _add(chunk.rf, w, r, bit)
        for order in execution.orders:
            for i, a in enumerate(order):
                for b in order[i + 1 :]:
                    _add(chunk.co, a, b, bit)
            chunk.last[order[-1]] = chunk.last.get(order[-1], 0) | bit
        for name, pairs in execution.picks:
            mine = picks.setdefault(name, {})
            for a, b in pairs:
                _add(mine, a, b, bit)
    return chunk, picks


def _add(relation: Relation, a: int, b: int, bit: int) -> None:
    row = relation.setdefault(a, {})
    row[b] = row.get(b, 0) | bit


Choices = dict[str, Relation]
"""The relations that a model chooses, coherence among them, by number."""


def extract(parts: Iterable[tuple[Chunk, Choices, int]]) -> tuple[Chunk, Choices]:
    """One chunk of some candidates of others: of each part those of its mask, numbered in this order."""
    parts = list(parts)
    out = Chunk(parts[0][0].structure, [])
    choices: Choices = {}
    paths: dict[int, tuple[Path, int]] = {}
    for chunk, chosen, mask in parts:
        squeeze = _Squeeze(mask, out.count)
        out.count += mask.bit_count()
        for path, m in chunk.paths:
            if here := squeeze(m):
                old = paths.get(id(path))
                paths[id(path)] = (path, here if old is None else old[1] | here)
        squeeze.set(chunk.present, out.present)
        squeeze.set(chunk.last, out.last)
        squeeze.relation(chunk.rf, out.rf)
        squeeze.relation(chunk.co, out.co)
        for name, relation in chosen.items():
            squeeze.relation(relation, choices.setdefault(name, {}))
    out.full = (1 << out.count) - 1
    out.paths = list(paths.values())
    for e in [e for e, m in out.present.items() if not m]:
        del out.present[e]
    return out, choices


class _Squeeze:
    """Moves the bits of ``mask`` together, from ``offset`` on; results for equal masks are kept."""

    def __init__(self, mask: int, offset: int) -> None:
        self.mask = mask
        self.offset = offset
        self._known: dict[int, int] = {}

    def __call__(self, mask: int) -> int:
        mask &= self.mask
        found = self._known.get(mask)
        if found is None:
            found = 0
            for i, b in enumerate(bits(self.mask)):
                found |= (mask >> b & 1) << i
            self._known[mask] = found
        return found << self.offset

    def set(self, source: EventSet, target: EventSet) -> None:
        for e, m in source.items():
            if here := self(m):
                target[e] = target.get(e, 0) | here

    def relation(self, source: Relation, target: Relation) -> None:
        for a, row in source.items():
            for b, m in row.items():
                if here := self(m):
                    _add(target, a, b, here)


@dataclass(frozen=True, slots=True)
class Variation:
    """A program with less in it than the one that made the candidates, but the same values, rf and co: ``dropped``
    events whose values nobody sees (fences, locks); ``retagged`` events with their new sets; ``without`` pairs of the
    threads' own relations (dependencies), by name."""

    dropped: frozenset[int] = frozenset()
    retagged: dict[int, frozenset[str]] = field(default_factory=dict)
    without: dict[str, frozenset[Edge]] = field(default_factory=dict)

    def structure(self, structure: Structure) -> Structure:
        """The structure with the sets of its events changed; its paths stay."""
        if not self.retagged:
            return structure
        events = [replace(e, sets=self.retagged.get(e.number, e.sets)) for e in structure.events]
        return replace(structure, events=tuple(events))

    def path(self, path: Path) -> Path:
        """A path without what is dropped."""
        if not self.dropped.intersection(path.events) and not self.without:
            return path
        relations = {
            name: tuple(p for p in pairs if p not in self.without.get(name, ()) and not self.dropped.intersection(p))
            for name, pairs in path.relations.items()
        }
        return replace(path, events=tuple(e for e in path.events if e not in self.dropped), relations=relations)

    def pairs(self, relation: Relation) -> Relation:
        """A relation without the pairs of what is dropped."""
        if self.dropped.isdisjoint(relation) and not any(self.dropped.intersection(row) for row in relation.values()):
            return relation
        out = {a: {b: m for b, m in row.items() if b not in self.dropped} for a, row in relation.items()}
        return {a: row for a, row in out.items() if row and a not in self.dropped}

    def chunk(self, chunk: Chunk) -> Chunk:
        """The same candidates of the program that is left."""
        out = Chunk(self.structure(chunk.structure), [])
        out.count, out.full = chunk.count, chunk.full
        out.rf, out.co, out.last = self.pairs(chunk.rf), self.pairs(chunk.co), chunk.last
        out.paths = [(self.path(p), m) for p, m in chunk.paths]
        out.present = {e: m for e, m in chunk.present.items() if e not in self.dropped}
        return out
