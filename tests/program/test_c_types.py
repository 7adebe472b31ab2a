"""Integers of C tests: types of initial values, and what does not fit into an int."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError
from support.inline import assembly, check, kernel, states

READ = "int r0; r0 = READ_ONCE(*x);"


@pytest.mark.parametrize(
    ("init", "seen", "shown"),
    [
        ("uint8_t x=300", "44", "44"),
        ("uint16_t x=-1", "65535", "65535"),
        ("uint32_t x=-1", "-1", "4294967295"),
        ("int x=0xffffffff", "-1", "-1"),
        ("char x=300", "44", "44"),
        ("int8_t x=200", "-56", "-56"),
        ("atomic_t x=-1", "-1", "4294967295"),
        ("x=-1", "-1", "-1"),
    ],
)
def test_initial_values_are_cut_to_their_type(init: str, seen: str, shown: str) -> None:
    assert states(check(kernel(init, [READ], "locations [x] forall (0:r0=0)"))) == {f"0:r0={seen}; [x]={shown}"}


def test_arrays_are_shown_in_the_type_of_their_cells() -> None:
    assert states(check(kernel("uint8_t a[2]={300,-1}", [READ], "locations [a] exists (true)"))) == {"a={44,255}"}
    text = assembly("X86", "uint8_t a[2]={300,-1}", ["MOV EAX,[x]"], "exists (a={44,255})")
    assert check(text).reached


def test_constants_are_ints() -> None:
    body = "int r0; int r1; r0 = 0xffffffff; r1 = -2147483648;"
    assert states(check(kernel("", [body], "exists (0:r0=-1 /\\ 0:r1=0)"))) == {"0:r0=-1; 0:r1=-2147483648"}


@pytest.mark.parametrize(
    ("init", "body"),
    [
        ("int x=5000000000", READ),
        ("uint64_t x=18446744073709551615", READ),
        ("", "int r0; r0 = 4294967295;"),
        ("", "int r0; r0 = 0x100000000;"),
    ],
)
def test_what_does_not_fit_is_refused(init: str, body: str) -> None:
    with pytest.raises(InputError, match="does not fit") as caught:
        check(kernel(init, [body], "exists (0:r0=0)"))
    assert caught.value.span is not None


@pytest.mark.parametrize(
    ("init", "what"),
    [("foo_t x=1", "type `foo_t` is not known"), ("spinlock_t x=1", "a lock is free in the beginning")],
)
def test_types_that_say_nothing(init: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        check(kernel(init, [READ], "exists (0:r0=0)"))


def test_words_of_64_bits_are_listed_as_signed_numbers() -> None:
    init = "uint64_t x=1; uint64_t 0:X0=-1; 0:X1=x; 1:X1=x; uint64_t 1:X2=0"
    found = check(assembly("AArch64", init, ["STR X0,[X1]", "LDR X2,[X1]"], "exists (1:X2=1)")).states
    assert found == ((("1:X2", "18446744073709551615"),), (("1:X2", "1"),))
