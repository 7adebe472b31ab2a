"""An order in which an execution can be told, although no interleaving may show it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence, Set
from itertools import combinations, pairwise, product

from membar_check.explain.critical import REORDERED, Kept, Orders
from membar_check.explain.explanation import ExecutionView, Gap, Pair

_TRIED = 6  # of more gaps than this no smaller choice is looked for
_CHOSEN = 3  # larger choices are not tried


def linear(view: ExecutionView, gaps: Sequence[Gap], ordered: frozenset[Pair] = frozenset()) -> tuple[int, ...]:
    """All events in an order in which the execution can be told: initial writes, then what program order and
    communication allow once some of the gaps are given up, as few as possible; of these orders the one with the fewest
    accesses out of program order, reads that miss a write, and switches of thread.

    ``ordered``: the pairs that the model orders.  They say what moves together with the events of a gap, and where
    that can be the order agrees with them.
    """
    orders = Orders(view)
    initial = [i for i, event in enumerate(view.events) if event.thread < 0]
    best: tuple[tuple[int, ...], list[int]] | None = None
    for kept in _enough(orders, gaps, ordered):
        found = _Scheduler(orders, kept).run()
        cost = _cost(orders, kept, found)
        if best is None or cost < best[0]:
            best = (cost, found)
    assert best is not None
    return (*initial, *_with_others(orders, best[1]))


def _enough(orders: Orders, gaps: Sequence[Gap], ordered: frozenset[Pair]) -> Iterator[Kept]:
    """What is left when just enough gaps are given up, in every way to do so; all of them if nothing is enough."""
    for strict in (True, False):
        for size in range(min(len(gaps), _CHOSEN) + 1 if len(gaps) <= _TRIED else 0):
            found = False
            for kept in _given_up(orders, gaps, size, ordered, strict):
                found = True
                yield kept
            if found:
                return
    for strict in (True, False):
        kept = Kept(orders, ordered, strict)
        for gap in gaps:
            kept.drop(gap)
        if not strict or not kept.cyclic():
            yield kept
            return


def _given_up(
    orders: Orders, gaps: Sequence[Gap], size: int, ordered: frozenset[Pair], strict: bool
) -> Iterator[Kept]:
    """What is left without ``size`` of the gaps, where that is an order."""
    for chosen in combinations(gaps, size):
        ways = [(True, False) if gap.kind == REORDERED else (False,) for gap in chosen]
        for delays in product(*ways):
            kept = Kept(orders, ordered, strict)
            for gap, delay in zip(chosen, delays, strict=True):
                kept.drop(gap, delay)
            if not kept.cyclic():
                yield kept


def _cost(orders: Orders, kept: Kept, found: Sequence[int]) -> tuple[int, ...]:
    time = {e: i for i, e in enumerate(found)}
    moved, inverted = 0, 0
    for thread in orders.threads:
        chain = [time[e] for e in orders.accesses(thread)]
        moved += len(chain) - _longest_rise(chain)
        inverted += sum(1 for i, b in enumerate(chain) for a in chain[:i] if a > b)
    missed = sum(1 for a, b in kept.gone if orders.thread(a) != orders.thread(b) and time[a] > time[b])
    switches = sum(1 for a, b in pairwise(found) if orders.thread(a) != orders.thread(b))
    return moved, inverted, missed, switches, *found


def _longest_rise(chain: Sequence[int]) -> int:
    """The length of the longest increasing subsequence."""
    ends: list[int] = []
    for number in chain:
        ends[bisect_left(ends, number) : bisect_left(ends, number) + 1] = [number]
    return len(ends)


class _Scheduler:
    """Picks one access after the other: of those that may come now the one that breaks fewest wishes.

    A read-modify-write wishes that nothing comes between its read and its write.
    """

    def __init__(self, orders: Orders, kept: Kept) -> None:
        self.orders = orders
        self.order = [e for thread in orders.threads for e in orders.accesses(thread)]
        self.waits: dict[int, set[int]] = {e: set() for e in self.order}
        self.wishes: dict[int, set[int]] = {e: set() for e in self.order}
        for thread in orders.threads:
            chain = orders.accesses(thread)
            for i, b in enumerate(chain):
                for a in chain[:i]:
                    (self.waits if kept.kept(a, b) else self.wishes)[b].add(a)
        for a, targets in orders.com.items():
            for b, _ in targets:
                (self.wishes if (a, b) in kept.gone else self.waits)[b].add(a)
        for a, after in kept.across.items():
            for b in after:
                self.waits[b].add(a)
        self.together: dict[int, set[int]] = {}
        for r, w in orders.view.relations.get("rmw", ()):
            self.together[r] = {a for a in self.waits[w] if orders.thread(a) != orders.thread(r)}

    def run(self) -> list[int]:
        left = dict.fromkeys(self.order)
        out: list[int] = []
        current = -1
        while left:
            chosen = min(left, key=lambda e: self._price(e, left.keys(), current))
            current = self.orders.thread(chosen)
            del left[chosen]
            out.append(chosen)
        return out

    def _price(self, e: int, pending: Set[int], current: int) -> tuple[int, int, bool, int]:
        waits = len(pending & self.waits[e])
        if waits:
            return waits, 0, True, e
        wishes = len(pending & self.wishes[e]) + 2 * len(pending & self.together.get(e, frozenset()))
        return 0, wishes, self.orders.thread(e) != current, e


def _with_others(orders: Orders, accesses: Sequence[int]) -> list[int]:
    """With fences, sections and the like: behind all accesses that they follow, before the next one of their thread;
    what ends a section as soon as it may."""
    time = {e: i for i, e in enumerate(accesses)}
    placed: dict[int, list[int]] = {}  # before which access, or at the end
    for chain in orders.threads.values():
        last, end = -1, max((time[e] for e in chain if e in time), default=len(accesses) - 1)
        for e in chain:
            if e in time:
                last = max(last, time[e])
                continue
            ends = any(tag == "UL" or "unlock" in tag.lower() for tag in orders.view.events[e].tags) and last >= 0
            later = (time[x] for x in chain if time.get(x, -1) > last)
            placed.setdefault(last + 1 if ends else min(later, default=end + 1), []).append(e)
    out: list[int] = []
    for i in range(len(accesses) + 1):
        out += [*placed.get(i, ()), *accesses[i : i + 1]]
    return out
