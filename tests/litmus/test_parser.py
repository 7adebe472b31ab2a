"""Header, init block, table of threads: what is read, and how malformed files are refused."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.litmus.parser import parse_litmus
from membar_check.litmus.syntax import (
    And,
    AsmImmediate,
    AsmInstruction,
    AsmLabel,
    AsmMemory,
    AsmRegister,
    GlobalRef,
    Literal,
    LitmusTest,
    Quantifier,
    RegisterRef,
    Symbol,
    Tuple_,
)

SB = """X86 SB (StoreBuffering)
"Fre PodWR"
(* a comment { with (* a nested *) brace *)
Generator=diy7
Com=Fr Fr
Orig={}
some free text
{ x=1; [y]=0; 0:EAX=x; }
 P0          | P1          ;
 MOV [x],$1  | MOV [y],$1  ; (* here, too *)
 MOV EAX,[y] | MOV EAX,[x] ;
exists (0:EAX=0 /\\ 1:EAX=0)
"""


def parse(text: str) -> LitmusTest:
    return parse_litmus(Source("t.litmus", text))


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse(text)
    error = caught.value
    assert error.span is not None
    assert error.render().startswith("t.litmus:")
    return error


def test_the_whole_of_a_small_test() -> None:
    test = parse(SB)
    assert (test.arch, test.name, test.doc) == ("X86", "SB", "Fre PodWR")
    assert test.info == (("Generator", "diy7"), ("Com", "Fr Fr"), ("Orig", "{}"))
    assert [str(item.place) for item in test.init] == ["[x]", "[y]", "0:EAX"]
    assert test.init[2].value == Symbol("x")
    assert [len(body) for body in test.bodies] == [2, 2]
    first = test.bodies[0][0]
    assert isinstance(first, AsmInstruction)
    assert first.mnemonic == "MOV"
    assert first.operands[1] == AsmImmediate(1)
    assert first.span.text == "MOV [x],$1"
    assert first.span.line == 10
    assert test.condition.quantifier is Quantifier.EXISTS
    assert isinstance(test.condition.prop, And)
    assert test.name_span.text == "SB"


def test_no_condition_means_forall_true() -> None:
    test = parse("X86 t\n{}\n P0 ;\n MFENCE ;\n")
    assert test.condition.quantifier is Quantifier.FORALL
    assert test.condition.prop == And(())
    assert test.condition.span is None


def test_doc_string_on_the_header_line_and_info_values_with_braces() -> None:
    test = parse('X86 t "doc"\nKey={a}\n{}\n P0 ;\n MFENCE ;\nexists (true)')
    assert (test.doc, test.info) == ("doc", (("Key", "{a}"),))


def test_a_test_may_be_named_after_its_file() -> None:
    assert parse("X86 --\n{}\n P0 ;\n MFENCE ;\n").name == "t"


def test_lock_prefix_with_semicolon_is_one_instruction() -> None:
    test = parse("X86 t\n{}\n P0 | P1 ;\n LOCK; INC [x] | lock inc [x] ;\n")
    first, second = test.bodies[0][0], test.bodies[1][0]
    assert isinstance(first, AsmInstruction) and isinstance(second, AsmInstruction)
    assert first.mnemonic == second.mnemonic == "LOCK INC"


def test_labels_stand_alone_or_before_an_instruction() -> None:
    test = parse("AArch64 t\n{}\n P0 ;\n L0: ;\n L1: L2: LDR W0,[X1,#4]! ;\n")
    names = [item.name if isinstance(item, AsmLabel) else item.mnemonic for item in test.bodies[0] if item]  # type: ignore[union-attr]
    assert names == ["L0", "L1", "L2", "LDR"]
    load = test.bodies[0][3]
    assert isinstance(load, AsmInstruction)
    assert load.operands == (AsmRegister("W0"), AsmMemory(AsmRegister("X1"), AsmImmediate(4), None, "pre"))


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ("[X1]", AsmMemory(AsmRegister("X1"))),
        ("[ X1 , #0x10 ]", AsmMemory(AsmRegister("X1"), AsmImmediate(16))),
        ("[X1,W2,SXTW]", AsmMemory(AsmRegister("X1"), AsmRegister("W2"), ("SXTW", 0))),
        ("[X1,X2,LSL #3]", AsmMemory(AsmRegister("X1"), AsmRegister("X2"), ("LSL", 3))),
        ("[X1],#8", AsmMemory(AsmRegister("X1"), AsmImmediate(8), None, "post")),
    ],
)
def test_aarch64_memory_operands(text: str, memory: AsmMemory) -> None:
    test = parse(f"AArch64 t\n{{}}\n P0 ;\n LDR W0,{text} ;\n")
    load = test.bodies[0][0]
    assert isinstance(load, AsmInstruction)
    assert load.operands[1] == memory


def test_init_items_of_all_kinds() -> None:
    text = "int x=0x10; int *p=&x; uint64_t 0:X4=-4; int a[2]={1,x}; long b[3]; *q=x; 1:X0; int **r=a[1]; P0:X9=P0:L"
    items = parse(f"AArch64 t\n{{ {text}; ; }}\n P0 | P1 ;\n L: NOP | NOP ;\n").init
    assert [item.type for item in items] == ["int", "int *", "uint64_t", "int", "long", "*", "", "int **", ""]
    assert items[0].value == Literal(16, "0x10")
    assert items[1].value == Symbol("x")
    assert items[3].place == GlobalRef("a")
    assert items[3].array_size == 2
    assert items[3].value == Tuple_((Literal(1, "1"), Symbol("x")))
    assert (items[4].array_size, items[4].value) == (3, None)
    assert items[6].place == RegisterRef(1, "X0")
    assert items[7].value == Symbol("a", 1)
    assert items[8].value == Symbol("L", 0, 0)


TABLE = "X86 t\n{}\n P0 | P1 ;\n MFENCE | MFENCE ;\n"


@pytest.mark.parametrize(
    ("text", "expected", "line"),
    [
        ("", "the file is empty", 1),
        ("\n \n", "the file is empty", 1),
        ("\x00\x01\x02", "expected the header", 1),
        ("X86", "expected the header", 1),
        ("X86 t (* to be named\n{ }\n P0 ;\n NOP ;\n", "this comment is not closed", 1),
        ("X99 t\n{}\n", "unknown architecture `X99`", 1),
        ("X86 t\nno braces\n", "before the init block, expected `{`", 2),
        ("X86 t\n{ x=1;\n P0 ;\n", "not closed", 2),
        ("X86 t\n{ x=1; (* open }\n", "comment is not closed", 2),
        ("X86 t\n{}\n", "nothing follows the init block", 2),
        ("X86 t\n{}\nexists (x=1)\n", "nothing follows the init block", 2),
        ("X86 t\n{}\n P0 | P1 ;\n MFENCE ;\n", "has 1 cell, but the table has 2 threads", 4),
        ("X86 t\n{}\n P0 ;\n MFENCE | MFENCE ;\n", "has 2 cells, but the table has 1 thread", 4),
        ("X86 t\n{}\n P0 | P0 ;\n MFENCE | MFENCE ;\n", "found `P0`, expected the head `P1`", 3),
        ("X86 t\n{}\n P1 ;\n MFENCE ;\n", "expected the head `P0`", 3),
        ("X86 t\n{}\n P0 | ;\n MFENCE | ;\n", "expected the head `P1`", 3),
        ("X86 t\n{}\n MFENCE ;\n", "expected the head `P0`", 3),
        ("X86 t\n{}\n P0 ;\n MFENCE\nexists (x=1)", "expected a row of the table of threads", 4),
        ("X86 t\n{}\n ; ;\nexists (x=1)", "expected the heads of the threads", 2),
        ("X86 t\n{}\n P0 ;\n MOV EAX,,[x] ;\n", "an operand is missing", 4),
        ("X86 t\n{}\n P0 ;\n MOV EAX,[x ;\n", "expected an operand of MOV", 4),
        ("X86 t\n{}\n P0 ;\n + ;\n", "expected an instruction", 4),
        ("X86 t\n{}\n P0 ;\n MOV,EAX ;\n", "right behind the mnemonic", 4),
        ("X86 t\n{}\n P0 ;\n " + "A" * 2000 + " ;\n", "too long", 4),
        ("X86 t\n{ x=1 y=2; }\n P0 ;\n MFENCE ;\n", "expected `;` after this item", 2),
        ("X86 t\n{ x=; }\n P0 ;\n MFENCE ;\n", "expected a value", 2),
        ("X86 t\n{ 0:=1; }\n P0 ;\n MFENCE ;\n", "expected the name of a register", 2),
        ("X86 t\n{ -1:EAX=1; }\n P0 ;\n MFENCE ;\n", "expected the number of a thread", 2),
        ("X86 t\n{ int a[2]={1}; }\n P0 ;\n MFENCE ;\n", "has 2 cells, but 1 value given", 2),
        ("X86 t\n{ int a[0]; }\n P0 ;\n MFENCE ;\n", "1 to 1024 cells", 2),
        ("X86 t\n{ int a[99999999]; }\n P0 ;\n MFENCE ;\n", "1 to 1024 cells", 2),
        ("X86 t\n{ int a[2]=1; }\n P0 ;\n MFENCE ;\n", "with 2 values", 2),
        ("X86 t\n{ int x={1}; }\n P0 ;\n MFENCE ;\n", "initialises an array", 2),
        ("X86 t\n{ a[1]=1; }\n P0 ;\n MFENCE ;\n", "cannot be initialised by itself", 2),
        ("X86 t\n{ x=1# ; }\n P0 ;\n MFENCE ;\n", "unexpected character `#`", 2),
        ("X86 t\n{ x=" + "9" * 5000 + "; }\n P0 ;\n MFENCE ;\n", "unexpected character", 2),
    ],
)
def test_malformed_files_are_refused(text: str, expected: str, line: int) -> None:
    error = refused(text)
    assert expected in error.message
    assert error.span is not None
    assert error.span.line == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LISA t\n{}\n P0 ;\n", "architecture `LISA` is not supported"),
        ("AArch64 t\n{}\n P0 | P0.F ;\n NOP | NOP ;\n", "fault handlers"),
        ("AArch64 t\n{ 0:%x=1; }\n P0 ;\n NOP ;\n", "symbolic register"),
        ("AArch64 t\n{ x:red=1; }\n P0 ;\n NOP ;\n", "memory tags"),
        ("AArch64 t\n{ PTE(x)=1; }\n P0 ;\n NOP ;\n", "`PTE` is not supported"),
        ("AArch64 t\n{ x=(oa:y); }\n P0 ;\n NOP ;\n", "page-table entries"),
        ('AArch64 t\n{ x=instr:"NOP"; }\n P0 ;\n NOP ;\n', "instructions as values"),
    ],
)
def test_what_is_legal_but_not_supported(text: str, expected: str) -> None:
    error = refused(text)
    assert isinstance(error, Unsupported)
    assert expected in error.message


def test_the_message_shows_the_line_and_a_caret() -> None:
    text = TABLE.replace("MFENCE | MFENCE", "MFENCE | MOV EAX,?")
    assert refused(text).render().splitlines()[1:3] == ["     MFENCE | MOV EAX,? ;", "                      ^"]
