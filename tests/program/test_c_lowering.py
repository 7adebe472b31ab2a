"""C threads to IR: the events of each primitive, control flow, names, and what each mistake is told."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from membar_check.diagnostics import InputError, Source
from membar_check.litmus.c_body import parse_c_bodies
from membar_check.program.dialects.linux_c import lower_thread
from membar_check.program.ir import (
    Assume,
    Branch,
    Choose,
    Const,
    Expr,
    Goto,
    Let,
    Load,
    Mark,
    Micro,
    Op,
    Reg,
    Select,
    Store,
    Thread,
)
from membar_check.program.macros import Macros, load_macros

ROOT = Path(__file__).resolve().parent.parent.parent
OLD = """
xchg(X,V) __xchg{mb}(X,V)
xchg_acquire(X,V) __xchg{acquire}(X,V)
cmpxchg(X,O,N) __cmpxchg{mb}(X,O,N)
cmpxchg_release(X,O,N) __cmpxchg{release}(X,O,N)
atomic_add(V,X) { __atomic_op(X,+,V); }
atomic_add_return(V,X) __atomic_op_return{mb}(X,+,V)
"""


@cache
def bundled() -> Macros:
    return load_macros(Source("lkmm.def", (ROOT / "models" / "lkmm.def").read_text(encoding="utf-8")))


def thread(statements: str, lkmmv2: bool = True, macros: Macros | None = None) -> Thread:
    source = Source("t.litmus", f"P0(int *x, int *y, spinlock_t *l) {{ {statements} }}")
    (body,), _ = parse_c_bodies(source, 0)
    return lower_thread(0, body, macros or bundled(), lkmmv2)


def value(expr: Expr | None) -> str:
    if isinstance(expr, Const):
        return str(expr.value)
    if isinstance(expr, Reg):
        return expr.name
    if isinstance(expr, Op):
        return f"{expr.name}({','.join(map(value, expr.args))})"
    if isinstance(expr, Select):
        return f"select({value(expr.cond)},{value(expr.then)},{value(expr.other)})"
    return "-"


def shown(op: Micro) -> str:
    """A micro-operation in one line."""
    if isinstance(op, Let):
        return f"{op.dst} := {value(op.value)}"
    if isinstance(op, Assume):
        return f"assume {value(op.cond)}"
    if isinstance(op, Branch):
        return f"if {value(op.cond)} goto {op.target} until {op.scope}"
    if isinstance(op, Goto):
        return f"goto {op.target}"
    if isinstance(op, Choose):
        return "either " + " or ".join("(" + "; ".join(map(shown, ops)) + ")" for ops in op.alternatives)
    assert isinstance(op, Load | Store | Mark)
    sets = "{" + ",".join(sorted(op.tags)) + "}" if op.tags else ""
    lane = "".join(f"@{number}" for _, number in op.lane)
    if isinstance(op, Load):
        return f"{op.dst} := R{'*' * (op.atomic == 'amo')}{sets}{lane} {value(op.addr)}"
    if isinstance(op, Store):
        return f"W{'*' * (op.atomic == 'amo')}{sets}{lane} {value(op.addr)} := {value(op.value)}"
    carried = f" {op.dst or ''}:={value(op.value)}" if op.value is not None else ""
    return f"M{sets}{lane}" + (f" {value(op.addr)}" if op.addr is not None else "") + carried


def code(statements: str, lkmmv2: bool = True, macros: Macros | None = None) -> list[str]:
    """The instructions of a thread, each with the labels that stand before it."""
    low = thread(statements, lkmmv2, macros)
    lines = ["; ".join(map(shown, instr.ops)) for instr in low.code] + [""]
    for name, index in low.labels.items():
        lines[index] = f"{name}: {lines[index]}"
    return [line for line in lines if line]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("int r1 = READ_ONCE(*x);", ["r1 := R{ONCE} x"]),
        ("WRITE_ONCE(*x, 1);", ["W{ONCE} x := 1"]),
        ("int r1 = smp_load_acquire(x);", ["r1 := R{ACQUIRE} x"]),
        ("smp_store_release(x, 2);", ["W{RELEASE} x := 2"]),
        ("smp_mb();", ["M{F,MB}"]),
        ("smp_rmb(); barrier();", ["M{F,Rmb}", "M{Barrier,F}"]),
        ("smp_store_mb(*x, 1);", ["W{ONCE} x := 1", "M{F,MB}"]),
        ("smp_mb__after_unlock_lock();", ["M{After-unlock-lock,F}"]),
        ("rcu_read_lock(); rcu_read_unlock();", ["M{F,Rcu-lock}", "M{F,Rcu-unlock}"]),
        ("synchronize_rcu();", ["M{F,Sync-rcu}"]),
        ("rcu_assign_pointer(*x, y);", ["W{RELEASE} x := y"]),
        ("int r1 = srcu_read_lock(x);", ["r1 := R{Srcu-lock} x"]),
        ("srcu_read_unlock(x, 0);", ["W{Srcu-unlock} x := 0"]),
        ("synchronize_srcu(x);", ["M{Sync-srcu} x"]),
        ("spin_lock(l);", ["M{LK,LKR} l; M{LK,LKW} l"]),
        ("spin_unlock(l);", ["M{UL} l"]),
        ("int r1 = xchg(x, 2);", ["%1 := R*{MB,RMW,X} x; W*{MB,RMW,X} x := 2; r1 := %1"]),
        ("atomic_inc(x);", ["%1 := R*{NORETURN,RMW,X} x; W*{NORETURN,RMW,X} x := sext32(add(%1,1))"]),
        ("set_bit(2, x);", ["%1 := R*{NORETURN,RMW,X} x; W*{NORETURN,RMW,X} x := or(%1,sext32(shl(1,2)))"]),
        (
            "int r1 = atomic_sub_and_test(3, x);",
            ["%1 := R*{MB,RMW,X} x; W*{MB,RMW,X} x := sext32(sub(%1,3)); r1 := eq(sext32(sub(%1,3)),0)"],
        ),
        (
            "int r0; int r1 = atomic_fetch_add_release(r0, x);",
            ["%1 := R*{RELEASE,RMW,X} x; W*{RELEASE,RMW,X} x := sext32(add(%1,r0)); r1 := first(%1,r0)"],
        ),
        (
            "int r1 = cmpxchg(x, 1, 2);",
            [
                "either (%1 := R*{MB,RMW,X} x; assume eq(%1,1); W*{MB,RMW,X} x := 2)"
                " or (%1 := R{MB,RMW,X} x; assume ne(%1,1)); r1 := %1"
            ],
        ),
        (
            "int r1 = atomic_add_unless(x, 1, 5);",
            [
                "either (%1 := R*{MB,RMW,X} x; assume ne(%1,5); W*{MB,RMW,X} x := sext32(add(%1,1)))"
                " or (%1 := R{MB,RMW,X} x; assume eq(%1,5)); r1 := ne(%1,5)"
            ],
        ),
        (
            "int r1 = spin_trylock(l);",
            ["either (M{LK,LKR} l; M{LK,LKW} l; %1 := 1; %2 := 1) or (M{LF} l %2:=0; %1 := 0); r1 := %2"],
        ),
        (
            "if (spin_is_locked(l)) ;",
            [
                "either (M{RL} l %3:=1; %2 := 1) or (M{RU} l %3:=0; %2 := 0); if eq(%2,0) goto .1 until .1",
                ".1: ",
            ],
        ),
    ],
)
def test_primitives(statements: str, expected: list[str]) -> None:
    assert code(statements) == expected


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (
            "int r1 = xchg(x, 2);",
            ["M{F,Mb}; %1 := R*{Once,RMW,X} x; W*{Once,RMW,X} x := 2; M{F,Mb}; r1 := %1"],
        ),
        ("int r1 = xchg_acquire(x, 2);", ["%1 := R*{Acquire,RMW,X} x; W*{Once,RMW,X} x := 2; r1 := %1"]),
        (
            "int r1 = cmpxchg(x, 1, 2);",
            [
                "either (M{F,Mb}; %1 := R*{Once,RMW,X} x; assume eq(%1,1); W*{Once,RMW,X} x := 2; M{F,Mb})"
                " or (%1 := R{Once,RMW,X} x; assume ne(%1,1)); r1 := %1"
            ],
        ),
        (
            "int r1 = cmpxchg_release(x, 1, 2);",
            [
                "either (%1 := R*{Once,RMW,X} x; assume eq(%1,1); W*{RMW,Release,X} x := 2)"
                " or (%1 := R{Once,RMW,X} x; assume ne(%1,1)); r1 := %1"
            ],
        ),
        ("atomic_add(1, x);", ["%1 := R*{Noreturn,RMW,X} x; W*{Once,RMW,X} x := sext32(add(%1,1))"]),
        (
            "int r1 = atomic_add_return(1, x);",
            [
                "M{F,Mb}; %1 := R*{Once,RMW,X} x; W*{Once,RMW,X} x := sext32(add(%1,1)); M{F,Mb};"
                " r1 := sext32(add(%1,1))"
            ],
        ),
        (
            "int r1 = atomic_add_unless(x, 1, 0);",
            [
                "either (M{F,Mb}; %1 := R*{Once,RMW,X} x; assume ne(%1,0); W*{Once,RMW,X} x := sext32(add(%1,1));"
                " M{F,Mb}) or (%1 := R{Once,RMW,X} x; assume eq(%1,0)); r1 := ne(%1,0)"
            ],
        ),
    ],
)
def test_the_older_tags(statements: str, expected: list[str]) -> None:
    assert code(statements, False, load_macros(Source("old.def", OLD))) == expected


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("*x = 1;", ["W x := 1"]),
        ("int r1 = *x;", ["r1 := R x"]),
        ("int r1 = x[2];", ["r1 := R add(x,2)"]),
        ("x[1] = 3;", ["W add(x,1) := 3"]),
        ("*x += 2;", ["%1 := R x; W x := sext32(add(%1,2))"]),
        ("int r1 = 2; r1++;", ["r1 := 2", "r1 := sext32(add(r1,1))"]),
        ("int *r1 = READ_ONCE(*x); *r1 = 4;", ["r1 := R{ONCE} x", "W r1 := 4"]),
        ("int r1 = **x;", ["%1 := R x; r1 := R %1"]),
        ("int *p = &x[1];", ["p := add(x,1)"]),
        ("int r1 = (u8)(*x ^ 3);", ["%1 := R x; r1 := zext8(xor(%1,3))"]),
        ("int r1, r2; r1 = !r2; r1 = ~r2; r1 = -r2;", ["r1 := eq(r2,0)", "r1 := not(r2)", "r1 := sext32(neg(r2))"]),
        ("int r1, r2; r1 = r1 == 2 && r2;", ["r1 := land(eq(r1,2),ne(r2,0))"]),
        ("int r1, r2; r1 = r1 ? r2 : 3;", ["r1 := select(ne(r1,0),r2,3)"]),
        ("(void)xchg(x, 1);", ["%1 := R*{MB,RMW,X} x; W*{MB,RMW,X} x := 1"]),
        ("r9 = 1; r9 = r9 + 1;", ["r9 := 1", "r9 := sext32(add(r9,1))"]),
        ("x = y; *x = 1;", ["x := y", "W x := 1"]),
    ],
)
def test_plain_accesses_and_values(statements: str, expected: list[str]) -> None:
    assert code(statements) == expected


def test_operands_are_not_ordered() -> None:
    assert code("int r1 = READ_ONCE(*x) + *y;") == [
        "%1 := R{ONCE}@0 x; %2 := R@1 y; r1 := sext32(add(%1,%2))",
    ]
    assert code("int r1 = xchg_relaxed(x, *y);") == [
        "%1 := R@1 y; %3 := R*{ONCE,RMW,X}@0 x; W*{ONCE,RMW,X} x := %1; r1 := %3",
    ]
    assert code("WRITE_ONCE(*x, *y);") == ["%1 := R@1 y; W{ONCE} x := %1"]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (
            "int r1 = 0; if (r1 == 1) WRITE_ONCE(*x, 1);",
            ["r1 := 0", "if ne(r1,1) goto .1 until .1", "W{ONCE} x := 1", ".1: "],
        ),
        (
            "int r1; if (r1) *x = 1; else *x = 2; *y = 3;",
            [
                "if eq(r1,0) goto .1 until .2",
                "W x := 1",
                "goto .2",
                ".1: W x := 2",
                ".2: W y := 3",
            ],
        ),
        (
            "while (READ_ONCE(*x)) *y = 1;",
            [".1: %3 := R{ONCE} x; if eq(%3,0) goto .2 until .2", "W y := 1", "goto .1", ".2: "],
        ),
        (
            "int r1; do { r1 = *x; } while (r1 < 2);",
            [".1: r1 := R x", "if lt(r1,2) goto .1 until .2", ".2: "],
        ),
        (
            "int r1, r2; if (r1 && !(r2 || *y)) *x = 1;",
            [
                "if eq(r1,0) goto .1 until .1",
                "if ne(r2,0) goto .1 until .1",
                "%2 := R y; if ne(%2,0) goto .1 until .1",
                "W x := 1",
                ".1: ",
            ],
        ),
        (
            "int r1, r2; if (r1 || r2) *x = 1;",
            [
                "if ne(r1,0) goto .2 until .1",
                "if eq(r2,0) goto .1 until .1",
                ".2: W x := 1",
                ".1: ",
            ],
        ),
    ],
)
def test_control_flow(statements: str, expected: list[str]) -> None:
    assert code(statements) == expected


def test_operands_with_events_that_may_not_run() -> None:
    assert code("int r1 = *x && *y;") == [
        "&1 := R x; &4 := ne(&1,0); if eq(&4,0) goto .3 until .3",
        "&5 := R y; &4 := ne(&5,0)",
        ".3: r1 := &4",
    ]
    assert code("int r1 = *x ? *y : 2;") == [
        "&1 := R x; if eq(&1,0) goto .4 until .3",
        "&6 := R y; &5 := &6; goto .3",
        ".4: &5 := 2",
        ".3: r1 := &5",
    ]


def test_goto_makes_dependencies_end_where_all_ways_meet() -> None:
    text = "int r1; if (r1) { goto out; } *x = 1; out: *y = 1;"
    assert [shown(op) for instr in thread(text).code for op in instr.ops] == [
        "if eq(r1,0) goto .1 until .end3",
        "goto out",
        "W x := 1",
        "W y := 1",
    ]
    assert thread(text).labels == {".1": 2, "out": 3, ".end3": 3}


def test_a_branch_from_which_no_way_leads_out_has_no_end() -> None:
    endless = thread("int r1; again: if (r1) { *x = 1; } goto again;")
    assert [op.scope for instr in endless.code for op in instr.ops if isinstance(op, Branch)] == [None]


def test_registers_and_spans() -> None:
    low = thread("int r10 = 1; int r2; if (r2) { smp_store_mb(*x, 1); }")
    assert low.registers == ("l", "r10", "r2", "x", "y")
    assert [instr.span.text for instr in low.code] == ["r10 = 1", "r2", "smp_store_mb(*x, 1)", "smp_store_mb(*x, 1)"]


def fault(statements: str, macros: str = "") -> InputError:
    with pytest.raises(InputError) as caught:
        thread(statements, True, load_macros(Source("m.def", macros)) if macros else None)
    assert caught.value.span is not None and caught.value.span.source.name == "t.litmus"
    return caught.value


@pytest.mark.parametrize(
    ("statements", "message", "place"),
    [
        ("int r1 = z;", "`z` is neither a parameter nor a local of P0", "z"),
        ("WRITE_ONCE(*z, 1);", "`z` is neither a parameter nor a local of P0", "z"),
        ("WRITE_ONCE(x, 1);", "wants an object in memory, such as `*x`; found `x`", "x"),
        ("int r1 = READ_ONCE(x + 1);", "wants an object in memory, such as `*x`; found `x + 1`", "x + 1"),
        ("int *p = &x;", "`&` wants an object in memory, such as `*x`; found `x`", "x"),
        ("READ_ONC(*x);", "`READ_ONC` is neither a macro of lkmm.def nor a primitive", "READ_ONC(*x)"),
        ("int r1 = smp_mb();", "`smp_mb` is a statement and has no value", "smp_mb()"),
        ("int r1 = __fence{mb};", "`__fence` is a statement and has no value", "__fence{mb}"),
        ("smp_mb(1);", "`smp_mb` has 1 arguments, expected `smp_mb()`", "smp_mb(1)"),
        ("int r1 = READ_ONCE();", "`READ_ONCE` has 0 arguments, expected `READ_ONCE(X)`", "READ_ONCE()"),
        ("int r1 = __load(*x);", "`__load` has no tag, expected `__load{tag}(X)`", "__load(*x)"),
        ("__store{once}(*x);", "`__store` has 1 arguments, expected `__store{tag}(X,V)`", "__store{once}(*x)"),
        ("__lock{mb}(l);", "`__lock` takes no tags, expected `__lock(X)`", "__lock{mb}(l)"),
        ("__atomic_op{mb}(x, 1, 1);", "found `1`, expected one of the operators + - & | ^ &~", "1"),
        ("goto out;", "P0 has no label `out`", "goto out"),
        ("out: ; out: ;", "label `out` is defined twice in P0", "out:"),
    ],
)
def test_mistakes(statements: str, message: str, place: str) -> None:
    error = fault(statements)
    assert message in error.message
    assert error.span is not None and error.span.text == place


def test_a_close_name_is_suggested() -> None:
    assert "did you mean `READ_ONCE`" in fault("READ_ONC(*x);").hint


def test_a_fault_in_a_macro_is_shown_where_it_is_used() -> None:
    error = fault("int r1 = bad(x);", "bad(X) __load{once}(X + 1)\n")
    assert error.span is not None and error.span.text == "r1 = bad(x)"
    assert "in the expansion of m.def:1:" in error.hint


def test_nesting_without_end() -> None:
    assert len(thread("int r1 = " + "+".join(["1"] * 100) + ";").code) == 1
    assert "nested too deeply" in fault("int r1 = " + "+".join(["1"] * 20000) + ";").message
