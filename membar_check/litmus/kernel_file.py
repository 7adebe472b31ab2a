"""Tests in kernel C: telling them from herd7's C tests, cutting the file, and its final part.

A ``C`` test is in kernel C if it has a preprocessor line, a declaration or function beside its threads, or a named
condition.  Everything else is read by :mod:`membar_check.litmus.c_body` exactly as herd7 reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from membar_check.diagnostics import InputError, Source, Span
from membar_check.litmus.c_plain import DIRECTIVE, NAMED
from membar_check.litmus.condition import FALSE, Final, parse_condition, parse_locations, parse_prop
from membar_check.litmus.kernel_c import KernelUnit, parse_kernel
from membar_check.litmus.syntax import (
    Atom,
    Condition,
    Implies,
    InitItem,
    Literal,
    Not,
    Prop,
    Quantifier,
    RegisterRef,
    Symbol,
)
from membar_check.litmus.text import blank_comments, describe
from membar_check.litmus.tokens import Cursor, tokenize_kernel
from membar_check.records import replace

MAX_CPUS = 8
"""The largest machine; the runtime header is written out for so many."""

FOUND_UNASKED = (
    "use-after-free", "data-race", "sleep-in-atomic", "may-block", "deadlock", "unbalanced", "null-dereference",
    "unreached-code", "warning", "bug",
)  # fmt: skip
"""The classes of outcome that every kernel test is checked for; a named condition cannot take their names."""

_PIECE = re.compile(
    r"(?P<skip>/\*.*?\*/|//[^\n]*|\\[ \t\r]*\n|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<line>^[ \t]*\#[ \t]*(?P<directive>\w*)(?:/\*.*?\*/|[^\\\n]|\\.)*)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign>[^\s\w])|(?P<number>\w+)",
    re.ASCII | re.DOTALL | re.MULTILINE,
)
_FINAL = re.compile(
    r"(?:exists|forall|final|filter|[oO]bserved)\b|locations\s*\[|~\s*exists\b|not\s+exists\b|[A-Za-z][\w.\-]*\s*:|\(\*",
    re.ASCII,
)
_DECLARED = re.compile(r"[A-Za-z_]\w*(?:\s+[A-Za-z_*]|\s*\*)", re.ASCII)
_WORD = re.compile(r"[A-Za-z_=]", re.ASCII)
_THREAD = re.compile(r"P[0-9]+\Z", re.ASCII)
_LINE_COMMENT = re.compile(r"(?:(?<=\s)|^)//[^\n]*", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z][\w\-]*\Z", re.ASCII)
_ARROW = re.compile(r"\w\s*->")


class Cut(NamedTuple):
    """The C part of a file ends at ``end``; ``threads`` functions are threads; ``kernel``: it is no plain C test."""

    end: int
    threads: int
    kernel: bool


class KernelFinal(NamedTuple):
    """A final part of herd7 and the named conditions."""

    final: Final
    conditions: tuple[tuple[str, Prop, Span], ...]


def is_kernel(source: Source, start: int) -> bool:
    """Whether the C part that begins at ``start`` is kernel C; by its text alone, whatever is wrong with it."""
    return _scan(source, start, False).kernel


def cut(source: Source, start: int) -> Cut:
    """Where the C part that begins at ``start`` ends.  Raises InputError for a brace that is not closed before the
    final part, and for more threads than MAX_CPUS."""
    return _scan(source, start, True)


def _scan(source: Source, start: int, strict: bool) -> Cut:
    text = source.text
    threads: set[str] = set()
    kernel = broken = False  # broken: a brace that closes nothing, behind which the end of a statement says nothing
    opened: list[tuple[int, int]] = []  # braces, and at #if: how many were open
    branches: list[list[tuple[int, int]]] = []
    previous = ";"
    called = ""  # the word before the first parenthesis of this declaration
    end = len(text)
    for piece in _PIECE.finditer(text, start):
        if piece["skip"] is not None:
            continue
        if piece["line"] is not None:
            kernel = kernel or DIRECTIVE.match(piece["line"]) is not None
            _branch(piece["directive"], opened, branches)
            continue
        word = piece.group()
        if not opened and previous in ";}" and _FINAL.match(text, piece.start()):
            end = piece.start()
            break
        if not opened and not called and previous in ";}" and word != "void" and _DECLARED.match(text, piece.start()):
            kernel = kernel or not _THREAD.match(word)
        if word == "{":
            if not opened and previous == ")" and _THREAD.match(called):
                threads.add(called)
            elif not opened and not broken:
                kernel = kernel or _WORD.match(called or previous) is not None
            opened.append(piece.span())
        elif word == "}":
            broken = broken or not opened
            if opened:
                opened.pop()
            if not opened:
                called = ""
        elif not opened:
            if word == ";":
                kernel = kernel or (previous not in ";}" and not broken)
                called = ""
            elif word == "(" and not called:
                called = previous
        previous = word
    if opened and strict:
        begin, stop = opened[0]
        raise InputError("this brace is not closed: the file ends before its `}`", Span(source, begin, stop))
    if strict and len(threads) > MAX_CPUS:
        raise InputError(f"a test has at most {MAX_CPUS} CPUs, found {len(threads)}", Span(source, start, start))
    kernel = kernel or NAMED.search(text, end) is not None
    return Cut(end, len(threads), kernel)


def _branch(directive: str, opened: list[tuple[int, int]], branches: list[list[tuple[int, int]]]) -> None:
    """Keeps count of braces over ``#if`` ... ``#else`` ... ``#endif``, where only one of the branches is there."""
    if directive in ("if", "ifdef", "ifndef"):
        branches.append(list(opened))
    elif directive in ("else", "elif") and branches:
        opened[:] = branches[-1]
    elif directive == "endif" and branches:
        branches.pop()


