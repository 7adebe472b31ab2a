"""The tokens of C: thread bodies of litmus tests and ``.def`` macro files.

Spaces, ``/* ... */`` (which do not nest) and ``//`` comments separate tokens.  One compiled regular expression finds
them all: on the kernel's tests this and the recursive-descent parser of :mod:`membar_check.litmus.c_body` need a third
of the time that an LALR grammar needs to recognise the same text, and no table to load.
"""

from __future__ import annotations

import re

from membar_check.diagnostics import InputError, Source, Span

_BLANK = r"(?:[ \t\r\n\f\v]+|/\*(?:[^*]|\*(?!/))*\*/|//[^\n]*)*"
_TOKEN = re.compile(
    _BLANK + r"("
    r"[A-Za-z_]\w*"
    r"|[0-9]\w*"
    r"|<<=|>>=|==|!=|<=|>=|&&|\|\||<<|>>|->|\+\+|--|[-+*/%&|^]=|&~(?=[ \t]*,)"
    r"|/\*|.|\Z)",
    re.ASCII | re.DOTALL,
)
_MARKS = """
    <<= >>= == != <= >= && || << >> -> ++ -- -= += *= /= %= &= |= ^= &~
    ( ) [ ] { } ; , : ? . = < > ! ~ + - * / % & | ^ "
"""
_PUNCTUATION = frozenset(_MARKS.split())
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*\Z")
_THREAD = re.compile(r"P([0-9]+)\Z")


def scan(source: Source, start: int, end: int | None = None) -> tuple[list[str], list[int]]:
    """The token texts of ``source.text[start:end]`` and where each begins; the last text is "" (the end).

    Raises InputError for a character that begins no token and for a comment that is not closed.
    """
    texts: list[str] = []
    starts: list[int] = []
    text = source.text
    for match in _TOKEN.finditer(text, start, len(text) if end is None else end):
        texts.append(match[1])
        starts.append(match.start(1))
    _check(source, texts, starts)
    return texts, starts


def scan_bodies(source: Source, start: int) -> tuple[list[str], list[int]]:
    """Like :func:`scan`, but ends where the thread bodies end: at the first token after a closing brace that does not
    begin another function.  The last text is "" and stands right after that brace."""
    texts: list[str] = []
    starts: list[int] = []
    depth = 0
    for match in _TOKEN.finditer(source.text, start):
        token = match[1]
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
        elif not depth and texts and texts[-1] == "}" and token != "void" and not _THREAD.match(token):
            texts.append("")
            starts.append(starts[-1] + 1)
            break
        texts.append(token)
        starts.append(match.start(1))
    _check(source, texts, starts)
    return texts, starts


def _check(source: Source, texts: list[str], starts: list[int]) -> None:
    """Raise InputError at the first text that is no token of C."""
    for token in set(texts):
        if token in _PUNCTUATION or token == "" or (token[0].isalnum() and token.isascii()) or token[0] == "_":
            continue
        at = min(starts[i] for i, other in enumerate(texts) if other == token)
        if token == "/*":
            raise InputError("this comment is not closed: the file ends before its `*/`", Span(source, at, at + 2))
        shown = token if token.isprintable() else f"\\x{ord(token):02x}"
        hint = "a test whose body this is not C should not begin with `C`" if token == "\\" else ""
        raise InputError(f"found `{shown}`, which begins nothing in C", Span(source, at, at + 1), hint)


def number(token: str) -> int | None:
    """The value of a decimal or ``0x`` integer constant, suffixes ignored; None for any other token."""
    match = _NUMBER.match(token)
    return int(match[1], 16 if match[1][:2] in ("0x", "0X") else 10) if match else None


def thread_number(token: str) -> int | None:
    """1 for ``P1``; None for any other token."""
    match = _THREAD.match(token)
    return int(match[1]) if match else None
