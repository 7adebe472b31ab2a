"""The preprocessor of kernel C: pcpp, made to know where each token stands and to complain in this package's way.

The library reports files and lines only.  Here each token carries its place in the test or header; what a macro expands
to is placed where the macro is used.  Headers are looked for beside the file that includes them, in folders ``include``
beside the test and above it, in the folders of ``-I``, and in the bundled runtime.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from membar_check.diagnostics import InputError, Source, Span
from membar_check.litmus.text import counted, describe

RUNTIME_NAME = "<runtime>/"
"""How the names of the sources of the bundled runtime begin."""

RUNTIME_HEADER = "kernel.h"
MAX_TOKENS = 30_000
MAX_INCLUDE_DEPTH = 32

_BREAKS = {ord(sign): " " for sign in "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\ufeff"}
"""What Python's ``splitlines`` takes for the end of a line although it is none for a reader of messages."""

_TRIGRAPH = re.compile(r"\?\?(?=[=/'()!<>\-])")
_DIRECTIVES = "#define, #undef, #include, #if, #ifdef, #ifndef, #elif, #else, #endif, #error, #pragma once"
_TAKES_NAME = ("define", "undef", "ifdef", "ifndef")


class Piece(NamedTuple):
    """A token of the preprocessed text.  ``macro``: a macro expanded to it, and ``span`` is where that is used."""

    text: str
    span: Span
    macro: bool


class Preprocessed(NamedTuple):
    """Tokens, the macros that are defined at the end, and the headers that were read: path and text."""

    pieces: tuple[Piece, ...]
    macros: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


def preprocess(
    source: Source,
    start: int,
    end: int,
    cpus: int,
    include_dirs: tuple[str, ...],
    overlay: Mapping[str, str] | None = None,
) -> Preprocessed:
    """The tokens of ``source.text[start:end]``, with the runtime's macros defined.  ``overlay``: texts of headers in
    place of those on disk, by the names that spans show.

    Raises InputError with its place for headers that are missing, cannot be read or include themselves without end, for
    unknown, malformed and unbalanced directives, and for macros that are used with the wrong number of arguments.
    """
    reader = _reader_class()(HeaderSearch(source.name, include_dirs, overlay or {}))
    reader.macros = dict(runtime(cpus).macros)
    result: Preprocessed = reader.run(source, start, end)
    return result


@lru_cache(maxsize=8)
def runtime(cpus: int) -> Preprocessed:
    """The bundled header for a machine of that many CPUs; ``NR_CPUS`` is the only thing it depends on."""
    source = _runtime_source(RUNTIME_HEADER)
    assert source is not None, "the runtime header is missing from the installation of membar-check"
    reader = _reader_class()(HeaderSearch(source.name, (), {}))
    for name in ("__DATE__", "__TIME__", "__PCPP__"):
        reader.macros.pop(name, None)
    reader.define(f"NR_CPUS {cpus}")
    result: Preprocessed = reader.run(source, 0, len(source.text))
    return result


def constant(macros: dict[str, Any], name: str) -> int | None:
    """The value of a macro without arguments; None where there is none of that name or it is no integer."""
    if name not in macros or macros[name].arglist is not None:
        return None
    reader = _reader_class()(HeaderSearch("", (), {}))
    reader.macros = dict(macros)
    try:
        tokens = reader.expand_macros(reader.tokenize(name))
        if any(token.type == reader.t_ID for token in tokens):
            return None
        return int(reader.evaluator(tokens).value())
    except (InputError, SyntaxError, ValueError, ArithmeticError):
        return None


def _runtime_source(name: str) -> Source | None:
    """A file of the bundled runtime."""
    folder = Path(__file__).resolve().parent.parent / "runtime"
    path = folder / name
    if ".." in Path(name).parts or not path.is_file():
        return None
    return Source(RUNTIME_NAME + name, path.read_text("utf-8"))


