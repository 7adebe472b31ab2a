"""The final part of a litmus test: ``locations``, ``filter``, and the condition.

Grammar as herd7 has it: ``=>`` binds tighter than ``/\\``, that tighter than ``\\/``; ``not`` and ``~`` tightest.
Nested conjunctions and disjunctions come out flat.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from membar_check.diagnostics import InputError, Source, Span, Unsupported
from membar_check.litmus.places import parse_operand, parse_place
from membar_check.litmus.syntax import (
    And,
    Atom,
    Condition,
    GlobalRef,
    Implies,
    Literal,
    Not,
    Operand,
    Or,
    Place,
    Prop,
    Quantifier,
    RegisterRef,
)
from membar_check.litmus.text import integer
from membar_check.litmus.tokens import Cursor, tokenize

MAX_DEPTH = 100
"""How deep propositions nest at most; far beyond any test, and within Python's recursion limit."""

TRUE = And(())
FALSE = Or(())
_PROP = "a proposition such as `0:r1=1`, `x=1 /\\ y=2` or `not (...)`"


class Final(NamedTuple):
    """``types`` are the C types that the ``locations`` list gives to its places; ``kinds`` the ``with`` list."""

    locations: tuple[Place, ...]
    types: tuple[tuple[Place, str], ...]
    filter: Prop | None
    condition: Condition
    kinds: tuple[tuple[str, Quantifier], ...]


def parse_final(source: Source, text: str, start: int, end: int) -> Final:
    """Parse ``text[start:end]`` (comments blanked), all that follows the bodies of the threads.

    A test ends where a block ``<< ... >>`` of display commands begins.  Raises InputError with the place and what was
    expected.
    """
    display = text.find("<<", start, end)
    if display >= 0:
        end = display
    cursor = Cursor(source, tokenize(source, text, start, end), "the file")
    locations, types = parse_locations(cursor)
    filtered = parse_prop(cursor) if cursor.accept_word("filter") else None
    condition = parse_condition(cursor)
    kinds: tuple[tuple[str, Quantifier], ...] = ()
    if condition.span is not None:
        cursor.accept(";")
        if cursor.accept_word("with"):
            kinds = _parse_kinds(cursor)
    if cursor.token.kind != "end":
        cursor.fail(
            "`/\\`, `\\/`, `=>` or the end of the file"
            if condition.span is not None
            else "`locations`, `filter`, `exists`, `~exists` or `forall`"
        )
    return Final(locations, types, filtered, condition, kinds)


def parse_locations(cursor: Cursor) -> tuple[tuple[Place, ...], tuple[tuple[Place, str], ...]]:
    """The ``locations [...]`` list at the cursor, if there is one: its places, and the types of some of them."""
    places: list[Place] = []
    types: list[tuple[Place, str]] = []
    if not cursor.accept_word("locations"):
        return (), ()
    cursor.expect("[", "`[` after `locations`")
    while cursor.token.kind != "]":
        _refuse_fault(cursor)
        place = parse_place(cursor, "a place such as `0:r1`, `x` or `a[1]`, or `]`")
        places.append(place)
        words = []
        while token := cursor.accept("name") or cursor.accept("*"):
            words.append(token.text)
        if words:
            types.append((place, " ".join(words)))
        if not cursor.accept(";") and cursor.token.kind != "]":
            cursor.fail("`;` or `]` in the list of locations")
    cursor.next()
    return tuple(places), tuple(types)


def parse_condition(cursor: Cursor) -> Condition:
    """A quantifier and its proposition; at the end of the text, where there is none, ``forall (true)``."""
    start = cursor.token
    if start.kind in ("end", ";"):
        return Condition(Quantifier.FORALL, TRUE)
    if start.kind == "(" or cursor.accept_word("exists", "final"):
        quantifier = Quantifier.EXISTS
    elif cursor.accept_word("forall"):
        quantifier = Quantifier.FORALL
    elif start.kind == "~" or (start.kind == "name" and start.text == "not"):
        cursor.next()
        if not cursor.accept_word("exists"):
            cursor.fail("`exists` after `~`")
        quantifier = Quantifier.NOT_EXISTS
    elif start.kind == "name" and start.text in ("observed", "Observed"):
        raise Unsupported("`observed` lists are not supported", cursor.span(start.start, start.end))
    else:
        cursor.fail("`exists`, `~exists` or `forall`")
    prop = parse_prop(cursor)
    return Condition(quantifier, prop, cursor.span(start.start))


def _parse_kinds(cursor: Cursor) -> tuple[tuple[str, Quantifier], ...]:
    """``with tso: ~exists; cc: exists;``: what other models are expected to say."""
    kinds = []
    while cursor.token.kind != "end":
        name = cursor.expect("name", "the name of a model")
        cursor.expect(":", "`:` after the model's name")
        if cursor.accept("~") or cursor.accept_word("not"):
            if not cursor.accept_word("exists"):
                cursor.fail("`exists` after `~`")
            quantifier = Quantifier.NOT_EXISTS
        elif cursor.accept_word("exists"):
            quantifier = Quantifier.EXISTS
        elif cursor.accept_word("forall"):
            quantifier = Quantifier.FORALL
        else:
            cursor.fail("`exists`, `~exists` or `forall`")
        kinds.append((name.text, quantifier))
        if not cursor.accept(";"):
            break
    return tuple(kinds)


