"""The values that locations and expressions may have: over-approximations, before any candidate is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import product

from membar_check.events.structure import Applied, Constraint, ReadOf, Symbolic, reads_in
from membar_check.program.arithmetic import Undetermined, evaluate
from membar_check.values import Address, Value

Possible = dict[Address, frozenset[Value] | None]
MAX_VALUES = 64  # more possible values in one location are not told apart
MAX_COMBINATIONS = 4096


def possible_values(
    value: Symbolic, address: dict[int, Address], known: Possible, memory: dict[Address, Value]
) -> frozenset[Value] | None:
    """An over-approximation of the values of a symbolic value; None if there are too many to list."""
    if isinstance(value, ReadOf):
        place = address[value.event]
        return known[place] if place in known else frozenset((memory.get(place, 0),))
    if not isinstance(value, Applied):
        return frozenset((value,))
    choices = [possible_values(a, address, known, memory) for a in value.args]
    count = 1
    for c in choices:
        if c is None:
            return None
        count *= len(c)
    if count > MAX_COMBINATIONS:
        return None
    out: set[Value] = set()
    for args in product(*(c for c in choices if c is not None)):
        try:
            out.add(evaluate(value.op, args))
        except Undetermined:
            continue
    return frozenset(out) if len(out) <= MAX_VALUES else None


@lru_cache(maxsize=65536)
def reads_of(value: Symbolic) -> tuple[int, ...]:
    """The reads that a value depends on, in order."""
    return tuple(sorted(reads_in(value)))


def agrees(value: Value, expected: bool | Value) -> bool:
    """Whether a value is what a constraint demands."""
    return (value != 0) == expected if isinstance(expected, bool) else value == expected


def satisfiable(
    constraints: Iterable[Constraint], address: dict[int, Address], possible: Possible, memory: dict[Address, Value]
) -> bool:
    """False if some constraint on a single value cannot be met."""
    for value, expected in constraints:
        found = possible_values(value, address, possible, memory)
        if found is not None and not any(agrees(v, expected) for v in found):
            return False
    return True


def satisfiable_together(
    constraints: tuple[Constraint, ...], address: dict[int, Address], possible: Possible, memory: dict[Address, Value]
) -> bool:
    """False if there are no values of the reads that meet all constraints at once."""
    reads = sorted(frozenset[int]().union(*(reads_in(c.value) for c in constraints)))
    domains: list[list[Value]] = []
    count = 1
    for read in reads:
        found = possible_values(ReadOf(read), address, possible, memory)
        if found is None:
            return satisfiable(constraints, address, possible, memory)
        wanted = [c.expected for c in constraints if c.value == ReadOf(read)]
        domains.append([v for v in found if all(agrees(v, x) for x in wanted)])
        count *= len(domains[-1])
    if count > MAX_COMBINATIONS:
        return satisfiable(constraints, address, possible, memory)
    return any(_met(constraints, dict(zip(reads, values, strict=True))) for values in product(*domains))


def _met(constraints: tuple[Constraint, ...], reads: dict[int, Value]) -> bool:
    try:
        return all(agrees(computed(value, reads), expected) for value, expected in constraints)
    except Undetermined:
        return False


def computed(value: Symbolic, reads: dict[int, Value]) -> Value:
    """The value where the reads return these; raises Undetermined where it has none."""
    if isinstance(value, ReadOf):
        return reads[value.event]
    if isinstance(value, Applied):
        return evaluate(value.op, tuple(computed(a, reads) for a in value.args))
    return value


def flatten(values: Iterable[Value]) -> list[Value]:
    """The distinct values in a fixed order."""
    return sorted(set(values), key=lambda v: (isinstance(v, int), v if isinstance(v, int) else 0, str(v)))
