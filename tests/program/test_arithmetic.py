"""The pure operations, on integers and on addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membar_check.program.arithmetic import Undetermined, evaluate, names, signed, unsigned
from membar_check.program.ctypes import cast, width
from membar_check.values import Address, CodeLabel

X, Y = Address("x"), Address("y")
WORDS = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(
    ("name", "args", "value"),
    [
        ("add", (2, 3), 5),
        ("sub", (2, 3), -1),
        ("div", (-7, 2), -3),
        ("rem", (-7, 2), -1),
        ("lnot", (0,), 1),
        ("not", (0,), -1),
        ("andnot", (7, 2), 5),
        ("ult", (-1, 1), 0),
        ("lt", (-1, 1), 1),
        ("umax", (-1, 1), 2**64 - 1),
        ("zext32", (-1,), 2**32 - 1),
        ("sext32", (2**32 - 1,), -1),
        ("sext8", (0x80,), -128),
        ("bit", (4, 2), 1),
        ("shl", (1, 4), 16),
        ("land", (2, 0), 0),
        ("lor", (2, 0), 1),
        ("badd4", (1, 2), 3),
    ],
)
def test_integers(name: str, args: tuple[int, ...], value: int) -> None:
    assert evaluate(name, args) == value


@pytest.mark.parametrize(
    ("name", "args", "value"),
    [
        ("add", (Address("a"), 1), Address("a", 1)),
        ("sub", (Address("a", 2), 1), Address("a", 1)),
        ("add", (0, X), X),
        ("badd4", (Address("a"), 4), Address("a", 1)),
        ("badd8", (Address("a", 1), 2**64 - 8), Address("a", 0)),
        ("bsub8", (Address("a", 1), 8), Address("a", 0)),
        ("bsub4", (Address("a", 2), Address("a")), 8),
        ("sub", (X, X), 0),
        ("xor", (X, X), 0),
        ("and", (X, 0), 0),
        ("or", (X, 0), X),
        ("mul", (X, 1), X),
        ("eq", (X, X), 1),
        ("eq", (X, Y), 0),
        ("ne", (X, 0), 1),
        ("lt", (Address("a"), Address("a", 1)), 1),
        ("lnot", (X,), 0),
        ("land", (X, Y), 1),
        ("zext32", (X,), X),
        ("cond_eq", (evaluate("flags_sub", (X, Y, 64)),), 0),
        ("cond_eq", (evaluate("flags_sub", (X, X, 64)),), 1),
        ("eq", (CodeLabel(0, "L"), CodeLabel(0, "L")), 1),
    ],
)
def test_addresses(name: str, args: tuple[Address | int, ...], value: Address | int) -> None:
    assert evaluate(name, args) == value


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("add", (X, Y)),
        ("sub", (X, Y)),
        ("badd4", (X, 2)),
        ("lt", (X, Y)),
        ("mul", (X, 2)),
        ("xor", (X, Y)),
        ("neg", (X,)),
        ("div", (1, 0)),
        ("rem", (1, 0)),
        ("shl", (1, -1)),
        ("shl", (1, 10**9)),
        ("cond_lt", (evaluate("flags_sub", (X, Y, 64)),)),
        ("flags_add", (X, 1, 64)),
    ],
)
def test_what_has_no_value(name: str, args: tuple[Address | int, ...]) -> None:
    with pytest.raises(Undetermined):
        evaluate(name, args)


def test_unknown_operation() -> None:
    with pytest.raises(KeyError):
        evaluate("frobnicate", (1,))
    assert "badd8" in names()


def test_first_keeps_its_first_argument_whatever_the_second_is() -> None:
    assert evaluate("first", (3, 4)) == 3
    assert evaluate("first", (Address("x"), 4)) == Address("x") == evaluate("first", (Address("x"), Address("y")))


@given(WORDS, WORDS, st.sampled_from([8, 16, 32, 64]))
def test_flags_of_a_subtraction_order_the_operands(a: int, b: int, bits: int) -> None:
    flags = evaluate("flags_sub", (a, b, bits))
    low_a, low_b = unsigned(a, bits), unsigned(b, bits)
    high_a, high_b = signed(a, bits), signed(b, bits)
    expected = {
        "eq": low_a == low_b, "ne": low_a != low_b, "hs": low_a >= low_b, "lo": low_a < low_b, "hi": low_a > low_b,
        "ls": low_a <= low_b, "ge": high_a >= high_b, "lt": high_a < high_b, "gt": high_a > high_b,
        "le": high_a <= high_b,
    }  # fmt: skip
    assert {name: evaluate(f"cond_{name}", (flags,)) for name in expected} == expected


@given(WORDS, st.sampled_from([8, 16, 32, 64]))
def test_signed_and_unsigned_are_the_same_bits(value: int, bits: int) -> None:
    assert unsigned(signed(value, bits), bits) == unsigned(value, bits)
    assert -(1 << bits - 1) <= signed(value, bits) < 1 << bits - 1


@pytest.mark.parametrize(
    ("ctype", "expected"),
    [
        ("int", (32, True)),
        ("unsigned int", (32, False)),
        ("unsigned", (32, False)),
        ("uint64_t", (64, False)),
        ("int8_t", (8, True)),
        ("unsigned long long", (64, False)),
        ("int *", (64, True)),
        ("volatile short int", (16, True)),
        ("intptr_t", (64, True)),
        ("atomic_t", (32, False)),
        ("spinlock_t", (32, True)),
    ],
)
def test_widths_of_types(ctype: str, expected: tuple[int, bool]) -> None:
    assert width(ctype) == expected


def test_casts() -> None:
    assert cast(2**32 + 5, "int") == 5
    assert cast(2**32 - 1, "int") == -1
    assert cast(-1, "uint64_t") == 2**64 - 1
    assert cast(X, "int") == X
