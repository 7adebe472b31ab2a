"""RISC-V and Power: golden operations, errors."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.litmus.parser import parse_litmus
from membar_check.program.ir import Assume, Branch, Choose, Const, Let, Load, Mark, Micro, Op, Program, Reg, Store
from membar_check.program.lower import lower

ZERO, ONE = Const(0), Const(1)
X5, X6 = Reg("x5"), Reg("x6")
R1, R2, R3 = Reg("r1"), Reg("r2"), Reg("r3")
OLD, RESERVED = Reg("%old"), Reg("RESERVED")


def program(arch: str, body: str) -> Program:
    rows = "".join(f" {row} ;\n" for row in body.split("\n"))
    return lower(parse_litmus(Source("t.litmus", f"{arch} t\n{{}}\n P0 ;\n{rows}")))


def riscv(body: str) -> tuple[Micro, ...]:
    return program("RISCV", body).threads[0].code[0].ops


def ppc(body: str) -> tuple[Micro, ...]:
    return program("PPC", body).threads[0].code[0].ops


def tags(*names: str) -> frozenset[str]:
    return frozenset(names)


# --- RISC-V -----------------------------------------------------------------------------------------------------------
def test_riscv_loads_and_stores() -> None:
    assert riscv("lw x5,0(x6)") == riscv("lw t0,(t1)") == (Load("x5", X6),)
    assert riscv("ld x5,8(x6)") == (Load("x5", Op("badd4", (X6, Const(8))), bits=64),)
    assert riscv("lw.aq x5,0(x6)") == (Load("x5", X6, tags("Acq")),)
    assert riscv("sw.rl x5,0(x6)") == (Store(X6, Op("sext32", (X5,)), tags("Rel")),)
    assert riscv("sw.aq.rl x0,0(x6)") == (Store(X6, ZERO, tags("AcqRel")),)
    assert riscv("lbu x5,0(x6)")[-1] == Let("x5", Op("zext8", (Reg("%value"),)))
    assert riscv("lw x0,0(x6)") == (Load(None, X6),)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("li x5,7", Const(7)),
        ("ori x5,x0,1", ONE),
        ("mv x5,x6", X6),
        ("addi x5,x6,0", X6),
        ("add x5,x6,x5", Op("sext64", (Op("badd4", (X6, X5)),))),
        ("xor x5,x6,x6", Op("xor", (X6, X6))),
        ("andi x5,x6,8", Op("and", (X6, Const(8)))),
        ("sltu x5,x6,x5", Op("ult", (X6, X5))),
        ("lui x5,1", Const(4096)),
        ("addw x5,x6,x5", Op("sext32", (Op("badd4", (X6, X5)),))),
        ("slli x5,x6,3", Op("sext64", (Op("shl", (X6, Op("and", (Const(3), Const(63))))),))),
        ("sext.w x5,x6", Op("sext32", (X6,))),
    ],
)
def test_riscv_computation(text: str, value: Op) -> None:
    assert riscv(text) == (Let("x5", value),)


def test_riscv_atomics() -> None:
    total = Op("sext32", (Op("badd4", (OLD, Op("sext32", (X5,)))),))
    assert riscv("amoadd.w.aq.rl x7,x5,(x6)") == (
        Load("%old", X6, tags("X", "AcqRel"), "amo"),
        Store(X6, total, tags("X", "AcqRel"), "amo"),
        Let("x7", OLD),
    )
    assert len(riscv("amoswap.w x0,x5,(x6)")) == 2


def test_riscv_reservations() -> None:
    assert riscv("lr.w.aq x5,(x6)") == (Let("RESERVED", X6), Load("x5", X6, tags("EX", "Acq"), "ex"))
    held = Assume(Op("eq", (RESERVED, X6)), pick=False)
    write = Store(X6, Op("sext32", (X5,)), tags("EX", "Rel"), "ex", status="x7")
    assert riscv("sc.w.rl x7,x5,(x6)") == (
        Choose(((held, write), (Let("x7", ONE),))),
        Let("RESERVED", ZERO),
    )


def test_riscv_fences_and_branches() -> None:
    assert riscv("fence rw,w") == (Mark(tags("F", "Fence.rw.w")),)
    assert riscv("fence") == riscv("fence iorw,iorw") == (Mark(tags("F", "Fence.rw.rw")),)
    assert riscv("fence.tso") == (Mark(tags("F", "Fence.tso")),)
    assert riscv("fence.i") == (Mark(tags("F", "Fence.i")),)
    assert riscv("bne x5,x0,L\nL:") == (Branch(Op("ne", (X5, ZERO)), "L"),)


# --- Power ------------------------------------------------------------------------------------------------------------
def test_ppc_loads_and_stores() -> None:
    assert ppc("lwz r1,0(r2)") == ppc("lwz r1,0,r2") == (Load("r1", R2),)
    assert ppc("lwzx r1,r3,r2") == (Load("r1", Op("badd4", (R3, R2))),)
    assert ppc("lwzx r1,r0,r2") == (Load("r1", R2),)
    assert ppc("stw r1,4(r2)") == (Store(Op("badd4", (R2, Const(4))), Op("sext32", (R1,))),)
    assert ppc("std r1,0(r2)") == (Store(R2, R1, bits=64),)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("li r1,2", Const(2)),
        ("addi r1,r0,2", Const(2)),
        ("addi r1,r2,2", Op("badd4", (R2, Const(2)))),
        ("subi r1,r2,2", Op("badd4", (R2, Const(-2)))),
        ("xor r1,r2,r3", Op("xor", (R2, R3))),
        ("subf r1,r2,r3", Op("bsub4", (R3, R2))),
        ("mr r1,r2", R2),
        ("lis r1,1", Const(65536)),
    ],
)
def test_ppc_computation(text: str, value: Op) -> None:
    assert ppc(text) == (Let("r1", value),)


def test_ppc_flags_and_branches() -> None:
    flags = Let("CR0", Op("flags_sub", (R1, R2, Const(64))))
    assert ppc("cmpw r1,r2") == ppc("cmpw cr0,r1,r2") == (flags,)
    assert ppc("beq L\nL:") == (Branch(Op("cond_eq", (Reg("CR0"),)), "L"),)
    assert ppc("xor. r1,r2,r3")[-1] == Let("CR0", Op("flags_sub", (R1, ZERO, Const(64))))


def test_ppc_fences_and_reservations() -> None:
    assert ppc("lwsync") == (Mark(tags("F", "LWSYNC")),)
    assert ppc("hwsync") == ppc("sync") == (Mark(tags("F", "SYNC")),)
    assert ppc("lwarx r1,r0,r2") == (Let("RESERVED", R2), Load("r1", R2, tags("X"), "ex"))
    choice, after = ppc("stwcx. r1,r0,r2")
    assert isinstance(choice, Choose)
    assert choice.alternatives[0][1] == Store(R2, Op("sext32", (R1,)), tags("X"), "ex")
    assert after == Let("RESERVED", ZERO)


@pytest.mark.parametrize(
    ("arch", "body", "expected"),
    [
        ("RISCV", "lw x5,x6", "expected an address such as `0(x5)`"),
        ("RISCV", "lr.w x5,4(x6)", "an address without offset"),
        ("RISCV", "fence r", "found 1 operand of FENCE, expected 0 or 2"),
        ("RISCV", "fence q,w", "one of r, w, rw"),
        ("RISCV", "addi x5,x6,x7", "expected an integer"),
        ("RISCV", "bne x5,x0,L", "thread 0 has no label `L`"),
        ("PPC", "lwz r1", "found 1 operand of LWZ, expected 2 or 3"),
        ("PPC", "cmpw cr1,r1,r2", "the only condition field supported"),
        ("PPC", "andi r1,r2,1", "there is no ANDI, expected ANDI."),
        ("PPC", "stw 1,0(r2)", "expected a register such as r1"),
    ],
)
def test_operands_that_do_not_fit(arch: str, body: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        program(arch, body)
    assert expected in caught.value.message
    assert caught.value.span is not None


@pytest.mark.parametrize(("arch", "body"), [("RISCV", "foo x5,x6"), ("PPC", "foo r1,r2")])
def test_unknown_instructions(arch: str, body: str) -> None:
    with pytest.raises(Unsupported) as caught:
        program(arch, body)
    assert f"of {arch} is not supported" in caught.value.message


def test_registers_have_one_name_in_conditions() -> None:
    text = "RISCV t\n{ 0:s0=x; }\n P0 ;\n nop ;\nlocations [0:a0;]\nexists (0:t1=1)"
    found = lower(parse_litmus(Source("t.litmus", text)))
    assert [str(place) for place in found.locations] == ["0:x10"]
    assert list(found.registers) == [(0, "x8")]
