"""Any C expression, printed with as few parentheses as C needs or with all of them, is read back as it was."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from membar_check.diagnostics import Source, Span
from membar_check.litmus.c_body import parse_c_bodies
from membar_check.litmus.syntax import (
    CBinary,
    CCall,
    CCast,
    CConditional,
    CExpr,
    CExprStmt,
    CIndex,
    CInt,
    CName,
    CUnary,
)

NOWHERE = Span(Source("", ""), 0, 0)
LEVELS = ("||", "&&", "|", "^", "&", "== !=", "< <= > >=", "<< >>", "+ -", "* / %")
BINDING = {op: level for level, ops in enumerate(LEVELS, 1) for op in ops.split()}
UNARY, POSTFIX = len(LEVELS) + 1, len(LEVELS) + 2

leaves = st.one_of(
    st.integers(0, 1 << 40).map(lambda n: CInt(n, NOWHERE)),
    st.sampled_from(("x", "r1", "_tmp", "P0x", "iffy")).map(lambda n: CName(n, NOWHERE)),
)


def larger(inner: st.SearchStrategy[CExpr]) -> st.SearchStrategy[CExpr]:
    arguments = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(
        st.builds(CBinary, st.sampled_from(sorted(BINDING)), inner, inner, st.just(NOWHERE)),
        st.builds(CUnary, st.sampled_from("*&!~+"), inner, st.just(NOWHERE)),
        st.builds(CConditional, inner, inner, inner, st.just(NOWHERE)),
        st.builds(CIndex, inner, inner, st.just(NOWHERE)),
        st.builds(CCast, st.sampled_from(("int", "struct s **", "volatile long")), inner, st.just(NOWHERE)),
        st.builds(CCall, st.just("f"), st.just(()), arguments, st.just(NOWHERE)),
        st.builds(CCall, st.just("__p"), st.sampled_from((("once",), ("a-b", "c"))), arguments, st.just(NOWHERE)),
    )


expressions = st.recursive(leaves, larger, max_leaves=12)


def printed(expr: CExpr, level: int, sparing: bool) -> str:
    """``expr`` where an operand must bind at least as tightly as ``level``."""
    text, own = _printed(expr, sparing)
    return text if sparing and own >= level else f"({text})"


def _printed(expr: CExpr, sparing: bool) -> tuple[str, int]:
    if isinstance(expr, CInt):
        return str(expr.value), POSTFIX
    if isinstance(expr, CName):
        return expr.name, POSTFIX
    if isinstance(expr, CUnary):
        return f"{expr.op} {printed(expr.operand, UNARY, sparing)}", UNARY
    if isinstance(expr, CCast):
        return f"({expr.type}) {printed(expr.operand, UNARY, sparing)}", UNARY
    if isinstance(expr, CIndex):
        return f"{printed(expr.array, POSTFIX, sparing)}[{printed(expr.index, 0, sparing)}]", POSTFIX
    if isinstance(expr, CCall):
        tags = "{" + ", ".join(expr.tags) + "}" if expr.tags else ""
        return f"{expr.name}{tags}({', '.join(printed(a, 0, sparing) for a in expr.args)})", POSTFIX
    if isinstance(expr, CConditional):
        parts = (printed(expr.cond, 1, sparing), printed(expr.then, 0, sparing), printed(expr.other, 0, sparing))
        return "{} ? {} : {}".format(*parts), 0
    level = BINDING[expr.op]
    return f"{printed(expr.left, level, sparing)} {expr.op} {printed(expr.right, level + 1, sparing)}", level


@settings(max_examples=150, deadline=None)
@given(expressions, st.booleans())
def test_round_trip(expr: CExpr, sparing: bool) -> None:
    text = "P0() { r = " + printed(expr, 0, sparing) + "; }"
    (body,), _ = parse_c_bodies(Source("t", text), 0)
    (statement,) = body.statements
    assert not isinstance(statement, CExprStmt)
    assert getattr(statement, "value", None) == expr
