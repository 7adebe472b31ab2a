"""Tasks done on this machine, to compare a cluster's answers with."""

from __future__ import annotations

from collections.abc import Sequence

from membar_check.diagnostics import Inconclusive
from membar_check.gate.bundle import Place
from membar_check.gate.executor import FOREVER, Answer, Answers, Limits, Task, do
from membar_check.workers import Work, run_tasks


class LocalExecutor:
    """Worker processes of this machine, forked for each run."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    def answers(self, tasks: Sequence[Task], limits: Limits) -> Answers:
        """As of :class:`membar_check.gate.executor.Executor`."""
        timeout = limits.timeout or FOREVER
        work: Work[Task, Answer] = Work(lambda task: do(task, Place()), _failed, timeout, limits.memory)
        yield from enumerate(run_tasks(tasks, work, self._jobs))

    def close(self) -> None:
        """There is nothing to let go of."""


def _failed(task: Task, error: Inconclusive) -> Answer:
    return error
