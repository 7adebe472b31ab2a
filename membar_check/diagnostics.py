"""Source positions and the errors that carry them.

Every complaint about an input is an :class:`InputError` with a :class:`Span`, printed as file, line and column, the
offending line and a caret.  Everything that keeps the checker from an answer although the input is good is an
:class:`Inconclusive` with a named reason.  This module imports nothing of the package.
"""

from __future__ import annotations

from membar_check.records import dataclass


def one_line(text: str) -> str:
    """The text with control characters and other ends of lines as escapes, ``\\n`` for a newline, for rows of text:
    names of files may hold any of them."""
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode("ascii") if _controls(c) else c for c in text)


def _controls(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f" or char in "\u2028\u2029"


@dataclass(frozen=True, slots=True)
class Source:
    """A text and the name under which the user knows it (a path, or a name such as ``<built-in>``)."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range ``start..end`` of character offsets into a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """Line number, from 1."""
        return self.source.text.count("\n", 0, self.start) + 1

    @property
    def column(self) -> int:
        """Column number, from 1, in characters."""
        return self.start - (self.source.text.rfind("\n", 0, self.start) + 1) + 1

    @property
    def text(self) -> str:
        """The text that the span covers."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of ``other`` (same source)."""
        return Span(self.source, self.start, other.end)

    def where(self) -> str:
        """``file:line:column``."""
        return f"{one_line(self.source.name)}:{self.line}:{self.column}"

    def excerpt(self) -> str:
        """The source line, and under it carets below the span; empty where the source has no text."""
        text = self.source.text
        begin = text.rfind("\n", 0, self.start) + 1
        stop = text.find("\n", begin)
        line = text[begin:] if stop < 0 else text[begin:stop]
        if not line.strip():
            return ""
        shown = "".join(c if c.isprintable() else " " for c in line.expandtabs(1))
        column, width = self.start - begin, max(1, min(self.end, begin + len(line)) - self.start)
        if len(shown) > _LONGEST_LINE:
            shown, column, width = _clip(shown, column, width)
        return f"    {shown}\n    {' ' * column}{'^' * width}"


_LONGEST_LINE = 160  # longer ones are shown in part


def _clip(line: str, column: int, width: int) -> tuple[str, int, int]:
    """The part of a long line around ``column``, with the column and the width of what is marked in it."""
    start = max(0, min(column - _LONGEST_LINE // 3, len(line) - _LONGEST_LINE))
    end = start + _LONGEST_LINE
    before, after = "..." if start else "", "..." if end < len(line) else ""
    return before + line[start:end] + after, len(before) + column - start, min(width, end - column)


class MembarError(Exception):
    """The base of all errors that are meant for the user.

    ``message`` says what was found and what was expected, ``hint`` (may be empty) what to do.
    """

    exit_status = 2

    def __init__(self, message: str, span: Span | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.hint = hint

    def render(self) -> str:
        """The whole message as printed: position, text, source line with caret, hint."""
        head = f"{self.span.where()}: {one_line(self.message)}" if self.span else one_line(self.message)
        parts = [head]
        if self.span:
            parts.append(self.span.excerpt())
        if self.hint:
            parts.append(f"    hint: {self.hint}")
        return "\n".join(p for p in parts if p)


class InputError(MembarError):
    """The user's file, option or model is wrong.  Exit status 2."""


class Unsupported(InputError):
    """The input is legal but uses something that the checker does not have.  Exit status 2."""


class Inconclusive(MembarError):
    """No answer: time, memory, or a bound was reached.  Exit status 3; never a pass.

    ``reason`` is one of ``time-out``, ``memory``, ``unrolling``, ``engine``.
    """

    exit_status = 3

    def __init__(self, reason: str, message: str, span: Span | None = None, hint: str = "") -> None:
        super().__init__(message, span, hint)
        self.reason = reason
