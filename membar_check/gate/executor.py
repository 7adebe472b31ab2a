"""Where the tasks of a run are done: by processes of this machine, or by the workers of a cluster.

A task is data that stands for itself: its kind, what to do, and the text of every file that it needs.  Its answer is
data too, so that both can go to another machine.  Answers come in any order, each with the number of its task; whoever
asks puts them into order, and nothing then depends on who was faster.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from membar_check.diagnostics import Inconclusive, MembarError
from membar_check.gate.bundle import Place
from membar_check.records import dataclass, field

Plain = dict[str, Any]
Answer = Plain | Inconclusive
Answers = Generator[tuple[int, Answer], None, None]
Found = TypeVar("Found")

KINDS: Mapping[str, str] = {"check": "membar_check.gate.checking", "search": "membar_check.gate.searching"}
"""The modules by the kinds of their tasks.  Each has ``run(data, place)``, which makes the answer and keeps what tasks
share; it does not raise but Inconclusive and MemoryError."""

FOREVER = 2_000_000.0
"""A limit in seconds that is none, but has :func:`run_tasks` take processes of their own for the tasks."""


@dataclass(frozen=True, slots=True)
class Task:
    """``data`` of what to do, as JSON has them; ``files``: absolute paths and texts (see :mod:`gate.bundle`);
    ``small``: takes about as long as the others of its run, so that several may go together."""

    kind: str
    data: Plain
    files: Mapping[str, str] = field(default_factory=dict)
    small: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each task: ``timeout`` in seconds, ``memory`` in MiB; None: no limit."""

    timeout: float | None = None
    memory: int | None = None


class Executor(Protocol):
    """Does tasks."""

    def answers(self, tasks: Sequence[Task], limits: Limits) -> Answers:
        """Number and answer of each task, once, as they get there; Inconclusive for what has none.

        Closing the iterator gives up what is not done.  Raises InputError where nothing can be done any more.
        """

    def close(self) -> None:
        """Lets go of what was taken."""


def do(task: Task, place: Place) -> Answer:
    """The answer to a task, in this process.  Raises Inconclusive where a limit is hit, and MemoryError."""
    try:
        found: Plain = place.plain(_run_of(task.kind)(task.data, place))
        return found
    except (Inconclusive, MemoryError):
        raise
    except MembarError as error:
        return _inconclusive(error)
    except Exception as error:
        return Inconclusive("engine", f"no answer: a fault in the checker ({type(error).__name__}: {error})")


def _inconclusive(error: MembarError) -> Inconclusive:
    if isinstance(error, Inconclusive):
        return error
    return Inconclusive("engine", error.message, hint=error.hint)


def _run_of(kind: str) -> Callable[[Plain, Place], Any]:
    from importlib import import_module

    function: Callable[[Plain, Place], Any] = import_module(KINDS[kind]).run
    return function


def in_order(numbered: Iterable[tuple[int, Found]]) -> Iterator[Found]:
    """What comes numbered from 0 in any order, in order, each as soon as it and all before it are there."""
    waiting: dict[int, Found] = {}
    following = 0
    for number, found in numbered:
        waiting[number] = found
        while following in waiting:
            yield waiting.pop(following)
            following += 1
