"""C bodies of litmus tests: text -> :class:`~membar_check.litmus.syntax.CBody`.

The language is the C of herd7's ``C`` tests (herdtools7 manual, "C tests") with what the kernel's own code needs more:
several declarators, ``do``, ``goto``, ``?:``, ``&&``, ``||``, indices, shifts, compound assignment, ``++``.

Why no grammar file: C's many levels of binding cost an LALR parser one reduction each for every operand.  Measured over
1,433 kernel tests, a sketch of such a grammar in lark, with bare tuples for nodes, took 0.7 ms a test and 33 ms to
import lark; precedence climbing takes 0.2 ms with all nodes and spans.  One method parses one construct; a new
statement is a new entry of ``_STATEMENTS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from membar_check.diagnostics import InputError, Source, Span, Unsupported
from membar_check.litmus.c_expr import ExpressionParser, is_type_word
from membar_check.litmus.c_tokens import scan_bodies, thread_number
from membar_check.litmus.syntax import (
    CAssign,
    CBlock,
    CBody,
    CDeclare,
    CExpr,
    CExprStmt,
    CGoto,
    CIf,
    CIndex,
    CInt,
    CLabel,
    CName,
    CParameter,
    CStmt,
    CUnary,
    CWhile,
)

_ASSIGNMENTS = {
    "=": "",
    "+=": "+",
    "-=": "-",
    "*=": "*",
    "/=": "/",
    "%=": "%",
    "&=": "&",
    "|=": "|",
    "^=": "^",
    "<<=": "<<",
    ">>=": ">>",
}
_NOT_YET = {
    "for": "`for` loops",
    "switch": "`switch`",
    "case": "`switch`",
    "default": "`switch`",
    "break": "`break`",
    "continue": "`continue`",
    "return": "`return`",
    "typedef": "type definitions",
    "asm": "inline assembly",
}


def parse_c_bodies(source: Source, start: int) -> tuple[tuple[CBody, ...], int]:
    """The functions ``P0(...) { ... } P1(...) { ... }`` from offset ``start`` on, and the offset after the last one.

    Raises InputError where the text is not C, or the threads are not P0, P1, ... in order, and Unsupported for
    constructs that are C but not known here.
    """
    texts, starts = scan_bodies(source, start)
    parser = BodyParser(source, texts, starts)
    bodies: list[CBody] = []
    try:
        while not bodies or parser.text:
            bodies.append(parser.function(len(bodies)))
    except RecursionError:
        raise InputError("this is nested too deeply", parser.here()) from None
    return tuple(bodies), starts[-1]


class BodyParser(ExpressionParser):
    """Statements and functions."""

    __slots__ = ()

    def function(self, number: int) -> CBody:
        """``[void] P<number>(parameters) { statements }``."""
        begin = self.index
        if self.text == "void":
            self.advance()
        found = thread_number(self.text)
        if found != number:
            hint = "threads are numbered P0, P1, ... in the order of the file" if found is not None else ""
            self.fail(f"the function `P{number}(...) {{ ... }}`", hint)
        self.advance()
        self.expect("(", f"`(` and the parameters of P{number}")
        parameters: list[CParameter] = []
        if self.text == "void" and self.peek() == ")":
            self.advance()
        while self.text != ")":
            if parameters:
                self.expect(",", "`,` or `)`")
            first = self.index
            type_ = self.type_words("the type of a parameter, such as `int *`") + self.stars()
            name = self.name("the parameter's name")
            parameters.append(CParameter(type_, name, self.span(first)))
        self.advance()
        return CBody(tuple(parameters), self.braces("the body in braces"), self.span(begin))

    def braces(self, expected: str) -> tuple[CStmt, ...]:
        """``{ statements }``."""
        opened = self.index
        self.expect("{", expected)
        statements: list[CStmt] = []
        while self.text != "}":
            if not self.text:
                where = Span(self.source, self.starts[opened], self.starts[opened] + 1)
                raise InputError("this brace is not closed: the file ends before its `}`", where)
            self.statement(statements)
        self.advance()
        return tuple(statements)

    def statement(self, into: list[CStmt]) -> None:
        """One statement; a declaration adds one node per declarator, ``;`` none."""
        token = self.text
        special = _STATEMENTS.get(token)
        if special is not None:
            special(self, into)
        elif is_type_word(token):
            self.declaration(into)
        elif self.peek() == ":" and (token[:1].isalpha() or token[:1] == "_"):
            begin = self.index
            self.advance()
            self.advance()
            into.append(CLabel(token, self.span(begin)))
        elif token in _NOT_YET:
            raise Unsupported(f"{_NOT_YET[token]} are not known in C tests", self.here())
        else:
            begin = self.index
            into.append(self.simple())
            if self.text != ";":
                self._missing_semicolon(begin)
            self.advance()

    def simple(self) -> CStmt:
        """An assignment or an expression, without its ``;``."""
        begin = self.index
        if self.text in ("++", "--"):
            op = self.advance()
            target = self.target(self.expression())
            return CAssign(target, op[0], CInt(1, self.span(begin)), self.span(begin))
        expr = self.expression()
        op = self.text
        if op in _ASSIGNMENTS:
            self.target(expr)
            self.advance()
            value = self.expression()
            if self.text in _ASSIGNMENTS:
                raise Unsupported("chained assignments are not known in C tests", self.here())
            return CAssign(expr, _ASSIGNMENTS[op], value, self.span(begin))
        if op in ("++", "--"):
            self.target(expr)
            self.advance()
            return CAssign(expr, op[0], CInt(1, self.span(begin)), self.span(begin))
        return CExprStmt(expr, self.span(begin))

    def target(self, expr: CExpr) -> CExpr:
        """``expr`` if it can be assigned to."""
        if isinstance(expr, (CName, CIndex)) or (isinstance(expr, CUnary) and expr.op == "*"):
            return expr
        raise InputError(f"`{expr.span.text}` cannot be assigned to; expected a local, `*p` or `p[i]`", expr.span)

    def declaration(self, into: list[CStmt]) -> None:
        """``int r1 = e, *p;``."""
        base = self.type_words("a type")
        while True:
            begin = self.index
            type_ = base + self.stars()
            name = self.name("the name of the local that is declared")
            if self.text == "[":
                raise Unsupported("local arrays are not known in C tests", self.here())
            init: CExpr | None = None
            if self.text == "=":
                self.advance()
                init = self.expression()
            into.append(CDeclare(type_, name, init, self.span(begin)))
            if self.text != ",":
                break
            self.advance()
        if self.text != ";":
            self._missing_semicolon(begin)
        self.advance()

    def block(self) -> CStmt:
        """One statement as a branch or loop body: a CBlock unless it is a single node."""
        begin = self.index
        if is_type_word(self.text):
            self.fail("a statement", "a declaration needs a block in braces here")
        into: list[CStmt] = []
        self.statement(into)
        return into[0] if len(into) == 1 else CBlock(tuple(into), self.span(begin))

    def condition(self, keyword: str) -> CExpr:
        self.expect("(", f"`(` and the condition of `{keyword}`")
        cond = self.expression()
        if self.text in _ASSIGNMENTS:
            raise Unsupported(
                "assignments inside expressions are not known in C tests",
                self.here(),
                "compare with `==`, or assign in a statement before",
            )
        self.expect(")", "an operator, or `)` after the condition")
        return cond

    def if_(self, into: list[CStmt]) -> None:
        begin = self.index
        self.advance()
        cond = self.condition("if")
        then = self.block()
        other: CStmt | None = None
        if self.text == "else":
            self.advance()
            other = self.block()
        into.append(CIf(cond, then, other, self.span(begin)))

    def while_(self, into: list[CStmt]) -> None:
        begin = self.index
        self.advance()
        cond = self.condition("while")
        into.append(CWhile(cond, self.block(), False, self.span(begin)))

    def do(self, into: list[CStmt]) -> None:
        begin = self.index
        self.advance()
        body = self.block()
        self.expect("while", "`while (...)` after the body of `do`")
        cond = self.condition("while")
        self.expect(";", "`;`")
        into.append(CWhile(cond, body, True, self.span(begin)))

    def goto(self, into: list[CStmt]) -> None:
        begin = self.index
        self.advance()
        label = self.name("a label")
        into.append(CGoto(label, self.span(begin)))
        self.expect(";", "`;`")

    def braced(self, into: list[CStmt]) -> None:
        begin = self.index
        body = self.braces("`{`")
        into.append(CBlock(body, self.span(begin)))

    def empty(self, into: list[CStmt]) -> None:
        self.advance()

    def _missing_semicolon(self, begin: int) -> NoReturn:
        """A statement that begins at token ``begin`` is not followed by ``;``: say so where it belongs."""
        found = self.text
        if self.index - begin == 1 and (found[:1].isalpha() or found[:1] == "_"):
            word = self.texts[begin]
            hint = "structures and their typedefs are not known in C tests"
            raise InputError(f"`{word}` is no type known here", self.span(begin), hint)
        if (found and found in '()[]?:."') or found in ("=", "->"):
            self.fail("an operator or `;`")
        at = self.end()
        shown = f"`{found}`" if found else "the end of the bodies"
        raise InputError(f"found {shown}, expected `;` after this statement", Span(self.source, at, at + 1))


_STATEMENTS: dict[str, Callable[[BodyParser, list[CStmt]], None]] = {
    "if": BodyParser.if_,
    "while": BodyParser.while_,
    "do": BodyParser.do,
    "goto": BodyParser.goto,
    "{": BodyParser.braced,
    ";": BodyParser.empty,
}
