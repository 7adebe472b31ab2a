"""What is known of all candidates that a fact of a certificate speaks of: bounds of the primitive sets and relations.

A fact names some paths of some threads, some reads-from edges and some coherence edges.  The candidates that it speaks
of differ in everything else, so a set or relation is known by two bounds: what is in it in every one of them (``low``)
and what is in it in some (``high``).  Where a fact names a whole candidate the two are equal, and the algebra is that
of a single execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from itertools import product

from membar_check.engine.concrete_relations import closure
from membar_check.events.structure import INIT_THREAD, Path, Structure, unordered
from membar_check.litmus.condition import looked_at
from membar_check.litmus.syntax import GlobalRef
from membar_check.records import dataclass
from membar_check.values import Address

Edge = tuple[int, int]
Pairs = frozenset[Edge]
Events = frozenset[int]


@dataclass(frozen=True, slots=True)
class SetBounds:
    """A set of events: ``low`` is always in it, ``high`` may be."""

    low: Events
    high: Events


@dataclass(frozen=True, slots=True)
class RelationBounds:
    """A relation between events: ``low`` is always in it, ``high`` may be."""

    low: Pairs
    high: Pairs


def between(low: Pairs, high: Pairs) -> RelationBounds:
    """A relation between two bounds; where they are equal they are one object, and one evaluation does for both."""
    return RelationBounds(low, low if len(low) == len(high) else high)


NO_EVENTS = SetBounds(frozenset(), frozenset())
NO_PAIRS = RelationBounds(frozenset(), frozenset())


def exact_set(members: Iterable[int]) -> SetBounds:
    """A set that is known."""
    known = frozenset(members)
    return SetBounds(known, known)


def exact_relation(pairs: Iterable[Edge]) -> RelationBounds:
    """A relation that is known."""
    known = frozenset(pairs)
    return RelationBounds(known, known)


class Scene:
    """Some paths of each thread, and what follows from them alone.

    ``paths``: for each thread the paths that it may take, at least one; ``ordered``: the events that coherence orders
    beside the initial writes; ``initial_first``: each location's initial write comes first in coherence; ``settled``:
    the expression in the model that chooses coherence, an order of just these events at each location; None: nothing
    is known of it.
    """

    def __init__(
        self,
        structure: Structure,
        paths: tuple[tuple[Path, ...], ...],
        ordered: Events,
        initial_first: bool,
        settled: object,
    ) -> None:
        self.settled = settled
        self.structure = structure
        self.paths = paths
        self.ordered = ordered
        self.initial_first = initial_first
        self.kept: dict[object, SetBounds | RelationBounds] = {}  # the model's definitions that depend on nothing else
        self._relations: dict[str, RelationBounds] = {}

    @cached_property
    def universe(self) -> SetBounds:
        """All events."""
        start = frozenset(self.structure.initial.values())
        return SetBounds(
            start.union(*(frozenset.intersection(*(frozenset(p.events) for p in t)) for t in self.paths)),
            start.union(*(frozenset(p.events) for t in self.paths for p in t)),
        )

    @cached_property
    def places(self) -> dict[int, frozenset[Address]]:
        """Where the events access memory."""
        out = {e: frozenset((a,)) for a, e in self.structure.initial.items()}
        for thread in self.paths:
            for path in thread:
                for e, place in path.address.items():
                    old = out.get(e)
                    if old is None:
                        out[e] = frozenset((place,))
                    elif place not in old:
                        out[e] = old | {place}
        return out

    @cached_property
    def first(self) -> Pairs:
        """The pairs of coherence that hold because a location's initial write comes first."""
        if not self.initial_first:
            return frozenset()
        starts = frozenset(self.structure.initial.values())
        later = (self.ordered & self.universe.low) - starts
        return frozenset((a, b) for a, b in self.loc.low if a in starts and b in later)

    @cached_property
    def orderable(self) -> Pairs:
        """The pairs that may be in coherence."""
        starts = frozenset(self.structure.initial.values())
        members = self.ordered | starts
        last = self.ordered - starts if self.initial_first else members
        return frozenset((a, b) for a, b in self.loc.high if a != b and a in members and b in last)

    def members(self, wanted: Callable[[int], bool]) -> SetBounds:
        """The events that have a property of their own."""
        return SetBounds(
            frozenset(e for e in self.universe.low if wanted(e)), frozenset(e for e in self.universe.high if wanted(e))
        )

    def tagged(self, name: str) -> SetBounds:
        """The events of a static event set."""
        events = self.structure.events
        return self.members(lambda e: name in events[e].sets)

    def pairs(self, wanted: Callable[[int, int], bool]) -> RelationBounds:
        """The pairs of events that have a property of their own."""
        high = frozenset((a, b) for a, b in product(self.universe.high, repeat=2) if wanted(a, b))
        low = self.universe.low
        return between(frozenset((a, b) for a, b in high if a in low and b in low), high)

    @cached_property
    def loc(self) -> RelationBounds:
        """Which events access the same location."""
        by_place: dict[Address, set[int]] = {}
        for e, places in self.places.items():
            if e in self.universe.high:
                for place in places:
                    by_place.setdefault(place, set()).add(e)
        high = frozenset((a, b) for group in by_place.values() for a, b in product(group, repeat=2))
        low = self.universe.low
        sure = frozenset((a, b) for a, b in high if a in low and b in low and self._always_together(a, b))
        return between(sure, high)

    def _always_together(self, a: int, b: int) -> bool:
        if len(self.places[a]) == 1 == len(self.places[b]):
            return True
        events = self.structure.events
        if events[a].thread != events[b].thread:
            return False
        return all(p.address[a] == p.address[b] for p in self.paths[events[a].thread] if a in p.address)

    def static(self, name: str) -> RelationBounds:
        """A relation that the paths fix: ``po``, ``addr``, ``rmw``, ..."""
        found = self._relations.get(name)
        if found is None:
            high: set[Edge] = set()
            low: set[Edge] = set()
            for thread in self.paths:
                each = [self._of_path(p, name) for p in thread]
                high.update(*each)
                low.update(frozenset.intersection(*each))
            found = self._relations[name] = between(frozenset(low), frozenset(high))
        return found

    def _of_path(self, path: Path, name: str) -> Pairs:
        return self._program_order(path) if name == "po" else frozenset(path.relations.get(name, ()))

    def _program_order(self, path: Path) -> Pairs:
        """In C also inside a statement, as far as C orders it; in assembly between instructions only."""
        events = self.structure.events
        inside = self.structure.program.test.arch == "C"
        return frozenset(
            (a, b)
            for i, a in enumerate(path.events)
            for b in path.events[i + 1 :]
            if events[a].instance != events[b].instance or (inside and not unordered(events[a], events[b]))
        )


