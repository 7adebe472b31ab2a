"""Worker processes that run one task at a time, with limits of time and memory for each.

The parent keeps the promise that every task has exactly one result, in the order of the tasks, whatever a worker does:
a worker that dies or does not come back in time costs only the task it had.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from types import FrameType
from typing import Any, Generic, NoReturn, TypeVar

from membar_check.diagnostics import Inconclusive, MembarError
from membar_check.records import dataclass

Task = TypeVar("Task")
Answer = TypeVar("Answer")

_AGAIN = 0.5  # seconds between alarms: one that falls into code which swallows exceptions is followed by another


@dataclass(frozen=True, slots=True)
class Work(Generic[Task, Answer]):
    """What the workers do.

    ``run`` makes the answer for a task; ``failed`` makes it where ``run`` cannot: it gets the task and the error.
    Neither may raise anything but Inconclusive (from the alarm) and MemoryError.
    ``timeout`` in seconds, ``memory`` in MiB; None: no limit.
    """

    run: Callable[[Task], Answer]
    failed: Callable[[Task, MembarError], Answer]
    timeout: float | None = None
    memory: int | None = None

    @property
    def hard_timeout(self) -> float | None:
        """When the parent kills: later than the alarm, so that only code which holds up the alarm is killed."""
        return None if self.timeout is None else self.timeout + min(5.0, max(1.0, 0.2 * self.timeout))


def run_tasks(tasks: Sequence[Task], work: Work[Task, Answer], jobs: int) -> Iterator[Answer]:
    """The answers to the tasks, in their order, each as soon as it and all before it are there.

    With one job and no limits everything happens in this process.  Closing the iterator kills the workers.
    """
    if jobs <= 1 and work.timeout is None and work.memory is None:
        for task in tasks:
            try:
                answer = work.run(task)
            except MemoryError:
                answer = work.failed(task, out_of_memory(None))
            yield answer
        return
    pool = _Pool(tasks, work, max(1, min(jobs, len(tasks))))
    try:
        yield from pool.answers()
    finally:
        pool.kill()


# --- the parent's side -----------------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Worker:
    """A worker process: its pipes, the task it has (None: idle) since when, and the bytes of its answer so far."""

    process: int
    requests: int
    answers: int
    task: int | None = None
    since: float = 0.0
    received: bytearray | None = None


class _Pool(Generic[Task, Answer]):
    def __init__(self, tasks: Sequence[Task], work: Work[Task, Answer], size: int) -> None:
        self._tasks = tasks
        self._work = work
        self._size = size
        self._next = 0
        self._workers: dict[int, _Worker] = {}
        self._done: dict[int, Answer] = {}

    def answers(self) -> Iterator[Answer]:
        for index in range(len(self._tasks)):
            while index not in self._done:
                self._hand_out()
                self._wait()
            yield self._done.pop(index)

    def kill(self) -> None:
        for worker in list(self._workers.values()):
            self._retire(worker)

    def _hand_out(self) -> None:
        while self._next < len(self._tasks):
            idle = [worker for worker in self._workers.values() if worker.task is None]
            if not idle and len(self._workers) >= self._size:
                return
            worker = idle[0] if idle else self._spawn()
            worker.task, worker.since, worker.received = self._next, time.monotonic(), bytearray()
            self._next += 1
            try:
                os.write(worker.requests, worker.task.to_bytes(8, "little"))
            except BrokenPipeError:  # died while idle; the answer's pipe says so too, and that is where it is handled
                pass

    def _wait(self) -> None:
        """Waits for the next thing to happen to a busy worker: bytes, its death, its deadline."""
        poll = select.poll()
        for fd in self._workers:
            poll.register(fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(self._patience())}
        for fd, worker in list(self._workers.items()):
            if fd in ready:
                self._receive(worker)
            elif worker.task is not None and self._overdue(worker):
                self._lose(worker, self._time_out())

    def _patience(self) -> float | None:
        """Milliseconds until the first deadline; None without one."""
        limit = self._work.hard_timeout
        if limit is None:
            return None
        starts = [worker.since for worker in self._workers.values() if worker.task is not None]
        return max(0.0, min(starts) + limit - time.monotonic()) * 1000 + 1

    def _overdue(self, worker: _Worker) -> bool:
        limit = self._work.hard_timeout
        return limit is not None and time.monotonic() >= worker.since + limit

    def _receive(self, worker: _Worker) -> None:
        chunk = os.read(worker.answers, 1 << 20)
        if not chunk:
            self._died(worker)
            return
        if worker.received is None:
            worker.received = bytearray()
        worker.received += chunk
        head = worker.received[:8]
        if len(head) < 8 or len(worker.received) < 8 + int.from_bytes(head, "little"):
            return
        # The answer comes from our own child over a pipe nobody else can write to.
        answer, healthy = pickle.loads(bytes(worker.received[8:]))
        assert worker.task is not None
        self._done[worker.task] = answer
        worker.task = worker.received = None
        if not healthy:
            self._retire(worker)

    def _died(self, worker: _Worker) -> None:
        if worker.task is None:
            self._retire(worker)
            return
        limit = self._work.timeout
        if limit is not None and time.monotonic() >= worker.since + limit:
            self._lose(worker, self._time_out())
            return
        _, status = os.waitpid(worker.process, 0)
        del self._workers[worker.answers]
        os.close(worker.requests)
        os.close(worker.answers)
        self._lose_task(worker, self._crash(status))

    def _crash(self, status: int) -> Inconclusive:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        how = f"by {signal.Signals(number).name}" if number else f"with status {os.waitstatus_to_exitcode(status)}"
        if self._work.memory is not None or number == signal.SIGKILL:
            hint = "most likely it ran out of memory"
        else:
            hint = "this is a fault of the checker or of a library it uses, not of the test"
        reason = "memory" if self._work.memory is not None else "engine"
        return Inconclusive(reason, f"no answer: the process that checked this test was ended {how}", hint=hint)

    def _time_out(self) -> Inconclusive:
        return time_out(self._work.timeout or 0.0)

    def _lose(self, worker: _Worker, error: MembarError) -> None:
        self._retire(worker)
        self._lose_task(worker, error)

    def _lose_task(self, worker: _Worker, error: MembarError) -> None:
        assert worker.task is not None
        self._done[worker.task] = self._work.failed(self._tasks[worker.task], error)

    def _retire(self, worker: _Worker) -> None:
        del self._workers[worker.answers]
        os.close(worker.requests)
        os.close(worker.answers)
        try:
            os.kill(worker.process, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(worker.process, 0)

    def _spawn(self) -> _Worker:
        requests_read, requests_write = os.pipe()
        answers_read, answers_write = os.pipe()
        process = os.fork()
        if process == 0:
            for fd in (requests_write, answers_read):
                os.close(fd)
            for other in self._workers.values():
                os.close(other.requests)
                os.close(other.answers)
            _child(self._tasks, self._work, requests_read, answers_write)
        os.close(requests_read)
        os.close(answers_write)
        worker = _Worker(process, requests_write, answers_read)
        self._workers[answers_read] = worker
        return worker


# --- the worker's side -----------------------------------------------------------------------------------------------
def time_out(limit: float) -> Inconclusive:
    """The error for a test that took longer than its limit in seconds."""
    return Inconclusive("time-out", f"no answer: time-out after {limit:g} s", hint="give it more with --timeout")


def out_of_memory(limit: int | None) -> Inconclusive:
    """The error for a test that needed more memory than there is, or than its limit in MiB."""
    if limit is None:
        return Inconclusive("memory", "no answer: out of memory")
    return Inconclusive(
        "memory", f"no answer: more than {limit} MiB of memory needed", hint="give it more with --memory"
    )


def _child(tasks: Sequence[Task], work: Work[Task, Answer], requests: int, answers: int) -> NoReturn:
    """The life of a worker: read a task's number, write its answer; ends when the parent closes the pipe.

    The answer goes with the worker's own word on whether it is still good for another task.
    """
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while number := os.read(requests, 8):
            task = tasks[int.from_bytes(number, "little")]
            answer, healthy = _limited(task, work)
            data = _pickle((answer, healthy))
            _write_all(answers, len(data).to_bytes(8, "little") + data)
        status = 0
    finally:
        os._exit(status)  # no clean-up of what the parent owns, and no traceback


def _limited(task: Task, work: Work[Task, Answer]) -> tuple[Answer, bool]:
    """The answer, and whether no limit was hit on the way, so that nothing half built is left in this process."""
    alarms: list[int] = []
    try:
        try:
            _arm(work, alarms)
            answer = work.run(task)
        finally:
            _disarm(work)
    except Inconclusive as error:
        return work.failed(task, error), False
    except MemoryError:
        return work.failed(task, out_of_memory(work.memory)), False
    if alarms and work.timeout is not None:  # it fell into code that made another failure of it
        return work.failed(task, time_out(work.timeout)), False
    return answer, True


def _arm(work: Work[Any, Any], alarms: list[int]) -> None:
    if work.memory is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = _address_space() + (work.memory << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
    if work.timeout is not None:
        error = time_out(work.timeout)

        def ring(number: int, frame: FrameType | None) -> None:
            alarms.append(number)
            raise error

        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, work.timeout, _AGAIN)


def _disarm(work: Work[Any, Any]) -> None:
    if work.timeout is not None:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
    if work.memory is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _address_space() -> int:
    """The size of this process's address space in bytes; where the system does not tell, its peak resident size."""
    try:
        with open("/proc/self/statm", encoding="ascii") as handle:
            return int(handle.read().split()[0]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class _Pickler(pickle.Pickler):
    """Pickles the errors of the package whatever arguments their constructors take."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, MembarError):
            return _rebuild, (type(obj), obj.args, dict(obj.__dict__))
        return NotImplemented


def _rebuild(kind: type[MembarError], args: tuple[Any, ...], attributes: dict[str, Any]) -> MembarError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


def _pickle(value: object) -> bytes:
    buffer = BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()
