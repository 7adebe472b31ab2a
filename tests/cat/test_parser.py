"""The cat parser: precedence, every construct, and the message for every kind of wrong text."""

from __future__ import annotations

import pytest

from membar_check.cat import syntax as s
from membar_check.cat.parser import parse_cat
from membar_check.cat.printer import print_expr
from membar_check.diagnostics import InputError, Source


def parse(text: str) -> s.CatFile:
    return parse_cat(Source("m.cat", text))


def expr(text: str) -> s.Expr:
    (statement,) = parse(f"let x = {text}").statements
    assert isinstance(statement, s.Let)
    return statement.bindings[0].value


def shape(e: s.Expr) -> str:
    """The expression with all parentheses."""
    match e:
        case s.Binary(op, left, right):
            return f"({shape(left)}{op}{shape(right)})"
        case s.Unary(op, operand):
            return f"~({shape(operand)})" if op == "~" else f"({shape(operand)}){op}"
        case s.Apply(function, argument):
            return f"{shape(function)}<{shape(argument)}>"
        case _:
            return print_expr(e)


def failure(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b|c", "(a|(b|c))"),
        ("a;b\\c", "(a;(b\\c))"),
        ("a\\b\\c", "((a\\b)\\c)"),
        ("a&b;c|d++e", "(((a&b);c)|(d++e))"),
        ("a ++ b ++ c", "(a++(b++c))"),
        ("a\\b&c", "(a\\(b&c))"),
        ("A*B&c", "((A*B)&c)"),
        ("c & A * B", "(c&(A*B))"),
        ("r*;s+", "((r)*;(s)+)"),
        ("r*+?", "(((r)*)+)?"),
        ("r^-1", "(r)^-1"),
        ("r ^ -1", "(r)^-1"),
        ("r*^-1", "((r)*)^-1"),
        ("r^-1*", "((r)^-1)*"),
        ("~r^-1", "~((r)^-1)"),
        ("~~r & s", "(~(~(r))&s)"),
        ("A * B^-1", "(A*(B)^-1)"),
        ("A * ~B", "(A*~(B))"),
        ("r+ * s", "((r)+*s)"),
        ("f a b;c", "(f<a><b>;c)"),
        ("f(a)(b)", "f<a><b>"),
        ("f(a,b)", "f<(a, b)>"),
        ("f()", "f<()>"),
        ("f [a]?", "(f<[a]>)?"),
        ("begin a|b end;c", "((a|b);c)"),
        ("a, b|c", "(a, b | c)"),
        ("_ * _x", "(_*_x)"),
        ("po-loc.x & DMB.SY", "(po-loc.x&DMB.SY)"),
        ("into;letter", "(into;letter)"),
        ("r';s", "(r';s)"),
    ],
)
def test_precedence(text: str, expected: str) -> None:
    assert shape(expr(text)) == expected


def test_a_check_after_a_starred_relation_is_a_new_statement() -> None:
    first, second = parse("let a = r*\n~empty a").statements
    assert isinstance(first, s.Let)
    assert shape(first.bindings[0].value) == "(r)*"
    assert isinstance(second, s.Check)
    assert second.negated


@pytest.mark.parametrize("text", ["~r*", "~r+", "A * B * C", "A * B+", "A * ~B*"])
def test_mixtures_that_nobody_reads_alike_need_parentheses(text: str) -> None:
    error = failure(f"let x = {text}")
    assert "parentheses" in error.hint


def test_titles() -> None:
    assert parse("SC").title == "SC"
    assert parse('"two words"').title == "two words"
    assert parse("X86 TSO").title == "X86 TSO"
    assert parse('LISA "kernel"').title == "LISA kernel"
    assert parse("").title == ""


def test_catdep_stands_after_the_title() -> None:
    assert isinstance(parse("T catdep include \"x\"").statements[0], s.CatDep)
    assert "title" in failure("let a = b catdep").hint


def test_comments_of_all_kinds() -> None:
    file = parse('(* a (* nested "no string *) *) T // to the end (*\n# also (*\nlet a = b (* c *) | d')
    assert file.title == "T"
    (statement,) = file.statements
    assert isinstance(statement, s.Let)
    assert shape(statement.bindings[0].value) == "(b|d)"


def test_strings_hide_comment_marks() -> None:
    (include,) = parse('include "a(*b//c#d"').statements
    assert isinstance(include, s.Include)
    assert include.path == "a(*b//c#d"


