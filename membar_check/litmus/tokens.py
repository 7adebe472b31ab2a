"""The tokens of init blocks and of final conditions, and a cursor over them.

The token shapes follow what herd7 accepts in these two parts of a litmus file (herdtools7 manual, "Litmus tests").
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple, NoReturn

from membar_check.diagnostics import InputError, Source, Span
from membar_check.litmus.text import NAME, describe

_PATTERN = (
    r"\s*(?:"
    r"(?P<number>-?(?:0[xX][0-9a-fA-F]{1,32}|[0-9]{1,40})(?!\w))"
    r"|(?P<code>(?:label|instr):\"[^\"\n]*\")"
    r"|(?P<thread>P[0-9]{1,6}(?![\w/.\-]))"
    r"|(?P<name>%?" + NAME + r"|\$[0-9]+)"
    r"|(?P<sign>/\\|\\/|=>|==|!=|<>|[=~()\[\]{};:,&*+])"
    r"|(?P<end>\Z)"
    r"|(?P<junk>.))"
)
_TOKEN = re.compile(_PATTERN, re.ASCII | re.DOTALL)


class Token(NamedTuple):
    """``kind`` is number, name, thread (``P0``), code (``label:"..."``), end, or for signs the sign itself."""

    kind: str
    text: str
    start: int
    end: int


_new = tuple.__new__  # four times as fast as calling Token, of which a test has hundreds


def tokenize(source: Source, text: str, start: int, end: int, pattern: re.Pattern[str] = _TOKEN) -> list[Token]:
    """The tokens of ``text[start:end]``, with an ``end`` token last; InputError at a character that begins none."""
    tokens: list[Token] = []
    for match in pattern.finditer(text, start, end):
        kind = match.lastgroup
        assert kind is not None
        token_start, token_end = match.span(kind)
        if kind == "end":
            if tokens:  # complaints point behind the last token, not at blank lines
                token_start = token_end = tokens[-1].end
            tokens.append(Token("end", "", token_start, token_end))
            break
        word = text[token_start:token_end]
        if kind in ("sign", "minus"):
            kind = word
        elif kind == "junk":
            raise InputError(
                f"unexpected character {describe(word)}", Span(source, token_start, token_end), _junk_hint(word)
            )
        tokens.append(_new(Token, (kind, word, token_start, token_end)))
    return tokens


def tokenize_kernel(source: Source, text: str, start: int, end: int) -> list[Token]:
    """As :func:`tokenize`, for kernel C: constants may be negated, ``-EPERM``, and ``/`` is no part of a name."""
    return tokenize(source, text, start, end, _kernel_pattern())


@lru_cache(maxsize=1)
def _kernel_pattern() -> re.Pattern[str]:
    pattern = _PATTERN.replace("|(?P<end>", "|(?P<minus>-(?=[A-Za-z_]))|(?P<end>").replace(r"[\w/.\-]*", r"[\w.\-]*")
    return re.compile(pattern, re.ASCII | re.DOTALL)


def _junk_hint(word: str) -> str:
    return {
        "/": "conjunction is written `/\\`, and comments `(* ... *)`",
        "\\": "conjunction is written `/\\`, disjunction `\\/`",
        "|": "disjunction is written `\\/`",
        "!": "negation is written `not (...)` or `~`, difference `!=`",
        "<": "only `=` and `!=` compare",
        ">": "only `=` and `!=` compare",
    }.get(word, "")


class Cursor:
    """A position in a token list.  ``at``/``accept``/``expect`` work on kinds; ``fail`` raises InputError there."""

    __slots__ = ("part", "paths", "position", "source", "tokens")

    def __init__(self, source: Source, tokens: list[Token], part: str, paths: bool = False) -> None:
        """``part`` names what is being parsed, for messages (``the init block``).  ``paths``: places are those of
        kernel C, with fields."""
        self.paths = paths
        self.source = source
        self.tokens = tokens
        self.position = 0
        self.part = part

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def peek(self, distance: int = 1) -> str:
        """The kind of a token further on (``end`` beyond the last)."""
        index = self.position + distance
        return self.tokens[index].kind if index < len(self.tokens) else "end"

    def next(self) -> Token:
        """The current token; moves on, but never past the end."""
        token = self.tokens[self.position]
        if token.kind != "end":
            self.position += 1
        return token

    def accept(self, kind: str) -> Token | None:
        """The current token if it is of this kind, moving past it; else None."""
        token = self.tokens[self.position]
        if token.kind != kind:
            return None
        if kind != "end":
            self.position += 1
        return token

    def accept_word(self, *words: str) -> Token | None:
        """The current token if it is a name and one of these words."""
        token = self.tokens[self.position]
        if token.kind == "name" and token.text in words:
            self.position += 1
            return token
        return None

    def expect(self, kind: str, expected: str) -> Token:
        """The current token, which must be of this kind; moves past it."""
        token = self.tokens[self.position]
        if token.kind != kind:
            self.fail(expected)
        if kind != "end":
            self.position += 1
        return token

    def span(self, start: int, end: int | None = None) -> Span:
        """From offset ``start`` to ``end``, or to the end of the token passed last."""
        if end is None:
            end = self.tokens[self.position - 1].end if self.position else start
        return Span(self.source, start, end)

    def fail(self, expected: str, hint: str = "") -> NoReturn:
        """Raise InputError at the current token: what was found, and ``expected``."""
        token = self.tokens[self.position]
        found = f"the end of {self.part}" if token.kind == "end" else describe(token.text)
        raise InputError(f"found {found}, expected {expected}", Span(self.source, token.start, token.end), hint)