# --- places ----------------------------------------------------------------------------------------------------------
class _Lines:
    """Translates offsets into the text as the library sees it (lines stripped at their ends) to the real ones."""

    __slots__ = ("begins", "source", "stripped", "text")

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source = source
        self.text = _TRIGRAPH.sub("? ", source.text[start:end].translate(_BREAKS))
        self.begins: list[int] = []
        self.stripped: list[int] = []
        shorter = 0
        for line in self.text.split("\n"):
            self.begins.append(start)
            self.stripped.append(shorter)
            start += len(line) + 1
            shorter += len(line.rstrip()) + 1

    def span(self, offset: int, length: int) -> Span:
        line = bisect_right(self.stripped, offset) - 1
        start = self.begins[line] + offset - self.stripped[line]
        return Span(self.source, start, min(start + max(length, 1), len(self.source.text)))


class _Place(NamedTuple):
    """A token's place, worked out when it is needed."""

    lines: _Lines
    offset: int
    length: int

    def span(self) -> Span:
        return self.lines.span(self.offset, self.length)


# --- headers ---------------------------------------------------------------------------------------------------------
class HeaderSearch:
    """Finds headers for a test of that name; ``overlay`` as for :func:`preprocess`."""

    __slots__ = ("folders", "overlay", "test")

    def __init__(self, test: str, include_dirs: tuple[str, ...], overlay: Mapping[str, str]) -> None:
        self.test = test
        self.overlay = overlay
        folder = os.path.dirname(os.path.abspath(test))
        self.folders: list[str] = []
        while True:
            self.folders.append(os.path.join(folder, "include"))
            above = os.path.dirname(folder)
            if above == folder:
                break
            folder = above
        self.folders += [os.path.abspath(name) for name in include_dirs]

    def find(self, name: str, includer: str, system: bool) -> tuple[str, Source] | None:
        """The absolute path and the text of a header that ``includer`` names; None where there is none.  Raises
        OSError and UnicodeDecodeError for one that cannot be read."""
        beside = [] if system or includer.startswith(RUNTIME_NAME) else [os.path.dirname(os.path.abspath(includer))]
        for folder in beside + self.folders:
            path = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(path):
                shown = self._shown(path)
                text = self.overlay.get(shown)
                return path, Source(shown, Path(path).read_text("utf-8") if text is None else text)
        bundled = _runtime_source(name)
        return (bundled.name, bundled) if bundled else None

    def _shown(self, path: str) -> str:
        """The name of a header in messages: relative where the test's is."""
        if os.path.isabs(self.test):
            return path
        shown = os.path.relpath(path)
        return path if shown.startswith(os.path.join("..", "..", "..")) else shown


