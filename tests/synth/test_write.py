"""Shapes as litmus text: what is written means the execution that the shape fixes, and no other."""

from __future__ import annotations

import pytest
from hypothesis import given

from membar_check.diagnostics import InputError, Unsupported
from membar_check.synth.shape import Access, Dependency, Fence, Line, Shape
from membar_check.synth.write import check_shape, observed, write_shape
from support.inline import compiled, judge_compiled, parse, structure_of
from support.properties import QUICK
from support.shapes import shapes

FREE = ""
COHERENT = "acyclic po-loc | rmw | rf | co | fr as coherence\nempty rmw & (fre; coe) as atomic\n"
NONE = frozenset[str]()
ONCE = frozenset({"ONCE"})
ARCHITECTURES = ("AArch64", "C", "PPC", "RISCV", "X86", "X86_64")


def r(location: int, value: int, *tags: str) -> Access:
    return Access("R", location, value, frozenset(tags))


def w(location: int, value: int, *tags: str) -> Access:
    return Access("W", location, value, frozenset(tags))


def reached(shape: Shape, model: str) -> int:
    """How many executions of the written test satisfy its condition under the model."""
    text = write_shape(shape, "T")
    structure = structure_of(text, "sc")
    return judge_compiled(compiled(model, structure.program.test.arch), structure).positive


def is_coherent(shape: Shape) -> bool:
    """SC per location and atomicity, straight from the definitions: values are places in coherence order."""
    for number, line in enumerate(shape.threads):
        others = [i for n, other in enumerate(shape.threads) for i in other.items if n != number]
        for read, write in line.rmw:
            first, last = line.items[read], line.items[write]
            assert isinstance(first, Access) and isinstance(last, Access)
            between = range(first.value + 1, last.value)
            writes = [i for i in others if isinstance(i, Access) and i.kind == "W" and i.location == last.location]
            if any(i.value in between for i in writes):
                return False
    for line in shape.threads:
        items = [item for item in line.items if isinstance(item, Access)]
        for index, first in enumerate(items):
            for second in items[index + 1 :]:
                if first.location != second.location:
                    continue
                if second.value < first.value or (second.kind == "W" and second.value == first.value):
                    return False
    return True


def is_circular(shape: Shape) -> bool:
    """Whether a value or an address hangs on itself: such a circle is no execution, whatever the model.  The engine
    also leaves out reads from later writes of their own thread."""
    writes = {}
    for number, line in enumerate(shape.threads):
        for index, item in enumerate(line.items):
            if isinstance(item, Access) and item.kind == "W":
                writes[item.location, item.value] = number, index
    before: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for number, line in enumerate(shape.threads):
        for index, item in enumerate(line.items):
            if isinstance(item, Access) and item.kind == "R" and item.value:
                source = writes[item.location, item.value]
                before.setdefault((number, index), set()).add(source)
                if source[0] == number and source[1] > index:
                    return True
        for source, target in [(d.source, d.target) for d in line.dependencies] + list(line.rmw):
            before.setdefault((number, target), set()).add((number, source))
    while before:
        free = [at for at in before if not before[at] & before.keys()]
        if not free:
            return True
        for at in free:
            del before[at]
    return False


@QUICK
@given(shapes())
def test_the_execution_is_there_and_no_other(shape: Shape) -> None:
    assert is_circular(shape) or reached(shape, FREE) >= 1
    assert reached(shape, COHERENT) == is_coherent(shape)


@QUICK
@given(shapes())
def test_writing_is_a_function_of_the_shape(shape: Shape) -> None:
    assert write_shape(shape, "T", "about", "Rfe") == write_shape(shape, "T", "about", "Rfe")
    assert parse(write_shape(shape, "T", "about", "Rfe")).name == "T"


def test_message_passing_in_c() -> None:
    reader = Line((r(1, 1, "ACQUIRE"), r(0, 0, "ONCE")), (Dependency("addr", 0, 1),))
    writer = Line((w(0, 1, "ONCE"), Fence("smp_wmb"), w(1, 1, "RELEASE")))
    text = write_shape(Shape("C", (writer, reader)), "MP", "message passing", "PodWW Rfe PodRR Fre")
    assert text == (
        'C MP\n"message passing"\nOrig=PodWW Rfe PodRR Fre\n\n{}\n\n'
        "P0(int *x, int *y)\n{\n\tWRITE_ONCE(*x, 1);\n\tsmp_wmb();\n\tsmp_store_release(y, 1);\n}\n\n"
        "P1(int *x, int *y)\n{\n\tint r0;\n\tint r1;\n\n"
        "\tr0 = smp_load_acquire(y);\n\tr1 = READ_ONCE(*(x + (r0 ^ r0)));\n}\n\n"
        "exists (1:r0=1 /\\ 1:r1=0)\n"
    )