def parse_unit(
    source: Source,
    start: int,
    init_start: int,
    init: tuple[InitItem, ...],
    include_dirs: tuple[str, ...],
    overlay: Mapping[str, str],
) -> tuple[KernelUnit, Final]:
    """The C part that begins at ``start`` and the final part of a test in kernel C; its own text begins with the init
    block at ``init_start``.  ``overlay``: texts of headers in place of those on disk.  Raises InputError."""
    _check_preamble(source, init_start)
    parts = cut(source, start)
    found = parse_kernel_final(source, parts.end)
    text = _own_text(source, init_start)
    unit = parse_kernel(source, start, parts.end, parts.threads, include_dirs, found.conditions, text, overlay)
    _check_init(init, len(unit.threads))
    final = found.final
    if final.filter is not None:
        final = final._replace(filter=_resolved(final.filter, unit))
    condition = replace(final.condition, prop=_resolved(final.condition.prop, unit))
    named = tuple((name, _resolved(prop, unit), span) for name, prop, span in unit.conditions)
    return replace(unit, conditions=named), final._replace(condition=condition)


def _resolved(prop: Prop, unit: KernelUnit) -> Prop:
    """The proposition with values that are named by macros as numbers; names of enumerators stay."""
    if isinstance(prop, Atom):
        if not isinstance(prop.right, Symbol):
            return prop
        name = prop.right.name
        value = unit.constant(name.removeprefix("-"))
        if value is None:
            return prop
        value = -value if name[0] == "-" else value
        return replace(prop, right=Literal(value, str(value)))
    if isinstance(prop, Not):
        return Not(_resolved(prop.operand, unit))
    if isinstance(prop, Implies):
        return Implies(_resolved(prop.left, unit), _resolved(prop.right, unit))
    return type(prop)(tuple(_resolved(operand, unit) for operand in prop.operands))


def _own_text(source: Source, start: int) -> str:
    """What the hash of a test is made of: its text without header, doc string, and blanks at the ends of lines."""
    return "\n".join([line.rstrip() for line in source.text[start:].rstrip().split("\n")])


