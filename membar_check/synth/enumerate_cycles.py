"""All cycles of edges up to a size, smallest first, symmetric ones once.

A cycle is *critical* where each thread has at most two accesses, to two locations, and no communication follows
another that the two could be shortened to; such cycles are what tells models apart (Shasha, Snir, TOPLAS 1988; Alglave,
Maranget, TACAS 2011).  With those over one location, and with read-modify-writes in between, they are all that
is enumerated, unless ``everything`` is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from membar_check.diagnostics import InputError
from membar_check.records import dataclass, replace
from membar_check.synth.cycles import make_test, turned
from membar_check.synth.edge_names import Annotation, Names, fits_rmw, names_of
from membar_check.synth.edges import Edge
from membar_check.synth.shape import LOCATIONS

_COMMUNICATION = (
    Edge("rf", True, True, "W", "R"), Edge("fr", True, True, "R", "W"), Edge("co", True, True, "W", "W"),
)  # fmt: skip
_BRIEF = frozenset({("co", "rf"), ("fr", "rf")})
"""Communications in a row that no single one stands for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What tests are made of.

    ``accesses``, ``threads``, ``locations``: at most so many; ``fences`` and ``annotations`` in diy's names,
    ``dependencies`` in diy's names (``Addr``), ``rmws`` too; ``decorations``: at most so many of these in one test;
    ``everything``: threads with more than two accesses, program order to the same location and communication within
    threads as well.  ``bare``: no decorations in tests of one location.
    """

    arch: str
    accesses: int
    threads: int = 4
    locations: int = 4
    fences: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    rmws: tuple[str, ...] = ()
    decorations: int = 12
    everything: bool = False
    bare: bool = False


def usual(arch: str) -> dict[str, tuple[str, ...]]:
    """The fences, dependencies, annotations and read-modify-writes of a dialect, each by one of its names.

    Without the barriers of AArch64 for shareability domains, which order as those of the whole system, and those of C
    that go with locks, which no cycle has.
    """
    names = names_of(arch)
    fences = {
        meaning: name for name, meaning in reversed(names.fences.items()) if "SH" not in name and "lock" not in name
    }
    tags = {a.tags: a.name for a in reversed(names.annotations[1:]) if a.tags != frozenset({"MB"})}
    return {
        "fences": tuple([name for name, meaning in names.fences.items() if fences.get(meaning) == name]),
        "dependencies": tuple(names.dependencies),
        "annotations": tuple([a.name for a in names.annotations[1:] if tags.get(a.tags) == a.name]),
        "rmws": tuple(list(names.rmws)[:1]),
    }


def all_cycles(limits: Limits) -> Iterator[tuple[Edge, ...]]:
    """Cycles in canonical form: fewest accesses first, then fewest decorations, then fewest threads.

    Raises InputError for names that the dialect does not have.
    """
    menu = _Menu(limits)
    for accesses in range(2, limits.accesses + 1):
        skeletons = sorted(_skeletons(accesses, limits), key=_order)
        most = min(limits.decorations, max([menu.most(skeleton) for skeleton in skeletons], default=0))
        for decorations in range(most + 1):
            for skeleton in skeletons:
                yield from menu.decorated(skeleton, decorations)


def cycles_of(edges: Sequence[Edge], required: Sequence[Edge], limits: Limits) -> Iterator[tuple[Edge, ...]]:
    """Cycles of the given edges only, with at least one of ``required`` if there are any; their annotations must
    agree."""
    wanted = set(required)
    for accesses in range(2, limits.accesses + 1):
        found = set()
        for cycle in _walks(tuple(dict.fromkeys([*edges, *required])), accesses, limits, _may_meet):
            if wanted and not wanted & set(cycle):
                continue
            canonical = turned(cycle)
            if canonical not in found and _agrees(canonical, names_of(limits.arch)):
                found.add(canonical)
                yield canonical


def _agrees(cycle: tuple[Edge, ...], names: Names) -> bool:
    """Whether neighbours have the same annotations in mind and the dialect has such accesses."""
    try:
        make_test(cycle, names.arch)
    except InputError:
        return False
    return True


# --- cycles without decorations --------------------------------------------------------------------------------------
def _order(cycle: tuple[Edge, ...]) -> tuple[int, list[str]]:
    return sum(edge.external for edge in cycle), [edge.core() for edge in cycle]


def _skeletons(accesses: int, limits: Limits) -> set[tuple[Edge, ...]]:
    """Cycles of communication and bare program order, in canonical form."""
    steps = [*_COMMUNICATION]
    for source, target in product("RW", repeat=2):
        steps += [Edge("po", False, False, source, target), Edge("po", False, True, source, target)]
    if limits.everything:
        steps += [replace(edge, external=False) for edge in _COMMUNICATION]
    steps += [Edge("rmw", False, True, "R", "W", name) for name in limits.rmws]
    meets = _may_meet if limits.everything else _may_meet_critically
    found = set()
    for cycle in _walks(tuple(steps), accesses, limits, meets):
        if limits.everything or _is_critical(cycle):
            found.add(turned(cycle))
    return found


def _is_critical(cycle: tuple[Edge, ...]) -> bool:
    """Bare program order to the same location only in tests of one location, and there only once a thread."""
    if all(edge.same for edge in cycle):
        return sum(not edge.external for edge in cycle) == 1
    return not any(edge.kind == "po" and edge.same for edge in cycle)


def _may_meet(first: Edge, second: Edge) -> bool:
    return first.target == second.source or "*" in (first.target, second.source)


def _may_meet_critically(first: Edge, second: Edge) -> bool:
    if first.target != second.source:
        return False
    if first.external and second.external:
        return (first.kind, second.kind) in _BRIEF
    return first.external or second.external or "rmw" in (first.kind, second.kind)


def _walks(steps: tuple[Edge, ...], length: int, limits: Limits, meets: object) -> Iterator[tuple[Edge, ...]]:
    """All closed walks of a length that make a cycle in the sense of :func:`cycles.turned`, some of them several
    times over; each begins behind an edge between threads."""
    assert callable(meets)
    following = {step: [other for other in steps if meets(step, other)] for step in steps}
    walk: list[Edge] = []

    def grow() -> Iterator[tuple[Edge, ...]]:
        if len(walk) == length:
            if walk[-1].external and meets(walk[-1], walk[0]) and _closes(walk, limits):
                yield tuple(walk)
            return
        if sum(edge.external for edge in walk) > limits.threads or sum(not e.same for e in walk) > limits.locations:
            return
        for step in following[walk[-1]] if walk else steps:
            walk.append(step)
            yield from grow()
            walk.pop()

    yield from grow()


def _closes(walk: list[Edge], limits: Limits) -> bool:
    threads, locations = sum(e.external for e in walk), sum(not e.same for e in walk)
    inner = any(not e.external and e.kind not in ("rf", "fr", "co", "rmw") for e in walk)
    if not inner or threads > limits.threads or max(1, locations) > min(limits.locations, len(LOCATIONS)):
        return False
    return locations != 1 and (threads > 1 or locations == 0)


# --- decorations -----------------------------------------------------------------------------------------------------
class _Menu:
    """What may stand in for program order, and what accesses may be annotated with."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.names = names_of(limits.arch)
        self.annotations = [_find_annotation(self.names, name) for name in limits.annotations]
        for what, given, known in (
            ("fence", limits.fences, self.names.fences),
            ("dependency", limits.dependencies, self.names.dependencies),
            ("read-modify-write", limits.rmws, self.names.rmws),
        ):
            for name in given:
                if name not in known:
                    raise InputError(f"found the {what} `{name}`, expected one of {', '.join(known) or 'none at all'}")

    def instead(self, edge: Edge) -> list[Edge]:
        """What program order between these two accesses can be strengthened to."""
        if edge.kind == "rmw" and self.limits.arch == "C":  # a full barrier: one annotation for both halves
            both = _find_annotation(self.names, "MB")
            return [replace(edge, before=both, after=both)]
        if edge.kind != "po":
            return []
        found = [replace(edge, kind="fence", name=name) for name in self.limits.fences]
        if self.limits.arch == "C" and self.limits.fences and not edge.same:
            found.append(replace(edge, kind="rcu"))
        for name in self.limits.dependencies if edge.source == "R" else ():
            if self.names.dependencies[name] != "data" or edge.target == "W":
                found.append(replace(edge, kind="dp", name=name))
        return found

    def tags(self, edge: Edge) -> list[Annotation]:
        """What the access before an edge can be annotated with."""
        return [a for a in self.annotations if edge.source in a.kinds]

    def most(self, skeleton: tuple[Edge, ...]) -> int:
        return sum(bool(self.instead(edge)) + bool(self.tags(edge)) for edge in skeleton)

    def decorated(self, skeleton: tuple[Edge, ...], count: int) -> Iterator[tuple[Edge, ...]]:
        """The skeleton with exactly so many decorations, each canonical cycle once."""
        places: list[tuple[int, list[Edge] | list[Annotation]]] = []
        if count and self.limits.bare and all(edge.same for edge in skeleton):
            return
        for index, edge in enumerate(skeleton):
            places += [(index, self.instead(edge))] if self.instead(edge) else []
            places += [(index, self.tags(edge))] if self.tags(edge) else []
        for chosen in combinations(places, count):
            for decorations in product(*[options for _, options in chosen]):
                cycle = list(skeleton)
                for (index, _), decoration in zip(chosen, decorations, strict=True):
                    assert isinstance(decoration, Annotation | Edge)
                    if isinstance(decoration, Annotation):
                        cycle[index] = replace(cycle[index], before=decoration)
                        continue
                    cycle[index] = replace(decoration, before=decoration.before or cycle[index].before)
                    if decoration.after is not None:
                        after = (index + 1) % len(cycle)
                        cycle[after] = replace(cycle[after], before=decoration.after)
                yield from self.canonical(tuple(cycle))

    def canonical(self, cycle: tuple[Edge, ...]) -> Iterator[tuple[Edge, ...]]:
        plain = self.names.annotations[0]
        tags = [edge.before or plain for edge in cycle]
        ends = [*tags[1:], tags[0]]
        filled = tuple([replace(e, before=b, after=a) for e, b, a in zip(cycle, tags, ends, strict=True)])
        pairs = [(e.before or plain, e.after or plain) for e in filled if e.kind == "rmw"]
        if turned(filled) == filled and all(fits_rmw(self.names, *pair) for pair in pairs):
            yield filled


def _find_annotation(names: Names, name: str) -> Annotation:
    for annotation in names.annotations:
        if annotation.name == name or (names.folded and annotation.name.lower() == name.lower()):
            return annotation
    known = ", ".join(a.name for a in names.annotations)
    raise InputError(f"found the annotation `{name}`, expected one of {known}")
