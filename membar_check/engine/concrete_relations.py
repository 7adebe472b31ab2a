"""Operations on relations as plain sets of pairs: the textbook definitions, nothing fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import TypeVar

T = TypeVar("T")


def successors(pairs: Iterable[tuple[T, T]]) -> dict[T, list[T]]:
    result: dict[T, list[T]] = {}
    for first, second in pairs:
        result.setdefault(first, []).append(second)
    return result


def compose(left: frozenset[tuple[T, T]], right: frozenset[tuple[T, T]]) -> frozenset[tuple[T, T]]:
    """The pairs (a, c) with (a, b) in ``left`` and (b, c) in ``right``."""
    after = successors(right)
    return frozenset((first, last) for first, middle in left for last in after.get(middle, ()))


def closure(pairs: frozenset[tuple[T, T]]) -> frozenset[tuple[T, T]]:
    """The transitive closure."""
    after = successors(pairs)
    result: set[tuple[T, T]] = set()
    for start in after:
        todo = list(after[start])
        seen: set[T] = set()
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo += after.get(here, ())
        result.update((start, here) for here in seen)
    return frozenset(result)


def is_irreflexive(pairs: frozenset[tuple[T, T]]) -> bool:
    return all(first != second for first, second in pairs)


def is_acyclic(pairs: frozenset[tuple[T, T]]) -> bool:
    return is_irreflexive(closure(pairs))


def cartesian(left: frozenset[int], right: frozenset[int]) -> frozenset[tuple[int, int]]:
    return frozenset(product(left, right))


def connected_classes(pairs: frozenset[tuple[int, int]]) -> list[frozenset[int]]:
    """The classes of the least equivalence on the relation's events that contains it, by smallest member."""
    both = closure(pairs | frozenset((second, first) for first, second in pairs))
    groups = {frozenset(seconds) for seconds in successors(both).values()}
    return sorted(groups, key=min)


def total_orders(
    nodes: frozenset[T], known: frozenset[tuple[T, T]], rank: Callable[[T], tuple[int, ...]]
) -> Iterator[frozenset[tuple[T, T]]]:
    """All strict total orders of ``nodes`` that extend ``known`` (also where it goes through other nodes).

    None where ``known`` is cyclic on them.  ``rank`` fixes the order of the enumeration.
    """
    before: dict[T, set[T]] = {node: set() for node in nodes}
    for first, second in closure(known):
        if first in nodes and second in nodes:
            before[second].add(first)
    names = sorted(nodes, key=rank)

    def extend(placed: tuple[T, ...], left: list[T]) -> Iterator[frozenset[tuple[T, T]]]:
        if not left:
            yield frozenset((a, b) for i, a in enumerate(placed) for b in placed[i + 1 :])
        for node in left:
            if before[node] <= set(placed):
                yield from extend((*placed, node), [other for other in left if other != node])

    return extend((), names)


def bisimulation(steps: frozenset[tuple[T, T]], start: frozenset[tuple[T, T]]) -> frozenset[tuple[T, T]]:
    """The greatest part of ``start`` whose pairs match each other's ``steps``; identical pairs always stay."""
    after = successors(steps)
    current = start

    def matches(some: list[T], others: list[T]) -> bool:
        return all(any((other, one) in current for other in others) for one in some)

    while True:
        kept = frozenset(
            (a, b)
            for a, b in current
            if a == b or (matches(after.get(a, []), after.get(b, [])) and matches(after.get(b, []), after.get(a, [])))
        )
        if kept == current:
            return current
        current = kept
