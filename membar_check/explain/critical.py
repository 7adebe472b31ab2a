"""The orders of one execution, and critical cycles of program order and communication.

Critical cycles: Shasha and Snir, "Efficient and correct execution of parallel programs that share memory", TOPLAS
10(2), 1988; Alglave, Maranget and Tautschnig, "Herding cats", TOPLAS 36(2), 2014.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from membar_check.engine.cycles import components
from membar_check.explain.explanation import ExecutionView, Gap, Pair

REORDERED, PROPAGATION = "reordered", "propagation"


class Step(NamedTuple):
    """An edge of a cycle: ``relation`` po (transitive), rf, co (transitive) or fr."""

    relation: str
    source: int
    target: int


class Orders:
    """What an execution says of order.

    ``threads``: events in program order, by thread; ``rank``: of an event its index therein; ``source``: of a read the
    write it reads from; ``readers``: of a write the reads from it; ``later``: of a write all that overwrite it, the
    next first; ``com``: of an access the communication that leaves its thread, or goes against program order, as
    (target, relation).
    """

    def __init__(self, view: ExecutionView) -> None:
        self.view = view
        self.threads: dict[int, list[int]] = {}
        for number, event in enumerate(view.events):
            if event.thread >= 0:
                self.threads.setdefault(event.thread, []).append(number)
        self.rank = {e: i for chain in self.threads.values() for i, e in enumerate(chain)}
        self.source = {r: w for w, r in view.relations.get("rf", ())}
        self.readers: dict[int, list[int]] = {}
        for r, w in self.source.items():
            self.readers.setdefault(w, []).append(r)
        self.later = _chains(view.relations.get("co", ()))
        self._released = self._releases()
        self._locking = {*self.later, *(w for later in self.later.values() for w in later), *self._released.values()}
        self.first_later = dict(view.relations.get("fr", ()))
        self.com: dict[int, list[tuple[int, str]]] = {}
        for name, a, b in self._communication():
            if a in self.rank and b in self.rank and not self.before(a, b):
                self.com.setdefault(a, []).append((b, name))

    def thread(self, event: int) -> int:
        return self.view.events[event].thread

    def is_access(self, event: int) -> bool:
        """Whether the event reads or writes, or takes or releases a lock that others take."""
        return self.view.events[event].kind in ("R", "W") or event in self._locking

    def before(self, a: int, b: int) -> bool:
        """Whether ``a`` is before ``b`` in program order."""
        return self.thread(a) == self.thread(b) and self.rank[a] < self.rank[b]

    def newer(self, read: int) -> tuple[int, ...]:
        """The writes that overwrite what the read saw, the next first; not the write of its own read-modify-write."""
        if read in self.source:
            later = self.later.get(self.source[read], ())
            return tuple(w for w in later if w != read)
        first = self.first_later.get(read)
        return () if first is None else (first, *self.later.get(first, ()))

    def accesses(self, thread: int) -> list[int]:
        return [e for e in self.threads[thread] if self.is_access(e)]

    def _releases(self) -> dict[int, int]:
        """Of each event that takes a lock which others take the one that releases it."""
        out: dict[int, int] = {}
        for chain in self.threads.values():
            held: dict[str, int] = {}
            for e in chain:
                event = self.view.events[e]
                if event.kind == "-" and event.action.startswith("takes ") and e in self.later:
                    held[event.variable] = e
                elif event.kind == "-" and event.action.startswith("releases ") and event.variable in held:
                    out[held.pop(event.variable)] = e
        return out

    def _communication(self) -> Iterator[tuple[str, int, int]]:
        for r, w in sorted(self.source.items()):
            yield "rf", w, r
        for w, overwriting in sorted(self.later.items()):
            for other in overwriting:
                yield "co", w, other
                if w in self._released:
                    yield "co", self._released[w], other
        for number, event in enumerate(self.view.events):
            if event.kind == "R":
                for w in self.newer(number):
                    yield "fr", number, w


def _chains(steps: Iterable[Pair]) -> dict[int, tuple[int, ...]]:
    """Coherence from its steps: of each write those after it, in order."""
    after: dict[int, list[int]] = {}
    for a, b in steps:
        after.setdefault(a, []).append(b)
    out: dict[int, tuple[int, ...]] = {}
    for first, following in after.items():
        seen: dict[int, None] = {}
        queue = list(following)
        while queue:
            e = queue.pop(0)
            if e not in seen and e != first:
                seen[e] = None
                queue.extend(after.get(e, ()))
        out[first] = tuple(seen)
    return out


class Kept:
    """What is left of program order and communication when some of it is given up.  ``ordered``: pairs that the model
    orders, closed under transitivity; they go only where a gap says so.  ``strict``: with them between threads, too."""

    def __init__(self, orders: Orders, ordered: frozenset[Pair], strict: bool = False) -> None:
        self.orders = orders
        self.ordered = ordered
        self.gone: set[Pair] = set()
        self.across: dict[int, list[int]] = {}
        for a, b in sorted(ordered) if strict else ():
            if orders.is_access(a) and orders.is_access(b) and -1 != orders.thread(a) != orders.thread(b) != -1:
                self.across.setdefault(a, []).append(b)

    # --- giving up ---
    def drop(self, gap: Gap, delay: bool | None = None) -> None:
        """Takes away what stands for the gap, and what would bring it back by transitivity.

        ``delay``: program order is broken by delaying the first access, with what must stay after it, or by taking the
        second one early, with what must stay before it; by default writes are delayed, what follows reads is early.
        """
        a, b = gap.source, gap.target
        self.gone.add((a, b))
        if gap.kind == REORDERED:
            self._drop_between(a, b, self.orders.view.events[a].kind == "W" if delay is None else delay)
            return
        orders = self.orders
        if orders.view.events[a].kind == "R":
            self.gone.update((a, w) for w in _until(orders.newer(a), b))
        else:
            self.gone.update((w, b) for w in _until(orders.later.get(a, ()), b))

    def _drop_between(self, a: int, b: int, delay: bool) -> None:
        chain = self.orders.threads[self.orders.thread(a)]
        inside = [e for e in chain[self.orders.rank[a] : self.orders.rank[b] + 1] if self.orders.is_access(e)]
        if delay:
            delayed = {a}
            for e in inside[1:-1]:
                if any(self._held(d, e) for d in delayed):
                    delayed.add(e)
        else:
            early = {b}
            for e in reversed(inside[1:-1]):
                if any(self._held(e, d) for d in early):
                    early.add(e)
            delayed = {e for e in inside if e not in early}
        self.gone.update((c, d) for c in delayed for d in inside if d not in delayed and self.orders.before(c, d))

    def _held(self, a: int, b: int) -> bool:
        """Whether the model orders two accesses of a thread, or coherence does: those of one location, but for a read
        that may take from a write which no other thread sees yet."""
        first, second = self.orders.view.events[a], self.orders.view.events[b]
        same = first.variable == second.variable and (first.kind, second.kind) != ("W", "R")
        return same or (a, b) in self.ordered

    # --- cycles ---
    def cyclic(self) -> list[int]:
        """The accesses on cycles of what is left."""
        graph = {e: self._after(e) for t in self.orders.threads for e in self.orders.accesses(t)}
        return sorted(e for part in components(graph) if len(part) > 1 for e in part)

    def _after(self, e: int) -> list[int]:
        out = [b for b, _ in self.orders.com.get(e, ()) if (e, b) not in self.gone] + self.across.get(e, [])
        if not self.gone:
            return out + self._next(e)
        return out + [b for b in self.orders.accesses(self.orders.thread(e)) if self.kept(e, b)]

    def _next(self, e: int) -> list[int]:
        chain = self.orders.threads[self.orders.thread(e)]
        return next(([b] for b in chain[self.orders.rank[e] + 1 :] if self.orders.is_access(b)), [])

    def kept(self, a: int, b: int) -> bool:
        """Whether program order from ``a`` to ``b`` is kept."""
        return self.orders.before(a, b) and (a, b) not in self.gone

    def cycle(self) -> tuple[Step, ...]:
        """A smallest critical cycle: few communication steps, then few steps of program order, then few that the model
        does not order; none: empty.  It starts with the program order of its lowest event."""
        inside = self.cyclic()
        hops = {e: self._hops(e, set(inside)) for e in inside}
        best: tuple[int, list[Step]] | None = None
        for start in inside:
            best = self._around(start, hops, best)
        return _turned(best[1]) if best is not None else ()

    def _hops(self, entry: int, inside: set[int]) -> list[tuple[int, int, int, str]]:
        """From where a cycle enters a thread to where it enters the next: (cost, target, exit, relation)."""
        best: dict[int, tuple[int, int, str]] = {}
        for leave in self.orders.accesses(self.orders.thread(entry)):
            if leave not in inside or (leave != entry and not self.kept(entry, leave)):
                continue
            cost = _COM if leave == entry else _COM + _PO + ((entry, leave) not in self.ordered)
            for target, name in self.orders.com.get(leave, ()):
                if target in inside and (leave, target) not in self.gone:
                    found = (cost, leave, name)
                    best[target] = min(best.get(target, found), found)
        return [(cost, target, leave, name) for target, (cost, leave, name) in sorted(best.items())]

    def _around(
        self,
        start: int,
        hops: dict[int, list[tuple[int, int, int, str]]],
        best: tuple[int, list[Step]] | None,
    ) -> tuple[int, list[Step]] | None:
        """The cheapest way from an event back to it, if it is cheaper than the best one so far."""
        limit = best[0] if best is not None else 1 << 60
        done: set[int] = set()
        came: dict[int, tuple[int, int, int, str]] = {}  # event: cost, event before, exit of its thread, relation
        heap = [(0, start)]
        while heap:
            so_far, e = heapq.heappop(heap)
            if so_far >= limit:
                return best
            if e in done:
                continue
            if so_far or e != start:
                done.add(e)
            if e == start and so_far:
                return so_far, _path(start, came)
            for cost, target, leave, name in hops[e]:
                total = so_far + cost
                if target not in came or total < came[target][0]:
                    came[target] = (total, e, leave, name)
                    heapq.heappush(heap, (total, target))
        return best


_COM, _PO = 1 << 24, 1 << 12


def _until(chain: tuple[int, ...], end: int) -> tuple[int, ...]:
    return chain[: chain.index(end)] if end in chain else ()


def _path(start: int, came: dict[int, tuple[int, int, int, str]]) -> list[Step]:
    steps: list[Step] = []
    e = start
    while True:
        _, before, leave, name = came[e]
        steps.append(Step(name, leave, e))
        if before != leave:
            steps.append(Step("po", before, leave))
        e = before
        if e == start:
            return steps[::-1]


def _turned(steps: Sequence[Step]) -> tuple[Step, ...]:
    po = [i for i, s in enumerate(steps) if s.relation == "po"]
    first = min(po, key=lambda i: steps[i].source)
    return (*steps[first:], *steps[:first])


def critical_cycle(view: ExecutionView, ordered: frozenset[Pair] = frozenset()) -> tuple[Step, ...]:
    """A smallest critical cycle of the execution; empty for a plain interleaving."""
    return Kept(Orders(view), ordered).cycle()
