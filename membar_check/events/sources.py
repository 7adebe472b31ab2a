"""Which writes a read may take from, as far as the decisions of the paths tell: they bind the values that are read."""

from __future__ import annotations

from functools import lru_cache

from membar_check.events.possible import agrees, computed, possible_values, reads_of
from membar_check.events.structure import Applied, Constraint, Path, ReadOf, Structure
from membar_check.program.arithmetic import Undetermined
from membar_check.values import Address, Value

Sources = dict[int, frozenset[Value] | None]  # write -> the values that it may store, None: any


def allowed_sources(structure: Structure, paths: tuple[Path, ...]) -> list[tuple[int, frozenset[int]]]:
    """For reads whose values the paths bind: the writes that may give such a value; where there is none, nothing
    else."""
    constraints = [c for p in paths for c in p.constraints if isinstance(c.value, ReadOf | Applied)]
    if not constraints:
        return []
    narrowing = _Narrowing(structure, paths)
    todo = constraints
    while todo:
        rest = []
        for c in todo:
            if not narrowing.apply(c):
                rest.append(c)
            elif narrowing.impossible:
                return [(read, frozenset(sources)) for read, sources in narrowing.sources.items() if not sources]
        if len(rest) == len(todo):
            break
        todo = rest
    return sorted((read, frozenset(sources)) for read, sources in narrowing.sources.items())


class _Narrowing:
    """The sources of reads, made fewer by one constraint after the other."""

    def __init__(self, structure: Structure, paths: tuple[Path, ...]) -> None:
        self.structure = structure
        self.paths = paths
        self.sources: dict[int, Sources] = {}
        self.impossible = False  # some read has no source left
        self.known: dict[int, Value] = {}  # reads that have but one possible value
        self._stores: dict[Address, list[tuple[int, frozenset[Value] | None]]] | None = None

    def apply(self, c: Constraint) -> bool:
        """Uses a constraint in which one read is not known; False while there are several."""
        reads = [r for r in reads_of(c.value) if r not in self.known]
        if len(reads) > 1:
            return False
        if not reads:
            return True
        read = reads[0]
        known = tuple((r, self.known[r]) for r in reads_of(c.value) if r != read)
        kept: Sources = {}
        union: set[Value] = set()
        complete = True
        for write, values in self._sources(read).items():
            if values is None:
                kept[write] = None
                complete = False
                continue
            good = frozenset(v for v in values if holds(c, ((read, v), *known)))
            if good:
                kept[write] = good
                union |= good
        self.sources[read] = kept
        self.impossible = not kept
        if complete and len(union) == 1:
            self.known[read] = union.pop()
        return True

    def _sources(self, read: int) -> Sources:
        found = self.sources.get(read)
        if found is None:
            place = next(p.address[read] for p in self.paths if read in p.address)
            start = self.structure.program.memory.get(place, 0)
            found = {self.structure.initial[place]: frozenset((start,))}
            found.update(self._all_stores().get(place, ()))
        return found

    def _all_stores(self) -> dict[Address, list[tuple[int, frozenset[Value] | None]]]:
        if self._stores is None:
            self._stores = {}
            possible, memory = self.structure.possible, self.structure.program.memory
            for p in self.paths:
                for e, v in p.stored.items():
                    values = possible_values(v, p.address, possible, memory)
                    self._stores.setdefault(p.address[e], []).append((e, values))
        return self._stores


@lru_cache(maxsize=262144)
def holds(c: Constraint, values: tuple[tuple[int, Value], ...]) -> bool:
    """Whether a constraint holds where its reads return these values; a value that has no result never fits."""
    try:
        return agrees(computed(c.value, dict(values)), c.expected)
    except Undetermined:
        return False