def parse_prop(cursor: Cursor, depth: int = 0) -> Prop:
    """The proposition at the cursor; InputError where there is none, or where it nests deeper than MAX_DEPTH."""
    operands = [_parse_and(cursor, depth)]
    while cursor.accept("\\/"):
        operands.append(_parse_and(cursor, depth))
    return disjunction(operands)


def _parse_and(cursor: Cursor, depth: int) -> Prop:
    operands = [_parse_implies(cursor, depth)]
    while cursor.accept("/\\"):
        operands.append(_parse_implies(cursor, depth))
    return conjunction(operands)


def _parse_implies(cursor: Cursor, depth: int) -> Prop:
    operands = [_parse_unary(cursor, depth)]
    while cursor.accept("=>"):
        operands.append(_parse_unary(cursor, depth + len(operands)))
    prop = operands.pop()
    while operands:
        prop = Implies(operands.pop(), prop)
    return prop


def _parse_unary(cursor: Cursor, depth: int) -> Prop:
    token = cursor.token
    kind = token.kind
    if kind == "number":
        return _plain_atom(cursor) or _parse_atom(cursor)
    if depth > MAX_DEPTH:
        raise InputError(
            f"this proposition nests more than {MAX_DEPTH} levels deep", cursor.span(token.start, token.end)
        )
    if kind == "(":
        cursor.next()
        prop = parse_prop(cursor, depth + 1)
        cursor.expect(")", "`/\\`, `\\/`, `=>` or `)`")
        return prop
    if kind == "~":
        cursor.next()
        return Not(_parse_unary(cursor, depth + 1))
    if kind == "name" and token.text in _WORDS and cursor.peek() not in ("=", "==", "!=", "<>", "["):
        if token.text == "not":
            cursor.next()
            return Not(_parse_unary(cursor, depth + 1))
        if token.text in ("true", "false"):
            cursor.next()
            return TRUE if token.text == "true" else FALSE
        _refuse_fault(cursor)
        cursor.fail(_PROP)
    return _parse_atom(cursor)


_WORDS = frozenset(
    {"not", "true", "false", "fault", "Fault", "exists", "forall", "final", "filter", "locations", "with"}
)


def _refuse_fault(cursor: Cursor) -> None:
    token = cursor.token
    if token.kind == "name" and token.text in ("fault", "Fault") and cursor.peek() == "(":
        raise Unsupported("faults are not supported", cursor.span(token.start, token.end))


def _plain_atom(cursor: Cursor) -> Atom | None:
    """``0:r1=1``, the usual case, of which tests can have hundreds; None, nothing read, where it is anything else."""
    position = cursor.position
    try:
        thread, colon, register, sign, value, after = cursor.tokens[position : position + 6]
    except ValueError:
        return None
    if (
        (colon.kind, register.kind, sign.kind, value.kind) != (":", "name", "=", "number")
        or after.kind == ":"
        or register.text[0] == "%"
        or not thread.text.isdecimal()
    ):
        return None
    cursor.position = position + 5
    source = cursor.source
    left = RegisterRef(int(thread.text), register.text, Span(source, thread.start, register.end))
    return Atom(left, True, Literal(integer(value.text), value.text), Span(source, thread.start, value.end))


def _parse_atom(cursor: Cursor) -> Prop:
    start = cursor.token.start
    left = parse_place(cursor, _PROP)
    kind = cursor.token.kind
    if kind not in ("=", "==", "!=", "<>"):
        cursor.fail("`=` or `!=` after the place")
    cursor.next()
    right: Operand | Place
    if cursor.token.kind == "[" or (cursor.token.kind in ("number", "thread") and cursor.peek() == ":"):
        right = parse_place(cursor)
    elif cursor.accept("*"):
        right = parse_place(cursor)
        if isinstance(right, GlobalRef) and right.index is not None:
            cursor.fail("a place whose content is compared, such as `*x`")
    else:
        right = parse_operand(cursor)
    return Atom(left, kind in ("=", "=="), right, cursor.span(start))


def conjunction(operands: list[Prop]) -> Prop:
    """The conjunction, flat; a single operand stands for itself."""
    if len(operands) == 1:
        return operands[0]
    flat: list[Prop] = []
    for operand in operands:
        if isinstance(operand, And) and operand.operands:
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    return And(tuple(flat))


def disjunction(operands: list[Prop]) -> Prop:
    """The disjunction, flat; a single operand stands for itself."""
    if len(operands) == 1:
        return operands[0]
    flat: list[Prop] = []
    for operand in operands:
        if isinstance(operand, Or) and operand.operands:
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    return Or(tuple(flat))


def looked_at(condition: Prop, locations: Iterable[Place], filtered: Prop | None) -> tuple[Place, ...]:
    """The places whose final values a test looks at: those of its condition, its list of locations and its filter."""
    found = {**places_of(condition), **dict.fromkeys(locations), **({} if filtered is None else places_of(filtered))}
    return tuple(found)


def places_of(prop: Prop) -> dict[Place, None]:
    """The places that a proposition names, each once, in order."""
    found: dict[Place, None] = {}
    stack = [prop]
    while stack:
        part = stack.pop()
        if isinstance(part, Atom):
            found[part.left] = None
            if isinstance(part.right, RegisterRef | GlobalRef):
                found[part.right] = None
        elif isinstance(part, And | Or):
            stack.extend(reversed(part.operands))
        elif isinstance(part, Not):
            stack.append(part.operand)
        else:
            stack += (part.right, part.left)
    return found
