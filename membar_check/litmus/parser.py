"""Litmus text to syntax tree: the header, and the cutting of a file into init block, bodies and final part.

The format is herd7's (herdtools7 manual, "Litmus tests").  Parsing needs no grammar compiler: the parts are cut by
plain string operations and read by small hand-written parsers, which keeps a test at a fraction of a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from membar_check.diagnostics import InputError, Source, Span, Unsupported
from membar_check.litmus.assembly import parse_assembly
from membar_check.litmus.condition import Final, parse_final
from membar_check.litmus.init import parse_init
from membar_check.litmus.syntax import AsmBody, CBody, InitItem, LitmusTest
from membar_check.litmus.text import blank_comments, comment_end, describe

if TYPE_CHECKING:
    from membar_check.litmus.kernel_c import KernelUnit

ARCHITECTURES = ("C", "X86", "X86_64", "AArch64", "RISCV", "PPC")
"""The architectures whose tests can be read, as the header spells them."""

_OTHERS = ("ARM", "ASL", "BPF", "CPP", "JAVA", "Java", "LISA", "Bell", "MIPS")
_SPELLINGS = {"RISC-V": "RISCV"}

_HEADER = re.compile(r"[ \t]*([\w\-]+)[ \t]+([\w/.\-+\[\]:,=&*#@]+)[ \t\r]*(?:\([\w/.\-]*\))?", re.ASCII)
_PREAMBLE = re.compile(
    r"(?P<info>^[ \t]*[A-Za-z][\w/.\-]*[ \t]*=[^\n]*)|(?P<doc>\"[^\"]*\")|(?P<comment>\(\*)|(?P<brace>\{)",
    re.ASCII | re.MULTILINE,
)
_FINAL = re.compile(
    r"(?<![\w/.\-$])(?:final|forall|exists|(?:~|not(?=\s))\s*exists|observed|Observed|locations|filter)(?![\w/.\-])",
    re.ASCII,
)
_BRACE = re.compile(r"\(\*|[{}]")


def parse_litmus(
    source: Source, include_dirs: tuple[str, ...] = (), overlay: Mapping[str, str] | None = None
) -> LitmusTest:
    """The syntax tree of a litmus file.  ``include_dirs``: where the headers of kernel C are looked for, after the
    folders of the test; ``overlay``: texts of headers in place of those on disk, by the names that spans show.

    Raises InputError (with the place, what was found and what was expected) for malformed text, and its subclass
    Unsupported for an architecture or a construct that the checker does not have.
    """
    text = source.text
    arch, name, name_span, position = _parse_header(source, text)
    doc, info, init_start = _parse_preamble(source, text, position)
    init_end = _closing_brace(source, text, init_start)
    init = parse_init(source, blank_comments(source, text[:init_end], init_start), init_start + 1, init_end)
    bodies: tuple[AsmBody | CBody, ...]
    kernel: KernelUnit | None = None
    if arch == "C":
        bodies, kernel, final = _parse_c(source, init_start, init_end + 1, init, include_dirs, overlay or {})
    else:
        blanked = blank_comments(source, text, init_end + 1)
        found = _FINAL.search(blanked, init_end + 1)
        final_start = found.start() if found else len(text)
        if not blanked[init_end + 1 : final_start].strip():
            raise _missing_bodies(source, init_end, "a table of threads: `P0 | P1 ;` and the rows of instructions")
        bodies = parse_assembly(source, arch, blanked, init_end + 1, final_start)
        final = parse_final(source, blanked, final_start, len(blanked))
    return LitmusTest(
        arch=arch,
        name=name,
        doc=doc,
        info=info,
        init=init,
        bodies=bodies,
        locations=final.locations,
        filter=final.filter,
        condition=final.condition,
        source=source,
        name_span=name_span,
        location_types=final.types,
        kinds=final.kinds,
        kernel=kernel,
    )


def parse_header(source: Source) -> tuple[str, str]:
    """The architecture and the name of a test, without reading the rest.  Raises InputError and Unsupported."""
    arch, name, _, _ = _parse_header(source, source.text)
    return arch, name


def _parse_c(
    source: Source,
    init_start: int,
    start: int,
    init: tuple[InitItem, ...],
    include_dirs: tuple[str, ...],
    overlay: Mapping[str, str],
) -> tuple[tuple[AsmBody | CBody, ...], KernelUnit | None, Final]:
    """The rest of a C test, plain or in kernel C, from offset ``start`` on, where ``(*p)`` is no comment."""
    from membar_check.litmus.c_body import parse_c_bodies
    from membar_check.litmus.c_plain import surely_plain_end, surely_plain_start

    failure: InputError | None = None
    if surely_plain_start(source, start):
        try:
            bodies, final_start = parse_c_bodies(source, start)
        except InputError as error:
            failure = error
        else:
            blanked = blank_comments(source, source.text, final_start)
            if surely_plain_end(blanked, final_start):
                return bodies, None, parse_final(source, blanked, final_start, len(blanked))
    from membar_check.litmus.kernel_file import is_kernel, parse_unit

    if is_kernel(source, start):
        unit, final = parse_unit(source, start, init_start, init, include_dirs, overlay)
        return (), unit, final
    if failure is not None:
        raise failure
    bodies, final_start = parse_c_bodies(source, start)
    blanked = blank_comments(source, source.text, final_start)
    return bodies, None, parse_final(source, blanked, final_start, len(blanked))


def _parse_header(source: Source, text: str) -> tuple[str, str, Span, int]:
    """Architecture, name, the name's span, and the offset behind them."""
    start = _skip_blanks(text, 0)
    while text.startswith("(*", start):
        start = _skip_blanks(text, comment_end(source, text, start))
    if start == len(text):
        raise InputError("the file is empty, expected a litmus test", Span(source, 0, 0))
    match = _HEADER.match(text, start)
    if not match:
        stop = text.find("\n", start)
        line = (text[start:] if stop < 0 else text[start:stop]).rstrip()
        raise InputError(
            f"found {describe(line)}, expected the header of a litmus test: an architecture and a name",
            Span(source, start, start + max(1, len(line))),
            "a litmus test begins with a line such as `X86 SB` or `C MP+rel+acq`",
        )
    arch = _SPELLINGS.get(match.group(1), match.group(1))
    if arch not in ARCHITECTURES:
        span = Span(source, match.start(1), match.end(1))
        known = ", ".join(ARCHITECTURES)
        if arch in _OTHERS:
            raise Unsupported(f"architecture {describe(arch)} is not supported, only {known} are", span)
        raise InputError(f"unknown architecture {describe(arch)}, expected one of {known}", span)
    stop = text.find("\n", match.end())
    opened = text.find("(*", match.end(), stop if stop >= 0 else len(text))
    if opened >= 0:
        comment_end(source, text, opened)
    name = match.group(2)
    if name == "--":  # named after its file
        name = source.name.rsplit("/", 1)[-1].removesuffix(".litmus")
    return arch, name, Span(source, match.start(2), match.end(2)), match.end()


