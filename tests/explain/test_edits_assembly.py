"""Edits of assembly tests: cells and rows of the table, which stays neat."""

from __future__ import annotations

import pytest

from membar_check.engine.api import CheckOptions, check_test
from membar_check.explain.edits.apply import apply_edits, parse_edited
from membar_check.explain.edits.sites import all_edits, parse_edit
from membar_check.explain.edits.table import load_table
from support.inline import parse

MP = """AArch64 MP
{
0:X1=x; 0:X3=y;
1:X1=x; 1:X3=y;
}
 P0          | P1          ;
 MOV W0,#1   | LDR W0,[X3] ;
 STR W0,[X1] | DMB SY      ;
 DMB ST      | LDR W2,[X1] ;
 MOV W2,#1   |             ;
 STR W2,[X3] |             ;
exists (1:X0=1 /\\ 1:X2=0)
"""


def edited(text: str, *commands: str) -> str:
    test = parse(text)
    table = load_table(test.arch)
    made = apply_edits(test, [parse_edit(test, table, command) for command in commands])
    parse_edited(test, made, ())
    return made.texts.get(test.source.name, text)


def table_of(text: str) -> list[str]:
    """The rows of a test's table, heads first."""
    return [line for line in text.split("\n") if line.endswith(";") and "=" not in line]


def test_drop_leaves_an_empty_cell() -> None:
    assert edited(MP, "drop P0:9") == MP.replace(" DMB ST      |", "             |")


def test_drop_keeps_the_label() -> None:
    text = MP.replace("| DMB SY      ;", "| L1: DMB SY  ;")
    assert edited(text, "drop P1:8") == text.replace("| L1: DMB SY  ;", "| L1:         ;")


def test_change_keeps_the_columns() -> None:
    assert edited(MP, 'make 8 "DMB LD"') == MP.replace("| DMB SY      ;", "| DMB LD      ;")


def test_a_longer_cell_widens_its_column() -> None:
    assert table_of(edited(MP, "make P0:8 STLR")) == [
        " P0           | P1          ;",
        " MOV W0,#1    | LDR W0,[X3] ;",
        " STLR W0,[X1] | DMB SY      ;",
        " DMB ST       | LDR W2,[X1] ;",
        " MOV W2,#1    |             ;",
        " STR W2,[X3]  |             ;",
    ]


def test_a_crooked_table_is_left_alone() -> None:
    text = MP.replace(" DMB ST      |", "DMB ST |")
    assert edited(text, "make P0:8 STLR") == text.replace("STR W0,[X1]", "STLR W0,[X1]")


def test_insertion_is_a_row_of_its_own() -> None:
    rows = table_of(edited(MP, 'add "DMB LD" after P0:8'))
    assert rows[2:5] == [" STR W0,[X1] | DMB SY      ;", " DMB LD      |             ;", " DMB ST      | LDR W2,[X1] ;"]
    rows = table_of(edited(MP, 'add "DMB SY" before P1:9'))
    assert rows[2:5] == [" STR W0,[X1] | DMB SY      ;", "             | DMB SY      ;", " DMB ST      | LDR W2,[X1] ;"]


def test_insertions_in_one_place_share_a_row() -> None:
    rows = table_of(edited(MP, 'add "DMB LD" after P0:8', 'add "DMB SY" after P1:8'))
    assert len(rows) == 7
    assert rows[3] == " DMB LD      | DMB SY      ;"


def test_added_and_dropped_again_is_the_same_test() -> None:
    added = edited(MP, 'add "DMB LD" after P0:8')
    assert edited(added, "drop P0:9") == MP


def test_verdicts_follow() -> None:
    assert check_test(parse(MP), CheckOptions()).positive == 0
    assert check_test(parse(edited(MP, "drop P0:9")), CheckOptions()).positive == 1
    assert check_test(parse(edited(MP, "drop P1:8")), CheckOptions()).positive == 1
    assert check_test(parse(edited(MP, "drop P1:8", "make P1:7 LDAR")), CheckOptions()).positive == 0
    assert check_test(parse(edited(MP, "drop P0:9", "make P0:11 STLR")), CheckOptions()).positive == 0


def test_lower_case_tests_stay_so() -> None:
    text = MP.replace("STR W", "str w").replace("LDR W", "ldr w").replace("DMB", "dmb").replace("MOV W", "mov w")
    assert table_of(edited(text, 'make 9 "DMB SY"'))[3].startswith(" dmb sy ")
    assert table_of(edited(text, "make P1:7 LDAR"))[1].endswith("| ldar w0,[X3] ;")
    assert " dmb ld      |" in edited(text, 'add "DMB LD" after P0:8')


def cell(arch: str, *cells: str) -> str:
    rows = "\n".join(f" {text} ;" for text in cells)
    return f"{arch} test\n{{ }}\n P0 ;\n{rows}\nexists (true)\n"


