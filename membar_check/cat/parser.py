"""Parses cat and bell files: text to the tree of :mod:`membar_check.cat.syntax`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from membar_check.cat.syntax import CatFile
from membar_check.diagnostics import InputError, Source, Span

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

_SKIPPED = re.compile(r'"[^"]*"|(?://|#)[^\n]*|\(\*')
_COMMENT_MARK = re.compile(r"\(\*|\*\)")
_NOT_NEWLINE = re.compile(r"[^\n]")


def parse_cat(source: Source) -> CatFile:
    """The tree of a cat or bell file.

    The grammar is ``cat.lark``; the language is the one herd7 reads.  Raises InputError at the first text that does not
    fit, with what was found and what could have stood there.
    """
    from lark.exceptions import UnexpectedInput

    from membar_check.cat.builder import Builder
    from membar_check.grammars import load_grammar

    parser = load_grammar("cat/cat.lark", "start")
    text = blank_comments(source)
    try:
        tree = parser.parse(text)
    except UnexpectedInput as failure:
        raise _syntax_error(parser, source, text, failure) from None
    return Builder(source).build(tree)


def blank_comments(source: Source) -> str:
    """The source's text with comments replaced by blanks, so that offsets stay.

    Comments are ``(* ... *)`` (nested), ``//`` and ``#`` to the end of the line; strings protect their content.
    Raises InputError for a comment or a string that is not closed.
    """
    text = source.text
    parts: list[str] = []
    done = at = 0
    while found := _SKIPPED.search(text, at):
        at = found.end()
        if found.group().startswith('"'):
            continue
        if found.group() == "(*":
            at = _comment_end(source, found.start())
        parts += (text[done : found.start()], _NOT_NEWLINE.sub(" ", text[found.start() : at]))
        done = at
    rest = text[done:]
    quote = rest.rfind('"') if rest.count('"') % 2 else -1
    if quote >= 0:
        raise InputError("this string is not closed", Span(source, done + quote, done + quote + 1))
    return "".join(parts) + rest


def _comment_end(source: Source, start: int) -> int:
    """The offset behind the comment that opens at ``start``."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(source.text, start):
        depth += 1 if mark.group() == "(*" else -1
        if depth == 0:
            return mark.end()
    raise InputError(
        "this comment is not closed: the file ends before its `*)`", Span(source, start, start + 2)
    )


def _syntax_error(parser: Lark, source: Source, text: str, failure: UnexpectedInput) -> InputError:
    from membar_check.cat.messages import describe_failure

    start, end, message, hint = describe_failure(parser, text, failure)
    return InputError(message, Span(source, start, end), hint)