# --- the preprocessor ------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def _reader_class() -> type[Any]:
    """The class, made when the first kernel test is read: the library is not imported for others."""
    from pcpp import Preprocessor

    class Reader(Preprocessor):  # type: ignore[misc]
        """pcpp with places (attribute ``place``, and ``source`` that macro expansion overwrites with the place of the
        macro's use), with the search for headers of this project, and with errors that are raised."""

        def __init__(self, search: HeaderSearch) -> None:
            super().__init__()
            self.search = search
            self.entering: _Lines | None = None
            self.inclusions: list[tuple[str, Source]] = []
            self.headers: dict[str, str] = {}
            self.latest: _Place | None = None

        def run(self, source: Source, start: int, end: int) -> Preprocessed:
            self.inclusions = [(os.path.abspath(source.name), source)]
            self.entering = lines = _Lines(source, start, end)
            pieces: list[Piece] = []
            previous: Any = None
            try:
                for token in self.parsegen(lines.text, source.name, self.inclusions[0][0]):
                    if token.type in self.t_WS or token.type in self.t_COMMENT or not token.value:
                        continue
                    if not (previous is not None and _glue(pieces, previous, token)):
                        pieces.append(_piece(token))
                    previous = token
                    if len(pieces) > MAX_TOKENS:
                        raise InputError(f"the test is longer than {MAX_TOKENS} tokens", pieces[-1].span)
            except InputError:
                raise
            except RecursionError:
                raise InputError("this is nested too deeply", self.here()) from None
            except MemoryError:
                raise
            except Exception as error:  # what the library does not foresee in malformed text
                raise InputError("this preprocessor directive or macro cannot be understood", self.here()) from error
            return Preprocessed(tuple(pieces), self.macros, tuple(self.headers.items()))

        def here(self) -> Span | None:
            return self.latest.span() if self.latest is not None else None

        def group_lines(self, text: str, abssource: str) -> Iterator[list[Any]]:
            lines = self.entering
            assert lines is not None
            for line in super().group_lines(text, abssource):
                before: Any = None
                for token in line:
                    token.place = token.source = _Place(lines, token.lexpos, len(token.value))
                    if token.value == "*" and before == ("/", token.lexpos - 1):
                        span = lines.span(token.lexpos - 1, 2)
                        raise InputError("this comment is not closed: the file ends before its `*/`", span)
                    before = (token.value, token.lexpos)
                if line:
                    self.latest = line[0].place
                yield line

        def define(self, tokens: Any) -> None:
            super().define(tokens)
            if not isinstance(tokens, str):
                for token in self.macros[tokens[0].value].value:
                    token.place = None

        def expand_macros(self, tokens: list[Any], expanding_from: list[str] | None = None) -> list[Any]:
            expanded: list[Any] = super().expand_macros(tokens, expanding_from or [])
            if len(expanded) > MAX_TOKENS:
                raise InputError(f"macros expand to more than {MAX_TOKENS} tokens", self.here())
            return expanded

        def collect_args(self, tokenlist: list[Any], ignore_errors: bool = False) -> tuple[int, Any, Any]:
            found: tuple[int, Any, Any] = super().collect_args(tokenlist, ignore_errors)
            if not found[0] and tokenlist:
                raise InputError("the arguments of this macro are not closed, expected `)`", _span(tokenlist[0]))
            return found

        def include(self, tokens: list[Any], original_line: list[Any]) -> Iterator[Any]:
            name, system = _header_name(tokens)
            span = _span(tokens[0])
            if span is not None:
                span = Span(span.source, span.start, (_span(tokens[-1]) or span).end)
            includer = self.inclusions[-1][1].name
            try:
                found = self.search.find(name, includer, system)
            except (OSError, UnicodeDecodeError) as error:
                why = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else (error.strerror or "").lower()
                raise InputError(f"header {describe(name)} cannot be read: {why}", span) from error
            if found is None:
                raise InputError(
                    f"header {describe(name)} is not found",
                    span,
                    "headers are looked for beside the file, in folders `include` beside the test and above it, and "
                    "in the folders of -I; what the kernel itself declares needs no header",
                )
            path, source = found
            self.headers[path] = source.text
            if path in self.include_once:
                return
            chain = [name for name, _ in self.inclusions]
            if len(chain) >= MAX_INCLUDE_DEPTH and path in chain:
                latest = len(chain) - 1 - chain[::-1].index(path)
                cycle = [inner.name for _, inner in self.inclusions[latest:]] + [source.name]
                shown = " -> ".join(os.path.basename(name) for name in cycle)
                raise InputError(f"header {describe(name)} includes itself: {shown}", span)
            if len(chain) >= 2 * MAX_INCLUDE_DEPTH:
                raise InputError(f"headers include each other more than {2 * MAX_INCLUDE_DEPTH} levels deep", span)
            self.inclusions.append((path, source))
            self.entering = lines = _Lines(source, 0, len(source.text))
            yield from self.parsegen(lines.text, source.name, path)
            self.inclusions.pop()

        def on_directive_handle(self, directive: Any, toks: list[Any], ifpassthru: bool, precedingtoks: Any) -> bool:
            self.lastdirective = directive
            self.latest = directive.place
            name = directive.value
            if name in _TAKES_NAME and not (toks and toks[0].type == self.t_ID):
                found = describe(toks[0].value) if toks else "the end of the line"
                raise InputError(f"found {found}, expected the name of a macro after `#{name}`", directive.place.span())
            if name in ("if", "elif") and not toks:
                raise InputError(f"expected a condition after `#{name}`", directive.place.span())
            if name == "include" and not toks:
                raise InputError('expected the name of a header, as in `#include "x.h"`', directive.place.span())
            if name == "pragma" and [token.value for token in toks] != ["once"]:
                raise InputError("the only known pragma is `#pragma once`", directive.place.span())
            return True

        def on_directive_unknown(self, directive: Any, toks: list[Any], ifpassthru: bool, precedingtoks: Any) -> bool:
            if directive.value == "warning":
                return True
            span = directive.place.span()
            if directive.value == "error":
                said = "".join([token.value for token in toks]).strip() or "no reason given"
                raise InputError(f"#error: {said}", span)
            shown = describe("#" + directive.value)
            raise InputError(f"unknown directive {shown}, expected one of {_DIRECTIVES}", span)

        def on_unknown_macro_function_in_expr(self, ident: str) -> NoReturn:
            raise ValueError(f"`{ident}` is no macro")

        def on_error(self, file: Any, line: int, msg: str) -> NoReturn:
            span = file.span() if isinstance(file, _Place) else self.here()
            raise InputError(_own_words(msg), span)

    return Reader


