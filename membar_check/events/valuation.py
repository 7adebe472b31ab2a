"""The values of reads, writes and registers in all candidates of a chunk.

A value that may differ between candidates is ``{value: mask}`` with disjoint masks.  Values flow from writes to the
reads that take from them; where they flow in a circle (out of thin air) the least solution leaves them undetermined,
and such candidates are no executions.
"""

from __future__ import annotations

from itertools import product

from membar_check.events.space import Chunk
from membar_check.events.structure import Applied, Path, ReadOf, Symbolic, reads_in
from membar_check.program.arithmetic import Undetermined, evaluate
from membar_check.relation import inverse
from membar_check.values import Value

Valued = dict[Value, int]


class Valuation:
    """Computes values on demand; ``chunk`` gives rf and the paths."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.sources = inverse(chunk.rf)
        self._stored: dict[int, list[tuple[Symbolic, int]]] = {}
        for path, mask in chunk.paths:
            for e, v in path.stored.items():
                self._stored.setdefault(e, []).append((v, mask))
        memory = chunk.structure.program.memory
        for place, e in chunk.structure.initial.items():
            self._stored[e] = [(memory.get(place, 0), chunk.full)]
        self._done: dict[int, Valued] = {}
        self._open: set[int] = set()
        self._circular = False

    def read(self, event: int) -> Valued:
        """The values that a read returns."""
        done = self._done.get(event)
        if done is not None:
            return done
        if event in self._open:
            self._circular = True
            return {}
        self._open.add(event)
        outermost = len(self._open) == 1
        out = self._from_sources(event)
        self._open.discard(event)
        if outermost and self._circular:
            out = self._iterate(event)
        if not self._circular:
            self._done[event] = out
        return out

    def _from_sources(self, event: int) -> Valued:
        out: Valued = {}
        for w, mask in self.sources.get(event, {}).items():
            for v, m in self.write(w, mask).items():
                out[v] = out.get(v, 0) | m
        return out

    def _iterate(self, event: int) -> Valued:
        """Values on a circle: iterates from nothing known until nothing changes."""
        members = self._reachable(event)
        for e in members:
            self._done[e] = {}
        changed = True
        while changed:
            changed = False
            for e in members:
                new = self._from_sources(e)
                if new != self._done[e]:
                    self._done[e] = new
                    changed = True
        self._circular = False
        return self._done[event]

    def _reachable(self, event: int) -> list[int]:
        """The reads on whose values the value of ``event`` may depend, itself included, not yet known."""
        seen: dict[int, None] = {event: None}
        todo = [event]
        while todo:
            e = todo.pop()
            for w in self.sources.get(e, {}):
                for v, _ in self._stored[w]:
                    for r in sorted(reads_in(v)):
                        if r not in seen and r not in self._done:
                            seen[r] = None
                            todo.append(r)
        return list(seen)

    def write(self, event: int, within: int) -> Valued:
        """The values that a write stores, in the candidates ``within``."""
        out: Valued = {}
        for v, mask in self._stored[event]:
            mask &= within
            if mask:
                for value, m in self.of(v, mask).items():
                    out[value] = out.get(value, 0) | m
        return out

    def of(self, value: Symbolic, within: int) -> Valued:
        """The values of a symbolic value, in the candidates ``within``; missing candidates are undetermined."""
        if isinstance(value, ReadOf):
            return {v: both for v, m in self.read(value.event).items() if (both := m & within)}
        if not isinstance(value, Applied):
            return {value: within}
        args = [list(self.of(a, within).items()) for a in value.args]
        out: Valued = {}
        for combination in product(*args):
            mask = within
            for _, m in combination:
                mask &= m
            if mask:
                try:
                    result = evaluate(value.op, tuple(v for v, _ in combination))
                except Undetermined:
                    continue
                out[result] = out.get(result, 0) | mask
        return out

    def satisfied(self, path: Path, mask: int) -> int:
        """The candidates of ``mask`` in which the path's constraints hold."""
        for value, expected in path.constraints:
            good = 0
            for v, m in self.of(value, mask).items():
                if (v != 0) == expected if isinstance(expected, bool) else v == expected:
                    good |= m
            mask &= good
            if not mask:
                break
        return mask

    def determined(self, path: Path, mask: int) -> int:
        """The candidates of ``mask`` in which every value that the path stores or keeps is determined."""
        for value in (*path.stored.values(), *path.registers.values()):
            if isinstance(value, ReadOf | Applied):
                known = 0
                for m in self.of(value, mask).values():
                    known |= m
                mask &= known
        return mask
