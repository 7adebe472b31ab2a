"""Kernel C that is wrong, or outside the subset: an error that says so, with the place."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError, Unsupported
from support.kernel_c import program, unit

TEXT = """
struct other { int q; };
struct task_struct { int flags; struct other *mm; int list[3]; };
struct late;
struct task_struct t0, t1;
struct late *hidden;
int x, array[4];
register int counter;
static void nothing(void) { }
static int one(int a) { return a; }
static int declared(int a);
static void handler(void *info) { }
DEFINE_PER_CPU(struct task_struct, rq);
"""


def error(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        program(text)
    assert caught.value.span is not None, "an error says where"
    return caught.value


@pytest.mark.parametrize(
    ("body", "message"),
    [
        # names
        ("y = 1;", "`y` is not declared"),
        ("flag(3);", "there is no function `flag`"),
        ("READ_ONE(x);", "there is no function `READ_ONE`"),
        ("declared(1);", "function `declared` is declared"),
        ("int a; int a;", "`a` is declared twice in this block"),
        ("{ int a; } a = 1;", "`a` is not declared"),
        # structs
        ("t0.flag = 1;", "`struct task_struct` has no field `flag`"),
        ("t0->flags = 1;", "`t0` is a `struct task_struct` and no pointer"),
        ("t0.mm.q = 1;", "`t0.mm` is a pointer, found `.`"),
        ("x.flags = 1;", "a `int` has no fields, found `.flags`"),
        ("int r = hidden->flags;", "`struct late` is declared but not defined"),
        ("hidden++;", "the size of `struct late` is not known"),
        ("struct late here;", "the size of `struct late` is not known"),
        ("t0 = t1;", "assignments of whole structs are not supported"),
        ("int r = t0;", "a whole `struct task_struct`"),
        ("WRITE_ONCE(t0, 1);", "a whole `struct task_struct` cannot be accessed at once"),
        ("int r = READ_ONCE(array);", "a whole `int[4]`"),
        ("array = 0;", "assignments of whole arrays"),
        # calls
        ("one();", "`one` is called with 0 arguments, expected `int one(int)`"),
        ("nothing(1);", "`nothing` is called with 1 argument"),
        ("int r = nothing();", "has no value"),
        ("x(3);", "`x` is a `int` and no function"),
        ("WRITE_ONCE(x);", "`WRITE_ONCE` has 1 arguments"),
        ("int r = WRITE_ONCE(x, 1);", "has no value"),
        ("int r = smp_mb();", "has no value"),
        ("smp_call_function_single(0, one, NULL, 1);", "`one` is a `int (*)(int)`, expected `void (*)(void *)`"),
        ("P1();", "`P1` is the body of a CPU"),
        ("__flag(x, \"text\");", "`__flag` wants a string"),
        ("__flag(\"kind\");", "`__flag` has 1 argument, expected"),
        # operators and conversions
        ("int r = &x;", "`&x` is a pointer"),
        ("int *p = 5;", "`5` is an integer"),
        ("struct other *p = &t0;", "expected `struct other *`"),
        ("int r = &t0 == t0.mm;", "is compared with"),
        ("int r = &x == 3;", "is compared with"),
        ("int r = &x * 2;", "has no meaning"),
        ("int r = -&x;", "`-` wants an integer"),
        ("int r = *x;", "`x` is a `int` and no pointer"),
        ("int r = x[2];", "`x` is a `int`, found an index"),
        ("int r = array[4];", "`array` has 4 elements, there is no number 4"),
        ("int r = 1 / 0;", "division by zero"),
        ("int r = 1 << 32;", "by 32 bits"),
        ("3 = x;", "an assignment wants an object"),
        ("int *p = &3;", "`&` wants an object"),
        ("one = 0;", "an assignment wants an object"),
        ("int *p = &counter;", "is a CPU register and has no address"),
        ("int r; int s = READ_ONCE(r);", "`r` is a local variable, not an object in memory"),
        ("int r = rq.flags;", "is per-CPU"),
        ("struct task_struct *p = this_cpu_ptr(&t0);", "`t0` is not per-CPU"),
        ("void v;", "cannot be `void`"),
        # statements
        ("break;", "`break` outside"),
        ("continue;", "`continue` outside"),
        ("switch (x) { case 1: continue; }", "`continue` outside"),
        ("switch (x) { case 1: break; case 1: break; }", "two `case 1`"),
        ("switch (x) { default: break; default: break; }", "two `default`"),
        ("switch (x) { case x: break; }", "no integer constant"),
        ("switch (&x) { }", "`switch` wants an integer"),
        ("case 3: x = 1;", "`case` outside"),
        ("again: x = 1; goto again;", "`goto again` jumps back"),
        ("goto nowhere;", "`P0` has no label `nowhere`"),
        ("out: x = 1; out: x = 2;", "label `out` is defined twice"),
        # initialisers
        ("int a[2] = { 1, 2, 3 };", "one too many"),
        ("int a[2] = { [2] = 1 };", "has no element 2"),
        ("struct other o = { .p = 1 };", "no field `p`"),
        ("struct other o = { 1, 2 };", "1 field, this is one too many"),
        ("struct other o = 5;", "is initialised with `{...}`"),
        ("int r = { 1, 2 };", "a scalar has one value"),
        ("int a[] ;", "the size of `int[]` is not known"),
        ("int a[x];", "no integer constant"),
    ],
)  # fmt: skip
def test_errors_in_functions(body: str, message: str) -> None:
    text = unit(TEXT, f"\t{body}", "")
    found = error(text)
    assert message in found.message
    assert found.span is not None
    assert text.split("\n")[found.span.line - 1].strip() == body or "static" in found.span.source.text


@pytest.mark.parametrize(
    ("declarations", "message"),
    [
        ("float f;", "floating point is not supported"),
        ("double g(void) { return 0; }", "floating point is not supported"),
        ("union u { int a; };", "not supported"),
        ("struct s { int a : 3; };", "bit fields are not supported"),
        ("struct s { int a; }; int f(struct s v) { return 0; }", "is passed by value"),
        ("int f(int a, ...) { return 0; }", "variable number of arguments"),
        ("int f(char *s) { return 0; } int g(void) { return f(\"text\"); }", "a string can only be"),
        ("struct s { int a; }; int f(void) { return ((struct s){ 1 }).a; }", "a compound literal is not supported"),
        ("struct s { int a; }; int f(void) { return (struct s)0; }", "a cast to `struct s` is not supported"),
        ("int f(void) { typedef int t; return 0; }", "`typedef` is not supported inside functions"),
    ],
)  # fmt: skip
def test_what_is_not_supported_says_so(declarations: str, message: str) -> None:
    call = "g();" if " g(" in declarations else "f();" if " f(void)" in declarations else ""
    found = error(unit(declarations, call))
    assert isinstance(found, Unsupported)
    assert message in found.message


@pytest.mark.parametrize(
    ("declarations", "message"),
    [
        ("struct s { int a; int a; };", "has two fields `a`"),
        ("struct s { int a; }; struct s { int b; };", "`struct s` is defined twice"),
        ("struct s { struct s inner; };", "the size of `struct s` is not known"),
        ("int f(void) { return 0; } int f(void) { return 1; }", "function `f` is defined twice"),
        ("int f(int a); void f(void) { }", "is declared as"),
        ("int v; long v;", "`v` is declared twice"),
        ("int v = 1; int v = 2;", "`v` is declared twice"),
        ("enum e { A, A };", "`A` is declared twice"),
        ("int a[-1];", "cannot have -1 elements"),
        ("register struct { int a; } r;", "a CPU register holds a scalar"),
        ("void v;", "cannot be `void`"),
        ("struct late l;", "the size of `struct late` is not known"),
        ("mystery_t v;", "expected"),
    ],
)
def test_declarations(declarations: str, message: str) -> None:
    assert message in error(unit(declarations, "")).message


def test_recursion_names_the_cycle() -> None:
    text = "static void b(void);\nstatic void a(void) { b(); }\nstatic void c(void) { a(); }\n"
    text += "static void b(void) { c(); }"
    found = error(unit(text, "a();"))
    assert "a -> b -> c -> a" in found.message
    assert found.span is not None and found.span.line == 7


def test_a_function_that_may_end_without_its_value() -> None:
    text = "static int f(int a) { if (a) return 1; }"
    assert "`f` can end without returning its `int`" in error(unit(text, "f(1);")).message
    assert "returns `int`, but nothing" in error(unit("static int f(void) { return; }", "f();")).message
    assert "returns nothing" in error(unit("static void f(void) { return 3; }", "f();")).message
    program(unit("static int f(int a) { for (;;) { if (a) return 1; } }", "f(1);"))
    program(unit("static int f(int a) { switch (a) { case 1: return 1; default: return 2; } }", "f(1);"))


def test_functions_that_nothing_calls_are_not_looked_at() -> None:
    made = program(unit("static int f(void) { return undeclared; }", ""))
    assert made.kernel is not None and "f" not in made.kernel.functions


# --- initial values --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("declarations", "init", "message"),
    [
        ("int x; int y = x;", "", "the initial value of `y` is no constant"),
        ("int f(void) { return 1; } int y = f();", "", "`f` is called where a constant is expected"),
        ("int y = __cpu;", "", "the initial value of `y` is no constant"),
        ("DEFINE_PER_CPU(struct task_struct *, c) = __cpu_current;", "", "but it runs none"),
        ("int x;", "0:current=t9;", "unknown object `t9`"),
        ("int x;", "0:r1=3;", "current"),
        ("int x;", "5:current=x;", "there is no CPU 5"),
        ("int x;", "0:current=x; 0:current=x;", "initialised twice"),
        ("int x;", "x=1; x=2;", "initialised twice"),
        ("struct s { int a, b; } s;", "s=1;", "a whole `struct s` cannot have one value"),
    ],
)
def test_initial_values(declarations: str, init: str, message: str) -> None:
    use = "struct task_struct;"
    body = "int r = y;" if " y" in declarations else ""
    if "DEFINE_PER_CPU" in declarations:
        body = "int r = per_cpu(c, 0) != 0;"
    assert message in error(unit(use + declarations, body, init=init)).message


# --- conditions ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("0:r9=1", "`r9` is no local variable of P0"),
        ("3:r1=1", "there is no thread 3"),
        ("0:i=1", "P0 has several `i`"),
        ("nobody=1", "unknown object `nobody`"),
        ("t.nothing=1", "has no field `nothing`"),
        ("t=1", "is a whole `struct t`"),
        ("t.a.b=1", "has no field `b`"),
        ("a[3]=1", "has 3 elements, there is no number 3"),
        ("a={1,2}", "has 3 elements, but 2 values given"),
        ("a=1", "compared with `{...}`"),
        ("x[0]=1", "is no array"),
        ("t.a={1}", "compared with a single value"),
        ("x=&nobody", "unknown object `nobody`"),
        ("0:s=1", "is a whole `struct t`"),
    ],
)
def test_conditions(condition: str, message: str) -> None:
    text = "struct t { int a; int b; } t; int a[3], x;"
    body = "struct t s; int r1 = a[0] + t.a + x; { int i = 1; } { int i = 2; }"
    assert message in error(unit(text, body, final=f"exists ({condition})")).message


def test_migrations_is_a_number() -> None:
    assert "expected a number" in error(unit("int x;", "", info="Migrations=many")).message
