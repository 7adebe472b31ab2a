"""Plain accesses to what threads share, found in a list of tokens.

Only what is surely an access is found: what may be a type, an address, or the argument of a macro is left alone, but
for the values that macros store.
"""

from __future__ import annotations

from typing import NamedTuple

from membar_check.explain.edits.statements import Call, Statement, closing, is_name
from membar_check.litmus.kernel_preprocess import Piece

_BEFORE_UNARY = frozenset(
    ["(", "[", "{", "}", ";", ",", "=", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "!", "~", "+", "-", "%", "|", "^",
     "?", ":", "<<", ">>", "+=", "-=", "|=", "^=", "return", "else"]
)  # fmt: skip
_UPDATES = frozenset({"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"})


class Access(NamedTuple):
    """The tokens ``first`` to ``last`` name an object that is read, or written: then ``stored`` are the ``=`` and the
    semicolon."""

    first: int
    last: int
    stored: tuple[int, int] | None


def plain_accesses(
    tokens: list[Piece],
    statements: list[Statement],
    made: list[Call],
    shared: frozenset[str],
    defined: frozenset[str],
    stores: frozenset[str] = frozenset(),
) -> list[Access]:
    """The plain accesses of a function, in order.  ``shared``: names of objects in memory, of arrays with a
    ``[`` behind (that alone: of all); ``defined``: functions, whose arguments are values, while those of other calls
    may be places; ``stores``: macros whose first argument is a place, and the others values."""
    hidden: set[int] = set()
    for call in made:
        name = tokens[call.name].text
        if name not in defined and call.arguments:
            first, last = call.arguments[0] if name in stores else (call.opened, call.closed)
            hidden.update(range(first, last + 1))
    hidden |= {index for first, last in _sizes(tokens, statements) for index in range(first, last + 1)}
    found: list[Access] = []
    for each in statements:
        if each.kind in ("simple", "jump"):
            found += _in(tokens, each.first, each.last, hidden, shared, each.kind == "simple")
        elif each.kind == "declare":
            found += _in_initialisers(tokens, each, hidden, shared)
        elif each.kind in ("branch", "loop"):
            found += _in(tokens, each.head[0], each.head[1], hidden, shared, False)
    return sorted(found)


def _sizes(tokens: list[Piece], statements: list[Statement]) -> list[tuple[int, int]]:
    first, last = statements[0].first, statements[0].last
    return [
        (index, closing(tokens, index + 1))
        for index in range(first, last)
        if tokens[index].text == "sizeof" and tokens[index + 1].text == "("
    ]


def _in_initialisers(tokens: list[Piece], each: Statement, hidden: set[int], shared: frozenset[str]) -> list[Access]:
    found: list[Access] = []
    index = each.first
    while index < each.last:
        if tokens[index].text in ("(", "[", "{"):
            index = closing(tokens, index)
        elif tokens[index].text == "=" and tokens[index + 1].text != "{":
            begin = index
            while tokens[index].text not in (",", ";"):
                index = closing(tokens, index) if tokens[index].text in ("(", "[", "{") else index
                index += 1
            found += _in(tokens, begin, index, hidden, shared, False)
        index += 1
    return found


def _in(
    tokens: list[Piece], first: int, last: int, hidden: set[int], shared: frozenset[str], stores: bool
) -> list[Access]:
    """The accesses of the expression in the tokens ``first`` to ``last``.  To follow a pointer that stands in memory is
    an access of its own: ``a->b`` in ``a->b->c``."""
    found: list[Access] = []
    index = first
    while index <= last:
        end = None if index in hidden or tokens[index].macro else _end(tokens, index, first, last, shared)
        if end is None:
            index += 1
            continue
        following = tokens[end + 1].text
        if is_name(tokens[index].text):
            found += [Access(index, inner, None) for inner in _followed(tokens, index, end, shared)]
        if _addressed(tokens, index, first) or following in _UPDATES or tokens[index - 1].text in ("++", "--"):
            pass
        elif following == "=" and stores and index == first:
            found.append(Access(index, end, (end + 1, last)))
        elif following not in ("=", "("):
            found.append(Access(index, end, None))
        index = end + 1
    return found


def _end(tokens: list[Piece], index: int, first: int, last: int, shared: frozenset[str]) -> int | None:
    """The last token of the object that begins at ``index``; None where none begins."""
    text = tokens[index].text
    before = tokens[index - 1].text if index > first else ";"
    if text == "*" and before in _BEFORE_UNARY and index < last:
        if is_name(tokens[index + 1].text):
            return _postfix(tokens, index + 1, last)[0]
        return closing(tokens, index + 1) if tokens[index + 1].text == "(" else None
    if not is_name(text) or before in ("->", ".") or tokens[index + 1].text == "(":
        return None
    end, pointed = _postfix(tokens, index, last)
    if any(tokens[i].macro for i in range(index, end + 1)):
        return None
    indexed = tokens[index + 1].text == "[" and not shared.isdisjoint((f"{text}[", "["))
    return end if pointed or indexed or text in shared else None


def _followed(tokens: list[Piece], index: int, end: int, shared: frozenset[str]) -> list[int]:
    """The last tokens of the pointers in memory that ``index`` to ``end`` follows."""
    arrows: list[int] = []
    at = index
    while at < end:
        at = closing(tokens, at) if tokens[at].text == "[" else at
        if tokens[at].text == "->":
            arrows.append(at)
        at += 1
    in_memory = tokens[index].text in shared or f"{tokens[index].text}[" in shared
    return [at - 1 for at in (arrows if in_memory else arrows[1:])]


def _postfix(tokens: list[Piece], index: int, last: int) -> tuple[int, bool]:
    """The last token of ``name->field[i].field`` and whether it follows a pointer."""
    pointed = False
    while index < last:
        following = tokens[index + 1].text
        if following in ("->", "."):
            pointed = pointed or following == "->"
            index += 2
        elif following == "[":
            index = closing(tokens, index + 1)
        else:
            break
    return index, pointed


def _addressed(tokens: list[Piece], index: int, first: int) -> bool:
    """Whether the ``&`` of an address stands before."""
    if index == first or tokens[index - 1].text != "&":
        return False
    return index - 1 == first or tokens[index - 2].text == "*" or tokens[index - 2].text in _BEFORE_UNARY
