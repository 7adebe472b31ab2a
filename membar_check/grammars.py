"""Compiled lark grammars, cached on disk.

Building an LALR table costs tens of milliseconds, reading it back two.  The cache lies in
``$XDG_CACHE_HOME/membar-check`` (or ``~/.cache/membar-check``); its file names carry the grammar's hash and the
versions of lark and Python, so stale entries are never read.  A directory that cannot be read or written only costs
the time of building.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

_FORMAT = 1  # raise it when the way of building changes


def cache_directory() -> Path | None:
    """The directory for caches of this user; None where none can be named."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if base and os.path.isabs(base):
        return Path(base) / "membar-check"
    try:
        return Path.home() / ".cache" / "membar-check"
    except RuntimeError:
        return None


def _write(path: Path, data: bytes) -> None:
    """Write ``data`` so that other processes see the whole file or none; failing is fine."""
    import tempfile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
    except OSError:
        pass


@cache
def load_grammar(package_file: str, start: str) -> Lark:
    """The LALR parser for a grammar that is package data, with positions propagated.

    ``package_file`` is relative to the package, such as ``cat/cat.lark``; ``start`` names the start rule.  Raises
    OSError when the package lacks the file, and lark's own errors for a wrong grammar: both are faults of the package.
    """
    import sys
    from hashlib import sha256
    from io import BytesIO

    import lark

    text = (Path(__file__).parent / package_file).read_text(encoding="utf-8")
    key = "\0".join((text, start, lark.__version__, sys.version, str(_FORMAT)))
    directory = cache_directory()
    stem = package_file.replace("/", "-").removesuffix(".lark")
    path = directory / f"{stem}-{start}-{sha256(key.encode()).hexdigest()[:24]}.lalr" if directory else None
    if path is not None:
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_uid == os.getuid():
                    return lark.Lark.load(file)
        except Exception:  # unreadable, cut short, of another build: build it anew
            pass
    parser = lark.Lark(text, start=start, parser="lalr", propagate_positions=True, maybe_placeholders=True)
    if path is not None:
        buffer = BytesIO()
        parser.save(buffer)
        _write(path, buffer.getvalue())
    return parser
