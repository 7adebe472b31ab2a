"""Kernel C computes what C computes: expressions, statements, calls, conversions; judged by running it."""

from __future__ import annotations

import pytest

from support.inline import check, states
from support.kernel_c import computed


def value(expression: str, text: str = "", before: str = "") -> int:
    """What a single CPU finds for an expression of type ``long``."""
    return int(computed(f"{before}\nlong result = {expression};", text)["result"])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("7 & 3 | 8 ^ 1", 11),
        ("~0", -1),
        ("1 << 31", -(1 << 31)),
        ("1u << 31", 1 << 31),
        ("1L << 40", 1 << 40),
        ("-8 >> 1", -4),
        ("0x7fffffff + 1", -(1 << 31)),
        ("0x7fffffffu + 1", 1 << 31),
        ("0xffffffff + 1", 0),
        ("0xffffffffL + 1", 1 << 32),
        ("010 + 'a'", 8 + 97),
        ("'\\n'", 10),
        ("3 > 2 > 1", 0),
        ("-1 < 0u", 0),
        ("-1L < 0u", 1),
        ("!5 + !0", 1),
        ("(unsigned char)300", 44),
        ("(signed char)200", -56),
        ("(short)70000", 4464),
        ("(_Bool)17", 1),
        ("(unsigned)-1", (1 << 32) - 1),
        ("(int)0x1ffffffffL", -1),
        ("1 ? 2 : 3", 2),
        ("(1, 2, 3)", 3),
        ("sizeof(int) + sizeof(long)", 2),
        ("+5 - -5", 10),
    ],
)
def test_constants(expression: str, expected: int) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b * c", 3 + 5 * 7),
        ("u - 4", (1 << 32) - 1),
        ("u > -1", 0),
        ("(char)(a * 100)", 44),
        ("a << b >> 2", 24),
        ("a && b || c", 1),
        ("!a || a == 3 && c != 7", 0),
        ("a > b ? a : b", 5),
        ("(m = 4, m += a, m <<= 1, m |= 1, m ^= 2, m -= 3, m /= 2, m %= 4, m)", 1),
        ("a++", 3),
        ("++a", 4),
        ("a--", 3),
        ("--a", 2),
        ("(m = n = a) + n", 6),
        ("(byte += 255) + byte", 2 * 254),
        ("byte++", 255),
        ("(byte = 256) + 1", 1),
        ("-a * ~b", 18),
        ("(flag = b, flag)", 1),
        ("m && a / m", 0),
        ("a || a / m", 1),
        ("m ? a / m : 6", 6),
    ],
)
def test_locals(expression: str, expected: int) -> None:
    before = "int a = 3, b = 5, c = 7, m = 0, n = 0; unsigned u = 3; unsigned char byte = 255; _Bool flag = 0;"
    assert value(expression, before=before) == expected


def test_conversions_in_assignments_arguments_and_returns() -> None:
    text = """
    unsigned char low(int v) { return v; }
    int wide(unsigned short v) { return v; }
    _Bool yes(int v) { return v; }
    """
    assert value("low(0x1ff) + wide(-1) + yes(8)", text) == 255 + 65535 + 1


# --- statements ------------------------------------------------------------------------------------------------------
def test_loops() -> None:
    found = computed(
        """
        int sum = 0, odd = 0, n = 0, k = 0, down = 5, twice = 0;
        for (int i = 0; i < 10; i++) { if (i % 2) continue; if (i == 8) break; sum += i; }
        for (;;) { if (++odd == 4) break; }
        while (n < 3) n++;
        do k += 2; while (k < 7);
        while (down --> 0) { if (down == 2) break; }
        for (int i = 0, j = 9; i < j; i++, j--) for (int i = 0; i < 2; i++) twice++;
        """
    )
    assert found == {"sum": "12", "odd": "4", "n": "3", "k": "8", "down": "2", "twice": "10", "j": "4"}


