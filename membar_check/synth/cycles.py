"""A cycle of edges as a shape: directions, locations, threads, values.

The accesses stand between the edges.  Communication keeps the location, ``d`` edges lead to the next one; external
edges lead to the next thread.  Along the accesses to one location each write takes the next value, each read that of
the write before it: so every edge of the cycle is there in the execution.
"""

from __future__ import annotations

from membar_check.diagnostics import InputError, Span
from membar_check.records import dataclass, replace
from membar_check.synth.edge_names import Annotation, Names, fits_rmw, names_of
from membar_check.synth.edges import Edge, parse_edges
from membar_check.synth.families import rotation_key, test_name
from membar_check.synth.shape import LOCATIONS, Access, Dependency, Fence, Item, Line, Shape

Spans = tuple[Span | None, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """``cycle``: the edges in diy's notation, directions and annotations resolved."""

    __test__ = False

    name: str
    shape: Shape
    cycle: str


def test_of(text: str, arch: str) -> Test:
    """The test of a cycle.  Raises InputError, at the edge, for what is no edge and for edges that make no cycle."""
    parsed = parse_edges(text, arch)
    return make_test(tuple([edge for edge, _ in parsed]), arch, tuple([span for _, span in parsed]))


def make_test(edges: tuple[Edge, ...], arch: str, spans: Spans = ()) -> Test:
    """The same for parsed edges; ``spans`` are their places for complaints."""
    names = names_of(arch)
    spans = spans or tuple([None] * len(edges))
    edges = _resolve(edges, names, spans)
    edges = turned(edges, spans)
    cycle = " ".join(edge.core() + suffix(edge, names) for edge in edges)
    return Test(test_name(edges, names), _shape(edges, names), cycle)


def suffix(edge: Edge, names: Names) -> str:
    """The annotations as they follow the edge, ``""`` where both are the usual one."""
    plain = names.annotations[0]
    ends = (edge.before or plain, edge.after or plain)
    return "" if ends == (plain, plain) else ends[0].name + ends[1].name


# --- what fits together ----------------------------------------------------------------------------------------------
def _resolve(edges: tuple[Edge, ...], names: Names, spans: Spans) -> tuple[Edge, ...]:
    """Both ends of each edge with a direction and an annotation, the same that the neighbour has."""
    count = len(edges)
    kinds: list[str] = []
    tags: list[Annotation] = []
    for index in range(count):  # the access before edge number index
        edge, last, where = edges[index], edges[index - 1], spans[index]
        one, other = _shown(last, spans[index - 1]), _shown(edge, where)
        kinds.append(_direction((last.target, one), (edge.source, other), where))
        if last.after is not None and edge.before is not None and last.after != edge.before:
            message = f"`{one}` ends in an access that is {last.after.name}, `{other}` begins with"
            raise InputError(f"{message} one that is {edge.before.name}, expected the same", where)
        tags.append(edge.before or last.after or names.annotations[0])
        if kinds[-1] not in tags[-1].kinds:
            what = "read" if kinds[-1] == "R" else "write"
            raise InputError(f"a {what} cannot be {tags[-1].name}: between `{one}` and `{other}`", where)
    resolved = []
    for index, edge in enumerate(edges):
        after = (index + 1) % count
        ends = {"source": kinds[index], "target": kinds[after], "before": tags[index], "after": tags[after]}
        if edge.kind == "dp" and names.dependencies[edge.name] == "data" and ends["target"] == "R":
            raise InputError(f"`{_shown(edge, spans[index])}` leads to a read, expected a write", spans[index])
        if edge.kind == "rmw" and not fits_rmw(names, tags[index], tags[after]):
            given = f"{tags[index].name} and {tags[after].name}"
            raise InputError(f"`{_shown(edge, spans[index])}` cannot be {given}", spans[index])
        resolved.append(replace(edge, **ends))
    return tuple(resolved)


def _shown(edge: Edge, span: Span | None) -> str:
    """The edge as it was written."""
    return span.text if span is not None else edge.core()


def _direction(last: tuple[str, str], edge: tuple[str, str], where: Span | None) -> str:
    """What the access between two edges is, given the end and the beginning that they ask for and their texts."""
    known = {last[0], edge[0]} - {"*"}
    if len(known) == 1:
        return known.pop()
    if known:
        ends, begins = ("a read", "a write") if last[0] == "R" else ("a write", "a read")
        raise InputError(f"`{last[1]}` ends in {ends}, `{edge[1]}` begins with {begins}", where)
    message = f"the access between `{last[1]}` and `{edge[1]}` is neither a read nor a write"
    raise InputError(f"{message}, expected R or W for one of the stars", where)


def turned(edges: tuple[Edge, ...], spans: Spans = ()) -> tuple[Edge, ...]:
    """The cycle from its canonical beginning: the last edge leads to the first thread.

    Raises InputError for a cycle within one thread (unless it is about one location), or that changes the location once
    and so never comes back.
    """
    where = spans[0] if spans else None
    outward = [index for index, edge in enumerate(edges) if edge.external]
    changes = [index for index, edge in enumerate(edges) if not edge.same]
    if not outward:
        raise InputError("found no edge between threads, expected Rfe, Fre or Coe", where)
    if all(edge.external for edge in edges):
        raise InputError("found communication only, which is never a cycle; expected an edge within a thread", where)
    if len(outward) == 1 and changes:
        raise InputError("found one edge between threads, so all is in one thread; expected two or none", where)
    if len(changes) == 1:
        place = spans[changes[0]] if spans else None
        found = _shown(edges[changes[0]], place)
        raise InputError(f"`{found}` changes the location, but no other edge changes it back", place)
    if len(changes) > len(LOCATIONS):
        raise InputError(f"found {len(changes)} locations, expected at most {len(LOCATIONS)}", where)
    if not any(not edge.external and edge.kind not in ("rf", "fr", "co") for edge in edges):
        raise InputError("found communication only, which is never a cycle; expected an edge within a thread", where)
    return min((edges[at + 1 :] + edges[: at + 1] for at in outward), key=rotation_key)


# --- the execution ---------------------------------------------------------------------------------------------------
def _shape(edges: tuple[Edge, ...], names: Names) -> Shape:
    count = len(edges)
    places, values = _places(edges), _values(edges)
    accesses = [
        Access(edge.source, places[i], values[i], edge.before.tags if edge.before else frozenset())
        for i, edge in enumerate(edges)
    ]
    for i, edge in enumerate(edges):
        if edge.kind == "rmw":
            after = (i + 1) % count
            accesses[i] = replace(accesses[i], tags=accesses[i].tags | names.rmws[edge.name])
            accesses[after] = replace(accesses[after], tags=accesses[after].tags | names.rmws[edge.name])
    threads, begin = [], 0
    for i, edge in enumerate(edges):
        if edge.external:
            threads.append(_line(edges[begin:i], accesses[begin : i + 1], names))
            begin = i + 1
    return Shape(names.arch, tuple(threads))


def _line(edges: tuple[Edge, ...], accesses: list[Access], names: Names) -> Line:
    items: list[Item] = []
    dependencies: list[Dependency] = []
    rmw: list[tuple[int, int]] = []
    sections = _sections(edges)
    for i, access in enumerate(accesses):
        before = edges[i - 1] if i else None
        if any(i == begin for begin, _ in sections):
            items.append(Fence("rcu_read_lock"))
        if before is not None and before.kind == "fence":
            items.append(Fence(names.fences[before.name]))
        last = max([at for at, item in enumerate(items) if isinstance(item, Access)], default=-1)
        items.append(access)
        if before is not None and before.kind == "dp":
            dependencies.append(Dependency(names.dependencies[before.name], last, len(items) - 1))
        elif before is not None and before.kind == "rmw":
            rmw.append((last, len(items) - 1))
        if any(i == end for _, end in sections):
            items.append(Fence("rcu_read_unlock"))
    return Line(tuple(items), tuple(dependencies), tuple(rmw))


def _sections(edges: tuple[Edge, ...]) -> list[tuple[int, int]]:
    """The first and last access of each read-side critical section of a thread.

    A read-modify-write, one statement, is in a section with both halves; sections with an access in common are one.
    """
    found: list[tuple[int, int]] = []
    for i, edge in enumerate(edges):
        if edge.kind != "rcu":
            continue
        begin = i - (i > 0 and edges[i - 1].kind == "rmw")
        end = i + 1 + (i + 1 < len(edges) and edges[i + 1].kind == "rmw")
        if found and begin <= found[-1][1]:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def _start(edges: tuple[Edge, ...]) -> int:
    """The number of the edge where a round over the locations may be cut: one that changes the location; in a cycle
    over one location an edge of program order."""
    for i, edge in enumerate(edges):
        if not edge.same:
            return i
    return next(i for i, edge in enumerate(edges) if edge.kind not in ("rf", "fr", "co", "rmw"))


def _places(edges: tuple[Edge, ...]) -> list[int]:
    """The location of the access before each edge, numbered in the order of the threads."""
    count, start = len(edges), _start(edges)
    runs, run = [0] * count, 0
    for step in range(1, count + 1):
        at = (start + step) % count
        runs[at] = run
        run += not edges[at].same
    order = {run: number for number, run in enumerate(dict.fromkeys(runs))}
    return [order[run] for run in runs]


def _values(edges: tuple[Edge, ...]) -> list[int]:
    count, start = len(edges), _start(edges)
    values, current = [0] * count, 0
    for step in range(1, count + 1):
        at = (start + step) % count
        current += edges[at].source == "W"
        values[at] = current
        if not edges[at].same:
            current = 0
    return values

