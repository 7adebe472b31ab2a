"""Hand-made executions for the tests of the reference interpreter."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import product

from membar_check.cat.parser import parse_cat
from membar_check.diagnostics import Source
from membar_check.engine.concrete import Judgement, judge_statements
from membar_check.engine.concrete_values import CatValue, EventSet, Pairs, Relation


class Execution:
    """Events 0..count-1 with the sets and relations given."""

    def __init__(
        self,
        count: int,
        relations: Mapping[str, Iterable[tuple[int, int]]] | None = None,
        sets: Mapping[str, Iterable[int]] | None = None,
        locations: Mapping[int, Hashable] | None = None,
        values: Mapping[int, Hashable] | None = None,
        variants: frozenset[str] = frozenset(),
    ) -> None:
        self.universe = frozenset(range(count))
        self.variants = variants
        self.relations = dict(relations or {})
        self.sets = dict(sets or {})
        self.locations = dict(locations or {})
        self.values = dict(values or {})

    def lookup(self, name: str) -> CatValue | None:
        if name in self.relations:
            return Relation(frozenset(self.relations[name]))
        if name in self.sets:
            return EventSet(frozenset(self.sets[name]))
        return None

    def names(self) -> Iterable[str]:
        return (*self.relations, *self.sets)

    def location_of(self, event: int) -> Hashable | None:
        return self.locations.get(event)

    def value_of(self, event: int) -> Hashable | None:
        return self.values.get(event)


TWO = Execution(2, relations={"r": {(0, 1)}, "s": {(1, 0)}}, sets={"A": {0}, "B": {1}})


def judgements(text: str, execution: Execution = TWO, wanted: Sequence[str] = ()) -> list[Judgement]:
    """All judgements of a model given as text."""
    return list(judge_statements(parse_cat(Source("model", text)).statements, execution, wanted))


def relation(text: str, name: str, execution: Execution = TWO) -> Pairs:
    """A relation at the end of a model without choices."""
    (judgement,) = judgements(text, execution, (name,))
    assert judgement.consistent
    return judgement.relations[name]


def write_read_execution(threads: Sequence[Sequence[str]]) -> Iterator[Execution]:
    """All executions, one a choice of rf, of threads of ``Wx`` (each of a new value), ``Rx`` and ``F`` (MFENCE)."""
    locations = sorted({op[1] for thread in threads for op in thread if op != "F"})
    events = [("W", x, -1) for x in locations]
    po: set[tuple[int, int]] = set()
    for number, thread in enumerate(threads):
        first = len(events)
        events += [(op[0], op[1:], number) for op in thread]
        po |= {(a, b) for a in range(first, len(events)) for b in range(first, len(events)) if a < b}
    writes, reads, fences = ([i for i, e in enumerate(events) if e[0] == kind] for kind in "WRF")
    everything = range(len(events))
    sources = [[w for w in writes if events[w][1] == events[r][1]] for r in reads]
    for choice in product(*sources):
        rf = set(zip(choice, reads, strict=True))
        yield Execution(
            len(events),
            relations={
                "po": po,
                "rf": rf,
                "loc": {(a, b) for a in everything for b in everything if events[a][1] == events[b][1] != ""},
                "int": {(a, b) for a in everything for b in everything if events[a][2] == events[b][2] >= 0},
                "ext": {(a, b) for a in everything for b in everything if events[a][2] != events[b][2]},
                "id": {(a, a) for a in everything},
                "rmw": set(),
            },
            sets={
                "R": reads,
                "W": writes,
                "M": reads + writes,
                "F": fences,
                "MFENCE": fences,
                "IW": range(len(locations)),
                "FW": (),
            },
            locations={i: e[1] for i, e in enumerate(events) if e[1]},
            values={w: w for w in writes} | {r: w for w, r in rf},
        )
