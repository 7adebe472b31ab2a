"""Worker processes: order, limits, deaths.  The work is faked; the processes are real."""

from __future__ import annotations

import faulthandler
import os
import signal
import time

import pytest

from membar_check.diagnostics import Inconclusive, InputError, MembarError, Source, Span
from membar_check.workers import Work, run_tasks

Answer = tuple[str, object]


def failed(task: str, error: MembarError) -> Answer:
    return task, error


def work(task: str) -> Answer:
    """Does what the task says."""
    verb, _, rest = task.partition(" ")
    if verb == "sleep":
        time.sleep(float(rest))
    elif verb == "stubborn":  # swallows the alarm once
        try:
            time.sleep(5)
        except Inconclusive:
            time.sleep(5)
    elif verb == "deaf":  # as native code that never comes back
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(20)
    elif verb == "die":
        faulthandler.disable()
        os.kill(os.getpid(), int(rest))
    elif verb == "exit":
        os._exit(int(rest))
    elif verb == "eat":
        _ = bytearray(int(rest) << 20)
    elif verb == "raise":
        return task, Inconclusive("engine", rest, Span(Source("f", "abc"), 0, 1))
    elif verb == "large":
        return task, "x" * int(rest)
    elif verb == "pid":
        return task, os.getpid()
    return task, "done"


def run(tasks: list[str], jobs: int, timeout: float | None = None, memory: int | None = None) -> list[Answer]:
    return list(run_tasks(tasks, Work(work, failed, timeout, memory), jobs))


def test_answers_come_in_order_whoever_is_first() -> None:
    tasks = ["sleep 0.2", "quick 1", "sleep 0.05", "quick 2"]
    assert [task for task, _ in run(tasks, 2)] == tasks


def test_everything_stays_in_this_process_without_need() -> None:
    assert run(["pid"], 1) == [("pid", os.getpid())]
    assert run(["pid"], 2) != [("pid", os.getpid())]
    assert run([], 4) == []


def test_large_answers_and_errors_travel_whole() -> None:
    answers = run(["large 3000000", "raise no way"], 2)
    assert len(str(answers[0][1])) == 3000000
    error = answers[1][1]
    assert isinstance(error, Inconclusive)
    assert (error.reason, error.message) == ("engine", "no way")
    assert error.span is not None and error.span.where() == "f:1:1"


@pytest.mark.parametrize("slow", ["sleep 5", "stubborn", "deaf"])
def test_time_outs(slow: str) -> None:
    start = time.monotonic()
    answers = run(["quick", slow, "quick"], 1, timeout=0.2)
    assert [answers[0][1], answers[2][1]] == ["done", "done"]
    error = answers[1][1]
    assert isinstance(error, Inconclusive) and error.reason == "time-out"
    assert "0.2 s" in error.message
    assert time.monotonic() - start < 4


def test_a_worker_is_used_again_but_not_after_a_time_out() -> None:
    answers = run(["pid", "pid ", "sleep 5", "pid  "], 1, timeout=0.3)
    first, second, _, third = (answer for _, answer in answers)
    assert first == second != third


def test_memory_limit() -> None:
    answers = run(["eat 10", "eat 900", "eat 10"], 1, memory=200)
    assert [answers[0][1], answers[2][1]] == ["done", "done"]
    error = answers[1][1]
    assert isinstance(error, Inconclusive) and error.reason == "memory"
    assert "200 MiB" in error.message


@pytest.mark.parametrize(
    ("death", "words"),
    [
        (f"die {signal.SIGSEGV}", "by SIGSEGV"),
        (f"die {signal.SIGKILL}", "by SIGKILL"),
        ("exit 3", "with status 3"),
    ],
)
def test_a_death_costs_one_answer(death: str, words: str) -> None:
    answers = run(["quick 1", death, "quick 2", "quick 3"], 2)
    assert [answer for task, answer in answers if task != death] == ["done"] * 3
    error = answers[1][1]
    assert isinstance(error, Inconclusive) and error.reason == "engine"
    assert words in error.message


def test_closing_the_iterator_kills_the_workers() -> None:
    answers = run_tasks(["pid", "sleep 30"], Work(work, failed), 2)
    _, pid = next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert isinstance(pid, int)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_errors_of_any_class_travel() -> None:
    def raises(task: str) -> Answer:
        return task, InputError("wrong", hint="mend it")

    ((_, error),) = run_tasks(["x"], Work(raises, failed), 2)
    assert isinstance(error, InputError) and error.hint == "mend it"