def _skip_blanks(text: str, start: int) -> int:
    """The offset of the first character from ``start`` on that is neither blank nor a byte-order mark."""
    return len(text) - len(text[start:].lstrip("\ufeff \t\r\n"))


def _parse_preamble(source: Source, text: str, position: int) -> tuple[str, tuple[tuple[str, str], ...], int]:
    """Doc string, info lines, and the offset of the init block's brace.  Other lines are free text, as for herd7."""
    doc = ""
    info: list[tuple[str, str]] = []
    all_closed = True
    while match := _PREAMBLE.search(text, position):
        position = match.end()
        kind = match.lastgroup
        if kind == "info":
            key, _, value = match.group().partition("=")
            info.append((key.strip(), value.strip()))
        elif kind == "doc":
            doc = doc or match.group()[1:-1]
        elif kind == "comment":
            try:
                position = comment_end(source, text, match.start()) if all_closed else position
            except InputError:  # for herd7 an open comment is free text too
                all_closed = False
        else:
            return doc, tuple(info), match.start()
    end = len(text.rstrip())
    raise InputError("the file ends before the init block, expected `{`", Span(source, max(0, end - 1), end))


def _closing_brace(source: Source, text: str, start: int) -> int:
    """The offset of the brace that closes the one at ``start``."""
    depth = 0
    position = start
    while match := _BRACE.search(text, position):
        position = match.end()
        sign = match.group()
        if sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                return match.start()
        else:
            position = comment_end(source, text, match.start())
    raise InputError("this init block is not closed: the file ends before its `}`", Span(source, start, start + 1))


def _missing_bodies(source: Source, init_end: int, expected: str) -> InputError:
    return InputError(f"nothing follows the init block, expected {expected}", Span(source, init_end, init_end + 1))
