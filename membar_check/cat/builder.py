"""Turns lark's parse tree into the nodes of :mod:`membar_check.cat.syntax`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeGuard

from membar_check.cat import syntax as s
from membar_check.diagnostics import InputError, Source, Span

if TYPE_CHECKING:
    from lark import Token, Tree

    Node = Tree[Token]

_MAX_DEPTH = 200
"""Deepest nesting of a tree; each link of a chain of operators is a level."""

_LONG_CHAIN = 50


class Builder:
    """One method a rule of the grammar; ``build`` starts at the root."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.depth = 0

    # --- helpers -----------------------------------------------------------------------------------------------------
    def span(self, node: Node | Token) -> Span:
        if isinstance(node, str):
            return Span(self.source, node.start_pos or 0, node.end_pos or 0)
        meta = node.meta
        if meta.empty:
            return Span(self.source, 0, 0)
        return Span(self.source, meta.start_pos, meta.end_pos)

    def make(self, node: Node | Token) -> Any:
        """The syntax node of any tree."""
        assert not isinstance(node, str)
        method: Callable[[Node], Any] = getattr(self, node.data)
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise InputError("this is nested too deeply", self.span(node), "name parts of it with `let`")
        result = method(node)
        self.depth -= 1
        return result

    def block(self, node: Node) -> tuple[s.Stmt, ...]:
        return tuple(self.make(child) for child in node.children)

    def chain(self, op: str, node: Node) -> s.Expr:
        """``a op b op c`` grouped to the right; long chains of what is associative in the middle, which nests less."""
        if len(node.children) > _LONG_CHAIN and op != "++":
            return self.balanced(op, [self.make(child) for child in node.children])
        before = self.depth
        items: list[s.Expr] = []
        for child in node.children:
            items.append(self.make(child))
            self.depth += 1
        self.depth = before
        result = items[-1]
        for item in reversed(items[:-1]):
            result = s.Binary(op, item, result, item.span.to(result.span))
        return result

    def balanced(self, op: str, items: list[s.Expr]) -> s.Expr:
        if len(items) == 1:
            return items[0]
        half = len(items) // 2
        left, right = self.balanced(op, items[:half]), self.balanced(op, items[half:])
        return s.Binary(op, left, right, left.span.to(right.span))

    # --- files and statements ----------------------------------------------------------------------------------------
    def build(self, tree: Node) -> s.CatFile:
        """The file of a tree of the rule ``start``."""
        title, catdep, *statements = tree.children
        body: list[s.Stmt] = [self.make(child) for child in statements]
        if isinstance(catdep, str):
            body.insert(0, s.CatDep(self.span(catdep)))
        name = ""
        if _is_tree(title):
            name = " ".join(str(word).strip('"') for word in title.children if word is not None)
        return s.CatFile(name, tuple(body), Span(self.source, 0, len(self.source.text)))

    def let(self, node: Node) -> s.Let:
        return s.Let(False, self.bindings(node.children[0]), None, self.span(node))

    def let_rec(self, node: Node) -> s.Let:
        _, bindings, when = node.children
        return s.Let(True, self.bindings(bindings), self.make(when) if when else None, self.span(node))

    def check(self, node: Node) -> s.Check:
        prefix, test = node.children
        check: s.Check = self.make(test)
        return s.Check(str(prefix or ""), check.negated, check.test, check.expr, check.name, self.span(node))

    def test(self, node: Node) -> s.Check:
        negated, test, expr, name = node.children
        return s.Check("", negated is not None, str(test), self.make(expr), str(name or ""), self.span(node))

    def show(self, node: Node) -> s.Show:
        items = []
        for item in node.children:
            assert not isinstance(item, str)
            expr, name = self.make(item.children[0]), str(item.children[1] or "")
            if not name and not isinstance(expr, s.Name):
                raise InputError("an expression to be shown needs `as` and a name", expr.span)
            items.append((expr, name))
        return s.Show(False, tuple(items), self.span(node))

    def unshow(self, node: Node) -> s.Show:
        return s.Show(True, tuple((s.Name(str(n), self.span(n)), "") for n in node.children), self.span(node))

    def include(self, node: Node) -> s.Include:
        return s.Include(_unquoted(node.children[0]), self.span(node))

    def procedure(self, node: Node) -> s.Procedure:
        recursive, name, formal, body = node.children
        params, _ = self.formal(formal)
        assert not isinstance(body, str)
        return s.Procedure(str(name), params, recursive is not None, self.block(body), self.span(node))

    def call(self, node: Node) -> s.Call:
        name, argument, label = node.children
        return s.Call(str(name), self.make(argument), str(label or ""), self.span(node))

    def debug(self, node: Node) -> s.Debug:
        return s.Debug(self.make(node.children[0]), self.span(node))

    def forall(self, node: Node) -> s.Forall:
        variable, domain, body = node.children
        assert not isinstance(body, str)
        return s.Forall(str(variable), self.make(domain), self.block(body), self.span(node))

    def with_from(self, node: Node) -> s.With:
        return s.With(str(node.children[0]), self.make(node.children[1]), self.span(node))

    def if_statement(self, node: Node) -> s.IfStmt:
        cond, then, other = node.children
        assert not isinstance(then, str)
        branch = self.block(other) if _is_tree(other) else ()
        return s.IfStmt(self.make(cond), self.block(then), branch, self.span(node))

    def match_statement(self, node: Node) -> s.MatchStmt:
        scrutinee, clauses = node.children
        assert not isinstance(clauses, str)
        cases: list[tuple[str | None, tuple[s.Stmt, ...]]] = []
        for clause in clauses.children:
            if _is_tree(clause):
                head, body = clause.children
                assert not isinstance(body, str)
                cases.append((None if clause.data == "block_default" else str(head)[1:], self.block(body)))
        return s.MatchStmt(self.make(scrutinee), tuple(cases), self.span(node))

    def enum(self, node: Node) -> s.Enum:
        name, *tags = node.children
        return s.Enum(str(name), tuple(str(tag)[1:] for tag in tags), self.span(node))

    def instructions(self, node: Node) -> s.Instructions | s.Events:
        keyword, kind, items = node.children
        args = self.items(items)
        if keyword == "default":
            return s.Events("default", (s.Name(str(kind), self.span(kind)), *args), self.span(node))
        return s.Instructions(str(kind), args, self.span(node))

    # --- bindings ----------------------------------------------------------------------------------------------------
    def bindings(self, node: Node | Token) -> tuple[s.Binding, ...]:
        assert not isinstance(node, str)
        return tuple(self.make(child) for child in node.children)

    def pattern_binding(self, node: Node) -> s.Binding:
        names, value = node.children
        return self.pattern(names, self.make(value), self.span(node))

    plain_binding = pattern_binding

    def pattern(self, names: Node | Token, value: s.Expr, span: Span) -> s.Binding:
        pattern = _names(names)
        if len(pattern) == 1:
            return s.Binding(pattern[0], (), (), value, span)
        return s.Binding("", (), pattern, value, span)

    def function_binding(self, node: Node) -> s.Binding:
        name, *formals, value = node.children
        params = tuple(self.formal(formal) for formal in formals)
        return s.Binding(str(name), params, (), self.make(value), self.span(node))

    def formal(self, node: Node | Token) -> tuple[tuple[str, ...], bool]:
        assert not isinstance(node, str)
        if node.data == "tuple_formal":
            return _names(node.children[0]), True
        return (str(node.children[0]),), False

    # --- expressions -------------------------------------------------------------------------------------------------
    def tuple_(self, node: Node) -> s.TupleExpr:
        return s.TupleExpr(tuple(self.make(child) for child in node.children), self.span(node))

    def let_in(self, node: Node) -> s.LetIn:
        return s.LetIn(False, self.bindings(node.children[0]), self.make(node.children[1]), self.span(node))

    def let_rec_in(self, node: Node) -> s.LetIn:
        return s.LetIn(True, self.bindings(node.children[1]), self.make(node.children[2]), self.span(node))

    def function(self, node: Node) -> s.Fun:
        params, tupled = self.formal(node.children[0])
        return s.Fun(params, tupled, self.make(node.children[1]), self.span(node))

    def try_(self, node: Node) -> s.Try:
        return s.Try(self.make(node.children[0]), self.make(node.children[1]), self.span(node))

    def if_(self, node: Node) -> s.If:
        cond, then, other = node.children
        return s.If(self.make(cond), self.make(then), self.make(other), self.span(node))

    def match_(self, node: Node) -> s.MatchTag | s.MatchSet:
        scrutinee, clauses = node.children
        assert not isinstance(clauses, str)
        value = self.make(scrutinee)
        if clauses.data == "set_clauses":
            return self.match_set(value, clauses, self.span(node))
        cases: list[tuple[str | None, s.Expr]] = []
        for clause in clauses.children:
            if _is_tree(clause):
                head, body = clause.children
                cases.append((None if clause.data == "default" else str(head)[1:], self.make(body)))
        return s.MatchTag(value, tuple(cases), self.span(node))

    def match_set(self, value: s.Expr, clauses: Node, span: Span) -> s.MatchSet:
        first, second = clauses.children
        assert not isinstance(first, str) and not isinstance(second, str)
        empty, element = (first, second) if first.data == "empty_clause" else (second, first)
        *names, body = element.children
        before = str(names[0]) if len(names) == 3 else None
        return s.MatchSet(
            value, self.make(empty.children[0]), str(names[-2]), str(names[-1]), before, self.make(body), span
        )

    def union(self, node: Node) -> s.Expr:
        return self.chain("|", node)

    def sum_(self, node: Node) -> s.Expr:
        return self.chain("++", node)

    def sequence(self, node: Node) -> s.Expr:
        return self.chain(";", node)

    def intersection(self, node: Node) -> s.Expr:
        return self.chain("&", node)

    def difference(self, node: Node) -> s.Expr:
        before = self.depth
        self.depth += len(node.children)
        result: s.Expr
        result, *others = (self.make(child) for child in node.children)
        self.depth = before
        for other in others:
            result = s.Binary("\\", result, other, result.span.to(other.span))
        return result

    def product(self, node: Node) -> s.Binary:
        left, _, right = node.children
        return s.Binary("*", self.make(left), self.make(right), self.span(node))

    def complement(self, node: Node) -> s.Unary:
        return s.Unary("~", self.make(node.children[0]), self.span(node))

    def unary(self, node: Node) -> s.Unary:
        operand, op = node.children
        assert isinstance(op, str)
        return s.Unary("^-1" if op.type == "INVERSE" else str(op), self.make(operand), self.span(node))

    def apply(self, node: Node) -> s.Apply:
        return s.Apply(self.make(node.children[0]), self.make(node.children[1]), self.span(node))

    def name(self, node: Node) -> s.Name:
        return s.Name(str(node.children[0]), self.span(node))

    def zero(self, node: Node) -> s.Zero:
        return s.Zero(self.span(node))

    def universe(self, node: Node) -> s.Universe:
        return s.Universe(self.span(node))

    def tag(self, node: Node) -> s.Tag:
        return s.Tag(str(node.children[0])[1:], self.span(node))

    def set_literal(self, node: Node) -> s.SetLiteral:
        return s.SetLiteral(self.items(node.children[0]), self.span(node))

    def items(self, node: Node | Token | None) -> tuple[s.Expr, ...]:
        return tuple(self.make(child) for child in node.children) if _is_tree(node) else ()

    def unit(self, node: Node) -> s.TupleExpr:
        return s.TupleExpr((), self.span(node))

    def identity(self, node: Node) -> s.Identity:
        return s.Identity(self.make(node.children[0]), self.span(node))

    # --- conditions --------------------------------------------------------------------------------------------------
    def equal(self, node: Node) -> s.CompareCond:
        return self.compare("=", node)

    def subset(self, node: Node) -> s.CompareCond:
        return self.compare("subset", node)

    def member(self, node: Node) -> s.CompareCond:
        return self.compare("in", node)

    def compare(self, op: str, node: Node) -> s.CompareCond:
        return s.CompareCond(op, self.make(node.children[0]), self.make(node.children[1]), self.span(node))

    def any_of(self, node: Node) -> s.Cond:
        result: s.Cond
        result, *others = (self.make(child) for child in node.children)
        for other in others:
            result = s.OrCond(result, other, result.span.to(other.span))
        return result

    def all_of(self, node: Node) -> s.Cond:
        result: s.Cond
        result, *others = (self.make(child) for child in node.children)
        for other in others:
            result = s.AndCond(result, other, result.span.to(other.span))
        return result

    def not_(self, node: Node) -> s.NotCond:
        return s.NotCond(self.make(node.children[0]), self.span(node))

    def variant_name(self, node: Node) -> s.VariantCond:
        return s.VariantCond(_unquoted(node.children[-1]), self.span(node))


def _is_tree(node: object) -> TypeGuard[Node]:
    """Whether something is a tree: neither a token nor the None of a part that is not there."""
    return hasattr(node, "children")


def _names(node: Node | Token | None) -> tuple[str, ...]:
    return tuple(str(name) for name in node.children) if _is_tree(node) else ()


def _unquoted(token: Node | Token) -> str:
    return str(token)[1:-1]
