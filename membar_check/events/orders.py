"""All ways to choose coherence and reads-from at one location.

A *digit* lists alternatives that are independent of everything else in a block of candidates; the alternatives of an
edge are a small bit mask over the digit's options.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from membar_check.records import dataclass

Edge = tuple[int, int]
ThreadAccesses = tuple[tuple[int, bool, int], ...]
FLAT_LIMIT = 128  # up to so many options per location, coherence and reads-from share one digit


@dataclass(frozen=True, slots=True)
class Digit:
    """``radix`` alternatives; for each rf and co edge and last write the bit mask of those that have it."""

    radix: int
    rf: dict[Edge, int]
    co: dict[Edge, int]
    last: dict[int, int]

    def part(self, start: int, count: int) -> Digit:
        """The digit with only the options ``start .. start + count - 1``."""
        if start == 0 and count == self.radix:
            return self
        window = (1 << count) - 1
        return Digit(
            count,
            {e: m for e, full in self.rf.items() if (m := full >> start & window)},
            {e: m for e, full in self.co.items() if (m := full >> start & window)},
            {e: m for e, full in self.last.items() if (m := full >> start & window)},
        )


@dataclass(frozen=True, slots=True)
class Accesses:
    """The accesses to one location: its initial write, and by thread, in program order, (event, is it a write, group).

    Accesses of one group are not ordered by program order among themselves (the halves of one instruction).

    ``before``: pairs of writes whose order is given.  ``allowed``: for reads whose value is bound, the writes that
    they may read from.  ``pairs``: read-modify-writes (read, write) between which no other thread may write.
    ``beside``: a thread's write and read that program order does not order, although the write is listed later.
    """

    initial: int
    threads: tuple[ThreadAccesses, ...]
    before: frozenset[Edge]
    allowed: tuple[tuple[int, frozenset[int]], ...]
    pairs: tuple[Edge, ...] = ()
    beside: frozenset[Edge] = frozenset()


Variant = tuple[Digit, ...]  # digits that are independent of each other, for one choice of coherence (or all of them)


def linear_orders(writes: Sequence[int], before: frozenset[Edge]) -> Iterator[tuple[int, ...]]:
    """All linear orders of ``writes`` that respect ``before``."""
    if not writes:
        yield ()
        return
    for w in writes:
        if not any((other, w) in before for other in writes if other != w):
            rest = [x for x in writes if x != w]
            for tail in linear_orders(rest, before):
                yield (w, *tail)


def _thread_choices(
    thread: ThreadAccesses,
    order: tuple[int, ...],
    position: dict[int, int],
    allowed: dict[int, frozenset[int]],
    coherent: bool,
    pairs: dict[int, int],
    beside: frozenset[Edge],
) -> list[tuple[Edge, ...]]:
    """The reads-from choices of one thread's reads, given the order of writes (initial write first).

    ``position``: that of each write in ``order``.  No read takes from a write that its own thread does later.  In a
    coherent execution a read takes from no write before what the thread has written or read before it, and from no
    write at or after what the thread writes later.
    """
    out: list[tuple[Edge, ...]] = []

    def walk(i: int, seen: tuple[tuple[int, int], ...], chosen: tuple[Edge, ...]) -> None:
        """``seen``: (group, position) of the accesses so far."""
        while i < len(thread) and thread[i][1]:
            event, _, group = thread[i]
            if coherent and any(p >= position[event] for g, p in seen if g != group):
                return
            seen = (*seen, (group, position[event]))
            i += 1
        if i == len(thread):
            out.append(chosen)
            return
        read, _, group = thread[i]
        low, high = 0, len(order)
        if coherent:
            low = max((p for g, p in seen if g != group), default=0)
            high = min((position[e] for e, is_write, g in thread[i:] if is_write and g != group), default=high)
        may = allowed.get(read)
        if read in pairs:
            low = max(low, _earliest(position[pairs[read]], order, {e for e, is_write, _ in thread if is_write}))
        later = {e for e, is_write, _ in thread[i:] if is_write}
        for p in range(low, high):
            source = order[p]
            if (source not in later or (source, read) in beside) and (may is None or source in may):
                walk(i + 1, (*seen, (group, p)), (*chosen, (source, read)))

    walk(0, (), ())
    return out


def _earliest(write: int, order: tuple[int, ...], own: set[int]) -> int:
    """The first position from which no other thread's write stands before position ``write``."""
    p = write - 1
    while p > 0 and order[p] in own:
        p -= 1
    return max(p, 0)


def variants(accesses: Accesses, coherent: bool) -> tuple[Variant, ...]:
    """The coherence and reads-from choices at one location, as variants of independent digits; empty if there are none.

    With ``coherent``, only those that keep SC per location.
    """
    writes = [e for t in accesses.threads for e, is_write, _ in t if is_write]
    before = set(accesses.before)
    if coherent:
        for t in accesses.threads:
            mine = [(e, group) for e, is_write, group in t if is_write]
            before.update((a, b) for i, (a, g) in enumerate(mine) for b, h in mine[i + 1 :] if g != h)
    allowed, pairs = dict(accesses.allowed), dict(accesses.pairs)
    options: list[tuple[tuple[int, ...], list[list[tuple[Edge, ...]]]]] = []
    total = 0
    for tail in linear_orders(writes, frozenset(before)):
        order = (accesses.initial, *tail)
        position = {w: i for i, w in enumerate(order)}
        choices: list[list[tuple[Edge, ...]]] = []
        for t in accesses.threads:
            here = _thread_choices(t, order, position, allowed, coherent, pairs, accesses.beside)
            if here != [()]:
                choices.append(here)
        count = 1
        for c in choices:
            count *= len(c)
        if count:
            options.append((order, choices))
            total += count
    if not options:
        return ()
    if total <= FLAT_LIMIT:
        return ((_flat(options),),)
    return tuple(_split(order, choices) for order, choices in options)


def _flat(options: list[tuple[tuple[int, ...], list[list[tuple[Edge, ...]]]]]) -> Digit:
    rf: dict[Edge, int] = {}
    co: dict[Edge, int] = {}
    last: dict[int, int] = {}
    bit = 1
    count = 0
    for order, choices in options:
        width = 1
        for c in choices:
            width *= len(c)
        here = ((1 << width) - 1) * bit
        for i, a in enumerate(order):
            for b in order[i + 1 :]:
                co[a, b] = co.get((a, b), 0) | here
        last[order[-1]] = last.get(order[-1], 0) | here
        for combination in product(*choices):
            for edges in combination:
                for e in edges:
                    rf[e] = rf.get(e, 0) | bit
            bit <<= 1
        count += width
    return Digit(count, rf, co, last)


def _split(order: tuple[int, ...], choices: list[list[tuple[Edge, ...]]]) -> Variant:
    co = {(a, b): 1 for i, a in enumerate(order) for b in order[i + 1 :]}
    digits = [Digit(1, {}, co, {order[-1]: 1})]
    for thread in choices:
        rf: dict[Edge, int] = {}
        for i, edges in enumerate(thread):
            for e in edges:
                rf[e] = rf.get(e, 0) | 1 << i
        digits.append(Digit(len(thread), rf, {}, {}))
    return tuple(digits)
