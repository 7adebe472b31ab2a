"""Printed trees parse to equal trees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from membar_check.cat import syntax as s
from membar_check.cat.parser import parse_cat
from membar_check.cat.printer import print_cat, print_cond, print_expr
from membar_check.diagnostics import Source, Span
from membar_check.resources import models_dir

HERE = Span(Source("", ""), 0, 0)
NAMES = st.sampled_from(["a", "po-loc", "DMB.SY", "_x", "r'", "into", "R4rmb"])
PATTERNS = st.one_of(NAMES, st.just("_"))
TAGS = st.sampled_from(["once", "rcu-lock", "MB"])
VARIANTS = st.sampled_from(["cos-opt", "DIC"])

LEAVES: st.SearchStrategy[s.Expr] = st.one_of(
    NAMES.map(lambda n: s.Name(n, HERE)),
    st.just(s.Zero(HERE)),
    st.just(s.Universe(HERE)),
    TAGS.map(lambda t: s.Tag(t, HERE)),
    st.just(s.SetLiteral((), HERE)),
    st.just(s.TupleExpr((), HERE)),
)
VARIANT_CONDITIONS: st.SearchStrategy[s.Cond] = st.recursive(
    VARIANTS.map(lambda v: s.VariantCond(v, HERE)),
    lambda inner: st.one_of(
        inner.map(lambda c: s.NotCond(c, HERE)),
        st.tuples(inner, inner).map(lambda p: s.AndCond(*p, HERE)),
        st.tuples(inner, inner).map(lambda p: s.OrCond(*p, HERE)),
    ),
    max_leaves=4,
)


def names_of(formals: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[tuple[str, ...], bool]]:
    return st.one_of(
        formals.map(lambda n: ((n,), False)),
        st.lists(formals, max_size=3).map(lambda ns: (tuple(ns), True)),
    )


def bindings(value: st.SearchStrategy[s.Expr]) -> st.SearchStrategy[tuple[s.Binding, ...]]:
    plain = st.builds(lambda n, v: s.Binding(n, (), (), v, HERE), PATTERNS, value)
    pattern = st.builds(
        lambda ns, v: s.Binding("", (), tuple(ns), v, HERE),
        st.lists(PATTERNS, max_size=3).filter(lambda ns: len(ns) != 1),
        value,
    )
    function = st.builds(
        lambda n, ps, v: s.Binding(n, tuple(ps), (), v, HERE),
        NAMES,
        st.lists(names_of(PATTERNS), min_size=1, max_size=2),
        value,
    )
    return st.lists(st.one_of(plain, pattern, function), min_size=1, max_size=2).map(tuple)


def applied(inner: st.SearchStrategy[s.Expr]) -> st.SearchStrategy[s.Expr]:
    def build(name: str, arguments: list[s.Expr]) -> s.Expr:
        result: s.Expr = s.Name(name, HERE)
        for argument in arguments:
            result = s.Apply(result, argument, HERE)
        return result

    return st.builds(build, NAMES, st.lists(inner, min_size=1, max_size=2))


def several(inner: st.SearchStrategy[s.Expr], least: int) -> st.SearchStrategy[tuple[s.Expr, ...]]:
    return st.lists(inner, min_size=least, max_size=3).map(tuple)


def larger(inner: st.SearchStrategy[s.Expr]) -> st.SearchStrategy[s.Expr]:
    compare = st.builds(
        lambda op, a, b: s.CompareCond(op, a, b, HERE), st.sampled_from(["=", "subset", "in"]), inner, inner
    )
    conditions: st.SearchStrategy[s.Cond] = st.one_of(compare, VARIANT_CONDITIONS)
    cases = st.tuples(
        st.lists(st.tuples(TAGS, inner), max_size=2), st.one_of(st.none(), inner)
    ).filter(lambda c: bool(c[0]) or c[1] is not None)
    return st.one_of(
        st.builds(lambda op, e: s.Unary(op, e, HERE), st.sampled_from(["*", "+", "?", "^-1", "~"]), inner),
        st.builds(
            lambda op, a, b: s.Binary(op, a, b, HERE), st.sampled_from(["|", "++", ";", "\\", "&", "*"]), inner, inner
        ),
        inner.map(lambda e: s.Identity(e, HERE)),
        several(inner, 1).map(lambda es: s.SetLiteral(es, HERE)),
        several(inner, 2).map(lambda es: s.TupleExpr(es, HERE)),
        applied(inner),
        st.builds(lambda f, e: s.Fun(f[0], f[1], e, HERE), names_of(PATTERNS), inner),
        st.builds(lambda r, b, e: s.LetIn(r, b, e, HERE), st.booleans(), bindings(inner), inner),
        st.builds(lambda a, b: s.Try(a, b, HERE), inner, inner),
        st.builds(lambda c, a, b: s.If(c, a, b, HERE), conditions, inner, inner),
        st.builds(
            lambda e, cs: s.MatchTag(e, (*cs[0], *([(None, cs[1])] if cs[1] is not None else [])), HERE), inner, cases
        ),
        st.builds(
            lambda e, z, x, xs, ls, b: s.MatchSet(e, z, x, xs, ls, b, HERE),
            inner,
            inner,
            PATTERNS,
            PATTERNS,
            st.one_of(st.none(), PATTERNS),
            inner,
        ),
    )


EXPRESSIONS = st.recursive(LEAVES, larger, max_leaves=6)
CHECKS = st.builds(
    lambda p, n, t, e, a: s.Check(p, n, t, e, a, HERE),
    st.sampled_from(["", "flag", "undefined_unless", "assert"]),
    st.booleans(),
    st.sampled_from(["acyclic", "irreflexive", "empty"]),
    EXPRESSIONS,
    st.one_of(st.just(""), NAMES),
)
SIMPLE: st.SearchStrategy[s.Stmt] = st.one_of(
    CHECKS,
    st.builds(lambda b: s.Let(False, b, None, HERE), bindings(EXPRESSIONS)),
    st.builds(
        lambda b, w: s.Let(True, b, w, HERE),
        bindings(EXPRESSIONS),
        st.one_of(st.none(), CHECKS.map(lambda c: replace(c, prefix=""))),
    ),
    st.builds(lambda p: s.Include(p, HERE), st.sampled_from(["a.cat", "dir/b.cat"])),
    st.builds(lambda v, e: s.With(v, e, HERE), NAMES, EXPRESSIONS),
    st.builds(lambda n, e, a: s.Call(n, e, a, HERE), NAMES, EXPRESSIONS, st.one_of(st.just(""), NAMES)),
    st.builds(lambda e, n: s.Show(False, ((e, n),), HERE), EXPRESSIONS, NAMES),
    NAMES.map(lambda n: s.Show(True, ((s.Name(n, HERE), ""),), HERE)),
    EXPRESSIONS.map(lambda e: s.Debug(e, HERE)),
    st.builds(lambda k, es: s.Instructions(k, es, HERE), NAMES, several(EXPRESSIONS, 0)),
    st.builds(lambda k, es: s.Events("default", (s.Name(k, HERE), *es), HERE), NAMES, several(EXPRESSIONS, 0)),
)


def compound(inner: st.SearchStrategy[s.Stmt]) -> st.SearchStrategy[s.Stmt]:
    block = st.lists(inner, max_size=2).map(tuple)
    return st.one_of(
        st.builds(lambda c, a, b: s.IfStmt(c, a, b, HERE), VARIANT_CONDITIONS, block, block),
        st.builds(lambda v, e, b: s.Forall(v, e, b, HERE), NAMES, EXPRESSIONS, block),
        st.builds(
            lambda n, ps, r, b: s.Procedure(n, tuple(ps), r, b, HERE),
            NAMES,
            st.lists(PATTERNS, max_size=2),
            st.booleans(),
            block,
        ),
        st.builds(lambda e, t, b, d: s.MatchStmt(e, ((t, b), (None, d)), HERE), EXPRESSIONS, TAGS, block, block),
    )


STATEMENTS = st.recursive(SIMPLE, compound, max_leaves=4)


def parsed(text: str) -> s.CatFile:
    return parse_cat(Source("printed", text))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS)
def test_expressions_survive(expr: s.Expr) -> None:
    (let,) = parsed(f"let x = {print_expr(expr)}").statements
    assert isinstance(let, s.Let)
    assert let.bindings[0].value == expr


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["", "a title"]), st.lists(STATEMENTS, max_size=4))
def test_files_survive(title: str, statements: list[s.Stmt]) -> None:
    file = s.CatFile(title, tuple(statements), HERE)
    assert parsed(print_cat(file)) == file


@settings(max_examples=40, deadline=None)
@given(VARIANT_CONDITIONS)
def test_conditions_survive(cond: s.Cond) -> None:
    (choice,) = parsed(f"if {print_cond(cond)} end").statements
    assert isinstance(choice, s.IfStmt)
    assert choice.cond == cond


def test_enums_and_catdep_survive() -> None:
    file = s.CatFile("t", (s.CatDep(HERE), s.Enum("A", ("x", "y-z"), HERE)), HERE)
    assert parsed(print_cat(file)) == file


MODELS = sorted([*models_dir().glob("*.cat"), *models_dir().glob("*.bell")])


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.name)
def test_bundled_models_survive(path: Path) -> None:
    file = parse_cat(Source(path.name, path.read_text("utf-8")))
    assert parsed(print_cat(file)) == file


def test_no_needless_parentheses() -> None:
    (let,) = parsed("let x = ((a);(b))|([c & (d)]*) & (~(e))").statements
    assert isinstance(let, s.Let)
    assert print_expr(let.bindings[0].value) == "a ; b | [c & d]* & ~e"
