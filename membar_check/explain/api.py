"""The one entrance to explanations: an outcome of a test under a model, explained whole."""

from __future__ import annotations

import time

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.api import CheckOptions
from membar_check.explain.allowed import choose, one_a_state, tell
from membar_check.explain.case import Case
from membar_check.explain.edits.table import load_table
from membar_check.explain.explanation import EditView, Explanation, SourceText
from membar_check.explain.forbidden import reasons
from membar_check.explain.whatif import question
from membar_check.litmus.syntax import LitmusTest
from membar_check.records import dataclass, replace
from membar_check.verdict import in_words


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """``outcome``: the number of a state, a class, a flag or a condition (None: the test's own); ``models``: those of
    the matrix; ``costs``: a table of edits of the user's; ``seconds``: for what is tried beyond the verdict,
    ``matrix_seconds`` for the matrix; ``edits``: at most so many are shown; ``others``: so many further executions;
    ``derive``: with a derivation for each pair of each relation of the executions told."""

    check: CheckOptions
    outcome: str | None = None
    models: tuple[str, ...] = ()
    costs: str | None = None
    seconds: float = 3.0
    edits: int = 8
    others: int = 8
    derive: bool = False
    matrix_seconds: float = 10.0


def open_case(test: LitmusTest, options: ExplainOptions) -> Case:
    """The test under the model, opened for the outcome asked about.  Raises as a check does."""
    return Case(test, options.check, options.outcome, options.derive)


def explain(test: LitmusTest, options: ExplainOptions) -> Explanation:
    """Raises InputError, Unsupported and Inconclusive as a check does; what there was no time for is named in
    ``Explanation.limits``."""
    return explain_case(open_case(test, options), options)


def explain_case(case: Case, options: ExplainOptions) -> Explanation:
    """What :func:`explain` says, of a case that :func:`open_case` made with the same options; errors alike."""
    return _Explainer(case, options).run()


def sources_of(test: LitmusTest) -> tuple[SourceText, ...]:
    """The test's file, and the headers of kernel C but those of the runtime."""
    headers = test.kernel.headers if test.kernel is not None else ()
    own = [SourceText(name, text) for name, text in headers if not name.startswith("<")]
    return (SourceText(test.source.name, test.source.text), *own)


class _Explainer:
    def __init__(self, case: Case, options: ExplainOptions) -> None:
        deadline = time.process_time() + options.seconds
        self.case = case
        self.options = options
        self.outcome = case.outcome()
        self.survey = case.survey(self.outcome)
        self.table = load_table(case.original.arch, options.costs)
        self.asked = question(case, self.outcome)
        self.deadline = max(deadline, time.process_time() + options.seconds / 3)
        self.limits: list[str] = []

    def run(self) -> Explanation:
        survey = self.survey
        if not survey.whole and not survey.allowed:
            self.limits.append("candidates that break coherence at one location, or the atomicity of one "
                               "read-modify-write, are not listed")  # fmt: skip
        head = self._head()
        if head.cut:
            self.limits.append("executions were cut at the unrolling bound; --unroll N looks further")
        whole = self._allowed(head) if survey.allowed else self._forbidden(head)
        return replace(whole, matrix=self._matrix(), limits=tuple(self.limits))

    def _head(self) -> Explanation:
        case, test, verdict, allowed = self.case, self.case.original, self.case.verdict, self.survey.allowed
        names = dict(case.model.traced().definitions) if allowed or self.survey.ruled_out else {}
        return Explanation(
            test.name, test.source.name, test.arch, case.model.name, case.named.title, verdict.condition_text,
            in_words(verdict), self.outcome.text, allowed, sources_of(test), verdict.states or (), verdict.classes,
            definitions=names, cut=verdict.loop and not allowed,
        )  # fmt: skip

    def _allowed(self, head: Explanation) -> Explanation:
        from membar_check.explain.suggest import advice, suggestions

        case = self.case
        told = tell(choose(case, self.survey.shown), head.outcome)
        hint = advice(told, self.outcome)
        edits, sentence = ([], "") if hint else suggestions(
            case, told, self.asked, self.table, self.options.edits, self.deadline
        )  # fmt: skip
        if sentence:
            self.limits.append(sentence)
        together = () if edits or hint else self._together()
        others = one_a_state(case, self.options.others, told.view.state)
        return replace(
            head, execution=told.view, timeline=told.timeline, story=told.story, gaps=told.gaps, axioms=told.axioms,
            edits=tuple(edits), together=together, advice=hint, others=tuple(others),
        )  # fmt: skip

    def _together(self) -> tuple[EditView, ...]:
        """The cheapest set of edits that forbids the outcome, if it is found in the time that is left."""
        from membar_check.explain.repair import repair

        options = self.options
        left = self.deadline - time.process_time()
        if left <= 0:
            return ()
        found = repair(
            self.case.original, options.check, (), table=self.table, outcome=options.outcome, limit=1, seconds=left
        )  # fmt: skip
        if not found.fixes:
            return ()
        return tuple(replace(edit, effects=found.fixes[0].effects) for edit in found.fixes[0].edits)

    def _forbidden(self, head: Explanation) -> Explanation:
        found = reasons(self.case, self.survey, self.asked, self.table, self.deadline)
        self.limits += found.limits
        first = found.groups[0].example if found.groups else None
        others = one_a_state(self.case, self.options.others)
        return replace(
            head, execution=first, timeline=found.timeline, groups=found.groups, core=found.core, others=tuple(others)
        )  # fmt: skip

    def _matrix(self) -> tuple[tuple[str, str], ...]:
        """What models say of the same outcome: ``options.models``, asked for as long as ``options.matrix_seconds``."""
        out: list[tuple[str, str]] = []
        deadline = time.process_time() + self.options.matrix_seconds
        for model in self.options.models:
            if model == self.case.model.name:
                out.append((model, _word(self.survey.allowed)))
                continue
            if time.process_time() > deadline:
                self.limits.append(f"the matrix stops before {model}: the time was over")
                break
            try:
                shown, _ = self.asked.answer(self.case.original, replace(self.options.check, model=model))
            except Inconclusive as reason:
                out.append((model, f"inconclusive: {reason.message}"))
            except InputError as error:
                out.append((model, f"cannot say: {error.message}"))
            else:
                out.append((model, _word(shown)))
        return tuple(out)


def _word(shown: bool) -> str:
    return "allowed" if shown else "forbidden"
