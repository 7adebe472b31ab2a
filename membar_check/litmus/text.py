"""What all parts of the litmus parser share: comments, and errors that say what was found and what was expected."""

from __future__ import annotations

import re

from membar_check.diagnostics import InputError, Source, Span

_COMMENT_MARK = re.compile(r"\(\*|\*\)")
_NOT_NEWLINE = re.compile(r"[^\n]")

NAME = r"[A-Za-z_.$][\w/.\-]*"
"""The shape of names in init blocks and conditions (a regular expression, to be compiled with re.ASCII)."""


def comment_end(source: Source, text: str, start: int) -> int:
    """The offset behind the nested ``(* ... *)`` comment that opens at ``start``; InputError if it is not closed."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start):
        depth += 1 if mark.group() == "(*" else -1
        if depth == 0:
            return mark.end()
    raise InputError("this comment is not closed: the file ends before its `*)`", Span(source, start, start + 2))


def blank_comments(source: Source, text: str, start: int = 0) -> str:
    """``text`` with every nested ``(* ... *)`` comment from ``start`` on replaced by blanks, so that offsets stay.

    Raises InputError at the opening of a comment that is not closed.
    """
    opened = text.find("(*", start)
    if opened < 0:
        return text
    parts: list[str] = []
    done = 0
    while opened >= 0:
        end = comment_end(source, text, opened)
        parts.append(text[done:opened])
        parts.append(_NOT_NEWLINE.sub(" ", text[opened:end]))
        done = end
        opened = text.find("(*", end)
    return "".join(parts) + text[done:]


def describe(text: str) -> str:
    """A piece of input as a message shows it: in back quotes, short and printable."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:40])
    return f"`{shown}...`" if len(text) > 40 else f"`{shown}`"


def counted(number: int, word: str) -> str:
    """``1 cell``, ``2 cells``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def integer(text: str) -> int:
    """The value of a decimal or ``0x`` numeral with an optional minus sign."""
    return int(text, 16) if "x" in text or "X" in text else int(text)
