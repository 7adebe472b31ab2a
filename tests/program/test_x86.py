"""X86 and X86_64: golden operations, errors."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.litmus.parser import parse_litmus
from membar_check.program.ir import Branch, Choose, Const, Goto, Let, Load, Mark, Micro, Op, Program, Reg, Store
from membar_check.program.lower import lower
from membar_check.values import Address

X = Const(Address("x"))
ATOMIC = frozenset({"X"})
EAX, EBX = Reg("EAX"), Reg("EBX")


def program(body: str, arch: str = "X86", init: str = "") -> Program:
    rows = "".join(f" {row} ;\n" for row in body.split("\n"))
    return lower(parse_litmus(Source("t.litmus", f"{arch} t\n{{ {init} }}\n P0 ;\n{rows}")))


def ops(body: str, arch: str = "X86") -> tuple[Micro, ...]:
    return program(body, arch).threads[0].code[0].ops


def refused(body: str, arch: str = "X86") -> InputError:
    with pytest.raises(InputError) as caught:
        program(body, arch)
    assert caught.value.span is not None
    return caught.value


def test_moves() -> None:
    assert ops("MOV [x],$1") == ops("mov [x], 1") == (Store(X, Const(1)),)
    assert ops("MOV EAX,[x]") == ops("movl eax,[x]") == (Load("EAX", X),)
    assert ops("MOV EAX,$-1") == (Let("EAX", Const(-1)),)
    assert ops("MOV EAX,EBX") == (Let("EAX", EBX),)
    assert ops("MOV [EBX],EAX") == (Store(EBX, EAX),)
    assert ops("MOVQ [x],$1") == (Store(X, Const(1), bits=64),)


def test_exchange_is_atomic_with_memory_only() -> None:
    expected = (
        Load("%old", X, ATOMIC, "amo"),
        Store(X, EAX, ATOMIC, "amo"),
        Let("EAX", Reg("%old")),
    )
    assert ops("XCHG [x],EAX") == ops("xchg EAX,[x]") == expected
    assert ops("XCHG EAX,EBX") == (Let("%old", EAX), Let("EAX", EBX), Let("EBX", Reg("%old")))


def test_locked_operations_are_atomic_and_plain_ones_are_not() -> None:
    locked, plain = ops("LOCK INC [x]"), ops("INC [x]")
    assert locked[0] == Load("%old", X, ATOMIC, "amo")
    assert plain[0] == Load("%old", X)
    assert isinstance(locked[-1], Store) and locked[-1].tags == ATOMIC and locked[-1].atomic == "amo"
    assert isinstance(plain[-1], Store) and plain[-1].tags == frozenset() and plain[-1].atomic == ""
    assert locked[-1].value == Op("sext32", (Op("badd4", (Reg("%old"), Const(1))),))


def test_exchange_and_add() -> None:
    read, _flags, new, write, back = ops("LOCK XADD [x],EAX")
    assert read == Load("%old", X, ATOMIC, "amo")
    assert new == Let("%new", Op("sext32", (Op("badd4", (Reg("%old"), EAX)),)))
    assert write == Store(X, Reg("%new"), ATOMIC, "amo")
    assert back == Let("EAX", Reg("%old"))


def test_compare_and_exchange_succeeds_or_fails() -> None:
    read, flags, choice = ops("LOCK CMPXCHG [x],EBX")
    assert read == Load("%old", X, ATOMIC, "amo")
    assert flags == Let("FLAGS", Op("flags_sub", (EAX, Reg("%old"), Const(32))))
    assert isinstance(choice, Choose)
    success, failure = choice.alternatives
    assert success[-1] == Store(X, EBX, ATOMIC, "amo")
    assert failure[-1] == Let("EAX", Reg("%old"))


def test_fences_and_branches() -> None:
    assert ops("MFENCE") == (Mark(frozenset({"F", "MFENCE"})),)
    found = program("CMP EAX,$1\nJNE L1\nJMP L1\nL1:").threads[0]
    assert found.labels == {"L1": 3}
    assert found.code[0].ops == (Let("FLAGS", Op("flags_sub", (EAX, Const(1), Const(32)))),)
    assert found.code[1].ops == (Branch(Op("cond_ne", (Reg("FLAGS"),)), "L1"),)
    assert found.code[2].ops == (Goto("L1"),)


def test_x86_64_reads_source_before_target_and_sizes_from_registers() -> None:
    rax = Reg("rax")
    assert ops("movq $1,(%rdi)", "X86_64") == (Store(Reg("rdi"), Const(1), bits=64),)
    assert ops("mov (%rdi),%rax", "X86_64") == (Load("rax", Reg("rdi"), bits=64),)
    assert ops("mov %eax,(x)", "X86_64") == (Store(X, Op("zext32", (rax,))),)
    assert ops("movl 4(%rdi),%r8d", "X86_64") == (Load("r8", Op("badd4", (Reg("rdi"), Const(4)))),)
    low_byte = Op("or", (Op("and", (rax, Const(2**64 - 256))), Const(1)))
    assert ops("movb $1,%al", "X86_64") == (Let("rax", low_byte),)
    scaled = Op("badd4", (Reg("rdi"), Op("mul", (Reg("rcx"), Const(4)))))
    assert ops("movl (%rdi,%rcx,4),%eax", "X86_64") == (Load("rax", scaled),)
    assert ops("movntiq %rax,(%rdi)", "X86_64") == (Store(Reg("rdi"), rax, frozenset({"NT"}), bits=64),)


def test_registers_stand_in_the_order_of_the_log() -> None:
    assert program("MFENCE").threads[0].registers[:6] == ("EAX", "EBX", "ECX", "EDX", "ESI", "EDI")
    assert program("mfence", "X86_64").threads[0].registers[:3] == ("rax", "rbx", "rcx")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("MOV EAX", "found 1 operand of MOV, expected 2"),
        ("MOV EAX,LABEL", "found `LABEL` as operand of MOV"),
        ("MOV $1,EAX", "found `1` as operand of MOV"),
        ("XCHG [x],[y]", "found `[y]` as operand of XCHG"),
        ("XADD [x],$1", "found `1` as operand of XADD, expected a register"),
        ("JMP", "found 0 operands of JMP, expected 1"),
        ("JE [x]", "expected a label"),
        ("JE L9", "thread 0 has no label `L9`"),
        ("L:\nL:", "label `L` stands twice"),
        ("LOCK MOV [x],$1", "takes no LOCK prefix"),
        ("LOCK MFENCE", "takes no LOCK prefix"),
        ("LOCK INC EAX", "needs its destination in memory"),
        ("MFENCE EAX", "expected 0"),
    ],
)
def test_operands_that_do_not_fit(body: str, expected: str) -> None:
    assert expected in refused(body).message


@pytest.mark.parametrize("body", ["FOO EAX,EBX", "MOVSD", "CLFLUSH [x]"])
def test_unknown_instructions(body: str) -> None:
    error = refused(body)
    assert isinstance(error, Unsupported)
    assert "of X86 is not supported" in error.message


def test_the_wrong_operand_is_underlined() -> None:
    span = refused("MOV EAX, LABEL").span
    assert span is not None and span.text == "LABEL"


def test_accesses_of_several_sizes_are_refused() -> None:
    error = refused("MOV [x],$1\nMOVQ [x],$1")
    assert isinstance(error, Unsupported)
    assert "`x` (int) is accessed with 64 bits here, but with 32 bits in line 4" in error.message


@pytest.mark.parametrize(
    ("arch", "body"), [("X86", "MOV EAX,$4294967296"), ("X86", "MOV EAX,$-2147483649"), ("X86_64", "movb $300,%al")]
)
def test_constants_that_do_not_fit(arch: str, body: str) -> None:
    assert "expected a number of" in refused(body, arch).message
