"""Values: what may be stored where, and what reads return in each candidate."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import Inconclusive
from membar_check.events import possible as possible_module
from membar_check.events.possible import possible_values
from membar_check.events.space import Chunk, Space, blocks, chunks
from membar_check.events.structure import Applied, ReadOf, Structure
from membar_check.events.valuation import Valuation, Valued
from membar_check.values import Address
from support.inline import assembly, check, kernel, states, structure_of

ANY = "forall (true)"
X, Y = Address("x"), Address("y")


def chunk_of(structure: Structure, coherent: bool = False) -> Chunk:
    (run,) = chunks(Space(structure, coherent), blocks)
    return Chunk(structure, run)


def source(chunk: Chunk, read: int, number: int) -> int:
    (found,) = (w for w, row in chunk.rf.items() if row.get(read, 0) >> number & 1)
    return found


def value_at(valued: Valued, number: int) -> object:
    found = [v for v, m in valued.items() if m >> number & 1]
    assert len(found) <= 1, "masks of one value overlap with those of another"
    return found[0] if found else None


def test_reads_return_what_their_source_stores() -> None:
    text = kernel("x=5;", ["WRITE_ONCE(*x, 1);", "WRITE_ONCE(*x, 2);", "int r0 = READ_ONCE(*x);"], ANY)
    structure = structure_of(text)
    chunk = chunk_of(structure)
    valuation = Valuation(chunk)
    first, second, read = (t[0].events[0] for t in structure.paths)
    given = {structure.initial[X]: 5, first: 1, second: 2}
    for number in range(chunk.count):
        assert value_at(valuation.read(read), number) == given[source(chunk, read, number)]
    assert sum(m.bit_count() for m in valuation.read(read).values()) == chunk.count


def test_values_flow_through_threads_and_operations() -> None:
    threads = ["int r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0 + 1);", "int r0 = READ_ONCE(*y); WRITE_ONCE(*z, r0 * 2);"]
    structure = structure_of(kernel("x=3;", threads, ANY))
    chunk = chunk_of(structure)
    valuation = Valuation(chunk)
    write = structure.paths[1][0].events[1]
    assert set(valuation.write(write, chunk.full)) == {0, 8}
    assert valuation.write(write, 0) == {}
    assert valuation.of(Applied("add", (ReadOf(structure.paths[0][0].events[0]), 1)), 1) == {4: 1}


def test_circles_leave_values_undetermined() -> None:
    threads = ["int r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0);", "int r0 = READ_ONCE(*y); WRITE_ONCE(*x, r0);"]
    structure = structure_of(kernel("", threads, ANY))
    chunk = chunk_of(structure)
    valuation = Valuation(chunk)
    reads = [t[0].events[0] for t in structure.paths]
    writes = [t[0].events[1] for t in structure.paths]
    assert chunk.count == 4
    for number in range(4):
        circle = all(source(chunk, r, number) in writes for r in reads)
        assert [value_at(valuation.read(r), number) for r in reads] == ([None] * 2 if circle else [0] * 2)
    determined = chunk.full
    for thread in structure.paths:
        determined = valuation.determined(thread[0], determined)
    assert determined.bit_count() == 3


def test_a_circle_through_a_constant_is_none() -> None:
    threads = ["int r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0 ^ r0);", "int r0 = READ_ONCE(*y); WRITE_ONCE(*x, r0);"]
    structure = structure_of(kernel("", threads, ANY))
    valuation = Valuation(chunk_of(structure))
    assert all(valuation.determined(t[0], 15) == 15 for t in structure.paths)


def test_a_circle_that_is_entered_from_outside() -> None:
    """Three threads hand on what they read; a fourth feeds one of them: whoever is outside the circle has a value."""
    threads = [
        "int r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0 + 1);",
        "int r0 = READ_ONCE(*y); WRITE_ONCE(*z, r0 + 1);",
        "int r0 = READ_ONCE(*z); WRITE_ONCE(*x, r0 + 1);",
        "WRITE_ONCE(*x, 10);",
    ]
    structure = structure_of(kernel("", threads, ANY))
    for run in chunks(Space(structure, False), blocks):
        chunk = Chunk(structure, run)
        valuation = Valuation(chunk)
        own = [tuple(t[0].events) for t in structure.paths[:3]]
        for number in range(chunk.count):
            value: dict[int, object] = {structure.paths[3][0].events[0]: 10}
            value |= dict.fromkeys(structure.initial.values(), 0)
            for _ in range(4):
                for read, write in own:
                    before = value.get(source(chunk, read, number))
                    if isinstance(before, int):
                        value[read], value[write] = before, before + 1
            for read, write in own:
                assert value_at(valuation.read(read), number) == value.get(read)
                assert value_at(valuation.write(write, chunk.full), number) == value.get(write)


def test_no_values_out_of_thin_air() -> None:
    """Not even under a model that forbids nothing; what was there may go round."""
    text = kernel(
        "", ["int r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0);", "int r0 = READ_ONCE(*y); WRITE_ONCE(*x, r0);"],
        "exists (0:r0=42 \\/ 0:r0=1)",
    )  # fmt: skip
    assert states(check(text)) == {"0:r0=0"}


@pytest.mark.parametrize("engine", ["masks", "z3"])
def test_a_register_without_a_value_is_in_no_execution(engine: str) -> None:
    """Not even if nothing depends on it: the square of an address has no value that is known."""
    body = "(int **p) int *r0; int r1; r0 = READ_ONCE(*p); r1 = r0 * r0;"
    text = kernel("int *p;", [body, "(int *x, int **p) WRITE_ONCE(*p, x);"], "exists (0:r0=x)")
    assert states(check(text, engine=engine)) == {"0:r0=0"}


def test_constraints_of_paths() -> None:
    body = "int r0 = READ_ONCE(*x); if (r0 == 1) { WRITE_ONCE(*y, 1); }"
    structure = structure_of(kernel("", [body, "WRITE_ONCE(*x, 1);", "WRITE_ONCE(*x, 2);"], ANY))
    chunk = chunk_of(structure)
    valuation = Valuation(chunk)
    read = structure.paths[0][0].events[0]
    for path, mask in chunk.paths:
        if path.thread == 0:
            wanted = {1} if len(path.events) == 2 else {0, 2}
            good = valuation.satisfied(path, mask)
            assert good & ~mask == 0
            for number in range(chunk.count):
                if mask >> number & 1:
                    assert (good >> number & 1) == (value_at(valuation.read(read), number) in wanted)


# --- what may be stored where ----------------------------------------------------------------------------------------
def test_possible_values_are_found_by_iteration() -> None:
    threads = ["int r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0 + 1);", "int r0 = READ_ONCE(*y); WRITE_ONCE(*z, r0);"]
    structure = structure_of(kernel("x=3;", threads, ANY))
    assert {a.name: v for a, v in structure.possible.items()} == {"x": {3}, "y": {0, 4}, "z": {0, 4}}


def test_values_without_bound_are_not_listed() -> None:
    structure = structure_of(kernel("", ["int r0 = READ_ONCE(*x); WRITE_ONCE(*x, r0 + 1);"], ANY))
    assert structure.possible[X] is None
    assert possible_values(Applied("add", (ReadOf(0), 1)), {0: X}, structure.possible, {}) is None


def test_too_many_combinations_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    value = Applied("add", (ReadOf(0), ReadOf(0)))
    known = {X: frozenset({1, 2})}
    assert possible_values(value, {0: X}, known, {}) == {2, 3, 4}
    monkeypatch.setattr(possible_module, "MAX_COMBINATIONS", 3)
    assert possible_values(value, {0: X}, known, {}) is None
    assert possible_values(ReadOf(0), {0: Y}, known, {Y: 7}) == {7}


def test_an_address_without_bound_is_inconclusive() -> None:
    threads = ["LDR X0,[X1]; ADD X0,X0,#4; STR X0,[X1]; LDR W2,[X0]"]
    with pytest.raises(Inconclusive, match="address cannot be listed"):
        structure_of(assembly("AArch64", "uint64_t p=x; 0:X1=p", threads, ANY))
