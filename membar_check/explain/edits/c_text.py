"""How edits of C are written: changes of calls into each other, and statements that come and go."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from membar_check.diagnostics import Source, Span
from membar_check.explain.edits.edit import Change, line_range
from membar_check.explain.edits.statements import Call
from membar_check.explain.edits.table import PLAIN, Form
from membar_check.litmus.kernel_preprocess import Piece

_COMMENT = re.compile(r"[ \t]*(?://[^\n]*|/\*[^\n]*?\*/[ \t\r]*)?\r?\Z")
_CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|endif)\b[^\n]*", re.MULTILINE)
_BLANKS = re.compile(r"[ \t]*")
_SIMPLE = re.compile(r"[A-Za-z_]\w*(?:\s*(?:->|\.)\s*\w+|\s*\[[^\[\]]*\])*\Z|\([^()]*\)\Z", re.ASCII)

Rewritten = tuple[str, tuple[Change, ...]]


class Operand(NamedTuple):
    """What an access accesses, ``start:end``.  ``sign``: ``*`` or ``&`` where it begins with that, else ""; ``inner``:
    where what follows the sign begins."""

    start: int
    end: int
    sign: str
    inner: int


def put(source: Source, start: int, end: int, text: str) -> Change:
    return Change(source.name, start, end, text)


def operand(source: Source, tokens: list[Piece], first: int, last: int, start: int, end: int) -> Operand:
    """The operand of tokens ``first`` to ``last``, which stands in ``start:end`` with blanks around."""
    text = source.text[start:end]
    start += len(text) - len(text.lstrip())
    end -= len(text) - len(text.rstrip())
    sign = tokens[first].text
    if sign not in ("*", "&") or tokens[first].macro or last == first:
        return Operand(start, end, "", start)
    inner = start + 1 + len(source.text[start + 1 : end]) - len(source.text[start + 1 : end].lstrip())
    return Operand(start, end, sign, inner)


# --- from one form to another ----------------------------------------------------------------------------------------
def address(source: Source, of: Operand) -> tuple[str, tuple[Change, ...]]:
    """The pointer to an object, as text and as changes of the object's text."""
    if of.sign == "*":
        return source.text[of.inner : of.end], (put(source, of.start, of.inner, ""),)
    return f"&{source.text[of.start : of.end]}", (put(source, of.start, of.start, "&"),)


def target(source: Source, of: Operand) -> tuple[str, tuple[Change, ...]]:
    """The object that a pointer points to, as text and as changes of the pointer's text."""
    if of.sign == "&":
        return source.text[of.inner : of.end], (put(source, of.start, of.inner, ""),)
    text = source.text[of.start : of.end]
    if _SIMPLE.match(text):
        return f"*{text}", (put(source, of.start, of.start, "*"),)
    return f"*({text})", (put(source, of.start, of.start, "*("), put(source, of.end, of.end, ")"))


class Written(NamedTuple):
    """A call that is an access.  ``statement``: it is a whole statement."""

    source: Source
    call: Call
    tokens: list[Piece]
    operand: Operand
    statement: bool

    def into(self, form: Form, other: Form | None, name: str) -> Rewritten | None:
        """The call as ``other`` (None: plain, by ``name``); None where that cannot be written."""
        if name == PLAIN:
            return self._plain(form)
        if other is None or other.access != form.access:
            return None
        moved: tuple[Change, ...] = ()
        if form.argument == other.argument:
            of = self.source.text[self.operand.start : self.operand.end]
        elif (form.argument, other.argument) == ("object", "pointer"):
            of, moved = address(self.source, self.operand)
        elif (form.argument, other.argument) == ("pointer", "object"):
            of, moved = target(self.source, self.operand)
        else:
            return None
        span = self.tokens[self.call.name].span
        rest = self.source.text[self.operand.end : self.tokens[self.call.closed].span.end]
        return " ".join(f"{name}({of}{rest}".split()), (put(self.source, span.start, span.end, name), *moved)

    def _plain(self, form: Form) -> Rewritten | None:
        """The access without the macro; as a store only where it is a whole statement."""
        source, tokens, call = self.source, self.tokens, self.call
        if form.argument == "same" or form.access == "rmw":
            return None
        of = source.text[self.operand.start : self.operand.end]
        moved: tuple[Change, ...] = ()
        if form.argument == "pointer":
            of, moved = target(source, self.operand)
        begin = tokens[call.name].span
        closed = tokens[call.closed].span
        if form.access == "load":
            if tokens[call.closed + 1].text in ("->", ".", "[", "(", "++", "--"):
                return f"({of})", (put(source, begin.start, begin.end, ""), *moved)
            opened = put(source, begin.start, self.operand.start, "")
            return of, _joined((opened, *moved, put(source, closed.start, closed.end, "")))
        if not self.statement:
            return None
        value = tokens[call.arguments[0][1] + 1].span.end
        value += len(source.text[value : closed.start]) - len(source.text[value : closed.start].lstrip())
        changes = (
            put(source, begin.start, self.operand.start, ""),
            *moved,
            put(source, self.operand.end, value, " = "),
            put(source, closed.start, closed.end, ""),
        )
        return f"{of} = {' '.join(source.text[value : closed.start].split())}", _joined(changes)