SWITCH = """
enum kind { FIRST = 2, SECOND, FOURTH = SECOND + 4 };
static int f(int v)
{
	int r = 0;
	switch (v) {
	case FIRST:
		return 1;
	case SECOND:
		r += 2;
	case FOURTH: {
		r++;
		break;
	}
	default:
		r = 50;
	case 9:
		for (;;) { r++; break; }
		break;
	}
	return r;
}
"""


@pytest.mark.parametrize(("argument", "expected"), [(2, 1), (3, 3), (7, 1), (9, 1), (4, 51)])
def test_switch(argument: int, expected: int) -> None:
    assert value(f"f({argument})", SWITCH) == expected
    assert value("f(v)", SWITCH, f"int v = {argument};") == expected


def test_goto_leaves_nested_blocks() -> None:
    body = "int r = 0; for (int i = 0; ; i++) { while (1) { if (i == 2) goto out; r += 10; break; } }\nout:\nr++;"
    assert computed(body)["r"] == "21"


def test_early_returns_and_nested_calls() -> None:
    text = """
    static int sign(int v) { if (v < 0) return -1; if (!v) return 0; return 1; }
    static int twice(int v) { return v * 2; }
    static inline int both(int a, int b) { return twice(sign(a)) + sign(twice(b)); }
    static void nothing(void) { return; }
    """
    assert value("both(-5, 3) * 10 + both(0, sign(-9)) + twice(twice(twice(1)))", text) == -10 - 1 + 8
    assert value("(nothing(), 5)", text) == 5


def test_calls_in_conditions_and_short_circuits() -> None:
    text = "int calls;\nstatic int count(int v) { calls++; return v; }"
    body = """
    if (count(0) && count(1)) calls += 100;
    if (count(1) || count(1)) calls += 1000;
    int r = !count(0) && (count(2) || count(1)) ? count(7) : count(8);
    int t = count(0) ? count(1) : 3;
    int total = calls;
    """
    assert value("(count(1) || count(0)) + 10 * (count(0) && count(1)) + 100 * (count(2) && count(3))", text) == 101
    assert value("(count(1) ? count(2) : count(3)) + 10 * (count(0) ? count(2) : count(3))", text) == 32
    found = computed(body, text)
    assert (found["r"], found["t"], found["total"]) == ("7", "3", str(1000 + 2 + 3 + 1))


def test_shadowed_names_are_different_variables() -> None:
    inner = "{ int a = 5; r += a; { int a = 7; r += a; } r += a; }"
    found = computed(f"int a = 1, r = 0; {inner} if (r) {{ int a = 9; }} r += a;")
    assert found == {"r": str(5 + 7 + 5 + 1)}


