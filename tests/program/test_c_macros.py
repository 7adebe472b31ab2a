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
        ("__fence{a}() { __fence{b}; }\n__fence{b}() { __fence{a}; }", "calls itself: __fence{a} -> __fence{b}", 2),
        ("f{a}(X) X", "found `{`, expected `(` and the macro's parameters", 1),
        ("__load{a/b/c}(X) X", "found `/`, expected `-`, `,` or `}` after a tag", 1),
        ("__load{/}(X) X", "found `}`, expected a tag", 1),
        ('// more\ninclude "no-such.def"', "there is no macro file 'no-such.def'", 2),
        ("dialect Itanium", "unknown dialect `Itanium`, expected one of X86, X86_64, AArch64", 1),
        ("dialect\nf(X) X", "found `dialect`, expected `include \"FILE\"` or `dialect NAME`", 1),
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


# --- files that build on others
def test_own_macros_come_before_included_ones(tmp_path: Path) -> None:
    (tmp_path / "base.def").write_text("f(X) __load{once}(X)\ng(X) f(*X)\nh() { __fence{mb}; }\n", encoding="utf-8")
    top = Source(str(tmp_path / "top.def"), 'dialect X86 // whose\ninclude "base.def"\nf(X) { __lock(X); }\n')
    for trusted in (False, True):
        macros = load_macros(top, trusted)
        assert macros.dialect == "X86" and sorted(macros.names()) == ["f", "g", "h"]
        assert macros.statement("f") is not None and macros.expression("f") is None
        assert macros.expression("g") is not None and macros.statement("h") is not None
        assert macros.mentions("{mb}") and not macros.mentions("{MB}")


def test_a_dialect_is_taken_over_from_the_included_file(tmp_path: Path) -> None:
    (tmp_path / "base.def").write_text("dialect RISCV\n", encoding="utf-8")
    assert load_macros(Source(str(tmp_path / "top.def"), 'include "base.def"')).dialect == "RISCV"
    assert load_macros(Source("top.def", 'include "lkmm.def"')).dialect == ""


def test_files_that_include_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.def").write_text('include "b.def"\n', encoding="utf-8")
    (tmp_path / "b.def").write_text('include "a.def"\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_macros(Source(str(tmp_path / "top.def"), 'include "a.def"'))
    assert "includes itself" in caught.value.message
    with pytest.raises(InputError) as caught:
        load_macros(Source(str(tmp_path / "top.def"), 'include "lkmm.def"\ninclude "lkmm.def"'))
    assert "one other file" in caught.value.message and caught.value.span is not None and caught.value.span.line == 2


def test_a_macro_may_replace_a_primitive_with_a_tag() -> None:
    text = "dialect AArch64\n__fence{MB}() { __fence{DMB.ISH}; }\n__xchg{MB}(X,V) __xchg{A/L,X}(X,V)"
    for trusted in (False, True):
        macros = load_macros(Source("m.def", text), trusted)
        assert sorted(macros.names()) == ["__fence{MB}", "__xchg{MB}"]
        exchange = macros.expression("__xchg{MB}")
        assert exchange is not None and isinstance(exchange.body, CCall) and exchange.body.tags == ("A/L", "X")
        assert macros.statement("__fence{MB}") is not None and macros.statement("__fence{rmb}") is None


def test_macros_called_like_directives() -> None:
    macros = load_macros(Source("m.def", "include(X) X\ndialect() { __fence{mb}; }"))
    assert sorted(macros.names()) == ["dialect", "include"]


BUNDLED = ("lkmm", "lkmm-membarrier", "aarch64", "aarch64-llsc", "x86-tso", "riscv")


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_files_are_sound_and_may_be_read_line_by_line(name: str, root: Path) -> None:
    path = root / "models" / f"{name}.def"
    source = Source(str(path), path.read_text(encoding="utf-8"))
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
