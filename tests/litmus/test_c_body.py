"""C bodies: what is read, how it binds, and what each kind of mistake is told."""

from __future__ import annotations

import pytest

from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.litmus.c_body import parse_c_bodies
from membar_check.litmus.syntax import (
    CAssign,
    CBinary,
    CBlock,
    CBody,
    CCall,
    CCast,
    CDeclare,
    CExpr,
    CExprStmt,
    CGoto,
    CIf,
    CIndex,
    CInt,
    CLabel,
    CName,
    CStmt,
    CUnary,
    CWhile,
)


def parse(text: str) -> tuple[CBody, ...]:
    return parse_c_bodies(Source("t.litmus", text), 0)[0]


def body(statements: str) -> tuple[CStmt, ...]:
    return parse(f"P0(int *x, int *y) {{ {statements} }}")[0].statements


def grouped(expr: CExpr) -> str:
    """The expression with all its parentheses."""
    if isinstance(expr, CInt):
        return str(expr.value)
    if isinstance(expr, CName):
        return expr.name
    if isinstance(expr, CUnary):
        return f"({expr.op}{grouped(expr.operand)})"
    if isinstance(expr, CBinary):
        return f"({grouped(expr.left)} {expr.op} {grouped(expr.right)})"
    if isinstance(expr, CIndex):
        return f"{grouped(expr.array)}[{grouped(expr.index)}]"
    if isinstance(expr, CCast):
        return f"(({expr.type}){grouped(expr.operand)})"
    if isinstance(expr, CCall):
        tags = "{" + ",".join(expr.tags) + "}" if expr.tags else ""
        return f"{expr.name}{tags}({', '.join(map(grouped, expr.args))})"
    return f"({grouped(expr.cond)} ? {grouped(expr.then)} : {grouped(expr.other)})"


def test_threads_parameters_and_the_end() -> None:
    text = "P0(volatile int *x, spinlock_t *l) {}\nvoid P1(struct srcu_struct *s, int **p) { }\nexists (x=1)"
    bodies, end = parse_c_bodies(Source("t", text), 0)
    assert [[(p.type, p.name) for p in b.parameters] for b in bodies] == [
        [("volatile int *", "x"), ("spinlock_t *", "l")],
        [("struct srcu_struct *", "s"), ("int **", "p")],
    ]
    assert text[end:] == "\nexists (x=1)"
    assert bodies[1].span.text == "void P1(struct srcu_struct *s, int **p) { }"


@pytest.mark.parametrize("statements", ["", ";", ";;", "/* int r1; */", "// int r1;\n", "/* a **/ ; /* /* b */"])
def test_nothing_to_do(statements: str) -> None:
    assert body(statements) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * c - d", "((a + (b * c)) - d)"),
        ("a - b - c", "((a - b) - c)"),
        ("a & 8 == 0", "(a & (8 == 0))"),
        ("a | b ^ c & d", "(a | (b ^ (c & d)))"),
        ("a << 1 + b < c", "((a << (1 + b)) < c)"),
        ("a && b || c && d", "((a && b) || (c && d))"),
        ("!a == -b", "((!a) == (-b))"),
        ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
        ("~a % 3", "((~a) % 3)"),
        ("*p[1]", "(*p[1])"),
        ("(intptr_t *)p + 1", "(((intptr_t *)p) + 1)"),
        ("*(int *)r1", "(*((int *)r1))"),
        ("(a)", "a"),
        ("&x", "(&x)"),
        ("-1", "-1"),
        ("a -1", "(a - 1)"),
        ("0x1fUL", "31"),
        ("f()", "f()"),
        ("__load{once}(*x)", "__load{once}((*x))"),
        ("__load{srcu-lock,once}(*x)", "__load{srcu-lock,once}((*x))"),
        ("__atomic_fetch_op{mb}(x,+,1)", "__atomic_fetch_op{mb}(x, +, 1)"),
        ("__atomic_fetch_op{mb}(x,&~,-1)", "__atomic_fetch_op{mb}(x, &~, -1)"),
        ("f(-a, *b, &c)", "f((-a), (*b), (&c))"),
    ],
)
def test_binding(text: str, expected: str) -> None:
    (statement,) = body(f"{text};")
    assert isinstance(statement, CExprStmt)
    assert grouped(statement.expr) == expected
    assert statement.expr.span.text in (text, text.strip("()"))


def test_declarations() -> None:
    declared = body("int r1, *p = x; volatile long r2 = -1; struct srcu_struct *s; int *volatile q;")
    assert [(d.type, d.name) for d in declared if isinstance(d, CDeclare)] == [
        ("int", "r1"),
        ("int *", "p"),
        ("volatile long", "r2"),
        ("struct srcu_struct *", "s"),
        ("int *", "q"),
    ]


@pytest.mark.parametrize(
    ("text", "op"),
    [("*x = 1", ""), ("r1 += 2", "+"), ("r1 <<= 1", "<<"), ("x[1] |= 4", "|"), ("r1++", "+"), ("--r1", "-")],
)
def test_assignments(text: str, op: str) -> None:
    (statement,) = body(f"{text};")
    assert isinstance(statement, CAssign)
    assert statement.op == op
    assert statement.span.text == text


