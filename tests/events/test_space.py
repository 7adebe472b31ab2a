"""Candidates as masks: digits spread over blocks, blocks in chunks, and the whole space against brute force."""

from __future__ import annotations

from collections import Counter
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membar_check.diagnostics import Inconclusive
from membar_check.events import space
from membar_check.events.executions import Execution, chunk_of
from membar_check.events.orders import Digit
from membar_check.events.space import (
    Block,
    Chunk,
    Skeleton,
    Space,
    _repeat,
    allowed_sources,
    blocks,
    chunks,
    cut,
    spread,
)
from membar_check.events.structure import Path, Structure
from membar_check.relation import Relation
from membar_check.values import Address
from support.inline import assembly, kernel, structure_of
from support.properties import MANY, QUICK

Candidate = tuple[tuple[int, ...], frozenset[tuple[int, int]], frozenset[tuple[int, int]]]  # paths, rf, co

X86_TWO = assembly("X86", "", ["MOV [x],$1; MOV EAX,[x]", "MOV [x],$2; MOV EAX,[x]; MOV EBX,[x]"], "forall (true)")
X86_SB = assembly("X86", "", ["MOV [x],$1; MOV EAX,[y]", "MOV [y],$1; MOV EAX,[x]"], "exists (0:EAX=0)")
XCHG = assembly("X86", "", ["MOV EAX,$1; XCHG [x],EAX", "MOV [x],$2", "MOV EAX,[x]"], "exists (0:EAX=0)")
BRANCH = kernel(
    "",
    ["int r0 = READ_ONCE(*x); if (r0) { WRITE_ONCE(*y, 1); } else { WRITE_ONCE(*x, 2); }", "WRITE_ONCE(*x, 1);"],
    "exists (0:r0=1)",
)
POINTER = assembly(
    "AArch64",
    "p=x; 0:X1=p; 1:X1=p; 1:X2=y; 2:X1=p; 2:X2=y; 2:X3=p",
    ["LDR X0,[X1]; LDR W2,[X0]", "STR X2,[X1]", "LDR X4,[X1]; STR X4,[X3]"],
    "exists (0:X2=1)",
)


