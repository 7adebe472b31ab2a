"""What can be edited in a C test that herd7 reads too: all is in the test itself, a function a thread."""

from __future__ import annotations

from membar_check.diagnostics import Span
from membar_check.explain.edits.c_code import Code, places
from membar_check.explain.edits.edit import Places
from membar_check.explain.edits.statements import Function, functions
from membar_check.explain.edits.table import Table
from membar_check.litmus.c_tokens import scan
from membar_check.litmus.kernel_preprocess import Piece
from membar_check.litmus.syntax import CBody, LitmusTest


def plain_places(test: LitmusTest, table: Table) -> Places:
    """The sites and points of a test in plain C."""
    tokens: list[Piece] = []
    for body in test.bodies:
        assert isinstance(body, CBody)
        source = body.span.source
        texts, starts = scan(source, body.span.start, body.span.end)
        found = zip(texts[:-1], starts[:-1], strict=True)
        tokens += [Piece(text, Span(source, start, start + len(text)), False) for text, start in found]
    threads: list[tuple[int, Function]] = list(enumerate(functions(tokens)))
    words = frozenset(piece.text for piece in tokens)
    none: frozenset[str] = frozenset()
    return places(Code(tokens, tuple(threads), none, none, frozenset({"["}), none, none, words), table)