@pytest.mark.parametrize(
    ("arch", "text", "form", "result"),
    [
        ("AArch64", "LDR W0,[X1]", "LDAR", "LDAR W0,[X1]"),
        ("AArch64", "LDARB W0,[X1]", "LDAPRB", "LDAPRB W0,[X1]"),
        ("AArch64", "LDAXR W0,[X1]", "LDXR", "LDXR W0,[X1]"),
        ("AArch64", "STLXR W0,W2,[X1]", "STXR", "STXR W0,W2,[X1]"),
        ("AArch64", "SWPAL W0,W2,[X1]", "SWPL", "SWPL W0,W2,[X1]"),
        ("AArch64", "CAS W0,W2,[X1]", "CASAL", "CASAL W0,W2,[X1]"),
        ("AArch64", "LDADDA W0,W2,[X1]", "LDADD", "LDADD W0,W2,[X1]"),
        ("AArch64", "STADD W0,[X1]", "STADDL", "STADDL W0,[X1]"),
        ("AArch64", "DMB ISH", '"DMB ISHLD"', "DMB ISHLD"),
        ("AArch64", "DSB SY", '"DMB ST"', "DMB ST"),
        ("X86", "SFENCE", "MFENCE", "MFENCE"),
        ("RISCV", "lw x5,0(x6)", "lw.aq", "lw.aq x5,0(x6)"),
        ("RISCV", "sw.rl x5,0(x6)", "sw", "sw x5,0(x6)"),
        ("RISCV", "amoadd.w.aq.rl x5,x7,(x6)", "amoadd.w.rl", "amoadd.w.rl x5,x7,(x6)"),
        ("RISCV", "fence rw, rw", '"fence r,r"', "fence r,r"),
        ("RISCV", "fence iorw,ow", '"fence w,w"', "fence w,w"),
        ("RISCV", "fence", "fence.tso", "fence.tso"),
        ("PPC", "sync", "lwsync", "lwsync"),
        ("PPC", "hwsync", "lwsync", "lwsync"),
    ],
)
def test_forms(arch: str, text: str, form: str, result: str) -> None:
    assert table_of(edited(cell(arch, text), f"make P0:4 {form}"))[1].split(";")[0].strip() == result


@pytest.mark.parametrize("text", ["LDR W0,[X1,#4]", "LDR W0,[X1,W2,SXTW]", "STR W0,[X1],#4"])
def test_addresses_that_the_stronger_form_has_not(text: str) -> None:
    test = parse(cell("AArch64", text))
    assert not all_edits(test, load_table("AArch64"), ("strengthen",))


@pytest.mark.parametrize(
    ("arch", "cells", "points"),
    [
        ("AArch64", ["LDR W0,[X1]", "CBNZ W0,L", "L: LDR W2,[X3]"], {("DMB SY", 4), ("ISB", 5)}),
        ("AArch64", ["LDXR W0,[X1]", "ADD W0,W0,#1", "STXR W3,W0,[X1]", "LDR W2,[X3]"], {("DMB SY", 6)}),
        ("AArch64", ["MOV W0,#1", "STR W0,[X1]", "MOV W0,#2"], set()),
        ("AArch64", ["L: LDR W0,[X1]", "CBZ W0,L"], {("DMB SY", 4)}),
        ("X86", ["MOV [x],$1", "MOV EAX,$1", "MOV EBX,[y]"], {("MFENCE", 4)}),
        ("PPC", ["stwx r1,r2,r3", "lwz r4,0(r5)"], {("sync", 4)}),
        ("RISCV", ["sw x5,0(x6)", "lw x7,0(x8)"], {("fence rw,rw", 4)}),
    ],
)
def test_where_fences_are_offered(arch: str, cells: list[str], points: set[tuple[str, int]]) -> None:
    test = parse(cell(arch, *cells))
    full = ("DMB SY", "ISB", "MFENCE", "sync", "fence rw,rw")
    added = all_edits(test, load_table(arch), ("add",))
    assert {(edit.text.split(" after")[0], edit.place.line) for edit in added} & {
        (name, line) for name in full for line in range(20)
    } == points


def test_a_fence_beside_a_stronger_one_is_not_offered() -> None:
    test = parse(cell("AArch64", "STR W0,[X1]", "DMB ST", "MOV W2,#1", "STR W2,[X3]"))
    commands = [edit.command for edit in all_edits(test, load_table("AArch64"), ("add",))]
    assert commands == ['add "DMB LD" after P0:4', 'add "DMB SY" after P0:4']


def test_costs() -> None:
    edits = {edit.command: edit for edit in all_edits(parse(MP), load_table("AArch64"))}
    assert edits['make P0:9 "DMB SY"'].cost == 6
    assert edits["make P1:7 LDAR"].cost == 3
    assert edits['drop "DMB SY"@P1:8'].cost == 0
    assert edits['drop "DMB SY"@P1:8'].text == "without DMB SY in P1 line 8"
    assert edits['add "DMB SY" after P0:8'].level == "DMB SY"
