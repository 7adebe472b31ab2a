"""Where the data of the project lie: the bundled memory models.

In a checkout they are the folder ``models/`` beside the package; once installed they are inside the package, as
``membar_check/models`` (see the build section of ``pyproject.toml``).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

# Cat files that only other models include.
LIBRARIES = frozenset({"stdlib", "cos", "cos-opt", "cross", "lock", "lkmm-axioms"})


@lru_cache(maxsize=1)
def models_dir() -> Path:
    """The folder of the bundled models, as an absolute path.

    Raises FileNotFoundError where neither place exists, which means a broken installation.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "models", package.parent / "models"):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError("the bundled models are missing from the installation of membar-check")


def model_names() -> tuple[str, ...]:
    """The names that ``--model`` takes: the cat files of :func:`models_dir` that are no libraries, sorted."""
    names = (path.stem for path in models_dir().glob("*.cat"))
    return tuple(sorted(name for name in names if name not in LIBRARIES))