@MANY
@given(st.data())
def test_spread(data: st.DataObject) -> None:
    radix = data.draw(st.integers(1, 6))
    stride = data.draw(st.integers(1, 6))
    size = radix * stride * data.draw(st.integers(1, 4))
    options = data.draw(st.integers(0, (1 << radix) - 1))
    mask = spread(options, radix, stride, size)
    assert mask == sum(1 << i for i in range(size) if options >> (i // stride) % radix & 1)


@QUICK
@given(st.integers(1, 20), st.integers(1, 20))
def test_repeat(period: int, count: int) -> None:
    assert _repeat(period, count) == sum(1 << period * i for i in range(count))


# --- the whole space -------------------------------------------------------------------------------------------------
def at(relation: Relation, number: int) -> frozenset[tuple[int, int]]:
    return frozenset((a, b) for a, row in relation.items() for b, m in row.items() if m >> number & 1)


def listed(found: Space, limit: int) -> Counter[Candidate]:
    numbers = {id(p): i for thread in found.structure.paths for i, p in enumerate(thread)}
    out: Counter[Candidate] = Counter()
    for run in chunks(found, lambda skeleton: blocks(skeleton, limit), limit):
        chunk = Chunk(found.structure, run)
        assert chunk.count == sum(b.size for b in run) and chunk.full == (1 << chunk.count) - 1
        assert chunk.count <= limit or len(run) == 1
        for i in range(chunk.count):
            paths = [p for p, mask in chunk.paths if mask >> i & 1]
            out[tuple(numbers[id(p)] for p in paths), at(chunk.rf, i), at(chunk.co, i)] += 1
            present = {e for e, mask in chunk.present.items() if mask >> i & 1}
            assert present == {*found.structure.initial.values(), *(e for p in paths for e in p.events)}
            last = {w for w, mask in chunk.last.items() if mask >> i & 1}
            co = at(chunk.co, i)
            writes = {e for e in present if found.structure.events[e].is_write}
            assert last == {w for w in writes if not any(a == w for a, _ in co)}
    return out


def acyclic(edges: set[tuple[int, int]]) -> bool:
    closed = set(edges)
    while more := {(a, d) for a, b in closed for c, d in closed if b == c} - closed:
        closed |= more
    return not any(a == b for a, b in closed)


def brute_force(structure: Structure, coherent: bool, atomic: bool) -> Counter[Candidate]:
    out: Counter[Candidate] = Counter()
    for numbers in product(*(range(len(t)) for t in structure.paths)):
        paths = [t[n] for t, n in zip(structure.paths, numbers, strict=True)]
        for rf, co in choices(structure, paths):
            fr = {(r, b) for w, r in rf for a, b in co if a == w}
            if atomic and any(broken(structure, fr, co, pair) for p in paths for pair in p.relations.get("rmw", ())):
                continue
            if not coherent or acyclic(po_loc(structure, paths) | rf | co | fr):
                out[numbers, frozenset(rf), frozenset(co)] += 1
    return out


def choices(
    structure: Structure, paths: list[Path]
) -> list[tuple[set[tuple[int, int]], set[tuple[int, int]]]]:
    place = {e: a for a, e in structure.initial.items()} | {e: a for p in paths for e, a in p.address.items()}
    events = structure.events
    reads = [e for p in paths for e in p.events if events[e].is_read]
    written = [e for p in paths for e in p.events if events[e].is_write]
    writes = {a: [e for e in written if place[e] == a] for a in structure.initial}
    later = {e: set(p.events[i:]) for p in paths for i, e in enumerate(p.events)}
    sources = [[w for w in (structure.initial[place[r]], *writes[place[r]]) if w not in later[r]] for r in reads]
    orders = [[(structure.initial[a], *tail) for tail in permutations(ws)] for a, ws in writes.items()]
    return [
        (set(zip(chosen, reads, strict=True)), {(o[i], b) for o in order for i in range(len(o)) for b in o[i + 1 :]})
        for chosen in product(*sources)
        for order in product(*orders)
    ]


def broken(structure: Structure, fr: set[tuple[int, int]], co: set[tuple[int, int]], pair: tuple[int, int]) -> bool:
    thread = structure.events[pair[0]].thread
    between = {b for a, b in fr if a == pair[0]} & {a for a, b in co if b == pair[1]}
    return any(structure.events[w].thread != thread for w in between)


def po_loc(structure: Structure, paths: list[Path]) -> set[tuple[int, int]]:
    events = structure.events
    return {
        (a, b)
        for p in paths
        for i, a in enumerate(p.events)
        for b in p.events[i + 1 :]
        if p.address.get(a) == p.address.get(b) is not None and events[a].instance != events[b].instance
    }


@pytest.mark.parametrize("limit", [1 << 12, 8, 1])
@pytest.mark.parametrize("coherent", [True, False])
@pytest.mark.parametrize("text", [X86_TWO, X86_SB, XCHG], ids=["two", "SB", "XCHG"])
def test_the_space_of_a_test(text: str, coherent: bool, limit: int) -> None:
    structure = structure_of(text)
    for atomic in (False, True):
        found = Space(structure, coherent, None, atomic)
        candidates = listed(found, limit)
        assert candidates == brute_force(structure, coherent, atomic)
        assert candidates.total() == sum(s.size for s in found.skeletons())


def test_reads_with_bound_values_take_from_fitting_writes_only() -> None:
    structure = structure_of(POINTER)
    p, y = Address("p"), Address("y")
    (given,) = structure.paths[1][0].events
    copied = structure.paths[2][0].events[-1]
    sources = {}
    for paths in product(*structure.paths):
        ((read, may),) = allowed_sources(structure, paths)
        assert read == paths[0].events[0]
        sources[paths[0].constraints[0].expected] = may
    assert sources == {Address("x"): {structure.initial[p], copied}, y: {given, copied}}
    for skeleton in Space(structure, True).skeletons():
        for block in blocks(skeleton):
            chunk = Chunk(structure, [block])
            found = {w for w, row in chunk.rf.items() if skeleton.paths[0].events[0] in row}
            assert found == sources[skeleton.paths[0].constraints[0].expected]


def test_more_paths_than_can_be_combined(monkeypatch: pytest.MonkeyPatch) -> None:
    structure = structure_of(BRANCH)
    monkeypatch.setattr(space, "MAX_SKELETONS", 1)
    with pytest.raises(Inconclusive, match="2 combinations of paths"):
        list(Space(structure, True).skeletons())


def test_sizes_of_skeletons() -> None:
    one, two = Digit(3, {}, {}, {}), Digit(2, {}, {}, {})
    assert Skeleton(0, (), ()).size == 1
    assert Skeleton(0, (), (((one,),), ((two,),))).size == 6
    assert Skeleton(0, (), (((one, two), (two,)), ((one,),))).size == 24


@QUICK
@given(st.lists(st.integers(1, 7), max_size=4), st.integers(1, 20))
def test_cut(radixes: list[int], limit: int) -> None:
    digits = tuple(Digit(r, {(i, o): 1 << o for o in range(r)}, {}, {}) for i, r in enumerate(radixes))
    skeleton = Skeleton(0, (), tuple(((d,),) for d in digits))
    parts = list(cut(skeleton, digits, limit))
    assert all(b.size <= limit for b in parts)
    seen = Counter(
        combination
        for b in parts
        for combination in product(*([e for e in d.rf for _ in range(d.rf[e].bit_count())] for d in b.digits))
    )
    assert seen == Counter(product(*([(i, o) for o in range(r)] for i, r in enumerate(radixes))))


def test_chunks_hold_at_least_one_block() -> None:
    structure = structure_of(X86_TWO)
    runs = list(chunks(Space(structure, False), blocks, 1))
    assert all(len(run) == 1 for run in runs)
    assert sum(b.size for run in runs for b in run) == sum(s.size for s in Space(structure, False).skeletons())


# --- chunks ----------------------------------------------------------------------------------------------------------
def test_widened() -> None:
    structure = structure_of(X86_SB)
    (run,) = chunks(Space(structure, True))
    chunk = Chunk(structure, run)
    wide = chunk.widened(3)
    assert wide.count == 3 * chunk.count and wide.full == (1 << wide.count) - 1
    for i in range(wide.count):
        assert at(wide.rf, i) == at(chunk.rf, i % chunk.count)
        assert at(wide.co, i) == at(chunk.co, i % chunk.count)
        assert {e for e, m in wide.last.items() if m >> i & 1} == {
            e for e, m in chunk.last.items() if m >> i % chunk.count & 1
        }
    assert wide.scale(1) == 1 | 1 << chunk.count | 1 << 2 * chunk.count
    assert [m for _, m in wide.paths] == [wide.full] * 2
    assert set(wide.present.values()) == {wide.full}


def test_a_chunk_of_paths_alone() -> None:
    structure = structure_of(X86_SB)
    chunk = Chunk.of_paths(structure, [tuple(t[0] for t in structure.paths)])
    assert (chunk.count, chunk.full, chunk.rf, chunk.co) == (1, 1, {}, {})
    assert set(chunk.present) == set(range(len(structure.events)))


def test_several_blocks_in_one_chunk_lie_side_by_side() -> None:
    structure = structure_of(X86_SB)
    (skeleton,) = Space(structure, True).skeletons()
    (whole,) = blocks(skeleton)
    chunk = Chunk(structure, [whole, Block(skeleton, whole.digits, whole.size)])
    for i in range(whole.size):
        assert at(chunk.rf, i) == at(chunk.rf, i + whole.size)
        assert at(chunk.co, i) == at(chunk.co, i + whole.size)


def test_single_executions_as_a_chunk() -> None:
    structure = structure_of(X86_SB)
    paths = tuple(t[0] for t in structure.paths)
    executions = [
        Execution(tuple(sorted(rf)), tuple(sorted((a, b) for a, b in co)), (("0", ((1, 2),)),))
        for rf, co in choices(structure, list(paths))
    ]
    chunk, picks = chunk_of(structure, paths, executions)
    assert chunk.count == len(executions) == 4
    for i, execution in enumerate(executions):
        assert at(chunk.rf, i) == set(execution.rf)
        assert at(chunk.co, i) == set(execution.orders)
        assert {w for w, m in chunk.last.items() if m >> i & 1} == {o[-1] for o in execution.orders}
    assert picks == {"0": {1: {2: chunk.full}}}
