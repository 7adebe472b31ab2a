"""Accesses through values that are no addresses."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError
from support.inline import assembly, check, kernel, states

NULL = "(int **p) WRITE_ONCE(*p, 0);"


def guarded(body: str) -> str:
    """P0 reads ``p``, which is ``&x`` and becomes 0, into ``r0`` and then does ``body``."""
    first = f"(int **p) int *r0; int r1; r0 = READ_ONCE(*p); {body}"
    return kernel("int *p = &x;", [first, NULL], "exists (0:r0=0)")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (assembly("AArch64", "0:X1=x", ["LDR W0,[X2]"], "exists (0:X0=0)"), "LDR W0,[X2]"),
        (assembly("AArch64", "0:X1=x; 0:X4=0x10", ["MOV W0,#1; STR W0,[X4]"], "exists (x=1)"), "STR W0,[X4]"),
        (assembly("X86_64", "", ["movl (%rax),%ebx"], "exists (0:rbx=0)"), "movl (%rax),%ebx"),
        (kernel("", ["int *r0; int r1; r1 = READ_ONCE(*r0);"], "exists (0:r1=0)"), "r1 = READ_ONCE(*r0)"),
    ],
)
def test_a_number_from_the_start_is_no_address(text: str, line: str) -> None:
    with pytest.raises(InputError, match=r"goes to address (0|16), but that is no location") as caught:
        check(text)
    assert caught.value.span is not None and line in caught.value.span.text
    assert caught.value.hint


def test_a_read_through_a_number_is_no_execution() -> None:
    assert states(check(guarded("r1 = READ_ONCE(*r0);"))) == {"0:r0=x"}


@pytest.mark.parametrize("body", ["if (r0) r1 = READ_ONCE(*r0);", "if (r0 != 0) WRITE_ONCE(*r0, 1);"])
def test_a_guard_keeps_both_executions(body: str) -> None:
    assert states(check(guarded(body))) == {"0:r0=x", "0:r0=0"}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("WRITE_ONCE(*r0, 1);", "write may go to address 0"),
        ("spin_lock(r0);", "primitive may go to address 0"),
        ("if (!r0) r1 = READ_ONCE(*r0);", "never has a location's address, only numbers such as 0"),
    ],
)
def test_faults_that_are_more_than_an_execution_less(body: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        check(guarded(body))


def test_no_execution_is_left() -> None:
    body = "(int **p) int *r0; int r1; r0 = READ_ONCE(*p); r1 = READ_ONCE(*r0);"
    text = kernel("int p = 1;", [body], "exists (true)")
    with pytest.raises(InputError, match="only numbers such as 1"):
        check(text)


def test_an_index_that_a_guard_keeps_inside_its_array() -> None:
    body = "(int *x, int *a) int r0; int r1; r0 = READ_ONCE(*x); if (r0 < 2) r1 = READ_ONCE(a[r0]);"
    other = "(int *x) WRITE_ONCE(*x, 2);"
    assert states(check(kernel("int a[2]={3,4};", [body, other], "exists (0:r1=3)"))) == {"0:r1=0", "0:r1=3"}


def test_what_a_path_stores_before_it_faults_is_known() -> None:
    """The pointer goes through memory of the thread's own: only the address stored there makes the read one."""
    body = "(int **p, int **q) int *r0; int r1; r0 = READ_ONCE(*p); *q = r0; r0 = *q; r1 = READ_ONCE(*r0);"
    assert states(check(kernel("int *p = &x;", [body], "exists (0:r0=x)"))) == {"0:r0=x"}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("int r0; int r1; r0 = READ_ONCE(*x); r1 = 6 / r0;", "may divide by zero"),
        ("int r0; int r1; r0 = READ_ONCE(*x); r1 = r0 % 0;", "may divide by zero"),
        ("int r0; int r1; r0 = READ_ONCE(*x); if (6 / r0) r1 = 1;", "may divide by zero"),
        ("int r0; int r1; r0 = READ_ONCE(*x); r1 = 1 << (r0 - 1);", "may shift"),
    ],
)
def test_an_operation_without_a_value_drops_nothing(body: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        check(kernel("", [body, "WRITE_ONCE(*x, 2);"], "exists (0:r1=3)"))


def test_a_divisor_that_a_guard_keeps_from_zero() -> None:
    body = "int r0; int r1 = 0; r0 = READ_ONCE(*x); if (r0) r1 = 6 / r0;"
    assert states(check(kernel("", [body, "WRITE_ONCE(*x, 2);"], "exists (0:r1=3)"))) == {"0:r1=0", "0:r1=3"}