def _check_preamble(source: Source, end: int) -> None:
    """Raises InputError for a line for the preprocessor above the init block, where text is free and says nothing."""
    try:
        text = blank_comments(source, source.text[:end])
    except InputError:  # a comment that is not closed is free text, too
        return
    if found := DIRECTIVE.search(text):
        start = found.end() - len(found[0].lstrip())
        what = "this line stands above the init block, where nothing is read by the preprocessor"
        raise InputError(what, Span(source, start, found.end()), "put it behind the `{ ... }` of the init block")


def _check_init(init: tuple[InitItem, ...], cpus: int) -> None:
    for item in init:
        place = item.place
        if not isinstance(place, RegisterRef):
            continue
        if place.thread >= cpus:
            raise InputError(f"there is no CPU {place.thread}: the test has P0 to P{cpus - 1}", item.span)
        if place.name != "current":
            raise InputError(
                f"found {describe(place.name)}, expected `current`, the task that a CPU runs at first",
                item.span,
                "parameters of threads and other objects are initialised where the C part declares them",
            )
        if not isinstance(item.value, Symbol):
            raise InputError("expected the name of a task, as in `0:current=t0`", item.span)


# --- the final part --------------------------------------------------------------------------------------------------
def parse_kernel_final(source: Source, start: int) -> KernelFinal:
    """``locations``, ``filter``, then any number of named conditions and at most one of herd7's.

    Raises InputError with the place and what was expected.
    """
    text = source.text
    blanked = blank_comments(source, text, start)
    head, tail = blanked[:start], blanked[start:]
    text = head + _LINE_COMMENT.sub(lambda found: " " * len(found.group()), tail)
    if arrow := _ARROW.search(text, start):
        span = Span(source, arrow.end() - 2, arrow.end())
        raise InputError("conditions do not follow pointers", span, "name the object itself: `mm.membarrier_state`")
    cursor = Cursor(source, tokenize_kernel(source, text, start, len(text)), "the file", paths=True)
    locations, types = parse_locations(cursor)
    filtered = parse_prop(cursor) if cursor.accept_word("filter") else None
    condition: Condition | None = None
    named: dict[str, tuple[Prop, Span]] = {}
    while cursor.token.kind != "end":
        if cursor.accept(";"):
            continue
        if cursor.peek() == ":" and cursor.token.kind in ("name", "thread"):
            name, prop, span = _named(cursor)
            if name in named:
                line = named[name][1].line
                raise InputError(f"{describe(name)} is already given in line {line}", span, "join the two with `\\/`")
            named[name] = (prop, span)
        elif condition is None:
            condition = parse_condition(cursor)
        else:
            cursor.fail("the end of the file or a named condition, `name: exists (...)`: one condition is without name")
    if condition is None:
        condition = Condition(Quantifier.NOT_EXISTS, FALSE)
    conditions = tuple((name, prop, span) for name, (prop, span) in named.items())
    return KernelFinal(Final(locations, types, filtered, condition, ()), conditions)


def _named(cursor: Cursor) -> tuple[str, Prop, Span]:
    """``missed-barrier: exists (...)``."""
    token = cursor.next()
    cursor.expect(":", "`:`")
    name = token.text
    span = cursor.span(token.start, token.end)
    if token.kind == "thread" or not _NAME.match(name):
        raise InputError(
            f"found {describe(name)}, expected the name of a class of outcomes", span,
            "names are made of letters, digits and hyphens, as in `missed-barrier`",
        )  # fmt: skip
    if name in FOUND_UNASKED:
        raise InputError(f"{describe(name)} is found without being asked for; expected another name", span)
    if not cursor.accept_word("exists"):
        cursor.fail("`exists`: a named condition says what must not be")
    prop = parse_prop(cursor)
    return name, prop, cursor.span(token.start)
