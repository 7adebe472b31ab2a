"""What kernel C is lowered to: instructions, dependencies, arms, memory, names."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import Source
from membar_check.litmus.syntax import And, Atom, GlobalRef, Literal, RegisterRef, Symbol
from membar_check.program.control import Call, KernelInfo, Return
from membar_check.program.ir import Branch, Choose, Const, Goto, Let, Load, Mark, Op, Program, Reg, Store
from membar_check.program.lower import lower
from membar_check.program.macros import load_macros
from membar_check.resources import models_dir
from membar_check.values import Address, CodeLabel
from support.inline import parse, structure_of
from support.kernel_c import code_of, program, unit

XYZ = "int x, y, z, w;\n"


def info(made: Program) -> KernelInfo:
    assert made.kernel is not None
    return made.kernel


def ctrl(body: str, text: str = "") -> set[str]:
    """The writes of P0 that some read controls, with that read, as ``x->y``; over all paths."""
    other = "WRITE_ONCE(x, 1);\n\tWRITE_ONCE(w, 1);"
    structure = structure_of(unit(XYZ + text, body, other))
    found = set()
    for path in structure.paths[0]:
        for a, b in path.relations.get("ctrl", ()):
            if structure.events[b].is_write:
                found.add(f"{path.address[a]}->{path.address[b]}")
    return found


# --- control dependencies --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if (READ_ONCE(x)) WRITE_ONCE(y, 1); WRITE_ONCE(z, 1);", {"x->y"}),
        ("if (READ_ONCE(x)) WRITE_ONCE(y, 1); else WRITE_ONCE(z, 1);", {"x->y", "x->z"}),
        ("if (READ_ONCE(x)) return; WRITE_ONCE(y, 1);", {"x->y"}),
        ("if (READ_ONCE(x)) goto out; WRITE_ONCE(y, 1); out: WRITE_ONCE(z, 1);", {"x->y"}),
        ("for (;;) { if (READ_ONCE(x)) break; WRITE_ONCE(y, 1); break; } WRITE_ONCE(z, 1);", {"x->y"}),
        ("do { if (READ_ONCE(x)) continue; WRITE_ONCE(y, 1); } while (0); WRITE_ONCE(z, 1);", {"x->y"}),
        ("switch (READ_ONCE(x)) { case 1: WRITE_ONCE(y, 1); break; default: ; } WRITE_ONCE(z, 1);", {"x->y"}),
        ("while (!READ_ONCE(x)) WRITE_ONCE(y, 1); WRITE_ONCE(z, 1);", {"x->y"}),
        ("if (READ_ONCE(x) && READ_ONCE(w)) WRITE_ONCE(y, 1); WRITE_ONCE(z, 1);", {"x->y", "w->y"}),
        ("int a = READ_ONCE(x) ? READ_ONCE(w) : 0; WRITE_ONCE(y, 1); WRITE_ONCE(z, a);", set()),
        ("int a = 0; if (READ_ONCE(x)) a = 1; if (a) WRITE_ONCE(y, 1); WRITE_ONCE(z, 1);", {"x->y"}),
        ("int cpu; for (cpu = 0; cpu < 2; cpu++) WRITE_ONCE(y, cpu);", set()),
        # over calls
        ("if (READ_ONCE(x)) set(); WRITE_ONCE(z, 1);", {"x->y"}),
        ("if (test()) WRITE_ONCE(y, 1); WRITE_ONCE(z, 1);", {"x->y"}),
        ("stop_early(); WRITE_ONCE(z, 1);", {"x->y"}),
        ("int a = early(); if (a) WRITE_ONCE(y, 1); WRITE_ONCE(z, 1);", {"x->y"}),
        ("if (READ_ONCE(x)) nothing(); WRITE_ONCE(z, 1);", set()),
    ],
)
def test_control_dependencies_end_where_the_ways_meet(body: str, expected: set[str]) -> None:
    text = """
    static void set(void) { WRITE_ONCE(y, 1); }
    static int test(void) { return READ_ONCE(x); }
    static void stop_early(void) { if (READ_ONCE(x)) return; WRITE_ONCE(y, 1); }
    static int early(void) { if (READ_ONCE(x)) return 1; return 0; }
    static void nothing(void) { }
    """
    assert ctrl(body, text) == expected


def test_data_and_address_dependencies_pass_through_calls() -> None:
    text = XYZ + "int array[2];\nstatic int same(int v) { return v; }\nstatic int *at(int v) { return &array[v]; }\n"
    structure = structure_of(unit(text, "WRITE_ONCE(y, same(READ_ONCE(x))); WRITE_ONCE(*at(READ_ONCE(z)), 1);", ""))
    (path,) = structure.paths[0]
    for kind, expected in (("data", {("x", "y")}), ("addr", {("z", "array")})):
        pairs = {(path.address[a].name, path.address[b].name) for a, b in path.relations.get(kind, ())}
        assert pairs == expected


# --- instructions ----------------------------------------------------------------------------------------------------
def test_every_event_is_an_instruction_of_its_own() -> None:
    body = "WRITE_ONCE(y, READ_ONCE(x) + READ_ONCE(z)); y = x; atomic_add(w, &z); spin_lock(&lock); spin_unlock(&lock);"
    made = program(unit(XYZ + "spinlock_t lock;\n", body))
    for instruction in made.threads[0].code:
        events = [op for op in instruction.ops if isinstance(op, Load | Store | Mark)]
        whole = len(events) == 2 and (getattr(events[1], "atomic", "") or "LKW" in events[1].tags)
        assert len(events) < 2 or whole


def test_a_read_goes_straight_into_its_local() -> None:
    (first, second, _) = code_of(program(unit(XYZ, "int a = READ_ONCE(x), b = y;")), "P0")
    assert [type(op) for op in (*first.ops, *second.ops)] == [Load, Load]
    assert [op.dst for op in (*first.ops, *second.ops) if isinstance(op, Load)] == ["a", "b"]


def test_calls_pass_values_and_return_them() -> None:
    text = XYZ + "static int add(int a, int b) { return a + b; }\nint (*op)(int, int) = add;\n"
    made = program(unit(text, "int r = add(1, 2); op(3, 4);"))
    calls = [op for instruction in code_of(made, "P0") for op in instruction.ops if isinstance(op, Call)]
    assert calls[0] == Call(Const(CodeLabel(-1, "add")), (Const(1), Const(2)), "r")
    assert isinstance(calls[1].function, Reg) and calls[1].dst is None
    assert info(made).functions["add"].parameters == ("a", "b")
    assert made.memory[Address("op")] == CodeLabel(-1, "add")
    last = code_of(made, "add")[-1].ops[-1]
    assert isinstance(last, Return) and last.value is not None
    assert all(made.threads[0].labels[f.entry] >= 0 for f in info(made).functions.values())
    assert made.threads[0].entry == "P0" and made.threads[0].code is made.threads[0].code


def test_exit_tests_of_loops_name_their_loop() -> None:
    body = "while (READ_ONCE(x)) if (READ_ONCE(y)) break; for (;;) { if (READ_ONCE(z)) break; if (w) x = 1; }"
    branches = [i.ops[-1] for i in code_of(program(unit(XYZ, body)), "P0") if isinstance(i.ops[-1], Branch)]
    assert [b.loop is not None for b in branches if isinstance(b, Branch)] == [True, False, True, False]


def test_what_is_known_makes_no_branch() -> None:
    text = XYZ + "enum { NO, YES };\n"
    for body in ("if (NO && x) y = 1;", "if (YES || x) ; else y = 1;", "int r = NO ? x : 3;", "while (0) y = 1;"):
        code = code_of(program(unit(text, body)), "P0")
        assert not any(isinstance(op, Branch | Load) for i in code for op in i.ops if not isinstance(op, Goto))


def test_this_rq_is_computed_before_the_access_and_this_cpu_write_at_once() -> None:
    text = "struct rq { int pad; int state; };\nDEFINE_PER_CPU(struct rq, runqueues);\n"
    body = "this_cpu_ptr(&runqueues)->state = 1; this_cpu_write(runqueues.state, 2);"
    code = code_of(program(unit(text, body)), "P0")
    kinds = [type(op) for instruction in code for op in instruction.ops]
    assert kinds == [Let, Store, Store, Return]
    stores = [op for instruction in code for op in instruction.ops if isinstance(op, Store)]
    assert "$cpu" not in str(stores[0].addr) and "$cpu" in str(stores[1].addr)


def test_intrinsics() -> None:
    body = """
    int c = __choice(); void *p = __alloc(3); __assume(c == 1); __free(p);
    __flag("bug", "a \\"text\\""); __lock_wait(&x); __lock_held(&x); __lock_dropped(&x);
    if (c) __stop("bug", "stop");
    """
    made = program(unit(XYZ, body))
    names = [type(op).__name__ for instruction in code_of(made, "P0") for op in instruction.ops]
    assert [n for n in names if n not in ("Let", "Branch", "Goto")] == [
        "Choose", "Alloc", "Assume", "Free", "Flag", "Hold", "Hold", "Hold", "Flag", "Return",
    ]  # fmt: skip
    assert any(isinstance(op, Choose) for op in code_of(made, "P0")[0].ops)


def test_functions_that_never_block_count_it() -> None:
    text = XYZ + "static int __nonblocking f(int a)\n{\n\tif (a)\n\t\treturn 1;\n\treturn x;\n}\n"
    code = code_of(program(unit(text, "f(3);")), "f")
    changes = [op.value for i in code for op in i.ops if isinstance(op, Let) and op.dst[0] == "$"]
    assert changes == [Op("add", (Reg("$__must_not_block_depth"), Const(n))) for n in (1, -1)]


# --- arms ------------------------------------------------------------------------------------------------------------
def test_arms_are_the_ways_out_of_branches() -> None:
    body = """
    if (x) { y = 1; } else { y = 2; }
    if (y) return;
    z = 1;
    switch (z) { case 1: w = 1; break; default: w = 2; }
    while (w) w--;
    if (0) { if (x) y = 3; }
    if (x) ;
    """
    made = program(unit(XYZ, body))
    assert [arm.text for arm in info(made).arms] == [
        "the body of `if (x)`",
        "the `else` of `if (x)`",
        "the body of `if (y)`",
        "what follows `if (y)`",
        "`case 1` of `switch (z)`",
        "`default` of `switch (z)`",
        "the body of `while (w)`",
    ]
    stores = [op for arm in info(made).arms for op in made.threads[0].code[arm.pc].ops if isinstance(op, Store)]
    assert [(str(s.addr), s.value) for s in stores[:2]] == [
        (str(Const(Address("y"))), Const(1)), (str(Const(Address("y"))), Const(2))
    ]  # fmt: skip


def test_the_runtime_has_no_arms() -> None:
    made = program(unit(XYZ, "spin_lock(&x); spin_unlock(&x);"))
    assert "preempt_enable" in info(made).functions and info(made).arms == ()


# --- memory ----------------------------------------------------------------------------------------------------------
LAYOUT = """
struct mm { int state; int users[2]; };
struct task_struct { struct mm *mm; struct { unsigned char a; long b; } in; };
struct mm mm0 = { .state = 3, .users = { [1] = 9 } }, unused = { 1 };
struct task_struct t0 = { .mm = &mm0, .in.b = -1 }, t1 = { .in = { .a = 258 } };
DEFINE_PER_CPU(struct { struct task_struct *curr; int cpu; }, rq) = { .curr = __cpu_current, .cpu = __cpu + 10 };
int *pointer = &mm0.users[1];
int x = 1, single[1];
register int depth = 4;
"""


def test_initial_memory() -> None:
    body = "int r = x + *pointer + (t0.mm != t1.mm) + per_cpu(rq, 1).cpu + single[0];"
    made = program(unit(LAYOUT, body, "x = 2;", init="0:current=t0; 1:current=t1; x=7; mm0.state=4; plain=5;"))
    shown = {info(made).cell_names[cell]: value for cell, value in made.memory.items()}
    assert shown == {
        "mm0.state": 4, "mm0.users[0]": 0, "mm0.users[1]": 9,
        "t0.mm": Address("mm0"), "t0.in.a": 0, "t0.in.b": -1, "t1.mm": 0, "t1.in.a": 2, "t1.in.b": 0,
        "rq[0].curr": Address("t0"), "rq[0].cpu": 10, "rq[1].curr": Address("t1"), "rq[1].cpu": 11,
        "pointer": Address("mm0", 2), "x": 7, "single[0]": 0, "plain": 5,
    }  # fmt: skip
    assert made.arrays == {"mm0": 3, "t0": 3, "t1": 3, "rq": 4, "single": 1}
    assert info(made).objects["rq"] == 4 and info(made).objects["x"] == 1
    assert made.types["t1[1]"] == "unsigned char" and made.types["rq[2]"] == "struct task_struct *"
    assert made.types["[x]"] == "int" and made.types["0:r"] == "int"
    assert made.registers[1, "$cpu"] == 1 and made.registers[0, "$current"] == Address("t0")
    assert made.registers[1, "$depth"] == 4


def test_locals_in_memory_have_a_copy_for_each_activation() -> None:
    text = """
    static void into(int *p) { *p = 1; }
    static int shared(void) { int v = 0; into(&v); return v; }
    static int own(void) { int v = 0; into(&v); return v; }
    static void handler(void *info) { shared(); }
    """
    body = "smp_call_function_single(1, handler, NULL, 1); own(); int mine; into(&mine);"
    made = program(unit(text, body, "shared();", final="exists (0:mine=1)"))
    assert info(made).objects["v@shared"] == 4 and info(made).objects["v@own"] == 1
    assert made.condition == Atom(GlobalRef("mine@P0"), True, Literal(1, "1"))
    assert made.registers[1, "$thread"] == 1


def test_interrupts_and_preemption_are_cpu_registers() -> None:
    made = program(unit("static void __migrate_in(void *csd, void *task) { }\nint x;", "x = 1;", info="Migrations=2"))
    assert "$__irqs_off" in str(info(made).interrupts_on) and "$__in_interrupt" in str(info(made).interrupts_on)
    assert "$__preempt_count" in str(info(made).preemptible)
    assert info(made).migrations == 2 and "__migrate_in" in info(made).functions and info(made).cpus == 1


# --- names -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("written", "place", "value"),
    [
        ("0:r=1", RegisterRef(0, "r"), Literal(1, "1")),
        ("0:inner=1", RegisterRef(0, "inner"), Literal(1, "1")),
        ("0:twice=1", RegisterRef(0, "twice"), Literal(1, "1")),
        ("x=-1", GlobalRef("x"), Literal(-1, "-1")),
        ("mm0.state=2", GlobalRef("mm0", 0), Literal(2, "2")),
        ("mm0.users[1]=2", GlobalRef("mm0", 2), Literal(2, "2")),
        ("t1.in.a=258", GlobalRef("t1", 1), Literal(2, "258")),
        ("t0.mm=mm0", GlobalRef("t0", 0), Symbol("mm0")),
        ("t0.mm=&mm0", GlobalRef("t0", 0), Symbol("mm0")),
        ("rq[0].curr=t1", GlobalRef("rq", 0), Symbol("t1")),
        ("unused.state=1", GlobalRef("unused", 0), Literal(1, "1")),
        ("single[0]=1", GlobalRef("single", 0), Literal(1, "1")),
    ],
)
def test_places_in_conditions(written: str, place: object, value: object) -> None:
    body = "int r = x, twice = 0; { int inner = 1; int twice = 2; }"
    final = f"stale: exists ({written})\nexists ({written} /\\ x=1)"
    made = program(unit(LAYOUT, body, init="0:current=t0;", final=final))
    ((name, prop),) = info(made).conditions
    assert name == "stale" and isinstance(prop, Atom) and (prop.left, prop.right) == (place, value)
    assert isinstance(made.condition, And) and made.condition.operands[0] == prop


def test_enumerators_and_functions_are_values_in_conditions() -> None:
    text = "enum { TWO = 2 };\nstatic void f(void) { }\nstatic void (*p)(void);\nint x;"
    made = program(unit(text, "p = f;", final="exists (x=TWO /\\ p=f)"))
    assert isinstance(made.condition, And)
    values = [atom.right for atom in made.condition.operands if isinstance(atom, Atom)]
    assert values == [Literal(2, "TWO"), Symbol("f", 0, -1)]


def test_parameters_of_threads_are_addresses_of_globals() -> None:
    body = "P0(int *x, struct s *s) { WRITE_ONCE(*x, 1); s->b = 2; }"
    text = f"C test\n{{ }}\nstruct s {{ int a, b; }} s;\n{body}\nexists (x=1)\n"
    made = program(text)
    stores = [op for i in code_of(made, "P0") for op in i.ops if isinstance(op, Store)]
    assert [s.addr for s in stores] == [Const(Address("x")), Const(Address("s", 1))]


@pytest.mark.parametrize("name", ["aarch64.def", "x86-tso.def"])
def test_the_same_code_for_an_architecture(name: str) -> None:
    path = models_dir() / name
    macros = load_macros(Source(str(path), path.read_text()))
    body = "WRITE_ONCE(x, 1); smp_mb(); int r = xchg(&y, 2) + smp_load_acquire(&z); spin_lock(&w); spin_unlock(&w);"
    made = lower(parse(unit(XYZ, body)), macros)
    tags = {tag for i in made.threads[0].code for op in i.ops if isinstance(op, Mark | Load | Store) for tag in op.tags}
    assert "LK" not in tags and "MB" not in tags


def test_what_an_expression_has_computed_survives_a_switch_of_tasks() -> None:
    text = XYZ + "DEFINE_PER_CPU(int, counter);\nstatic int f(int a) { return a; }\n"
    made = program(unit(text, "*this_cpu_ptr(&counter) = x + f(3) + y; int r = x && y;"))
    alive: dict[str, int] = {}
    for at, instruction in enumerate(made.threads[0].code):
        for name in {word for word in str(instruction.ops).split("'") if word[:1] == "%"}:
            assert alive.setdefault(name, at) == at, f"{name} is used by several instructions"
        if any(isinstance(op, Return) for op in instruction.ops):
            alive.clear()
