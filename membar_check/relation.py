"""The algebra of sets and relations whose Booleans are sets of candidates.

A candidate is one complete choice for a test; candidates are numbered 0..N-1.  A *mask* is an int whose bit i says
whether something holds in candidate i.  An event set is ``{event: mask}``, a relation ``{source: {target: mask}}``;
zero masks and empty rows are never stored, so a value is empty exactly if its dict is.  Values are shared between
results: no function here changes its arguments, and callers must not change what they get.

With N = 1 this is the ordinary algebra over one execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

EventSet = dict[int, int]
Relation = dict[int, dict[int, int]]
Predicate = Callable[[int, int], int]  # (source, target) -> mask in which the pair is in


def union_sets(parts: Iterable[EventSet]) -> EventSet:
    out: EventSet = {}
    for part in parts:
        for e, m in part.items():
            out[e] = out.get(e, 0) | m
    return out


def intersect_sets(a: EventSet, b: EventSet) -> EventSet:
    if len(b) < len(a):
        a, b = b, a
    return {e: both for e, m in a.items() if e in b and (both := m & b[e])}


def subtract_sets(a: EventSet, b: EventSet) -> EventSet:
    out: EventSet = {}
    for e, m in a.items():
        rest = m & ~b[e] if e in b else m
        if rest:
            out[e] = rest
    return out


def any_in_set(a: EventSet) -> int:
    """The candidates in which the set is not empty."""
    out = 0
    for m in a.values():
        out |= m
    return out


def union(parts: Iterable[Relation]) -> Relation:
    out: Relation = {}
    owned: set[int] = set()  # rows that were copied and may be changed
    for part in parts:
        for a, row in part.items():
            mine = out.get(a)
            if mine is None:
                out[a] = row
            else:
                if a not in owned:
                    out[a] = mine = dict(mine)
                    owned.add(a)
                get = mine.get
                for b, m in row.items():
                    mine[b] = get(b, 0) | m
    return out


def intersect(r: Relation, s: Relation) -> Relation:
    out: Relation = {}
    for a, row in r.items():
        other = s.get(a)
        if other:
            new = {b: both for b, m in row.items() if b in other and (both := m & other[b])}
            if new:
                out[a] = new
    return out


def subtract(r: Relation, s: Relation) -> Relation:
    out: Relation = {}
    for a, row in r.items():
        other = s.get(a)
        if other:
            new = {}
            for b, m in row.items():
                rest = m & ~other[b] if b in other else m
                if rest:
                    new[b] = rest
            if new:
                out[a] = new
        else:
            out[a] = row
    return out


def filter_pairs(r: Relation, keep: Predicate) -> Relation:
    """The pairs of ``r`` in the candidates that ``keep`` gives for them."""
    out: Relation = {}
    for a, row in r.items():
        new = {b: both for b, m in row.items() if (both := m & keep(a, b))}
        if new:
            out[a] = new
    return out


def drop_pairs(r: Relation, drop: Predicate) -> Relation:
    """The pairs of ``r`` outside the candidates that ``drop`` gives for them."""
    out: Relation = {}
    for a, row in r.items():
        new = {b: rest for b, m in row.items() if (rest := m & ~drop(a, b))}
        if new:
            out[a] = new
    return out


def restrict(sources: EventSet | None, r: Relation, targets: EventSet | None) -> Relation:
    """``[sources];r;[targets]``; None stands for all events."""
    out: Relation = {}
    for a, row in r.items():
        if sources is None:
            left = -1
        elif a in sources:
            left = sources[a]
        else:
            continue
        if targets is None:
            new = row if left == -1 else {b: both for b, m in row.items() if (both := m & left)}
        else:
            new = {b: both for b, m in row.items() if b in targets and (both := m & left & targets[b])}
        if new:
            out[a] = new
    return out


def compose(r: Relation, s: Relation) -> Relation:
    """``r;s``."""
    out: Relation = {}
    for a, row in r.items():
        new: dict[int, int] = {}
        get = new.get
        for b, m in row.items():
            after = s.get(b)
            if after:
                for c, n in after.items():
                    both = m & n
                    if both:
                        new[c] = get(c, 0) | both
        if new:
            out[a] = new
    return out


def inverse(r: Relation) -> Relation:
    out: Relation = {}
    for a, row in r.items():
        for b, m in row.items():
            if b in out:
                out[b][a] = m
            else:
                out[b] = {a: m}
    return out


def identity(events: EventSet) -> Relation:
    return {e: {e: m} for e, m in events.items()}


def product(a: EventSet, b: EventSet) -> Relation:
    out: Relation = {}
    for x, m in a.items():
        row = {y: both for y, n in b.items() if (both := m & n)}
        if row:
            out[x] = row
    return out


def domain(r: Relation) -> EventSet:
    out: EventSet = {}
    for a, row in r.items():
        m = 0
        for n in row.values():
            m |= n
        out[a] = m
    return out


def codomain(r: Relation) -> EventSet:
    out: EventSet = {}
    for row in r.values():
        for b, m in row.items():
            out[b] = out.get(b, 0) | m
    return out


def closure(r: Relation) -> Relation:
    """``r+``, the transitive closure."""
    targets = {b for row in r.values() for b in row}
    middle = [v for v in r if v in targets]
    if not middle:
        return r
    out = {a: dict(row) for a, row in r.items()}
    into: dict[int, dict[int, None]] = {v: {} for v in middle}
    for a, row in out.items():
        for b in row:
            if b in into:
                into[b][a] = None
    for v in middle:
        after = list(out[v].items())
        for a in list(into[v]):
            row = out[a]
            m = row[v]
            for c, n in after:
                both = m & n
                if both:
                    old = row.get(c)
                    if old is None:
                        row[c] = both
                        if c in into:
                            into[c][a] = None
                    elif both & ~old:
                        row[c] = old | both
    return out


def nonempty(r: Relation) -> int:
    """The candidates in which the relation has a pair."""
    out = 0
    for row in r.values():
        for m in row.values():
            out |= m
    return out


def reflexive(r: Relation) -> int:
    """The candidates in which some event is related to itself."""
    out = 0
    for a, row in r.items():
        if a in row:
            out |= row[a]
    return out


def _trim(out: dict[int, dict[int, int]]) -> dict[int, dict[int, int]]:
    """Without the events that have no edge in or no edge out in any candidate: they are on no cycle.  Fresh rows."""
    edges = {a: dict(row) for a, row in out.items()}
    into: dict[int, set[int]] = {}
    for a, row in edges.items():
        for b in row:
            if b in into:
                into[b].add(a)
            else:
                into[b] = {a}
    todo = [a for a in edges if a not in into]
    todo += [b for b in into if b not in edges]
    while todo:
        v = todo.pop()
        for b in edges.pop(v, ()):
            before = into.get(b)
            if before is not None:
                before.discard(v)
                if not before:
                    del into[b]
                    todo.append(b)
        for a in into.pop(v, ()):
            row2 = edges.get(a)
            if row2 is not None and v in row2:
                del row2[v]
                if not row2:
                    del edges[a]
                    todo.append(a)
    return edges


def cyclic(r: Relation, within: int = -1) -> int:
    """The candidates (of ``within``) in which the relation has a cycle.

    Trims what is on no cycle, then eliminates one event after the other, the one with the fewest paths through it
    first: an edge a->v->b becomes a->b; what comes back to its source is a cycle.
    """
    edges = _trim(r)
    if not edges:
        return 0
    into: dict[int, dict[int, int]] = inverse(edges)
    found = 0
    while edges:
        v = min(edges, key=lambda e: len(edges[e]) * len(into.get(e, ())))
        after = edges.pop(v)
        before = into.pop(v, {})
        found |= after.pop(v, 0)
        before.pop(v, None)
        for b in after:
            if b in into:
                into[b].pop(v, None)
        alive = within & ~found
        for a, m in before.items():
            row = edges.get(a)
            if row is None:
                continue
            row.pop(v, None)
            m &= alive
            if m:
                for b, n in after.items():
                    both = m & n
                    if not both:
                        continue
                    if a == b:
                        found |= both
                    else:
                        row[b] = row.get(b, 0) | both
                        if b in into:
                            into[b][a] = row[b]
                        else:
                            into[b] = {a: row[b]}
            if not row:
                del edges[a]
                # edges into ``a`` stay: they lead nowhere and vanish with their sources
    return found & within


def bits(mask: int) -> Iterator[int]:
    """The numbers of the candidates in a mask, from the lowest."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