# --- objects ---------------------------------------------------------------------------------------------------------
OBJECTS = """
struct inner { int a; int b[3]; };
struct outer { int first; struct inner in; struct inner many[2]; struct outer *next; int (*op)(int, int); };
int add(int a, int b) { return a + b; }
int sub(int a, int b) { return a - b; }
struct outer one = { .first = 1, .in = { 2, { 3, 4, 5 } }, .op = add };
struct outer two = { 10, .in.b = { [1] = 11 }, .many = { [1].b[2] = 12, [0] = { .a = 13 } }, .next = &one, .op = &sub };
int table[] = { 1, [5] = 6 };
int *into = &two.many[1].b[2];
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("one.first + one.in.a + one.in.b[0] + one.in.b[2]", 11),
        ("two.first + two.in.b[1] + two.many[1].b[2] + two.many[0].a", 10 + 11 + 12 + 13),
        ("two.next->in.b[1] + two.next->next == 0", 0),
        ("two.next == &one", 1),
        ("two.op(9, 4) * 100 + two.next->op(9, 4) * 10 + (*two.op)(1, 1)", 630),
        ("sizeof(struct outer)", 1 + 4 + 8 + 2),
        ("sizeof(table) / sizeof(table[0])", 6),
        ("*into + into[-1]", 12),
        ("into - &two.many[1].b[0]", 2),
        ("*(&two.many[0].a + 4)", 0),
        ("table[5] * 2", 12),
        ("*(table + 5) + *table", 7),
        ("(&two)->many[1].b[2]", 12),
        ("offsetof(struct outer, many) + offsetof(struct outer, in.b)", 7),
        ("((struct outer *)((void *)(&two.in.b) - offsetof(struct outer, in.b)))->first", 10),
        ("(p = &two.many[1], p--, p->a)", 13),
        ("(p = two.many, p++->a + p->b[2])", 25),
        ("!p + !!into", 2),
        ("p ? 1 : 2", 2),
        ("pick(&two, 1)->b[2]", 12),
    ],
)
def test_structs_arrays_and_pointers(expression: str, expected: int) -> None:
    text = OBJECTS + "static struct inner *pick(struct outer *o, int n) { return &o->many[n]; }\n"
    assert value(expression, text, "struct inner *p = 0;") == expected


def test_writing_through_pointers() -> None:
    body = """
    struct outer *p = &two;
    p->next->in.b[1] += 6;
    p->many[p->next->first].a++;
    *&p->first = 3;
    int *q = &p->in.a;
    *q++ = 8;
    q[2] = 9;
    int r = one.in.b[1] * 1000 + two.many[1].a * 100 + two.first * 10 + two.in.a + two.in.b[2];
    """
    assert computed(body, OBJECTS)["r"] == str(10000 + 100 + 30 + 8 + 9)


def test_locals_in_memory() -> None:
    text = OBJECTS + """
    static void set(int *p, int v) { *p = v; }
    static int sum(struct inner *p) { return p->a + p->b[0] + p->b[1] + p->b[2]; }
    static int through(int v) { set(&v, v + 1); return v; }
    """
    body = """
    int a; struct inner s = { .b = { 1, 2 } }; int many[2] = { 4 }; struct inner z = { 0 };
    set(&a, 5); s.a = 10; set(&s.b[2], 20); set(many + 1, 7);
    int r = a + sum(&s) + many[0] + many[1] + through(100) + sum(&z);
    """
    assert computed(body, text)["r"] == str(5 + 33 + 11 + 101)


def test_a_static_local_keeps_its_value() -> None:
    assert value("next() + next() + next()", "static int next(void) { static int n = 4; return n++; }") == 15


def test_per_cpu_objects() -> None:
    text = """
    struct rq { int nr; int state; };
    DEFINE_PER_CPU(struct rq, runqueues) = { .nr = 7 + __cpu };
    DEFINE_PER_CPU(int, counter);
    #define this_rq() this_cpu_ptr(&runqueues)
    """
    body = """
    this_rq()->state = 4; this_cpu_write(runqueues.nr, this_cpu_read(runqueues.nr) + 1);
    this_cpu_write(counter, 3); per_cpu(counter, 0)++;
    int r = per_cpu(runqueues, 0).nr * 100 + per_cpu_ptr(&runqueues, 0)->state * 10 + __this_cpu_read(counter);
    """
    assert computed(body, text)["r"] == "844"


def test_primitives_take_any_object() -> None:
    text = "struct s { int pad; int a; unsigned char c; long l; }; struct s o; struct s *p = &o; struct s **pp = &p;"
    body = """
    WRITE_ONCE((*pp)->a, 5); smp_store_release(&(*pp)->c, 0x105); atomic_add(3, &p->a);
    int a = READ_ONCE(READ_ONCE(*pp)->a) + xchg(&o.c, 0x207);
    int b = smp_load_acquire(&o.c) + cmpxchg(&o.a, 4 + 4, 1 + 1) + o.a;
    int c = atomic_inc_return(&o.a) + atomic_fetch_add(10, &o.a) + (atomic_dec_and_test(&o.a) ? 0 : 1000) + o.a;
    """
    found = computed(body, text)
    assert found == {"a": "13", "b": str(7 + 8 + 2), "c": str(3 + 3 + 1000 + 12)}


def test_final_states_name_the_fields() -> None:
    text = """C t
{}
struct s { int a; int b[2]; };
struct s o;
int x;
P0(void) { o.b[1] = 3; x = 1; }
locations [o.b[1]; x; o.a;]
exists (o.b[1]=3)
"""
    assert states(check(text)) == {"[x]=1; [o.a]=0; [o.b[1]]=3"}
