"""Macro files (``.def``): what the names that a C test calls stand for.

The format is herd7's: ``READ_ONCE(X) __load{once}(X)`` defines an expression, and statements stand in braces, as in
``WRITE_ONCE(X,V) { __store{once}(X,V); }``; macros may call macros; comments are ``//`` and ``/* */``.  Primitives
(names that begin with two underscores) are known to :mod:`membar_check.program.dialects.c_primitives`; macros finally
expand to them.

Two things are not herd7's, for files that say what the kernel's names are on an architecture:
``include "lkmm.def"`` takes over the macros of another file, where this one has none of the same name;
``dialect AArch64`` names the architecture whose events the primitives make; a macro may then be named by a primitive
with a tag, ``__fence{MB}() { __fence{DMB.ISH}; }``, and replaces that primitive wherever it has just that tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from membar_check.cat.primitives import DIALECT_SETS
from membar_check.diagnostics import InputError, Source, Span
from membar_check.litmus.c_body import BodyParser
from membar_check.litmus.c_tokens import scan
from membar_check.litmus.syntax import (
    CAssign,
    CBinary,
    CBlock,
    CCall,
    CCast,
    CConditional,
    CDeclare,
    CExpr,
    CExprStmt,
    CIf,
    CIndex,
    CStmt,
    CUnary,
    CWhile,
)
from membar_check.records import dataclass, field
from membar_check.resources import models_dir

_MACRO_LINE = re.compile(r"^([A-Za-z_]\w*(?:\{[^{}\n]*\})?)\(.*$", re.MULTILINE | re.ASCII)
_DIRECTIVE = re.compile(r'^(dialect|include)[ \t]+("?)([^"\s]+)\2[ \t]*(?://.*)?$', re.MULTILINE | re.ASCII)
_DIRECTIVE_WORDS = ("dialect", "include")


@dataclass(frozen=True, slots=True)
class Macro:
    """``body`` is an expression, or the statements between the braces."""

    name: str
    parameters: tuple[str, ...]
    body: CExpr | tuple[CStmt, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Macros:
    """The macros of a file by name; look them up by :meth:`expression` and :meth:`statement`.

    An expression and a statement macro may share a name.  ``unread`` are those not parsed yet: offset and end.
    ``dialect``: the architecture whose events they make, "" for those of the kernel's model; ``base``: those that an
    included file defines.
    """

    expressions: dict[str, Macro]
    statements: dict[str, Macro]
    source: Source
    unread: dict[str, tuple[int, int]] = field(default_factory=dict)
    dialect: str = ""
    base: Macros | None = None

    def expression(self, name: str) -> Macro | None:
        """The macro of that name that has a value."""
        if name in self.unread:
            self._read(name)
        if self.base is None or name in self.expressions or name in self.statements:
            return self.expressions.get(name)
        return self.base.expression(name)

    def statement(self, name: str) -> Macro | None:
        """The macro of that name that stands for statements."""
        if name in self.unread:
            self._read(name)
        if self.base is None or name in self.expressions or name in self.statements:
            return self.statements.get(name)
        return self.base.statement(name)

    def names(self) -> list[str]:
        """The names of all macros, in no order that means anything."""
        own = [*self.expressions, *self.statements, *self.unread]
        return own if self.base is None else [*own, *(name for name in self.base.names() if name not in own)]

    def mentions(self, text: str) -> bool:
        """Whether the files contain ``text``."""
        return text in self.source.text or (self.base is not None and self.base.mentions(text))

    def _read(self, name: str) -> None:
        start, end = self.unread.pop(name)
        parser = _MacroParser(self.source, *scan(self.source, start, end))
        macro = parser.macro()
        (self.statements if isinstance(macro.body, tuple) else self.expressions)[name] = macro


def key_of(call: CCall) -> str:
    """The name under which a macro that replaces the call is defined."""
    return f"{call.name}{{{','.join(call.tags)}}}" if call.tags else call.name


@lru_cache(maxsize=32)
def load_macros(source: Source, trusted: bool = False) -> Macros:
    """The macros of a ``.def`` text and of the files that it includes, which lie beside it or are bundled.

    Raises InputError for text that is no macro file, a macro that is defined twice, a parameter that is named twice,
    macros that (by way of others) call themselves, and an included file that cannot be read.  A ``trusted`` text is
    known to be free of these faults and to have each macro on a line of its own: its macros are parsed when they are
    asked for.
    """
    return _load(source, trusted, ())


def _load(source: Source, trusted: bool, above: tuple[Path, ...]) -> Macros:
    base: Macros | None = None
    dialect = ""
    if any(word in source.text for word in _DIRECTIVE_WORDS):
        for found in _DIRECTIVE.finditer(source.text):
            span = Span(source, found.start(3), found.end(3))
            if found[1] == "dialect":
                if found[3] not in DIALECT_SETS:
                    raise InputError(f"unknown dialect `{found[3]}`, expected one of {', '.join(DIALECT_SETS)}", span)
                dialect = found[3]
            elif base is not None:
                raise InputError("a macro file includes one other file at most", span)
            else:
                base = _included(found[3], source, span, trusted, above)
    if base is not None and not dialect:
        dialect = base.dialect
    if trusted:
        unread = {found[1]: found.span() for found in _MACRO_LINE.finditer(source.text)}
        return Macros({}, {}, source, unread, dialect, base)
    macros = Macros({}, {}, source, dialect=dialect, base=base)
    parser = _MacroParser(source, *scan(source, 0))
    while parser.text:
        try:
            if parser.directive():
                continue
            macro = parser.macro()
        except RecursionError:
            raise InputError("this is nested too deeply", parser.here()) from None
        kind = macros.statements if isinstance(macro.body, tuple) else macros.expressions
        if macro.name in kind:
            first = kind[macro.name].span.line
            raise InputError(f"macro `{macro.name}` is defined twice; first in line {first}", macro.span)
        kind[macro.name] = macro
    _reject_cycles(macros)
    return macros


def _included(name: str, by: Source, span: Span, trusted: bool, above: tuple[Path, ...]) -> Macros:
    """The macros of the file ``name``, which ``by`` includes."""
    for folder in (Path(by.name).parent, models_dir()):
        path = folder / name
        if path.is_file():
            break
    else:
        raise InputError(f"there is no macro file '{name}' here or among the bundled models", span)
    if path in above:
        raise InputError(f"the macro file '{name}' includes itself", span)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", span) from error
    return _load(Source(str(path), text), trusted, (*above, path))


class _MacroParser(BodyParser):
    __slots__ = ()

    def directive(self) -> bool:
        """Passes over ``include "FILE"`` or ``dialect NAME`` if that stands here; its meaning was read before."""
        if self.text not in _DIRECTIVE_WORDS or self.peek() in ("(", "{"):
            return False
        found = _DIRECTIVE.match(self.source.text, self.starts[self.index])
        if found is None:
            self.fail('`include "FILE"` or `dialect NAME`, on a line of its own')
        while self.text and self.starts[self.index] < found.end():
            self.advance()
        return True

    def macro(self) -> Macro:
        """``NAME(A,B) expression`` or ``NAME(A,B) { statements }``."""
        begin = self.index
        hint = "macros are written `NAME(X,Y) expression` or `NAME(X,Y) { statements }`, without `#define`"
        if not (self.text[:1].isalpha() or self.text[:1] == "_"):
            self.fail("the name of a macro", hint)
        name = self.name("the name of a macro")
        if self.text == "{" and name.startswith("__"):
            name = f"{name}{{{','.join(self.tags())}}}"
        if self.text != "(":
            self.fail("`(` and the macro's parameters", hint)
        self.advance()
        parameters: list[str] = []
        while self.text != ")":
            if parameters:
                self.expect(",", "`,` or `)`")
            at = self.here()
            parameter = self.name("a parameter's name")
            if parameter in parameters:
                raise InputError(f"parameter `{parameter}` is named twice", at)
            parameters.append(parameter)
        self.advance()
        span = self.span(begin)
        body: CExpr | tuple[CStmt, ...]
        if self.text == "{":
            body = self.braces("`{`")
        else:
            body = self.expression()
        return Macro(name, tuple(parameters), body, span)


# --- cycles
def _reject_cycles(macros: Macros) -> None:
    """Raise InputError at a call by which a macro reaches itself."""
    done: set[int] = set()
    path: list[Macro] = []

    def visit(macro: Macro) -> None:
        path.append(macro)
        for call, in_statement in _calls(macro.body):
            key = key_of(call)
            callee = (macros.statement(key) if in_statement else None) or macros.expression(key)
            if callee is None or id(callee) in done:
                continue
            if callee in path:
                cycle = " -> ".join(m.name for m in path[path.index(callee) :]) + f" -> {callee.name}"
                raise InputError(f"macro `{callee.name}` calls itself: {cycle}", call.span)
            visit(callee)
        path.pop()
        done.add(id(macro))

    for table in (macros.expressions, macros.statements):
        for macro in table.values():
            if id(macro) not in done:
                visit(macro)


def _calls(node: CExpr | CStmt | tuple[CStmt, ...] | None) -> Iterator[tuple[CCall, bool]]:
    """The calls below a node, and whether each is a statement of its own."""
    if isinstance(node, tuple):
        for part in node:
            yield from _calls(part)
    elif isinstance(node, CCall):
        yield node, False
        yield from _calls_below(node.args)
    elif isinstance(node, CExprStmt):
        if isinstance(node.expr, CCall):
            yield node.expr, True
            yield from _calls_below(node.expr.args)
        else:
            yield from _calls(node.expr)
    elif isinstance(node, (CUnary, CCast)):
        yield from _calls(node.operand)
    elif isinstance(node, CBinary):
        yield from _calls_below((node.left, node.right))
    elif isinstance(node, CIndex):
        yield from _calls_below((node.array, node.index))
    elif isinstance(node, CConditional):
        yield from _calls_below((node.cond, node.then, node.other))
    elif isinstance(node, CDeclare):
        yield from _calls(node.init)
    elif isinstance(node, CAssign):
        yield from _calls_below((node.target, node.value))
    elif isinstance(node, CIf):
        yield from _calls(node.cond)
        yield from _calls(node.then)
        yield from _calls(node.other)
    elif isinstance(node, CWhile):
        yield from _calls(node.cond)
        yield from _calls(node.body)
    elif isinstance(node, CBlock):
        yield from _calls(node.body)


def _calls_below(nodes: tuple[CExpr, ...]) -> Iterator[tuple[CCall, bool]]:
    for node in nodes:
        yield from _calls(node)
