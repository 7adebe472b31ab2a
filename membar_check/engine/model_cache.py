"""Compiled models on disk.

A file holds a checksum and, pickled, its key, what stood in every file that the model was made from or that would have
taken the place of one, and the compiled model.  Key and contents are compared as they are: importing a hash library
costs more than that.
"""

from __future__ import annotations

import os
import pickle
import sys
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from membar_check.grammars import cache_directory


class Slot:
    """The place of one compiled model, by a key that says all that it depends on beside the contents of files.

    ``path`` None: there is no cache.  ``damaged``: what was there did not have its checksum, and was not used.
    """

    def __init__(self, key: str) -> None:
        self.key = repr((key, sys.version, _version()))
        self.path = _file(self.key)
        self.damaged = False

    def read(self) -> Any:
        """What was written, if none of the files has changed or come into being since; else None."""
        if self.path is None:
            return None
        try:
            data = self.path.read_bytes()
        except OSError:
            return None
        head, payload = data[:8], data[8:]
        if head != _checksum(payload):
            self.damaged = True
            return None
        key, contents, result = pickle.loads(payload)
        if key != self.key or contents != _contents([name for name, _ in contents]):
            return None
        return pickle.loads(result)

    def write(self, result: object, files: Sequence[str]) -> None:
        """Keeps a result that depends on ``files``; those that do not exist must not come into being."""
        import tempfile

        if self.path is None:
            return
        try:
            payload = pickle.dumps((self.key, _contents(list(files)), pickle.dumps(result)))
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix="model-")
            with os.fdopen(handle, "wb") as f:
                f.write(_checksum(payload) + payload)
            Path(name).replace(self.path)
        except (OSError, pickle.PicklingError, RecursionError):
            return


def _checksum(payload: bytes) -> bytes:
    return b"%08x" % zlib.crc32(payload)


@lru_cache(maxsize=1)
def _version() -> list[tuple[str, int, int]]:
    """Changes with every edit of the compiler, so that a compiled model never outlives it."""
    import membar_check.cat as package

    folder = os.path.dirname(package.__file__ or "")
    with os.scandir(folder) as entries:
        return sorted((e.name, s.st_size, s.st_mtime_ns) for e in entries if e.is_file() for s in [e.stat()])


def _file(key: str) -> Path | None:
    folder = cache_directory()
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder / f"model-{zlib.crc32(key.encode()):08x}-{zlib.adler32(key.encode()):08x}.compiled"


def _contents(files: list[str]) -> list[tuple[str, bytes | None]]:
    """What stands in files; None for those that cannot be read."""
    out: list[tuple[str, bytes | None]] = []
    for name in files:
        try:
            with open(name, "rb") as f:
                out.append((name, f.read()))
        except OSError:
            out.append((name, None))
    return out
