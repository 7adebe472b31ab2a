"""Files that a run writes: none of them may be one that it reads, or that it writes twice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from membar_check.diagnostics import InputError


def require_apart(outputs: Sequence[tuple[str, str]], inputs: Iterable[tuple[str, str]]) -> None:
    """Raises InputError where one of the files that are written (the option that names it, its path) is one that is
    read (what it is, its path) or one that another option writes.  Files are the same where their real paths are;
    devices and pipes take any number of reports."""
    written: dict[str, tuple[str, str]] = {}
    for option, path in outputs:
        real = os.path.realpath(path)
        if os.path.exists(real) and not os.path.isfile(real):
            continue
        if real in written:
            raise InputError(f"{path}: {option} and {written[real][0]} write the same file", hint="give each its own")
        written[real] = option, path
    if not written:
        return
    for what, path in inputs:
        option, target = written.get(os.path.realpath(path), ("", ""))
        if target and not (option == "--update" and what == "the baseline"):
            raise InputError(f"{target}: {option} would overwrite {what}", hint="give the name of another file")
