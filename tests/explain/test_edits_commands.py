"""Commands that name an edit, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.diagnostics import InputError
from membar_check.engine.api import parse_file
from membar_check.explain.edits.sites import all_edits, parse_edit
from membar_check.explain.edits.table import load_table
from support.inline import parse

LITMUS = Path(__file__).resolve().parent.parent.parent / "litmus"

C = """C test
{}
P0(int *x, int *y)
{
	WRITE_ONCE(*x, 1);
	smp_mb();
	int r0 = READ_ONCE(*y) + READ_ONCE(*x);
}
P1(int *x, int *y)
{
	smp_store_release(x, 2);
	*y = 1; smp_rmb(); smp_wmb();
}
exists (0:r0=0)
"""

ASSEMBLY = """AArch64 test
{ 0:X1=x; 1:X1=x; }
 P0          | P1          ;
 STR W0,[X1] | LDR W0,[X1] ;
 DMB SY      | DMB SY      ;
 LDR W2,[X1] | DMB LD      ;
 LDR W2,[X1] | LDR W2,[X1] ;
exists (true)
"""


def edit_of(text: str, command: str) -> tuple[str, int, str, str]:
    test = parse(text)
    edit = parse_edit(test, load_table(test.arch), command)
    return edit.kind, edit.place.line, edit.was, edit.level


@pytest.mark.parametrize(
    ("command", "edit"),
    [
        ("drop smp_mb@6", ("drop", 6, "smp_mb", "")),
        ("drop smp_mb() @ 6", ("drop", 6, "smp_mb", "")),
        ("  drop 6 ", ("drop", 6, "smp_mb", "")),
        ("drop P0:6", ("drop", 6, "smp_mb", "")),
        ("drop test.litmus:6", ("drop", 6, "smp_mb", "")),
        ("drop smp_wmb@12", ("drop", 12, "smp_wmb", "")),
        ("drop 12 #2", ("drop", 12, "smp_wmb", "")),
        ("drop 12#1", ("drop", 12, "smp_rmb", "")),
        ("make 6 smp_wmb", ("weaken", 6, "smp_mb", "smp_wmb")),
        ("make 7 smp_load_acquire #2", ("strengthen", 7, "READ_ONCE", "smp_load_acquire")),
        ("make 11 WRITE_ONCE", ("weaken", 11, "smp_store_release", "WRITE_ONCE")),
        ("make P1:12 WRITE_ONCE", ("strengthen", 12, "plain", "WRITE_ONCE")),
        ("add smp_rmb after 5", ("add", 5, "", "smp_rmb")),
        ("add smp_rmb() before 7", ("add", 7, "", "smp_rmb")),
        ('add "smp_rmb" before 5', ("add", 5, "", "smp_rmb")),
        ("add barrier after 7", ("add", 7, "", "barrier")),
    ],
)
def test_commands(command: str, edit: tuple[str, int, str, str]) -> None:
    assert edit_of(C, command) == edit


@pytest.mark.parametrize(
    ("command", "edit"),
    [
        ("drop P0:5", ("drop", 5, "DMB SY", "")),
        ("drop DMB SY@P1:5", ("drop", 5, "DMB SY", "")),
        ('drop "dmb  sy"@P1:5', ("drop", 5, "DMB SY", "")),
        ("drop 6", ("drop", 6, "DMB LD", "")),
        ('make 6 "DMB SY"', ("strengthen", 6, "DMB LD", "DMB SY")),
        ("make P1:7 ldar", ("strengthen", 7, "LDR", "LDAR")),
        ("add DMB ST after P0:4", ("add", 4, "", "DMB ST")),
        ('add "DMB ISH" before P1:7', ("add", 7, "", "DMB ISH")),
    ],
)
def test_commands_of_assembly(command: str, edit: tuple[str, int, str, str]) -> None:
    assert edit_of(ASSEMBLY, command) == edit


def refused(text: str, command: str) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        edit_of(text, command)
    return caught.value.message, caught.value.hint


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        ("", "found ``, expected `drop FENCE@LINE`", "for example: `drop smp_mb@12`"),
        ("remove 6", "found `remove 6`, expected `drop FENCE@LINE`", "for example"),
        ("add smp_mb 6", "found `add smp_mb 6`, expected", "for example"),
        ("make 6", "found `make 6`, expected", "for example"),
        ("drop smp_mb@six", "found `six`, expected a line such as `12`", "for example"),
        ("drop 5", "there is no fence in line 5", "possible: drop smp_mb@6, drop smp_rmb@12, drop smp_wmb@12"),
        ("drop smp_wmb@6", "there is no `smp_wmb` in line 6", "possible: drop smp_mb@6"),
        ("drop P1:6", "there is no fence in P1 line 6", "possible: drop smp_mb@6"),
        ("drop 12", "line 12 has 2 such places", "add which: #1 smp_rmb(), #2 smp_wmb()"),
        ("drop 12 #3", "there is no #3: line 12 has 2 such places", ""),
        ("drop other.h:6", "there is no fence in line 6 of other.h", "possible: drop smp_mb@6"),
        ("make 6 smp_mb", "`smp_mb()` in line 6 is `smp_mb` already", ""),
        ("make 6 smp_load_acquire", "nothing in line 6 can become `smp_load_acquire`",
         "possible: make 6 smp_rmb, make 6 smp_wmb, make 6 barrier"),
        ("make 5 smp_bm", "there is no fence or form `smp_bm`", "possible: make 5 plain, make 5 smp_store_release"),
        ("make 4 smp_mb", "nothing in line 4 can become `smp_mb`",
         "fences and accesses that can change are in lines 5, 6, 7, 11, 12"),
        ("make 7 smp_load_acquire", "line 7 has 2 such places", "add which: #1 READ_ONCE(*y), #2 READ_ONCE(*x)"),
        ("add smp_bm after 5", "there is no fence `smp_bm` for C tests", "known: barrier, smp_rmb, smp_wmb, smp_mb"),
        ("add smp_mb after 1", "nothing can be inserted after line 1",
         "statements can be inserted after what is in lines 4, 5, 6, 7, 10, 11, 12"),
        ("add smp_mb before 3", "nothing can be inserted before line 3", "what is in lines 5, 6, 7, 8, 11, 12, 13"),
    ],
)  # fmt: skip
def test_what_is_said(command: str, message: str, hint: str) -> None:
    said, hinted = refused(C, command)
    assert message in said
    assert hint in hinted


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        ("drop 5", "line 5 is a row of several threads", "say which: P0:5 or P1:5"),
        ("make 7 LDAR", "line 7 is a row of several threads", "say which: P0:7 or P1:7"),
        ("add DMB SY after 4", "line 4 is a row of several threads", "say which: P0:4 or P1:4"),
        ("drop P0:4", "there is no fence in P0 line 4", 'possible: drop "DMB SY"@P0:5'),
        ("add MFENCE after P0:4", "there is no fence `MFENCE` for AArch64 tests", 'known: "DMB LD", "DMB ST"'),
        ("add DMB SY after P0:9", "nothing can be inserted after P0 line 9", "in lines 4, 5, 6"),
        ("make P0:4 STLXR", "nothing in P0 line 4 can become `STLXR`", "possible: make P0:4 STLR"),
    ],
)
def test_what_is_said_for_assembly(command: str, message: str, hint: str) -> None:
    said, hinted = refused(ASSEMBLY, command)
    assert message in said
    assert hint in hinted


def test_long_lists_are_cut() -> None:
    text = C.replace("\tsmp_mb();\n", "\tsmp_mb();\n" * 20)
    _, hint = refused(text, "drop 5")
    assert hint.endswith(" and 10 more")


@pytest.mark.parametrize("text", [C, ASSEMBLY])
def test_every_command_names_its_edit(text: str) -> None:
    test = parse(text)
    table = load_table(test.arch)
    edits = all_edits(test, table)
    assert len({edit.command for edit in edits}) == len(edits)
    for edit in edits:
        assert parse_edit(test, table, edit.command) == edit


def test_every_command_of_kernel_c_names_its_edit() -> None:
    test = parse_file(str(LITMUS / "membarrier" / "racy-load-5.4.litmus"), ())
    table = load_table("C")
    edits = all_edits(test, table)
    assert len({edit.command for edit in edits}) == len(edits) > 300
    for edit in edits:
        assert parse_edit(test, table, edit.command) == edit
    with pytest.raises(InputError, match=r"there is no fence in line 1 of sched.h") as caught:
        parse_edit(test, table, "drop sched.h:1")
    assert "drop smp_mb@sched.h:123" in caught.value.hint
