"""Places and values as init blocks and conditions write them: ``0:r1``, ``x``, ``[x]``, ``a[1]``, ``&x``, ``{1,2}``."""

from __future__ import annotations

import re

from membar_check.diagnostics import InputError, Unsupported
from membar_check.litmus.syntax import GlobalRef, Literal, Operand, Place, RegisterRef, Symbol, Tuple_
from membar_check.litmus.text import describe, integer
from membar_check.litmus.tokens import Cursor, Token

_WITH_ARGUMENTS = frozenset(
    {"PTE", "TTD", "PA", "tag", "TAG", "SS", "SSCap", "pac", "pacda", "pacdb", "pacia", "pacib"}
)
_PATH = re.compile(r"[A-Za-z_$]\w*(?:\.[A-Za-z_]\w*|\[[0-9]+\])*\Z", re.ASCII)
_PLACE = "a place such as `0:r1`, `x`, `[x]` or `a[1]`"


def parse_place(cursor: Cursor, expected: str = _PLACE) -> Place:
    """The place at the cursor; InputError where there is none, Unsupported for page-table entries, tags and such."""
    token = cursor.token
    kind = token.kind
    if kind in ("number", "thread"):
        return parse_register(cursor)
    if kind == "[":
        cursor.next()
        name = cursor.expect("name", "the name of a location after `[`")
        _refuse_special(cursor, name)
        cursor.expect("]", "`]` after the location's name")
        return GlobalRef(name.text, None, cursor.span(token.start))
    if kind != "name":
        cursor.fail(expected)
    cursor.next()
    if cursor.paths:
        path = _path(cursor, token)
        return GlobalRef(path, None, cursor.span(token.start))
    _refuse_special(cursor, token)
    if cursor.token.kind == "[":
        cursor.next()
        index = _cell_index(cursor)
        return GlobalRef(token.text, index, cursor.span(token.start))
    return GlobalRef(token.text, None, cursor.span(token.start, token.end))


def parse_register(cursor: Cursor) -> RegisterRef:
    """``0:r1`` or ``P0:r1`` at the cursor."""
    token = cursor.next()
    cursor.expect(":", "`:` between the thread and its register")
    register = cursor.expect("name", "the name of a register")
    if register.text[0] == "%":
        raise Unsupported(
            f"symbolic register {describe(register.text)} is not supported",
            cursor.span(register.start),
            "name a register of the machine instead",
        )
    return RegisterRef(thread_number(cursor, token), register.text, cursor.span(token.start))


def thread_number(cursor: Cursor, token: Token) -> int:
    """The thread that a number or thread token names; InputError for a negative one."""
    number = integer(token.text[1:] if token.kind == "thread" else token.text)
    if number < 0:
        raise InputError(
            f"found {describe(token.text)}, expected the number of a thread", cursor.span(token.start, token.end)
        )
    return number


def _cell_index(cursor: Cursor) -> int:
    """The rest of ``a[1]`` after the bracket."""
    token = cursor.expect("number", "the index of an array cell")
    index = integer(token.text)
    if index < 0:
        raise InputError(f"an array has no cell {index}", cursor.span(token.start, token.end))
    cursor.expect("]", "`]` after the index")
    return index


def _path(cursor: Cursor, token: Token) -> str:
    """The path of a cell in kernel C, whose first part ``token`` has been passed: ``runqueues[1].curr``."""
    path = token.text
    while True:
        if cursor.token.kind == "[":
            cursor.next()
            path += f"[{_cell_index(cursor)}]"
        elif path[-1] == "]" and cursor.token.kind == "name" and cursor.token.text[0] == ".":
            path += cursor.next().text
        else:
            break
    if not _PATH.match(path):
        span = cursor.span(token.start)
        raise InputError(f"found {describe(path)}, expected an object or a field such as `a.b[1].c`", span)
    return path


def _refuse_special(cursor: Cursor, name: Token) -> None:
    """Raise Unsupported for what looks like a name but is a page-table entry, a tagged or a faulting location."""
    following = cursor.token.kind
    if following == "(" and name.text in _WITH_ARGUMENTS:
        raise Unsupported(f"{describe(name.text)} is not supported", cursor.span(name.start, name.end))
    if following == ":":
        raise Unsupported(
            "memory tags and capabilities are not supported",
            cursor.span(name.start, name.end),
            "a register is written `0:r1`, with the number of its thread",
        )


def parse_operand(cursor: Cursor) -> Operand:
    """A value: integer, address (with or without ``&``), array cell's address, code label, or ``{...}``."""
    token = cursor.token
    kind = token.kind
    if kind == "number":
        if cursor.peek() == ":":
            return _parse_label(cursor)
        cursor.next()
        return Literal(integer(token.text), token.text)
    if kind == "name":
        cursor.next()
        if not cursor.paths:
            _refuse_special(cursor, token)
        return _address(cursor, token)
    if kind == "-":
        cursor.next()
        return Symbol("-" + cursor.expect("name", "the name of a constant after `-`").text)
    if kind == "&":
        cursor.next()
        return _address(cursor, cursor.expect("name", "the name of a location after `&`"))
    if kind == "{":
        return _parse_tuple(cursor)
    if kind == "thread":
        return _parse_label(cursor)
    if kind == "code":
        return _quoted_label(cursor)
    if kind == "(":
        raise Unsupported("page-table entries are not supported", cursor.span(token.start, token.end))
    cursor.fail("a value: an integer, the name of a location, `&x`, `a[1]` or `{1,2}`")


def _address(cursor: Cursor, name: Token) -> Symbol:
    if cursor.paths:
        return Symbol(_path(cursor, name))
    if cursor.token.kind != "[":
        return Symbol(name.text)
    cursor.next()
    return Symbol(name.text, _cell_index(cursor))


def _parse_label(cursor: Cursor) -> Symbol:
    """``0:L1`` or ``P0:L1`` as a value: the address of an instruction."""
    token = cursor.next()
    cursor.expect(":", "`:` between the thread and its label")
    label = cursor.expect("name", "the name of a label")
    return Symbol(label.text, 0, thread_number(cursor, token))


def _quoted_label(cursor: Cursor) -> Symbol:
    """``label:"P0:L1"``."""
    token = cursor.next()
    span = cursor.span(token.start, token.end)
    word, _, quoted = token.text.partition(":")
    thread, colon, name = quoted.strip('"').partition(":")
    if word == "instr":
        raise Unsupported("instructions as values are not supported", span)
    number = thread.removeprefix("P")
    if not colon or not name or not re.fullmatch("[0-9]{1,6}", number):
        raise InputError(f'found {describe(token.text)}, expected a label such as `label:"P0:L1"`', span)
    return Symbol(name, 0, int(number))


def _parse_tuple(cursor: Cursor) -> Tuple_:
    """``{1,2}``."""
    cursor.expect("{", "`{`")
    items: list[Operand] = []
    while True:
        if cursor.token.kind == "{":
            cursor.fail("an integer or the name of a location; arrays have one dimension")
        items.append(parse_operand(cursor))
        if not cursor.accept(","):
            break
    cursor.expect("}", "`,` or `}` in the list of values")
    return Tuple_(tuple(items))
