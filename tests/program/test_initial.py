"""The initial state and the resolution of places, on assembly tests."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError, Source
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.syntax import Atom, GlobalRef, Literal, RegisterRef
from membar_check.program.ir import Program
from membar_check.program.lower import lower
from membar_check.values import Address, CodeLabel


def program(init: str, final: str = "", arch: str = "AArch64", body: str = "NOP") -> Program:
    text = f"{arch} t\n{{ {init} }}\n P0 ;\n {body} ;\n{final}\n"
    return lower(parse_litmus(Source("t.litmus", text)))


def refused(init: str, final: str = "", arch: str = "AArch64", body: str = "NOP") -> InputError:
    with pytest.raises(InputError) as caught:
        program(init, final, arch, body)
    assert caught.value.span is not None
    return caught.value


def test_memory_arrays_registers_and_types() -> None:
    init = "int x=1; y; int a[2]={3,y}; uint64_t *p=a[1]; 0:X1=x; 0:w2=-1; int64_t 0:X3=z; 0:X4=0:L"
    found = program(init, body="L: NOP")
    assert found.memory == {
        Address("x"): 1,
        Address("y"): 0,
        Address("a", 0): 3,
        Address("a", 1): Address("y"),
        Address("p"): Address("a", 1),
        Address("z"): 0,
    }
    assert found.arrays == {"a": 2}
    assert found.registers == {
        (0, "X1"): Address("x"),
        (0, "X2"): 2**64 - 1,
        (0, "X3"): Address("z"),
        (0, "X4"): CodeLabel(0, "L"),
    }
    assert found.types == {
        "[x]": "int", "a": "int", "a[0]": "int", "a[1]": "int", "[p]": "uint64_t *", "0:X3": "int64_t",
    }  # fmt: skip


def test_initial_numbers_take_the_form_of_the_machine() -> None:
    assert program("x=-1; uint64_t y=-1").memory == {Address("x"): 2**32 - 1, Address("y"): 2**64 - 1}
    assert program("x=-1; 0:X1=x", body="LDR X0,[X1]").memory[Address("x")] == 2**64 - 1
    assert program("x=0xffffffff; 0:EAX=-1", arch="X86").memory == {Address("x"): -1}


def test_places_come_out_canonical_and_literals_in_the_type_of_their_place() -> None:
    found = program("0:X1=x; uint64_t 0:X5", "locations [0:w3; x]\nexists (0:x2=0xffffffff)")
    assert found.locations == (RegisterRef(0, "X3"), GlobalRef("x"))
    assert found.condition == Atom(RegisterRef(0, "X2"), True, Literal(-1, "0xffffffff"))
    typed = program("uint64_t 0:X5=1", "exists (0:X5=-1)").condition
    assert typed == Atom(RegisterRef(0, "X5"), True, Literal(2**64 - 1, "-1"))
    listed = program("0:X5=1", "locations [0:X5 uint8_t;] exists (0:X5=257)")
    assert listed.condition == Atom(RegisterRef(0, "X5"), True, Literal(1, "257"))


def test_locations_that_only_the_code_names_are_known() -> None:
    found = program("", "exists (x=1)", "X86", "MOV [x],$1")
    assert found.memory == {Address("x"): 0}


@pytest.mark.parametrize(
    ("init", "final", "expected"),
    [
        ("0:X1=1; 0:x1=2", "", "`0:X1` is initialised twice"),
        ("x=1; int x", "", "`x` is initialised twice"),
        ("int a[2]; a=1", "", "`a` is initialised twice"),
        ("1:X1=1", "", "there is no thread 1"),
        ("0:X4=3:L", "", "there is no thread 3"),
        ("0:X99=1", "", "`X99` is no register of AArch64"),
        ("int a[2]; 0:X1=a[2]", "", "array `a` has 2 cells, there is no cell 2"),
        ("x; 0:X1=x[1]", "", "`x` is no array"),
        ("x", "exists (y=1)", "unknown location `y`"),
        ("x", "exists (0:X1=y)", "unknown location `y`"),
        ("x", "exists (0:EAX=1)", "`EAX` is no register of AArch64"),
        ("x", "exists (2:X1=1)", "there is no thread 2"),
        ("x", "locations [y]", "unknown location `y`"),
        ("x", "filter (0:r0=1)", "`r0` is no register"),
        ("int a[2]", "exists (a[2]=1)", "there is no cell 2"),
        ("int a[2]", "exists (a=1)", "compared with `{...}`"),
        ("int a[2]", "exists (a={1})", "array `a` has 2 cells, but 1 value given"),
        ("x", "exists (x={1})", "compared with a single value"),
        ("x", "exists (x=[y])", "unknown location `y`"),
        ("x", "exists (x[1]=1)", "`x` is no array"),
    ],
)
def test_what_is_refused(init: str, final: str, expected: str) -> None:
    assert expected in refused(init, final).message


def test_an_unknown_location_comes_with_the_known_ones() -> None:
    assert refused("x; y", "exists (z=1)").hint == "known locations: x, y"
