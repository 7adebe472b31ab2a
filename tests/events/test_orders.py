"""The choices of coherence and reads-from at one location against brute force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membar_check.events import orders
from membar_check.events.orders import Accesses, Digit, Edge, ThreadAccesses, Variant, linear_orders, variants
from support.properties import MANY, QUICK

INITIAL = 100
Option = tuple[frozenset[Edge], frozenset[Edge], int]  # rf, co, the last write


# --- what the digits stand for ---------------------------------------------------------------------------------------
def edges_of(edges: dict[Edge, int], number: int) -> frozenset[Edge]:
    return frozenset(e for e, options in edges.items() if options >> number & 1)


def options_of(variant: Variant) -> Iterator[Option]:
    for numbers in product(*(range(d.radix) for d in variant)):
        chosen = list(zip(variant, numbers, strict=True))
        rf = frozenset().union(*(edges_of(d.rf, n) for d, n in chosen))
        co = frozenset().union(*(edges_of(d.co, n) for d, n in chosen))
        (last,) = {w for d, n in chosen for w, options in d.last.items() if options >> n & 1}
        yield rf, co, last


def listed(found: tuple[Variant, ...]) -> Counter[Option]:
    return Counter(option for variant in found for option in options_of(variant))


# --- brute force -----------------------------------------------------------------------------------------------------
def cyclic(edges: set[Edge]) -> bool:
    closed = set(edges)
    while True:
        more = {(a, d) for a, b in closed for c, d in closed if b == c} - closed
        if not more:
            return any(a == b for a, b in closed)
        closed |= more


def brute_force(accesses: Accesses, coherent: bool) -> Counter[Option]:
    home = {e: i for i, thread in enumerate(accesses.threads) for e, _, _ in thread}
    writes = [e for thread in accesses.threads for e, is_write, _ in thread if is_write]
    reads = [e for thread in accesses.threads for e, is_write, _ in thread if not is_write]
    place = {e: i for thread in accesses.threads for i, (e, _, _) in enumerate(thread)}
    po = {
        (a, b)
        for thread in accesses.threads
        for i, (a, _, g) in enumerate(thread)
        for b, _, h in thread[i + 1 :]
        if g != h
    }
    allowed = dict(accesses.allowed)
    out: Counter[Option] = Counter()
    for tail in permutations(writes):
        order = (INITIAL, *tail)
        at = {w: i for i, w in enumerate(order)}
        co = {(a, b) for a in order for b in order if at[a] < at[b]}
        if not accesses.before <= co:
            continue
        for sources in product(order, repeat=len(reads)):
            source = dict(zip(reads, sources, strict=True))
            own_later = any(home.get(w) == home[r] and place[w] > place[r] for r, w in source.items())
            if own_later or any(source[r] not in may for r, may in allowed.items()):
                continue
            torn = any(
                home[w] != home[half] and at[source[r]] < at[w] < at[half]
                for r, half in accesses.pairs
                for w in writes
            )
            rf = {(w, r) for r, w in source.items()}
            fr = {(r, b) for a, r in rf for x, b in co if x == a}
            if torn or (coherent and cyclic(po | rf | co | fr)):
                continue
            out[frozenset(rf), frozenset(co), order[-1]] += 1
    return out


@st.composite
def patterns(draw: st.DrawFn) -> Accesses:
    """Up to three threads, six accesses, three writes of them; some instructions with both halves."""
    threads: list[ThreadAccesses] = []
    pairs: list[Edge] = []
    number = written = total = 0
    for _ in range(draw(st.integers(1, 3))):
        thread: list[tuple[int, bool, int]] = []
        for kind in draw(st.lists(st.sampled_from("RRWX"), min_size=1, max_size=3)):
            size = 2 if kind == "X" else 1
            if total + size > 6 or (kind != "R" and written == 3):
                continue
            total += size
            written += kind != "R"
            if kind == "X":
                thread += [(number, False, number), (number + 1, True, number)]
                pairs.append((number, number + 1))
            else:
                thread.append((number, kind == "W", number))
            number += size
        if thread:
            threads.append(tuple(thread))
    reads = [e for t in threads for e, is_write, _ in t if not is_write]
    writes = [INITIAL, *(e for t in threads for e, is_write, _ in t if is_write)]
    allowed = draw(st.dictionaries(st.sampled_from(reads), st.frozensets(st.sampled_from(writes)))) if reads else {}
    before = draw(st.frozensets(st.tuples(st.sampled_from(writes), st.sampled_from(writes)), max_size=1))
    known = frozenset((a, b) for a, b in before if b not in (a, INITIAL))
    atomic = draw(st.booleans())
    return Accesses(INITIAL, tuple(threads), known, tuple(allowed.items()), tuple(pairs) if atomic else ())


@pytest.mark.parametrize("limit", [128, 0], ids=["flat", "split"])
@pytest.mark.parametrize("coherent", [True, False], ids=["coherent", "all"])
@MANY
@given(accesses=patterns())
def test_variants_are_what_brute_force_finds(limit: int, coherent: bool, accesses: Accesses) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "FLAT_LIMIT", limit)
        found = variants(accesses, coherent)
    expected = brute_force(accesses, coherent)
    assert listed(found) == expected
    assert set(expected.values()) <= {1}
    if 0 < expected.total() <= limit:
        assert len(found) == 1 and len(found[0]) == 1


@MANY
@given(patterns(), st.integers(0, 5), st.integers(1, 7))
def test_parts_of_digits(accesses: Accesses, start: int, count: int) -> None:
    found = variants(accesses, True)
    if not found or len(found[0]) > 1:
        return
    (digit,) = found[0]
    count = min(count, digit.radix - start)
    if count <= 0:
        return
    part = digit.part(start, count)
    assert list(options_of((part,))) == list(options_of((digit,)))[start : start + count]
    assert all((*part.rf.values(), *part.co.values(), *part.last.values()))


def test_a_whole_digit_is_its_own_part() -> None:
    digit = Digit(3, {(1, 2): 5}, {}, {1: 7})
    assert digit.part(0, 3) is digit
    assert digit.part(1, 1).rf == {}
    assert digit.part(2, 1).rf == {(1, 2): 1}


@QUICK
@given(st.integers(0, 5), st.frozensets(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=4))
def test_linear_orders(count: int, before: frozenset[Edge]) -> None:
    before = frozenset((a, b) for a, b in before if a < b)
    writes = list(range(count))
    wanted = [
        p for p in permutations(writes)
        if all(p.index(a) < p.index(b) for a, b in before if a < count and b < count)
    ]  # fmt: skip
    assert list(linear_orders(writes, before)) == wanted


@pytest.mark.parametrize(
    ("threads", "coherent", "options"),
    [
        ((), True, 1),
        ((((0, True, 0),),), True, 1),
        ((((0, True, 0), (1, True, 1)),), True, 1),
        ((((0, True, 0), (1, True, 1)),), False, 2),
        ((((0, True, 0),), ((1, True, 1),)), True, 2),
        ((((0, True, 0),), ((1, False, 1), (2, False, 2))), True, 3),
        ((((0, True, 0),), ((1, False, 1), (2, False, 2))), False, 4),
        ((((0, False, 0), (1, True, 1)),), True, 1),
        ((((0, True, 0), (1, False, 1)),), True, 1),
    ],
    ids=["nothing", "W", "WW", "WW-all", "W,W", "W,RR", "W,RR-all", "RW", "WR"],
)
def test_small_patterns(threads: tuple[ThreadAccesses, ...], coherent: bool, options: int) -> None:
    found = variants(Accesses(INITIAL, threads, frozenset(), ()), coherent)
    assert listed(found).total() == options


def test_no_choice_at_all() -> None:
    reader: tuple[ThreadAccesses, ...] = (((0, False, 0),),)
    assert variants(Accesses(INITIAL, reader, frozenset(), ((0, frozenset()),)), True) == ()
    circle = frozenset({(0, 1), (1, 0)})
    writers: tuple[ThreadAccesses, ...] = (((0, True, 0),), ((1, True, 1),))
    assert variants(Accesses(INITIAL, writers, circle, ()), False) == ()


def test_many_options_are_split_by_order_and_thread() -> None:
    threads = tuple(((10 * t, True, 10 * t), (10 * t + 1, False, 10 * t + 1)) for t in range(4))
    found = variants(Accesses(INITIAL, threads, frozenset(), ()), False)
    assert len(found) == 24
    assert all([d.radix for d in variant] == [1, 5, 5, 5, 5] for variant in found)