def _own_words(message: str) -> str:
    """The library's message as this package would say it."""
    if found := re.match(r"Misplaced (#\w+)", message):
        return f"this `{found[1]}` belongs to no `#if`"
    if message.startswith("Unterminated"):
        return "this directive has no `#endif`: the file ends before it"
    if found := re.match(r"Macro (\w+) (?:requires|must have at least) (\d+) arguments? (?:but|\()?", message):
        passed = re.search(r"was passed (\d+)", message)
        least = "" if passed else "at least "
        given = f"found {counted(int(passed[1]), 'argument')}, " if passed else ""
        return f"{given}expected {least}{counted(int(found[2]), 'argument')} of macro `{found[1]}`"
    if message.startswith("Could not evaluate"):
        return "this condition cannot be evaluated, expected integers, macros and `defined`"
    return f"malformed preprocessor text: {message[:1].lower()}{message[1:]}"


def _span(token: Any) -> Span | None:
    """Where a token stands; for what comes from a macro's text, where the macro is used."""
    place = getattr(token, "place", None) or getattr(token, "source", None)
    return place.span() if isinstance(place, _Place) else None


def _piece(token: Any) -> Piece:
    own = getattr(token, "place", None)
    place = own or token.source
    assert isinstance(place, _Place), "a token without a place"
    return Piece(token.value, place.span(), own is None)


def _glue(pieces: list[Piece], previous: Any, token: Any) -> bool:
    """Joins what the library's lexer takes apart: ``1ULL``, ``^=``, ``...``.  Whether it did."""
    text = pieces[-1].text
    value = token.value
    joins = (
        (value == "=" and text == "^")
        or (value == "." and text in (".", ".."))
        or (text[0].isdigit() and text[-1] in "uUlL" and not value.strip("uUlL"))
    )
    if not joins or previous.lexpos + len(previous.value) != token.lexpos:
        return False
    span = pieces[-1].span
    if not pieces[-1].macro:
        span = Span(span.source, span.start, span.end + len(value))
    pieces[-1] = Piece(text + value, span, pieces[-1].macro)
    return True


def _header_name(tokens: list[Any]) -> tuple[str, bool]:
    """The name in an ``#include`` and whether it stands in angle brackets."""
    text = "".join([token.value for token in tokens]).strip()
    for opening, closing, system in (('"', '"', False), ("<", ">", True)):
        if len(text) > 2 and text[0] == opening and text.find(closing, 1) == len(text) - 1:
            return text[1:-1], system
    raise InputError(f'found {describe(text)}, expected a header as in `#include "x.h"`', _span(tokens[0]))