def _joined(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Changes that touch each other as one."""
    joined: list[Change] = []
    for change in changes:
        if joined and joined[-1].end == change.start:
            before = joined.pop()
            change = Change(change.file, before.start, change.end, before.text + change.text)
        joined.append(change)
    return tuple(joined)


def load_of(source: Source, of: Operand) -> Callable[[Form], Rewritten]:
    """How a plain load of an object is written as a form."""

    def rewrite(form: Form) -> Rewritten:
        text, moved = _argument(source, of, form)
        opened, closed = put(source, of.start, of.start, f"{form.name}("), put(source, of.end, of.end, ")")
        return f"{form.name}({text})", _joined((opened, *moved, closed))

    return rewrite


def store_of(source: Source, of: Operand, value: int, end: int) -> Callable[[Form], Rewritten]:
    """How ``object = value`` is written as a form; the value stands in ``value:end``."""

    def rewrite(form: Form) -> Rewritten:
        text, moved = _argument(source, of, form)
        changes = (
            put(source, of.start, of.start, f"{form.name}("),
            *moved,
            put(source, of.end, value, ", "),
            put(source, end, end, ")"),
        )
        return f"{form.name}({text}, {' '.join(source.text[value:end].split())})", _joined(changes)

    return rewrite


def _argument(source: Source, of: Operand, form: Form) -> tuple[str, tuple[Change, ...]]:
    if form.argument == "pointer":
        return address(source, of)
    return source.text[of.start : of.end], ()


# --- statements ------------------------------------------------------------------------------------------------------
def remove(source: Source, start: int, end: int) -> tuple[Change, ...]:
    """Takes a statement away, with its line where nothing but a comment is left of that."""
    begin, stop = line_range(source, start)
    alone = not source.text[begin:start].strip() and end <= line_range(source, end)[1]
    stop = line_range(source, end)[1]
    if alone and _COMMENT.match(source.text[end:stop]) and stop < len(source.text):
        return (put(source, begin, stop + 1, ""),)
    while start > begin and source.text[start - 1] in " \t":
        start -= 1
    return (put(source, start, end, ""),)


def indent(source: Source, brace: Span, statement: Span) -> str:
    """The blanks before a new statement beside another of a block that opens with ``brace``."""
    if statement.source is not source:
        statement = brace
    one_line = brace.source is source and line_range(source, brace.start) == line_range(source, statement.start)
    return blanks_before(source, statement.start) + ("\t" if one_line else "")


def gap(source: Source, at: int, limit: int, blanks: str) -> tuple[int, int, str, str]:
    """How a statement is inserted behind what ends at ``at`` and before what begins at ``limit``, on a line of its own:
    what it replaces, and what stands before and behind it.

    Where an ``#if`` ends in between, it stands behind that: the fence is for all variants of the code.
    """
    outside = _outside(source.text, at, limit)
    if outside > at:
        return outside, outside, blanks, "\n"
    stop = line_range(source, at)[1]
    if stop < len(source.text) and _COMMENT.match(source.text[at:stop]):
        return stop + 1, stop + 1, blanks, "\n"
    found = _BLANKS.match(source.text, at)
    assert found is not None
    return at, found.end(), f"\n{blanks}", f"\n{blanks}"


def _outside(text: str, at: int, limit: int) -> int:
    """The first line of ``text[at:limit]`` that is in the fewest ``#if``s; ``at`` if none is in fewer than that."""
    best, depth, least = at, 0, 0
    for found in _CONDITIONAL.finditer(text, at, limit):
        depth += -1 if found[1] == "endif" else 1
        if depth < least and found.end() < limit:
            best, least = found.end() + 1, depth
    return best


def braces(source: Source, head: int, at: int, first: int, last: int) -> tuple[int, int, str, str, Change]:
    """How the only statement ``first:last`` of a branch or loop gets one more before it: what that replaces, what
    stands before and behind it, and the brace at the end.  The branch begins at ``head``; its head ends at ``at``."""
    outer = blanks_before(source, head)
    alone = not source.text[line_range(source, first)[0] : first].strip()
    inner = blanks_before(source, first) if alone else f"{outer}\t"
    closed = put(source, last, last, f"\n{outer}}}")
    if alone:
        return at, at, f" {{\n{inner}", "", closed
    return at, first, f" {{\n{inner}", f"\n{inner}", closed


def blanks_before(source: Source, at: int) -> str:
    """The blanks at the beginning of the line of an offset."""
    found = _BLANKS.match(source.text, line_range(source, at)[0])
    assert found is not None
    return found.group()
