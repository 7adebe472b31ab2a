"""The C part of a kernel C test: preprocessed, parsed, and every node traced back to the text it came from.

What :class:`KernelUnit` holds is an abstract syntax tree of pycparser.  How the runtime header spells what C has no
word for:

* a declaration at file scope with the storage class ``register`` is a CPU register; ``__cpu`` and ``current`` are two;
* the storage class ``_Thread_local`` marks a per-CPU object, which has one instance for each CPU and one initialiser
  for all; ``__per_cpu_ptr(p, cpu)`` moves a pointer into the object's base to the instance of that CPU;
* functions whose definition says ``__nonblocking`` are in ``KernelUnit.nonblocking``;
* ``*&x`` is folded to ``x`` and ``(&x)->f`` to ``x.f`` before anybody sees the tree, so that a local whose address is
  only taken for a macro stays a register.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from membar_check.diagnostics import InputError, Source, Span, Unsupported
from membar_check.litmus.kernel_preprocess import RUNTIME_NAME, Piece, constant, preprocess, runtime
from membar_check.litmus.syntax import Prop
from membar_check.litmus.text import counted, describe
from membar_check.records import dataclass

if TYPE_CHECKING:
    from pycparser import c_ast

MIGRATIONS = ("__migrate_out", "__migrate_in", "__migrate_back")
_MIGRATES = re.compile(r"^[ \t]*migrations[ \t]*=[ \t]*0*[1-9]", re.MULTILINE | re.IGNORECASE)
_IMPLIED = {"__interrupt": "__handle_interrupt"}
"""Runtime functions that the engine calls: each is part of a test that uses the intrinsic before it."""

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_HEADS = frozenset({"if", "while", "for", "switch"})
_KEYWORDS = re.compile(
    r"(?:auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|long|register"
    r"|return|short|signed|sizeof|static|struct|switch|typedef|union|unsigned|void|volatile|while)\Z"
)
_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_THREAD = re.compile(r"P[0-9]+\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class KernelUnit:
    """The C part of a test with all that it includes.

    ``ast``: the tree, runtime functions that the test cannot reach left out.  ``conditions``: the named conditions with
    their names and places.  ``threads``: ``P0``, ``P1`` ... in order; there is one CPU for each.  ``text``: the test's
    own text without header, doc string and info lines.  ``nonblocking``: functions that are documented never to block.
    ``pieces``: the tokens that were parsed, one a line of what the parser saw.  ``macros``: the preprocessor's.
    ``headers``: what was included, path and text.
    """

    ast: c_ast.FileAST
    conditions: tuple[tuple[str, Prop, Span], ...]
    threads: tuple[str, ...]
    text: str
    nonblocking: frozenset[str]
    pieces: tuple[Piece, ...]
    macros: dict[str, Any]
    headers: tuple[tuple[str, str], ...]

    def constant(self, name: str) -> int | None:
        """The value of an integer macro, for conditions; None where ``name`` is no such macro."""
        return constant(self.macros, name)

    def locate(self, coord: Any) -> Span:
        """Where the token at the ``coord`` of a node stands, in the test or in a header; for what a macro expanded to,
        where the macro is used."""
        return self.pieces[self._index(coord)].span

    def extent(self, coord: Any) -> Span:
        """More than :meth:`locate`: from that token to the end of its statement, or for ``if``, ``while``, ``for`` and
        ``switch`` to the parenthesis that ends the head."""
        first = self._index(coord)
        begin = self.pieces[first].span
        last = _statement_end(self.pieces, first)
        for piece in reversed(self.pieces[first : last + 1]):
            if piece.span.source is begin.source and piece.span.end >= begin.end:
                return begin.to(piece.span)
        return begin

    def _index(self, coord: Any) -> int:
        line = getattr(coord, "line", None) or 1
        return min(max(int(line), 1), len(self.pieces)) - 1


def in_runtime(span: Span) -> bool:
    """Whether a place is in the bundled runtime and not in what the user wrote."""
    return span.source.name.startswith(RUNTIME_NAME)


def parse_kernel(
    source: Source,
    start: int,
    end: int,
    threads: int,
    include_dirs: tuple[str, ...] = (),
    conditions: tuple[tuple[str, Prop, Span], ...] = (),
    text: str = "",
    overlay: Mapping[str, str] | None = None,
) -> KernelUnit:
    """Reads the C part ``source.text[start:end]`` of a test with ``threads`` CPUs.  ``overlay``: texts of headers in
    place of those on disk.

    Raises InputError for what is no C, for headers that are missing or include themselves, and where the functions
    ``P0``, ``P1`` ... are not numbered in order.
    """
    if not threads:
        hint = "each thread is a CPU: `P0(void) { ... }`, `P1(void) { ... }`"
        raise InputError("the test has no threads, expected functions P0, P1, ...", Span(source, end - 1, end), hint)
    own, macros, headers = preprocess(source, start, end, threads, include_dirs, overlay)
    _check_balance(own)
    pieces, nonblocking = _select(threads, own, MIGRATIONS if _MIGRATES.search(source.text) else ())
    tree = _parse(pieces)
    _fold(tree)
    names = _threads(source, tree, pieces, threads)
    return KernelUnit(tree, conditions, names, text, nonblocking, tuple(pieces), macros, headers)


# --- tokens ----------------------------------------------------------------------------------------------------------
def _check_balance(pieces: tuple[Piece, ...]) -> None:
    """Raises InputError at the first bracket that has no partner, and at what begins nothing in C."""
    open_: list[Piece] = []
    for piece in pieces:
        text = piece.text
        if text in _CLOSERS:
            open_.append(piece)
        elif text in (")", "]", "}"):
            if not open_:
                raise InputError(f"this `{text}` closes nothing", piece.span)
            wanted = _CLOSERS[open_[-1].text]
            if text != wanted:
                line = open_[-1].span.line
                raise InputError(
                    f"found `{text}`, expected `{wanted}` for the `{open_[-1].text}` of line {line}", piece.span
                )
            open_.pop()
        elif text in "\\#@`$\"'":
            if text in "\"'":
                raise InputError("this quotation mark is not closed", piece.span)
            raise InputError(f"found `{text}`, which begins nothing in C", piece.span)
    if open_:
        sign = open_[-1].text
        raise InputError(f"this `{sign}` is not closed: the C part ends before its `{_CLOSERS[sign]}`", open_[-1].span)


class _Item(NamedTuple):
    """A declaration or definition at file scope.  ``name``: of what it defines, "" for what every test gets; ``body``:
    it is a function."""

    name: str
    pieces: tuple[Piece, ...]
    words: frozenset[str]
    body: bool


def _items(pieces: tuple[Piece, ...]) -> list[_Item]:
    """Cuts a balanced text at file scope: behind ``;``, and behind the body of a function."""
    items: list[_Item] = []
    begin = depth = 0
    body = False
    for index, piece in enumerate(pieces):
        text = piece.text
        if text in _CLOSERS:
            if text == "{" and not depth and index > begin and pieces[index - 1].text == ")":
                body = True
            depth += 1
        elif text in (")", "]", "}"):
            depth -= 1
        if not depth and (text == ";" or (text == "}" and body)):
            items.append(_item(pieces[begin : index + 1], body))
            begin = index + 1
            body = False
    if begin < len(pieces):
        items.append(_item(pieces[begin:], False))
    return items


def _item(pieces: tuple[Piece, ...], body: bool) -> _Item:
    texts = [piece.text for piece in pieces]
    words = frozenset(filter(_NAME.match, texts))
    return _Item(_defined(texts, body), pieces, words, body)


def _defined(texts: list[str], body: bool) -> str:
    """The name of the function, type or initialised object that a declaration defines; "" for any other.

    CPU registers and enumerations have no name: every test gets the runtime's.
    """
    if body:
        return texts[texts.index("(") - 1]
    if texts[0] in ("struct", "union") and texts[2:3] == ["{"]:
        return texts[1]
    if texts[0] == "typedef":
        if "*" in texts and ")" in texts and texts[texts.index(")") - 2] == "*":  # (*name)(...)
            return texts[texts.index(")") - 1]
        return texts[-2]
    if "=" not in texts or texts[0] in ("register", "enum"):
        return ""
    before = texts[: texts.index("=")]
    declared = before[: before.index("[")] if "[" in before else before
    return next((text for text in reversed(declared) if _NAME.match(text)), "")


@lru_cache(maxsize=8)
def _runtime_items(cpus: int) -> tuple[_Item, ...]:
    return tuple(_items(runtime(cpus).pieces))


def _select(cpus: int, own: tuple[Piece, ...], roots: tuple[str, ...]) -> tuple[list[Piece], frozenset[str]]:
    """What is parsed: the test's own text behind what it can reach of the runtime; and the functions marked
    ``__nonblocking``.

    ``roots``: functions that run although nothing mentions them.  A function that the test defines itself replaces the
    runtime's.  ``__grace_periods`` becomes 1 where the test can reach a grace period, else 0: without any, read-side
    sections need no events.
    """
    ours = _items(own)
    items = _runtime_items(cpus)
    defined = {item.name for item in ours}
    always = [item for item in items if not item.name]
    offered = {item.name: item for item in items if item.name and item.name not in defined}
    used = _reachable(offered, [*always, *ours], defined, roots)
    live = [item for item in ours if not item.body or _THREAD.match(item.name)]
    everything = {**offered, **{item.name: item for item in ours if item.name}}
    run = [*live, *(everything[name] for name in _reachable(everything, live, set(), roots))]
    graces = "1" if any("__synchronize_rcu" in item.words for item in run) else "0"
    chosen = [item for item in items if not item.name or item.name in used] + ours
    nonblocking: set[str] = set()
    pieces: list[Piece] = []
    for item in chosen:
        if "__nonblocking" in item.words:
            nonblocking.add(_marked(item))
            pieces += [piece for piece in item.pieces if piece.text != "__nonblocking"]
        elif "__grace_periods" in item.words:
            pieces += [p._replace(text=graces) if p.text == "__grace_periods" else p for p in item.pieces]
        else:
            pieces += item.pieces
    return pieces, frozenset(nonblocking)


def _reachable(
    offered: dict[str, _Item], roots: list[_Item], defined: set[str], more: tuple[str, ...] = ()
) -> set[str]:
    """The names of the items that are mentioned by the roots or are ``more``, by what they mention, and so on."""
    used: set[str] = set()
    pending = [*more, *(word for item in roots for word in item.words)]
    while pending:
        word = pending.pop()
        implied = _IMPLIED.get(word)
        if implied and implied not in defined and implied not in used:
            pending.append(implied)
        if word in offered and word not in used:
            used.add(word)
            pending += offered[word].words
    return used


def _marked(item: _Item) -> str:
    """The function that a definition or prototype with ``__nonblocking`` declares."""
    texts = [piece.text for piece in item.pieces if piece.text != "__nonblocking"]
    opened = texts.index("(") if "(" in texts else 0
    if not opened or not _NAME.match(texts[opened - 1]):
        where = next(piece.span for piece in item.pieces if piece.text == "__nonblocking")
        raise InputError("`__nonblocking` marks functions, and here is none", where)
    return texts[opened - 1]


def _statement_end(pieces: tuple[Piece, ...], first: int) -> int:
    """The index of the last token of the statement, or of the head of a compound one, that begins at ``first``."""
    head = pieces[first].text in _HEADS
    depth = 0
    last = first
    for index in range(first, len(pieces)):
        text = pieces[index].text
        if text in ("(", "["):
            depth += 1
        elif text in (")", "]"):
            depth -= 1
            if depth < 0:
                return last
            if head and not depth:
                return index
        elif text in (";", "{", "}") and not depth:
            return last
        last = index
    return last


# --- parsing ---------------------------------------------------------------------------------------------------------
_EXPECTED = {
    "SEMI": "`;`", "COLON": "`:`", "COMMA": "`,`", "LPAREN": "`(`", "RPAREN": "`)`", "LBRACKET": "`[`",
    "RBRACKET": "`]`", "LBRACE": "`{`", "RBRACE": "`}`", "EQUALS": "`=`", "ID": "a name", "WHILE": "`while`",
}  # fmt: skip
_LACKING = {
    "union": "unions", "typeof": "`typeof`", "__typeof__": "`typeof`", "asm": "inline assembly",
    "__asm__": "inline assembly", "__attribute__": "`__attribute__`", "_Generic": "`_Generic`",
    "__extension__": "`__extension__`",
}  # fmt: skip
_MESSAGE = re.compile(r"[^:\n]*:(\d+)(?::\d+)?: (.*)", re.DOTALL)


class _Unexpected(Exception):
    """The parser wants a token of this kind at this line of its text."""

    def __init__(self, line: int, kind: str) -> None:
        self.line = line
        self.kind = kind


def _parse(pieces: list[Piece]) -> c_ast.FileAST:
    """The tree of a token list.  Its lines are the indices of the tokens, from 1."""
    from pycparser.c_parser import ParseError

    for piece in pieces:
        if piece.text in _LACKING:
            raise Unsupported(f"{_LACKING[piece.text]} are not supported" if piece.text == "union"
                              else f"{_LACKING[piece.text]} is not supported", piece.span)  # fmt: skip
    text = "\n".join([piece.text for piece in pieces])
    parser = _parser_class()()
    try:
        tree: c_ast.FileAST = parser.parse(text, "c")
    except _Unexpected as error:
        _fail(pieces, error.line, error.kind)
    except ParseError as error:
        found = _MESSAGE.match(str(error))
        if found is not None:
            _explain(pieces, int(found[1]), found[2])
        line = parser.line()
        if line is None:
            raise InputError("the C part ends in the middle of a declaration", pieces[-1].span) from None
        _explain(pieces, line, "before:")
    except RecursionError:
        raise InputError("this is nested too deeply", pieces[-1].span) from None
    return tree


@lru_cache(maxsize=1)
def _parser_class() -> type[Any]:
    """The library's parser, which says what it expects where it knows."""
    from pycparser.c_parser import CParser

    class Parser(CParser):  # type: ignore[misc]
        def _expect(self, token_type: str) -> Any:
            token = self._peek()
            if token is not None and token.type != token_type:
                raise _Unexpected(token.lineno, token_type)
            return super()._expect(token_type)

        def line(self) -> int | None:
            """The line of the next token; None at the end."""
            token = self._peek()
            return None if token is None else token.lineno

    return Parser


