"""What this installation is: two that are the same give the same answers, and only those may work on one run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

import membar_check
from membar_check.gate.digests import LIBRARIES, digest, files_below, tool_digest
from membar_check.resources import models_dir

_FURTHER = ("gate", "synth", "workers.py", "runner.py", "options.py")
"""The code of the package, beyond what answers depend on, that has part in tasks."""


@lru_cache(maxsize=1)
def identity() -> Mapping[str, str]:
    """What the installation consists of, by name: versions of the checker, of Python, of the libraries; digests of the
    code and of the bundled models."""
    import platform

    top = os.path.dirname(os.path.abspath(membar_check.__file__))
    code = [path for name in _FURTHER for path in files_below(os.path.join(top, name))]
    found = {
        "membar-check": membar_check.__version__,
        "code": digest(tool_digest(), _content(top, code))[:16],
        "models": _content(str(models_dir()), files_below(str(models_dir())))[:16],
        "Python": platform.python_version(),
    }
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "none"
    return found


def _content(top: str, paths: list[str]) -> str:
    parts: list[str] = []
    for path in paths:
        with open(path, "rb") as handle:
            parts += [os.path.relpath(path, top), handle.read().decode("latin-1")]
    return digest(*parts)


def different(mine: Mapping[str, str], others: Mapping[str, str]) -> str:
    """In which two installations differ, in words; "" where they are the same.

    Where versions differ the digests of the code say nothing further.
    """
    names = [name for name in dict.fromkeys((*mine, *others)) if mine.get(name) != others.get(name)]
    if len(names) > 1 and "code" in names:
        names.remove("code")
    return ", ".join(f"{name} {others.get(name, 'none')} (here {mine.get(name, 'none')})" for name in names)
