"""AArch64: golden operations, errors."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.litmus.parser import parse_litmus
from membar_check.program.dialects import aarch64_compute
from membar_check.program.ir import (
    Assume,
    Branch,
    Choose,
    Const,
    Goto,
    Let,
    Load,
    Mark,
    Micro,
    Op,
    Program,
    Reg,
    Select,
    Store,
)
from membar_check.program.lower import lower

X0, X1, X2, X3 = (Reg(f"X{number}") for number in range(4))
OLD = Reg("%old")


def tags(*names: str) -> frozenset[str]:
    return frozenset(names)


def program(body: str, init: str = "0:X1=x") -> Program:
    rows = "".join(f" {row} ;\n" for row in body.split("\n"))
    return lower(parse_litmus(Source("t.litmus", f"AArch64 t\n{{ {init} }}\n P0 ;\n{rows}")))


def ops(body: str, index: int = 0) -> tuple[Micro, ...]:
    return program(body).threads[0].code[index].ops


def refused(body: str) -> InputError:
    with pytest.raises(InputError) as caught:
        program(body)
    assert caught.value.span is not None
    return caught.value


@pytest.mark.parametrize(
    ("text", "names", "bits"),
    [
        ("LDR W0", (), 32),
        ("LDR X0", (), 64),
        ("LDRB W0", (), 8),
        ("LDUR W0", (), 32),
        ("LDAR W0", ("A",), 32),
        ("LDARH W0", ("A",), 16),
        ("LDAPR X0", ("Q",), 64),
        ("ldapur w0", ("Q",), 32),
    ],
)
def test_loads(text: str, names: tuple[str, ...], bits: int) -> None:
    assert ops(f"{text},[X1]") == (Load("X0", X1, tags(*names), "", bits),)


def test_stores() -> None:
    assert ops("STR W0,[X1]") == (Store(X1, X0),)
    assert ops("STR WZR,[X1]") == (Store(X1, Const(0)),)
    assert ops("STLR W0,[X1]") == (Store(X1, X0, tags("L")),)
    assert ops("STRB W0,[X1]") == (Store(X1, Op("zext8", (X0,)), bits=8),)


def test_addresses() -> None:
    assert ops("LDR W0,[X1,#4]") == (Load("X0", Op("badd4", (X1, Const(4)))),)
    assert ops("LDR W0,[X1,W2,SXTW]") == (Load("X0", Op("badd4", (X1, Op("sext32", (X2,))))),)
    assert ops("LDR W0,[X1,W2,UXTW #2]") == (Load("X0", Op("badd4", (X1, Op("shl", (X2, Const(2)))))),)
    assert ops("LDR W0,[X1,X2]") == (Load("X0", Op("badd4", (X1, X2))),)
    moved = Op("zext64", (Op("badd4", (X1, Const(4))),))
    assert ops("LDR W0,[X1,#4]!") == (Let("X1", moved), Load("X0", X1))
    assert ops("LDR W0,[X1],#4") == (Let("%base", X1), Let("X1", moved), Load("X0", Reg("%base")))
    wide = program("LDR X0,[X1,#8]", "uint64_t a[2]; 0:X1=a").threads[0].code[0].ops
    assert wide == (Load("X0", Op("badd8", (X1, Const(8))), bits=64),)


def test_pairs() -> None:
    address = Reg("%address")
    assert ops("LDP W0,W2,[X1]") == (
        Let("%address", X1),
        Load("X0", address),
        Load("X2", Op("badd4", (address, Const(4)))),
    )
    assert ops("STP W0,W2,[X1]")[-2:] == (
        Store(address, Reg("%first")),
        Store(Op("badd4", (address, Const(4))), Reg("%second")),
    )


# --- exclusives -------------------------------------------------------------------------------------------------------
SUCCESS = (Store(X1, X0, tags("L", "EX"), "ex"), Let("X3", Const(0)))
FAILURE = (Let("X3", Const(1)),)


def test_a_store_exclusive_after_a_load_exclusive_succeeds_or_fails() -> None:
    body = "LDAXR W0,[X1]\nSTLXR W3,W0,[X1]"
    assert ops(body) == (Load("X0", X1, tags("A", "EX"), "ex"),)
    assert ops(body, 1) == (Choose((SUCCESS, FAILURE)),)


@pytest.mark.parametrize(
    "before", ["NOP", "LDAXR X4,[X1]", "LDXRB W4,[X1]", "LDXR W4,[X1]\nSTXR W5,W4,[X1]", "LDAR W4,[X1]"]
)
def test_without_its_load_exclusive_it_fails(before: str) -> None:
    body = f"{before}\nSTLXR W3,W0,[X1]"
    assert lowered_code(body)[-1] == FAILURE


def lowered_code(body: str) -> list[tuple[Micro, ...]]:
    return [instr.ops for instr in program(body, "").threads[0].code]


def test_where_it_depends_on_the_way_a_hidden_register_remembers() -> None:
    code = lowered_code("CBZ W2,L\nLDXR W0,[X1]\nL:\nSTLXR W3,W0,[X1]")
    assert code[1][-1] == Let("MONITOR", Const(32))
    held = Assume(Op("eq", (Reg("MONITOR"), Const(32))), pick=False)
    assert code[2] == (Choose(((held, *SUCCESS), FAILURE)), Let("MONITOR", Const(0)))


def test_in_a_loop_the_load_exclusive_always_stands_before() -> None:
    code = lowered_code("L: LDXR W0,[X1]\nSTLXR W3,W0,[X1]\nCBNZ W3,L")
    assert code[1] == (Choose((SUCCESS, FAILURE)),)


# --- atomics ----------------------------------------------------------------------------------------------------------
def test_swap_and_fetch() -> None:
    read, write = Load("%old", X1, tags("X", "A"), "amo"), Store(X1, X0, tags("X", "L"), "amo")
    assert ops("SWPAL W0,W2,[X1]") == (read, write, Let("X2", OLD))
    total = Op("zext32", (Op("badd4", (OLD, X0)),))
    assert ops("LDADD W0,W2,[X1]") == (
        Load("%old", X1, tags("X"), "amo"),
        Store(X1, total, tags("X"), "amo"),
        Let("X2", OLD),
    )


def test_atomics_without_result() -> None:
    for text in ("STADDL W0,[X1]", "LDADDL W0,WZR,[X1]"):
        read, write = ops(text)
        assert read == Load("%old", X1, tags("X", "NoRet"), "amo")
        assert isinstance(write, Store) and write.tags == tags("X", "L")
    assert ops("LDADDA W0,WZR,[X1]")[0] == Load("%old", X1, tags("X", "NoRet"), "amo")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EOR", Op("xor", (OLD, X0))),
        ("SET", Op("or", (OLD, X0))),
        ("CLR", Op("andnot", (OLD, X0))),
        ("UMAX", Op("umax", (OLD, X0))),
        ("SMIN", Op("zext32", (Op("min", (Op("sext32", (OLD,)), Op("sext32", (X0,)))),))),
    ],
)
def test_fetch_operations(name: str, value: Op) -> None:
    write = ops(f"LD{name} W0,W2,[X1]")[1]
    assert isinstance(write, Store)
    assert write.value == value


def test_compare_and_swap() -> None:
    (choice,) = ops("CASA W2,W0,[X1]")
    assert isinstance(choice, Choose)
    from_register, from_memory, written_back, not_written = choice.alternatives
    read, equal, differ = (
        Load("%old", X1, tags("X", "A"), "amo"),
        Assume(Op("eq", (OLD, X2))),
        Assume(Op("ne", (OLD, X2))),
    )
    write = Store(X1, X0, tags("X"), "amo")
    assert from_register == (read, equal, write, Let("X2", X2))
    assert from_memory == (read, equal, write, Let("X2", OLD))
    assert written_back == (read, differ, Store(X1, OLD, tags("X"), "amo"), Let("X2", OLD))
    assert not_written == (Load("%old", X1, tags("A")), differ, Let("X2", OLD))


# --- barriers, computation, branches ----------------------------------------------------------------------------------
def test_barriers() -> None:
    assert ops("DMB SY") == (Mark(tags("F", "DMB.SY")),)
    assert ops("dsb ishld") == (Mark(tags("F", "DSB.ISHLD")),)
    assert ops("ISB") == (Mark(tags("F", "ISB")),)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("MOV W0,#-1", Const(2**32 - 1)),
        ("MOV W0,W2", X2),
        ("MVN W0,W2", Op("zext32", (Op("not", (X2,)),))),
        ("MOVZ W0,#1,LSL #16", Const(65536)),
        ("EOR W0,W2,W3", Op("xor", (X2, X3))),
        ("ADD W0,W2,#1", Op("zext32", (Op("badd4", (X2, Const(1))),))),
        ("ADD W0,W2,#0", X2),
        ("SUB W0,W2,W3", Op("zext32", (Op("bsub4", (X2, X3)),))),
        ("AND W0,W2,W3,LSR #3", Op("and", (X2, Op("shr", (X3, Const(3)))))),
        ("LSL W0,W2,#3", Op("zext32", (Op("shl", (X2, Const(3))),))),
        ("MOVK W0,#2,LSL #16", Op("or", (Op("andnot", (X0, Const(0xFFFF0000))), Const(0x20000)))),
        ("CSEL W0,W2,W3,NE", Select(Op("cond_ne", (Reg("NZCV"),)), X2, X3)),
        ("CSET W0,LT", Select(Op("cond_lt", (Reg("NZCV"),)), Const(1), Const(0))),
        ("SXTB W0,W2", Op("zext32", (Op("sext8", (X2,)),))),
    ],
)
def test_computation(text: str, value: Op) -> None:
    assert ops(text) == (Let("X0", value),)


def test_a_sum_of_both_widths_extends_and_reads_w_registers_cut() -> None:
    extended = Op("sext32", (Op("zext32", (X2,)),))
    assert ops("ADD X0,X1,W2,SXTW") == (Let("X0", Op("zext64", (Op("badd4", (X1, extended)),))),)


def test_flags() -> None:
    assert ops("CMP W0,#1") == (Let("NZCV", Op("flags_sub", (X0, Const(1), Const(32)))),)
    assert ops("TST W0,W2") == (Let("NZCV", Op("flags_and", (X0, X2, Const(32)))),)
    assert [type(op) for op in ops("SUBS W0,W2,W3")] == [Let, Let]


def test_branches() -> None:
    code = lowered_code("L:\nCBNZ W0,L\nCBZ W0,L\nB.NE L\nTBZ W0,#3,L\nB L\nNOP")
    assert code == [
        (Branch(Op("ne", (X0, Const(0))), "L"),),
        (Branch(Op("eq", (X0, Const(0))), "L"),),
        (Branch(Op("cond_ne", (Reg("NZCV"),)), "L"),),
        (Branch(Op("lnot", (Op("bit", (X0, Const(3))),)), "L"),),
        (Goto("L"),),
        (),
    ]


def test_the_zero_register_drops_what_is_written() -> None:
    assert ops("LDR WZR,[X1]") == (Load(None, X1),)
    assert ops("MOV WZR,#1") == ()
    assert aarch64_compute.find("LDR") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LDR W0", "found 1 operand of LDR, expected 2"),
        ("LDR W0,X1", "found `X1` as operand of LDR, expected a memory operand"),
        ("LDR W0,[W1]", "a base register of 64 bits"),
        ("LDAR W0,[X1,#4]", "a base register alone"),
        ("LDUR W0,[X1,X2]", "expected an address such as"),
        ("LDRB X0,[X1]", "expected a register such as W1"),
        ("STXR X3,W0,[X1]", "expected a register such as W1"),
        ("LDADD W0,X2,[X1]", "a register of 32 bits"),
        ("EOR W0,X1,X2", "a register of 32 bits"),
        ("ADD W0,W1,W2,FOO", "a shift such as"),
        ("ADD W0,W1,W2,LSL #40", "a shift by 0 to 31"),
        ("MOVK W0,#1,LSL #32", "a shift by 0, 16"),
        ("TBZ W0,#32,L", "a bit from 0 to 31"),
        ("CSEL W0,W1,W2,SY", "a condition such as EQ"),
        ("DMB", "found 0 operands of DMB, expected 1"),
        ("DMB FOO", "a barrier option"),
        ("B #1", "expected a label"),
        ("CBZ W0,L9", "thread 0 has no label `L9`"),
        ("STADDA W0,[X1]", "there is no STADDA"),
    ],
)
def test_operands_that_do_not_fit(text: str, expected: str) -> None:
    assert expected in refused(text).message


@pytest.mark.parametrize("text", ["FOO W0", "LDXP W0,W2,[X1]", "BR X0", "DC CVAC,X1", "LD1 X0"])
def test_unsupported_instructions(text: str) -> None:
    error = refused(text)
    assert isinstance(error, Unsupported)
    assert "of AArch64 is not supported" in error.message


def test_accesses_of_several_sizes_are_refused() -> None:
    error = refused("LDR W0,[X1]\nLDR X2,[X1]")
    assert isinstance(error, Unsupported)
    assert "accessed with 64 bits here, but with 32 bits in line 4" in error.message
    program("LDR W0,[X1]\nLDR X2,[X3]", "0:X1=x; 0:X3=y")


@pytest.mark.parametrize(
    ("instruction", "value"),
    [
        ("ABS X2,X4", 0x123456789ABCDEF),
        ("ABS W2,W3", 0x65432108),
        ("REV W2,W3", 0xF8DEBC9A),
        ("REV16 X2,X3", 0x34127856BC9AF8DE),
        ("REV32 X2,X3", 0x78563412F8DEBC9A),
        ("REV64 X2,X3", 0xF8DEBC9A78563412),
        ("RBIT W2,W3", 0x1F7B3D59),
        ("RBIT X2,X3", 0x1F7B3D591E6A2C48),
        ("UBFM W2,W3,#4,#8", 0xF),
        ("UBFM W2,W3,#8,#4", 0x18000000),
        ("SBFM W2,W3,#8,#4", 0xF8000000),
        ("SBFM X2,X3,#3,#3", 0xFFFFFFFFFFFFFFFF),
        ("SMULL X2,W3,W4", 0xFFFFFFFF9ABCDEF8 * 0x76543211 % 2**64),
        ("UMULL X2,W3,W4", 0x9ABCDEF8 * 0x76543211),
        ("SMADDL X2,W3,W4,X5", (0xFFFFFFFF9ABCDEF8 * 0x76543211 + 3) % 2**64),
        ("UMSUBL X2,W3,W4,X5", (3 - 0x9ABCDEF8 * 0x76543211) % 2**64),
        ("SMNEGL X2,W3,W4", -0xFFFFFFFF9ABCDEF8 * 0x76543211 % 2**64),
        ("EXTR X2,X3,X5,#4", 0x8000000000000000),
        ("EXTR W2,W3,W5,#4", 0x80000000),
        ("EXTR X2,X3,X5,#0", 3),
    ],
)
def test_data_instructions(instruction: str, value: int) -> None:
    from membar_check.events.build import build

    init = "uint64_t 0:X3=0x123456789abcdef8; uint64_t 0:X4=0xfedcba9876543211; uint64_t 0:X5=3"
    (path,) = build(program(instruction, init), 2).paths[0]
    assert path.registers["X2"] == value


@pytest.mark.parametrize(
    ("instruction", "what"),
    [
        ("REV32 W2,W3", "a register of 64 bits"),
        ("UBFM W2,W3,#32,#1", "a bit from 0 to 31"),
        ("EXTR X2,X3,X4,#64", "a bit from 0 to 63"),
        ("SMULL X2,X3,W4", "a register such as W1"),
        ("UMULL W2,W3,W4", "a register such as X1"),
    ],
)
def test_data_instructions_that_are_wrong(instruction: str, what: str) -> None:
    assert what in refused(instruction).message


def test_arrays_with_cells_of_different_sizes() -> None:
    body = "LDRB W0,[X1,#1]\nLDRH W2,[X3,#2]\nLDR W4,[X5]"
    found = program(body, "uint8_t a[2]={1,2}; uint16_t b[2]={3,4}; 0:X1=a; 0:X3=b; 0:X5=c")
    from membar_check.events.build import build

    structure = build(found, 2)
    (path,) = structure.paths[0]
    assert [str(path.address[e]) for e in path.events] == ["a[1]", "b[1]", "c"]


@pytest.mark.parametrize(
    ("instruction", "what"),
    [
        ("MOV W0,#70000", "a constant that one instruction can make"),
        ("MOV W0,#4294967296", "a constant that one instruction can make"),
        ("MOVZ W0,#65536", "a constant of 16 bits"),
        ("MOVZ X0,#1,LSL #8", "a shift by 0, 16, 32 or 48"),
        ("MOVK W0,#70000", "a constant of 16 bits"),
        ("ADD W0,W1,#5000", "a constant from -4095 to 4095"),
        ("CMP W0,#-4096", "a constant from -4095 to 4095"),
    ],
)
def test_constants_that_do_not_fit(instruction: str, what: str) -> None:
    assert what in refused(instruction).message


@pytest.mark.parametrize(
    "constant", ["#-1", "#65536", "#0xffff0000", "#0x55555555", "#0x7ffffffe", "#0x80000001", "#0x01010101", "#-65537"]
)
def test_constants_of_moves(constant: str) -> None:
    (let,) = ops(f"MOV W0,{constant}")
    assert let == Let("X0", Const(int(constant[1:], 0) % 2**32))


@pytest.mark.parametrize(("arch", "name"), [("AArch64", "RET"), ("X86", "RET"), ("RISCV", "RET"), ("PPC", "BLR")])
def test_returns_have_no_caller(arch: str, name: str) -> None:
    with pytest.raises(Unsupported, match="returns to a caller"):
        lower(parse_litmus(Source("t.litmus", f"{arch} t\n{{ }}\n P0 ;\n {name} ;\n")))
