"""Cycles as clauses: that there is none (by eliminating one event after the other), and who is on one at all."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from membar_check.engine.cnf import FALSE, TRUE, Cnf

Key = TypeVar("Key", bound=Hashable)
Edges = dict[int, dict[int, int]]  # source -> target -> literal


def components(graph: Mapping[Key, Iterable[Key]]) -> list[list[Key]]:
    """The strongly connected components of a graph (Tarjan, SIAM J. Computing 1(2), 1972), without recursion."""
    index: dict[Key, int] = {}
    low: dict[Key, int] = {}
    on_stack: set[Key] = set()
    stack: list[Key] = []
    out: list[list[Key]] = []
    for root in graph:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(graph[root]))]
        while work:
            node, successors = work[-1]
            for s in successors:
                if s not in index:
                    index[s] = low[s] = len(index)
                    stack.append(s)
                    on_stack.add(s)
                    work.append((s, iter(graph.get(s, ()))))
                    break
                if s in on_stack:
                    low[node] = min(low[node], index[s])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part: list[Key] = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        part.append(member)
                        if member == node:
                            break
                    out.append(part)
    return out


def cyclic_part(graph: Mapping[int, Mapping[int, object]]) -> list[tuple[int, int]]:
    """The edges of the graph that lie on a cycle."""
    home: dict[int, int] = {}
    for number, part in enumerate(components(graph)):
        for e in part:
            home[e] = number
    return [(a, b) for a, row in graph.items() for b in row if home[a] == home[b]]


def forbid_cycles(cnf: Cnf, edges: Iterable[tuple[int, int, int]], guard: Sequence[int] = ()) -> None:
    """The edges (source, target, literal) that hold form no cycle, or one of ``guard`` holds.

    Vertex elimination (Rankooh, Rintanen, "Propositional encodings of acyclicity and reachability by using vertex
    elimination", AAAI 2022): an event goes once its paths have become edges between its neighbours.
    """
    out: Edges = {}
    for a, b, x in edges:
        if x != FALSE:
            out.setdefault(a, {})[b] = x
            out.setdefault(b, {})
    into: Edges = {v: {} for v in out}
    for a, row in out.items():
        for b, x in row.items():
            into[b][a] = x
    owned: set[int] = set()
    while out:
        v = min(out, key=lambda e: len(out[e]) * len(into[e]))
        after, before = out.pop(v), into.pop(v)
        own = after.pop(v, None)
        before.pop(v, None)
        if own is not None:
            cnf.add((-own, *guard))
        for b in after:
            del into[b][v]
        for a, p in before.items():
            row = out[a]
            del row[v]
            for b, q in after.items():
                if a == b:
                    cnf.add((-p, -q, *guard))
                    continue
                x = _shortcut(cnf, p, q, row.get(b), owned)
                row[b] = into[b][a] = x


def _shortcut(cnf: Cnf, p: int, q: int, old: int | None, owned: set[int]) -> int:
    """The literal of an edge that is there if ``p`` and ``q`` are, or if ``old`` is."""
    if old == TRUE or (p == TRUE and q == TRUE):
        return TRUE
    if old is not None and old in (p, q):
        return old
    if old is None and p in (TRUE, q):
        return q
    if old is None and q == TRUE:
        return p
    if old is None or old not in owned:
        new = cnf.variable()
        owned.add(new)
        if old is not None:
            cnf.add((-old, new))
        old = new
    cnf.add((-p, -q, old))
    return old
