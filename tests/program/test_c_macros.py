"""Macro files: what is read, what is refused, and that the bundled one is sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.diagnostics import InputError, Source
from membar_check.litmus.syntax import CBinary, CCall, CExprStmt
from membar_check.program.macros import load_macros


def test_forms() -> None:
    text = """// comment
    READ_ONCE(X) __load{once}(X)
    WRITE_ONCE(X,V) { __store{once}(X,V); } /* another */
    smp_mb() { __fence{mb} ; }
    both(X) READ_ONCE(*X)
    dec_and_test(X) __atomic_op_return{mb}(X,-,1) == 0
    store_mb(X, V) { WRITE_ONCE(X,V); smp_mb(); }"""
    macros = load_macros(Source("m.def", text))
    assert sorted(macros.names()) == ["READ_ONCE", "WRITE_ONCE", "both", "dec_and_test", "smp_mb", "store_mb"]
    test = macros.expression("dec_and_test")
    assert test is not None and isinstance(test.body, CBinary) and test.body.op == "=="
    assert isinstance(test.body.left, CCall) and test.body.left.tags == ("mb",)
    store = macros.statement("store_mb")
    assert store is not None and store.parameters == ("X", "V") and isinstance(store.body, tuple)
    assert [s.expr.name for s in store.body if isinstance(s, CExprStmt) and isinstance(s.expr, CCall)] == [
        "WRITE_ONCE",
        "smp_mb",
    ]
    assert macros.expression("smp_mb") is None and macros.statement("READ_ONCE") is None


def test_an_expression_and_a_statement_may_share_a_name() -> None:
    macros = load_macros(Source("m.def", "f(X) __load{once}(X)\nf(X) { __lock(X); }"))
    assert macros.expression("f") is not None and macros.statement("f") is not None


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("#define f(X) X", "found `#`, which begins nothing in C", 1),
        ("f X", "found `X`, expected `(` and the macro's parameters", 1),
        ("\n(X) X", "found `(`, expected the name of a macro", 2),
        ("f(X,) X", "found `)`, expected a parameter's name", 1),
        ("f(X,X) X", "parameter `X` is named twice", 1),
        ("f(X Y) X", "found `Y`, expected `,` or `)`", 1),
        ("f(X)", "found the end, expected an expression", 1),
        ("f(X) { g(X); ", "this brace is not closed", 1),
        ("f(X) { g(X) }", "expected `;` after this statement", 1),
        ("f(X) __load{}(X)", "found `}`, expected a tag", 1),
        ("f() 1\nf() 2", "macro `f` is defined twice; first in line 1", 2),
        ("f(X) g(X)\ng(X) h(X) + 1\nh(X) f(X)", "macro `f` calls itself: f -> g -> h -> f", 3),
        ("f(X) f(X)", "macro `f` calls itself: f -> f", 1),
        ("f(X) { if (g(X)) { f(X); } }\ng(X) X", "macro `f` calls itself: f -> f", 1),
    ],
)
def test_mistakes(text: str, message: str, line: int) -> None:
    with pytest.raises(InputError) as caught:
        load_macros(Source("m.def", text))
    assert message in caught.value.message
    assert caught.value.span is not None and caught.value.span.line == line
    assert caught.value.render().startswith(f"m.def:{line}:")


def test_statement_and_expression_of_one_name_are_no_cycle() -> None:
    load_macros(Source("m.def", "f(X) __load{once}(X)\nf(X) { g = f(X); }"))


def test_the_bundled_file_is_sound_and_may_be_read_line_by_line(root: Path) -> None:
    source = Source("lkmm.def", (root / "models" / "lkmm.def").read_text(encoding="utf-8"))
    whole, lazy = load_macros(source), load_macros(source, trusted=True)
    assert sorted(whole.names()) == sorted(lazy.names())
    for name in whole.names():
        assert whole.expression(name) == lazy.expression(name)
        assert whole.statement(name) == lazy.statement(name)


def test_the_bundled_file_has_the_same_operations_for_all_atomic_types(root: Path) -> None:
    names = set(load_macros(Source("d", (root / "models" / "lkmm.def").read_text(encoding="utf-8"))).names())
    operations = {name.removeprefix("atomic_") for name in names if name.startswith("atomic_")}
    operations = {name for name in operations if not name.startswith("long_")}
    for prefix in ("atomic64_", "atomic_long_"):
        assert {name.removeprefix(prefix) for name in names if name.startswith(prefix)} == operations