def _is_name(text: str) -> bool:
    return _NAME.match(text) is not None and not _KEYWORDS.match(text)


def _fail(pieces: list[Piece], line: int, kind: str) -> NoReturn:
    """The parser found the token of ``line`` and wants another."""
    found = pieces[line - 1]
    expected = _EXPECTED.get(kind, f"`{kind.lower()}`")
    before = pieces[line - 2] if line > 1 else found
    begins = line > 2 and pieces[line - 3].text in ("{", "}", ";", "(", ")")
    if kind == "SEMI" and begins and _is_name(found.text) and _is_name(before.text):
        raise InputError(
            f"`{before.text}` is no type known here",
            before.span,
            "declare types before they are used; a macro that expands to a declaration has to be defined",
        )
    if kind == "SEMI" and before.span.source is found.span.source and not found.macro and not before.macro:
        at = Span(before.span.source, before.span.end, before.span.end + 1)
        raise InputError(f"found {describe(found.text)}, expected `;` after this", at)
    raise InputError(f"found {describe(found.text)}, expected {expected}", found.span)


def _explain(pieces: list[Piece], line: int, message: str) -> NoReturn:
    """What the library says about the token of ``line``, in this package's words."""
    index = min(max(line, 1), len(pieces)) - 1
    piece = pieces[index]
    shown = describe(piece.text)
    if message.startswith("before:"):
        after = f" after {describe(pieces[index - 1].text)}" if index else ""
        raise InputError(f"found {shown}{after}, which is no C that can stand here", piece.span)
    if message.startswith("Invalid declaration"):
        following = describe(pieces[index + 1].text) if index + 1 < len(pieces) else "nothing"
        raise InputError(f"found {following} after {shown}, expected the name of what is declared", piece.span)
    if message.startswith("Invalid struct reference"):
        raise InputError("expected the name of a field after `.` or `->`", piece.span)
    if "function definition" in message or "type" in message.lower():
        raise InputError(f"{shown}: expected a declaration that begins with a type", piece.span)
    raise InputError(f"{shown} is no C that can stand here ({message[:1].lower()}{message[1:]})", piece.span)