def test_bindings() -> None:
    (let,) = parse("let f(x,y) = x and g z = z and (p,q) = r and (one) = two and () = u and h x (y,_) = x").statements
    assert isinstance(let, s.Let)
    f, g, pair, one, none, h = let.bindings
    assert (f.name, f.params) == ("f", ((("x", "y"), True),))
    assert (g.name, g.params) == ("g", ((("z",), False),))
    assert (pair.name, pair.pattern) == ("", ("p", "q"))
    assert (one.name, one.pattern, one.params) == ("one", (), ())
    assert (none.name, none.pattern) == ("", ())
    assert h.params == ((("x",), False), (("y", "_"), True))


def test_pattern_without_parentheses() -> None:
    (let,) = parse("let a, b = c, d").statements
    assert isinstance(let, s.Let)
    assert let.bindings[0].pattern == ("a", "b")
    assert isinstance(let.bindings[0].value, s.TupleExpr)


def test_let_rec_with_a_check_and_trailing_in() -> None:
    let, check = parse("let rec a = b and c = a when irreflexive a as no-loop in acyclic a").statements
    assert isinstance(let, s.Let)
    assert let.recursive
    assert let.when is not None
    assert (let.when.test, let.when.name) == ("irreflexive", "no-loop")
    assert isinstance(check, s.Check)


@pytest.mark.parametrize(
    ("text", "prefix", "negated", "test", "name"),
    [
        ("acyclic r", "", False, "acyclic", ""),
        ("flag ~empty r as race", "flag", True, "empty", "race"),
        ("undefined_unless irreflexive r as u", "undefined_unless", False, "irreflexive", "u"),
        ("assert ~ acyclic r", "assert", True, "acyclic", ""),
    ],
)
def test_checks(text: str, prefix: str, negated: bool, test: str, name: str) -> None:
    (check,) = parse(text).statements
    assert isinstance(check, s.Check)
    assert (check.prefix, check.negated, check.test, check.name) == (prefix, negated, test, name)


def test_statements_of_cat() -> None:
    file = parse(
        """
        show a, b as c, (a|b) as d
        unshow a, b
        procedure p(a,b) = empty a call q(b) as inner end
        procedure rec q x = acyclic x end
        call p(a,b) as outer
        call q x
        forall e in S do empty e end
        with co from orders(W)
        debug co
        if "x" || not "y" && variant "z" include "a.cat" else include "b.cat" end
        if ("x") empty a end
        match t with || 'a -> empty x || _ -> empty y end
        """
    )
    kinds = [type(statement).__name__ for statement in file.statements]
    assert kinds == [
        "Show", "Show", "Procedure", "Procedure", "Call", "Call", "Forall", "With", "Debug", "IfStmt", "IfStmt",
        "MatchStmt",
    ]  # fmt: skip
    show, hide, first, second, *_ = file.statements
    assert isinstance(show, s.Show) and isinstance(hide, s.Show)
    assert [name for _, name in show.items] == ["", "c", "d"]
    assert hide.hide
    assert isinstance(first, s.Procedure) and isinstance(second, s.Procedure)
    assert (first.params, first.recursive) == (("a", "b"), False)
    assert (second.params, second.recursive) == (("x",), True)
    choice = file.statements[9]
    assert isinstance(choice, s.IfStmt)
    assert isinstance(choice.cond, s.OrCond)
    assert isinstance(choice.cond.right, s.AndCond)
    assert isinstance(choice.cond.right.left, s.NotCond)


def test_statements_of_bell_files() -> None:
    enum, reads, default = parse("enum A = || 'once || 'acquire instructions R[A, {'once}] default W['once]").statements
    assert isinstance(enum, s.Enum)
    assert (enum.name, enum.tags) == ("A", ("once", "acquire"))
    assert isinstance(reads, s.Instructions)
    assert (reads.kind, len(reads.args)) == ("R", 2)
    assert isinstance(default, s.Events)
    assert isinstance(default.args[0], s.Name)
    assert default.args[0].name == "W"


def test_expressions_that_start_with_keywords() -> None:
    assert isinstance(expr("fun (a,b) -> a|b"), s.Fun)
    assert isinstance(expr("fun x->x"), s.Fun)
    assert isinstance(expr("let a = b in a;a"), s.LetIn)
    nested = expr("let rec a = let b = c in b and d = a in d")
    assert isinstance(nested, s.LetIn)
    assert len(nested.bindings) == 2
    assert isinstance(expr("try a with b|c"), s.Try)
    for condition, kind in [("a = b", "="), ("a subset b", "subset"), ("(a,b) in r", "in")]:
        choice = expr(f"if {condition} then a else b")
        assert isinstance(choice, s.If)
        assert isinstance(choice.cond, s.CompareCond)
        assert choice.cond.op == kind
    variant = expr('if "a" || "b" && not ("c") then a else b')
    assert isinstance(variant, s.If)
    assert isinstance(variant.cond, s.OrCond)


