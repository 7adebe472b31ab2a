"""The process that does tasks for a worker of a cluster.

A worker runs tasks in threads of a process that must stay able to talk to its scheduler, so each thread has a helper: a
process without threads that forks another one for the tasks, which limits of time and memory can end.  Both speak JSON:
one line for some tasks, one line with their answers.  A helper ends with the thread or the worker that it belongs to.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from types import FrameType
from typing import Any

from membar_check.diagnostics import Inconclusive, MembarError
from membar_check.gate.bundle import go_there, lay_out
from membar_check.gate.executor import FOREVER, Answer, Limits, Task, do
from membar_check.gate.identity import identity
from membar_check.workers import Work, run_tasks

ENDED = ("was ended by SIGKILL", "was ended by SIGTERM")
"""Part of the message for a task whose process was ended from outside, which says nothing of the task."""

_CACHE = "cache"
_CACHE_VARIABLE = "XDG_CACHE_HOME"
_PATIENCE = 0.5  # seconds between looks at whether the answer is still wanted


# --- the worker's side -----------------------------------------------------------------------------------------------
class Lost(Exception):
    """The helper ended before it had answered."""


class Helper:
    """A helper process.  Its files lie in a folder of their own in ``folder``, where whoever ends a worker removes
    what it left."""

    def __init__(self, folder: str) -> None:
        import tempfile

        import membar_check

        self._folder = tempfile.mkdtemp(prefix="membar-check-", dir=folder)
        top = os.path.dirname(os.path.dirname(os.path.abspath(membar_check.__file__)))
        paths = [top, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "membar_check.gate.helper", self._folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip

    def ask(self, line: str, wanted: Callable[[], bool]) -> str | None:
        """The line that answers a line; None once it is not wanted any more, and then the helper is gone.

        Raises Lost.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        received = bytearray()
        try:
            self._process.stdin.write(line.encode("ascii") + b"\n")
            self._process.stdin.flush()
            poll = select.poll()
            poll.register(self._process.stdout, select.POLLIN)
            while not received.endswith(b"\n"):
                if poll.poll(_PATIENCE * 1000):
                    chunk = os.read(self._process.stdout.fileno(), 1 << 20)
                    if not chunk:
                        raise Lost
                    received += chunk
                elif not wanted():
                    self.close()
                    return None
        except (BrokenPipeError, Lost):
            self.close()
            raise Lost from None
        return received.decode("ascii")

    def close(self) -> None:
        """Ends the process, and the one that it has forked."""
        import shutil

        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                assert stream is not None
                stream.close()
            except BrokenPipeError:
                pass
        shutil.rmtree(self._folder, ignore_errors=True)


# --- lines -----------------------------------------------------------------------------------------------------------
def tasks_line(tasks: Sequence[Task], limits: Limits, run: str, models: str) -> str:
    """The line for some tasks of the run with that name; ``models``: where the bundled ones lie here."""
    content = {
        "tasks": [[task.kind, task.data] for task in tasks],
        "files": {name: text for task in tasks for name, text in task.files.items()},
        "limits": [limits.timeout, limits.memory],
        "identity": dict(identity()),
        "run": run,
        "folder": os.getcwd(),
        "models": models,
    }
    return json.dumps(content, separators=(",", ":"))


def read_answer(content: Mapping[str, Any]) -> tuple[Answer, bool]:
    """An answer out of a line, and whether its process was ended from outside."""
    if "answer" in content:
        return dict(content["answer"]), False
    reason, message, hint = content["inconclusive"]
    return Inconclusive(reason, message, hint=hint), content.get("ended", False)


# --- the helper's side -----------------------------------------------------------------------------------------------
def main(folder: str) -> None:
    """Answers the lines of standard input until it ends; files go into the folder."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent(signal.SIGTERM)
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints is no answer
    with closing(_Doing(folder)) as doing:
        for line in sys.stdin:
            answers.write(json.dumps(doing.answer(line), separators=(",", ":")) + "\n")
            answers.flush()


class _Doing:
    """Does the tasks, one after the other, in a process that is forked anew where a limit or a fault has ended it."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._line = os.path.join(top, "task")
        self._limits: Limits | None = None
        self._answers: Iterator[dict[str, Any]] | None = None

    def answer(self, line: str) -> dict[str, Any]:
        """The answers to the tasks of a line, and the seconds that they took."""
        started = time.monotonic()
        content = json.loads(line)
        if content["identity"] != dict(identity()):
            return {"identity": dict(identity())}
        root, files = os.path.join(self._top, content["run"]), content["files"]
        self._forget_others(content["run"])
        try:
            lay_out(root, content["folder"], files)
        except (OSError, ValueError) as error:
            said = _failed(line, Inconclusive("engine", f"no answer: a worker cannot keep the task's files: {error}"))
            return {"answers": [said] * len(content["tasks"]), "seconds": 0.0}
        # What is compiled from copies is of no use to others: it is not for the cache of the user.
        own = any(name.endswith((".cat", ".bell", ".def")) for name in files)
        limits = Limits(*content["limits"])
        answers = []
        for kind, data in content["tasks"]:
            with open(self._line, "w", encoding="ascii") as handle:
                json.dump([kind, data, root, content["models"], content["folder"], own], handle)
            answers.append(self._next(limits))
        return {"answers": answers, "seconds": time.monotonic() - started}

    def close(self) -> None:
        if isinstance(self._answers, Generator):
            self._answers.close()

    def _next(self, limits: Limits) -> dict[str, Any]:
        if self._answers is None or limits != self._limits:
            self.close()
            self._limits = limits
            work: Work[str, dict[str, Any]] = Work(self._run, _failed, limits.timeout or FOREVER, limits.memory)
            self._answers = run_tasks(_Lines(self._line), work, 1)
        return next(self._answers)

    def _run(self, line: str) -> dict[str, Any]:
        """In the forked process."""
        _end_with_parent(signal.SIGKILL)
        kind, data, root, models, folder, own = json.loads(line)
        place = go_there(root, models, folder)
        with _own_cache(self._top if own else None):
            answer = do(Task(kind, data), place)
        if isinstance(answer, Inconclusive):
            return _failed(line, Inconclusive(answer.reason, place.plain(answer.message), None, answer.hint))
        return {"answer": answer}

    def _forget_others(self, run: str) -> None:
        """Removes the files of other runs."""
        import shutil

        for name in os.listdir(self._top):
            path = os.path.join(self._top, name)
            if name not in (run, _CACHE) and os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)


class _Lines(Sequence[str]):
    """Lines without end: each is what the file holds when it is asked for."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, index: Any) -> Any:
        with open(self._path, encoding="ascii") as handle:
            return handle.read()


def _failed(line: str, error: MembarError) -> dict[str, Any]:
    reason = error.reason if isinstance(error, Inconclusive) else "engine"
    ended = any(how in error.message for how in ENDED)
    return {"inconclusive": [reason, error.message, error.hint], "ended": ended}


@contextmanager
def _own_cache(top: str | None) -> Iterator[None]:
    """Keeps what is compiled in a folder; None: in the cache of the user, as ever."""
    if top is None:
        yield
        return
    before = os.environ.get(_CACHE_VARIABLE)
    os.environ[_CACHE_VARIABLE] = os.path.join(top, _CACHE)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CACHE_VARIABLE]
        else:
            os.environ[_CACHE_VARIABLE] = before


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(1)


def _end_with_parent(number: int) -> None:
    """Has this process sent a signal when its parent ends, where the system knows of such a thing."""
    try:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(1, number)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError, ImportError):
        return


if __name__ == "__main__":
    main(sys.argv[1])
