"""Tasks done by the workers of a Dask cluster, through the executor of ``distributed``.

A worker that is lost costs the time that its tasks took: they go to others.  A task with which several workers were
lost is tried again when nothing else runs, so that it is not blamed for another; if that ends the same way it has no
answer.  Workers on which anything is installed that could give another answer are refused.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.gate.executor import Answer, Answers, Limits, Task
from membar_check.gate.helper import Helper, Lost, read_answer, tasks_line
from membar_check.gate.identity import different, identity
from membar_check.resources import models_dir

if TYPE_CHECKING:
    from concurrent.futures import Future

CONNECT = 10.0  # seconds to reach the scheduler
PATIENCE = 60.0  # seconds without any worker, after which a run gives up
_LOOK = 1.0  # seconds between looks at whether the cluster is still there
_AHEAD = 3  # groups of tasks a thread of a worker that are submitted before they can be done ...
_FEWEST = 8  # ... and at least so many at all
_GROUP = 0.5  # seconds that a group of tasks should take
_MOST = 64  # tasks of a group

_INSTALL = "install it with: pip install 'membar-check[dask]'"


class Cluster:
    """The cluster whose scheduler has an address (``tcp://host:port``, ``host:port``) or whose scheduler file it is.

    Raises InputError where ``distributed`` is not installed or there is no cluster.
    """

    def __init__(self, address: str, connect: float = CONNECT, patience: float = PATIENCE) -> None:
        self._address = address
        self._patience = patience
        self._client = _connect(address, connect)
        self._workers_seen = time.monotonic()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the cluster, which goes on."""
        self._client.close(timeout=5)

    def answers(self, tasks: Sequence[Task], limits: Limits) -> Answers:
        """As :meth:`membar_check.gate.executor.Executor.answers`."""
        run = f"run-{os.urandom(8).hex()}"
        again: dict[int, int] = {}
        with closing(self._round(tasks, limits, run, range(len(tasks)), alone=False)) as answers:
            for number, answer in answers:
                if isinstance(answer, int):
                    again[number] = answer
                else:
                    yield number, answer
        with closing(self._round(tasks, limits, run, tuple(again), alone=True)) as answers:
            for number, answer in answers:
                yield number, _lost(again[number] + answer) if isinstance(answer, int) else answer

    def _threads(self) -> int:
        """The threads of all workers.  Raises InputError where the scheduler is gone."""
        try:
            return sum(self._client.nthreads().values())
        except Exception as error:
            raise self._gone() from error

    def _round(
        self, tasks: Sequence[Task], limits: Limits, run: str, numbers: Sequence[int], *, alone: bool
    ) -> Generator[tuple[int, Answer | int], None, None]:
        """The answers to some tasks; how many workers were lost with it where one has none.

        ``alone``: nothing else is done at the same time.
        """
        waiting = deque(numbers)
        executor = self._client.get_executor(pure=False, retries=0)
        pending: dict[Future[str], list[int]] = {}
        pace = _Pace()
        threads, counted = self._threads(), time.monotonic()
        try:
            while waiting or pending:
                if waiting and time.monotonic() > counted + _LOOK:
                    threads, counted = self._threads(), time.monotonic()
                while waiting and len(pending) < (1 if alone else max(_FEWEST, _AHEAD * threads)):
                    together = not alone and tasks[waiting[0]].small
                    size = pace.group(len(waiting), threads) if together else 1
                    group = [waiting.popleft() for _ in range(size)]
                    line = tasks_line([tasks[number] for number in group], limits, run, str(models_dir()))
                    pending[executor.submit(run_line, line)] = group
                for future in self._wait(pending):
                    group = pending.pop(future)
                    answers, seconds = self._answers(future, len(group))
                    pace.add(len(group), seconds)
                    yield from zip(group, answers, strict=True)
        finally:
            executor.shutdown(wait=False)

    def _wait(self, pending: dict[Future[str], list[int]]) -> list[Future[str]]:
        """Those that are done, in the order of their submission; perhaps none yet.

        Raises InputError where the cluster is gone.
        """
        from concurrent.futures import FIRST_COMPLETED, wait

        finished = wait(pending, _LOOK, FIRST_COMPLETED).done
        if finished:
            self._workers_seen = time.monotonic()
        else:
            self._look()
        return [future for future in pending if future in finished]

    def _look(self) -> None:
        if self._client.status != "running":
            raise self._gone()
        if self._threads():
            self._workers_seen = time.monotonic()
        elif time.monotonic() - self._workers_seen > self._patience:
            raise InputError(
                f"the cluster at {self._address} has had no worker for {self._patience:g} s",
                hint="start workers and try again",
            )

    def _answers(self, future: Future[str], count: int) -> tuple[list[Answer | int], float]:
        """What so many tasks came to, or how many workers were lost with them; and how long they took.

        Raises InputError.
        """
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            text = future.result()
        except ValueError:
            # The executor unpacks the failure of a task whose worker is lost in that moment, and there is none yet.
            return [1] * count, 0.0
        except KilledWorker as error:
            return [error.allowed_failures + 1] * count, 0.0
        except CancelledError as error:
            raise self._gone() from error
        except Exception as error:
            raise self._unfit(error) from error
        content = json.loads(text)
        if "identity" in content:
            said = different(identity(), content["identity"])
            raise InputError(
                f"the worker {content['worker']} of the cluster at {self._address} has another installation: {said}",
                hint="install the same on all of its workers; answers could differ",
            )
        if "lost" in content:
            return [content["lost"]] * count, 0.0
        found = [read_answer(answer) for answer in content["answers"]]
        return [1 if ended else answer for answer, ended in found], content["seconds"]

    def _unfit(self, error: Exception) -> InputError:
        said = " ".join(str(error).split())
        if isinstance(error, ModuleNotFoundError) or "deserializ" in said.lower():
            cause = error.__cause__
            said = f"{said} ({cause})" if cause is not None else said
            what = f"the cluster at {self._address} cannot run membar-check: {said}"
            return InputError(what, hint=f"on its scheduler and on all of its workers {_INSTALL}")
        return InputError(f"the cluster at {self._address} failed: {type(error).__name__}: {said}")

    def _gone(self) -> InputError:
        return InputError(
            f"the cluster at {self._address} was lost: its scheduler does not answer any more",
            hint="what was answered so far is kept; gate --resume goes on from there",
        )


class _Pace:
    """How many tasks go together: as many as take some time, so that this is not spent on sending them."""

    def __init__(self) -> None:
        self._count = 0
        self._seconds = 0.0

    def add(self, count: int, seconds: float) -> None:
        """So many tasks took so long."""
        self._count += count
        self._seconds += seconds

    def group(self, waiting: int, threads: int) -> int:
        """The size of the next group, with so many tasks and threads to share them."""
        if not self._count:
            return 1
        fitting = int(_GROUP * self._count / max(self._seconds, 0.001))
        return max(1, min(fitting, _MOST, waiting // (2 * max(threads, 1))))


def _lost(times: int) -> Inconclusive:
    return Inconclusive(
        "engine", f"no answer: its worker was lost {times} times, at last with nothing else to do",
        hint="most likely it ran out of memory; --memory ends a test before it takes its worker along",
    )  # fmt: skip


def _connect(address: str, connect: float) -> Any:
    try:
        import distributed
        from distributed.comm.addressing import resolve_address
    except ImportError as error:
        raise InputError("--dask needs the library distributed, which is not installed", hint=_INSTALL) from error
    _be_quiet()
    # One that could not connect complains once more when it is forgotten, and the others are closed.
    client: Any = type("Client", (distributed.Client,), {"__del__": lambda self: None})
    try:
        found = resolve_address(_scheduler(address))
        return client(found, timeout=connect, set_as_default=False, name="membar-check")
    except Exception as error:  # every transport has errors of its own
        said = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"there is no cluster at {address}: {said}",
            hint="give the address of a running scheduler, such as tcp://host:8786, or its scheduler file",
        ) from error


def _scheduler(address: str) -> str:
    """The address itself, or that in the scheduler file of this name.  Raises ValueError, OSError."""
    if not os.path.isfile(address):
        return address
    with open(address, encoding="utf-8") as handle:
        try:
            return str(json.load(handle)["address"])
        except (ValueError, KeyError, TypeError):
            raise ValueError("the file is no scheduler file of Dask") from None


def _be_quiet() -> None:
    """The library logs what is said here as errors, with tracebacks."""
    import logging

    for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


# --- the worker's side -----------------------------------------------------------------------------------------------
_own = threading.local()
"""The helper of each thread of a worker (:mod:`membar_check.gate.helper`), which lives as long as the thread."""


def run_line(line: str) -> str:
    """Does the tasks of a line, in a worker; returns the line that answers it.

    A helper that ends too early is replaced once: where it was this worker that was being ended, it has no second time.
    """
    for _ in range(2):
        try:
            return _asked(line)
        except Lost:
            _own.helper = None
            time.sleep(_LOOK)
    return json.dumps({"lost": 2})


def _asked(line: str) -> str:
    """The answer of this thread's helper.  One that is of another installation is replaced: the one that is here may
    have changed since it began.  Raises Lost."""
    from distributed import get_worker

    worker = get_worker()
    while True:
        fresh = getattr(_own, "helper", None) is None
        if fresh:
            _own.helper = Helper(worker.local_directory)
        answer = _own.helper.ask(line, _still_wanted(worker))
        if answer is None:  # nobody reads it
            _own.helper = None
            return "{}"
        if '"identity"' not in answer[:20]:
            return str(answer)
        _own.helper.close()
        _own.helper = None
        if fresh:
            return json.dumps({**json.loads(answer), "worker": worker.address})


def _still_wanted(worker: Any) -> Callable[[], bool]:
    """Whether anyone waits for the task of this thread: who is interrupted cancels what is not done."""
    try:
        key, tasks = worker.get_current_task(), worker.state.tasks
    except (AttributeError, KeyError):  # another version of the library: then it is done to its end
        return lambda: True

    def wanted() -> bool:
        task = tasks.get(key)
        return task is not None and task.state != "cancelled"

    return wanted
