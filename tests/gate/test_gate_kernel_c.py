"""The gate and kernel C: what a change of a shared header is called."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.gates import Gate, edit, kinds

KERNEL = """C {name}
{{}}
#include "fence.h"
int x, y;
P0(void)
{{
	WRITE_ONCE(x, 1);
	fence();
	int r0 = READ_ONCE(y);
}}
P1(void)
{{
	WRITE_ONCE(y, 1);
	fence();
	int r1 = READ_ONCE(x);
}}
{asks}
"""
ASKS = {
    "class": "missed: exists (0:r0=0 /\\ 1:r1=0)",
    "both": "missed: exists (0:r0=0 /\\ 1:r1=0)\nexists (0:r0=0 /\\ 1:r1=0)",
    "never": "~exists (0:r0=0 /\\ 1:r1=0)",
    "open": "exists (0:r0=0 /\\ 1:r1=0)",
}


@pytest.fixture
def header(place: Path, gate: Gate) -> Path:
    """The header of tests in kernel C, one for each of ``ASKS``, which are recorded in ``base``."""
    (place / "k").mkdir()
    for name, asks in ASKS.items():
        (place / "k" / f"{name}.litmus").write_text(KERNEL.format(name=name, asks=asks))
    header = place / "k" / "fence.h"
    header.write_text("static void fence(void) { smp_mb(); }\n")
    assert gate("k", "--baseline", "base", "--update") == 0
    assert gate("k", "--baseline", "base") == 0
    return header


@pytest.mark.parametrize("expected", ["", "models lkmm\n", "class.litmus lkmm clean\n", "class.litmus lkmm Never\n"])
def test_a_header_that_got_weaker_breaks_its_tests(header: Path, gate: Gate, expected: str) -> None:
    edit(header, "smp_mb()", "barrier()")
    if expected:
        (header.parent / "expected.txt").write_text(expected)
    assert gate("k", "--baseline", "base") == 1
    assert kinds(gate) == [
        ("broken", "k/both.litmus"), ("broken", "k/class.litmus"), ("broken", "k/never.litmus"),
        ("changed", "k/open.litmus"),
    ]  # fmt: skip


def test_a_header_that_got_stronger_mends_its_tests(header: Path, gate: Gate) -> None:
    edit(header, "smp_mb()", "barrier()")
    assert gate("k", "--baseline", "base", "--update") == 0
    edit(header, "barrier()", "smp_mb()")
    assert gate("k", "--baseline", "base") == 1
    assert kinds(gate) == [
        ("fixed", "k/both.litmus"), ("fixed", "k/class.litmus"), ("fixed", "k/never.litmus"),
        ("changed", "k/open.litmus"),
    ]  # fmt: skip


def test_what_was_clean_is_not_fixed_because_it_is_expected_not_to_be(header: Path, gate: Gate) -> None:
    edit(header, "smp_mb()", "barrier()")
    (header.parent / "expected.txt").write_text("class.litmus lkmm missed\n")
    assert gate("k/class.litmus", "--baseline", "base") == 1
    assert kinds(gate) == [("changed", "k/class.litmus")]


def test_headers_are_those_of_the_folder_where_the_gate_runs(
    header: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = header.parent.parent / "copy"
    shutil.copytree(header.parent, copy / "k")
    edit(copy / "k" / "fence.h", "smp_mb()", "barrier()")
    monkeypatch.chdir(copy)
    assert gate("k/class.litmus", "--baseline", "../base") == 1
    assert gate("k/class.litmus", "--no-cache") == 1
    assert kinds(gate) == [("broken", "k/class.litmus")]
