"""The registry of dialects, and C programs put together."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.syntax import Atom, GlobalRef, Literal, RegisterRef
from membar_check.program.ir import Program
from membar_check.program.lower import lower
from membar_check.program.macros import load_macros
from membar_check.records import replace
from membar_check.values import Address

MACROS = load_macros(Source("test.def", "READ_ONCE(X) __load{once}(X)\nWRITE_ONCE(X,V) { __store{once}(X,V); }\n"))
BODY = "P0(int *x, int *a) { int r1 = READ_ONCE(*x); WRITE_ONCE(*x, 1); }"


def program(init: str, final: str) -> Program:
    return lower(parse_litmus(Source("t.litmus", f"C t\n{{ {init} }}\n{BODY}\n{final}")), MACROS)


def test_a_c_program() -> None:
    found = program("int x=1; int a[2]={5,6};", "locations [x; a]\nexists (0:r1=1 /\\ x=2)")
    assert found.memory == {Address("x"): 1, Address("a", 0): 5, Address("a", 1): 6}
    assert found.registers[0, "x"] == Address("x")
    assert found.types.get("0:r1", "int") == "int"
    assert found.locations == (GlobalRef("x"), GlobalRef("a"))


def test_comments_after_c_bodies() -> None:
    found = program("x=1;", "(* exists (y=1) *)\nexists (* { *) (0:r1=1)")
    assert found.condition == Atom(RegisterRef(0, "r1"), True, Literal(1, "1"))


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        ("exists (0:r9=1)", "`r9` is no variable of thread 0"),
        ("exists (1:r1=1)", "there is no thread 1"),
        ("exists (y=1)", "unknown location `y`"),
    ],
)
def test_conditions_on_what_does_not_exist(final: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        program("x=1;", final)
    assert expected in caught.value.message
    assert caught.value.span is not None


def test_c_without_bodies() -> None:
    with pytest.raises(InputError) as caught:
        parse_litmus(Source("t.litmus", "C t\n{}\n"))
    assert caught.value.span is not None


def test_an_architecture_without_dialect() -> None:
    test = parse_litmus(Source("t.litmus", "X86 t\n{}\n P0 ;\n MFENCE ;\n"))
    with pytest.raises(Unsupported):
        lower(replace(test, arch="LISA"))