def test_matches() -> None:
    tags = expr("match t with || 'a -> x || 'b -> y || _ -> z end")
    assert isinstance(tags, s.MatchTag)
    assert [tag for tag, _ in tags.cases] == ["a", "b", None]
    rest = expr("match r with {} -> x || y ++ ys -> y end")
    assert isinstance(rest, s.MatchSet)
    assert (rest.before, rest.element, rest.rest) == (None, "y", "ys")
    around = expr("match r with || ls | x ++ _ -> x || {} -> 0 end")
    assert isinstance(around, s.MatchSet)
    assert (around.before, around.element, around.rest) == ("ls", "x", "_")


def test_spans_point_into_the_source() -> None:
    (let,) = parse("T\n\nlet long = alpha ; (beta | gamma)  \n").statements
    assert let.span.text == "let long = alpha ; (beta | gamma)"
    assert (let.span.line, let.span.column) == (3, 1)
    assert isinstance(let, s.Let)
    assert let.bindings[0].value.span.text == "alpha ; (beta | gamma"  # parentheses belong to nobody


@pytest.mark.parametrize(
    ("text", "line", "column", "found", "wanted"),
    [
        ("let = 3", 1, 5, "`=`", "name"),
        ("let a = ", 1, 8, "the end of the file", "an expression"),
        ("let a = b c )", 1, 13, "`)`", "an operator"),
        ("acyclic a\nacyclic | b", 2, 9, "`|`", "an expression"),
        ("let a = 12", 1, 9, "`12`", "an expression"),
        ("let a = @", 1, 9, "`@`", "an expression"),
        ("let a = (b", 1, 11, "the end of the file", "`)`"),
        ("let a = b || c", 1, 11, "`||`", "an operator"),
        ("include x", 1, 9, "`x`", "a string in double quotes"),
        ("enum a = b", 1, 10, "`b`", "a tag such as 'once"),
        ("match a with 'b -> empty c", 1, 27, "the end of the file", "`end`"),
        ("let a = match b with {} -> c end", 1, 30, "keyword `end`", "`||`"),
        ("flag a", 1, 6, "`a`", "`acyclic`, `irreflexive` or `empty`"),
        ("if a = b empty c end", 1, 4, "`a`", "a variant in double quotes"),
        ("with co in S", 1, 9, "keyword `in`", "`from`"),
        ("T T T", 1, 5, "`T`", "a new statement"),
        ("let a = r^2", 1, 10, "`^`", "an operator"),
    ],
)
def test_wrong_text(text: str, line: int, column: int, found: str, wanted: str) -> None:
    error = failure(text)
    assert error.span is not None
    assert (error.span.line, error.span.column) == (line, column), error.render()
    assert f"found {found}" in error.message or f"found the {found}" in error.message
    assert wanted in error.message
    assert "_" + "UNION" not in error.message
    assert not any(word.isupper() and len(word) > 2 for word in error.message.replace("`", " ").split())


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("let a = r^2", "r^-1"),
        ("let when = a", "keyword"),
        ("let a = \ufffd", "UTF-8"),
    ],
)
def test_hints(text: str, hint: str) -> None:
    assert hint in failure(text).hint


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("let a = (* b", "comment is not closed", 9),
        ("let a = (* b (* c *)", "comment is not closed", 9),
        ('include "abc', "string is not closed", 9),
        ("show (a|b)", "needs `as`", 7),
    ],
)
def test_what_is_not_closed_or_named(text: str, message: str, column: int) -> None:
    error = failure(text)
    assert message in error.message
    assert error.span is not None
    assert error.span.column == column


@pytest.mark.parametrize(
    "text",
    [
        "\\".join("a" * 400),
        "~" * 400 + "a",
        "[" * 400 + "a" + "]" * 400,
        "f" + " x" * 400,
    ],
)
def test_absurd_nesting_is_an_error(text: str) -> None:
    assert "too deeply" in failure("let a = " + text).message


@pytest.mark.parametrize("op", ["|", ";", "&"])
def test_long_chains_are_fine(op: str) -> None:
    found = expr(op.join("abc" * 1000))
    leaves: list[str] = []
    todo: list[s.Expr] = [found]
    while todo:
        e = todo.pop()
        if isinstance(e, s.Binary):
            assert e.op == op
            todo += [e.right, e.left]
        else:
            leaves.append(print_expr(e))
    assert "".join(leaves) == "abc" * 1000


def test_deep_parentheses_are_fine() -> None:
    assert expr("(" * 2000 + "a" + ")" * 2000) == expr("a")


def test_binary_junk_is_an_error() -> None:
    for text in ("\0\1\2", "\x7fELF\x02\x01\0", "let a = \0"):
        assert failure(text).span is not None