class Scenes:
    """The scenes of one structure, each made once."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.ordered: Events = frozenset(e.number for e in structure.events if e.is_write)
        self.initial_first = False
        self.settled: object = None
        self._made: dict[tuple[frozenset[int], ...], Scene] = {}
        self._taking = [[frozenset(p.events) for p in thread] for thread in structure.paths]

    def settle(self, ordered: Events, initial_first: bool, chosen: object) -> None:
        """Says what the model's coherence orders, and which of its expressions chooses it."""
        self.ordered, self.initial_first, self.settled = ordered, initial_first, chosen
        self._made.clear()

    def scene(self, paths: Mapping[int, frozenset[int]], events: Iterable[int]) -> Scene | None:
        """The scene of the named paths (of other threads: any) that have all these events; None where none has."""
        wanted: dict[int, set[int]] = {}
        for e in events:
            wanted.setdefault(self.structure.events[e].thread, set()).add(e)
        wanted.pop(INIT_THREAD, None)
        key = []
        for thread, taking in enumerate(self._taking):
            named = paths.get(thread)
            need = wanted.get(thread, set())
            key.append(frozenset(i for i, has in enumerate(taking) if (named is None or i in named) and need <= has))
            if not key[-1]:
                return None
        found = self._made.get(tuple(key))
        if found is None:
            chosen = tuple(tuple(self.structure.paths[t][i] for i in sorted(k)) for t, k in enumerate(key))
            found = Scene(self.structure, chosen, self.ordered, self.initial_first, self.settled)
            if len(self._made) > 512:
                self._made.clear()
            self._made[tuple(key)] = found
        return found


class World:
    """A scene with some reads-from and coherence edges given.

    ``sources``: the write that a read takes from, where it is given.
    """

    def __init__(self, scene: Scene, rf: Iterable[Edge], co: Iterable[Edge]) -> None:
        self.scene = scene
        self.structure = scene.structure
        self.given = frozenset(rf)
        self.sources: dict[int, int] = {r: w for w, r in rf}
        self._co: RelationBounds | None = None
        self._orders = frozenset(co)

    @cached_property
    def rf(self) -> RelationBounds:
        """Reads-from: a read whose source is not given may take from every write to its location."""
        events = self.structure.events
        pairs = self.scene.loc.high
        maybe = {(w, r) for w, r in pairs if events[w].is_write and events[r].is_read and r not in self.sources}
        return between(self.given, self.given | maybe)

    @property
    def co(self) -> RelationBounds:
        """Coherence, as far as the given edges and :meth:`order` tell."""
        if self._co is None:
            self.order(self._orders)
        assert self._co is not None
        return self._co

    @property
    def contradiction(self) -> bool:
        """Whether the edges of coherence make no order."""
        return any(a == b for a, b in self.co.low)

    def order(self, more: Pairs) -> None:
        """Adds edges to coherence: those given, or those that the model demands of every order."""
        known = self._orders if self._co is None else self._co.low
        low = closure(known | more | self.scene.first)
        self._co = between(low, low | frozenset((a, b) for a, b in self.scene.orderable if (b, a) not in low))

    def final_writes(self) -> SetBounds:
        """``FW``: the last ordinary write of each location that the test observes; of one that ends with something
        else, such as a lock, the initial one."""
        program, events, scene = self.structure.program, self.structure.events, self.scene
        places = looked_at(program.condition, program.locations, program.filter)
        observed = {p.name for p in places if isinstance(p, GlobalRef)}
        before = {a for a, _ in self.co.low}
        low: set[int] = set()
        high: set[int] = set()
        for place, start in self.structure.initial.items():
            if place.name in observed:
                members = (scene.ordered | {start}) & scene.universe.high
                last = {e for e in members if place in scene.places[e] and e not in before}
                final = {e if events[e].is_write else start for e in last}
                high |= final
                if len(last) == 1:
                    low |= final
        return SetBounds(frozenset(low), frozenset(high))
