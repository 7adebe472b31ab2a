"""The hash by which herd7's tools recognise a test.  The expected values are herd7's."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import Source
from membar_check.litmus.hash import test_hash as hash_of
from membar_check.litmus.parser import parse_litmus


def hash_text(text: str) -> str:
    return hash_of(parse_litmus(Source("t.litmus", text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "X86 t\n{ x=1; }\n P0 | P1 ;\n MOV [x],$1 | LOCK INC [x] ;\n MOV EAX,[y] | JNE L ;\n"
            " MFENCE | L: ;\nexists (0:EAX=0 /\\ x=1)",
            "6cb703ee58c831a9799049c3e64f6e0b",
        ),
        (
            "X86_64 t\n{ 0:rdi=x; }\n P0 ;\n movl $1,(%rdi) ;\n xchg %eax,(x) ;\nexists (0:rax=0)",
            "9bf709cb1954c101f78938133248ca49",
        ),
        (
            "AArch64 t\n{ uint64_t y; 0:X1=x; 1:X1=x; 1:X3=0x10; }\n P0 | P1 ;\n"
            " MOVZ W0,#1,LSL #16 | SWPAL W0,W2,[X1] ;\n LDR W0,[X1],#4 | DMB ISHLD ;\n"
            "locations [y; 1:X3;]\nexists (x=1)",
            "a1c6efc23e6f66c420c3aa8c064331ee",
        ),
        (
            "AArch64 t\n{ 0:X1=x; }\n P0 ;\n LDUR W0,[X1] ;\n EON W2,W3,W4 ;\n NEG W2,W3 ;\n LSLV X2,X3,X4 ;\n"
            " UBFM W2,W3,#1,#2 ;\n REV64 X2,X3 ;\nexists (x=1)\n",
            "9ec31496e94d850837ae611594e6f78f",
        ),
        (
            "X86_64 t\n{ uint64_t 0:rsi=a; uint64_t 0:rdi=1; int a[3]; }\n P0 ;\n nop ;\n"
            " movl $1,-4(%rsi,%rdi,4) ;\nexists (a[1]=1)\n",
            "23205795a9bf8e3291186f0522741a5a",
        ),
        (
            "RISCV t\n{ 0:s0=x; }\n P0 ;\n li t1,1 ;\n amoadd.w.aq.rl t2,t1,(s0) ;\n fence rw,w ;\n"
            " sw t1,0(s0) ;\nexists (x=1 /\\ 0:t2=0)",
            "bc5a381a5a7bcf99934114e0b515b552",
        ),
        (
            "PPC t\n{ 0:r2=x; }\n P0 ;\n li r1,1 ;\n cmpw r1,r1 ;\n beq L ;\n L: b M ;\n"
            " M: std r1,0(r2) ;\nexists (x=1)",
            "3492e6d172eab43b1a98a49b9d26eb3f",
        ),
        (
            "C t\n{ int *p=&x; int a[2]={1,2}; }\nP0(int *x, volatile int *y)\n{ // note\n"
            "  int r1 = *x; }\nP1(int *x) { *x = 1; }\nexists (0:r1=1 /\\ a[1]=2)",
            "57c6e6a5714a988218b2662695b1f665",
        ),
    ],
)
def test_hashes(text: str, expected: str) -> None:
    assert hash_text(text) == expected


def test_names_labels_and_layout_do_not_matter() -> None:
    one = "AArch64 one\n{ 0:X1=x; }\n P0 ;\n CBZ W0,LA ;\n STR W0,[X1] ;\n LA: ;\nexists (x=1)"
    two = '(* c *)AArch64 two\n"doc"\nCom=Rf\n{0:X1=x;}\nP0;\ncbz w0 , Foo;\nSTR W0,[ X1 ];\nFoo:;\nexists x=2'
    assert hash_text(one) == hash_text(two)


def test_what_is_observed_matters() -> None:
    text = "X86 t\n{}\n P0 ;\n MOV [x],$1 ;\nexists (x=1)"
    assert hash_text(text) != hash_text(text.replace("exists", "locations [0:EAX;] exists"))


def test_a_hash_of_its_own_is_kept() -> None:
    assert hash_text("X86 t\nHash=0123\n{}\n P0 ;\n MFENCE ;\n") == "0123"
