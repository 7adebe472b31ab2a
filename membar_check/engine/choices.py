"""The open choices of a skeleton as Booleans: which write each read takes from, and the order of writes.

One path for each thread is given, so the events, their addresses and program order are known.  The clauses made here
say exactly what the masks engine enumerates: every read has one source; the writes of a location are in a linear order
that begins with the initial one; and, for models that imply them, SC per location and the atomicity of
read-modify-writes.
"""

from __future__ import annotations

from itertools import combinations

from membar_check.engine.cnf import FALSE, TRUE, Cnf
from membar_check.events.orders import Edge
from membar_check.events.space import beside
from membar_check.events.structure import Path, Structure
from membar_check.values import Address


class Impossible(Exception):
    """The paths fit together in no way."""


class Location:
    """The accesses to one location: ``order`` the events that coherence orders, the initial write first; ``reads`` and
    their possible sources; ``threads``: by thread, (event, is it ordered, group) in program order."""

    __slots__ = ("initial", "order", "place", "reads", "threads")

    def __init__(self, place: Address, initial: int) -> None:
        self.place = place
        self.initial = initial
        self.order: list[int] = [initial]
        self.reads: dict[int, list[int]] = {}
        self.threads: list[list[tuple[int, bool, int]]] = []


class Choices:
    """``extra``: events that are ordered with the ordinary writes; ``before``: pairs whose order is given.

    ``rf``: (write, read) -> literal, for the pairs that are possible; ``co`` the same for all ordered pairs.
    Raises Impossible.
    """

    def __init__(
        self,
        cnf: Cnf,
        structure: Structure,
        paths: tuple[Path, ...],
        ordering: tuple[frozenset[int], frozenset[Edge]],
        coherent: bool,
        atomic: bool,
    ) -> None:
        self.cnf = cnf
        self.structure = structure
        self.paths = paths
        self.coherent = coherent
        self.locations = self._collect(ordering[0])
        self.place_of: dict[int, Location] = {e: at for at in self.locations for e in (*at.order, *at.reads)}
        self.co: dict[Edge, int] = {}
        self.rf: dict[Edge, int] = {}
        self._last: dict[int, int] = {}
        for at in self.locations:
            self._order(at, ordering[1])
            self._sources(at)
        self.pairs = [(r, w) for p in paths for r, w in p.relations.get("rmw", ())] if atomic else []

    # --- collecting ---
    def _collect(self, extra: frozenset[int]) -> list[Location]:
        events = self.structure.events
        found = {place: Location(place, e) for place, e in self.structure.initial.items()}
        inside = self.structure.program.test.arch == "C"
        for path in self.paths:
            mine: dict[Address, list[tuple[int, bool, int]]] = {}
            for e in path.events:
                sets = events[e].sets
                ordered = "W" in sets or e in extra
                if ordered or "R" in sets:
                    group = e if inside and not events[e].lane else events[e].instance
                    mine.setdefault(path.address[e], []).append((e, ordered, group))
            for place, accesses in mine.items():
                at = found[place]
                at.threads.append(accesses)
                at.order += [e for e, ordered, _ in accesses if ordered]
        stored = {e for p in self.paths for e in p.stored}
        for at in found.values():
            writes = [e for e in at.order if e == at.initial or e in stored]
            for accesses in at.threads:
                free = beside(events, accesses)
                for i, (e, ordered, _) in enumerate(accesses):
                    if not ordered:
                        later = {x for x, _, _ in accesses[i:] if (x, e) not in free}
                        at.reads[e] = [w for w in writes if w not in later]
        return list(found.values())

    # --- coherence ---
    def _order(self, at: Location, before: frozenset[Edge]) -> None:
        here = set(at.order)
        known = {(a, b) for a, b in before if a in here and b in here}
        known |= {(at.initial, e) for e in at.order[1:]}
        if self.coherent:
            for accesses in at.threads:
                mine = [(e, group) for e, ordered, group in accesses if ordered]
                known |= {(a, b) for (a, g), (b, h) in combinations(mine, 2) if g != h}
        known = _closed(at.order, known)
        if any((b, a) in known for a, b in known):
            raise Impossible
        co = self.co
        for a, b in combinations(at.order, 2):
            if (a, b) in known:
                co[a, b], co[b, a] = TRUE, FALSE
            elif (b, a) in known:
                co[a, b], co[b, a] = FALSE, TRUE
            else:
                co[a, b] = self.cnf.variable()
                co[b, a] = -co[a, b]
        for a, b, c in combinations(at.order[1:], 3):
            self.cnf.add((co[b, a], co[c, b], co[a, c]))
            self.cnf.add((co[a, b], co[b, c], co[c, a]))

    def _sources(self, at: Location) -> None:
        co = self.co
        for accesses in at.threads if self.coherent else ():
            for i, (e, ordered, group) in enumerate(accesses):
                if ordered:
                    continue
                earlier = [x for x, is_write, g in accesses[:i] if is_write and g != group]
                later = [x for x, is_write, g in accesses[i + 1 :] if is_write and g != group]
                at.reads[e] = [
                    w
                    for w in at.reads[e]
                    if not any(w != x and co[w, x] == TRUE for x in earlier)
                    and not any(w != x and co[x, w] == TRUE for x in later)
                ]

    def drop_sources(self, read: int, keep: list[int]) -> None:
        """Only the writes of ``keep`` may be what the read takes from.  Before :meth:`finish`."""
        self.place_of[read].reads[read] = keep

    def finish(self) -> None:
        """Makes the Booleans of reads-from and all clauses about them.  Raises Impossible."""
        for at in self.locations:
            for read, sources in at.reads.items():
                if not sources:
                    raise Impossible
                literals = [TRUE] if len(sources) == 1 else [self.cnf.variable() for _ in sources]
                for w, x in zip(sources, literals, strict=True):
                    self.rf[w, read] = x
                self.cnf.exactly_one(literals)
        for at in self.locations:
            if self.coherent:
                for accesses in at.threads:
                    self._sc_per_location(at, accesses)
        for read, write in self.pairs:
            self._atomic(read, write)

    def _sc_per_location(self, at: Location, accesses: list[tuple[int, bool, int]]) -> None:
        """Of two accesses in program order, the later one's write is not before the earlier one's.  (That writes are
        in program order is known beforehand.)"""
        add, rf, co = self.cnf.add, self.rf, self.co
        for (a, a_writes, g), (b, b_writes, h) in combinations(accesses, 2):
            if g == h or (a_writes and b_writes):
                continue
            for first in [a] if a_writes else at.reads[a]:
                for second in [b] if b_writes else at.reads[b]:
                    if first != second:
                        condition = [-rf[first, a]] if not a_writes else []
                        condition += [-rf[second, b]] if not b_writes else []
                        add((*condition, co[first, second]))

    def _atomic(self, read: int, write: int) -> None:
        """No other thread's write comes between what the read takes and the write."""
        at = self.place_of.get(write)
        if at is None or read not in at.reads:
            return
        thread = self.structure.events[write].thread
        for other in at.order:
            if other == write or self.structure.events[other].thread in (thread, -1):
                continue
            for source in at.reads[read]:
                if source not in (other, write):
                    self.cnf.add((-self.rf[source, read], -self.co[source, other], -self.co[other, write]))

    # --- reading ---
    def last(self, event: int) -> int:
        """The literal of "the last in its location's order"."""
        found = self._last.get(event)
        if found is None:
            at = self.place_of[event]
            found = self._last[event] = self.cnf.conj(self.co[x, event] for x in at.order if x != event)
        return found

    def decisions(self) -> list[int]:
        """The variables whose values say which execution it is."""
        rf = [x for x in self.rf.values() if x != TRUE]
        return rf + [x for x in self.co.values() if x > 0 and x != TRUE]


def _closed(order: list[int], known: set[Edge]) -> set[Edge]:
    """The transitive closure."""
    out = set(known)
    for v in order:
        before = [a for a in order if (a, v) in out]
        after = [b for b in order if (v, b) in out]
        out.update((a, b) for a in before for b in after)
    return out


__all__ = ["Choices", "Impossible", "Location"]
