"""The bundled models as the command line shows them: a list with their sources, and their text."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path

from membar_check.diagnostics import InputError
from membar_check.resources import model_names, models_dir

WIDTH = 100


def listing() -> str:
    """Name, title and sources of each bundled model, for people."""
    parts = []
    for name in model_names():
        title, comment = heading((models_dir() / f"{name}.cat").read_text(encoding="utf-8"))
        about = comment.split("\n\n", maxsplit=1)[0].replace("\n", " ")
        parts.append(f"{name}: {title}" if title else name)
        parts += textwrap.wrap(about, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
        parts.append("")
    return "\n".join(parts[:-1]) + "\n"


def heading(text: str) -> tuple[str, str]:
    """The title of a cat file and the first comment at its head, without the marks; "" for what is not there."""
    title, comment = "", ""
    rest = text.lstrip()
    while True:
        if rest.startswith("(*"):
            end = comment_end(rest, 0)
            if not comment:
                lines = (line.strip() for line in rest[2 : end - 2].splitlines())
                comment = "\n".join(line.removeprefix("*").strip() for line in lines).strip()
        elif not title and (found := re.match(r'"([^"\n]*)"', rest)):
            title, end = found[1], found.end()
        else:
            return title, comment
        rest = rest[end:].lstrip()


def comment_end(text: str, start: int) -> int:
    """The offset after the comment, which may nest, that begins at ``start``; the end of the text where it is open."""
    depth = 0
    for mark in re.finditer(r"\(\*|\*\)", text[start:]):
        depth += 1 if mark[0] == "(*" else -1
        if depth == 0:
            return start + mark.end()
    return len(text)


def model_text(name: str, flat: bool, include_dirs: tuple[str, ...] = ()) -> str:
    """The text of a model, given by name or path; with ``flat`` each file that it includes stands in place of the first
    line that includes it.

    Raises InputError for a model or an included file that cannot be found or read.
    """
    path = _find(name, include_dirs)
    if not flat:
        return _read(path)
    return _flatten(path, path, include_dirs, [], set())


def _find(name: str, include_dirs: tuple[str, ...]) -> Path:
    if name in model_names():
        return models_dir() / f"{name}.cat"
    folders = [Path(), *map(Path, include_dirs), models_dir()]
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.cat"):
            if candidate.is_file():
                return candidate
    raise InputError(f"found no model {name!r}", hint=f"bundled models: {', '.join(model_names())}; or give a path")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot read the model: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the model is not text (byte {error.start} is no UTF-8)") from None


# What the scan for includes has to tell apart: comments, strings, and the include itself.
_TOKEN = re.compile(r'\(\*|//[^\n]*|"[^"\n]*"|\binclude\s+"(?P<path>[^"\n]*)"')


def _flatten(path: Path, top: Path, include_dirs: tuple[str, ...], above: list[Path], seen: set[Path]) -> str:
    if path in above:
        chain = " -> ".join(str(step) for step in [*above[above.index(path) :], path])
        raise InputError(f"the model includes itself: {chain}")
    seen.add(path)
    text = _read(path)
    parts = []
    at = 0
    while found := _TOKEN.search(text, at):
        end = comment_end(text, found.start()) if found[0] == "(*" else found.end()
        if found["path"] is None:
            parts.append(text[at:end])
        else:
            parts.append(text[at : found.start()])
            parts.append(_included(found["path"], path, top, include_dirs, [*above, path], seen))
        at = end
    return "".join(parts) + text[at:]


def _included(
    name: str, by: Path, top: Path, include_dirs: tuple[str, ...], above: list[Path], seen: set[Path]
) -> str:
    for folder in (by.parent, *map(Path, include_dirs), top.parent, models_dir()):
        path = folder / name
        if not path.is_file():
            continue
        path = Path(os.path.normpath(path))
        if path in seen and path not in above:
            return f"(* {name}: above *)"
        return f"(* begin {name} *)\n{_flatten(path, top, include_dirs, above, seen).rstrip()}\n(* end {name} *)"
    raise InputError(f"{by}: the included file {name!r} was not found")
