"""Tasks of the kind ``search``: whether any test of one shape tells two models apart.

The search for the smallest test asks shape after shape (accesses a thread, critical sections).  Of almost all there is
nothing to find, and to prove that is what takes the time: that is done by the tasks, all of them at once.  Where there
is something the search itself then asks for it as ever, so what it finds does not depend on who proved what.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from membar_check.diagnostics import Inconclusive
from membar_check.gate.bundle import Files, Place, pack_request, unpack_request
from membar_check.gate.digests import model_digest
from membar_check.gate.executor import Answer, Executor, Limits, Plain, Task
from membar_check.records import replace

if TYPE_CHECKING:
    from membar_check.engine.api import CheckOptions
    from membar_check.engine.models import ModelRequest
    from membar_check.synth.finder import Finder, Goal, Portion


class Sifting:
    """Finds out which portions of a search are empty, with an executor.

    Give :meth:`begin` to :func:`membar_check.synth.diff.compare_models`, and close this afterwards.
    """

    def __init__(self, executor: Executor, check: CheckOptions) -> None:
        self._executor = executor
        self._check = check
        self._answers = executor.answers((), Limits())
        self._goals: dict[Goal, int] = {}
        self._numbers: dict[Portion, int] = {}
        self._known: dict[int, Answer] = {}

    def begin(self, finder: Finder, goals: Sequence[Goal]) -> None:
        """Has all portions of a search sifted, from now on and instead of those before.

        Raises InputError where the models' files are gone.
        """
        portions = list(finder.portions(goals))
        self._answers.close()
        self._known = {}
        self._goals = {goal: number for number, goal in enumerate(goals)}
        self._numbers = {portion: number for number, portion in enumerate(portions)}
        tasks = [_task(finder, portion, goals, self._check) for portion in portions]
        self._answers = self._executor.answers(tasks, Limits(max(1.0, finder.deadline - time.monotonic())))
        finder.empty = self.empty

    def empty(self, portion: Portion, goal: Goal) -> bool:
        """Whether no test of the portion reaches the goal; False also where that could not be proved.

        Waits for the answer.  Raises InputError where the executor cannot go on.
        """
        number = self._numbers[portion]
        while number not in self._known:
            index, answer = next(self._answers)
            self._known[index] = answer
        answer = self._known[number]
        return not isinstance(answer, Inconclusive) and answer.get("empty", [])[self._goals[goal]] is True

    def close(self) -> None:
        """Gives up what is not done."""
        self._answers.close()


def _task(finder: Finder, portion: Portion, goals: Sequence[Goal], check: CheckOptions) -> Task:
    files = Files()
    bound = finder.bound
    data = {
        "requests": [pack_request(replace(model.request, dialect=finder.vocabulary.arch)) for model in finder.models],
        "digests": [model_digest(model) for model in finder.models],
        "arch": finder.vocabulary.arch,
        "bound": [bound.accesses, bound.threads, bound.locations, bound.sections],
        "portion": [list(portion[0]), portion[1]],
        "goals": [[goal.side, goal.flag] for goal in goals],
        "unroll": check.unroll,
        "engine": check.engine,
        "seconds": finder.deadline - time.monotonic(),
    }
    own = {name: text for model in finder.models for name, text in files.of_model(model).items()}
    return Task("search", data, own, small=False)


# --- the side that answers -------------------------------------------------------------------------------------------
def run(data: Plain, place: Place) -> Plain:
    """Asks for a test of the portion, goal by goal."""
    from membar_check.synth.finder import Goal, OutOfTime, Progress, Question

    until = time.monotonic() + min(data["seconds"], 1e9)
    finder, digests = _finder_for(data, place)
    if list(digests) != data["digests"]:
        raise Inconclusive("engine", "no answer: the models are not what they were when the search began")
    finder.progress, finder.deadline = Progress(), until
    goals = [Goal(side, flag) for side, flag in data["goals"]]
    sizes, brackets = data["portion"]
    empty = [False] * len(goals)
    try:
        question = Question(finder, tuple(sizes), brackets, goals)
        for number, goal in enumerate(goals):
            empty[number] = question.is_empty(goal)
    except OutOfTime:
        pass
    return {"empty": empty}


def _finder_for(data: Plain, place: Place) -> tuple[Finder, tuple[str, ...]]:
    requests = tuple(unpack_request(request, place) for request in data["requests"])
    return _finder(requests, data["arch"], tuple(data["bound"]), data["unroll"], data["engine"])


@lru_cache(maxsize=4)
def _finder(
    requests: tuple[ModelRequest, ...], arch: str, limits: tuple[int, ...], unroll: int, engine: str
) -> tuple[Finder, tuple[str, ...]]:
    """A finder for two models, and their digests."""
    from membar_check.engine.api import CheckOptions
    from membar_check.engine.models import get_model
    from membar_check.synth.diff import DiffOptions, confirmer
    from membar_check.synth.finder import Bound, Finder

    models = get_model(requests[0]), get_model(requests[1])
    bound = Bound(*limits)
    options = DiffOptions(bound, check=CheckOptions(unroll=unroll, engine=engine, hash=False))
    return Finder(models, arch, bound, confirmer(models, options)), tuple(model_digest(model) for model in models)