BODIES = [
    ("AArch64", Line((r(0, 0), w(1, 1)), (Dependency("data", 0, 1),)),
     ["LDR W0,[X1]", "EOR W2,W0,W0", "ADD W3,W2,#1", "STR W3,[X4]"]),
    ("AArch64", Line((r(0, 0, "Q"), r(1, 0, "A")), (Dependency("addr", 0, 1),)),
     ["LDAPR W0,[X1]", "EOR W2,W0,W0", "ADD X5,X4,W2,SXTW", "LDAR W3,[X5]"]),
    ("AArch64", Line((r(0, 0), r(1, 0)), (Dependency("ctrl+isb", 0, 1),)),
     ["LDR W0,[X1]", "CBNZ W0,LC00", "LC00:", "ISB", "LDR W2,[X3]"]),
    ("AArch64", Line((r(0, 0, "A", "X"), w(0, 1, "L", "X")), (), ((0, 1),)), ["MOV W1,#1", "SWPAL W1,W0,[X2]"]),
    ("AArch64", Line((r(0, 0), w(0, 1, "L")), (), ((0, 1),)), ["LDXR W0,[X1]", "MOV W2,#1", "STLXR W3,W2,[X1]"]),
    ("RISCV", Line((r(0, 0, "Acq"), Fence("fence r,rw"), w(1, 1, "Rel"))),
     ["lw.aq x5,0(x6)", "fence r,rw", "ori x7,x0,1", "sw.rl x7,0(x8)"]),
    ("RISCV", Line((r(0, 0, "AcqRel", "X"), w(0, 1, "X")), (), ((0, 1),)),
     ["ori x6,x0,1", "amoswap.w.aq.rl x5,x6,(x7)"]),
    ("PPC", Line((r(0, 0), r(1, 0)), (Dependency("addr", 0, 1), Dependency("ctrl+isync", 0, 1))),
     ["lwz r1,0(r2)", "cmpw r1,r1", "beq LC00", "LC00:", "isync", "xor r3,r1,r1", "lwzx r4,r3,r5"]),
    ("X86", Line((r(0, 0), w(0, 1)), (), ((0, 1),)), ["MOV EAX,$1", "XCHG [x],EAX"]),
    ("X86_64", Line((w(0, 1), Fence("mfence"), r(1, 0))), ["movl $1,(x)", "mfence", "movl (y),%eax"]),
]  # fmt: skip


@pytest.mark.parametrize(("arch", "line", "rows"), BODIES)
def test_instructions(arch: str, line: Line, rows: list[str]) -> None:
    text = write_shape(Shape(arch, (line,)), "T")
    body = text.split(" P0")[1].split("\n", 1)[1].split("\n\n")[0]
    assert [row.strip(" ;") for row in body.split("\n")] == rows


def test_statements_of_c() -> None:
    line = Line(
        (r(0, 1), r(1, 0, "MB"), w(1, 1, "MB"), w(2, 1, "ONCE"), r(2, 1, "NORETURN"), w(2, 3, "NORETURN")),
        (Dependency("ctrl", 0, 1), Dependency("data", 0, 2), Dependency("ctrl", 1, 3), Dependency("ctrl", 0, 3)),
        ((1, 2), (4, 5)),
    )
    text = write_shape(Shape("C", (line, Line((w(0, 1), w(2, 2))))), "T")
    assert "\tr0 = *x;\n\tif (r0 == 1) {\n\t\tr1 = xchg(y, (r0 ^ r0) + 1);\n\t}\n" in text
    assert "\tif (r0 == 1) {\n\t\tif (r1 == 0) {\n\t\t\tWRITE_ONCE(*z, 1);\n\t\t}\n\t}\n" in text
    assert "\tatomic_add(2, z);\n" in text and "P1(int *x, int *z)\n{\n\t*x = 1;\n\t*z = 2;\n}\n" in text


# --- the coherence order ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_three_writes_are_observed(arch: str) -> None:
    tags = ("ONCE",) if arch == "C" else ()
    shape = Shape(arch, tuple([Line((w(0, value, *tags),)) for value in (2, 3, 1)]))
    assert observed(shape).threads[3:] == (Line((r(0, 1, *tags), r(0, 2, *tags))),)
    assert reached(shape, COHERENT) == 1


