"""Two models on given tests: which final states, verdicts and flags each has."""

from __future__ import annotations

from collections.abc import Iterable

from membar_check.diagnostics import Inconclusive, InputError, MembarError
from membar_check.engine.api import CheckOptions, lower_for, make_verdict
from membar_check.engine.choose import run_engine
from membar_check.engine.models import Model
from membar_check.engine.tally import Goal
from membar_check.events.build import build
from membar_check.litmus.syntax import LitmusTest
from membar_check.records import dataclass, replace
from membar_check.verdict import Verdict

EQUAL, WEAKER, STRONGER, INCOMPARABLE, UNKNOWN = "equal", "weaker", "stronger", "incomparable", "unknown"


@dataclass(frozen=True, slots=True)
class TestComparison:
    """One test under both models.

    ``old``, ``new``: the verdict's words; ``relation``: whether the new model allows more final states (weaker), fewer
    (stronger), or some of each; ``flags``: whether the flags (or kernel C's classes of outcome) differ; ``reason``: why
    there is no answer, "" if there is one; ``inconclusive``: for want of time or space, or because executions were cut
    at the unrolling bound and nothing differs up to there; ``broken``: what is wrong with the test, as it is printed.
    """

    __test__ = False

    test: str
    file: str
    old: str
    new: str
    relation: str
    flags: bool
    reason: str = ""
    inconclusive: bool = False
    broken: str = ""

    @property
    def changed(self) -> bool:
        """Whether the models' answers differ at all."""
        return self.relation != UNKNOWN and (self.relation != EQUAL or self.flags or self.old != self.new)


def judge(test: LitmusTest, model: Model, options: CheckOptions, reach: bool = False) -> Verdict:
    """The verdict of a parsed test under a loaded model; ``reach``: only whether the condition is reached.  Errors as
    :func:`membar_check.engine.api.check_test`."""
    structure = build(lower_for(test, model, options), options.unroll, model.registers)
    answer = run_engine(options.engine, model, structure, Goal(not reach, False, reach))
    return make_verdict(structure.program, model, answer, replace(options, reach=reach))


def compare_test(test: LitmusTest, models: tuple[Model, Model], options: CheckOptions) -> TestComparison:
    """Both models' answers for one test.  What cannot be answered is said in the result."""
    words: list[str] = []
    verdicts: list[Verdict] = []
    for model in models:
        try:
            verdict = judge(test, model, options)
        except MembarError as error:
            words = [*words, "no answer", "not asked"][:2]
            return TestComparison(
                test.name, test.source.name, words[0], words[1], UNKNOWN, False, f"{model.name}: {error.message}",
                isinstance(error, Inconclusive), error.render() if isinstance(error, InputError) else "",
            )  # fmt: skip
        verdicts.append(verdict)
        words.append(" ".join([verdict.word, verdict.observation.value, *_flags(verdict)]))
    old, new = verdicts
    relation = relation_of(frozenset(old.states or ()), frozenset(new.states or ()))
    told = TestComparison(test.name, test.source.name, words[0], words[1], relation, _flags(old) != _flags(new))
    if told.changed or not (old.loop or new.loop):
        return told
    cut = f"executions are cut at the unrolling bound of {options.unroll}, up to which nothing differs"
    return replace(told, relation=UNKNOWN, reason=cut, inconclusive=True)


def _flags(verdict: Verdict) -> tuple[str, ...]:
    return (*verdict.flags, *(("undefined",) if verdict.undefined else ()), *verdict.classes)


def relation_of(old: frozenset[object], new: frozenset[object]) -> str:
    """What the new model is, compared with the old one, by what they allow."""
    if old == new:
        return EQUAL
    if old < new:
        return WEAKER
    return STRONGER if new < old else INCOMPARABLE


def together(relations: Iterable[str]) -> str:
    """What several relations amount to; unknown ones and equal ones take nothing away from the others."""
    found = set(relations) - {EQUAL, UNKNOWN}
    if not found:
        return EQUAL
    return found.pop() if len(found) == 1 else INCOMPARABLE