def test_control_flow() -> None:
    text = "again: if (a) ; else if (b) { f(); } while (c) goto again; do { r1++; } while (d); { int r1; }"
    label, choice, loop, do, block = body(text)
    assert isinstance(label, CLabel)
    assert isinstance(choice, CIf)
    assert isinstance(choice.then, CBlock) and choice.then.body == ()
    assert isinstance(choice.other, CIf) and choice.other.other is None
    assert isinstance(loop, CWhile) and not loop.do_first and isinstance(loop.body, CGoto)
    assert isinstance(do, CWhile) and do.do_first
    assert isinstance(block, CBlock) and isinstance(block.body[0], CDeclare)


def test_else_belongs_to_the_nearest_if() -> None:
    (outer,) = body("if (a) if (b) f(); else g();")
    assert isinstance(outer, CIf) and outer.other is None
    assert isinstance(outer.then, CIf) and outer.then.other is not None


def fault(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert caught.value.span is not None
    return caught.value


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "found the end, expected the function `P0(...) { ... }`", 1),
        ("P1(int *x) {}", "found `P1`, expected the function `P0(...) { ... }`", 1),
        ("P0() {} P2() {}", "found `P2`, expected the function `P1(...) { ... }`", 9),
        ("P0 {}", "found `{`, expected `(` and the parameters of P0", 4),
        ("P0(x) {}", "found `x`, expected the type of a parameter, such as `int *`", 4),
        ("P0(volatile *x) {}", "found `*`, expected the type that is qualified, such as `int`", 13),
        ("P0(int *) {}", "found `)`, expected the parameter's name", 9),
        ("P0(int *x int *y) {}", "found `int`, expected `,` or `)`", 11),
        ("P0() ;", "found `;`, expected the body in braces", 6),
        ("P0() { f();", "this brace is not closed: the file ends before its `}`", 6),
        ("P0() { /* f(); }", "this comment is not closed: the file ends before its `*/`", 8),
        ("P0() { f() }", "found `}`, expected `;` after this statement", 11),
        ("P0() { f()\n g(); }", "found `g`, expected `;` after this statement", 11),
        ("P0() { f(a b); }", "found `b`, expected an operator, `,` or `)`", 12),
        ("P0() { foo bar; }", "`foo` is no type known here", 8),
        ("P0() { int = 3; }", "found `=`, expected the name of the local that is declared", 12),
        ("P0() { int while; }", "found `while`, expected the name of the local that is declared", 12),
        ("P0() { r1 = ; }", "found `;`, expected an expression", 13),
        ("P0() { r1 = if; }", "found `if`, expected an expression", 13),
        ("P0() { r1 + 1 = 2; }", "`r1 + 1` cannot be assigned to; expected a local, `*p` or `p[i]`", 8),
        ("P0() { if r1 f(); }", "found `r1`, expected `(` and the condition of `if`", 11),
        ("P0() { if (r1 f(); }", "found `f`, expected an operator, or `)` after the condition", 15),
        ("P0() { if (a) int r1; }", "found `int`, expected a statement", 15),
        ("P0() { do f(); }", "found `}`, expected `while (...)` after the body of `do`", 16),
        ("P0() { goto 1; }", "found `1`, expected a label", 13),
        ("P0() { r1 = a ? b; }", "found `;`, expected `:` of the conditional expression", 18),
        ("P0() { r1 = x[1; }", "found `;`, expected an operator or `]`", 16),
        ("P0() { r1 = (a; }", "found `;`, expected an operator or `)`", 15),
        ("P0() { r1 = (int a; }", "found `a`, expected `*` or `)` after the type of a cast", 18),
        ("P0() { __fence{}; }", "found `}`, expected a tag, such as `once`", 16),
        ("P0() { __fence{mb; }", "found `;`, expected `-`, `,` or `}` after a tag", 18),
        ("P0() { struct {} s; }", "found `{`, expected the structure's tag", 15),
        ("P0() { r1 = 3 @ 4; }", "found `@`, which begins nothing in C", 15),
        ("P0() { r1 = \x01; }", "found `\\x01`, which begins nothing in C", 13),
        ("P0() { r1 = 12ab; }", "`12ab` is no integer constant", 13),
        ("P0() { r1 = 010; }", "`010` is octal in C but 10 to herd7", 13),
    ],
)
def test_mistakes(text: str, message: str, place: int) -> None:
    error = fault(text)
    assert message in error.message
    assert error.span is not None and error.span.start + 1 == place
    assert error.render().startswith("t.litmus:")


@pytest.mark.parametrize(
    "text",
    [
        "for (;;) ;",
        "switch (a) { }",
        "return;",
        "break;",
        "p->next = x;",
        "r1 = s.a;",
        'f("text");',
        "a = b = c;",
        "if (a = b) ;",
        "r1 = (a = b);",
        "int a[3];",
    ],
)
def test_c_that_is_not_known(text: str) -> None:
    assert isinstance(fault(f"P0() {{ {text} }}"), Unsupported)


@pytest.mark.parametrize("text", ["(" * 5000, "r1 = " + "!" * 5000 + "a;", "{" * 5000, "if (a) " * 5000 + ";"])
def test_nesting_without_end(text: str) -> None:
    assert "nested too deeply" in fault(f"P0() {{ {text} }}").message
