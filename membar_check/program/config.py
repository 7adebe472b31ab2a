"""Configuration files (``.cfg``) that name a model and its parts, as herd7 reads them.

One ``key value`` (or ``key = value``) a line, ``#`` begins a comment.  Keys that choose the model are read, keys that
only shape herd7's drawings and its progress output are known and left aside, keys that would change answers in ways
not offered here are refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from membar_check.diagnostics import InputError, Source, Span, Unsupported
from membar_check.records import dataclass

_LINE = re.compile(r"[ \t]*([A-Za-z]+(?:-[A-Za-z]+)?)(?:[ \t]*=[ \t]*|[ \t]+)([^ \t\r\n][^\r\n]*)")
_CHOOSING_KEYS = "model cat bell macros variant include unroll conf local-conf"
_DRAWING_KEYS = """
    verbose debug suffix show showflag nshow restrict showkind shortlegend texmacros hexa outcomereads dotmode dotcom
    view showevents graph mono fontname fontsize edgefontsizedelta penwidth arrowsize splines overlap sep margin pad
    scale xscale yscale dsiy siwidth boxscale ptscale squished showpo relabel withbox labelbox showfinalrf showinitrf
    finalrfpos initrfpos oneinit labelinit initpos threadposy showinitwrites showthread showlegend brackets
    showobserved movelabel fixedsize extrachars dotheader doshow unshow noid symetric classes showraw edgeattr shift
    edgemerge dumpallfaults badexecs speedcheck
"""
_CHANGING_KEYS = """
    timeout names oknames excl nonames rename kinds conds machsize endian through skipchecks strictskip optace
    archcheck initwrites badflag
"""
_CHOOSING = frozenset(_CHOOSING_KEYS.split())
_DRAWING = frozenset(_DRAWING_KEYS.split())
_CHANGING = frozenset(_CHANGING_KEYS.split())


@dataclass(frozen=True, slots=True)
class HerdConfig:
    """What a configuration says; "" and None where it says nothing.

    File names are as written: search them in ``directory`` (where the configuration lies), then in ``includes``.
    ``where`` maps a key to the line that set it last.
    """

    directory: Path
    model: str
    bell: str
    macros: str
    variants: tuple[str, ...]
    includes: tuple[str, ...]
    unroll: int | None
    where: dict[str, Span]


def read_config(path: Path) -> HerdConfig:
    """The configuration in a file, with those that it names by ``conf`` and ``local-conf`` read in place.

    Raises InputError for a file that cannot be read, a line that is no ``key value``, an unknown key, a bad number and
    a cyclic ``conf``; Unsupported for keys that would change answers.
    """
    reader = _Reader(path.parent)
    reader.read(path, None)
    single = reader.single
    return HerdConfig(
        path.parent,
        single.get("model", ""),
        single.get("bell", ""),
        single.get("macros", ""),
        tuple(reader.variants),
        tuple(reader.includes),
        reader.unroll,
        reader.where,
    )


class _Reader:
    """Collects settings, later ones over earlier ones."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.single: dict[str, str] = {}
        self.variants: list[str] = []
        self.includes: list[str] = []
        self.unroll: int | None = None
        self.where: dict[str, Span] = {}
        self.open: list[Path] = []

    def read(self, path: Path, named_at: Span | None) -> None:
        resolved = path.resolve()
        if resolved in self.open:
            raise InputError(f"configuration `{path}` includes itself", named_at)
        try:
            source = Source(str(path), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise InputError(f"cannot read configuration `{path}`: {reason}", named_at) from None
        self.open.append(resolved)
        start = 0
        for line in source.text.splitlines(keepends=True):
            stripped = line.strip()
            if stripped and not stripped.startswith("#"):
                self._line(source, start, line, path)
            start += len(line)
        self.open.pop()

    def _line(self, source: Source, start: int, line: str, path: Path) -> None:
        span = Span(source, start, start + len(line.rstrip()))
        match = _LINE.match(line)
        if not match:
            raise InputError("expected a key and its value, such as `model linux-kernel.cat`", span)
        key, value = match[1], match[2].strip()
        at = Span(source, start + match.start(1), start + match.end(1))
        if key in _DRAWING:
            return
        if key in _CHANGING:
            raise Unsupported(f"key `{key}` of a configuration is not known here", at, "use the command line's options")
        if key not in _CHOOSING:
            known = ", ".join(sorted(_CHOOSING))
            raise InputError(f"unknown key `{key}`; expected one of {known}, or a key of herd7's drawings", at)
        self._set("model" if key == "cat" else key, value, path, span)

    def _set(self, key: str, value: str, path: Path, span: Span) -> None:
        self.where[key] = span
        if key == "variant":
            self.variants += [v.strip() for v in value.split(",") if v.strip()]
        elif key == "include":
            self.includes.append(value)
        elif key == "unroll":
            if not value.isdecimal():
                raise InputError(f"found `{value}`, expected how often loops are unrolled", span)
            self.unroll = int(value)
        elif key == "local-conf":
            self.read(path.parent / value, span)
        elif key == "conf":
            places = [self.directory, *(self.directory / i for i in self.includes)]
            found = next((p / value for p in places if (p / value).is_file()), self.directory / value)
            self.read(found, span)
        else:
            self.single[key] = value
