"""Shortest ways in a graph: of each event those that it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from membar_check.explain.explanation import Pair

Graph = Mapping[int, Iterable[int]]


def graph_of(pairs: Iterable[Pair]) -> dict[int, list[int]]:
    """The graph with these edges, in order."""
    out: dict[int, list[int]] = {}
    for a, b in sorted(pairs):
        out.setdefault(a, []).append(b)
    return out


def shortest_way(graph: Graph, start: int, end: int, limit: int | None = None) -> tuple[int, ...]:
    """The events of a shortest way of at least one edge, with both ends; empty if there is none, or none of at most
    ``limit`` edges."""
    before: dict[int, int] = {}
    front = [start]
    length = 0
    while front and length != limit:
        reached: list[int] = []
        for a in front:
            for b in sorted(graph.get(a, ())):
                if b == end:
                    way = [b, a]
                    while way[-1] != start:
                        way.append(before[way[-1]])
                    return tuple(reversed(way))
                if b not in before:
                    before[b] = a
                    reached.append(b)
        front = reached
        length += 1
    return ()


def shortest_cycle(graph: Graph) -> tuple[Pair, ...]:
    """A shortest cycle, by its edges; empty if there is none."""
    best: tuple[int, ...] = ()
    for start in graph:
        best = shortest_way(graph, start, start, len(best) - 2 if best else None) or best
        if len(best) == 2:
            break
    return tuple(pairwise(best))
