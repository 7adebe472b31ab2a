"""The init block of a litmus test: ``{ int x=1; 0:X1=x; int a[2]={1,2}; }``."""

from __future__ import annotations

from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.litmus.places import parse_operand, parse_place, parse_register
from membar_check.litmus.syntax import GlobalRef, InitItem, Operand, Place, Tuple_
from membar_check.litmus.text import counted, describe
from membar_check.litmus.tokens import Cursor, Token, tokenize

MAX_CELLS = 1024
"""The largest array."""

_ITEM = "an item such as `x=1`, `0:r1=x`, `int *p=&x` or `int a[2]={1,2}`"


def parse_init(source: Source, text: str, start: int, end: int) -> tuple[InitItem, ...]:
    """Parse ``text[start:end]`` (comments blanked), what stands between the braces of the init block.

    Raises InputError with the place and what was expected.
    """
    cursor = Cursor(source, tokenize(source, text, start, end), "the init block")
    items: list[InitItem] = []
    while cursor.token.kind != "end":
        if cursor.accept(";"):
            continue
        items.append(_parse_item(cursor))
        if not cursor.accept(";") and cursor.token.kind != "end":
            cursor.fail("`;` after this item" if items[-1].value is not None else "`=` or `;` after this item")
    return tuple(items)


def _parse_item(cursor: Cursor) -> InitItem:
    start = cursor.token.start
    if cursor.token.kind in ("number", "thread"):  # the usual case: 0:X1=x
        register = parse_register(cursor)
        value = parse_operand(cursor) if cursor.accept("=") else None
        return InitItem("", register, None, value, cursor.span(start))
    declared = _parse_type(cursor)
    place, size = _parse_target(cursor, bool(declared))
    value = None
    if cursor.accept("="):
        value = _parse_value(cursor, place, size)
    return InitItem(declared, place, size, value, cursor.span(start))


def _parse_type(cursor: Cursor) -> str:
    """The words and stars before the place, which may be none: a name is a type if a name, star or register follows."""
    words: list[Token] = []
    while cursor.token.kind == "name" and cursor.peek() in ("name", "*", "number", "thread"):
        words.append(cursor.next())
    if cursor.token.kind == "name" and cursor.peek() == "[" and cursor.peek(2) == "name" and cursor.peek(3) == "]":
        words.append(cursor.next())  # int [x]
    while cursor.token.kind == "*":
        words.append(cursor.next())
    return " ".join(_joined(words))


def _joined(words: list[Token]) -> list[str]:
    """The words of a type with stars glued to each other, so that ``int**`` and ``int * *`` read ``int **``."""
    shown: list[str] = []
    for word in words:
        if word.kind == "*" and shown and shown[-1].startswith("*"):
            shown[-1] += "*"
        else:
            shown.append(word.text)
    return shown


def _parse_target(cursor: Cursor, typed: bool) -> tuple[Place, int | None]:
    """The place, and the number of cells where an array is declared."""
    start = cursor.token.start
    place = parse_place(cursor, _ITEM)
    if not isinstance(place, GlobalRef) or place.index is None:
        return place, None
    span = cursor.span(start)
    if not typed and cursor.token.kind == "=" and cursor.peek() != "{":
        raise InputError(
            "a cell of an array cannot be initialised by itself",
            span,
            f"declare the whole array: `int {place.name}[2]={{1,2}}`",
        )
    if not 1 <= place.index <= MAX_CELLS:
        raise InputError(f"an array has 1 to {MAX_CELLS} cells", span)
    return GlobalRef(place.name, None, place.span), place.index


def _parse_value(cursor: Cursor, place: Place, size: int | None) -> Operand:
    token = cursor.token
    if token.kind == "name" and token.text == "ATOMIC_INIT" and cursor.peek() == "(":
        cursor.next()
        cursor.next()
        value = parse_operand(cursor)
        cursor.expect(")", "`)` after the argument of ATOMIC_INIT")
    elif token.kind == "name" and token.text == "ssval_t":
        raise Unsupported("shadow stacks are not supported", cursor.span(token.start, token.end))
    else:
        value = parse_operand(cursor)
    span = cursor.span(token.start)
    if size is None and isinstance(value, Tuple_):
        raise InputError(f"`{{...}}` initialises an array, but {describe(str(place))} is none", span)
    if size is not None:
        if not isinstance(value, Tuple_):
            raise InputError(f"found {describe(span.text)}, expected `{{...}}` with {counted(size, 'value')}", span)
        if len(value.items) != size:
            given = counted(len(value.items), "value")
            raise InputError(f"the array has {counted(size, 'cell')}, but {given} given", span)
    return value
