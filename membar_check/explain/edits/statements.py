"""The statements of C functions, found in a list of tokens: where each begins and ends, and what is inside what.

Plain C tests and kernel C share this.  The text has been parsed before, so it is known to be C.
"""

from __future__ import annotations

from typing import NamedTuple

from membar_check.diagnostics import Source
from membar_check.litmus.kernel_preprocess import Piece

KEYWORDS = frozenset({"if", "else", "while", "for", "do", "switch", "case", "default", "return", "goto", "sizeof"})
_OPENING = frozenset({"(", "[", "{"})
_CLOSING = frozenset({")", "]", "}"})
_JUMPS = frozenset({"return", "goto", "break", "continue"})
_TYPES = frozenset(
    {"int", "long", "short", "char", "unsigned", "signed", "void", "struct", "union", "enum", "const", "volatile",
     "static", "bool", "register", "float", "double", "auto", "extern", "inline", "_Bool"}
)  # fmt: skip


class Statement(NamedTuple):
    """The tokens ``first`` to ``last``.

    ``kind``: simple, declare, empty, jump, label, block, branch or loop; ``head``: the tokens that belong to the
    statement itself (the whole of a simple one, what is in the parentheses of a branch or loop); ``parts``: the
    statements of a block, the bodies of a branch or loop.
    """

    kind: str
    first: int
    last: int
    head: tuple[int, int]
    parts: tuple[Statement, ...] = ()


class Function(NamedTuple):
    """``name (...) body``; ``first`` is the index of the name."""

    name: str
    first: int
    body: Statement


class Call(NamedTuple):
    """``name ( arguments )``: index of the name, of both parentheses, and first and last token of each argument."""

    name: int
    opened: int
    closed: int
    arguments: tuple[tuple[int, int], ...]


def is_name(text: str) -> bool:
    """Whether a token is an identifier and no keyword of control."""
    return (text[:1].isalpha() or text[:1] == "_") and text not in KEYWORDS


def closing(tokens: list[Piece], opened: int) -> int:
    """The index of the bracket that closes the one at ``opened``."""
    depth = 0
    for index in range(opened, len(tokens)):
        text = tokens[index].text
        if text in _OPENING:
            depth += 1
        elif text in _CLOSING:
            depth -= 1
            if not depth:
                return index
    return len(tokens) - 1


def functions(tokens: list[Piece]) -> list[Function]:
    """The function definitions at file scope."""
    found: list[Function] = []
    begin = index = 0
    while index < len(tokens):
        text = tokens[index].text
        initialised = text == "{" and any(tokens[i].text == "=" for i in range(begin, index))
        if text == "{" and not initialised and index > begin and tokens[index - 1].text == ")":
            name = next(i for i in range(begin, index) if tokens[i].text == "(") - 1
            body, index = statement(tokens, index)
            found.append(Function(tokens[name].text, name, body))
            begin = index
        elif text in _OPENING:
            index = closing(tokens, index) + 1
        else:
            index += 1
            if text == ";":
                begin = index
    return found


def statement(tokens: list[Piece], first: int) -> tuple[Statement, int]:
    """The statement that begins at token ``first``, and the index behind it."""
    text = tokens[first].text
    if text == "{":
        return _block(tokens, first)
    if text == "if":
        return _branch(tokens, first)
    if text in ("while", "for", "switch"):
        closed = closing(tokens, first + 1)
        body, after = statement(tokens, closed + 1)
        kind = "branch" if text == "switch" else "loop"
        return Statement(kind, first, after - 1, (first + 1, closed), (body,)), after
    if text == "do":
        body, after = statement(tokens, first + 1)
        closed = closing(tokens, after + 1)
        return Statement("loop", first, closed + 1, (after + 1, closed), (body,)), closed + 2
    if text in ("case", "default") or (is_name(text) and tokens[first + 1].text == ":"):
        last = first
        while tokens[last].text != ":":
            last += 1
        return Statement("label", first, last, (first, last)), last + 1
    last = first
    while tokens[last].text != ";":
        last = (closing(tokens, last) if tokens[last].text in _OPENING else last) + 1
    kind = "empty" if last == first else "jump" if text in _JUMPS else "simple"
    if kind == "simple" and declares(tokens, first):
        kind = "declare"
    return Statement(kind, first, last, (first, last)), last + 1


def _block(tokens: list[Piece], first: int) -> tuple[Statement, int]:
    parts: list[Statement] = []
    index = first + 1
    while tokens[index].text != "}":
        part, index = statement(tokens, index)
        parts.append(part)
    return Statement("block", first, index, (first, first), tuple(parts)), index + 1


def _branch(tokens: list[Piece], first: int) -> tuple[Statement, int]:
    closed = closing(tokens, first + 1)
    then, after = statement(tokens, closed + 1)
    parts = [then]
    if after < len(tokens) and tokens[after].text == "else":
        other, after = statement(tokens, after + 1)
        parts.append(other)
    return Statement("branch", first, after - 1, (first + 1, closed), tuple(parts)), after


def declares(tokens: list[Piece], first: int) -> bool:
    """Whether the statement at ``first`` is a declaration: ``int ...``, ``name name ...``, ``name *name = ...``."""
    text = tokens[first].text
    if text in _TYPES:
        return True
    index = first + 1
    while tokens[index].text == "*":
        index += 1
    follows = tokens[index + 1].text if is_name(tokens[index].text) else ""
    return is_name(text) and ((index == first + 1 and follows != "") or follows in ("=", ",", ";", "["))


def declared(tokens: list[Piece], found: Statement) -> set[str]:
    """The names in a declaration that are not in an initialiser: what it declares, and its types."""
    names: set[str] = set()
    index = found.first
    while index < found.last:
        if tokens[index].text == "=":
            while tokens[index].text not in (",", ";"):
                index = closing(tokens, index) if tokens[index].text in _OPENING else index
                index += 1
        elif is_name(tokens[index].text):
            names.add(tokens[index].text)
        index += 1
    return names


def walk(found: Statement) -> list[Statement]:
    """The statement and all inside it, in the order of the text."""
    flat: list[Statement] = []
    pending = [found]
    while pending:
        current = pending.pop()
        flat.append(current)
        pending += reversed(current.parts)
    return flat


def calls(tokens: list[Piece], first: int, last: int) -> list[Call]:
    """What looks like a call in the tokens ``first`` to ``last``, also inside others."""
    found: list[Call] = []
    for index in range(first, last):
        if tokens[index + 1].text != "(" or not is_name(tokens[index].text) or tokens[index].text in _TYPES:
            continue
        closed = closing(tokens, index + 1)
        found.append(Call(index, index + 1, closed, _arguments(tokens, index + 1, closed)))
    return found


def _arguments(tokens: list[Piece], opened: int, closed: int) -> tuple[tuple[int, int], ...]:
    if closed == opened + 1:
        return ()
    arguments: list[tuple[int, int]] = []
    begin = index = opened + 1
    while index < closed:
        text = tokens[index].text
        if text in _OPENING:
            index = closing(tokens, index)
        elif text == ",":
            arguments.append((begin, index - 1))
            begin = index + 1
        index += 1
    return (*arguments, (begin, closed - 1))


def own_source(tokens: list[Piece], first: int, last: int) -> Source | None:
    """The file that the tokens at both ends stand in, None where a macro made one of them."""
    one, other = tokens[first], tokens[last]
    if one.macro or other.macro or one.span.source is not other.span.source:
        return None
    return one.span.source
