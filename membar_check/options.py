"""The options of a run, as the command line gives them, and the checks on their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from membar_check.records import dataclass


@dataclass(frozen=True, slots=True)
class RunOptions:
    """All options of ``membar-check run`` and ``membar-check matrix``.

    ``models`` empty: the default of each test's dialect, or with ``all_models`` those that its expectations name; with
    ``matrix`` these, else those that there are for its dialect.
    ``timeout`` in seconds and ``memory`` in MiB, per test; None: no limit.  ``verbosity`` -1, 0, 1 ...
    """

    paths: tuple[str, ...]
    models: tuple[str, ...] = ()
    all_models: bool = False
    matrix: bool = False
    include_dirs: tuple[str, ...] = ()
    bell: str | None = None
    macros: str | None = None
    conf: str | None = None
    variants: tuple[str, ...] = ()
    unroll: int = 2
    engine: str = "auto"
    reach: bool = False
    format: str = "table"
    dot: str | None = None
    svg: str | None = None
    jobs: int = 1
    timeout: float | None = None
    memory: int | None = None
    expected: str | None = None
    verbosity: int = 0

    @property
    def draws(self) -> bool:
        """Whether pictures of witnesses are wanted."""
        return self.dot is not None or self.svg is not None


ENGINES = ("auto", "masks", "z3", "both")


def positive_int(text: str) -> int:
    """A whole number from 1.  Raises ValueError, with the message for the user."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"found {text!r}, expected a whole number from 1")
    return int(text)


def job_count(text: str) -> int:
    """The number of worker processes; ``0`` means one for each core that this process may use.  Raises ValueError."""
    if text == "0":
        import os

        cores = getattr(os, "sched_getaffinity", None)
        return len(cores(0)) if cores else os.cpu_count() or 1
    try:
        return positive_int(text)
    except ValueError:
        raise ValueError(f"found {text!r}, expected a whole number from 0 (0: one process a core)") from None


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas.  Raises ValueError, with the message for the user."""
    found = tuple(name.strip() for name in text.split(","))
    if "" in found:
        raise ValueError(f"found {text!r}, expected names separated by commas")
    return found


def some_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Reads names of a fixed list, separated by commas, into the order of the list; like :func:`names` for others."""

    def read(text: str) -> tuple[str, ...]:
        given = names(text)
        for name in given:
            if name not in known:
                raise ValueError(f"found {name!r}, expected some of {', '.join(known)}")
        return tuple([name for name in known if name in given])

    return read


def seconds(text: str) -> float:
    """A positive, finite number of seconds.  Raises ValueError, with the message for the user."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise ValueError(f"found {text!r}, expected a positive number of seconds")
    return value