def test_what_is_known_is_not_observed() -> None:
    for threads in (
        (Line((w(0, 1), w(0, 2))), Line((w(0, 3),))),
        (Line((w(0, 1),)), Line((r(0, 1), w(0, 2))), Line((w(0, 3),))),
        (Line((w(0, 1),)), Line((r(0, 1), w(0, 2)), (), ((0, 1),)), Line((w(0, 3),))),
    ):
        assert observed(Shape("AArch64", threads)).threads == threads


def test_a_store_conditional_that_leaves_no_trace_is_observed() -> None:
    pair = Line((r(0, 0), w(0, 1)), (), ((0, 1),))
    shape = Shape("PPC", (pair, Line((w(0, 2),))))
    assert len(observed(shape).threads) == 3
    assert len(observed(Shape("PPC", (pair, Line((r(0, 1), w(0, 2)))))).threads) == 2
    assert reached(shape, COHERENT) == 1


# --- what is no test -------------------------------------------------------------------------------------------------
WRONG = [
    ((), "without threads"),
    ((Line((Access("X", 0, 0),)),), "expected R or W"),
    ((Line((w(0, 2),)),), "x is given 2, expected each of 1 to 1 once"),
    ((Line((w(0, 1), w(0, 1))),), "x is given 1, 1"),
    ((Line((r(1, 1),)),), "a read of y finds 1, which no write puts there"),
    ((Line((w(0, 1), r(0, 1)), (Dependency("addr", 0, 1),)),), "thread 0: the dependency addr from item 0 to item 1"),
    ((Line((r(0, 0), Fence("sync")), (Dependency("addr", 0, 1),)),), "does not lead from a read to a later access"),
    ((Line((r(0, 0), r(0, 0)), (Dependency("data", 0, 1),)),), "leads to a read, expected a write"),
    ((Line((r(0, 0), r(0, 0)), (Dependency("hope", 0, 1),)),), "expected addr, data or ctrl"),
    ((Line((w(0, 1), r(0, 0)), (), ((0, 1),)),), "expected R then W"),
    ((Line((r(0, 0), w(1, 1)), (), ((0, 1),)),), "a read-modify-write of two locations"),
    ((Line((r(0, 0), w(0, 1), w(0, 2)), (), ((0, 1), (0, 2))),), "an access is in two read-modify-writes"),
]


@pytest.mark.parametrize(("threads", "message"), WRONG)
def test_shapes_that_are_no_test(threads: tuple[Line, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_shape(Shape("PPC", threads))
    assert message in caught.value.message


UNSAYABLE = [
    ("ARM", Line((r(0, 0),)), InputError, "no tests are written for `ARM`"),
    ("AArch64", Line((r(0, 0, "L"),)), InputError, "found an access that is L, expected A or Q"),
    ("AArch64", Line((r(0, 0), r(1, 0)), (Dependency("ctrl+isync", 0, 1),)), InputError, "ctrl+isb"),
    ("AArch64", Line((r(0, 0, "X"), r(1, 0), w(0, 1)), (), ((0, 2),)), InputError, "between the halves"),
    ("AArch64", Line((r(0, 0, "X"), w(0, 1)), (Dependency("data", 0, 1),), ((0, 1),)), InputError, "one instruction"),
    ("PPC", Line(tuple([r(0, 0) for _ in range(32)])), InputError, "more values than registers"),
    ("X86_64", Line((r(0, 0), r(1, 0)), (Dependency("addr", 0, 1),)), Unsupported, "address dependencies"),
    ("C", Line((r(0, 0, "RELEASE"),)), InputError, "a read that is RELEASE, expected plain, ONCE, ACQUIRE"),
    ("C", Line((w(0, 1, "ACQUIRE", "RELEASE"),)), InputError, "ACQUIRE and RELEASE, expected one annotation"),
    ("C", Line((r(0, 0), r(1, 0)), (Dependency("ctrl+isb", 0, 1),)), InputError, "C has no dependency `ctrl+isb`"),
    ("C", Line((r(0, 0), r(1, 0), w(0, 1)), (), ((0, 2),)), InputError, "between the halves"),
    ("C", Line((r(0, 0, "ACQUIRE"), w(0, 1, "RELEASE")), (), ((0, 1),)), InputError, "ACQUIRE and RELEASE"),
]


@pytest.mark.parametrize(("arch", "line", "error", "message"), UNSAYABLE)
def test_what_a_dialect_cannot_say(arch: str, line: Line, error: type[InputError], message: str) -> None:
    with pytest.raises(error) as caught:
        write_shape(Shape(arch, (line,)), "T")
    assert message in caught.value.message
