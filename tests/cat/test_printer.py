"""Printed trees parse to equal trees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membar_check.cat import syntax as s
from membar_check.cat.parser import parse_cat
from membar_check.cat.printer import print_cat, print_cond, print_expr
from membar_check.diagnostics import Source, Span
from membar_check.resources import models_dir

HERE = Span(Source("", ""), 0, 0)
SEEDS = st.integers(0, 2**32)
NAMES = ("a", "po-loc", "DMB.SY", "_x", "r'", "into", "R4rmb")
TAGS = ("once", "rcu-lock", "MB")


class Trees:
    """Random syntax trees."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def name(self) -> str:
        return self.random.choice(NAMES)

    def pattern(self) -> str:
        return self.random.choice((*NAMES, "_"))

    def patterns(self) -> tuple[str, ...]:
        return tuple(self.pattern() for _ in range(self.random.randrange(4)))

    def maybe(self, text: str) -> str:
        return self.random.choice(("", text))

    def formal(self) -> tuple[tuple[str, ...], bool]:
        return (self.patterns(), True) if self.random.random() < 0.5 else ((self.pattern(),), False)

    def exprs(self, depth: int, least: int) -> tuple[s.Expr, ...]:
        return tuple(self.expr(depth) for _ in range(self.random.randint(least, 3)))

    def bindings(self, depth: int) -> tuple[s.Binding, ...]:
        return tuple(self.binding(depth) for _ in range(self.random.randint(1, 2)))

    def binding(self, depth: int) -> s.Binding:
        value = self.expr(depth)
        kind = self.random.randrange(3)
        if kind == 0:
            return s.Binding(self.pattern(), (), (), value, HERE)
        pattern = self.patterns()
        if kind == 1 and len(pattern) != 1:
            return s.Binding("", (), pattern, value, HERE)
        return s.Binding(self.name(), tuple(self.formal() for _ in range(self.random.randint(1, 2))), (), value, HERE)

    def condition(self, depth: int) -> s.Cond:
        if depth <= 0:
            return s.VariantCond(self.random.choice(("cos-opt", "DIC")), HERE)
        if self.random.random() < 0.3:
            return s.NotCond(self.condition(depth - 1), HERE)
        kind = self.random.choice((s.AndCond, s.OrCond))
        return kind(self.condition(depth - 1), self.condition(depth - 2), HERE)

    def leaf(self) -> s.Expr:
        return self.random.choice(
            (
                s.Name(self.name(), HERE),
                s.Zero(HERE),
                s.Universe(HERE),
                s.Tag(self.random.choice(TAGS), HERE),
                s.SetLiteral((), HERE),
                s.TupleExpr((), HERE),
            )
        )

    def expr(self, depth: int) -> s.Expr:
        if depth <= 0 or self.random.random() < 0.1:
            return self.leaf()
        builders = (self.unary, self.binary, self.binary, self.group, self.applied, self.open, self.branch, self.match)
        return self.random.choice(builders)(depth - 1)

    def unary(self, depth: int) -> s.Expr:
        return s.Unary(self.random.choice(("*", "+", "?", "^-1", "~")), self.expr(depth), HERE)

    def binary(self, depth: int) -> s.Expr:
        op = self.random.choice(("|", "++", ";", "\\", "&", "*"))
        return s.Binary(op, self.expr(depth), self.expr(depth), HERE)

    def group(self, depth: int) -> s.Expr:
        kind = self.random.randrange(3)
        if kind == 0:
            return s.Identity(self.expr(depth), HERE)
        return s.SetLiteral(self.exprs(depth, 1), HERE) if kind == 1 else s.TupleExpr(self.exprs(depth, 2), HERE)

    def applied(self, depth: int) -> s.Expr:
        result: s.Expr = s.Name(self.name(), HERE)
        for argument in self.exprs(depth, 1):
            result = s.Apply(result, argument, HERE)
        return result

    def open(self, depth: int) -> s.Expr:
        kind = self.random.randrange(3)
        if kind == 0:
            return s.Fun(*self.formal(), self.expr(depth), HERE)
        if kind == 1:
            return s.LetIn(self.random.random() < 0.5, self.bindings(depth), self.expr(depth), HERE)
        return s.Try(self.expr(depth), self.expr(depth), HERE)

    def branch(self, depth: int) -> s.Expr:
        cond: s.Cond = self.condition(2)
        if self.random.random() < 0.5:
            op = self.random.choice(("=", "subset", "in"))
            cond = s.CompareCond(op, self.expr(depth), self.expr(depth), HERE)
        return s.If(cond, self.expr(depth), self.expr(depth), HERE)

    def match(self, depth: int) -> s.Expr:
        scrutinee = self.expr(depth)
        if self.random.random() < 0.5:
            before = self.pattern() if self.random.random() < 0.5 else None
            names = (self.pattern(), self.pattern(), before)
            return s.MatchSet(scrutinee, self.expr(depth), *names, self.expr(depth), HERE)
        cases: list[tuple[str | None, s.Expr]] = [(self.random.choice(TAGS), e) for e in self.exprs(depth, 0)]
        if not cases or self.random.random() < 0.5:
            cases.append((None, self.expr(depth)))
        return s.MatchTag(scrutinee, tuple(cases), HERE)

    def check(self, prefix: str) -> s.Check:
        test = self.random.choice(("acyclic", "irreflexive", "empty"))
        return s.Check(prefix, self.random.random() < 0.5, test, self.expr(3), self.maybe(self.name()), HERE)

    def block(self, depth: int) -> tuple[s.Stmt, ...]:
        return tuple(self.statement(depth) for _ in range(self.random.randrange(3)))

    def statement(self, depth: int) -> s.Stmt:
        simple: tuple[Callable[[], s.Stmt], ...] = (
            lambda: self.check(self.random.choice(("", "flag", "undefined_unless", "assert"))),
            lambda: s.Let(False, self.bindings(3), None, HERE),
            lambda: s.Let(True, self.bindings(3), self.random.choice((None, self.check(""))), HERE),
            lambda: s.Include("dir/b.cat", HERE),
            lambda: s.With(self.name(), self.expr(3), HERE),
            lambda: s.Call(self.name(), self.expr(3), self.maybe(self.name()), HERE),
            lambda: s.Show(False, ((self.expr(3), self.name()), (s.Name("a", HERE), "")), HERE),
            lambda: s.Show(True, ((s.Name(self.name(), HERE), ""),), HERE),
            lambda: s.Debug(self.expr(3), HERE),
            lambda: s.Instructions("R", self.exprs(2, 0), HERE),
            lambda: s.Events("default", (s.Name("W", HERE), *self.exprs(2, 0)), HERE),
        )
        compound: tuple[Callable[[], s.Stmt], ...] = (
            lambda: s.IfStmt(self.condition(2), self.block(depth - 1), self.block(depth - 1), HERE),
            lambda: s.Forall(self.name(), self.expr(2), self.block(depth - 1), HERE),
            lambda: s.Procedure(
                self.name(), self.patterns(), self.random.random() < 0.5, self.block(depth - 1), HERE
            ),
            lambda: s.MatchStmt(
                self.expr(2), (("once", self.block(depth - 1)), (None, self.block(depth - 1))), HERE
            ),
        )
        return self.random.choice(simple if depth <= 0 else simple + compound)()


def parsed(text: str) -> s.CatFile:
    return parse_cat(Source("printed", text))


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_expressions_survive(seed: int) -> None:
    expr = Trees(seed).expr(4)
    (let,) = parsed(f"let x = {print_expr(expr)}").statements
    assert isinstance(let, s.Let)
    assert let.bindings[0].value == expr


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_files_survive(seed: int) -> None:
    trees = Trees(seed)
    title = trees.maybe("a title")
    file = s.CatFile(title, tuple(trees.statement(2) for _ in range(4)), HERE)
    assert parsed(print_cat(file)) == file


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_conditions_survive(seed: int) -> None:
    cond = Trees(seed).condition(4)
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