# --- the tree --------------------------------------------------------------------------------------------------------
def _fold(node: Any) -> None:
    """Replaces ``*&x`` by ``x`` and ``(&x)->f`` by ``x.f`` below a node."""
    from pycparser import c_ast

    def folded(child: Any) -> Any:
        while (
            isinstance(child, c_ast.UnaryOp)
            and child.op == "*"
            and isinstance(child.expr, c_ast.UnaryOp)
            and child.expr.op == "&"
        ):
            child = child.expr.expr
        if isinstance(child, c_ast.StructRef) and child.type == "->":
            base = child.name
            if isinstance(base, c_ast.UnaryOp) and base.op == "&":
                child.name, child.type = base.expr, "."
        return child

    pending = [node]
    while pending:
        parent = pending.pop()
        for slot in parent.__slots__:
            value = getattr(parent, slot, None)
            if isinstance(value, c_ast.Node):
                value = folded(value)
                setattr(parent, slot, value)
                pending.append(value)
            elif isinstance(value, list):
                for index, child in enumerate(value):
                    if isinstance(child, c_ast.Node):
                        value[index] = folded(child)
                        pending.append(value[index])


def _threads(source: Source, tree: c_ast.FileAST, pieces: list[Piece], expected: int) -> tuple[str, ...]:
    """The names of the thread functions.  Raises InputError unless they are P0, P1, ... in order, each once."""
    from pycparser import c_ast

    names: list[str] = []
    for part in tree.ext:
        if not isinstance(part, c_ast.FuncDef) or not _THREAD.match(part.decl.name):
            continue
        name = part.decl.name
        span = pieces[part.decl.coord.line - 1].span
        if name != f"P{len(names)}":
            hint = "threads are numbered P0, P1, ... in the order of the file"
            raise InputError(f"found the function `{name}`, expected `P{len(names)}`", span, hint)
        if span.source is not source:
            raise InputError(f"the thread `{name}` has to be defined in the test itself", span)
        returned = getattr(part.decl.type.type, "type", None)
        if not isinstance(returned, c_ast.IdentifierType) or returned.names not in (["int"], ["void"]):
            hint = "is the `;` missing behind the declaration before it?"
            raise InputError(f"the thread `{name}` cannot return anything", span, hint)
        names.append(name)
    if len(names) != expected:
        threads = counted(expected, "thread function")
        raise InputError(f"expected {threads} after preprocessing, found {len(names)}", pieces[-1].span)
    return tuple(names)
